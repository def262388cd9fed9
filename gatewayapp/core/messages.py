"""What travels through the gateway: one immutable value for every step of a message's way.

A connection lives as one `ConnectionInfo`; what happens on it is a `Handshake`, a `Message` or a `Disconnect`.
Mapping turns those into an `IntegrationRequest`, an integration answers with an `IntegrationResponse`.
Values made for every message are not frozen, which would make them several times slower to make; nobody changes them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from gatewayapp.core.ids import derived_id, new_request_id

if TYPE_CHECKING:
    from gatewayapp.core.snapshot import Integration

Headers = tuple[tuple[str, str], ...]
"""Header fields in order of arrival, names in the sender's spelling."""

CONTROL_BYTES = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
"""What a header's value may not hold (RFC 9110 section 5.5)."""


@dataclass(frozen=True, slots=True)
class ConnectionInfo:
    """What stays the same for the whole life of a connection; times are epoch milliseconds."""

    connection_id: str
    api_id: str
    stage: str
    domain_name: str
    connected_at: int
    source_ip: str
    user_agent: str | None = None
    forwarded_proto: str = "https"
    forwarded_port: int = 443
    authorizer: Mapping[str, str] | None = None
    starts: "dict[Integration, RequestStart]" = field(default_factory=dict, init=False, repr=False, compare=False)
    """How the requests for this connection's messages begin, for integrations of which that never changes."""

    @property
    def gateway_headers(self) -> Headers:
        """Which API calls."""
        agent = ("User-Agent", f"AmazonAPIGateway_{self.api_id}")
        return (agent, ("X-Amzn-Apigateway-Api-Id", self.api_id))

    @property
    def forwarded_headers(self) -> Headers:
        """Who connected, and how; what a client itself claims under these names is not passed on."""
        return (
            ("X-Forwarded-For", self.source_ip),
            ("X-Forwarded-Port", str(self.forwarded_port)),
            ("X-Forwarded-Proto", self.forwarded_proto),
        )


@dataclass(frozen=True, slots=True)
class Handshake:
    """The opening request, while its upgrade is pending: the event of the `$connect` route."""

    request_id: str
    time: int
    headers: Headers
    query_string: str


class Message:
    """One text message of a client; `text` is the original, unchanged."""

    __slots__ = ("_request_id", "text", "time")

    def __init__(self, time: int, text: str, request_id: str = "") -> None:
        self.time = time
        self.text = text
        self._request_id = request_id

    @property
    def request_id(self) -> str:
        """Made when it is asked for: most messages are answered without it."""
        if not self._request_id:
            self._request_id = new_request_id()
        return self._request_id

    @property
    def message_id(self) -> str:
        """Made of the request id, for few integrations ask for it."""
        return derived_id(self.request_id)


@dataclass(frozen=True, slots=True)
class Disconnect:
    """A closed connection: the event of the `$disconnect` route."""

    request_id: str
    time: int
    status_code: int
    reason: str


Event = Handshake | Message | Disconnect


class Origin(NamedTuple):
    """Where a request connects to; `host` is lower-case, without brackets around an IPv6 address."""

    scheme: str
    host: str
    port: int


class Caller(NamedTuple):
    """The route that calls a backend: calls of different callers get fair shares of the backend's connections."""

    api_id: str
    stage: str
    route_key: str


GATEWAY = Caller("", "", "")
"""The caller of the gateway's own calls, which belong to no route."""


class RequestStart(NamedTuple):
    """Where a request connects to, and its head without the fields that differ from one request to the next."""

    origin: Origin
    lines: bytes


@dataclass(slots=True)
class HttpRequest:
    """A call of an HTTP or HTTP_PROXY integration; `timeout` in seconds covers it from dialling to the last byte.

    `head` is what is sent before the body, complete from the request line to the empty line and already checked.
    """

    origin: Origin
    head: bytes
    body: bytes
    timeout: float
    server_name: str | None = None
    """The name to verify in the backend's certificate, where it is not the host."""

    @property
    def method(self) -> str:
        return self._lines[0].split(" ")[0]

    @property
    def target(self) -> str:
        return self._lines[0].split(" ")[1]

    @property
    def headers(self) -> Headers:
        """The head's fields."""
        fields = (line.partition(": ") for line in self._lines[1:] if line)
        return tuple((name, value) for name, _, value in fields)

    @property
    def _lines(self) -> list[str]:
        return self.head.decode("latin-1").split("\r\n")


@dataclass(frozen=True, slots=True)
class LambdaRequest:
    """A call of a Lambda function through the Invoke API; `payload` is JSON.

    An `asynchronous` one (invocation type `Event`) is answered once it is queued, with an empty body.
    """

    region: str
    function_name: str
    qualifier: str | None
    payload: bytes
    timeout: float
    asynchronous: bool = False


@dataclass(frozen=True, slots=True)
class MockRequest:
    """A MOCK integration's request: nobody is called, `status` is the answer's status."""

    status: int


IntegrationRequest = HttpRequest | LambdaRequest | MockRequest


@dataclass(slots=True)
class IntegrationResponse:
    """What came back. `function_error` is the X-Amz-Function-Error of a failed Lambda function, else None."""

    status: int
    body: bytes = b""
    headers: Headers = ()
    function_error: str | None = None


@dataclass(frozen=True, slots=True)
class Denial:
    """How a refused handshake is answered instead of with status 101."""

    status: int
    headers: Headers
    body: bytes


@dataclass(frozen=True, slots=True)
class Acceptance:
    """How an accepted handshake is answered: with the subprotocol that the `$connect` backend chose, if any."""

    subprotocol: str | None = None


def header_lines(headers: Headers) -> str:
    """Header fields as they stand in a request's head, each line with its end (RFC 9112 section 5).

    The one place where names and values become lines, so what would end a line early is refused here once more.
    Raises ValueError.
    """
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers])
    if lines.count("\r") != len(headers) or lines.count("\n") != len(headers) or "\0" in lines:
        raise ValueError("A header of a request to a backend holds a control byte.")
    return lines
