"""What backends heard, kept by connection so that cases that share an API do not hear each other."""

import asyncio
from collections import defaultdict
from typing import Any

from tests.support.gateway import PATIENCE


class EventRecorder:
    """A function for `AWS_PROXY` that keeps every event it receives."""

    def __init__(self) -> None:
        self._heard: defaultdict[str, asyncio.Queue[dict[str, Any]]] = defaultdict(asyncio.Queue)

    def __call__(self, event: dict[str, Any]) -> dict[str, Any]:
        self._heard[event["requestContext"]["connectionId"]].put_nowait(event)
        return {"statusCode": 200}

    async def next(self, connection_id: str) -> dict[str, Any]:
        """The next event of a connection."""
        async with asyncio.timeout(PATIENCE):
            return await self._heard[connection_id].get()

    def waiting(self, connection_id: str) -> int:
        """How many events of a connection were not asked for yet."""
        return self._heard[connection_id].qsize()

    async def close_of(self, connection_id: str) -> tuple[int, str]:
        """The status code and reason that the `$disconnect` event of a connection tells."""
        context = (await self.next(connection_id))["requestContext"]
        assert context["eventType"] == "DISCONNECT"
        return context["disconnectStatusCode"], context["disconnectReason"]
