"""Traces: what happened to one event on its way, step by step, as values.

On the way itself `Steps` only takes note of what each step gave; when the way has ended, `kept` holds on to that as it
is, but for what is long, which is cut; and `told` makes a `Trace` of it, without its secrets, when someone looks. So
recording costs little, even of all that happens. An event that nobody watches has no `Steps`.
"""

import codecs
from collections.abc import Iterable
from dataclasses import dataclass
from operator import itemgetter
from time import perf_counter, time
from typing import Any, NamedTuple

from gatewayapp.core.expressions import Selection
from gatewayapp.core.json_body import ABSENT, Body
from gatewayapp.core.masking import Mask
from gatewayapp.core.messages import (
    Acceptance,
    ConnectionInfo,
    Denial,
    Disconnect,
    Handshake,
    HttpRequest,
    IntegrationResponse,
    LambdaRequest,
    MockRequest,
)
from gatewayapp.core.outcomes import Outcome
from gatewayapp.core.redaction import NO_SECRETS, Secrets
from gatewayapp.core.snapshot import Route

CONNECT, MESSAGE, DISCONNECT, PUSH, CLOSE = "connect", "message", "disconnect", "push", "close"
KINDS = (CONNECT, MESSAGE, DISCONNECT, PUSH, CLOSE)

RECEIVED, SELECTED, VALIDATED, MAPPED = "received", "selected", "validated", "mapped"
INTEGRATED, RESPONSE_MAPPED, SENT = "integrated", "response-mapped", "sent"
_WAYS = {
    CONNECT: (RECEIVED, VALIDATED, MAPPED, INTEGRATED, RESPONSE_MAPPED, SENT),
    MESSAGE: (RECEIVED, SELECTED, MAPPED, INTEGRATED, RESPONSE_MAPPED, SENT),
    DISCONNECT: (RECEIVED, MAPPED, INTEGRATED),
}
"""The steps of each way, in order: the first that was not reached is the one that failed."""

LONGEST_BODY = 16_384
LONGEST_HEAD = 8_192
PREVIEW = 512
_OWN_WEIGHT = 1_000
"""What a trace takes besides its texts, in bytes, roughly."""

_GAVE = itemgetter(2)
"""Of what `Steps` has noted, what a step gave."""


class Steps:
    """What the steps of one event's way gave, each with the time at which it was done."""

    __slots__ = ("reached", "started", "started_at")

    def __init__(self) -> None:
        self.started_at = time()
        self.started = perf_counter()
        self.reached: list[tuple[str, float, Any]] = []

    def add(self, name: str, gave: object = None) -> None:
        self.reached.append((name, perf_counter(), gave))


class Part(NamedTuple):
    """What is kept of a text, or of a request or an answer with its head; `size` is the body's, whole."""

    head: str
    body: str | bytes
    size: int


@dataclass(slots=True)
class Kept:
    """A trace as it is kept: what each step gave, itself or a `Part` of it, and nothing masked; see `told`."""

    trace_id: str
    kind: str
    inbound: bool
    source: str
    connection: ConnectionInfo
    route: Route | None
    selection: Selection | None
    status: str | None
    fault: str | None
    error: str | None
    raised: bool
    """Whether a step failed, rather than that a backend answered with an error."""
    delivery: str | None
    duration: float
    received: object
    sent: object
    steps: Steps
    weight: int
    """The bytes that it takes, roughly."""
    number: int = 0
    """Traces are numbered in the order in which they ended, when they are put away."""
    secrets: Secrets = NO_SECRETS
    """Those of the configuration that the event was handled under."""


@dataclass(frozen=True, slots=True)
class Content:
    """A text as it may be shown, or bytes in hexadecimal digits; `size` is the whole's, of texts in characters."""

    text: str
    size: int
    truncated: bool
    binary: bool


@dataclass(frozen=True, slots=True)
class Step:
    """One step; times in milliseconds, `offset` from the trace's start. A step that failed has no output."""

    name: str
    offset: float
    duration: float
    input: Content | None
    output: Content | None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Trace:
    """What happened to one event on a connection; `trace_id` is its request id. Times in milliseconds."""

    number: int
    trace_id: str
    kind: str
    inbound: bool
    """Whether it came from the client; pushes, and closes by the gateway, go the other way."""
    source: str
    """`client`, `gateway`, `backend` (@connections), `operator` (this server's users), `replay` or `test`."""
    api_id: str
    stage: str
    connection_id: str
    route_key: str | None
    integration_id: str | None
    integration_type: str | None
    status: str | None
    fault: str | None
    error: str | None
    delivery: str | None
    started_at: int
    duration: float
    received: Content | None
    sent: Content | None
    steps: tuple[Step, ...] = ()


def kept(
    kind: str,
    connection: ConnectionInfo,
    steps: Steps,
    trace_id: str,
    event: str | Handshake | Disconnect,
    outcome: Outcome[Any],
    selection: Selection | None = None,
    delivery: str | None = None,
    source: str = "client",
    secrets: Secrets = NO_SECRETS,
) -> Kept:
    """What is kept of an event that went its way."""
    duration = perf_counter() - steps.started
    fault = outcome.fault
    received: object = event
    sent: object = outcome.answer
    weight = _weight((received, sent, *map(_GAVE, steps.reached)))
    if weight > LONGEST_BODY:
        received, sent = _bounded(received), _bounded(sent)
        steps.reached = [(name, end, _bounded(gave)) for name, end, gave in steps.reached]
        weight = _weight((received, sent, *map(_GAVE, steps.reached)))
    return Kept(
        trace_id,
        kind,
        True,
        source,
        connection,
        outcome.route,
        selection,
        outcome.status_text,
        None if fault is None else fault.value,
        None if fault is None else outcome.error_text,
        outcome.error is not None,
        delivery,
        duration,
        received,
        sent,
        steps,
        _OWN_WEIGHT + weight,
        secrets=secrets,
    )


def kept_frame(
    kind: str,
    connection: ConnectionInfo,
    frame: str | bytes,
    *,
    trace_id: str,
    inbound: bool,
    source: str,
    status: str | None = None,
    delivery: str | None = None,
    secrets: Secrets = NO_SECRETS,
) -> Kept:
    """What is kept of a frame that went one way only: a push, or a close."""
    content = _bounded(frame)
    return Kept(
        trace_id=trace_id,
        kind=kind,
        inbound=inbound,
        source=source,
        connection=connection,
        route=None,
        selection=None,
        status=status,
        fault=None,
        error=None,
        raised=False,
        delivery=delivery,
        duration=0.0,
        received=content if inbound else None,
        sent=None if inbound else content,
        steps=Steps(),
        weight=_OWN_WEIGHT + _weight((content,)),
        secrets=secrets,
    )


# cutting


def _bounded(value: object) -> object:
    """A value as it is kept: itself, unless it is long."""
    return part(value) if _weight((value,)) > LONGEST_BODY else value


def _weight(values: Iterable[Any]) -> int:
    """The bytes that values take, roughly. All in one loop: this is done for every event that is recorded."""
    weight = 0
    for value in values:
        kind = type(value)
        if kind is str or kind is bytes:
            weight += len(value)
        elif kind is HttpRequest:
            weight += len(value.head) + len(value.body)
        elif kind is IntegrationResponse:
            weight += len(value.body)
            for _, text in value.headers:
                weight += len(text)
        elif value is not None:
            head, body = (value.head, value.body) if kind is Part else _HEADS_AND_BODIES[kind](value)
            weight += len(head) + len(body)
    return weight


def part(value: object) -> Part | None:
    """Of a step's output, its head and its body up to a bound each."""
    if value is None or isinstance(value, Part):
        return value
    if isinstance(value, str | bytes):
        return Part("", value[:LONGEST_BODY], len(value))
    head, body = _HEADS_AND_BODIES[type(value)](value)
    return Part(head[:LONGEST_HEAD], body[:LONGEST_BODY], len(body))


def _of_http_request(request: HttpRequest) -> tuple[str, bytes]:
    scheme, host, port = request.origin
    _, _, fields = request.head.decode("latin-1").partition("\r\n")
    return f"{request.method} {scheme}://{host}:{port}{request.target}\n{_unix(fields)}", request.body


def _of_lambda_request(request: LambdaRequest) -> tuple[str, bytes]:
    return f"Invoke {request.function_name}:{request.qualifier or '$LATEST'} in {request.region}", request.payload


def _of_mock_request(request: MockRequest) -> tuple[str, bytes]:
    return f"MOCK {request.status}", b""


def _of_response(response: IntegrationResponse) -> tuple[str, bytes]:
    failed = f" ({response.function_error})" if response.function_error else ""
    return "\n".join([f"{response.status}{failed}", *(f"{n}: {v}" for n, v in response.headers)]), response.body


def _of_handshake(handshake: Handshake) -> tuple[str, str]:
    first = f"GET ?{handshake.query_string}" if handshake.query_string else "GET"
    return "\n".join([first, *(f"{name}: {value}" for name, value in handshake.headers)]), ""


def _of_disconnect(disconnect: Disconnect) -> tuple[str, str]:
    return f"{disconnect.status_code} {disconnect.reason}".strip(), ""


def _of_acceptance(acceptance: Acceptance) -> tuple[str, str]:
    chosen = [f"Sec-WebSocket-Protocol: {acceptance.subprotocol}"] if acceptance.subprotocol else []
    return "\n".join(["101", *chosen]), ""


def _of_denial(denial: Denial) -> tuple[str, bytes]:
    return "\n".join([str(denial.status), *(f"{name}: {value}" for name, value in denial.headers)]), denial.body


_HEADS_AND_BODIES: dict[type, Any] = {
    HttpRequest: _of_http_request,
    LambdaRequest: _of_lambda_request,
    MockRequest: _of_mock_request,
    IntegrationResponse: _of_response,
    Handshake: _of_handshake,
    Disconnect: _of_disconnect,
    Acceptance: _of_acceptance,
    Denial: _of_denial,
}


def _unix(head: str) -> str:
    return head.replace("\r\n", "\n").rstrip("\n")


# telling


def told(trace: Kept, mask: Mask, *, with_steps: bool = True) -> Trace:
    """The trace as it may be shown; without its steps, texts are cut to a preview."""
    integration = trace.route.integration if trace.route else None
    most = LONGEST_BODY if with_steps else PREVIEW
    return Trace(
        number=trace.number,
        trace_id=trace.trace_id,
        kind=trace.kind,
        inbound=trace.inbound,
        source=trace.source,
        api_id=trace.connection.api_id,
        stage=trace.connection.stage,
        connection_id=trace.connection.connection_id,
        route_key=trace.route.route_key if trace.route else None,
        integration_id=integration.integration_id if integration else None,
        integration_type=integration.type if integration else None,
        status=trace.status,
        fault=trace.fault,
        error=_error(trace),
        delivery=trace.delivery,
        started_at=int(trace.steps.started_at * 1000),
        duration=_milliseconds(trace.duration),
        received=_content(trace.received, trace.secrets, mask, most),
        sent=_content(trace.sent, trace.secrets, mask, most),
        steps=_steps(trace, mask) if with_steps else (),
    )


def _steps(trace: Kept, mask: Mask) -> tuple[Step, ...]:
    if trace.kind not in _WAYS:
        return ()
    received = _content(trace.received, trace.secrets, mask)
    steps = [Step(RECEIVED, 0.0, 0.0, None, received)]
    since, given = 0.0, received
    for name, end, gave, error in _entries(trace):
        output = _content(gave, trace.secrets, mask)
        given = _content(trace.sent, trace.secrets, mask) if name == SENT else given
        asked = _input(name, trace, given)
        steps.append(Step(name, _milliseconds(since), _milliseconds(end - since), asked, output, error))
        since, given = end, output or given
    return tuple(steps)


def _entries(trace: Kept) -> list[tuple[str, float, object, str | None]]:
    """The steps that were reached, and the one that failed, if any: after it at most an error is sent.

    Each with the seconds from the start to its end, what it gave and why it failed.
    """
    started = trace.steps.started
    entries: list[tuple[str, float, object, str | None]] = [
        (name, end - started, gave, None) for name, end, gave in trace.steps.reached
    ]
    if trace.raised:
        last = len(entries) - 1 if entries and entries[-1][0] == SENT else len(entries)
        end = entries[last][1] if last < len(entries) else trace.duration
        entries.insert(last, (_failed(trace), end, None, _error(trace)))
    return entries


def _failed(trace: Kept) -> str:
    """The step that failed: the first on the way that was not reached."""
    reached = {RECEIVED, *(name for name, _, _ in trace.steps.reached)}
    return next((name for name in _WAYS[trace.kind] if name not in reached), SENT)


def _input(name: str, trace: Kept, given: Content | None) -> Content | None:
    """What a step was given: the output of the one before, or of the selection its expression and value."""
    received = part(trace.received)
    if name != SELECTED or trace.selection is None or received is None:
        return given
    body = Body(str(received.body))
    if received.size > len(received.body):
        return _plain(trace.selection.source)
    if body.value is ABSENT:
        return _plain(f"{trace.selection.source} of what is not JSON")
    return _plain(f"{trace.selection.source} = {trace.selection.evaluate(body)}")


def _plain(text: str) -> Content:
    return Content(text[:LONGEST_HEAD], len(text), len(text) > LONGEST_HEAD, False)


def _error(trace: Kept) -> str | None:
    return None if trace.error is None else trace.secrets.text(trace.error)


def _content(value: object, secrets: Secrets, mask: Mask, most: int = LONGEST_BODY) -> Content | None:
    kept_part = part(value)
    if kept_part is None:
        return None
    head = mask.lines(kept_part.head) if kept_part.head else ""
    body, binary = _text(kept_part.body)
    shown = str(secrets.hide("\n\n".join(filter(None, [head, body if binary else mask.text(body)]))))
    truncated = kept_part.size > len(kept_part.body) or len(shown) > most + len(head)
    return Content(shown[: most + len(head)], kept_part.size, truncated, binary)


def _text(body: str | bytes) -> tuple[str, bool]:
    """The text that bytes spell (a character may be cut at their end), or their hexadecimal digits."""
    if isinstance(body, str):
        return body, False
    try:
        return codecs.getincrementaldecoder("utf-8")().decode(body), False
    except UnicodeDecodeError:
        return body[: LONGEST_BODY // 3].hex(" "), True


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 3)
