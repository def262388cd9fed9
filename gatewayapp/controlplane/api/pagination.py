"""Pages of a list: `maxResults` and `nextToken`, both strings on the wire.

A token names the last resource of its page, so that a page is right whatever was added or deleted in between.
"""

import base64
from datetime import UTC, datetime
from typing import Any

import orjson
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet

from gatewayapp.controlplane.operations import BadRequest
from gatewayapp.core.nul import contains_nul
from gatewayapp.models import Resource

PAGE_SIZE = 500
"""Also without maxResults, since several clients read the first page only."""


def page(
    resources: "QuerySet[Any]", max_results: str | None, next_token: str | None
) -> "tuple[list[Resource], str | None]":
    """The resources of a page and the token of the next one. Raises BadRequest."""
    size = _size(max_results)
    if next_token:
        resources = resources.filter(_after(resources, next_token))
    found: list[Any] = list(resources.order_by("created_date", "pk")[: size + 1])
    return found[:size], _token(found[size - 1]) if len(found) > size else None


def read_moment(text: Any) -> datetime:
    """An ISO 8601 time with a time zone, converted to UTC. Raises ValueError or TypeError."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a moment without a time zone")
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:  # near the first or the last year
        raise ValueError(f"not a moment in UTC: {text}") from error


def _size(max_results: str | None) -> int:
    if max_results is None:
        return PAGE_SIZE
    if not (max_results.isascii() and max_results.isdigit() and 0 < len(max_results) < 10 and int(max_results) > 0):
        raise BadRequest(f"Invalid maxResults {max_results!r}: it is a number from 1 to {PAGE_SIZE}.")
    return min(int(max_results), PAGE_SIZE)


def _token(last: Any) -> str:
    return base64.urlsafe_b64encode(orjson.dumps([last.created_date.isoformat(), last.pk])).decode()


def _after(resources: "QuerySet[Any]", token: str) -> Q:
    try:
        created, key = values = orjson.loads(base64.urlsafe_b64decode(token))
        if contains_nul(values):
            raise ValueError("a NUL character")
        moment = read_moment(created)
        key = resources.model._meta.pk.to_python(key)
    except (ValueError, TypeError, ValidationError) as error:
        raise BadRequest("Invalid nextToken: take it from the page before, unchanged.") from error
    return Q(created_date__gt=moment) | Q(created_date=moment, pk__gt=key)
