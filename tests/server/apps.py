"""Small ASGI applications that the server is tested with, each named after what it does.

`app` chooses by the path's last part. What an application sees is told to the test over HTTP:
GET /observed?key=K answers with the next observation under K, waiting for it if need be.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections import Counter, defaultdict
from typing import Any
from urllib.parse import parse_qs

from gatewayapp.memory_budget import MemoryBudget
from gatewayapp.server.heads import Refusal

Scope = dict[str, Any]

observations: defaultdict[str, asyncio.Queue[Any]] = defaultdict(asyncio.Queue)


async def app(scope: Scope, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await lifespan(scope, receive, send)
        return
    await globals()[scope["path"].rpartition("/")[2].replace("-", "_")](scope, receive, send)


async def lifespan(scope: Scope, receive: Any, send: Any) -> None:
    for _ in range(2):
        event = await receive()
        print(event["type"], flush=True)
        await send({"type": event["type"] + ".complete"})


async def failing_to_start(scope: Scope, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "lifespan.startup.failed", "message": "no database"})


async def without_lifespan(scope: Scope, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        raise ValueError("only http here")
    await hello(scope, receive, send)


def query(scope: Scope, name: str, default: str = "") -> str:
    return parse_qs(scope["query_string"].decode()).get(name, [default])[0]


def observe(scope: Scope, observation: Any) -> None:
    observations[query(scope, "key")].put_nowait(observation)


async def accept(receive: Any, send: Any, **more: Any) -> None:
    assert (await receive())["type"] == "websocket.connect"
    await send({"type": "websocket.accept", **more})


# WebSocket


async def echo(scope: Scope, receive: Any, send: Any) -> None:
    """Send every message back; observe the disconnect."""
    await accept(receive, send)
    while (event := await receive())["type"] == "websocket.receive":
        await send({**event, "type": "websocket.send"})
    observe(scope, event)


async def scope_as_json(scope: Scope, receive: Any, send: Any) -> None:
    described = json.dumps(scope, default=_text)
    if scope["type"] == "http":
        await answer(send, described.encode())
        return
    await accept(receive, send)
    await send({"type": "websocket.send", "text": described})


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else repr(value)


async def accept_with_headers(scope: Scope, receive: Any, send: Any) -> None:
    await accept(receive, send, subprotocol="never-offered", headers=[(b"X-Route", b"chat"), (b"set-cookie", b"a=b")])
    await receive()


async def accept_with_split_header(scope: Scope, receive: Any, send: Any) -> None:
    await accept(receive, send, headers=[(b"x-route", b"chat\r\nx-injected: yes")])


async def deny(scope: Scope, receive: Any, send: Any) -> None:
    await receive()
    headers = [(b"content-type", b"application/json"), (b"x-amzn-errortype", b"LimitExceededException")]
    await send({"type": "websocket.http.response.start", "status": 429, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": b'{"message":', "more_body": True})
    await send({"type": "websocket.http.response.body", "body": b'"Too Many Requests"}'})
    observe(scope, await receive())


async def crash_in_denial(scope: Scope, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.http.response.start", "status": 429, "headers": []})
    await send({"type": "websocket.http.response.body", "body": b"half", "more_body": True})
    raise RuntimeError("planned crash")


async def deny_at_once(scope: Scope, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.http.response.start", "status": 401, "headers": []})
    await send({"type": "websocket.http.response.body", "body": b"Unauthorized"})


async def close_before_accept(scope: Scope, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.close", "code": 4001})


async def never_answer(scope: Scope, receive: Any, send: Any) -> None:
    await receive()
    observe(scope, await receive())


async def accept_later(scope: Scope, receive: Any, send: Any) -> None:
    await asyncio.sleep(float(query(scope, "seconds")))
    await echo(scope, receive, send)


async def close_with(scope: Scope, receive: Any, send: Any) -> None:
    """Close with ?code= and ?reason= after the first message; observe the disconnect, then that we end."""
    await accept(receive, send)
    await receive()
    await send({"type": "websocket.close", "code": int(query(scope, "code")), "reason": query(scope, "reason")})
    observe(scope, await receive())


async def crash_before_accept(scope: Scope, receive: Any, send: Any) -> None:
    raise RuntimeError("planned crash before the accept")


async def crash(scope: Scope, receive: Any, send: Any) -> None:
    await accept(receive, send)
    await receive()
    raise RuntimeError("planned crash")


async def return_early(scope: Scope, receive: Any, send: Any) -> None:
    await accept(receive, send)


async def send_until_error(scope: Scope, receive: Any, send: Any) -> None:
    """Wait for the disconnect, then observe what `send` does."""
    await accept(receive, send)
    event = await receive()
    try:
        await send({"type": "websocket.send", "text": "too late"})
    except OSError as error:
        observe(scope, [event, type(error).__name__])
    else:
        observe(scope, [event, "sent"])


async def flood(scope: Scope, receive: Any, send: Any) -> None:
    """Send 64 KiB messages to a peer that does not read, until `send` waits; observe how many it took."""
    await accept(receive, send)
    sent = 0

    async def pump() -> None:
        nonlocal sent
        while sent < 2000:
            await send({"type": "websocket.send", "text": "x" * 65536})
            sent += 1

    pumping = asyncio.create_task(pump())
    last = -1
    while last != sent:
        last = sent
        await asyncio.sleep(0.3)
    observe(scope, [sent, scope["extensions"]["nopal.hooks"].buffered()])
    while sent < int(query(scope, "until", "0")):
        await asyncio.sleep(0.01)
    pumping.cancel()


async def send_without_suspending(scope: Scope, receive: Any, send: Any) -> None:
    """Drive `send` by hand: below the high-water mark it must not wait for anything."""
    await accept(receive, send)
    sending = send({"type": "websocket.send", "text": "at once"})
    try:
        sending.send(None)
    except StopIteration:
        observe(scope, "finished")
    else:
        observe(scope, "suspended")


async def read_nothing(scope: Scope, receive: Any, send: Any) -> None:
    """Take no message until the test says so, then observe all of them in order."""
    await accept(receive, send)
    await observations["go " + query(scope, "key")].get()
    taken = []
    while (event := await receive())["type"] == "websocket.receive":
        taken.append(event["text"])
        if event["text"] == "last":
            break
    observe(scope, taken)


async def own_limits(scope: Scope, receive: Any, send: Any) -> None:
    scope["extensions"]["nopal.limits"](10, 15, 0.3, 0)
    await echo(scope, receive, send)


async def count_pings(scope: Scope, receive: Any, send: Any) -> None:
    scope["extensions"]["nopal.hooks"].ping = lambda: observe(scope, "ping")
    await echo(scope, receive, send)


async def work_after_disconnect(scope: Scope, receive: Any, send: Any) -> None:
    await accept(receive, send)
    await receive()
    await asyncio.sleep(1)
    observe(scope, "finished its work")
    print("finished its work", flush=True)


# HTTP


async def answer(send: Any, body: bytes, status: int = 200, headers: Any = ()) -> None:
    await send({"type": "http.response.start", "status": status, "headers": list(headers)})
    await send({"type": "http.response.body", "body": body})


async def hello(scope: Scope, receive: Any, send: Any) -> None:
    await answer(send, b"hello", headers=[(b"content-type", b"text/plain")])


async def body(receive: Any) -> bytes:
    received = b""
    while (event := await receive())["type"] == "http.request":
        received += event["body"]
        if not event["more_body"]:
            break
    return received


async def mirror(scope: Scope, receive: Any, send: Any) -> None:
    await answer(send, await body(receive))


async def slowly(scope: Scope, receive: Any, send: Any) -> None:
    await asyncio.sleep(float(query(scope, "seconds")))
    await answer(send, query(scope, "seconds").encode())


async def stream(scope: Scope, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for part in (b"one ", b"", b"two ", b"three"):
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body"})


async def endless(scope: Scope, receive: Any, send: Any) -> None:
    """Stream to a peer that does not read; observe how much was taken."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    sent = 0
    while sent < 2000:
        try:
            async with asyncio.timeout(0.5):
                await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": True})
        except TimeoutError:
            break
        sent += 1
    observe(scope, sent)
    await asyncio.sleep(5)


async def no_content(scope: Scope, receive: Any, send: Any) -> None:
    await answer(send, b"", status=204)


async def ignore_body(scope: Scope, receive: Any, send: Any) -> None:
    await answer(send, b"not read")


async def split_header(scope: Scope, receive: Any, send: Any) -> None:
    await answer(send, b"", headers=[(b"x-value", b"a\r\nx-injected: yes")])


async def crash_in_http(scope: Scope, receive: Any, send: Any) -> None:
    raise RuntimeError("planned crash")


async def crash_in_body(scope: Scope, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"half", "more_body": True})
    raise RuntimeError("planned crash")


async def return_nothing(scope: Scope, receive: Any, send: Any) -> None:
    pass


async def until_disconnect(scope: Scope, receive: Any, send: Any) -> None:
    await body(receive)
    observe(scope, (await receive())["type"])


async def observed(scope: Scope, receive: Any, send: Any) -> None:
    async with asyncio.timeout(8):
        observation = await observations[query(scope, "key")].get()
    await answer(send, json.dumps(observation).encode())


async def go(scope: Scope, receive: Any, send: Any) -> None:
    observations["go " + query(scope, "key")].put_nowait(True)
    await answer(send, b"")


async def memory(scope: Scope, receive: Any, send: Any) -> None:
    """The server's resident memory in KiB."""
    with open("/proc/self/statm") as statm:
        pages = int(statm.read().split()[1])
    await answer(send, str(pages * os.sysconf("SC_PAGE_SIZE") // 1024).encode())


# our extension "nopal.hooks"


async def taking_texts(scope: Scope, receive: Any, send: Any) -> None:
    """Tell each message how it came: taken at once, or as an event. "no…" is not taken, "fail" fails."""
    hooks = scope["extensions"]["nopal.hooks"]
    await accept(receive, send)

    def take(text: str) -> bool:
        if text == "fail":
            raise ValueError("it failed at once")
        return not text.startswith("no") and hooks.send_now(f"now {text}")

    hooks.take_text = take
    while (event := await receive())["type"] == "websocket.receive":
        text = event.get("text")
        await send({"type": "websocket.send", "text": f"event {event['bytes'].decode() if text is None else text}"})


async def counting_frames(scope: Scope, receive: Any, send: Any) -> None:
    """Count texts, pings and pongs by turns of the event loop; at the text "end" observe the most, and all."""
    hooks = scope["extensions"]["nopal.hooks"]
    loop, counts, ended = asyncio.get_running_loop(), [0], asyncio.Event()
    await accept(receive, send)

    def count() -> None:
        if not counts[-1]:
            loop.call_soon(lambda: counts.append(0))
        counts[-1] += 1

    def take(text: str) -> bool:
        count()
        if text == "end":
            ended.set()
        return True

    hooks.ping = hooks.pong = count
    hooks.take_text = take
    closed = asyncio.create_task(receive())
    await ended.wait()
    observe(scope, [max(counts), sum(counts)])
    await closed


pings: Counter[str] = Counter()


async def closing_at_a_text(scope: Scope, receive: Any, send: Any) -> None:
    """Close when a text comes, and count pings under `key`; `counted_pings` tells how many."""

    def count() -> None:
        pings[query(scope, "key")] += 1

    scope["extensions"]["nopal.hooks"].ping = count
    await accept(receive, send)
    await receive()
    await send({"type": "websocket.close", "code": 4000})


async def counted_pings(scope: Scope, receive: Any, send: Any) -> None:
    await answer(send, str(pings[query(scope, "key")]).encode())


async def blocking(scope: Scope, receive: Any, send: Any) -> None:
    """Block the event loop for a while at the text "block", take every other; observe the disconnect."""

    def take(text: str) -> bool:
        if text == "block":
            time.sleep(0.3)
        return True

    await accept(receive, send)
    scope["extensions"]["nopal.hooks"].take_text = take
    observe(scope, await receive())


async def sending_now(scope: Scope, receive: Any, send: Any) -> None:
    """Send at once until that is refused, then one more by `send`; observe what happens early, then, and too late."""
    hooks = scope["extensions"]["nopal.hooks"]
    early = outcome(hooks.send_now, "early")
    await accept(receive, send)
    observe(scope, early)
    for frame in ("text", b"bytes"):
        observe(scope, outcome(hooks.send_now, frame))
    await receive()
    number = 0
    while hooks.send_now(f"{number:06}".ljust(10_000, ".")):
        number += 1
    observe(scope, hooks.buffered() > 0)
    await send({"type": "websocket.send", "text": f"{number:06}".ljust(10_000, ".")})
    await send({"type": "websocket.send", "text": "last"})
    await receive()
    observe(scope, outcome(hooks.send_now, "no one waits any more"))
    await receive()
    observe(scope, outcome(hooks.send_now, "late"))


def outcome(function: Any, *arguments: Any) -> Any:
    try:
        return function(*arguments)
    except Exception as error:
        return type(error).__name__


class AnsweringAtOnce:
    """`app`, which also answers at once: who answered is told in the header `by`."""

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        body = b""
        while (event := await receive()).get("more_body"):
            body += event["body"]
        await send({"type": "http.response.start", "status": 200, "headers": [(b"by", b"asgi")]})
        await send({"type": "http.response.body", "body": body + event["body"]})

    def answer_now(
        self, method: str, raw_path: bytes, query_string: bytes, headers: list[tuple[bytes, bytes]], body: bytes
    ) -> tuple[int, list[tuple[bytes, bytes]], bytes] | None:
        if query_string == b"later":
            return None
        if query_string == b"fail":
            raise ValueError("it failed at once")
        if query_string.startswith(b"size="):
            body = body[:1] * int(query_string[5:])
        return (204 if query_string == b"none" else 201), [(b"by", b"now")], body


answering_at_once = AnsweringAtOnce()


class WithBodyPolicy:
    """`app`, which takes 200 KB on paths that say `large` once it has looked at the caller, and else what all take."""

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        await app(scope, receive, send)

    async def find_limit(self, scope: Scope) -> int:
        await asyncio.sleep(float(query(scope, "seconds", "0")))
        if "broken" in scope["path"]:
            raise RuntimeError("planned crash")
        if "large" not in scope["path"]:
            return 1000
        if query(scope, "key") != "secret":
            raise Refusal(401, headers=[(b"content-type", b"text/plain")], body=b"Who are you?")
        return 200_000

    def refuse(self, scope: Scope, limit: int) -> Refusal:
        if "unspeakable" in scope["path"]:
            raise RuntimeError("planned crash")
        return Refusal(413, headers=[(b"x-limit", b"%d" % limit)], body=b"designed")

    @property
    def body_policy(self) -> WithBodyPolicy:
        return self


with_body_policy = WithBodyPolicy()


async def read_when_told(scope: Scope, receive: Any, send: Any) -> None:
    """Take nothing of the body until the test says so."""
    await observations["go " + query(scope, "key")].get()
    await answer(send, b"%d" % len(await body(receive)))


class CountingMemory:
    """`app`, with a memory budget; GET /held answers with the bytes that the server has counted."""

    def __init__(self) -> None:
        self.memory = MemoryBudget(2**20)

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        if scope["path" if "path" in scope else "type"] == "/held":
            await answer(send, str(self.memory.used).encode())
        else:
            await app(scope, receive, send)


counting_memory = CountingMemory()


async def never_answered(scope: Scope, receive: Any, send: Any) -> None:
    await asyncio.sleep(60)
