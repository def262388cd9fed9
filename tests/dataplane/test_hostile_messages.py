"""Hostile clients on open connections: oversized, malformed, flooding. They harm at most their own connection."""

import asyncio
import json
import struct
import time
from collections.abc import Callable

import pytest

from tests.dataplane.conftest import NewApi
from tests.support.apis import note
from tests.support.rawsocket import BINARY, CONTINUATION, PONG, TEXT, RawClient, frame_header, masked_frame

KIB, MIB = 2**10, 2**20

OVERSIZED: dict[str, Callable[[RawClient], None]] = {
    "a frame declared larger than may be": lambda raw: raw.send(frame_header(TEXT, 2**40) + b"\x00" * 4 + b"x" * KIB),
    "a frame one byte too large": lambda raw: raw.send_frame(TEXT, b"x" * (32 * KIB + 1)),
    "fragments that add up": lambda raw: raw.send(
        masked_frame(TEXT, b"x" * 32 * KIB, fin=False) + masked_frame(CONTINUATION, b"x" * 32 * KIB, fin=False) * 4
    ),
    "a head and then drop by drop": lambda raw: raw.drip(
        frame_header(TEXT, 33 * KIB) + b"\x00" * 4 + b"x" * 40, size=1
    ),
}


@pytest.mark.parametrize("send", OVERSIZED.values(), ids=OVERSIZED.keys())
async def test_an_oversized_message_ends_its_connection_with_1009_and_costs_no_memory(
    new_api: NewApi, send: Callable[[RawClient], None]
) -> None:
    api = await new_api()
    witness = await api.connect()
    raws = [(await api.connect_raw())[0] for _ in range(20)]
    before = api.node.memory
    for raw in raws:
        await asyncio.to_thread(send, raw)
        assert (await asyncio.to_thread(raw.receive_close))[0] == 1009
    assert api.node.memory - before <= 4 * MIB
    await api.disconnected(20)
    assert api.ledger.codes() == {"1009": 20}
    assert api.requests("/echo") == []
    assert await witness.ask("hello") == "hello"


async def test_the_largest_message_passes(new_api: NewApi) -> None:
    api = await new_api()
    client = await api.connect()
    await client.socket.send([b"x".decode() * 32 * KIB] * 4)
    assert len(await client.socket.recv()) == 128 * KIB


async def test_a_binary_message_ends_its_connection_with_1003(new_api: NewApi) -> None:
    api = await new_api()
    raw, _ = await api.connect_raw()
    await asyncio.to_thread(raw.send_frame, BINARY, b"\x00\x01")
    assert await asyncio.to_thread(raw.receive_close) == (1003, "Binary is not supported")
    [end] = await api.disconnected(1)
    assert end.header("statusCode") == "1003"


HOSTILE_TEXTS = {
    "lists nested deeply": "[" * 50_000 + "]" * 50_000,
    "objects nested deeply": '{"a":' * 20_000 + "1" + "}" * 20_000,
    "unclosed lists": "[" * 100_000,
    "an integer of 128,000 digits": '{"action":' + "9" * 128_000 + "}",
    "an exponent beyond doubles": '{"action": 1e999999}',
    "many members": json.dumps({str(number): number for number in range(9_000)}),
    "more members than are read": "{" + ",".join(f'"{number}":1' for number in range(12_000)) + "}",
    "the same member again and again": "{" + ",".join('"action":"other"' for _ in range(7_000)) + "}",
    "half a surrogate pair": '{"action": "\\ud800"}',
    "the other half": '{"\\udfff": "\\udc00\\ud800"}',
    "NaN": '{"action": NaN}',
    "infinity": '{"action": -Infinity}',
    "NUL": "\x00",
    "control characters": "".join(map(chr, range(32))),
    "a byte order mark": "\ufeff{}",
    "bidi controls": "\u202e\u2066\u2069",
    "an empty message": "",
    "white space": " \t\n\r " * 1000,
    "a route that is not for messages": '{"action": "$connect"}',
    "the end of connections as a route": '{"action": "$disconnect"}',
    "a list as a route": '{"action": ["note"]}',
    "an object as a route": '{"action": {"note": 1}}',
    "a prototype": '{"__proto__": {"action": "note"}, "constructor": 1}',
    "a template": '{"action": "${context.connectionId} $request.body.action #set($a=1)"}',
    "astral characters": "\U0001f600" * 8_000,
}


async def test_no_message_however_hostile_breaks_its_connection_or_holds_up_the_gateway(new_api: NewApi) -> None:
    api = await new_api()
    api.on("/echo", body=b"seen")
    client, witness = await api.connect(), await api.connect()
    for name, text in HOSTILE_TEXTS.items():
        pieces = [text[start : start + 8_000] for start in range(0, len(text), 8_000)] or [""]
        began = time.monotonic()
        await client.socket.send(pieces)
        assert await asyncio.wait_for(client.socket.recv(), 10), name
        assert await witness.ask("hello") == "seen", name
        assert time.monotonic() - began < 2, name


async def test_text_that_is_not_utf8_ends_its_connection_with_1007(new_api: NewApi) -> None:
    api = await new_api()
    for payload in (b"\xff", b"\xed\xa0\x80", b"\xc0\xaf", b"\xf4\x90\x80\x80"):
        raw, _ = await api.connect_raw()
        await asyncio.to_thread(raw.send_frame, TEXT, payload)
        assert (await asyncio.to_thread(raw.receive_close))[0] == 1007
    await api.disconnected(4)
    assert api.ledger.codes() == {"1007": 4}


BROKEN_FRAMES = {
    "an unmasked frame": b"\x81\x05hello",
    "a reserved opcode": b"\x83\x80\x00\x00\x00\x00",
    "a reserved bit": b"\xc1\x80\x00\x00\x00\x00",
    "a fragmented ping": b"\x09\x80\x00\x00\x00\x00",
    "a continuation of nothing": b"\x80\x80\x00\x00\x00\x00",
    "a close with one byte": b"\x88\x81\x00\x00\x00\x00x",
    "a close with a forbidden code": b"\x88\x82\x00\x00\x00\x00\x03\xed",
    "a ping larger than may be": b"\x89\xfe\x00\x80\x00\x00\x00\x00" + b"x" * 128,
}


async def test_broken_frames_end_their_connection_with_a_close_frame(new_api: NewApi) -> None:
    api = await new_api()
    for name, data in BROKEN_FRAMES.items():
        raw, _ = await api.connect_raw()
        await asyncio.to_thread(raw.send, data)
        assert (await asyncio.to_thread(raw.receive_close))[0] == 1002, name
    await api.disconnected(len(BROKEN_FRAMES))
    assert api.ledger.codes() == {"1002": len(BROKEN_FRAMES)}


async def test_a_client_above_its_message_rate_is_closed_with_1008_and_others_are_not(new_api: NewApi) -> None:
    api = await new_api(limits={"messagesPerSecond": 20})
    flooder, modest = await api.connect(), await api.connect()
    began = time.monotonic()
    assert await flooder.talk_until_closed("flood") == (1008, "Rate exceeded")
    taken = len(api.requests("/echo"))
    assert 40 <= taken <= 1.1 * (40 + 20 * (time.monotonic() - began)) + 1
    assert await modest.ask("hello") == "hello"


async def test_a_client_above_its_byte_rate_is_closed_with_1008_counted_in_bytes_not_characters(
    new_api: NewApi,
) -> None:
    api = await new_api(limits={"bytesPerSecond": 10_000})
    ascii_client, euro_client = await api.connect(), await api.connect()
    assert await ascii_client.ask("x" * 19_000) == "x" * 19_000
    await euro_client.socket.send("\u20ac" * 7_000)
    assert await euro_client.closed() == (1008, "Rate exceeded")
    await ascii_client.socket.send("x" * 32_000)
    assert await ascii_client.closed() == (1008, "Rate exceeded")


async def test_a_flood_of_pings_counts_against_the_message_rate(new_api: NewApi) -> None:
    api = await new_api(limits={"messagesPerSecond": 20})
    raw, _ = await api.connect_raw()

    def flood() -> int | None:
        for _ in range(200):
            raw.send_while_open(b"\x89\x80\x00\x00\x00\x00")
        while True:
            opcode, payload = raw.receive_frame()
            if opcode == 8:
                return int(struct.unpack("!H", payload[:2])[0])

    assert await asyncio.to_thread(flood) == 1008
    [end] = await api.disconnected(1)
    assert end.header("statusCode") == "1008"


async def test_pongs_that_answer_no_ping_count_against_the_message_rate(new_api: NewApi) -> None:
    api = await new_api(limits={"messagesPerSecond": 5})
    raw, _ = await api.connect_raw()
    await asyncio.to_thread(raw.send, masked_frame(PONG, b"x") * 11)
    assert await asyncio.to_thread(raw.receive_close) == (1008, "Rate exceeded")


async def test_a_pong_that_answers_the_gateways_ping_does_not_count(new_api: NewApi) -> None:
    api = await new_api(limits={"messagesPerSecond": 0.1, "pingInterval": 0.3})
    client = await api.connect()
    await asyncio.sleep(2)
    assert await client.ask("still allowed") == "still allowed"


async def test_a_flood_of_pings_without_a_rate_limit_costs_no_memory(new_api: NewApi) -> None:
    api = await new_api()
    raw, _ = await api.connect_raw(receive_buffer=4096)
    before = api.node.memory

    def flood() -> None:
        raw.socket.settimeout(1)
        for _ in range(2_000):
            raw.send_while_open((b"\x89\xfd\x00\x00\x00\x00" + b"x" * 125) * 20)

    witness = await api.connect()
    await asyncio.to_thread(flood)
    assert await witness.ask("hello") == "hello"
    assert api.node.memory - before <= 8 * MIB
    raw.reset()


async def test_a_client_that_sends_more_than_may_be_in_flight_is_read_no_further(new_api: NewApi) -> None:
    api = await new_api(limits={"maxInFlight": 4})
    client = await api.connect()
    gate = asyncio.Event()
    api.on("/note", until=gate)
    before = api.node.memory
    sending = asyncio.create_task(client.socket.send(note("x" * 30_000)))
    floods = [asyncio.create_task(client.socket.send(note("x" * 30_000))) for _ in range(200)]
    await api.received(4, "/note")
    assert await (await api.connect()).ask("another is not held up") == "another is not held up"
    assert len(api.requests("/note")) == 4
    assert api.node.memory - before <= 16 * MIB
    gate.set()
    await asyncio.gather(sending, *floods)
    await api.received(201, "/note")
