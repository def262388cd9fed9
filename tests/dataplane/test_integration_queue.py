"""The queue of one integration's `$disconnect` events: how many are under way, and what a failing backend is spared."""

import asyncio

import pytest

from gatewayapp.core.expressions import compile_selection
from gatewayapp.core.limits import StageLimits
from gatewayapp.core.messages import ConnectionInfo, Disconnect
from gatewayapp.core.snapshot import ApiSnapshot, StageSnapshot
from gatewayapp.dataplane.disconnects import (
    FAILURES_TO_OPEN,
    MAX_DELAY_SECONDS,
    MAX_IN_FLIGHT,
    IntegrationQueue,
    PendingDisconnect,
    RetryOptions,
)
from gatewayapp.dataplane.stages import Revision, StageHandle, StageKey

SNAPSHOT = StageSnapshot(ApiSnapshot("api", compile_selection("$request.body.action"), {}), "test", {}, StageLimits())


class Attempts(list[PendingDisconnect]):
    """The attempts that a queue has started."""

    def __init__(self, count: int, options: RetryOptions, give_up_in: float = 3600.0) -> None:
        now = asyncio.get_running_loop().time()
        stage = StageHandle(StageKey("api", "test"), Revision(None, 0), SNAPSHOT)
        self.queue = IntegrationQueue(lambda _, pending: self.append(pending), options)
        for number in range(count):
            info = ConnectionInfo(str(number), "api", "test", "localhost", 0, "192.0.2.1")
            event = Disconnect(str(number), 0, 1000, "")
            self.queue.add(PendingDisconnect(info, event, stage, SNAPSHOT, now + give_up_in), now)
        self.queue.advance()


async def test_a_bounded_number_of_events_is_under_way() -> None:
    attempts = Attempts(MAX_IN_FLIGHT + 50, RetryOptions())
    assert len(attempts) == MAX_IN_FLIGHT
    attempts.queue.succeeded()
    attempts.queue.advance()
    assert len(attempts) == MAX_IN_FLIGHT + 1


async def test_failures_in_a_row_open_the_circuit_and_a_success_closes_it_step_by_step() -> None:
    attempts = Attempts(MAX_IN_FLIGHT + 50, RetryOptions(delay=0.0))
    started_at = asyncio.get_running_loop().time()
    for _ in range(MAX_IN_FLIGHT):
        assert not attempts.queue.failed(started_at)
    attempts.queue.advance()
    assert len(attempts) == MAX_IN_FLIGHT + 1, "one is tried"
    attempts.queue.succeeded()
    attempts.queue.advance()
    assert len(attempts) == MAX_IN_FLIGHT + 3, "two are under way"
    for _ in range(2):
        attempts.queue.succeeded()
    attempts.queue.advance()
    assert len(attempts) == MAX_IN_FLIGHT + 7, "four are under way"


async def test_nothing_is_started_in_the_pause_after_failures() -> None:
    attempts = Attempts(MAX_IN_FLIGHT + 50, RetryOptions(delay=3600.0))
    started_at = asyncio.get_running_loop().time()
    for _ in range(FAILURES_TO_OPEN):
        attempts.queue.failed(started_at)
    attempts.queue.advance()
    assert len(attempts) == MAX_IN_FLIGHT
    attempts.queue.stop()


async def test_single_failures_do_not_hold_up_the_others() -> None:
    attempts = Attempts(MAX_IN_FLIGHT + 50, RetryOptions(delay=3600.0))
    started_at = asyncio.get_running_loop().time()
    for number in range(50):
        attempts.queue.failed(started_at) if number % 2 else attempts.queue.succeeded()
    attempts.queue.advance()
    assert len(attempts) == MAX_IN_FLIGHT + 50


async def test_events_whose_time_is_up_are_given_up_with_the_one_that_was_tried() -> None:
    attempts = Attempts(MAX_IN_FLIGHT + 50, RetryOptions(), give_up_in=0.0)
    started_at = asyncio.get_running_loop().time()
    expired = [pending for _ in range(FAILURES_TO_OPEN) for pending in attempts.queue.failed(started_at)]
    assert len(expired) == 50
    attempts.queue.advance()
    assert len(attempts) == MAX_IN_FLIGHT


async def test_without_repeats_every_event_is_tried_once() -> None:
    attempts = Attempts(MAX_IN_FLIGHT + 50, RetryOptions(timeout=0.0), give_up_in=0.0)
    started_at = asyncio.get_running_loop().time()
    for _ in range(MAX_IN_FLIGHT):
        assert not attempts.queue.failed(started_at)
    attempts.queue.advance()
    assert len(attempts) == MAX_IN_FLIGHT + 50


@pytest.mark.parametrize(
    ("failures", "seconds"),
    [(1, 1.0), (2, 2.0), (3, 4.0), (5, 16.0), (6, MAX_DELAY_SECONDS), (9**9, MAX_DELAY_SECONDS)],
)
def test_pauses_double_up_to_half_a_minute(failures: int, seconds: float) -> None:
    assert RetryOptions().pause(failures) == seconds
