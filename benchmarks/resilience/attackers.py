"""Clients that mean no good, one kind a run: they connect, report that they are ready, attack until their stdin ends.

They run at a low priority, so that on few cores it is the gateway that others have to share, not the attackers.
"""

import asyncio
import json
import os
import random
import re
import socket
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from benchmarks import worker
from benchmarks.clients import address, handshake, masked_frame, masked_text

_TEXT, _PING, _PONG = 0x81, 0x89, 0x8A
_FIRST_FRAGMENT, _FRAGMENT, _LAST_FRAGMENT = 0x01, 0x00, 0x80
_FLOOD_BYTES_PER_SECOND = 2_000_000
_CHUNK = 40_000
_STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")
_RETRY_AFTER = re.compile(rb"\r\nretry-after: *(\d+)", re.IGNORECASE)


async def open_socket(url: str, receive_buffer: int = 0) -> socket.socket:
    """A connected, upgraded socket that nobody reads. Raises RuntimeError for any other answer than 101."""
    sock = await _connected(url, receive_buffer)
    status, _ = await _upgrade(sock, url)
    if status != 101:
        raise RuntimeError(f"The handshake was answered with {status}.")
    return sock


async def _connected(url: str, receive_buffer: int = 0) -> socket.socket:
    sock = socket.socket()
    sock.setblocking(False)
    if receive_buffer:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    await asyncio.get_running_loop().sock_connect(sock, address(url))
    return sock


async def _upgrade(sock: socket.socket, url: str) -> tuple[int, float]:
    """The handshake's status, and the seconds that Retry-After asks for (0: none)."""
    loop = asyncio.get_running_loop()
    request, _ = handshake(url)
    await loop.sock_sendall(sock, request)
    head = b""
    while b"\r\n\r\n" not in head:
        received = await loop.sock_recv(sock, 4096)
        if not received:
            break
        head += received
    found, after = _STATUS.match(head), _RETRY_AFTER.search(head)
    return int(found[1]) if found else 0, float(after[1]) if after else 0.0


async def send_for_ever(sock: socket.socket, data: bytes, pause: float = 0.0) -> None:
    """Send the same bytes again and again; an end of the connection ends it."""
    loop = asyncio.get_running_loop()
    try:
        while True:
            await loop.sock_sendall(sock, data)
            if pause:
                await asyncio.sleep(pause)
    except OSError:
        return


async def read_for_ever(sock: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    try:
        while await loop.sock_recv(sock, 65536):
            pass
    except OSError:
        return


async def slow_readers(settings: dict[str, Any]) -> None:
    """They ask for large responses with small messages and never read."""
    socks = [await open_socket(settings["url"], 4096) for _ in range(settings["clients"])]
    data = masked_text(b'{"action":"large"}') * 100
    await attack(lambda: asyncio.gather(*(send_for_ever(sock, data) for sock in socks)))


async def in_flight(settings: dict[str, Any]) -> None:
    """They send as many of the largest messages as may be in flight to a backend that takes its time."""
    socks = [await open_socket(settings["url"]) for _ in range(settings["clients"])]
    # The largest message, in frames of the largest size.
    text = json.dumps({"action": "slow", "text": "x" * (settings["size"] - 30)}).encode()
    pieces = [text[start : start + 32_768] for start in range(0, len(text), 32_768)]
    frames = [masked_frame(_FRAGMENT, piece) for piece in pieces]
    frames[0] = masked_frame(_FIRST_FRAGMENT, pieces[0])
    frames[-1] = masked_frame(_LAST_FRAGMENT, pieces[-1])
    data = b"".join(frames)

    async def send_sixteen(sock: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        try:
            for _ in range(16):
                await loop.sock_sendall(sock, data)
        except OSError:
            return

    await attack(lambda: asyncio.gather(*(send_sixteen(sock) for sock in socks)))


async def flood(settings: dict[str, Any]) -> None:
    """One client sends frames of one kind at 2 MB a second."""
    sock = await open_socket(settings["url"])
    frame = {
        "pings": masked_frame(_PING, b""),
        "pongs": masked_frame(_PONG, b""),
        "fragments": b"".join(
            [
                masked_frame(_FIRST_FRAGMENT, b"x"),
                masked_frame(_FRAGMENT, b"y") * 1000,
                masked_frame(_LAST_FRAGMENT, b""),
            ]
        ),
        "messages": masked_text(b'{"action":"echo"}'),
    }[settings["kind"]]
    data = frame * (_CHUNK // len(frame) + 1)
    pause = len(data) / _FLOOD_BYTES_PER_SECOND
    await attack(lambda: asyncio.gather(send_for_ever(sock, data, pause), read_for_ever(sock)))


async def storm(settings: dict[str, Any]) -> None:
    """Handshakes at a fixed rate, whatever becomes of them."""
    statuses: Counter[int] = Counter()
    socks: list[socket.socket] = []

    async def dial() -> None:
        try:
            sock = await _connected(settings["url"])
            socks.append(sock)
            status, _ = await _upgrade(sock, settings["url"])
        except OSError:
            status = 0
        statuses[status] += 1
        if status != 101:
            sock.close()

    async def dial_on() -> None:
        tasks: set[asyncio.Task[None]] = set()
        start, count = time.perf_counter(), 0
        while time.perf_counter() < start + settings["seconds"]:
            due = int((time.perf_counter() - start) * settings["rate"])
            while count < due:
                task = asyncio.create_task(dial())
                tasks.add(task)
                task.add_done_callback(tasks.discard)
                count += 1
            await asyncio.sleep(0.001)
        if tasks:
            await asyncio.wait(tasks, timeout=30)

    await attack(dial_on, lambda: {"statuses": dict(statuses)})


async def reconnect(settings: dict[str, Any]) -> None:
    """Many clients that come back at once and respect Retry-After, with up to as much again as jitter."""
    refusals: Counter[int] = Counter()
    socks: list[socket.socket] = []
    durations: list[float] = []

    async def come_back(start: float) -> None:
        while True:
            after, status = 1.0, 0
            try:
                sock = await _connected(settings["url"])
                status, after = await _upgrade(sock, settings["url"])
            except OSError:
                pass
            if status == 101:
                socks.append(sock)
                durations.append(time.perf_counter() - start)
                return
            sock.close()
            refusals[status] += 1
            await asyncio.sleep((after or 1.0) + random.random())

    async def all_come_back() -> None:
        start = time.perf_counter()
        await asyncio.gather(*(come_back(start) for _ in range(settings["clients"])))

    await attack(all_come_back, lambda: {"last": max(durations), "refusals": dict(refusals)})


async def attack(run: Callable[[], Awaitable[Any]], figures: Callable[[], dict[str, Any]] = dict) -> None:
    """Report that it may begin, run until the parent says stop or it is done, report what there is to say."""
    await worker.ready_to_go()
    work = asyncio.ensure_future(run())
    stop = asyncio.ensure_future(worker.until_told())
    await asyncio.wait({work, stop}, return_when=asyncio.FIRST_COMPLETED)
    if not stop.done():
        worker.report(done=True, **figures())
        await stop
    else:
        work.cancel()
        with suppress(asyncio.CancelledError):
            await work
        worker.report(done=False, **figures())


KINDS = {
    "slow-readers": slow_readers,
    "in-flight": in_flight,
    "flood": flood,
    "storm": storm,
    "reconnect": reconnect,
}


async def main() -> None:
    os.nice(10)
    settings = worker.settings()
    await KINDS[settings["attack"]](settings)


if __name__ == "__main__":
    worker.run(main())
