"""`@connections`: how backends push to a client, read its state and drop it. Plain ASGI, in front of Django.

Amazon API Gateway's management API of WebSocket connections (2018-11-29): POST, GET and DELETE
`{base}/@connections/{connectionId}`, signed for `execute-api`. A malformed id is refused before anything else, a
foreign key before any look-up. Scope is the API: any of its stages can address a connection.
"""

import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple, TypeGuard

import orjson

from gatewayapp.core.ids import new_request_id, well_formed
from gatewayapp.core.sigv4 import SignatureError
from gatewayapp.dataplane.access import AccessDenied
from gatewayapp.dataplane.addresses import Address, UnknownHost
from gatewayapp.dataplane.connections import NORMAL, LiveConnection, Send
from gatewayapp.dataplane.stages import ConfigurationUnavailable, StageHandle
from gatewayapp.live import Delivery
from gatewayapp.storage_failures import find_storage_failure, log_storage_failure

if TYPE_CHECKING:
    from gatewayapp.dataplane.gateway import Gateway

logger = logging.getLogger(__name__)

Receive = Callable[[], Awaitable[dict[str, Any]]]
Scope = dict[str, Any]
Headers = list[tuple[bytes, bytes]]


class Request(NamedTuple):
    """An HTTP request without its body; the names of its headers are in lower case."""

    method: str
    raw_path: bytes
    query_string: bytes
    headers: Headers


class _CallerLeft(Exception):
    """The request broke off in the middle of its body, so nothing must come of it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer; `error_type` is what SDKs choose their exception by."""

    status: int
    body: bytes = b""
    error_type: str = ""
    headers: tuple[tuple[bytes, bytes], ...] = ()


def _error(status: int, error_type: str, message: str, member: str = "message") -> Answer:
    return Answer(status, orjson.dumps({member: message}), error_type)


DELIVERED = Answer(200)
DELETED = Answer(204)
GONE = Answer(410, error_type="GoneException")
TOO_LARGE = Answer(413)
BUSY = _error(429, "LimitExceededException", "Too Many Requests")
FORBIDDEN = _error(403, "ForbiddenException", "Forbidden")
NO_SUCH_CALL = _error(403, "MissingAuthenticationTokenException", "Missing Authentication Token")
UNKNOWN_HOST = _error(400, "BadRequestException", "Bad Request")
UPGRADE_REQUIRED = Answer(
    426,
    orjson.dumps({"message": "Upgrade Required"}),
    headers=((b"upgrade", b"websocket"), (b"connection", b"upgrade")),
)
_OF_DELIVERY = {Delivery.ACCEPTED: DELIVERED, Delivery.GONE: GONE, Delivery.BUSY: BUSY}
UNAVAILABLE = replace(
    _error(503, "ServiceUnavailableException", "Service Unavailable"), headers=((b"retry-after", b"5"),)
)
FAILED = _error(500, "InternalServerErrorException", "Internal server error")


class Callbacks:
    """The ASGI application for plain HTTP requests on the data plane's addresses."""

    def __init__(self, gateway: "Gateway") -> None:
        self._gateway = gateway

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope["method"], scope["raw_path"], scope["query_string"], scope["headers"])
        try:
            answer = await self._answer(request, receive)
        except _CallerLeft:
            return
        except Exception as error:
            answer = _failure_of(request, error)
        with suppress(OSError):  # the caller left meanwhile
            await send({"type": "http.response.start", "status": answer.status, "headers": _headers(answer)})
            await send({"type": "http.response.body", "body": answer.body})

    def answer_now(
        self, method: str, raw_path: bytes, query_string: bytes, headers: Headers, body: bytes
    ) -> tuple[int, Headers, bytes] | None:
        """Answer without ASGI's events; None for what is no call of a connection, or must wait for its stage."""
        request = Request(method, raw_path, query_string, headers)
        try:
            answer = self._answer_now(request, body)
        except Exception as error:
            answer = _failure_of(request, error)
        return None if answer is None else (answer.status, _headers(answer), answer.body)

    async def _answer(self, request: Request, receive: Receive) -> Answer:
        await self._gateway.started()
        address = self._addressed(request)
        if isinstance(address, Answer):
            return address
        try:
            stage = await self._gateway.stages.find(address.api_id, address.stage)
        except ConfigurationUnavailable as error:
            logger.warning("Refused %s %s: %s", request.method, request.raw_path.decode("latin-1"), error)
            return UNAVAILABLE
        if not _is_open(stage):
            return FORBIDDEN
        limit = stage.snapshot.limits.max_message
        refused = TOO_LARGE if _declared_length(request.headers) > limit else self._refuse_early(request)
        return refused or self._carry_out(request, address, stage, await _read_body(receive, limit))

    def _answer_now(self, request: Request, body: bytes) -> Answer | None:
        if not self._gateway.has_started:
            return None
        address = self._addressed(request)
        if isinstance(address, Answer):
            return None
        stage = self._gateway.stages.find_in_use(address.api_id, address.stage)
        return self._carry_out(request, address, stage, body) if _is_open(stage) else None

    def _addressed(self, request: Request) -> Address | Answer:
        """The address of the connection that is asked for, or the answer where there is none."""
        try:
            address = self._gateway.addresses.find(host_of(request.headers), request.raw_path.decode("latin-1"))
        except UnknownHost:
            return UNKNOWN_HOST
        if address is None:
            return FORBIDDEN
        if address.rest in ("", "/"):
            return UPGRADE_REQUIRED if self._gateway.stages.exists(address.api_id, address.stage) else FORBIDDEN
        if address.connection_id is None:
            return NO_SUCH_CALL
        if not well_formed(address.connection_id):
            return _error(400, "BadRequestException", f"Invalid connectionId: {address.connection_id}")
        return address

    def _carry_out(self, request: Request, address: Address, stage: StageHandle, body: bytes) -> Answer:
        assert address.connection_id is not None
        if len(body) > stage.snapshot.limits.max_message:
            return TOO_LARGE
        refused = self._refuse(request, address, body)
        return refused or self._act(request.method, stage, address.connection_id, body)

    def _refuse_early(self, request: Request) -> Answer | None:
        """The response to a caller that no body could make acceptable; None: its body has to be read."""
        if self._is_anonymous(request):
            return None
        try:
            self._gateway.access_keys.check_claim(query_string=request.query_string, headers=_decoded(request.headers))
        except SignatureError as error:
            return _error(error.status, error.code, error.message)
        return None

    def _is_anonymous(self, request: Request) -> bool:
        """Whether the request needs no signature and has none."""
        return self._gateway.anonymous_callbacks and not _is_signed(request)

    def _refuse(self, request: Request, address: Address, body: bytes) -> Answer | None:
        """Why the caller may not, or None if it may."""
        if self._is_anonymous(request):
            return None
        try:
            self._gateway.access_keys.check(
                method=request.method,
                raw_path=request.raw_path,
                query_string=request.query_string,
                headers=_decoded(request.headers),
                body=body,
                api_id=address.api_id,
                stage=address.stage,
            )
        except SignatureError as error:
            return _error(error.status, error.code, error.message)
        except AccessDenied as error:
            return _error(403, "AccessDeniedException", str(error), member="Message")
        return None

    def _act(self, method: str, stage: StageHandle, connection_id: str, body: bytes) -> Answer:
        if method == "POST":
            return self._post(stage, connection_id, body)
        if method not in ("GET", "DELETE"):
            return NO_SUCH_CALL
        connection = self._find(stage, connection_id)
        if connection is None:
            return GONE
        if method == "DELETE":
            connection.close(NORMAL)
            return DELETED
        return Answer(200, orjson.dumps(_state(connection)))

    def _post(self, stage: StageHandle, connection_id: str, body: bytes) -> Answer:
        """Always a text frame, whatever the bytes; answered once the frame is in the connection's send buffer."""
        if self._find(stage, connection_id) is None:
            return GONE
        return _OF_DELIVERY[self._gateway.connections.deliver(connection_id, body.decode(errors="replace"))]

    def _find(self, stage: StageHandle, connection_id: str) -> LiveConnection | None:
        """The connection, if it is one of the stage's API; another API's answers as if there were none."""
        connection = self._gateway.connections.find(connection_id)
        return connection if connection and connection.info.api_id == stage.key.api_id else None


def too_large() -> tuple[int, Headers, bytes]:
    """The response of `@connections` to a body that is too large: status, headers, body."""
    return TOO_LARGE.status, _headers(TOO_LARGE), TOO_LARGE.body


def _decoded(headers: Headers) -> list[tuple[str, str]]:
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]


def _declared_length(headers: Headers) -> int:
    """What Content-Length says, 0 without one; the server has checked that it is a number."""
    return next((int(value) for name, value in headers if name == b"content-length"), 0)


def host_of(headers: Headers) -> str:
    """The Host header's value, or ""."""
    for name, value in headers:
        if name == b"host":
            return bytes(value).decode("latin-1")
    return ""


def _is_open(stage: StageHandle | None) -> TypeGuard[StageHandle]:
    """Whether there is such a stage, and its API may be called at this address."""
    return stage is not None and not stage.snapshot.api.disable_execute_api_endpoint


def _is_signed(request: Request) -> bool:
    return b"X-Amz-Signature=" in request.query_string or any(name == b"authorization" for name, _ in request.headers)


def _state(connection: LiveConnection) -> dict[str, Any]:
    info = connection.info
    return {
        "connectedAt": _iso(info.connected_at),
        "identity": {"sourceIp": info.source_ip, "userAgent": info.user_agent},
        "lastActiveAt": _iso(connection.last_active_at),
    }


def _iso(time_ms: int) -> str:
    moment = datetime.fromtimestamp(time_ms / 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{time_ms % 1000:03}Z"


async def _read_body(receive: Receive, limit: int) -> bytes:
    """The request's body, whatever its Content-Length says; only its beginning once that is larger than `limit`."""
    body, more = b"", True
    while more and len(body) <= limit:
        event = await receive()
        if event["type"] == "http.disconnect":
            raise _CallerLeft
        body += event.get("body", b"")
        more = event.get("more_body", False)
    return body


def _headers(answer: Answer) -> Headers:
    headers = [(b"x-amzn-requestid", new_request_id().encode()), *answer.headers]
    if answer.status != 204:
        headers.append((b"content-length", b"%d" % len(answer.body)))
    if answer.body:
        headers.append((b"content-type", b"application/json"))
    if answer.error_type:
        headers.append((b"x-amzn-errortype", answer.error_type.encode()))
    return headers


def _failure_of(request: Request, error: Exception) -> Answer:
    """What nobody expected is logged in full and kept from the caller; called while the exception is handled."""
    failure = find_storage_failure(error)
    if failure is not None:  # only a stage that was not loaded yet is read from the database
        log_storage_failure(failure, error, f"{request.method} {request.raw_path.decode('latin-1')}")
        return UNAVAILABLE
    logger.exception("Unexpected failure of %s %s", request.method, request.raw_path.decode("latin-1"))
    return FAILED
