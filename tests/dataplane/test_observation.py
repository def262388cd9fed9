"""The recorder: it works only while someone watches, keeps a bounded number, and no slow reader holds it up."""

import asyncio
import itertools
from collections.abc import AsyncIterator

import pytest

from gatewayapp.core.ids import new_request_id
from gatewayapp.core.limits import StageLimits
from gatewayapp.core.masking import Mask
from gatewayapp.core.messages import ConnectionInfo
from gatewayapp.core.outcomes import Outcome
from gatewayapp.core.snapshot import StageSnapshot, load
from gatewayapp.core.traces import MESSAGE
from gatewayapp.dataplane import observation
from gatewayapp.dataplane.observation import MOST_A_SECOND, MOST_OF_A_CONNECTION, MOST_TRACES, Recorder
from gatewayapp.live import Batch, Delivery, TraceFilter

API = load(
    {
        "api": {"apiId": "api0000000", "routeSelectionExpression": "$request.body.action"},
        "integrations": [],
        "routes": [],
    }
)
STAGE = StageSnapshot(API, "prod", {}, StageLimits())
TRACED = StageSnapshot(API, "prod", {}, StageLimits(), data_trace=True)


def info(connection_id: str = "a", api_id: str = "api0000000", stage: str = "prod") -> ConnectionInfo:
    return ConnectionInfo(connection_id, api_id, stage, "localhost", 0, "192.0.2.1")


@pytest.fixture
def recorder() -> Recorder:
    return Recorder(Mask())


def record(recorder: Recorder, text: str, connection: ConnectionInfo | None = None) -> bool:
    """Let a message go its way; whether it was recorded."""
    connection = connection or info()
    steps = recorder.begin(STAGE, connection)
    if steps is not None:
        recorder.end(MESSAGE, STAGE, connection, steps, new_request_id(), text, Outcome(None))
    return steps is not None


def texts(recorder: Recorder, where: TraceFilter | None = None) -> list[str]:
    page = recorder.traces(where or TraceFilter(), None, MOST_TRACES)
    return [trace.received.text for trace in page.traces if trace.received is not None]


def test_nothing_is_recorded_unless_someone_watches(recorder: Recorder) -> None:
    assert not record(recorder, "unseen")
    recorder.pushed(STAGE, info(), "unseen", Delivery.ACCEPTED, "backend")
    recorder.closed(STAGE, info(), 1000, "", True)
    assert texts(recorder) == []


@pytest.mark.parametrize(
    ("where", "recorded"),
    [
        (TraceFilter(), True),
        (TraceFilter(api_id="api0000000", stage="prod"), True),
        (TraceFilter(connection_id="a"), True),
        (TraceFilter(api_ids=frozenset({"api0000000"})), True),
        (TraceFilter(api_ids=frozenset()), False),
        (TraceFilter(api_id="other"), False),
        (TraceFilter(stage="other"), False),
        (TraceFilter(connection_id="b"), False),
    ],
)
async def test_a_watch_and_a_lease_record_what_they_cover(
    recorder: Recorder, where: TraceFilter, recorded: bool
) -> None:
    recorder.lease(where)
    assert record(recorder, "leased") is recorded
    other = Recorder(Mask())
    watch = other.watch(where)
    assert record(other, "watched") is recorded
    watch.close()
    assert not record(other, "unseen")


def test_a_lease_ends_when_nobody_renews_it(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1_000.0
    monkeypatch.setattr(observation, "monotonic", lambda: now)
    recorder = Recorder(Mask())
    recorder.lease(TraceFilter(text="only a condition of this reader"))
    assert record(recorder, "seen")
    now += 59
    recorder.lease(TraceFilter())
    now += 59
    assert record(recorder, "still seen")
    now += 2
    assert not record(recorder, "unseen")


def test_a_stage_may_ask_for_traces_itself(recorder: Recorder) -> None:
    assert recorder.begin(TRACED, info()) is not None


async def test_so_many_a_second_are_recorded_and_of_the_rest_a_watch_tells_how_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 1_000.0
    monkeypatch.setattr(observation, "monotonic", lambda: now)
    recorder = Recorder(Mask())
    watch, other = recorder.watch(TraceFilter()), recorder.watch(TraceFilter(api_id="other"))
    recorded = [record(recorder, "x") for _ in range(MOST_TRACES + 5)]
    assert recorded == [True] * MOST_TRACES + [False] * 5
    assert (watch._take().dropped, other._take().dropped) == (MOST_TRACES - 100 + 5, 0)

    now += 0.5
    assert sum(record(recorder, "x") for _ in range(MOST_TRACES)) == MOST_A_SECOND // 2


def test_the_newest_are_kept_so_many_of_a_connection_so_many_in_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observation, "monotonic", itertools.count(step=1 / MOST_A_SECOND).__next__)
    recorder = Recorder(Mask())
    recorder.lease(TraceFilter())
    for number in range(MOST_OF_A_CONNECTION + 50):
        record(recorder, f"busy {number}", info("busy"))
    record(recorder, "quiet", info("quiet"))
    assert texts(recorder)[:2] == ["quiet", f"busy {MOST_OF_A_CONNECTION + 49}"]
    assert len(texts(recorder, TraceFilter(connection_id="busy"))) == MOST_OF_A_CONNECTION

    for number in range(MOST_TRACES):
        record(recorder, f"other {number}", info(f"c{number % 50}"))
    assert len(texts(recorder)) == MOST_TRACES
    assert texts(recorder, TraceFilter(connection_id="quiet")) == []


def test_the_bytes_that_are_kept_are_bounded(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observation, "MOST_BYTES", 100_000)
    recorder.lease(TraceFilter())
    for number in range(100):
        record(recorder, f"{number} " + "x" * 16_000)
    assert [text.partition(" ")[0] for text in texts(recorder)] == ["99", "98", "97", "96", "95"]


def test_traces_are_found_by_what_they_are_and_say(recorder: Recorder) -> None:
    recorder.lease(TraceFilter())
    record(recorder, '{"action": "send", "message": {"room": "Blue", "items": [{"id": 7}]}, "token": "swordfish1"}')
    record(recorder, "no JSON", info("b"))
    recorder.pushed(STAGE, info("b"), "pushed", Delivery.ACCEPTED, "backend")

    def found(**conditions: str) -> int:
        return len(recorder.traces(TraceFilter(**conditions), None, 10).traces)  # type: ignore[arg-type]

    assert found() == 3
    assert (found(kind="push"), found(kind="message"), found(connection_id="b")) == (1, 2, 2)
    assert (found(text="BLUE"), found(text="red"), found(text="pushed")) == (1, 0, 1)
    assert found(path="message.room", equals="Blue") == found(path="message.items[0].id", equals="7") == 1
    assert found(path="message.room", equals="Red") == 0
    assert found(text="swordfish1") == found(path="token", equals="swordfish1") == 0
    with pytest.raises(ValueError, match="cannot be used here"):
        found(path="..", equals="x")


def test_pages_follow_one_another(recorder: Recorder) -> None:
    recorder.lease(TraceFilter())
    for number in range(7):
        record(recorder, str(number))
    seen, before = [], None
    while True:
        page = recorder.traces(TraceFilter(), before, 3)
        seen += [trace.received.text for trace in page.traces if trace.received]
        record(recorder, "meanwhile")
        if (before := page.next_before) is None:
            break
    assert seen == ["6", "5", "4", "3", "2", "1", "0"]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observation, "_COALESCE_SECONDS", 0.01)


async def batch_of(batches: AsyncIterator[Batch]) -> Batch:
    async with asyncio.timeout(20):
        return await anext(batches)


async def test_a_watch_gives_what_comes_in_batches(recorder: Recorder) -> None:
    watch = recorder.watch(TraceFilter(text="wanted"))
    batches = aiter(watch)
    record(recorder, "wanted 1")
    record(recorder, "other")
    record(recorder, "wanted 2")
    batch = await batch_of(batches)
    assert [trace.received.text for trace in batch.traces if trace.received] == ["wanted 1", "wanted 2"]
    assert batch.dropped == 0
    record(recorder, "wanted 3")
    assert len((await batch_of(batches)).traces) == 1
    recorder.close()
    async with asyncio.timeout(20):
        assert not any([batch.traces async for batch in batches])


async def test_a_slow_reader_finds_the_newest_and_how_many_it_missed(recorder: Recorder) -> None:
    batches = aiter(recorder.watch(TraceFilter()))
    for number in range(250):
        record(recorder, str(number), info(f"c{number % 9}"))
    batch = await batch_of(batches)
    shown = [trace.received.text for trace in batch.traces if trace.received]
    assert shown == [str(number) for number in range(150, 250)]
    assert batch.dropped == 150


async def test_a_watch_whose_path_is_none_is_refused(recorder: Recorder) -> None:
    with pytest.raises(ValueError, match="cannot be used here"):
        recorder.watch(TraceFilter(path="..", equals="x"))
    assert not record(recorder, "unseen")
