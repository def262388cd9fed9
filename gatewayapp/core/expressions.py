"""Selection expressions: variables in literal text, evaluated once, never recursively.

`$request.body.action`, `${request.body.service}/${request.body.action}`, `\\$default`, `action` (a constant).
A path that finds nothing is an empty string. AWS page: apigateway-websocket-api-selection-expressions.
"""

import re
from dataclasses import dataclass

from gatewayapp.core.json_body import ALL, Body, Path
from gatewayapp.core.messages import IntegrationResponse

_BODY = re.compile(r"request\.body(?:\.(?!\.)|(?=\[))(?P<path>.+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class ResponseVariable:
    """A variable of an integration's response: its status, or a header of it by lower-case name."""

    header: str | None
    multiple: bool = False

    def read(self, response: IntegrationResponse) -> str:
        if self.header is None:
            return str(response.status)
        values = [value for name, value in response.headers if name.lower() == self.header]
        return ",".join(values if self.multiple else values[-1:])


@dataclass(frozen=True, slots=True)
class Selection:
    """A compiled expression: literal texts, paths into the message's body and response variables, in order."""

    source: str
    parts: tuple[str | Path | ResponseVariable, ...]

    def evaluate(self, body: Body, response: IntegrationResponse | None = None) -> str:
        """The expression's value for a message (and for its integration's response, where it may speak of one)."""
        parts = self.parts
        if len(parts) == 1 and type(parts[0]) is tuple:
            return body.select(parts[0]) or ""
        return "".join(_value(part, body, response) for part in parts)


def _value(part: str | Path | ResponseVariable, body: Body, response: IntegrationResponse | None) -> str:
    if isinstance(part, str):
        return part
    if isinstance(part, ResponseVariable):
        return part.read(response) if response else ""
    return body.select(part) or ""


_TOKEN = re.compile(
    r"""\\\$                                   # an escaped dollar sign
      | \$\{ (?P<braced> [^{}]* ) \}
      | \$ (?P<bare> [A-Za-z_] (?: [\w\-.] | \[ [^\]]* \] )* )
      | (?P<stray> \$ )
      | (?P<text> [^$\\]+ | \\ )
    """,
    re.VERBOSE,
)


def compile_selection(text: str, *, of_response: bool = False) -> Selection:
    """Compile an expression whose variables are `$request.body.{path}`, and with `of_response` also
    `$integration.response.statuscode`, `.header.{name}` and `.multivalueheader.{name}`.

    Raises ValueError with a sentence that says what is wrong and what may stand there.
    """
    parts: list[str | Path | ResponseVariable] = []
    literal: list[str] = []
    for token in _TOKEN.finditer(text):
        if token["stray"] is not None:
            raise ValueError(
                f"{text!r}: a '$' at position {token.start()} begins no variable; write '\\$' for the sign."
            )
        variable = token["braced"] if token["braced"] is not None else token["bare"]
        if variable is None:
            literal.append("$" if token["text"] is None else token["text"])
            continue
        if literal:
            parts.append("".join(literal))
            literal = []
        parts.append(_variable(variable, text, of_response))
    if literal:
        parts.append("".join(literal))
    if not parts:
        raise ValueError("A selection expression cannot be empty.")
    return Selection(text, tuple(parts))


_RESPONSE = re.compile(r"integration\.response\.(?:statuscode|(?P<kind>multivalueheader|header)\.(?P<name>[\w.-]+))")


def _variable(variable: str, expression: str, of_response: bool) -> Path | ResponseVariable:
    if of_response and (found := _RESPONSE.fullmatch(variable)):
        return ResponseVariable(found["name"] and found["name"].lower(), found["kind"] == "multivalueheader")
    return _body_path(variable, expression)


def _body_path(variable: str, expression: str) -> Path:
    found = _BODY.fullmatch(variable)
    if found is None:
        raise ValueError(
            f"{expression!r}: the variable '${variable}' cannot be used here; "
            "the message's body can: $request.body.name."
        )
    return compile_path(found["path"])


_STEP = re.compile(
    r"""(?P<dot> \. )? (?P<dotted> (?P<name> [^.\[\]'"*\s]+ ) | \* )
      | \[ (?P<index> [0-9]{1,6} ) \]
      | \[ ' (?P<single> [^']* ) ' \] | \[ " (?P<double> [^"]* ) " \]
      | \[\*\]
    """,
    re.VERBOSE,
)


def compile_path(text: str) -> Path:
    """Compile a JSONPath of members (`a.b`, `['a b']`), list indexes (`a[0]`) and wildcards (`a[*].b`).

    Raises ValueError for what is not one of those: filters, slices and recursive descent are not.
    """
    steps: list[str | int] = []
    position = 0
    while position < len(text):
        step = _STEP.match(text, position)
        if step is None or (step["dotted"] and bool(steps) != bool(step["dot"])):
            raise ValueError(f"{text!r} is no path: write members as 'a.b' or ['a b'], list items as 'a[0]' or 'a[*]'.")
        steps.append(_step_value(step))
        position = step.end()
    if not steps:
        raise ValueError("A path needs at least one member name.")
    return tuple(steps)


def _step_value(step: re.Match[str]) -> str | int:
    if step["index"] is not None:
        return int(step["index"])
    for kind in ("name", "single", "double"):
        if step[kind] is not None:
            return step[kind]
    return ALL
