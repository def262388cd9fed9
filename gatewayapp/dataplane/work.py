"""Supervised work: it goes on when the connection that caused it is closed, and a drain waits for it."""

import asyncio
import logging
from collections.abc import Coroutine
from functools import cached_property
from typing import Any

logger = logging.getLogger(__name__)


class Work:
    """What the data plane is about to do."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()
        self._runs: set[_Run] = set()

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Do `work` at once until it has to wait for something, and the rest when that is done.

        This costs a fraction of a task. In turn, all it may wait for is futures, tasks included; and since it is no
        task itself, it cannot use what asks for the current one, such as `asyncio.timeout`.
        """
        _Run(work, self._runs).go_on()

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
                while self._tasks or self._runs:
                    await asyncio.wait([*self._tasks, *(run.ended for run in self._runs)])
        except TimeoutError:
            unfinished = len(self._tasks) + len(self._runs)
            logger.warning("%d pieces of work were not finished within %.0f s", unfinished, timeout)

    def cancel(self) -> None:
        """Stop what runs as a task."""
        for task in self._tasks:
            task.cancel()

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("Unexpected failure", exc_info=error)


class _Run:
    """Steps through a coroutine, driven by the futures that it waits for; in `runs` as long as it waits."""

    __slots__ = ("_ended", "_runs", "_work")

    def __init__(self, work: Coroutine[Any, Any, None], runs: "set[_Run]") -> None:
        self._work = work
        self._runs = runs
        self._ended: asyncio.Future[None] | None = None

    def go_on(self, waited_for: "asyncio.Future[Any] | None" = None) -> None:
        try:
            future = self._work.send(None)
        except (StopIteration, asyncio.CancelledError):
            self._end()
        except Exception as error:
            self._end()
            logger.error("Unexpected failure", exc_info=error)
        else:
            self._runs.add(self)
            future._asyncio_future_blocking = False  # what a task would do, to find out who awaits without yielding
            future.add_done_callback(self.go_on)

    @property
    def ended(self) -> "asyncio.Future[None]":
        """Done when the work is."""
        if self._ended is None:
            self._ended = asyncio.get_running_loop().create_future()
        return self._ended

    def _end(self) -> None:
        self._runs.discard(self)
        if self._ended is not None:
            self._ended.set_result(None)
