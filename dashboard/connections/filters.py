"""Which connections the list shows: what its address says, as conditions, as fields and as chips."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.http import QueryDict
from django.urls import reverse

from dashboard.texts import cut, spelled
from gatewayapp.core.networks import key_range
from gatewayapp.live import ConnectionFilter

SIZES = (25, 50, 100)
_MOST_IDS = 100
_LONGEST_AGENT = 256
_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s?)?", re.ASCII)
_UNITS = (86_400, 3_600, 60, 1)
_MOST_SECONDS = 10**9


class DurationField(forms.Field):
    """Seconds, typed as `90`, `45s`, `10m` or `1h30m`."""

    def to_python(self, value: Any) -> float | None:
        text = "".join(str(value or "").lower().split())
        if not text:
            return None
        found = _DURATION.fullmatch(text)
        seconds = sum(int(part or 0) * unit for part, unit in zip(found.groups(), _UNITS, strict=True)) if found else -1
        if not 0 <= seconds <= _MOST_SECONDS:
            raise forms.ValidationError("Give a time such as 45s, 10m or 1h30m.")
        return float(seconds)


class FilterForm(forms.Form):
    """The fields of the filter bar; their names are those in the address."""

    id = forms.CharField(label="Connection id", max_length=4400)
    api = forms.ChoiceField(label="API")
    stage = forms.CharField(label="Stage", max_length=128)
    principal = forms.CharField(label="Principal", max_length=256)
    ip = forms.CharField(label="Source IP", max_length=64)
    agent = forms.CharField(label="User agent contains", max_length=_LONGEST_AGENT)
    older = DurationField(label="Older than")
    younger = DurationField(label="Younger than")
    idle = DurationField(label="Idle longer than")
    active = DurationField(label="Idle shorter than")
    errors = forms.BooleanField(label="Has errors")  # type: ignore[assignment]  # Form.errors stays what it is
    slow = forms.BooleanField(label="Slow consumer")

    def __init__(self, data: QueryDict, apis: Mapping[str, str]) -> None:
        super().__init__(data, auto_id="filter-%s")
        for name, field in self.fields.items():
            field.required = False
            if name in _PLACEHOLDERS:
                field.widget.attrs["placeholder"] = _PLACEHOLDERS[name]
                field.widget.attrs["autocomplete"] = "off"
                field.widget.attrs["spellcheck"] = "false"
        self.fields["stage"].widget.attrs["list"] = "stages"
        chosen = data.get("api", "")
        unknown = {chosen: chosen} if chosen and chosen not in apis else {}
        names = {api_id: f"{name} ({api_id})" for api_id, name in apis.items()}
        self.fields["api"] = forms.ChoiceField(
            label="API", required=False, choices=[("", "All APIs"), *names.items(), *unknown.items()]
        )

    def clean_ip(self) -> str:
        network: str = self.cleaned_data["ip"]
        try:
            if network:
                key_range(network)
        except ValueError as error:
            raise forms.ValidationError("Give an address, or a network such as 192.0.2.0/24.") from error
        return network

    def clean_id(self) -> str:
        ids = [each.strip() for each in self.cleaned_data["id"].split(",") if each.strip()]
        if len(ids) > _MOST_IDS:
            raise forms.ValidationError(f"Give at most {_MOST_IDS} ids.")
        if len(ids) > 1 and any(each.endswith("*") for each in ids):
            raise forms.ValidationError("Give several whole ids, or the first characters of one and *.")
        return ",".join(ids)


_PLACEHOLDERS = {
    "id": "abc… or abc*",
    "stage": "Any",
    "principal": "user-1 or user-*",
    "ip": "192.0.2.7 or 192.0.2.0/24",
    "agent": "Firefox",
    "older": "10m",
    "younger": "1h30m",
    "idle": "5m",
    "active": "30s",
}
FIRST = ("id", "api", "stage", "principal", "ip")
MORE = ("agent", "older", "younger", "idle", "active")
CHECKS = ("errors", "slow")
"""The fields in their places: those in sight, and two kinds that one opens."""


@dataclass(frozen=True, slots=True)
class Chip:
    """A condition in force, and the list without it."""

    label: str
    value: str
    without: str


class Query:
    """The list's address: the conditions in force, the order, the size, whether it is live."""

    def __init__(self, form: FilterForm, data: QueryDict) -> None:
        self.form = form
        self.is_valid = form.is_valid()
        self._given = {name: value for name in form.fields if (value := data.get(name, "").strip())}
        self.size = _size(data.get("size", ""))
        self.oldest_first = data.get("sort") == "oldest"
        self.live = data.get("live") != "off"
        self.after, self.before = data.get("after"), data.get("before")

    @property
    def where(self) -> ConnectionFilter:
        """The conditions; of a valid form only."""
        said = self.form.cleaned_data
        ids, principal = said["id"], said["principal"]
        return ConnectionFilter(
            api_id=said["api"],
            stage=said["stage"],
            source_ip=said["ip"],
            connection_ids=() if ids.endswith("*") or not ids else tuple(ids.split(",")),
            connection_id_prefix=ids[:-1] if ids.endswith("*") else "",
            principal_id="" if principal.endswith("*") else principal,
            principal_id_prefix=principal[:-1] if principal.endswith("*") else "",
            user_agent=said["agent"],
            min_age=said["older"],
            max_age=said["younger"],
            min_idle=said["idle"],
            max_idle=said["active"],
            has_errors=True if said["errors"] else None,
            slow_consumer=True if said["slow"] else None,
        )

    @property
    def conditions(self) -> str:
        """The conditions alone, as a query string."""
        return urlencode(self._given)

    @property
    def settings(self) -> dict[str, str]:
        """What is not a condition, and stays when conditions change."""
        size = {"size": str(self.size)} if self.size != SIZES[1] else {}
        sort = {"sort": "oldest"} if self.oldest_first else {}
        live = {} if self.live else {"live": "off"}
        return {**size, **sort, **live}

    @property
    def has_more(self) -> bool:
        """Whether a condition is in force, or wrong, whose field is hidden at first."""
        return any(name in self._given for name in MORE + CHECKS)

    def url(self, **changes: str) -> str:
        """The list's first page with changes to its address; an empty value takes something out."""
        values = {**self._given, **self.settings, **changes}
        names = [*self.form.fields, *(name for name in values if name not in self.form.fields)]
        query = urlencode({name: values[name] for name in names if values.get(name)})
        return reverse("connections") + (f"?{query}" if query else "")

    def chips(self, apis: Mapping[str, str]) -> Iterator[Chip]:
        for name, value in self._given.items():
            shown = "" if name in CHECKS else apis.get(value, value) if name == "api" else value
            yield Chip(str(self.form.fields[name].label), cut(spelled(shown), 60), self.url(**{name: ""}))

    @property
    def without_conditions(self) -> str:
        return self.url(**dict.fromkeys(self._given, ""))


def only_agent(agent: str) -> str:
    """What a condition on this user agent says."""
    return agent[:_LONGEST_AGENT]


def _size(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and int(text) in SIZES else SIZES[1]
