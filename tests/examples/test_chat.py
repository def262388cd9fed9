"""The chat application by itself: plain HTTP in, calls of `@connections` out, to a scripted gateway."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.error import HTTPError
from urllib.parse import quote, unquote
from urllib.request import Request, urlopen

import pytest
import pytest_asyncio

from examples.chat import server
from tests.support.backend import Answer, ScriptedBackend

ANN, BOB = "AnnsConnection0=", "BobsConnection0="
GONE = Answer(410, headers=(("x-amzn-ErrorType", "GoneException"),))


@dataclass
class Application:
    """The running application, and the gateway that it pushes to."""

    url: str
    gateway: ScriptedBackend

    async def call(self, path: str, connection_id: str = "", message: object = None) -> bytes:
        headers = {"connectionId": connection_id} if connection_id else {}
        body = b"" if message is None else json.dumps(message).encode()
        return await asyncio.to_thread(self._post, Request(self.url + path, data=body, headers=headers))

    async def frames(self, count: int) -> list[tuple[str, dict[str, object]]]:
        """What was pushed so far, at least `count` frames: to whom, and the frame."""
        requests = await self.gateway.received(count)
        return [(unquote(request.path).rsplit("/", 1)[1], request.json()) for request in requests]

    def _post(self, request: Request) -> bytes:
        with urlopen(request, timeout=10) as response:
            return bytes(response.read())


@pytest_asyncio.fixture
async def chat(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Application]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    async with ScriptedBackend() as gateway:
        for connection_id in (ANN, BOB):
            gateway.on(_path(connection_id))
        callbacks = server.Callbacks(f"http://127.0.0.1:{gateway.port}")
        with server.ChatServer(("127.0.0.1", 0), server.Chat(callbacks), "ws://gateway.test/?a&b") as application:
            thread = threading.Thread(target=application.serve_forever)
            thread.start()
            yield Application(f"http://127.0.0.1:{application.server_port}", gateway)
            await asyncio.to_thread(application.shutdown)
            thread.join()


async def test_a_message_reaches_everyone_in_the_room(chat: Application) -> None:
    await chat.call("/connect?name=ann", ANN)
    await chat.call("/connect?name=bob", BOB)

    assert await chat.call("/send", BOB, {"action": "send", "text": "hello"}) == b""

    joined, *messages = await chat.frames(3)
    assert joined[0] == ANN
    assert joined[1]["type"] == "joined"
    assert joined[1]["members"] == ["ann", "bob"]
    assert [(to, frame["from"], frame["text"]) for to, frame in messages] == [
        (ANN, "bob", "hello"),
        (BOB, "bob", "hello"),
    ]


async def test_who_answers_the_caller_alone(chat: Application) -> None:
    await chat.call("/connect?name=ann", ANN)

    reply = json.loads(await chat.call("/who", ANN, {"action": "who"}))

    assert reply["members"] == ["ann"]
    assert reply["name"] == "ann"
    assert await chat.frames(0) == []


async def test_a_name_that_is_taken_gets_a_number(chat: Application) -> None:
    await chat.call("/connect?name=ann", ANN)
    await chat.call("/connect?name=ann", BOB)

    assert json.loads(await chat.call("/who", BOB))["members"] == ["ann", "ann 2"]


async def test_moving_to_another_room_leaves_the_old_one(chat: Application) -> None:
    await chat.call("/connect?name=ann", ANN)
    await chat.call("/connect?name=bob", BOB)
    await chat.call("/join", BOB, {"room": "garden"})

    _, left, joined = await chat.frames(3)
    assert (left[0], left[1]["type"], left[1]["members"]) == (ANN, "left", ["ann"])
    assert (joined[0], joined[1]["type"], joined[1]["room"]) == (BOB, "joined", "garden")


async def test_a_member_who_is_gone_is_dropped(chat: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "HANDSHAKE_GRACE", 0.0)
    await chat.call("/connect?name=ann", ANN)
    await chat.call("/connect?name=bob", BOB)
    chat.gateway.on(_path(BOB), lambda request: GONE)

    await chat.call("/send", ANN, {"text": "still there?"})

    assert json.loads(await chat.call("/who", ANN))["members"] == ["ann"]


async def test_a_newcomer_whose_handshake_is_not_through_stays(chat: Application) -> None:
    await chat.call("/connect?name=ann", ANN)
    await chat.call("/connect?name=bob", BOB)
    chat.gateway.on(_path(BOB), lambda request: GONE)

    await chat.call("/send", ANN, {"text": "welcome"})

    assert json.loads(await chat.call("/who", ANN))["members"] == ["ann", "bob"]


async def test_someone_from_before_a_restart_is_asked_for_a_name(chat: Application) -> None:
    await chat.call("/send", ANN, {"text": "hello"})

    [(_, forgotten), (_, message)] = await chat.frames(2)
    assert forgotten == {"type": "forgotten", "you": "guest"}
    assert message["text"] == "hello"


@pytest.mark.parametrize("text", [None, "", "  ", 7, "x" * 2001])
async def test_a_message_without_text_is_explained_to_its_sender(chat: Application, text: object) -> None:
    await chat.call("/connect?name=ann", ANN)

    await chat.call("/send", ANN, {"text": text})

    [(to, frame)] = await chat.frames(1)
    assert (to, frame["type"]) == (ANN, "error")


async def test_anything_else_is_answered_with_help(chat: Application) -> None:
    assert json.loads(await chat.call("/default", ANN, "not an object"))["type"] == "help"


@pytest.mark.parametrize(("path", "connection_id", "status"), [("/send", "", 400), ("/nowhere", ANN, 404)])
async def test_calls_that_no_gateway_makes_are_refused(
    chat: Application, path: str, connection_id: str, status: int
) -> None:
    with pytest.raises(HTTPError) as refused:
        await chat.call(path, connection_id)

    with refused.value as answer:
        assert answer.code == status


async def test_the_page_knows_the_gateway_and_runs_nothing_inline(chat: Application) -> None:
    def get() -> tuple[str, str]:
        with urlopen(chat.url, timeout=10) as response:
            return response.read().decode(), response.headers["Content-Security-Policy"]

    page, policy = await asyncio.to_thread(get)

    assert 'data-websocket-url="ws://gateway.test/?a&amp;b"' in page
    assert "script-src 'self'" in policy
    assert page.count("<script") == page.count('<script type="module" src="/')


def _path(connection_id: str) -> str:
    return f"/@connections/{quote(connection_id)}"
