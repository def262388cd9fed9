"""Signed pushes in a closed loop: senders POST to `@connections`, listening WebSocket clients count what arrives.

Signatures are made by botocore before the clock starts, one for each message, so that the gateway has to verify each.
Only what it answered with 200 counts, and all of that must arrive where it was sent.
"""

import asyncio
import json
import time
from functools import partial
from itertools import cycle
from urllib.parse import quote, urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from benchmarks import worker
from benchmarks.clients import Client, address, close_all, connect_all, masked_text

_IDENTIFY = b'{"action":"identify"}'
_TEXTS = 8
"""Different messages for one listener."""
_ARRIVAL_PATIENCE = 5.0


class Listener(Client):
    """A client that asks for its connection id, and then knows which texts are meant for it."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.connection_id: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.texts: frozenset[bytes] = frozenset()
        self.delivered = 0

    def text_received(self, text: bytes) -> None:
        if text in self.texts:
            self.delivered += 1
        elif not self.connection_id.done():
            self.connection_id.set_result(text.decode())
        else:
            raise RuntimeError(f"A message for another connection: {text[:200]!r}")


class Sender(asyncio.Protocol):
    """A kept-alive connection to `@connections` that posts one prepared request after the other."""

    def __init__(self, requests: list[bytes], accepted: list[float]) -> None:
        self._requests = cycle(requests)
        self._accepted = accepted
        self._buffer = b""
        self._sent = self._until = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.transport = transport

    def begin(self, until: float) -> asyncio.Future[None]:
        self._until = until
        self.idle: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._send()
        return self.idle

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, end, body = self._buffer.partition(b"\r\n\r\n")
        if not end:
            return
        if not head.startswith(b"HTTP/1.1 200 ") or body:
            self._fail(f"A push was not accepted: {self._buffer[:500]!r}")
            return
        self._buffer = b""
        now = time.perf_counter()
        self._accepted.append(now - self._sent)
        if now < self._until:
            self._send()
        else:
            self.idle.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        self._fail("The gateway closed a kept-alive connection.")

    def _send(self) -> None:
        self._sent = time.perf_counter()
        self.transport.write(next(self._requests))

    def _fail(self, problem: str) -> None:
        if not self.idle.done():
            self.idle.set_exception(RuntimeError(problem))


class Signer:
    """Makes the bytes of signed POSTs to the connections behind one callback URL."""

    def __init__(self, base: str, access_key_id: str, secret: str, region: str) -> None:
        self._base = base
        self._auth = SigV4Auth(Credentials(access_key_id, secret), "execute-api", region)

    def post(self, connection_id: str, body: bytes) -> bytes:
        url = f"{self._base}/@connections/{quote(connection_id, safe='')}"
        request = AWSRequest("POST", url, data=body, headers={"Content-Type": "application/json"})
        self._auth.add_auth(request)
        parts = urlsplit(url)
        lines = [f"POST {parts.path} HTTP/1.1", f"Host: {parts.netloc}", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in request.headers.items()]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def texts_for(number: int, size: int) -> list[bytes]:
    heads = [json.dumps({"to": number, "turn": turn, "text": ""}) for turn in range(_TEXTS)]
    return [(head[:-2] + "x" * (size - len(head)) + head[-2:]).encode() for head in heads]


async def listen(url: str, count: int) -> list[Listener]:
    listeners = await connect_all(url, lambda: Listener(url), count)
    for listener in listeners:
        listener.transport.write(masked_text(_IDENTIFY))
    await asyncio.gather(*(listener.connection_id for listener in listeners))
    return listeners


def prepare(listeners: list[Listener], signer: Signer, size: int) -> list[bytes]:
    """Every message for every listener as a signed request, neighbours for different listeners."""
    posts: list[list[bytes]] = []
    for number, listener in enumerate(listeners):
        texts = texts_for(number, size)
        listener.texts = frozenset(texts)
        posts.append([signer.post(listener.connection_id.result(), text) for text in texts])
    return [post for turn in zip(*posts, strict=True) for post in turn]


async def connect_senders(base: str, requests: list[bytes], count: int, accepted: list[float]) -> list[Sender]:
    """`count` senders that share the requests among them."""
    loop = asyncio.get_running_loop()
    makers = [partial(Sender, requests[number::count], accepted) for number in range(count)]
    return [(await loop.create_connection(make, *address(base)))[1] for make in makers]


async def push_for(senders: list[Sender], seconds: float) -> float:
    """Run the closed loop; the seconds it really took."""
    start = time.perf_counter()
    await asyncio.gather(*[sender.begin(start + seconds) for sender in senders])
    return time.perf_counter() - start


async def arrival(listeners: list[Listener], accepted: int) -> int:
    """How many messages have arrived, once all have or too long after the last was accepted."""
    give_up = time.perf_counter() + _ARRIVAL_PATIENCE
    while (delivered := sum(listener.delivered for listener in listeners)) < accepted and time.perf_counter() < give_up:
        await asyncio.sleep(0.01)
    return delivered


async def main() -> None:
    settings = worker.settings()
    listeners = await listen(settings["url"], settings["listeners"])
    signer = Signer(settings["callback"], settings["access_key_id"], settings["secret"], settings["region"])
    requests = prepare(listeners, signer, settings["size"])
    accepted: list[float] = []
    senders = await connect_senders(settings["callback"], requests, settings["clients"], accepted)
    await push_for(senders, settings["warm_up"])
    warmed_up = len(accepted)
    await worker.ready_to_go()
    elapsed = await push_for(senders, settings["seconds"])
    delivered = await arrival(listeners, len(accepted))
    if delivered != len(accepted):
        raise RuntimeError(f"{len(accepted)} pushes were accepted, but {delivered} arrived.")
    durations = accepted[warmed_up:]
    worker.report(count=len(durations), elapsed=elapsed, **worker.percentiles(durations))
    await close_all(listeners)


if __name__ == "__main__":
    worker.run(main())
