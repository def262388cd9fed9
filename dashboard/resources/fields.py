"""How a member of a resource is written in a form and read from it.

What a member may hold is not said here: each value goes through the member's own rule, so that a form refuses in the
operation's words, at the field, all fields at once.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from dashboard.resources.widgets import RowsWidget, Slot
from gatewayapp.controlplane.operations.errors import BadRequest
from gatewayapp.controlplane.operations.members import Rule
from gatewayapp.core.limits import camel
from gatewayapp.models.redaction import redactor

Choices = Iterable[tuple[str, str]]


@dataclass(frozen=True)
class Field:
    """A member, or with `key` one value inside a member that is an object.

    `types` are the integration types that have it; empty: all. With `fixed` it cannot be changed later.
    """

    member: str
    label: str
    help: str = ""
    key: str = ""
    required: bool = False
    fixed: bool = False
    types: tuple[str, ...] = ()
    wide: bool = False
    placeholder: str = ""
    merges: bool = False
    """Whether an update merges the map, so that what is taken out must be sent as empty."""

    @property
    def name(self) -> str:
        return f"{self.member}__{self.key}" if self.key else self.member

    @property
    def wire_name(self) -> str:
        return f"{camel(self.member)}.{self.key}" if self.key else camel(self.member)

    def read(self, values: Mapping[str, Any]) -> Any:
        """This field's value among those of a resource's members."""
        value = values.get(self.member)
        if not self.key:
            return value
        return value.get(self.key) if isinstance(value, Mapping) else None

    def written(self, value: Any) -> Any:
        """The value as the widget takes it."""
        return "" if value is None else value

    def parsed(self, raw: Any) -> Any:
        """What the widget gives, as the member's rule takes it; None where nothing was given."""
        return str(raw or "").strip()

    def emptied(self) -> Any:
        """What takes the value away, for integrations of a type that has none; None where that cannot be."""
        return ""

    def widget(self, choices: Choices) -> forms.Widget:
        return forms.TextInput()

    def choices_of(self, owner: Any) -> Choices:
        return ()

    def shown(self, value: Any, owner: Any) -> Any:
        """The value for people to read; empty where there is none."""
        return value


class MemberField(forms.Field):
    """A Django field that lets the member's rule judge; `empty` is what was there before it was left empty."""

    def __init__(self, field: Field, rule: Rule | None, owner: Any, empty: Any) -> None:
        widget = field.widget(field.choices_of(owner))
        widget.attrs["autocomplete"] = "off"
        if field.placeholder:
            widget.attrs["placeholder"] = field.placeholder
        if field.required:
            widget.attrs["aria-required"] = "true"
        super().__init__(required=False, label=field.label, help_text=field.help, widget=widget)
        self.field, self.rule, self.empty = field, rule, empty

    def clean(self, value: Any) -> Any:
        try:
            parsed = self._with_stored_secrets(self.field.parsed(value))
            if self.rule is None or parsed is None or (parsed == "" and self.empty in ("", None)):
                return parsed
            return self.rule.check(self.field.wire_name, parsed)
        except (BadRequest, ValueError) as error:
            raise ValidationError(str(error)) from error

    def _with_stored_secrets(self, value: Any) -> Any:
        """What was typed, with what is stored in place of the placeholders of secrets. Raises MissingSecret."""
        member = camel(self.field.member)
        return value if self.field.key else redactor().restore({member: value}, {member: self.empty})[member]


@dataclass(frozen=True)
class Text(Field):
    suggestions: tuple[str, ...] = ()
    mono: bool = False

    def widget(self, choices: Choices) -> forms.Widget:
        attributes: dict[str, Any] = {"class": "mono", "spellcheck": "false"} if self.mono else {}
        if self.suggestions:
            attributes["list"] = f"{self.name}-suggestions"
        return forms.TextInput(attributes)


@dataclass(frozen=True)
class LongText(Field):
    rows: int = 2
    mono: bool = False

    def widget(self, choices: Choices) -> forms.Widget:
        attributes: dict[str, Any] = {"class": "mono", "spellcheck": "false"} if self.mono else {}
        return forms.Textarea({"rows": self.rows, **attributes})

    def parsed(self, raw: Any) -> Any:
        return str(raw or "").replace("\r\n", "\n")


@dataclass(frozen=True)
class JsonText(LongText):
    """JSON as text, told where it is none; `judge` may say more of what it holds, with a ValueError."""

    mono: bool = True
    rows: int = 14
    judge: Callable[[Any], None] = lambda document: None

    def parsed(self, raw: Any) -> Any:
        text = super().parsed(raw)
        if text.strip():
            self.judge(parse_json(text))
        return text


@dataclass(frozen=True)
class Lines(Field):
    """A list of texts, one a line."""

    rows: int = 3
    absent: bool = False
    """Whether no lines at all leave the value out, instead of setting an empty list."""

    def widget(self, choices: Choices) -> forms.Widget:
        return forms.Textarea({"rows": self.rows, "class": "mono", "spellcheck": "false"})

    def written(self, value: Any) -> Any:
        return "\n".join(value or ())

    def parsed(self, raw: Any) -> Any:
        lines = [line.strip() for line in str(raw or "").splitlines() if line.strip()]
        return lines or (None if self.absent else [])

    def shown(self, value: Any, owner: Any) -> Any:
        return ", ".join(value or ())


@dataclass(frozen=True)
class Number(Field):
    """A number; what is none is left to the rule to refuse."""

    def widget(self, choices: Choices) -> forms.Widget:
        return forms.TextInput({"inputmode": "decimal"})

    def parsed(self, raw: Any) -> Any:
        text = str(raw or "").strip()
        for kind in (int, float):
            try:
                return kind(text)
            except ValueError:
                continue
        return text if text or not self.key else None


@dataclass(frozen=True)
class Flag(Field):
    def widget(self, choices: Choices) -> forms.Widget:
        return forms.CheckboxInput()

    def parsed(self, raw: Any) -> Any:
        return bool(raw)

    def shown(self, value: Any, owner: Any) -> Any:
        return "yes" if value else ""


@dataclass(frozen=True)
class Choice(Field):
    """One of several; `options` may depend on what the resource belongs to."""

    options: Choices | Callable[[Any], Choices] = ()

    def emptied(self) -> Any:
        return "" if not callable(self.options) and "" in dict(self.options) else None

    def widget(self, choices: Choices) -> forms.Widget:
        return forms.Select(choices=list(choices))

    def choices_of(self, owner: Any) -> Choices:
        return self.options(owner) if callable(self.options) else self.options

    def shown(self, value: Any, owner: Any) -> Any:
        return dict(self.choices_of(owner)).get(str(value or ""), value) if value else ""


@dataclass(frozen=True)
class OptionalFlag(Choice):
    """Yes, no, or as by default."""

    options: Choices = (("", "as by default"), ("true", "yes"), ("false", "no"))

    def written(self, value: Any) -> Any:
        return "" if value is None else json.dumps(value)

    def parsed(self, raw: Any) -> Any:
        return {"true": True, "false": False}.get(str(raw))

    def shown(self, value: Any, owner: Any) -> Any:
        return "" if value is None else "yes" if value else "no"


@dataclass(frozen=True)
class Pairs(Field):
    """A map of texts, a row for each key."""

    wide: bool = True
    names: tuple[str, str] = ("Name", "Value")
    long: bool = False
    """Whether values have several lines."""

    def emptied(self) -> Any:
        return {}

    def widget(self, choices: Choices) -> forms.Widget:
        key, value = self.names
        return RowsWidget((Slot("key", key), Slot("value", value, long=self.long)))

    def written(self, value: Any) -> Any:
        return [{"key": key, "value": item} for key, item in (value or {}).items()]

    def parsed(self, raw: Any) -> Any:
        return _keyed(raw, lambda row: row["value"].replace("\r\n", "\n"))


@dataclass(frozen=True)
class RequiredParameters(Field):
    """Names, each with whether it must be there."""

    wide: bool = True

    def widget(self, choices: Choices) -> forms.Widget:
        must = (("true", "required"), ("false", "optional"))
        return RowsWidget((Slot("key", "Parameter"), Slot("required", "Must it be there?", choices=must)))

    def written(self, value: Any) -> Any:
        return [
            {"key": key, "required": json.dumps(item.get("required", False))} for key, item in (value or {}).items()
        ]

    def parsed(self, raw: Any) -> Any:
        return _keyed(raw, lambda row: {"required": row["required"] == "true"})

    def shown(self, value: Any, owner: Any) -> Any:
        return {key: "required" if item.get("required") else "optional" for key, item in (value or {}).items()}


@dataclass(frozen=True)
class Objects(Field):
    """A map of flat objects, a row for each key; what has no slot is kept as it was."""

    wide: bool = True
    slots: tuple[Slot, ...] = ()
    numbers: frozenset[str] = frozenset()

    def widget(self, choices: Choices) -> forms.Widget:
        return RowsWidget(self.slots)

    def written(self, value: Any) -> Any:
        return [
            {"key": key, **{name: _flat(item) for name, item in each.items()}} for key, each in (value or {}).items()
        ]

    def parsed(self, raw: Any) -> Any:
        return _keyed(raw, self._object)

    def shown(self, value: Any, owner: Any) -> Any:
        return {
            key: ", ".join(f"{name} {_flat(item)}" for name, item in each.items())
            for key, each in (value or {}).items()
        }

    def _object(self, row: Mapping[str, str]) -> dict[str, Any]:
        return {
            slot.name: _unflat(row[slot.name], slot.name in self.numbers)
            for slot in self.slots
            if slot.name != "key" and row[slot.name] != ""
        }


def parse_json(text: str) -> Any:
    """The JSON document. Raises ValueError that says where it ceases to be one."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"This is not JSON: line {error.lineno}, column {error.colno}: {error.msg}.") from error
    except RecursionError as error:
        raise ValueError("This JSON is nested too deeply.") from error


def _keyed(rows: Sequence[Mapping[str, str]], item: Callable[[Mapping[str, str]], Any]) -> dict[str, Any]:
    """Rows by their keys; those without one are empty and left out."""
    found: dict[str, Any] = {}
    for row in rows or ():
        key = row["key"].strip()
        if not key and any(value.strip() for name, value in row.items() if name != "key" and name in ("value",)):
            raise ValueError(f"The value {row['value'][:40]!r} has no name: give it one, or empty the row.")
        if key in found:
            raise ValueError(f"{key!r} stands here twice.")
        if key:
            found[key] = item(row)
    return found


def _flat(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _unflat(text: str, is_number: bool) -> Any:
    if text in ("true", "false"):
        return text == "true"
    if is_number:
        for kind in (int, float):
            try:
                return kind(text)
            except ValueError:
                continue
    return text
