"""The proxy events, compared whole with the documents that functions written for AWS receive."""

from dataclasses import replace
from typing import Any

import orjson
import pytest

from gatewayapp.core.context import Context
from gatewayapp.core.events import proxy_event, query_fields
from tests.core.samples import DISCONNECT, HANDSHAKE, HOST, MESSAGE, context

IDENTITY = {"userAgent": "ExampleClient/1.0", "sourceIp": "198.51.100.7"}


def event_of(context: Context) -> dict[str, Any]:
    return orjson.loads(proxy_event(context))


def test_a_connect_event_has_headers_query_and_context_but_no_body() -> None:
    event = event_of(context(HANDSHAKE, stage_variables={"tableName": "connections"}))
    trace_id = event["headers"]["X-Amzn-Trace-Id"]
    assert trace_id.startswith("Root=1-696f6d1c-")
    single = {
        "Host": HOST,
        "User-Agent": "ExampleClient/1.0",
        "Cookie": "sid=9f1c; theme=dark",
        "Sec-WebSocket-Key": "c2FtcGxlLWtleS0wMTIzNA==",
        "Sec-WebSocket-Version": "13",
        "X-Tag": "last",
        "X-Amzn-Trace-Id": trace_id,
        "X-Forwarded-For": "198.51.100.7",
        "X-Forwarded-Port": "443",
        "X-Forwarded-Proto": "https",
    }
    assert event == {
        "headers": single,
        "multiValueHeaders": {name: [value] for name, value in single.items()} | {"X-Tag": ["first", "last"]},
        "queryStringParameters": {"room": "blue", "tag": "y"},
        "multiValueQueryStringParameters": {"room": ["blue"], "tag": ["x", "y"]},
        "requestContext": {
            "routeKey": "$connect",
            "eventType": "CONNECT",
            "extendedRequestId": "R2p1dFqFoAMFabc=",
            "requestTime": "20/Jan/2026:11:55:08 +0000",
            "messageDirection": "IN",
            "stage": "prod",
            "connectedAt": 1768910108001,
            "requestTimeEpoch": 1768910108004,
            "identity": IDENTITY,
            "requestId": "R2p1dFqFoAMFabc=",
            "domainName": HOST,
            "connectionId": "R2p1dcf8oAMCJhg=",
            "apiId": "a1b2c3d4e5",
        },
        "stageVariables": {"tableName": "connections"},
        "isBase64Encoded": False,
    }


def test_a_message_event_has_the_original_text_and_no_headers() -> None:
    text = ' {"action":"send","n":1.50, "odd":"\\u0436 ж"} '
    event = event_of(context(text=text, stage_variables={"tableName": "connections"}))
    assert event == {
        "requestContext": {
            "routeKey": "send",
            "messageId": "37OWx0e9eXm9MHY=",
            "eventType": "MESSAGE",
            "extendedRequestId": "R2p4zHzYoAMFk0A=",
            "requestTime": "20/Jan/2026:11:56:01 +0000",
            "messageDirection": "IN",
            "stage": "prod",
            "connectedAt": 1768910108001,
            "requestTimeEpoch": 1768910161220,
            "identity": IDENTITY,
            "requestId": "R2p4zHzYoAMFk0A=",
            "domainName": HOST,
            "connectionId": "R2p1dcf8oAMCJhg=",
            "apiId": "a1b2c3d4e5",
        },
        "stageVariables": {"tableName": "connections"},
        "body": text,
        "isBase64Encoded": False,
    }


def test_a_disconnect_event_has_four_fixed_headers_and_the_close_code() -> None:
    single = {"Host": HOST, "x-api-key": "", "X-Forwarded-For": "", "x-restapi": ""}
    assert event_of(context(DISCONNECT)) == {
        "headers": single,
        "multiValueHeaders": {name: [value] for name, value in single.items()},
        "requestContext": {
            "routeKey": "$disconnect",
            "disconnectStatusCode": 1001,
            "eventType": "DISCONNECT",
            "extendedRequestId": "R2rAbGz1oAMFqyg=",
            "requestTime": "20/Jan/2026:12:06:01 +0000",
            "messageDirection": "IN",
            "disconnectReason": "Going away",
            "stage": "prod",
            "connectedAt": 1768910108001,
            "requestTimeEpoch": 1768910761777,
            "identity": IDENTITY,
            "requestId": "R2rAbGz1oAMFqyg=",
            "domainName": HOST,
            "connectionId": "R2p1dcf8oAMCJhg=",
            "apiId": "a1b2c3d4e5",
        },
        "isBase64Encoded": False,
    }


@pytest.mark.parametrize("event", [HANDSHAKE, MESSAGE, DISCONNECT], ids=lambda event: type(event).__name__)
def test_stage_variables_and_authorizer_stand_in_every_event_that_has_some(event: Any) -> None:
    without = event_of(context(event))
    assert "stageVariables" not in without
    assert "authorizer" not in without["requestContext"]
    authorizer = {"principalId": "user-17", "tenant": "acme"}
    given = event_of(context(event, stage_variables={"a": "1"}, authorizer=authorizer))
    assert given["stageVariables"] == {"a": "1"}
    assert given["requestContext"]["authorizer"] == authorizer


def test_an_event_has_no_null_members() -> None:
    for event in (HANDSHAKE, MESSAGE, DISCONNECT):
        document = event_of(context(event, user_agent=None))
        assert None not in document["requestContext"].values()
        assert document["requestContext"]["identity"] == {"sourceIp": "198.51.100.7"}


def test_an_empty_disconnect_reason_stays_an_empty_string() -> None:
    event = event_of(context(replace(DISCONNECT, status_code=1006, reason="")))
    assert event["requestContext"]["disconnectReason"] == ""
    assert event["requestContext"]["disconnectStatusCode"] == 1006


def test_without_a_query_string_the_query_maps_are_absent() -> None:
    event = event_of(context(replace(HANDSHAKE, query_string="")))
    assert "queryStringParameters" not in event
    assert "multiValueQueryStringParameters" not in event


def test_the_domain_name_of_an_address_with_a_path_is_whole_and_its_host_stands_in_the_headers() -> None:
    event = event_of(context(DISCONNECT, domain_name="127.0.0.1:8000/ws/a1b2c3d4e5"))
    assert event["requestContext"]["domainName"] == "127.0.0.1:8000/ws/a1b2c3d4e5"
    assert event["headers"]["Host"] == "127.0.0.1:8000"


@pytest.mark.parametrize(
    "name", ["X-Forwarded-For", "x-forwarded-proto", "X-FORWARDED-PORT", "X-Amzn-Trace-Id", "x-amzn-trace-id"]
)
def test_what_a_client_claims_in_the_gateways_own_headers_is_replaced(name: str) -> None:
    event = event_of(context(replace(HANDSHAKE, headers=(("Host", HOST), (name, "spoofed")))))
    assert "spoofed" not in str(event)
    assert event["headers"]["X-Forwarded-For"] == "198.51.100.7"


def test_how_the_client_connected_is_told_in_the_forwarded_headers() -> None:
    event = event_of(context(HANDSHAKE, forwarded_proto="http", forwarded_port=8000, source_ip="2001:db8::7"))
    names = ("X-Forwarded-For", "X-Forwarded-Port", "X-Forwarded-Proto")
    assert [event["headers"][name] for name in names] == ["2001:db8::7", "8000", "http"]


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("a=1&b=2", [("a", "1"), ("b", "2")]),
        ("a=1&a=2", [("a", "1"), ("a", "2")]),
        ("a=x+y%20z%2Bw", [("a", "x y z+w")]),
        ("a=%D0%B6", [("a", "ж")]),
        ("a=%FF", [("a", "\ufffd")]),
        ("a=%zz", [("a", "%zz")]),
        ("a", [("a", "")]),
        ("a=", [("a", "")]),
        ("=b", [("", "b")]),
        ("a=b=c", [("a", "b=c")]),
        ("a%20b=1", [("a b", "1")]),
        ("a;b=1", [("a;b", "1")]),
        ("&&", []),
        ("", []),
    ],
)
def test_query_fields_are_decoded_in_order(query: str, fields: list[tuple[str, str]]) -> None:
    assert query_fields(query) == fields


def test_a_thousand_query_fields_are_read() -> None:
    assert len(query_fields("&".join(f"n{number}=1" for number in range(1001)))) == 1000
