"""Which secrets of a configuration a page shows: those of an API only to users who may edit that API."""

from collections.abc import Mapping
from typing import Any

from dashboard.permissions import Request
from gatewayapp.core.limits import camel
from gatewayapp.core.roles import Permission
from gatewayapp.models import Document
from gatewayapp.models.redaction import redactor


def readable_document(request: Request, api_id: str, document: Mapping[str, Any]) -> Document:
    """A resource of the API in wire form, as this user may read it."""
    return dict(document) if request.access.may(Permission.WRITE_APIS, api_id) else redactor().document(document)


def readable_members(request: Request, api_id: str, members: Mapping[str, Any]) -> Document:
    """The same for members under their keywords."""
    if request.access.may(Permission.WRITE_APIS, api_id):
        return dict(members)
    return {name: redactor().member(camel(name), value) for name, value in members.items()}
