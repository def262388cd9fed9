"""Supervised tasks: work that goes on when the connection that caused it is closed, and that a drain waits for."""

import asyncio
import logging
from collections.abc import Coroutine
from functools import cached_property
from typing import Any

logger = logging.getLogger(__name__)


class Work:
    """The running tasks of the data plane."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run `work` to its end; what it raises is logged."""
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    @cached_property
    def _loop(self) -> asyncio.AbstractEventLoop:
        """Asked for once: CPython 3.11 makes a system call for each question."""
        return asyncio.get_running_loop()

    async def finish(self, timeout: float) -> None:
        """Wait for all work, that which it starts included, for at most `timeout` seconds."""
        try:
            async with asyncio.timeout(timeout):
                while self._tasks:
                    await asyncio.wait(self._tasks)
        except TimeoutError:
            logger.warning("%d pieces of work were not finished within %.0f s", len(self._tasks), timeout)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("Unexpected failure", exc_info=error)
