"""What operations on resources share: finding one, changing one, and the quotas of an API."""

from collections.abc import Mapping
from typing import Any, TypeVar

from django.db.models import QuerySet

from gatewayapp.controlplane.operations.errors import NotFound, TooMany
from gatewayapp.models import Resource

R = TypeVar("R", bound=Resource)


def find(resources: "QuerySet[R]", message: str, **key: str) -> R:
    """The one resource with `key`. Raises NotFound with `message`."""
    resource = resources.filter(**key).first()
    if resource is None:
        raise NotFound(message, resourceType=resources.model.__name__.replace("ApiModel", "Model"))
    return resource


def assign(resource: R, values: Mapping[str, Any]) -> R:
    """Give the resource `values`, already checked, without saving it."""
    for name, value in values.items():
        setattr(resource, name, value)
    return resource


def check_quota(resources: "QuerySet[R]", most: int, name: str) -> None:
    """Raises TooMany where there is no room for another resource."""
    if resources.count() >= most:
        raise TooMany(f"The maximum number of {name} is reached: {most}. Delete one to make room.", limitType=name)
