"""What a test case expects of a message, and which of that an outcome does not meet.

    {"routeKey": "send", "status": 200, "request": [{"path": "text", "equals": "hi"}], "response": [{"contains": "ok"}]}

`request` is about the request to the backend, `response` about the frame that comes back. A check has a text that must
be there (`contains`), the whole text (`equals`), or a `path` into the JSON and the value that stands there (`equals`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gatewayapp.core.expressions import compile_path
from gatewayapp.core.json_body import ABSENT, Path, find, parse

MOST_CHECKS = 20
LONGEST_TEXT = 4096

_MEMBERS = ("routeKey", "status", "request", "response")


@dataclass(frozen=True, slots=True)
class Check:
    """One condition on a text; with `path` on a value in it as JSON."""

    contains: str | None = None
    equals: Any = ABSENT
    path: str = ""
    steps: Path = ()


@dataclass(frozen=True, slots=True)
class Expectations:
    """All that is expected; None and empty where nothing is."""

    route_key: str | None = None
    status: int | None = None
    request: tuple[Check, ...] = ()
    response: tuple[Check, ...] = ()

    @property
    def need_an_answer(self) -> bool:
        """Whether part of it shows only when the backend is called."""
        return self.status is not None or bool(self.response)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a message.

    `request` and `body` are the whole request and its body as text, None where none is made. `status` and `frame` are
    known once the backend was called (`sent`); a frame also where an error tells it without a call.
    """

    route_key: str | None
    request: str | None
    body: str | None
    error: str | None = None
    sent: bool = False
    status: int | None = None
    frame: str | None = None


def compile_expectations(document: Any) -> Expectations:
    """Raises ValueError with what is wrong."""
    if not isinstance(document, Mapping):
        raise ValueError("Expectations are an object.")
    for name in document:
        if name not in _MEMBERS:
            raise ValueError(f"{name!r} is no expectation; known are: {', '.join(_MEMBERS)}.")
    route_key, status = document.get("routeKey"), document.get("status")
    if route_key is not None and not isinstance(route_key, str):
        raise ValueError("routeKey is a string.")
    if status is not None and (type(status) is not int or not 100 <= status <= 599):
        raise ValueError("status is a number from 100 to 599.")
    return Expectations(route_key, status, _checks(document, "request"), _checks(document, "response"))


def unmet(expected: Expectations, outcome: Outcome) -> tuple[str, ...]:
    """In sentences what the outcome lacks. What only a call shows is passed over unless there was one."""
    return tuple(_unmet(expected, outcome))


def _unmet(expected: Expectations, outcome: Outcome) -> Iterator[str]:
    if expected.route_key is not None and expected.route_key != outcome.route_key:
        taken = f"route {outcome.route_key}" if outcome.route_key else "no route"
        yield f"It takes {taken} instead of route {expected.route_key}."
    if outcome.error is not None and not expected.response:
        yield f"It fails: {outcome.error}"
    elif outcome.request is None and expected.request:
        yield "No request is made."
    if outcome.request is not None:
        for check in expected.request:
            yield from _failed(check, "The request", outcome.request, outcome.body or "")
    if expected.status is not None and outcome.sent and outcome.status != expected.status:
        answer = f"status {outcome.status}" if outcome.status is not None else "no status"
        yield f"The backend answers with {answer} instead of {expected.status}."
    if outcome.sent or outcome.frame is not None:
        for check in expected.response:
            if outcome.frame is None:
                yield "No frame comes back."
                break
            yield from _failed(check, "The frame", outcome.frame, outcome.frame)


def _failed(check: Check, what: str, text: str, body: str) -> Iterator[str]:
    """`contains` looks at the whole text, the others at the body alone."""
    if check.contains is not None and check.contains not in text:
        yield f"{what} does not contain {_short(check.contains)}."
    if check.equals is ABSENT:
        return
    if not check.path:
        if body != check.equals:
            yield f"{what} is {_short(body)} instead of {_short(check.equals)}."
        return
    document = parse(body)
    found = ABSENT if document is ABSENT else find(document, check.steps)
    if not _same(found, check.equals):
        there = "nothing" if found is ABSENT else _short(found)
        yield f"{what} has {there} at {check.path} instead of {_short(check.equals)}."


def _same(found: Any, expected: Any) -> bool:
    """Equal as JSON: true is not 1."""
    return found is not ABSENT and isinstance(found, bool) == isinstance(expected, bool) and bool(found == expected)


def _short(value: Any) -> str:
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 120 else f"{text[:117]}…"


def _checks(document: Mapping[str, Any], member: str) -> tuple[Check, ...]:
    checks = document.get(member) or []
    if not isinstance(checks, list) or len(checks) > MOST_CHECKS:
        raise ValueError(f"{member} is a list of at most {MOST_CHECKS} checks.")
    return tuple(_check(check, f"{member}[{index}]") for index, check in enumerate(checks))


def _check(check: Any, place: str) -> Check:
    if not isinstance(check, Mapping) or set(check) not in ({"contains"}, {"equals"}, {"path", "equals"}):
        raise ValueError(f"{place} is an object with contains, with equals, or with path and equals.")
    texts = [check[name] for name in check if name != "equals" or "path" not in check]
    if not all(isinstance(text, str) and 0 < len(text) <= LONGEST_TEXT for text in texts):
        raise ValueError(f"{place}: its texts have 1-{LONGEST_TEXT} characters.")
    try:
        steps = compile_path(check["path"]) if "path" in check else ()
    except ValueError as error:
        raise ValueError(f"{place}.path: {error}") from error
    return Check(check.get("contains"), check.get("equals", ABSENT), check.get("path", ""), steps)
