"""CloudFormation's parameters, conditions and functions, as far as resources of one template need them.

Everything is resolved on demand, so that a template needs no values that no WebSocket API depends on. What only AWS
knows, such as an attribute of a load balancer or the export of another stack, can be given like a parameter, under the
name that the template uses. A short template may expand to a very long value, so a `Budget` is asked before a value is
made. AWS pages: intrinsic-function-reference, parameters-section-structure.
"""

import base64
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import re2

from gatewayapp.interchange.documents import Document
from gatewayapp.interchange.limits import MAX_PARAMETER_LENGTH, MAX_TEXT_LENGTH, Budget, exceed
from gatewayapp.interchange.problems import Rejected, below, listed, reject, shortened

Refer = Callable[[str, str], Any]
"""What a reference to a resource (logical id, attribute or empty) stands for."""


class LeftOut(Exception):
    """A value that only AWS knows and the import can do without; the message says why."""


class NoValue:
    """AWS::NoValue: the member is as if it were not there."""


class Intrinsics:
    """Resolves values of `template`.

    `given` are parameters' values, `refer` knows the resources, `leave_out` is told the place of a member of a mapping
    that is left out, and why. `budget` bounds the work.
    """

    def __init__(
        self,
        template: Document,
        given: Mapping[str, Any],
        pseudo: Mapping[str, Any],
        refer: Refer,
        leave_out: Callable[[str, str], None],
        budget: Budget | None = None,
    ) -> None:
        self._parameters = _section(template, "Parameters")
        self._conditions = _section(template, "Conditions")
        self._mappings = _section(template, "Mappings")
        self._given = given
        self._pseudo = pseudo
        self._refer = refer
        self._leave_out = leave_out
        self._budget = budget or Budget()
        self._known: dict[str, Any] = {}
        self._failed: dict[str, Rejected | LeftOut] = {}
        self._sizes: dict[int, int] = {}
        self._path: list[str] = []
        self.asked: set[str] = set()
        """Names that values were looked for under among those given."""

    def resolve(self, value: Any, place: str) -> Any:
        """`value` without functions. Raises Rejected, or LeftOut for what the import cannot know."""
        self._budget.count_steps(place)
        if isinstance(value, list):
            items = [self.resolve(item, f"{place}[{index}]") for index, item in enumerate(value)]
            return [item for item in items if item is not NoValue]
        if not isinstance(value, dict):
            return _plain(value, place)
        if len(value) == 1:
            name, argument = next(iter(value.items()))
            if name.startswith("Fn::") or (name in ("Ref", "Condition") and isinstance(argument, str)):
                return self._call(name, argument, place)
        members = {name: self._member(item, below(place, name)) for name, item in value.items()}
        return {name: item for name, item in members.items() if item is not NoValue}

    def _member(self, value: Any, place: str) -> Any:
        try:
            return self.resolve(value, place)
        except LeftOut as reason:
            self._leave_out(place, str(reason))
            return NoValue

    def holds(self, condition: object, place: str) -> bool:
        """Whether the template's condition holds. Raises Rejected or LeftOut."""
        if not isinstance(condition, str) or condition not in self._conditions:
            raise reject(place, f"The template has no condition {condition!r}: add it to Conditions.")
        with self._visiting(f"Conditions.{condition}", place):
            name = f"Conditions.{condition}"
            return bool(self._once(name, lambda: self._truth(self._conditions[condition], name)))

    @contextmanager
    def _visiting(self, name: str, place: str) -> Iterator[None]:
        if name in self._path:
            circle = " → ".join([*self._path[self._path.index(name) :], name])
            raise reject(place, f"A circle of references, which has no value: {circle}.")
        self._path.append(name)
        try:
            yield
        finally:
            self._path.pop()

    def _once(self, name: str, compute: Callable[[], Any]) -> Any:
        """The value, or the reason why there is none, which is found out once however often it is asked for."""
        if name in self._failed:
            raise self._failed[name]
        if name not in self._known:
            try:
                self._known[name] = compute()
            except (Rejected, LeftOut) as reason:
                self._failed[name] = reason
                raise
        return self._known[name]

    def _account_for(self, value: Any, place: str) -> Any:
        """A value that a function gives any number of times, accounted for each time."""
        if isinstance(value, str):
            self._budget.count_text(place, len(value))
        elif isinstance(value, list | dict):
            if id(value) not in self._sizes:
                self._sizes[id(value)] = self._budget.measure(value, place)
            self._budget.count_size(place, self._sizes[id(value)])
        return value

    def _call(self, name: str, argument: Any, place: str) -> Any:
        function = _FUNCTIONS.get(name)
        if function is None:
            raise reject(place, f"{name} is a function that Nopal does not know: write its value out.")
        return function(self, argument, place)

    # references

    def ref(self, name: str, place: str) -> Any:
        return self._account_for(self._referred(name, place), place)

    def _referred(self, name: str, place: str) -> Any:
        if name not in self._parameters and self._is_given(name):
            return self._given[name]
        if name == "AWS::NoValue":
            return NoValue
        if name in self._pseudo:
            return self._pseudo[name]
        if name in self._parameters:
            return self._once(f"Parameters.{name}", lambda: self._parameter(name))
        return self._resource(name, "", place)

    def _resource(self, name: str, attribute: str, place: str) -> Any:
        path = f"{name}.{attribute}" if attribute else name
        if self._is_given(path):
            return self._given[path]
        with self._visiting(path, place):
            return self._once(path, lambda: self._refer(name, attribute))

    def _is_given(self, name: str) -> bool:
        self.asked.add(name)
        return name in self._given

    def _get_att(self, argument: Any, place: str) -> Any:
        parts = argument.split(".", 1) if isinstance(argument, str) else self.resolve(argument, place)
        if not _texts(parts) or len(parts) != 2:
            raise reject(place, "Fn::GetAtt takes a logical id and an attribute.")
        return self._account_for(self._resource(parts[0], parts[1], place), place)

    def _import_value(self, argument: Any, place: str) -> Any:
        name = _text(self.resolve(argument, place), place)
        if self._is_given(name):
            return self._account_for(self._given[name], place)
        raise LeftOut(f"it is the export {name!r} of another stack; give it with the parameter {name}=VALUE.")

    def _parameter(self, name: str) -> Any:
        place = f"Parameters.{name}"
        definition = self._parameters[name]
        if not isinstance(definition, dict):
            raise reject(place, "A parameter is a mapping with a Type.")
        kind = str(definition.get("Type", "String"))
        if name not in self._given and ("Default" not in definition or kind.startswith("AWS::SSM::")):
            raise reject(place, f"The parameter has no value: give it with the parameter {name}=VALUE.")
        return _typed(kind, self._given.get(name, definition.get("Default")), definition, place)

    # functions

    def _sub(self, argument: Any, place: str) -> str:
        text, variables = argument, {}
        if isinstance(argument, list) and len(argument) == 2 and isinstance(argument[1], dict):
            text, variables = argument
        if not isinstance(text, str):
            raise reject(place, "Fn::Sub takes a text, or a text and a mapping of its variables.")

        values: dict[str, str] = {}
        pieces: list[str] = []
        end = 0
        for found in _PLACEHOLDER.finditer(text):
            name = found[1].strip()
            if name not in values:
                values[name] = self._substitute(name, found[0], variables, place)
            pieces += (text[end : found.start()], values[name])
            end = found.end()
        pieces.append(text[end:])
        return self._joined("", pieces, place)

    def _substitute(self, name: str, placeholder: str, variables: Document, place: str) -> str:
        """The text that replaces the name in a `${placeholder}`."""
        if name.startswith("!"):
            return f"${{{name[1:]}}}"
        if name in variables:
            return _text(self.resolve(variables[name], below(place, name)), place)
        if name.startswith("stageVariables."):
            return placeholder  # API Gateway's own, which fills it in at run time
        return _text(self._get_att(name, place) if "." in name else self.ref(name, place), place)

    def _join(self, argument: Any, place: str) -> str:
        resolved = self.resolve(argument, place)
        if not (isinstance(resolved, list) and len(resolved) == 2 and isinstance(resolved[1], list)):
            raise reject(place, "Fn::Join takes a delimiter and a list of texts.")
        return self._joined(_text(resolved[0], place), [_text(item, place) for item in resolved[1]], place)

    def _joined(self, delimiter: str, pieces: list[str], place: str) -> str:
        self._budget.count_steps(place, len(pieces))
        self._budget.count_text(place, sum(map(len, pieces)) + len(delimiter) * max(0, len(pieces) - 1))
        return delimiter.join(pieces)

    def _split(self, argument: Any, place: str) -> list[str]:
        resolved = self.resolve(argument, place)
        if not _texts(resolved) or len(resolved) != 2 or not resolved[0]:
            raise reject(place, "Fn::Split takes a delimiter and a text.")
        delimiter, text = resolved
        self._budget.count_steps(place, text.count(delimiter) + 1)
        self._budget.count_text(place, len(text))
        return list(text.split(delimiter))

    def _select(self, argument: Any, place: str) -> Any:
        resolved = self.resolve(argument, place)
        if not (isinstance(resolved, list) and len(resolved) == 2 and isinstance(resolved[1], list)):
            raise reject(place, "Fn::Select takes an index and a list.")
        index = str(resolved[0])
        if not re.fullmatch("[0-9]{1,9}", index) or int(index) >= len(resolved[1]):
            raise reject(place, f"Fn::Select: the list has no item {index}; it has {len(resolved[1])}.")
        return resolved[1][int(index)]

    def _find_in_map(self, argument: Any, place: str) -> Any:
        resolved = self.resolve(argument, place)
        default = resolved.pop() if isinstance(resolved, list) and len(resolved) == 4 else None
        if not _texts(resolved) or len(resolved) != 3:
            raise reject(place, "Fn::FindInMap takes the names of a mapping, of a key and of a key below it.")
        found: Any = self._mappings
        for name in resolved:
            found = found.get(name) if isinstance(found, dict) else None
        if found is None and isinstance(default, dict) and "DefaultValue" in default:
            return default["DefaultValue"]
        if found is None:
            raise reject(place, f"The template's Mappings have no {'.'.join(resolved)}.")
        return self._account_for(found, place)

    def _if(self, argument: Any, place: str) -> Any:
        if not isinstance(argument, list) or len(argument) != 3:
            raise reject(place, "Fn::If takes a condition, a value if it holds, and a value if not.")
        return self.resolve(argument[1 if self.holds(argument[0], place) else 2], place)

    def _equals(self, argument: Any, place: str) -> bool:
        resolved = self.resolve(argument, place)
        if not isinstance(resolved, list) or len(resolved) != 2:
            raise reject(place, "Fn::Equals takes two values.")
        left, right = resolved
        return bool(left == right or (_is_scalar(left) and _is_scalar(right) and _text(left, "") == _text(right, "")))

    def _truth(self, value: Any, place: str) -> bool:
        resolved = self.resolve(value, place)
        if isinstance(resolved, str) and resolved.lower() in ("true", "false"):
            return resolved.lower() == "true"
        if not isinstance(resolved, bool):
            raise reject(place, "A condition is made of Fn::Equals, Fn::And, Fn::Or, Fn::Not and Condition.")
        return resolved

    def _truths(self, argument: Any, place: str) -> list[bool]:
        if not isinstance(argument, list) or not argument:
            raise reject(place, "Fn::And, Fn::Or and Fn::Not take a list of conditions.")
        return [self._truth(item, f"{place}[{index}]") for index, item in enumerate(argument)]

    def _base64(self, argument: Any, place: str) -> str:
        data = _text(self.resolve(argument, place), place).encode()
        self._budget.count_text(place, 4 * -(-len(data) // 3))
        return base64.b64encode(data).decode()

    def _to_json(self, argument: Any, place: str) -> str:
        pieces, length = [], 0
        for piece in json.JSONEncoder(separators=(",", ":")).iterencode(self.resolve(argument, place)):
            pieces.append(piece)
            length += len(piece)
            if length > MAX_TEXT_LENGTH:
                break
        return self._joined("", pieces, place)

    def _length(self, argument: Any, place: str) -> int:
        resolved = self.resolve(argument, place)
        if not isinstance(resolved, list):
            raise reject(place, "Fn::Length takes a list.")
        return len(resolved)


_PLACEHOLDER = re.compile(r"\$\{([^{}]*)\}")

_FUNCTIONS: dict[str, Callable[[Intrinsics, Any, str], Any]] = {
    "Ref": Intrinsics.ref,
    "Condition": Intrinsics.holds,
    "Fn::GetAtt": Intrinsics._get_att,
    "Fn::Sub": Intrinsics._sub,
    "Fn::Join": Intrinsics._join,
    "Fn::Split": Intrinsics._split,
    "Fn::Select": Intrinsics._select,
    "Fn::FindInMap": Intrinsics._find_in_map,
    "Fn::If": Intrinsics._if,
    "Fn::Equals": Intrinsics._equals,
    "Fn::And": lambda self, argument, place: all(self._truths(argument, place)),
    "Fn::Or": lambda self, argument, place: any(self._truths(argument, place)),
    "Fn::Not": lambda self, argument, place: not self._truths(argument, place)[0],
    "Fn::ImportValue": Intrinsics._import_value,
    "Fn::Base64": Intrinsics._base64,
    "Fn::ToJsonString": Intrinsics._to_json,
    "Fn::Length": Intrinsics._length,
}


def _typed(kind: str, value: Any, definition: Document, place: str) -> Any:
    """A parameter's value under its type and its constraints."""
    is_list = kind == "CommaDelimitedList" or kind.startswith("List<")
    texts = [_text(item, place) for item in (value if is_list and isinstance(value, list) else [value])]
    length = sum(map(len, texts))
    if length > MAX_PARAMETER_LENGTH:
        raise exceed(
            place,
            f"The parameter's value has {length:,} characters; CloudFormation takes at most {MAX_PARAMETER_LENGTH:,}. "
            "Write a longer value where it is used.",
        )
    if is_list and not isinstance(value, list):
        texts = [item.strip() for item in texts[0].split(",")]
    constraints = _Constraints(kind.removeprefix("List<").rstrip(">") if is_list else kind, definition, place)
    for text in texts:
        constraints.check(text)
    return texts if is_list else texts[0]


class _Constraints:
    """What a parameter's definition asks of its value, or of each item of it."""

    def __init__(self, kind: str, definition: Document, place: str) -> None:
        self._kind = kind
        self._definition = definition
        self._place = place
        allowed = definition.get("AllowedValues")
        self._allowed = [_text(item, place) for item in allowed] if isinstance(allowed, list) else None
        self._allowed_set = frozenset(self._allowed or ())
        pattern = definition.get("AllowedPattern")
        self._pattern = _compiled(pattern, place) if isinstance(pattern, str) else None

    def check(self, text: str) -> None:
        """Raises Rejected."""
        place, definition, kind, shown = self._place, self._definition, self._kind, repr(shortened(text, 80))
        if self._allowed is not None and text not in self._allowed_set:
            raise reject(place, f"{shown} is not one of its AllowedValues: {listed(self._allowed)}.")
        if self._pattern is not None and self._pattern.fullmatch(text) is None:
            hint = definition.get("ConstraintDescription") or f"it must match {definition['AllowedPattern']}"
            raise reject(place, f"{shown} does not match its AllowedPattern: {hint}.")
        if kind == "Number" and not re.fullmatch(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?", text):
            raise reject(place, f"{shown} is not a number.")
        measure = float(text) if kind == "Number" else len(text)
        least, most = ("MinValue", "MaxValue") if kind == "Number" else ("MinLength", "MaxLength")
        if measure < _bound(definition, least, measure, place) or measure > _bound(definition, most, measure, place):
            bounds = " and ".join(f"{name} {definition[name]}" for name in (least, most) if name in definition)
            raise reject(place, f"{shown} is outside of its {bounds}.")


def _compiled(pattern: str, place: str) -> Any:
    if len(pattern) > MAX_PARAMETER_LENGTH:
        raise exceed(place, f"Its AllowedPattern has more than {MAX_PARAMETER_LENGTH:,} characters: simplify it.")
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 2**20
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        raise reject(place, f"Its AllowedPattern {pattern!r} cannot be matched in linear time: simplify it.") from error


def _bound(definition: Document, name: str, otherwise: float, place: str) -> float:
    try:
        return float(definition.get(name, otherwise))
    except (OverflowError, TypeError, ValueError):
        raise reject(place, f"Its {name} is no number.") from None


def _section(template: Document, name: str) -> Document:
    section = template.get(name)
    if section is not None and not isinstance(section, dict):
        raise reject(name, "This section is a mapping.")
    return section or {}


def _plain(value: Any, place: str) -> Any:
    if isinstance(value, str) and "{{resolve:" in value:
        raise reject(place, "Only AWS can resolve {{resolve:…}}: replace it by a parameter and give its value.")
    return value


def _is_scalar(value: Any) -> bool:
    return isinstance(value, str | bool | int | float)


def _text(value: Any, place: str) -> str:
    """A scalar as CloudFormation writes it into a text."""
    if isinstance(value, str):
        return value
    if not _is_scalar(value):
        raise reject(place, "A text is needed here, not a list, a mapping or nothing.")
    return json.dumps(value)


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)
