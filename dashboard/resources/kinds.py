"""What describes a kind of resource: its operations, its members in groups, and its list's columns."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse

from dashboard.permissions import Request
from dashboard.resources.fields import Field
from gatewayapp.controlplane.api.v1.permissions import Need, on_api
from gatewayapp.controlplane.operations.members import rule_at, rules_of
from gatewayapp.core.limits import camel
from gatewayapp.core.roles import Permission
from gatewayapp.models import Api, Document, Resource

Keys = Mapping[str, str]
"""What names a resource to its operations: `{"api_id": …, "route_id": …}`."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page is: the request, the keys of its address, and the API that it belongs to."""

    request: Request
    keys: Keys
    api: Api | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Fields under a heading; those that few need are `folded`."""

    title: str
    fields: tuple[Field, ...]
    help: str = ""
    folded: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """What stands in a table: `look` is text, code, moment, number or tone, whose colour is `tone`."""

    value: Any
    look: str = "text"
    url: str = ""
    tone: str = "quiet"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a list; `sort` is the model's field that it may be sorted by."""

    label: str
    cell: Callable[[Any, Mapping[str, Any]], Cell]
    sort: str = ""


@dataclass(frozen=True, slots=True)
class Empty:
    """What a list says while nothing is there: what such a thing is, and what to do first."""

    title: str
    text: str


@dataclass(frozen=True)
class Kind:
    """A kind of resource.

    `page` names its pages: `routes`, `routes-new`, `routes-detail`; `key` is the operations' keyword for one of it.
    `create` and `update` are given the keys and the members that are to be set.
    """

    noun: str
    page: str
    icon: str
    key: str
    model: type[Resource]
    shape: type
    address: str
    """The list's address, with the keys of what it belongs to."""
    groups: tuple[Group, ...]
    columns: tuple[Column, ...]
    empty: Empty
    lead: str
    name: Callable[[Any], str]
    get_all: Callable[..., "QuerySet[Any]"]
    get: Callable[..., Any]
    create: Callable[..., Any]
    update: Callable[..., Any] | None
    delete: Callable[..., None]
    plural: str = ""
    parent: "Kind | None" = None
    detail_page: str = ""
    new_segment: str = "new"
    search: tuple[str, ...] = ()
    """Look-ups of the model that a search goes through."""
    listed: Callable[["QuerySet[Any]"], "QuerySet[Any]"] = lambda rows: rows
    """Adds what the columns need."""
    facts: Callable[[Place, Sequence[Any]], Mapping[str, Any]] = lambda place, rows: {}
    """What the columns need beside the rows; given to each cell."""
    lost: Callable[[Any], Sequence[str]] = lambda resource: ()
    """What goes with it when it is deleted, in sentences."""
    members: Callable[[Any], Document] = lambda resource: {}
    """Members that a form has and the model has not, such as whether a route answers."""
    document: Callable[[Place, Any], Document] = lambda place, resource: resource.document()
    more: str = ""
    """The template of what a detail page has beneath the members, or above them."""
    more_first: bool = False
    more_context: Callable[[Place, Any], Mapping[str, Any]] = lambda place, resource: {}
    needs: Mapping[str, Need] = field(default_factory=dict)
    constants: Mapping[str, Any] = field(default_factory=dict)
    """Members that every new one is given, unless the form says otherwise."""
    not_in_cli: frozenset[str] = frozenset()
    """Members that only Nopal has, and no AWS CLI knows."""
    arn_path: Callable[[Keys], str] | None = None
    """The path of its ARN, for those that have tags."""
    more_commands: Callable[[Keys, Document], Sequence[tuple[str, Document]]] = lambda keys, members: ()
    """Further commands that it takes to make it, with their members."""

    # names

    @property
    def nouns(self) -> str:
        return self.plural or f"{self.noun}s"

    @property
    def detail(self) -> str:
        return self.detail_page or f"{self.page}-detail"

    def page_name(self, what: str) -> str:
        if what == "list":
            return self.page
        if what == "new":
            return f"{self.page}-new"
        return self.detail if what == "detail" else f"{self.detail_page or self.page}-{what}"

    def url(self, what: str, keys: Keys) -> str:
        wanted = self.parent_keys if what in ("list", "new") else (*self.parent_keys, self.key)
        return reverse(self.page_name(what), kwargs={name: keys[name] for name in wanted})

    @property
    def parent_keys(self) -> tuple[str, ...]:
        return (*self.parent.parent_keys, self.parent.key) if self.parent else ()

    @property
    def has_list(self) -> bool:
        """Whether its list is a page worth going to; of what belongs to a route, say, the route's page shows all."""
        return self.parent is None or self.parent.key == "api_id"

    @property
    def lineage(self) -> Iterator["Kind"]:
        """The kinds that it belongs to, from the top, and itself."""
        if self.parent:
            yield from self.parent.lineage
        yield self

    def keys_of(self, keys: Keys, resource: Any) -> Keys:
        return {**{name: keys[name] for name in self.parent_keys}, self.key: str(getattr(resource, self.key))}

    # rights

    def need(self, what: str) -> Need:
        """What the pages ask for: `list`, `read`, `new` or `write`."""
        if what in self.needs:
            return self.needs[what]
        return on_api(Permission.READ_APIS if what in ("list", "read") else Permission.WRITE_APIS)

    # members

    @cached_property
    def fields(self) -> tuple[Field, ...]:
        return tuple(each for group in self.groups for each in group.fields)

    def rule(self, member: Field) -> Any:
        """What the operation says that a field may hold; None where the field is no member of it."""
        rule = rules_of(self.shape).get(member.member)
        return rule_at(rule, member.key) if rule and member.key else rule

    def values(self, resource: Any | None) -> Document:
        """The members of a resource, or what a new one has by default, by their keywords."""
        if resource is not None:
            own = self.members(resource)
            return {each.member: own.get(each.member, getattr(resource, each.member, None)) for each in self.fields}
        defaults = {each.name: each.get_default() for each in self.model._meta.concrete_fields if each.has_default()}
        return {each.member: defaults.get(each.member) for each in self.fields}

    def get_of(self, keys: Keys) -> Any:
        return self.get(**{name: keys[name] for name in (*self.parent_keys, self.key)})

    @property
    def wire_key(self) -> str:
        return camel(self.key)
