"""What every configuration model shares: ids as AWS draws them, and `document()`, its form on the wire.

Members bear AWS's names: snake_case here, lower camel case in a document. What is not set is left out of a document.
"""

import secrets
import string
from datetime import UTC, datetime
from typing import Any, ClassVar

from django.db import models

from gatewayapp.core.limits import camel

Document = dict[str, Any]
"""A resource as JSON: lower camel case members, keys of maps as the user wrote them."""

_ALPHABET = string.ascii_lowercase + string.digits


class Resource(models.Model):
    """A part of the configuration; `MEMBERS` is its wire form, of which `ALWAYS` stand even when they are empty."""

    MEMBERS: ClassVar[tuple[str, ...]] = ()
    ALWAYS: ClassVar[frozenset[str]] = frozenset()

    class Meta:
        abstract = True

    def document(self) -> Document:
        """The resource as the management API answers it and as a deployment freezes it."""
        values = {name: getattr(self, name) for name in self.MEMBERS}
        return {
            camel(name): _wire(value)
            for name, value in values.items()
            if name in self.ALWAYS or value not in (None, "", {}, [])
        }


def timestamp(moment: datetime) -> str:
    """ISO 8601 in UTC to the second, such as `2026-11-22T07:46:59Z`; SDKs refuse numbers here."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def new_api_id() -> str:
    return _random(10)


def new_id() -> str:
    return _random(7)


def new_deployment_id() -> str:
    return _random(6)


def _random(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def _wire(value: Any) -> Any:
    return timestamp(value) if isinstance(value, datetime) else value
