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
from collections.abc import Mapping
from contextlib import suppress
from importlib import import_module
from types import MappingProxyType, SimpleNamespace
from typing import Any
from urllib.parse import parse_qs
from weakref import WeakSet

import orjson
from asgiref.sync import sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_out
from django.core.exceptions import SuspiciousOperation
from django.db import Error as DatabaseError
from django.http import parse_cookie
from django.http.request import split_domain_port, validate_host

from gatewayapp.controlplane.api.v1.permissions import Need, check_api, check_need
from gatewayapp.controlplane.operations.errors import NotFound, OperationError
from gatewayapp.controlplane.operations.grants import access_of
from gatewayapp.cookies import name_of_cookie
from gatewayapp.core.nul import contains_nul, target_contains_nul
from gatewayapp.core.origins import is_same_host
from gatewayapp.core.roles import Access
from gatewayapp.models import configuration_changed, hash_session_key
from gatewayapp.storage_failures import StorageFailure, find_storage_failure, log_storage_failure

logger = logging.getLogger(__name__)

ENDED = 4401
"""The close code that says: sign in again. The page then asks the server, which sends it to the sign-in."""
POLICY_VIOLATION = 1008
"""The close code for what no page of ours asks for (RFC 6455 section 7.4.1)."""
_INTERNAL_ERROR = 1011
_TRY_AGAIN_LATER = 1013
_RECHECK_SECONDS = 60.0
_RETRY_SECONDS = 1.0
"""Delay before the next check after one that the database did not answer."""
_PING_SECONDS = 20.0


class LiveConsumer(AsyncWebsocketConsumer, ABC):
    """One viewer's socket; a subclass names what it needs and tells of things in `watch`.

    `watch` runs until the viewer leaves. It may send as fast as it likes: `tell` waits while the viewer is slow, so
    whoever reads the latest state after each `tell` drops what nobody would see in time.
    """

    need: Need
    access: Access
    user: User
    takes_nul = False
    """Whether messages of the page may contain NUL characters, which the database cannot look for."""
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
        if target_contains_nul(self.scope["path"], self.scope["query_string"].decode("latin-1")):
            await self._deny(400, "The URL contains a NUL character.")
            return
        try:
            allowed = _is_same_origin(self.scope) and await self._is_allowed()
        except Exception as error:
            if (failure := find_storage_failure(error)) is None:
                raise
            log_storage_failure(failure, error, f"Opening the live view {type(self).__name__}")
            await self._deny(failure.status, failure.message, failure.headers)
            return
        if not allowed:
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
            message = orjson.loads(text_data or "")  # which takes no endless nesting, unlike `json`
            if isinstance(message, dict):
                await self._hear(message)
        except orjson.JSONDecodeError:
            return
        except SuspiciousOperation:
            await self.close(POLICY_VIOLATION)
        except Exception as error:
            if (failure := find_storage_failure(error)) is None:
                raise
            await self._close_after(failure, error)

    async def _hear(self, message: dict[str, Any]) -> None:
        """Take a message unless `watch` has ended, or ends meanwhile: it may be what the message waits for."""
        if contains_nul(message) and not self.takes_nul:
            return
        hearing = asyncio.ensure_future(self.heard(message))
        await asyncio.wait((hearing, self._tasks[0]), return_when=asyncio.FIRST_COMPLETED)
        if hearing.done():
            hearing.result()
        else:
            hearing.cancel()

    async def _watched(self) -> None:
        try:
            await self.watch()
        except ConnectionError:
            pass  # the viewer is gone
        except SuspiciousOperation:  # such as a query with thousands of fields
            await self.close(POLICY_VIOLATION)
        except Exception as error:
            if (failure := find_storage_failure(error)) is None:
                client = (self.scope.get("client") or ("",))[0]
                logger.exception("A live view failed: %s", type(self).__name__, extra={"client": client})
            await self._close_after(failure, error)

    async def _recheck(self) -> None:
        """Look again and again whether the viewer may still watch, until they may not."""
        while True:
            self.changed.clear()  # cleared before the check, so that a change during the check causes another one
            pause = _RECHECK_SECONDS
            try:
                if not await self._is_allowed():
                    break
            except DatabaseError:  # the gateway logs that its database is away
                pause = _RETRY_SECONDS
            with suppress(TimeoutError):
                await asyncio.wait_for(self.changed.wait(), pause)
        await self.close(ENDED)

    async def _close_after(self, failure: StorageFailure | None, error: Exception) -> None:
        """Close with 1013, after which the page tries again, where only the database is to blame."""
        if failure is None:
            await self.close(_INTERNAL_ERROR)
            return
        log_storage_failure(failure, error, f"The live view {type(self).__name__}")
        await self.close(_TRY_AGAIN_LATER)

    async def _deny(self, status: int, message: str, more: Mapping[str, str] = MappingProxyType({})) -> None:
        """Refuse the handshake as a request would be refused."""
        headers = {"content-type": "text/plain; charset=utf-8", **more}
        encoded = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        await self.base_send({"type": "websocket.http.response.start", "status": status, "headers": encoded})
        await self.base_send({"type": "websocket.http.response.body", "body": message.encode()})

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


def close_viewers(session_hash: str) -> None:
    """Close the sockets of the session stored under `session_hash`, which ends; called from threads."""
    for viewer in list(_viewers):
        if viewer.session_key and hash_session_key(viewer.session_key) == session_hash:
            asyncio.run_coroutine_threadsafe(viewer.close(ENDED), viewer.loop)


def _signed_out(request: Any, **_: Any) -> None:
    if request.session.session_key:
        close_viewers(hash_session_key(request.session.session_key))


user_logged_out.connect(_signed_out)


def _look_again(**_: Any) -> None:
    """Something was changed, perhaps somebody's role: let every viewer be checked now."""
    for viewer in list(_viewers):
        viewer.loop.call_soon_threadsafe(viewer.changed.set)


configuration_changed.connect(_look_again)


def _user_of_session(session_key: str | None) -> User | None:
    if not session_key or contains_nul(session_key):
        return None
    session = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    user = get_user(SimpleNamespace(session=session))  # type: ignore[arg-type]
    return user if isinstance(user, User) and user.is_active else None


def _is_same_origin(scope: dict[str, Any]) -> bool:
    """Whether a page of this very host opened the socket: browsers let any page open one anywhere."""
    host, origin = _header(scope, b"host"), _header(scope, b"origin")
    domain, _ = split_domain_port(host)
    return is_same_host(origin, host) and validate_host(domain, settings.ALLOWED_HOSTS)


def _cookie(scope: dict[str, Any], name: str) -> str | None:
    """A cookie's value, read as leniently as for pages: other applications of the same host set cookies of any form."""
    headers = [value.decode("latin-1") for key, value in scope["headers"] if key == b"cookie"]
    return parse_cookie("; ".join(headers)).get(name)


def _header(scope: dict[str, Any], name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")
