"""The data plane's way to the database: a thread of its own, so that no query ever holds up the event loop."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.db import close_old_connections, connections

Result = TypeVar("Result")


class DatabaseThread:
    """Runs synchronous functions one after the other; their exceptions reach the caller."""

    def __init__(self, name: str) -> None:
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)

    async def run(self, function: Callable[..., Result], *arguments: object) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._executor, _run, function, arguments)

    async def close(self) -> None:
        await self.run(connections.close_all)
        self._executor.shutdown()


def _run(function: Callable[..., Result], arguments: tuple[object, ...]) -> Result:
    close_old_connections()
    return function(*arguments)
