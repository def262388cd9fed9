"""Reading a WebSocket handshake out of its ASGI scope, and writing the answers that refuse one."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import orjson

from gatewayapp.cookies import own_cookies
from gatewayapp.core.errors import GatewayError, Throttled
from gatewayapp.core.ids import new_request_id
from gatewayapp.core.masking import Mask
from gatewayapp.core.messages import Acceptance, ConnectionInfo, Denial, Handshake, Headers
from gatewayapp.dataplane.addresses import Address
from gatewayapp.live import HandshakeFacts

_LONGEST_USER_AGENT = 2048
_LONGEST_PATH, _LONGEST_QUERY, _LONGEST_LINE, _LONGEST_HEADERS = 512, 1536, 1024, 6144
"""What is kept of a handshake for those who look at the connection: 8 KiB in all."""

RETRY_LATER = {"Retry-After": "5"}
"""Headers of a handshake that is refused because memory or the database is unavailable."""
THROTTLED_RETRY_AFTER_SECONDS = "1"

_ERROR_TYPES = {403: "ForbiddenException", 429: "TooManyRequestsException"}


def read_headers(scope: dict[str, Any]) -> Headers:
    """The handshake's headers, in the client's spelling where the server keeps it, without the dashboard's cookies."""
    raw = scope.get("extensions", {}).get("nopal.raw_headers") or scope["headers"]
    headers = ((name.decode("latin-1"), value.decode("latin-1")) for name, value in raw)
    return tuple(kept for header in headers if (kept := _without_own_cookies(*header)) is not None)


def read_handshake(scope: dict[str, Any], time_ms: int) -> Handshake:
    return Handshake(
        request_id=new_request_id(),
        time=time_ms,
        headers=read_headers(scope),
        query_string=scope["query_string"].decode("latin-1"),
    )


def read_connection(
    scope: dict[str, Any], address: Address, handshake: Handshake, connection_id: str, connected_at: int
) -> ConnectionInfo:
    """What the connection will be known by; the peer and the scheme are those that the server believes."""
    secure = scope.get("scheme") == "wss"
    server = scope.get("server") or (None, None)
    return ConnectionInfo(
        connection_id=connection_id,
        api_id=address.api_id,
        stage=address.stage,
        domain_name=address.domain_name,
        connected_at=connected_at,
        source_ip=(scope.get("client") or ("",))[0],
        user_agent=_user_agent(handshake.headers),
        forwarded_proto="https" if secure else "http",
        forwarded_port=server[1] or (443 if secure else 80),
    )


def read_facts(scope: dict[str, Any], handshake: Handshake, acceptance: Acceptance, mask: Mask) -> HandshakeFacts:
    """What is kept of a handshake for as long as its connection is open."""
    path = scope["raw_path"].decode("latin-1")
    query = mask.query(handshake.query_string)
    lines = [f"{name}: {value}" for name, value in mask.headers(handshake.headers)]
    kept = "\n".join(line[:_LONGEST_LINE] for line in lines)[:_LONGEST_HEADERS]
    return HandshakeFacts(
        path[:_LONGEST_PATH],
        query[:_LONGEST_QUERY],
        kept,
        acceptance.subprotocol,
        scope.get("scheme") == "wss",
        len(path) > _LONGEST_PATH or len(query) > _LONGEST_QUERY or kept != "\n".join(lines),
    )


def header(headers: Headers, name: str) -> str:
    """The first value of a header, or ""."""
    return next((value for key, value in headers if key.lower() == name), "")


def refusal(status: int, error_type: str, message: str, more: Mapping[str, str] = MappingProxyType({})) -> Denial:
    """The response to a handshake that fails before the connection has an id; shaped as by AWS's REST gateway."""
    headers = (
        ("Content-Type", "application/json"),
        ("x-amzn-RequestId", new_request_id()),
        ("x-amzn-ErrorType", error_type),
        *more.items(),
    )
    return Denial(status, headers, orjson.dumps({"message": message}))


def unavailable() -> Denial:
    """The response to a handshake that may succeed a little later."""
    return refusal(503, "ServiceUnavailableException", "Service Unavailable", RETRY_LATER)


def early_refusal(error: GatewayError) -> Denial:
    """The refusal of a handshake by a failure that came before the connection had an id."""
    more = {"Retry-After": THROTTLED_RETRY_AFTER_SECONDS} if error.status == 429 else {}
    return refusal(error.status, _ERROR_TYPES[error.status], error.message, more)


def throttle_response() -> tuple[bytes, list[tuple[bytes, bytes]]]:
    """Body and headers of the 429 for a handshake that the server does not admit; it adds Retry-After."""
    denial = refusal(Throttled.status, _ERROR_TYPES[Throttled.status], Throttled.message)
    return denial.body, [(name.lower().encode(), value.encode()) for name, value in denial.headers]


def denial_events(denial: Denial) -> tuple[dict[str, Any], dict[str, Any]]:
    """A denial as the two events of ASGI's `websocket.http.response` extension."""
    length = ("Content-Length", str(len(denial.body)))
    headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in (*denial.headers, length)]
    start = {"type": "websocket.http.response.start", "status": denial.status, "headers": headers}
    return start, {"type": "websocket.http.response.body", "body": denial.body}


def _user_agent(headers: Headers) -> str | None:
    value = header(headers, "user-agent")
    return value[:_LONGEST_USER_AGENT] or None


def _without_own_cookies(name: str, value: str) -> tuple[str, str] | None:
    """A browser that is signed in to the dashboard sends its session along; no backend may ever see that."""
    if name.lower() != "cookie":
        return name, value
    own = own_cookies()
    if not any(cookie in value for cookie in own):
        return name, value
    kept = [part.strip() for part in value.split(";") if part.partition("=")[0].strip() not in own]
    return (name, "; ".join(kept)) if any(kept) else None
