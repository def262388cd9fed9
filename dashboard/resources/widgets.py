"""The one widget that Django has not: rows of several controls, for maps.

It works without scripts: there is always an empty row, a row without a key is nothing, and a button of the form asks
for another. With scripts `static/js/rows.js` adds and removes rows at once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.template.loader import render_to_string
from django.utils.datastructures import MultiValueDict
from django.utils.safestring import SafeString, mark_safe

MORE = "more-rows"
"""The name of the buttons that ask for another row; their value is the name of the field."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One control of a row: a select where it has `choices`, a text area where it is `long`."""

    name: str
    label: str
    long: bool = False
    choices: tuple[tuple[str, str], ...] = ()


class RowsWidget(forms.Widget):
    """Rows as a list of mappings from slot names to texts."""

    def __init__(self, slots: tuple[Slot, ...], attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs)
        self.slots = slots

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> list[dict[str, str]]:
        assert isinstance(data, MultiValueDict)
        columns = [data.getlist(f"{name}-{slot.name}") for slot in self.slots]
        names = [slot.name for slot in self.slots]
        rows = [dict(zip(names, map(str, values), strict=True)) for values in zip(*columns, strict=False)]
        kept = [row for row in rows if any(row[slot.name].strip() for slot in self.slots if not slot.choices)]
        return [*kept, *([dict.fromkeys(names, "")] if data.get(MORE) == name else [])]

    def value_omitted_from_data(self, data: Mapping[str, Any], files: Any, name: str) -> bool:
        return f"{name}-{self.slots[0].name}" not in data

    def render(self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None) -> SafeString:
        rows = [self._row(name, row) for row in (*(value or ()), {})]
        described = (attrs or {}).get("aria-describedby", "")
        context = {"name": name, "rows": rows, "slots": self.slots, "more": MORE, "described": described}
        return mark_safe(render_to_string("components/rows.html", context))  # noqa: S308  (a template's output)

    def _row(self, name: str, row: Mapping[str, str]) -> list[dict[str, Any]]:
        return [{"slot": slot, "name": f"{name}-{slot.name}", "value": row.get(slot.name, "")} for slot in self.slots]
