"""The form of any kind of resource: it keeps what was typed, and sends the operation only what differs."""

from typing import Any

from django import forms
from django.db import transaction

from dashboard.resources.fields import Field, MemberField
from dashboard.resources.kinds import Kind, Place
from gatewayapp.controlplane.operations.errors import OperationError
from gatewayapp.models import Document

_NOTHING: tuple[Any, ...] = (None, "", {}, [])


class ResourceForm(forms.Form):
    """For a new resource, or for `resource` as it is."""

    def __init__(self, kind: Kind, place: Place, resource: Any = None, data: Any = None) -> None:
        self.kind, self.place, self.resource = kind, place, resource
        self._before = kind.values(resource)
        written = {field.name: field.written(field.read(self._before)) for field in self._fields()}
        asked = {name: value for name, value in place.request.GET.items() if resource is None and name in written}
        super().__init__(data, initial=written | asked, label_suffix="")
        for field in self._fields():
            self.fields[field.name] = MemberField(field, kind.rule(field), place, field.read(self._before))
        if data is not None:
            # What a form does not speak of stays as it is.
            for name in [
                name for name, each in self.fields.items() if each.widget.value_omitted_from_data(data, {}, name)
            ]:
                self.fields[name].disabled = True

    def groups(self) -> list[dict[str, Any]]:
        """The groups with their bound fields; a folded one opens where it holds something."""
        return [
            {
                "title": group.title,
                "help": group.help,
                "folded": group.folded,
                "open": any(self._says_something(field) for field in fields),
                "fields": [{"bound": self[field.name], "field": field} for field in fields],
            }
            for group in self.kind.groups
            if (fields := [field for field in group.fields if field.name in self.fields])
        ]

    def typed(self) -> "ResourceForm":
        """The same form with what was typed, not judged yet."""
        again = ResourceForm(self.kind, self.place, self.resource)
        again.initial = {
            name: field.widget.value_from_datadict(self.data, self.files, name) for name, field in self.fields.items()
        }
        return again

    def changes(self) -> Document:
        """Of the members those that differ from what there was, maps that merge with their removed keys."""
        changes: Document = {}
        for member, value in self._members().items():
            before = self._before.get(member)
            if value is None or value == before or (value in _NOTHING and before in _NOTHING):
                continue
            changes[member] = value
            if self._merges(member) and before:
                changes[member] = value | {key: "" for key in before if key not in value}
        return changes

    def save(self) -> Any:
        """Carry out what was asked for. Raises OperationError."""
        changes, keys = self.changes(), self.place.keys
        with transaction.atomic():
            if self.resource is None:
                return self.kind.create(**keys, **{**self.kind.constants, **changes})
            if changes and self.kind.update:
                self.kind.update(**keys, **changes)
            return self.kind.get_of(keys)

    def refuse(self, error: OperationError) -> None:
        """Show why an operation refused: at the field of the member that is to blame, else above all."""
        names = (field.name for field in self._fields() if field.member == error.member and not field.key)
        self.add_error(next(names, None), error.message)

    def _fields(self) -> list[Field]:
        return [field for field in self.kind.fields if not (field.fixed and self.resource is not None)]

    def _says_something(self, field: Field) -> bool:
        value = self[field.name].value()
        return bool(self[field.name].errors) or value not in (*_NOTHING, False, self._default(field))

    def _default(self, field: Field) -> Any:
        return field.written(field.read(self.kind.values(None)))

    def _members(self) -> Document:
        """All members that the form speaks of, as far as they could be read; another type empties what it has not."""
        members: Document = {}
        chosen = self.cleaned_data.get("integration_type", "")
        another_type = self.resource is not None and chosen != self._before.get("integration_type")
        for field in self._fields():
            if field.types and chosen and chosen not in field.types:
                if not another_type:
                    continue
                value = field.emptied()
            elif field.name in self.cleaned_data and not self.fields[field.name].disabled:
                value = self.cleaned_data[field.name]
            else:
                continue
            if field.key:
                members.setdefault(field.member, dict(self._before.get(field.member) or {}))
                _put(members[field.member], field.key, value)
            else:
                members[field.member] = value
        return members

    def _merges(self, member: str) -> bool:
        return any(field.merges for field in self._fields() if field.member == member)


def _put(document: dict[str, Any], key: str, value: Any) -> None:
    if value in (None, "", []):
        document.pop(key, None)
    else:
        document[key] = value
