"""Values that the tests of the core start from, each to be varied by keyword."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from gatewayapp.core.context import Context
from gatewayapp.core.json_body import Body
from gatewayapp.core.messages import ConnectionInfo, Disconnect, Event, Handshake, Message
from gatewayapp.core.snapshot import ApiSnapshot, Integration, Route, load, load_integration

HOST = "a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com"

CONNECTION = ConnectionInfo(
    connection_id="R2p1dcf8oAMCJhg=",
    api_id="a1b2c3d4e5",
    stage="prod",
    domain_name=HOST,
    connected_at=1768910108001,
    source_ip="198.51.100.7",
    user_agent="ExampleClient/1.0",
)
HANDSHAKE = Handshake(
    request_id="R2p1dFqFoAMFabc=",
    time=1768910108004,
    headers=(
        ("Host", HOST),
        ("User-Agent", "ExampleClient/1.0"),
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Content-Length", "0"),
        ("Cookie", "sid=9f1c; theme=dark"),
        ("Sec-WebSocket-Key", "c2FtcGxlLWtleS0wMTIzNA=="),
        ("Sec-WebSocket-Version", "13"),
        ("X-Tag", "first"),
        ("x-tag", "last"),
    ),
    query_string="room=blue&tag=x&tag=y",
)
DISCONNECT = Disconnect(request_id="R2rAbGz1oAMFqyg=", time=1768910761777, status_code=1001, reason="Going away")


def message(text: str) -> Message:
    return Message(request_id="R2p4zHzYoAMFk0A=", time=1768910161220, text=text)


MESSAGE = message('{"action":"send","n":1}')


def context(
    event: Event = MESSAGE,
    *,
    text: str | None = None,
    stage_variables: Mapping[str, str] | None = None,
    **connection: Any,
) -> Context:
    """The context of `event`; a message's `text` and the connection's fields may be replaced."""
    if text is not None:
        event = message(text)
    keys = {Handshake: "$connect", Message: "send", Disconnect: "$disconnect"}
    body = Body(event.text) if isinstance(event, Message) else None
    return Context(replace(CONNECTION, **connection), dict(stage_variables or {}), keys[type(event)], event, body)


def integration(kind: str = "HTTP_PROXY", **members: Any) -> Integration:
    """A compiled integration; HTTP types call `http://backend.example.org/in`, Lambda types the function `echo`."""
    if kind.startswith("HTTP"):
        members.setdefault("integrationUri", "http://backend.example.org/in")
    elif kind.startswith("AWS"):
        members.setdefault("integrationUri", "arn:aws:lambda:eu-central-1:123456789012:function:echo")
    return load_integration({"integrationId": "i1", "integrationType": kind, **members})


def route(kind: str = "HTTP_PROXY", *, two_way: bool = True, **members: Any) -> Route:
    return Route("send", integration(kind, **members), two_way)


def snapshot(selection: str = "$request.body.action", keys: tuple[str, ...] = (), **members: Any) -> ApiSnapshot:
    """A deployment with routes under `keys`, none of which has an integration."""
    return load(
        {
            "version": 1,
            "api": {"apiId": "a1b2c3d4e5", "routeSelectionExpression": selection},
            "routes": [{"routeId": key, "routeKey": key, "routeResponses": []} for key in keys],
            "integrations": [],
            **members,
        }
    )
