"""ASGI's lifespan protocol: the application starts before we listen and ends after the last connection."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

logger = logging.getLogger(__name__)


class StartupFailed(Exception):
    """The application reported lifespan.startup.failed."""


class Lifespan:
    """Drives one application through its life."""

    def __init__(self, application: Any) -> None:
        self._application = application
        self._events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._answer: asyncio.Future[dict[str, Any]] | None = None
        self._task: asyncio.Task[None] | None = None

    async def startup(self) -> None:
        """Start the application; one that does not know the protocol is served without. Raises StartupFailed."""
        self._task = asyncio.create_task(self._run())
        answer = await self._ask("lifespan.startup")
        if answer["type"] == "lifespan.startup.failed":
            raise StartupFailed(answer.get("message", ""))

    async def shutdown(self, timeout: float) -> None:
        """End the application, waiting at most `timeout` seconds."""
        if self._task is None or self._task.done():
            return
        try:
            answer = await asyncio.wait_for(self._ask("lifespan.shutdown"), timeout)
        except TimeoutError:
            logger.error("The application did not finish its shutdown within %.0f s", timeout)
            return
        if answer["type"] == "lifespan.shutdown.failed":
            logger.error("The application failed to shut down: %s", answer.get("message", ""))

    async def _ask(self, event: str) -> dict[str, Any]:
        self._answer = asyncio.get_running_loop().create_future()
        self._events.put_nowait({"type": event})
        return await self._answer

    async def _run(self) -> None:
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}}
        try:
            await self._application(scope, self._events.get, self._send)
        except Exception as error:
            logger.debug("The application does not support the lifespan protocol: %r", error)
        self._resolve({"type": "lifespan.unsupported"})

    async def _send(self, message: dict[str, Any]) -> None:
        self._resolve(message)

    def _resolve(self, message: dict[str, Any]) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(message)
