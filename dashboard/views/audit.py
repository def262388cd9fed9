"""The audit log: who changed what, when and from where, page by page, and as JSON lines."""

import json
from collections.abc import AsyncIterator, Iterator

from django.core.handlers.asgi import ASGIRequest
from django.db.models import QuerySet
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.http import urlencode

from dashboard.audit import AuditFilter, row_of
from dashboard.permissions import Request, page
from dashboard.rendering import render_page
from gatewayapp.controlplane.api.v1.audit_entries import entry_document
from gatewayapp.controlplane.api.v1.pagination import newest_first
from gatewayapp.controlplane.api.v1.permissions import on_some
from gatewayapp.core.roles import Permission
from gatewayapp.models import AuditEntry

ENTRIES = 50


@page(read=on_some(Permission.READ_AUDIT))
def audit(request: Request) -> HttpResponse:
    form = AuditFilter(request.GET)
    found, cursor = newest_first(form.entries(request.access), "at", request.GET.get("cursor"), ENTRIES)
    asked = {name: value for name in form.fields if (value := request.GET.get(name, ""))}
    context = {
        "form": form,
        "rows": [row_of(entry) for entry in found],
        "is_filtered": bool(asked),
        "is_first": "cursor" not in request.GET,
        "first": f"?{urlencode(asked)}",
        "next": f"?{urlencode({**asked, 'cursor': cursor})}" if cursor else "",
        "query": urlencode(asked),
    }
    return render_page(request, "dashboard/audit/audit.html", "dashboard/audit/_entries.html", context)


@page(read=on_some(Permission.READ_AUDIT))
def audit_export(request: Request) -> HttpResponseBase:
    """All that the filter finds, one entry a line, the latest first."""
    entries = AuditFilter(request.GET).entries(request.access)
    lines = _lines_apart(entries) if isinstance(request, ASGIRequest) else _lines(entries)
    headers = {"Content-Disposition": 'attachment; filename="audit-log.jsonl"'}
    return StreamingHttpResponse(lines, content_type="application/x-ndjson", headers=headers)


def _lines(entries: "QuerySet[AuditEntry]") -> Iterator[str]:
    for entry in entries.iterator(chunk_size=500):
        yield _line(entry)


async def _lines_apart(entries: "QuerySet[AuditEntry]") -> AsyncIterator[str]:
    """The same for the event loop, which waits for each part."""
    async for entry in entries.aiterator(chunk_size=500):
        yield _line(entry)


def _line(entry: AuditEntry) -> str:
    return json.dumps(entry_document(entry), ensure_ascii=False) + "\n"
