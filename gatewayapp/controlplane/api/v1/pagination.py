"""Keyset pages: a cursor names the last item of its page, so a page is right whatever came or went in between."""

import base64
from datetime import datetime
from typing import Any

import orjson
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet

from gatewayapp.controlplane.api.pagination import read_moment
from gatewayapp.controlplane.operations.errors import BadRequest
from gatewayapp.core.nul import contains_nul


def newest_first(rows: "QuerySet[Any]", key: str, cursor: str | None, size: int) -> tuple[list[Any], str | None]:
    """The rows of a page, by falling `key` (a moment) and key, and the next page's cursor. Raises BadRequest."""
    if cursor:
        moment, primary_key = _moment_and_key(rows, cursor)
        rows = rows.filter(Q(**{f"{key}__lt": moment}) | Q(**{key: moment, "pk__lt": primary_key}))
    found = list(rows.order_by(f"-{key}", "-pk")[: size + 1])
    last = found[size - 1] if len(found) > size else None
    return found[:size], None if last is None else encode(getattr(last, key).isoformat(), last.pk)


def encode(*values: object) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(values)).decode()


def decode(cursor: str) -> list[Any]:
    """The two values that a cursor was made of. Raises BadRequest."""
    try:
        values = orjson.loads(base64.urlsafe_b64decode(cursor))
    except ValueError as error:
        raise invalid_cursor() from error
    if not isinstance(values, list) or len(values) != 2 or contains_nul(values):
        raise invalid_cursor()
    return values


def invalid_cursor() -> BadRequest:
    return BadRequest("Invalid cursor: take nextCursor from the page before, unchanged.")


def _moment_and_key(rows: "QuerySet[Any]", cursor: str) -> tuple[datetime, Any]:
    moment, key = decode(cursor)
    try:
        parsed = read_moment(moment)
        primary_key = rows.model._meta.pk.to_python(key)
    except (TypeError, ValueError, ValidationError) as error:
        raise invalid_cursor() from error
    if not isinstance(key, int | str):
        raise invalid_cursor()
    return parsed, primary_key
