"""The test client: a WebSocket client of the gateway's own stages that runs on the server, for the page `/client`.

The browser says what to do over a live socket, this side does it over a real connection to this very server, so that
headers that no browser can send, signatures, binary frames and pings work. It reaches nothing else: host and port are
those that the browser itself came in by, and the path is a stage's.

What the page says, one JSON object a frame:

    {"do": "open", "apiId": …, "stage": …, "headers": [[name, value], …], "query": [[name, value], …],
     "subprotocols": […], "accessKeyId": …, "secretAccessKey": …}
    {"do": "send", "text": …} or {"do": "send", "base64": …};  {"do": "ping"};  {"do": "close", "code": …, "reason": …}

What it is told: `{"event": …, "at": epoch milliseconds, …}` with the events opening, open, refused, sent, received,
pong, closed and failed.
"""

import asyncio
import base64
import binascii
import re
import ssl
from collections.abc import Sequence
from time import time
from typing import Any
from urllib.parse import quote

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from django.conf import settings
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.typing import Origin, Subprotocol

from dashboard.live import LiveConsumer
from gatewayapp.controlplane.api.v1.permissions import on_some
from gatewayapp.core.roles import Permission

_PATIENCE = 35.0
"""Seconds for a handshake: a `$connect` integration may take 29."""
_PONG_PATIENCE = 10.0
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\uffff]*")
_API_ID, _STAGE = re.compile(r"[a-z0-9]{10}"), re.compile(r"[A-Za-z0-9_-]{1,128}")
_OURS = frozenset({"host", "connection", "upgrade", "content-length", "transfer-encoding"})
_FRAGMENT = 8192
"""Characters, each of which takes four bytes at most."""
_MOST_BODY = 64 * 1024

Pairs = Sequence[tuple[str, str]]


class Refused(ValueError):
    """What the page asked for cannot be done, in a sentence."""


class ClientConsumer(LiveConsumer):
    """One tab of the page: one connection at a time."""

    need = on_some(Permission.WRITE_CONNECTIONS)
    takes_nul = True  # as a frame to an API may
    max_message = 2**20

    async def watch(self) -> None:
        self._client: ClientConnection | None = None
        self._running: asyncio.Task[None] | None = None
        try:
            await asyncio.Event().wait()  # until the page goes
        finally:
            if self._running is not None:
                self._running.cancel()

    async def heard(self, message: dict[str, Any]) -> None:
        try:
            await self._do(message)
        except Refused as error:
            await self._note("failed", message=str(error))
        except ConnectionClosed:
            await self._note("failed", message="The connection is closed: connect again.")
        except TimeoutError:
            await self._note("failed", message=f"No pong came within {_PONG_PATIENCE:.0f} s.")

    async def _do(self, message: dict[str, Any]) -> None:
        match message.get("do"):
            case "open":
                if self._running is not None:
                    self._running.cancel()
                self._running = asyncio.create_task(self._run(*self._planned(message)))
            case "send":
                await self._send(message)
            case "ping":
                await self._ping()
            case "close":
                await self._close(message)

    # connecting

    def _planned(self, message: dict[str, Any]) -> tuple[str, list[tuple[str, str]], list[str]]:
        """The address, headers and subprotocols that the page asks for. Raises Refused."""
        api_id, stage = str(message.get("apiId")), str(message.get("stage"))
        if not (_API_ID.fullmatch(api_id) and _STAGE.fullmatch(stage)):
            raise Refused("Choose an API and a stage.")
        if not self.access.may(self.need.permission, api_id):
            raise Refused(f"You may not connect to the API {api_id} from here: that takes the role operator.")
        query = "&".join(f"{quote(name, '')}={quote(value, '')}" for name, value in _pairs(message.get("query")))
        path = f"/ws/{api_id}/{stage}" + (f"?{query}" if query else "")
        headers = [(name, value) for name, value in _pairs(message.get("headers")) if _checked(name, value)]
        if message.get("accessKeyId"):
            headers += self._signature(path, headers, message)
        subprotocols = [str(each) for each in message.get("subprotocols") or ()]
        if unfit := next((each for each in subprotocols if not _TOKEN.fullmatch(each)), None):
            raise Refused(f"{unfit!r} is no subprotocol: those are tokens (RFC 6455 section 4.1).")
        return path, headers, subprotocols

    def _signature(self, path: str, headers: Pairs, message: dict[str, Any]) -> list[tuple[str, str]]:
        """The headers that sign the handshake for `execute-api`. The secret is used for this and forgotten."""
        credentials = Credentials(str(message["accessKeyId"]), str(message.get("secretAccessKey") or ""))
        request = AWSRequest("GET", f"http://{self._host}{path}", headers={"Host": self._host})
        SigV4Auth(credentials, "execute-api", settings.NOPAL_REGION).add_auth(request)
        present = {name.lower() for name, _ in headers} | {"host"}
        return [(name, value) for name, value in request.headers.items() if name.lower() not in present]

    async def _run(self, path: str, headers: list[tuple[str, str]], subprotocols: list[str]) -> None:
        await self._note("opening", path=path)
        try:
            async with self._connected(path, headers, subprotocols) as client:
                self._client = client
                await self._note("open", subprotocol=client.subprotocol, headers=_shown(client.response))
                async for frame in client:
                    await self._note("received", **_frame(frame))
                await self._note("closed", code=client.close_code, reason=client.close_reason)
        except InvalidStatus as error:
            answer = error.response
            body = (answer.body or b"")[:_MOST_BODY].decode("utf-8", "replace")
            await self._note("refused", status=answer.status_code, headers=_shown(answer), body=body)
        except ConnectionClosed as error:
            close = error.rcvd or error.sent
            await self._note("closed", code=close.code if close else 1006, reason=close.reason if close else "")
        except (OSError, InvalidHandshake, TimeoutError) as error:
            await self._note("failed", message=f"No connection: {error or type(error).__name__}")
        finally:
            self._client = None

    def _connected(self, path: str, headers: list[tuple[str, str]], subprotocols: list[str]) -> connect:
        secure = self.scope.get("scheme") == "wss"
        server = self.scope["server"]
        named = {name.lower(): value for name, value in headers}
        return connect(
            f"{'wss' if secure else 'ws'}://{self._host}{path}",
            host=server[0],
            port=server[1],
            ssl=_own_tls() if secure else None,
            origin=Origin(named["origin"]) if "origin" in named else None,
            user_agent_header=named.get("user-agent", "Nopal test client"),
            additional_headers=[pair for pair in headers if pair[0].lower() not in ("origin", "user-agent")],
            subprotocols=[Subprotocol(each) for each in subprotocols] or None,
            compression=None,
            max_size=None,
            open_timeout=_PATIENCE,
            ping_interval=None,
            proxy=None,
        )

    @property
    def _host(self) -> str:
        return next(value.decode("latin-1") for name, value in self.scope["headers"] if name == b"host")

    # the open connection

    async def _send(self, message: dict[str, Any]) -> None:
        client = self._open_client()
        frame: str | bytes = str(message.get("text", ""))
        if "base64" in message:
            try:
                frame = base64.b64decode(str(message["base64"]), validate=True)
            except binascii.Error as error:
                raise Refused(f"This is not Base64: {error}.") from error
        await client.send(_fragments(frame))
        await self._note("sent", **_frame(frame))

    async def _ping(self) -> None:
        began = time()
        pong = await self._open_client().ping()
        await asyncio.wait_for(asyncio.shield(pong), _PONG_PATIENCE)
        await self._note("pong", milliseconds=round((time() - began) * 1000, 1))

    async def _close(self, message: dict[str, Any]) -> None:
        code, reason = message.get("code", 1000), str(message.get("reason", ""))
        if not isinstance(code, int) or not (code == 1000 or 3000 <= code <= 4999):
            raise Refused("A client may close with 1000, or with a code from 3000 to 4999.")
        if len(reason.encode()) > 123:
            raise Refused("A reason has at most 123 bytes (RFC 6455 section 5.5).")
        await self._open_client().close(code, reason)

    def _open_client(self) -> ClientConnection:
        if self._client is None:
            raise Refused("Connect first.")
        return self._client

    async def _note(self, event: str, **facts: Any) -> None:
        await self.tell({"event": event, "at": int(time() * 1000), **facts})


def _pairs(given: Any) -> list[tuple[str, str]]:
    return [(str(pair[0]), str(pair[1])) for pair in given or () if isinstance(pair, list) and len(pair) == 2]


def _checked(name: str, value: str) -> bool:
    """Whether there is a header to send. Raises Refused for one that cannot be sent."""
    if not name:
        return False
    if not _TOKEN.fullmatch(name) or not _VALUE.fullmatch(value):
        raise Refused(f"{name!r} cannot be sent as a header: control characters and spaces in names are not allowed.")
    if name.lower() in _OURS or name.lower().startswith("sec-websocket-"):
        raise Refused(f"The header {name} belongs to the handshake itself; subprotocols have a field of their own.")
    return True


def _fragments(message: str | bytes) -> str | bytes | list[str] | list[bytes]:
    """The message, or the frames that a large one goes in: a frame has at most 32 KB, as on AWS."""
    if len(message) <= _FRAGMENT:
        return message
    starts = range(0, len(message), _FRAGMENT)
    return [message[start : start + _FRAGMENT] for start in starts]  # type: ignore[return-value]


def _frame(frame: str | bytes) -> dict[str, Any]:
    if isinstance(frame, str):
        return {"text": frame, "size": len(frame.encode())}
    return {"base64": base64.b64encode(frame).decode(), "size": len(frame)}


def _shown(response: Any) -> list[tuple[str, str]]:
    return [(name, value) for name, value in response.headers.raw_items()] if response is not None else []


def _own_tls() -> ssl.SSLContext:
    """For a connection to this server itself, whose certificate need not name the address it is reached by."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
