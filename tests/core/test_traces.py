"""Traces as values: what is kept is cut, what is told is masked, and the failing step is named."""

import pytest

from gatewayapp.core.errors import BadIntegrationResult, IntegrationTimeout, NoRoute
from gatewayapp.core.expressions import compile_selection
from gatewayapp.core.masking import Mask
from gatewayapp.core.messages import (
    Acceptance,
    ConnectionInfo,
    Denial,
    Disconnect,
    Handshake,
    IntegrationResponse,
    LambdaRequest,
    MockRequest,
)
from gatewayapp.core.outcomes import Outcome
from gatewayapp.core.snapshot import Route
from gatewayapp.core.traces import (
    CONNECT,
    DISCONNECT,
    INTEGRATED,
    LONGEST_BODY,
    MAPPED,
    MESSAGE,
    PREVIEW,
    RESPONSE_MAPPED,
    SELECTED,
    SENT,
    VALIDATED,
    Steps,
    kept,
    part,
    told,
)

CONNECTION = ConnectionInfo("abc=", "api0000000", "prod", "localhost", 0, "192.0.2.1")
ROUTE = Route("send", None, two_way=True)
SELECTION = compile_selection("$request.body.action")
TEXT = '{"action": "send"}'
MASK = Mask()


def trace_of(reached, outcome, kind=MESSAGE, event=TEXT):
    steps = Steps()
    for name, gave in reached:
        steps.add(name, gave)
    selection = SELECTION if kind == MESSAGE else None
    return kept(kind, CONNECTION, steps, "id", event, outcome, selection)


def names(trace):
    return [step.name for step in trace.steps]


def test_a_message_tells_its_steps_each_with_what_it_was_given_and_gave():
    reached = [
        (SELECTED, "send"),
        (MAPPED, MockRequest(200)),
        (INTEGRATED, IntegrationResponse(200, b"fine", (("Content-Type", "text/plain"),))),
        (RESPONSE_MAPPED, "fine"),
        (SENT, "accepted"),
    ]
    trace = told(trace_of(reached, Outcome("fine", ROUTE, 200, None, 0.1)), MASK)

    assert names(trace) == ["received", "selected", "mapped", "integrated", "response-mapped", "sent"]
    received, selected, mapped, integrated, response_mapped, _ = trace.steps
    assert received.output.text == TEXT
    assert (selected.input.text, selected.output.text) == ("$request.body.action = send", "send")
    assert integrated.input == mapped.output
    assert integrated.output.text == "200\nContent-Type: text/plain\n\nfine"
    assert response_mapped.output.text == "fine"
    offsets = [step.offset for step in trace.steps]
    assert offsets == sorted(offsets)
    assert (trace.route_key, trace.status, trace.error, trace.sent.text) == ("send", "200", None, "fine")


@pytest.mark.parametrize(
    ("reached", "error", "failed", "fault"),
    [
        ([], NoRoute(), "selected", "ClientError"),
        ([(SELECTED, "send"), (MAPPED, MockRequest(200))], IntegrationTimeout(), "integrated", "ExecutionError"),
        (
            [(SELECTED, "send"), (MAPPED, MockRequest(200)), (INTEGRATED, IntegrationResponse(200))],
            BadIntegrationResult("no JSON"),
            "response-mapped",
            "IntegrationError",
        ),
    ],
)
@pytest.mark.parametrize("sent", [[], [(SENT, "accepted")]])
def test_the_step_that_failed_is_named_and_has_no_output(reached, error, failed, fault, sent):
    outcome = Outcome('{"message": "no"}', ROUTE, None, error)
    trace = told(trace_of([*reached, *sent], outcome), MASK)

    [step] = [step for step in trace.steps if step.error]
    assert (step.name, step.output, step.error) == (failed, None, error.detail or error.message)
    assert names(trace)[-1] == ("sent" if sent else failed)
    assert (trace.fault, trace.status) == (fault, type(error).__name__)
    assert trace.sent.text == '{"message": "no"}'


def test_a_backend_that_answers_with_an_error_fails_no_step():
    reached = [(SELECTED, "send"), (INTEGRATED, IntegrationResponse(503, b"busy"))]
    trace = told(trace_of(reached, Outcome("busy", ROUTE, 503)), MASK)
    assert (trace.fault, trace.error) == ("IntegrationError", "The integration answered 503.")
    assert not any(step.error for step in trace.steps)


def test_handshakes_and_ends_have_their_own_ways():
    handshake = Handshake("id", 0, (("Authorization", "secret"), ("X-Room", "blue")), "token=secret&room=1")
    opened = trace_of([(VALIDATED, None)], Outcome(Acceptance("chat"), ROUTE), CONNECT, handshake)
    shown = told(opened, MASK)
    assert names(shown) == ["received", "validated"]
    assert shown.received.text == "GET ?token=********&room=1\nAuthorization: ********\nX-Room: blue"
    assert shown.sent.text == "101\nSec-WebSocket-Protocol: chat"

    refused = trace_of([], Outcome(Denial(403, (("Content-Type", "text/plain"),), b"no"), ROUTE), CONNECT, handshake)
    assert told(refused, MASK).sent.text == "403\nContent-Type: text/plain\n\nno"

    ended = trace_of(
        [(MAPPED, MockRequest(200))], Outcome(None, ROUTE, 200), DISCONNECT, Disconnect("id", 0, 1000, "x")
    )
    assert (names(told(ended, MASK)), told(ended, MASK).received.text) == (["received", "mapped"], "1000 x")


def test_long_texts_are_cut_and_tell_their_size():
    text = "x" * (LONGEST_BODY + 5)
    kept_trace = trace_of([(SELECTED, "send")], Outcome(text, ROUTE, 200), event=text)
    assert kept_trace.weight < 3 * LONGEST_BODY

    whole, short = told(kept_trace, MASK), told(kept_trace, MASK, with_steps=False)
    assert (len(whole.received.text), whole.received.size, whole.received.truncated) == (LONGEST_BODY, len(text), True)
    assert (len(short.sent.text), short.sent.size, short.sent.truncated) == (PREVIEW, len(text), True)
    assert short.steps == ()


def test_what_is_short_is_kept_as_it_is_and_what_a_backend_answers_at_length_is_cut():
    short, long = IntegrationResponse(200, b"fine"), IntegrationResponse(200, b"x" * 10**6, (("X-Long", "y" * 10**5),))
    kept_trace = trace_of([(SELECTED, "send"), (INTEGRATED, short)], Outcome(None, ROUTE, 200))
    assert kept_trace.received is TEXT
    assert kept_trace.steps.reached[1][2] is short

    kept_trace = trace_of([(SELECTED, "send"), (INTEGRATED, long)], Outcome(None, ROUTE, 200))
    assert kept_trace.weight < 2 * LONGEST_BODY
    output = told(kept_trace, MASK).steps[-1].output
    assert (output.size, output.truncated) == (10**6, True)
    assert output.text.startswith("200\nX-Long: yyy")


def test_bytes_are_told_as_text_where_they_are_text_even_if_cut_in_a_character():
    euros = "€" * LONGEST_BODY
    reached = [(INTEGRATED, IntegrationResponse(200, euros.encode()))]
    content = told(trace_of(reached, Outcome(None, ROUTE, 200)), MASK).steps[-1].output
    assert (content.binary, content.truncated) == (False, True)
    assert set(content.text.removeprefix("200\n\n")) == {"€"}

    reached = [(INTEGRATED, IntegrationResponse(200, bytes(range(256))))]
    content = told(trace_of(reached, Outcome(None, ROUTE, 200)), MASK).steps[-1].output
    assert content.binary
    assert content.text.startswith("200\n\n00 01 02")


def test_secrets_are_masked_when_they_are_told_in_every_step():
    secret = '{"action": "send", "password": "swordfish1"}'
    reached = [
        (SELECTED, "send"),
        (MAPPED, LambdaRequest("eu-west-1", "f", None, secret.encode(), 1.0)),
        (INTEGRATED, IntegrationResponse(200, secret.encode(), (("Set-Cookie", "swordfish1"),))),
        (RESPONSE_MAPPED, secret),
    ]
    trace = told(trace_of(reached, Outcome(secret, ROUTE, 200), event=secret), MASK)
    assert "swordfish1" not in repr(trace)
    assert part(secret).body == secret
