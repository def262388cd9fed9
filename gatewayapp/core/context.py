"""What expressions and integrations may know about an event: `$context`, and the request context of proxy events.

AWS page: apigateway-websocket-api-mapping-template-reference.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from gatewayapp.core.json_body import Body
from gatewayapp.core.messages import ConnectionInfo, Disconnect, Event, Handshake, Message

EVENT_TYPES = {Handshake: "CONNECT", Message: "MESSAGE", Disconnect: "DISCONNECT"}

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(slots=True)
class Context:
    """One event on one connection, on its way through one route. `body` is set for messages only."""

    connection: ConnectionInfo
    stage_variables: Mapping[str, str]
    route_key: str
    event: Event
    body: Body | None = None

    @property
    def event_type(self) -> str:
        return EVENT_TYPES[type(self.event)]

    def variable(self, name: str) -> str | None:
        """The value of `$context.{name}` as text, or None where the event has none."""
        read = VARIABLES.get(name)
        if read is not None:
            value = read(self)
            return None if value is None else str(value)
        if name.startswith("authorizer."):
            return (self.connection.authorizer or {}).get(name.removeprefix("authorizer."))
        return None

    def document(self) -> dict[str, Any]:
        """The `requestContext` of a proxy event."""
        connection, event = self.connection, self.event
        document: dict[str, Any] = {"routeKey": self.route_key}
        if connection.authorizer is not None:
            document["authorizer"] = dict(connection.authorizer)
        if isinstance(event, Message):
            document["messageId"] = event.message_id
        elif isinstance(event, Disconnect):
            document["disconnectStatusCode"] = event.status_code
        document["eventType"] = self.event_type
        document["extendedRequestId"] = event.request_id
        document["requestTime"] = request_time(event.time)
        document["messageDirection"] = "IN"
        if isinstance(event, Disconnect):
            document["disconnectReason"] = event.reason
        document["stage"] = connection.stage
        document["connectedAt"] = connection.connected_at
        document["requestTimeEpoch"] = event.time
        document["identity"] = _identity(connection)
        document["requestId"] = event.request_id
        document["domainName"] = connection.domain_name
        document["connectionId"] = connection.connection_id
        document["apiId"] = connection.api_id
        return document


VARIABLES: dict[str, Callable[[Context], str | int | None]] = {
    "apiId": lambda context: context.connection.api_id,
    "stage": lambda context: context.connection.stage,
    "domainName": lambda context: context.connection.domain_name,
    "routeKey": lambda context: context.route_key,
    "eventType": lambda context: context.event_type,
    "connectionId": lambda context: context.connection.connection_id,
    "connectedAt": lambda context: context.connection.connected_at,
    "messageId": lambda context: getattr(context.event, "message_id", None),
    "messageDirection": lambda context: "IN",
    "requestId": lambda context: context.event.request_id,
    "extendedRequestId": lambda context: context.event.request_id,
    "requestTime": lambda context: request_time(context.event.time),
    "requestTimeEpoch": lambda context: context.event.time,
    "disconnectStatusCode": lambda context: getattr(context.event, "status_code", None),
    "disconnectReason": lambda context: getattr(context.event, "reason", None),
    "identity.sourceIp": lambda context: context.connection.source_ip,
    "identity.userAgent": lambda context: context.connection.user_agent,
}
"""Every `$context` variable but those of the authorizer, which names its own."""

LASTING_VARIABLES = frozenset(
    ("apiId", "connectedAt", "connectionId", "domainName", "identity.sourceIp", "identity.userAgent", "stage")
)
"""Those of them that stay the same as long as a connection lives."""


def request_time(time_ms: int) -> str:
    """A time as `requestTime` writes it: `20/Jan/2026:11:55:08 +0000`, whatever the locale."""
    moment = datetime.fromtimestamp(time_ms / 1000, UTC)
    return f"{moment.day:02}/{_MONTHS[moment.month - 1]}/{moment:%Y:%H:%M:%S} +0000"


def _identity(connection: ConnectionInfo) -> dict[str, str]:
    identity = {"sourceIp": connection.source_ip}
    if connection.user_agent is not None:
        identity = {"userAgent": connection.user_agent, **identity}
    return identity
