"""The audit log as people read it: which entries, and where in the dashboard what they speak of is."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django import forms
from django.db.models import Q, QuerySet
from django.urls import NoReverseMatch, reverse

from dashboard.resources.diffs import Line, lines_between
from gatewayapp.controlplane.operations.audit_entries import get_audit_entries
from gatewayapp.core.roles import Access, Permission
from gatewayapp.models import AuditEntry


class MomentField(forms.DateTimeField):
    """A moment that has a time in UTC: of an address with another time zone, the first and the last year may not."""

    def to_python(self, value: Any) -> datetime | None:
        moment = super().to_python(value)
        try:
            return None if moment is None else moment.astimezone(UTC)
        except OverflowError as error:
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid") from error


class AuditFilter(forms.Form):
    """Which entries are asked for; all that is given holds."""

    object = forms.CharField(required=False, max_length=1024, label="Object", help_text="An id, a path or an ARN.")
    person = forms.CharField(required=False, max_length=256, label="Who", help_text="A user, a key or a token.")
    operation = forms.CharField(required=False, max_length=64, label="Operation", help_text="Such as UpdateRoute.")
    since = MomentField(required=False, label="From (UTC)")
    until = MomentField(required=False, label="Until (UTC)")

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        for name in ("since", "until"):
            self.fields[name].widget = forms.DateTimeInput({"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
        for name in ("object", "person", "operation"):
            self.fields[name].widget.attrs |= {"autocomplete": "off", "spellcheck": "false"}

    def entries(self, access: Access) -> "QuerySet[AuditEntry]":
        """Those that `access` may read; none while what was asked for makes no sense."""
        entries = get_audit_entries()
        api_ids = access.apis_with(Permission.READ_AUDIT)
        if api_ids is not None:
            entries = entries.filter(api_id__in=api_ids)
        return entries.filter(self._conditions()) if self.is_valid() else entries.none()

    def _conditions(self) -> Q:
        given: Mapping[str, Any] = self.cleaned_data
        conditions = Q()
        if given["object"]:
            conditions &= Q(resource__icontains=given["object"])
        if given["person"]:
            conditions &= Q(actor_name__icontains=given["person"]) | Q(actor_id=given["person"])
        if given["operation"]:
            conditions &= Q(action__icontains=given["operation"])
        if given["since"]:
            conditions &= Q(at__gte=given["since"])
        if given["until"]:
            conditions &= Q(at__lte=given["until"])
        return conditions


@dataclass(frozen=True, slots=True)
class Row:
    """An entry for people: the path of its object, what differs, and the page of the object if it has one."""

    entry: AuditEntry
    path: str
    url: str
    word: str
    tone: str
    lines: tuple[Line, ...]


def row_of(entry: AuditEntry) -> Row:
    path = entry.resource.partition("::")[2]
    word, tone = _kind_of(entry)
    url = "" if word == "deleted" else _page_of(path)
    return Row(entry, path, url, word, tone, lines_between(entry.before, entry.after))


def _kind_of(entry: AuditEntry) -> tuple[str, str]:
    if entry.before is None:
        return ("created", "good") if entry.action.startswith(("Create", "Import")) else ("done", "info")
    return ("changed", "info") if entry.after is not None else ("deleted", "bad")


_PAGES: Mapping[tuple[str, ...], str] = {
    ("apis",): "api",
    ("apis", "authorizers"): "authorizers-detail",
    ("apis", "deployments"): "deployments-detail",
    ("apis", "integrations"): "integrations-detail",
    ("apis", "integrations", "integrationresponses"): "integrations-responses-detail",
    ("apis", "models"): "models-detail",
    ("apis", "routes"): "routes-detail",
    ("apis", "routes", "routeresponses"): "routes-responses-detail",
    ("apis", "stages"): "stages-detail",
    ("domainnames",): "domains-detail",
    ("domainnames", "apimappings"): "domains-mappings-detail",
}
"""Pages by the collections on the way to an object."""


def _page_of(path: str) -> str:
    segments = path.strip("/").split("/")
    name = _PAGES.get(tuple(segments[::2]))
    try:
        return reverse(name, args=segments[1::2]) if name and len(segments) % 2 == 0 else ""
    except NoReverseMatch:
        return ""
