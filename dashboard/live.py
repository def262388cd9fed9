"""The live parts of pages: a WebSocket for each, to a consumer below that tells of changes as they come.

A page holds an element with `hx-ws:connect="/live/…"`. Frames are JSON: one with `content` is HTML that htmx puts in
place (never anything that a client of the gateway wrote), any other one is data for the element's own script, which
takes it from `static/js/live.js`.

Who may open a page may watch it: the session, its Origin and the permission are checked when a socket opens, again
every minute and whenever something was changed, and a socket ends with its session. Sockets of viewers are not
connections of any API.
"""

import asyncio
import json
import logging
from abc import ABC, abstractmethod
from contextlib import suppress
from http.cookies import SimpleCookie
from importlib import import_module
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit
from weakref import WeakSet

from asgiref.sync import sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_out
from django.db import Error as DatabaseError
from django.http.request import split_domain_port, validate_host

from gatewayapp.controlplane.api.v1.permissions import Need, check_api, check_need
from gatewayapp.controlplane.operations.errors import NotFound, OperationError
from gatewayapp.controlplane.operations.grants import access_of
from gatewayapp.cookies import name_of_cookie
from gatewayapp.core.roles import Access
from gatewayapp.models import configuration_changed

logger = logging.getLogger(__name__)

ENDED = 4401
"""The close code that says: sign in again. The page then asks the server, which sends it to the sign-in."""
_RECHECK_SECONDS = 60.0
_RETRY_SECONDS = 1.0
"""Until the next look after one that the database did not answer."""
_PING_SECONDS = 20.0


class LiveConsumer(AsyncWebsocketConsumer, ABC):
    """One viewer's socket; a subclass names what it needs and tells of things in `watch`.

    `watch` runs until the viewer leaves. It may send as fast as it likes: `tell` waits while the viewer is slow, so
    whoever reads the latest state after each `tell` drops what nobody would see in time.
    """

    need: Need
    access: Access
    user: User
    max_message = 64 * 1024
    """Bytes that the page may say at once."""

    @abstractmethod
    async def watch(self) -> None:
        """Tell of things until the viewer leaves, which cancels this."""

    async def heard(self, message: dict[str, Any]) -> None:
        """The viewer's script, or a form with `hx-ws:send`, said something."""

    def api_id(self) -> str:
        """The API that a need for one API is about."""
        return str(self.scope["url_route"]["kwargs"]["api_id"])

    @property
    def query(self) -> dict[str, list[str]]:
        return parse_qs(self.scope["query_string"].decode("latin-1"))

    async def tell(self, data: dict[str, Any]) -> None:
        """Send data to the element's script."""
        await self.send(text_data=json.dumps(data, separators=(",", ":")))

    async def show(self, html: str, target: str, swap: str = "outerMorph") -> None:
        """Let htmx put `html` at the selector `target`."""
        await self.tell({"content": html, "target": target, "swap": swap})

    # the socket

    async def connect(self) -> None:
        self._tasks: list[asyncio.Task[None]] = []
        secure = self.scope.get("scheme") == "wss"
        self.session_key = _cookie(self.scope, name_of_cookie(settings.SESSION_COOKIE_NAME, secure))
        if not _is_same_origin(self.scope) or not await self._is_allowed():
            await self.close()  # before the socket is accepted: the handshake is refused
            return
        if (set_limits := self.scope.get("extensions", {}).get("nopal.limits")) is not None:
            set_limits(self.max_message, self.max_message, _PING_SECONDS, _PING_SECONDS)
        await self.accept()
        self.loop = asyncio.get_running_loop()
        self.changed = asyncio.Event()
        _viewers.add(self)
        self._tasks = [asyncio.create_task(self._watched()), asyncio.create_task(self._recheck())]

    async def disconnect(self, code: int) -> None:
        _viewers.discard(self)
        for task in self._tasks:
            task.cancel()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        try:
            message = json.loads(text_data or "")
        except ValueError:
            return
        if isinstance(message, dict):
            await self.heard(message)

    async def _watched(self) -> None:
        try:
            await self.watch()
        except OSError:
            pass  # the viewer is gone
        except Exception:
            logger.exception("A live view failed: %s", type(self).__name__)
            await self.close(1011)

    async def _recheck(self) -> None:
        """Look again and again whether the viewer may still watch, until they may not."""
        while True:
            self.changed.clear()  # before the look: what is changed during it is worth another
            pause = _RECHECK_SECONDS
            try:
                if not await self._is_allowed():
                    break
            except DatabaseError:  # the gateway logs that its database is away
                pause = _RETRY_SECONDS
            with suppress(TimeoutError):
                await asyncio.wait_for(self.changed.wait(), pause)
        await self.close(ENDED)

    async def _is_allowed(self) -> bool:
        return await sync_to_async(self._check)()

    def _check(self) -> bool:
        user = _user_of_session(self.session_key)
        if user is None:
            return False
        self.user, self.access = user, access_of(user)
        try:
            if self.need.scope == "api":
                check_api(self.access, self.need.permission, self.api_id(), NotFound("There is no such API."))
            else:
                check_need(self.access, self.need)
        except OperationError:
            return False
        return True


class Nothing(AsyncWebsocketConsumer):
    """Every address below `/live/` that is none."""

    async def connect(self) -> None:
        await self.close()


_viewers: "WeakSet[LiveConsumer]" = WeakSet()


def end_session(session_key: str | None) -> None:
    """Close the sockets of a session that ends; called from threads."""
    for viewer in list(_viewers):
        if session_key and viewer.session_key == session_key:
            asyncio.run_coroutine_threadsafe(viewer.close(ENDED), viewer.loop)


def _signed_out(request: Any, **_: Any) -> None:
    end_session(request.session.session_key)


user_logged_out.connect(_signed_out)


def _look_again(**_: Any) -> None:
    """Something was changed, perhaps somebody's role: let every viewer be checked now."""
    for viewer in list(_viewers):
        viewer.loop.call_soon_threadsafe(viewer.changed.set)


configuration_changed.connect(_look_again)


def _user_of_session(session_key: str | None) -> User | None:
    if not session_key:
        return None
    session = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    user = get_user(SimpleNamespace(session=session))  # type: ignore[arg-type]
    return user if isinstance(user, User) and user.is_active else None


def _is_same_origin(scope: dict[str, Any]) -> bool:
    """Whether a page of this very host opened the socket: browsers let any page open one anywhere."""
    host, origin = _header(scope, b"host"), urlsplit(_header(scope, b"origin"))
    domain, _ = split_domain_port(host)
    return bool(host) and origin.netloc == host and validate_host(domain, settings.ALLOWED_HOSTS)


def _cookie(scope: dict[str, Any], name: str) -> str | None:
    cookies: SimpleCookie = SimpleCookie(_header(scope, b"cookie"))
    return cookies[name].value if name in cookies else None


def _header(scope: dict[str, Any], name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")
