"""A chat room behind Nopal: an ordinary HTTP application that never holds a socket.

The gateway calls one path for each route of the API and says in headers whom the call is about. What concerns
everyone goes out through `@connections`; the answer of a two-way route (`/who`, `/default`) is the caller's reply.
"""

import argparse
import html
import json
import logging
import os
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

logger = logging.getLogger("chat")

PAGE = Path(__file__).parent / "page"
LOBBY = "lobby"
MAX_TEXT = 2000
HANDSHAKE_GRACE = 10.0
"""Seconds. Until its handshake is through, a connection answers 410 as if it were gone; newcomers are not dropped."""

Frame = dict[str, Any]


def main() -> None:
    arguments = parse_arguments()
    logging.basicConfig(format="chat: %(message)s")
    logger.setLevel(logging.INFO)
    if missing := [name for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY") if not os.environ.get(name)]:
        sys.exit(f"Set {' and '.join(missing)} to an access key of the gateway that may manage the API's connections.")
    chat = Chat(Callbacks(arguments.gateway))
    websocket_url = arguments.websocket or "ws" + arguments.gateway.removeprefix("http")
    with ChatServer((arguments.host, arguments.port), chat, websocket_url) as server:
        logger.info("on http://%s:%s/, for the gateway at %s", *server.server_address[:2], arguments.gateway)
        with suppress(KeyboardInterrupt):
            server.serve_forever()


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="A chat room behind a WebSocket API gateway.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8001)
    parser.add_argument(
        "--gateway", required=True, help="base of @connections, such as http://127.0.0.1:8000/ws/{apiId}/{stage}"
    )
    parser.add_argument("--websocket", help="URL that browsers connect to; by default --gateway with ws for http")
    return parser.parse_args()


@dataclass(frozen=True, slots=True)
class Call:
    """What the gateway tells about an event: whose connection, the handshake's query, the client's message."""

    connection_id: str
    query: Mapping[str, str] = field(default_factory=dict)
    message: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Member:
    connection_id: str
    name: str
    room: str
    since: float


class Chat:
    """The application: one method for each route, named as its path. A returned frame answers a two-way route."""

    def __init__(self, callbacks: "Callbacks") -> None:
        self._callbacks = callbacks
        self._members: dict[str, Member] = {}
        self._lock = Lock()

    def connect(self, call: Call) -> None:
        member = self._enter(call.connection_id, call.query.get("name", ""), LOBBY)
        self._tell(member.room, self._event("joined", member), besides=member)

    def disconnect(self, call: Call) -> None:
        self._drop(call.connection_id)

    def join(self, call: Call) -> None:
        """Take another name, move to another room, or both."""
        before = self._members.get(call.connection_id)
        name, room = (str(call.message.get(key) or "").strip() for key in ("name", "room"))
        after = self._enter(
            call.connection_id, name or (before.name if before else ""), room or (before.room if before else LOBBY)
        )
        if before and before.room != after.room:
            self._tell(before.room, self._event("left", before))
        renamed = {"formerly": before.name} if before and before.room == after.room else {}
        self._tell(after.room, self._event("joined", after) | renamed)

    def send(self, call: Call) -> None:
        member = self._members.get(call.connection_id) or self._adopt(call.connection_id)
        text = call.message.get("text")
        if not isinstance(text, str) or not text.strip() or len(text) > MAX_TEXT:
            problem = f'A message is {{"action":"send","text":…}} with 1 to {MAX_TEXT} characters of text.'
            self._push(member, {"type": "error", "message": problem})
            return
        self._tell(member.room, {"type": "message", "from": member.name, "text": text, "at": now()})

    def who(self, call: Call) -> Frame:
        member = self._members.get(call.connection_id) or self._adopt(call.connection_id)
        return self._event("members", member)

    def default(self, call: Call) -> Frame:
        return {
            "type": "help",
            "message": "Messages are JSON objects; their action chooses the route.",
            "examples": [
                {"action": "send", "text": "hello"},
                {"action": "join", "name": "ann", "room": LOBBY},
                {"action": "who"},
            ],
        }

    def _enter(self, connection_id: str, name: str, room: str) -> Member:
        with self._lock:
            others = {
                other.name
                for other in self._members.values()
                if other.room == room[:32] and other.connection_id != connection_id
            }
            known = self._members.get(connection_id)
            since = known.since if known else time.monotonic()
            member = Member(connection_id, unused_name(name, others), room[:32], since)
            self._members[connection_id] = member
        return member

    def _adopt(self, connection_id: str) -> Member:
        """Someone from before this application started: the gateway kept the connection, only the name is lost."""
        member = self._enter(connection_id, "", LOBBY)
        self._push(member, {"type": "forgotten"})
        return member

    def _drop(self, connection_id: str) -> None:
        with self._lock:
            member = self._members.pop(connection_id, None)
        if member:
            self._tell(member.room, self._event("left", member))

    def _event(self, kind: str, member: Member) -> Frame:
        return {
            "type": kind,
            "name": member.name,
            "room": member.room,
            "members": self._names(member.room),
            "at": now(),
        }

    def _names(self, room: str) -> list[str]:
        return sorted(member.name for member in self._in_room(room))

    def _in_room(self, room: str) -> list[Member]:
        with self._lock:
            return [member for member in self._members.values() if member.room == room]

    def _tell(self, room: str, frame: Frame, besides: Member | None = None) -> None:
        for member in self._in_room(room):
            if member != besides:
                self._push(member, frame)

    def _push(self, member: Member, frame: Frame) -> None:
        connected = self._callbacks.post(member.connection_id, frame | {"you": member.name})
        if not connected and time.monotonic() - member.since > HANDSHAKE_GRACE:
            self._drop(member.connection_id)


class Callbacks:
    """The gateway's `@connections` API through the AWS SDK; only its endpoint differs from AWS."""

    def __init__(self, endpoint_url: str) -> None:
        self._client = boto3.client(
            "apigatewaymanagementapi",
            endpoint_url=endpoint_url,
            region_name=os.environ.get("AWS_DEFAULT_REGION", "us-east-1"),
            config=Config(
                retries={"mode": "standard", "total_max_attempts": 3},
                connect_timeout=2,
                read_timeout=5,
                max_pool_connections=32,
            ),
        )

    def post(self, connection_id: str, frame: Frame) -> bool:
        """Send a frame; False where the connection is gone."""
        data = json.dumps(frame, ensure_ascii=False).encode()
        try:
            self._client.post_to_connection(ConnectionId=connection_id, Data=data)
        except self._client.exceptions.GoneException:
            return False
        except (BotoCoreError, ClientError) as error:
            logger.error("the gateway did not take a message for %s: %s", connection_id, error)
        return True


class ChatServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], chat: Chat, websocket_url: str) -> None:
        super().__init__(address, Handler)
        self.websocket_url = websocket_url
        self.routes: dict[str, Callable[[Call], Frame | None]] = {
            "/connect": chat.connect,
            "/disconnect": chat.disconnect,
            "/join": chat.join,
            "/send": chat.send,
            "/who": chat.who,
            "/default": chat.default,
        }


class Handler(BaseHTTPRequestHandler):
    """GET serves the chat's page, POST is the gateway's."""

    server: ChatServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    FILES = {
        "/": ("index.html", "text/html; charset=utf-8"),
        "/chat.css": ("chat.css", "text/css; charset=utf-8"),
        "/chat.js": ("chat.js", "text/javascript; charset=utf-8"),
        "/icon.svg": ("icon.svg", "image/svg+xml"),
    }

    def do_GET(self) -> None:
        name, content_type = self.FILES.get(urlsplit(self.path).path, ("", ""))
        if not name:
            return self._answer(404, b"Not found\n")
        content = (PAGE / name).read_text(encoding="utf-8")
        page = content.replace("{{ websocket_url }}", html.escape(self.server.websocket_url))
        return self._answer(200, page.encode(), content_type, "max-age=60" if name == "icon.svg" else "no-store")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        url = urlsplit(self.path)
        route = self.server.routes.get(url.path)
        if route is None:
            return self._answer(404, b"Not found\n")
        # Only a gateway sends this header: a page in a browser may not, unless we allowed it to.
        connection_id = self.headers.get("connectionId")
        if not connection_id:
            return self._answer(400, b"Map integration.request.header.connectionId to context.connectionId.\n")
        query = {name: values[-1] for name, values in parse_qs(url.query).items()}
        reply = route(Call(connection_id, query, json_object(body)))
        answer = json.dumps(reply, ensure_ascii=False).encode() if reply else b""
        return self._answer(200, answer, "application/json")

    def _answer(
        self, status: int, body: bytes, content_type: str = "text/plain; charset=utf-8", caching: str = "no-store"
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", caching)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header(
            "Content-Security-Policy",
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src ws: wss:; "
            "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        )
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, code: object = "-", size: object = "-") -> None:
        if self.command == "POST":
            logger.info("%s %s", urlsplit(self.path).path, self.headers.get("connectionId", "-"))


def unused_name(wished: str, taken: set[str]) -> str:
    name = " ".join(wished.split())[:32] or "guest"
    number = 1
    while (candidate := name if number == 1 else f"{name} {number}") in taken:
        number += 1
    return candidate


def json_object(body: bytes) -> Mapping[str, Any]:
    try:
        document = json.loads(body)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


if __name__ == "__main__":
    main()
