"""What `$context` says of each event."""

import pytest

from gatewayapp.core.context import VARIABLES, request_time
from gatewayapp.core.messages import Event
from tests.core.samples import DISCONNECT, HANDSHAKE, HOST, MESSAGE, context

COMMON = {
    "apiId": "a1b2c3d4e5",
    "stage": "prod",
    "domainName": HOST,
    "connectionId": "R2p1dcf8oAMCJhg=",
    "connectedAt": "1768910108001",
    "messageDirection": "IN",
    "identity.sourceIp": "198.51.100.7",
    "identity.userAgent": "ExampleClient/1.0",
}
CONNECT = {
    "routeKey": "$connect",
    "eventType": "CONNECT",
    "requestId": "R2p1dFqFoAMFabc=",
    "extendedRequestId": "R2p1dFqFoAMFabc=",
    "requestTime": "20/Jan/2026:11:55:08 +0000",
    "requestTimeEpoch": "1768910108004",
    "messageId": None,
    "disconnectStatusCode": None,
    "disconnectReason": None,
}
SEND = {
    "routeKey": "send",
    "eventType": "MESSAGE",
    "requestId": "R2p4zHzYoAMFk0A=",
    "extendedRequestId": "R2p4zHzYoAMFk0A=",
    "requestTime": "20/Jan/2026:11:56:01 +0000",
    "requestTimeEpoch": "1768910161220",
    "messageId": "37OWx0e9eXm9MHY=",
    "disconnectStatusCode": None,
    "disconnectReason": None,
}
LEAVE = {
    "routeKey": "$disconnect",
    "eventType": "DISCONNECT",
    "requestId": "R2rAbGz1oAMFqyg=",
    "extendedRequestId": "R2rAbGz1oAMFqyg=",
    "requestTime": "20/Jan/2026:12:06:01 +0000",
    "requestTimeEpoch": "1768910761777",
    "messageId": None,
    "disconnectStatusCode": "1001",
    "disconnectReason": "Going away",
}


@pytest.mark.parametrize(
    ("event", "own"),
    [(HANDSHAKE, CONNECT), (MESSAGE, SEND), (DISCONNECT, LEAVE)],
    ids=["CONNECT", "MESSAGE", "DISCONNECT"],
)
def test_every_variable_of_an_event_has_its_text_or_nothing(event: Event, own: dict[str, str | None]) -> None:
    expected = COMMON | own
    assert {name: context(event).variable(name) for name in expected} == expected
    assert set(VARIABLES) <= set(expected)


def test_a_client_without_a_user_agent_has_none() -> None:
    assert context(user_agent=None).variable("identity.userAgent") is None


@pytest.mark.parametrize(
    ("authorizer", "value"), [({"tenant": "acme"}, "acme"), ({"tenant": ""}, ""), ({"other": "x"}, None), (None, None)]
)
def test_the_authorizers_values_are_found_by_name(authorizer: dict[str, str] | None, value: str | None) -> None:
    assert context(authorizer=authorizer).variable("authorizer.tenant") == value


@pytest.mark.parametrize("name", ["", "unknown", "identity", "identity.unknown", "authorizer", "__class__"])
def test_other_names_have_no_value(name: str) -> None:
    assert context().variable(name) is None


@pytest.mark.parametrize(
    ("time_ms", "text"),
    [
        (0, "01/Jan/1970:00:00:00 +0000"),
        (1768910108999, "20/Jan/2026:11:55:08 +0000"),
        (1709164800000, "29/Feb/2024:00:00:00 +0000"),
        (1767225599000, "31/Dec/2025:23:59:59 +0000"),
    ],
)
def test_a_request_time_is_written_in_english_and_utc(time_ms: int, text: str) -> None:
    assert request_time(time_ms) == text
