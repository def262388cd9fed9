"""What travels through the gateway: one immutable value for every step of a message's way.

A connection lives as one `ConnectionInfo`; what happens on it is a `Handshake`, a `Message` or a `Disconnect`.
Mapping turns those into an `IntegrationRequest`, an integration answers with an `IntegrationResponse`.
Values made for every message are named tuples, which are several times quicker to make than frozen dataclasses.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from gatewayapp.core.ids import derived_id

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
    proxy_head: str = field(init=False, repr=False, compare=False)
    """The header lines that every proxied message's request carries; made once, since they never change."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "proxy_head", header_lines((*self.gateway_headers, *self.forwarded_headers)))

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


class Message(NamedTuple):
    """One text message of a client; `text` is the original, unchanged."""

    request_id: str
    time: int
    text: str

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


class HttpRequest(NamedTuple):
    """A call of an HTTP or HTTP_PROXY integration; `timeout` in seconds covers it from dialling to the last byte.

    `head` has the header lines, complete (with Host and Content-Length) and already checked: token names, no control
    bytes. Its characters stand for bytes (Latin-1), so that what a client sent reaches the backend as it was.
    """

    origin: Origin
    method: str
    target: str
    head: str
    body: bytes
    timeout: float
    server_name: str | None = None
    """The name to verify in the backend's certificate, where it is not the host."""

    @property
    def headers(self) -> Headers:
        """The head's fields."""
        fields = (line.partition(": ") for line in self.head.split("\r\n") if line)
        return tuple((name, value) for name, _, value in fields)


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


class IntegrationResponse(NamedTuple):
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
