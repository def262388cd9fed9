"""What a turn of the event loop has to send, sent at its end and in one go.

A send is the dearest thing that happens to a message, and much of it is waking the process at the other end. Between
two sends that follow each other at once it does not go back to sleep; between two that have the work on a message
between them it does.
"""

import asyncio
from collections.abc import Callable

Send = Callable[[], None]


class Burst:
    """The sends of one turn of the event loop, in the order in which they were asked for."""

    __slots__ = ("_loop", "_sends")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._sends: list[Send] = []

    def add(self, send: Send) -> None:
        """Call `send` once everything is read that is ready to be read now; what it raises is logged."""
        if not self._sends:
            self._loop.call_soon(self._send)
        self._sends.append(send)

    def _send(self) -> None:
        sends, self._sends = self._sends, []
        for send in sends:
            try:
                send()
            except Exception as error:  # the other connections' frames must still be sent
                self._loop.call_exception_handler({"message": "Cannot send", "exception": error})
