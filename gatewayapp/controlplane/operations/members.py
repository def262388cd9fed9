"""What each member of a resource may hold, said once: in the annotations of the resource's `TypedDict`.

    class RouteMembers(TypedDict, total=False):
        route_key: Annotated[str, Text(1, 128)]

`checked` applies those rules to what an operation was given. Messages name members as they stand on the wire.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol, get_type_hints

from gatewayapp.controlplane.operations.errors import BadRequest
from gatewayapp.core.expressions import compile_selection
from gatewayapp.core.limits import camel


class Rule(Protocol):
    def check(self, name: str, value: Any) -> Any:
        """`value` as it is to be stored; raises BadRequest that names `name`."""


def checked(shape: type, members: Mapping[str, Any], *, required: tuple[str, ...] = ()) -> dict[str, Any]:
    """`members` as they are to be stored. Raises BadRequest, or TypeError for a name that `shape` has not."""
    rules = rules_of(shape)
    for name in required:
        if members.get(name) is None:
            raise BadRequest(f"{camel(name)} is required.").about(name)
    for name in members:
        if name not in rules:
            raise TypeError(f"{shape.__name__} has no member {name!r}.")
    values = {name: _judged(rules[name], name, value) for name, value in members.items() if value is not None}
    return {name: value for name, value in values.items() if value is not None}


@lru_cache(maxsize=64)
def rules_of(shape: type) -> dict[str, Any]:
    """The rule of each member, by its keyword."""
    hints = get_type_hints(shape, include_extras=True)
    return {name: hint.__metadata__[0] for name, hint in hints.items()}


def keywords(shape: type, document: Mapping[str, Any]) -> dict[str, Any]:
    """Of a document in wire form the members that `shape` has, as keywords of an operation."""
    return {name: document[camel(name)] for name in rules_of(shape) if camel(name) in document}


def merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """A map after an update that merges: the keys of `new` are set, those with an empty string are removed."""
    return {key: value for key, value in {**old, **new}.items() if value != ""}


@dataclass(frozen=True, slots=True)
class Text:
    """A string of `least` to `most` characters, matching `pattern` in whole; an empty one clears where it may."""

    least: int = 0
    most: int | None = None
    pattern: str = ""
    hint: str = ""

    def check(self, name: str, value: Any) -> str:
        text = _string(name, value)
        if not self.least <= len(text) or (self.most is not None and len(text) > self.most):
            raise BadRequest(f"{name} must have {_between(self.least, self.most)} characters; it has {len(text)}.")
        if text and self.pattern and not re.fullmatch(self.pattern, text):
            raise BadRequest(f"Invalid {name} {text!r}: {self.hint}")
        return text


@dataclass(frozen=True, slots=True)
class Compiled:
    """A string of at most `most` characters that `compiler` takes, whose ValueError says what is wrong.

    An empty one clears if `clearable`.
    """

    compiler: Callable[[str], object]
    clearable: bool = True
    most: int = 4096

    def check(self, name: str, value: Any) -> str:
        text = _string(name, value)
        if len(text) > self.most:
            raise BadRequest(f"{name} must have {_between(0, self.most)} characters; it has {len(text)}.")
        try:
            if text or not self.clearable:
                self.compiler(text)
        except ValueError as error:
            raise BadRequest(f"Invalid {name}: {error}") from error
        return text


class Choice:
    """One of a few words; with `clearable` also none of them."""

    def __init__(self, *words: str, clearable: bool = False) -> None:
        self.words = words
        self.clearable = clearable

    def check(self, name: str, value: Any) -> str:
        if value in self.words or (self.clearable and value == ""):
            return str(value)
        raise BadRequest(f"Invalid {name} {value!r}. Must be one of [{', '.join(self.words)}]")


class Flag:
    def check(self, name: str, value: Any) -> bool:
        if not isinstance(value, bool):
            raise BadRequest(f"{name} must be true or false.")
        return value


@dataclass(frozen=True, slots=True)
class Number:
    """A number from `least` to `most`, whole unless `fractional`."""

    least: int
    most: int
    fractional: bool = False

    def check(self, name: str, value: Any) -> float:
        kinds = (int, float) if self.fractional else (int,)
        if isinstance(value, bool) or not isinstance(value, kinds) or not self.least <= value <= self.most:
            raise BadRequest(f"{name} must be a {'' if self.fractional else 'whole '}number {self.least}-{self.most}.")
        return value


@dataclass(frozen=True, slots=True)
class MapOf:
    """A map whose values obey `rule`, at most `most` of them; keys match `keys` in whole."""

    rule: Rule
    keys: str = r"(?s).{1,512}"
    hint: str = "a key has 1-512 characters."
    most: int | None = None

    def check(self, name: str, value: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise BadRequest(f"{name} must be a map.")
        if self.most is not None and len(value) > self.most:
            raise BadRequest(f"{name} may have at most {self.most} entries.")
        for key in value:
            if not re.fullmatch(self.keys, _string(f"A key of {name}", key)):
                raise BadRequest(f"Invalid key {key!r} in {name}: {self.hint}")
        return {key: self.rule.check(f"{name}.{key}", item) for key, item in value.items()}


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list whose items obey `rule`."""

    rule: Rule

    def check(self, name: str, value: Any) -> list[Any]:
        if not isinstance(value, list | tuple):
            raise BadRequest(f"{name} must be a list.")
        return [self.rule.check(f"{name}[{index}]", item) for index, item in enumerate(value)]

    def rule_at(self, key: str) -> Rule | None:
        return rule_at(self.rule, key)


@dataclass(frozen=True, slots=True)
class Structure:
    """An object of its own with lower camel case members, as on the wire; members without a rule are left out."""

    rules: Mapping[str, Rule]

    def check(self, name: str, value: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise BadRequest(f"{name} must be an object.")
        return {
            member: rule.check(f"{name}.{member}", value[member])
            for member, rule in self.rules.items()
            if value.get(member) is not None
        }

    def rule_at(self, key: str) -> Rule | None:
        return self.rules.get(key)


class HttpApisOnly:
    """A member that WebSocket APIs have not; an empty value is dropped, since some clients always send one."""

    def check(self, name: str, value: Any) -> None:
        if value:
            raise BadRequest(f"{name} is not supported for APIs with a protocol type of WEBSOCKET.")


SELECTION = Compiled(compile_selection)
DESCRIPTION = Text(0, 1024)
TAGS = MapOf(
    Text(0, 256),
    keys=r"(?s)(?!aws:).{1,128}",
    hint="a tag's key has 1-128 characters and does not start with aws:.",
    most=50,
)


def rule_at(rule: Rule, key: str) -> Rule | None:
    """The rule of one value inside of what `rule` is about; None where only the whole can be judged."""
    find: Callable[[str], Rule | None] | None = getattr(rule, "rule_at", None)
    return find(key) if find else None


def _judged(rule: Rule, name: str, value: Any) -> Any:
    try:
        return rule.check(camel(name), value)
    except BadRequest as error:
        raise error.about(name) from error.__cause__


def _string(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise BadRequest(f"{name} must be a string.")
    if "\0" in value:
        raise BadRequest(f"{name} must not hold a NUL character.")
    return value


def _between(least: int, most: int | None) -> str:
    return f"{least} or more" if most is None else f"{least}-{most}"
