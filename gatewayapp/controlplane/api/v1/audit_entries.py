"""The audit log: who changed what, when and from where, with what was before and after."""

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from gatewayapp.controlplane.api.v1.pagination import newest_first
from gatewayapp.controlplane.api.v1.permissions import check_api
from gatewayapp.controlplane.api.v1.schema import endpoint
from gatewayapp.controlplane.api.v1.shapes import PageQuery, Shape, page_of
from gatewayapp.controlplane.api.v1.views import View
from gatewayapp.controlplane.operations.audit_entries import get_audit_entries
from gatewayapp.controlplane.operations.errors import NotFound
from gatewayapp.core.roles import Permission
from gatewayapp.models import AuditEntry, Document

_TEXT: Any = {"required": False}


class AuditQuery(PageQuery):
    api_id = serializers.CharField(max_length=10, **_TEXT)
    action = serializers.CharField(max_length=64, help_text="Such as UpdateRoute.", **_TEXT)
    actor_kind = serializers.ChoiceField(["access-key", "token", "user", "command"], **_TEXT)
    actor_id = serializers.CharField(max_length=128, **_TEXT)
    resource = serializers.CharField(max_length=1024, help_text="An ARN.", **_TEXT)
    since = serializers.DateTimeField(required=False)
    until = serializers.DateTimeField(required=False)


class ActorShape(Shape):
    kind = serializers.CharField()
    id = serializers.CharField()
    name = serializers.CharField()


class AuditEntryShape(Shape):
    at = serializers.DateTimeField()
    actor = ActorShape()
    source_address = serializers.CharField(allow_blank=True)
    action = serializers.CharField()
    resource = serializers.CharField()
    before = serializers.DictField(allow_null=True, help_text="The resource before; null if it was made.")
    after = serializers.DictField(allow_null=True, help_text="The resource after; null if it was deleted.")


class AuditEntriesView(View):
    @endpoint(
        "ListAuditEntries", "Read the audit log, the latest first", query=AuditQuery, answer=page_of(AuditEntryShape)
    )
    def get(self, request: Request) -> Response:
        query = self.query(AuditQuery)
        size, cursor = query.pop("page_size"), query.pop("cursor", None)
        if "api_id" in query:
            nothing = NotFound(f"There is no API {query['api_id']}.", resourceType="Api")
            check_api(self.access, Permission.READ_AUDIT, query["api_id"], nothing)
        entries: Any = get_audit_entries()
        visible = self.access.apis_with(Permission.READ_AUDIT)
        if visible is not None:
            entries = entries.filter(api_id__in=visible)
        entries = entries.filter(**{_LOOKUPS.get(name, name): value for name, value in query.items()})
        page, cursor = newest_first(entries, "at", cursor, size)
        return Response({"items": [entry_document(entry) for entry in page], "nextCursor": cursor})


_LOOKUPS = {"since": "at__gte", "until": "at__lte"}


def entry_document(entry: AuditEntry) -> Document:
    """An entry as callers and exports get it."""
    return {
        "at": entry.at.isoformat().replace("+00:00", "Z"),
        "actor": {"kind": entry.actor_kind, "id": entry.actor_id, "name": entry.actor_name},
        "sourceAddress": entry.source_address,
        "action": entry.action,
        "resource": entry.resource,
        "before": entry.before,
        "after": entry.after,
    }
