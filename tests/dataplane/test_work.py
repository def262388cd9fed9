"""Work without tasks: what `Work.run` owes to those that start work, to the work itself, and to a drain."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from gatewayapp.dataplane.work import Work

Result = Callable[["asyncio.Future[str]"], None]


class Ledger:
    """Work that waits for a future and writes down how it went."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    async def wait(self, name: str, *futures: "asyncio.Future[str]") -> None:
        self.lines.append(f"{name} begins")
        try:
            for future in futures:
                self.lines.append(f"{name} gets {await future}")
        except ValueError as error:
            self.lines.append(f"{name} hears of {error}")
        finally:
            self.lines.append(f"{name} ends")


def future() -> "asyncio.Future[str]":
    return asyncio.get_running_loop().create_future()


async def fail() -> None:
    raise ValueError("nobody expected this")


async def fail_later(waited_for: "asyncio.Future[str]") -> None:
    await waited_for
    raise ValueError("nobody expected this")


async def test_work_begins_before_run_returns_and_ends_there_if_it_need_not_wait() -> None:
    ledger, work, done = Ledger(), Work(), future()
    done.set_result("at once")
    work.run(ledger.wait("it", done))
    assert ledger.lines == ["it begins", "it gets at once", "it ends"]
    await asyncio.wait_for(work.finish(10), 1)


ENDS: dict[str, tuple[Result, list[str]]] = {
    "a result": (lambda waited_for: waited_for.set_result("a result"), ["it gets a result", "it gets more", "it ends"]),
    "an error": (
        lambda waited_for: waited_for.set_exception(ValueError("an error")),
        ["it hears of an error", "it ends"],
    ),
    "a cancellation": (lambda waited_for: waited_for.cancel() and None, ["it ends"]),
}


@pytest.mark.parametrize("end", ENDS)
async def test_work_goes_on_with_what_its_future_brings(end: str, caplog: pytest.LogCaptureFixture) -> None:
    ledger, work, first, second = Ledger(), Work(), future(), future()
    second.set_result("more")
    give, lines = ENDS[end]
    work.run(ledger.wait("it", first, second))
    assert ledger.lines == ["it begins"]
    give(first)
    assert ledger.lines == ["it begins"]  # whoever completes a future is not held up by those that wait for it
    await work.finish(10)
    assert ledger.lines == ["it begins", *lines]
    assert not caplog.records


async def test_several_pieces_of_work_begin_and_go_on_in_the_order_they_were_started() -> None:
    ledger, work, waited_for = Ledger(), Work(), future()
    for name in "abc":
        work.run(ledger.wait(name, waited_for))
    assert ledger.lines == ["a begins", "b begins", "c begins"]
    waited_for.set_result("it")
    await work.finish(10)
    assert ledger.lines[3:] == ["a gets it", "a ends", "b gets it", "b ends", "c gets it", "c ends"]


async def test_work_may_wait_for_tasks_and_start_more_work() -> None:
    ledger, work, waited_for = Ledger(), Work(), future()

    async def nested() -> None:
        work.run(ledger.wait("inner", waited_for))
        await work.start(asyncio.sleep(0))
        ledger.lines.append("outer ends")

    work.run(nested())
    assert ledger.lines == ["inner begins"]
    asyncio.get_running_loop().call_later(0.05, waited_for.set_result, "it")
    await work.finish(10)
    assert ledger.lines == ["inner begins", "outer ends", "inner gets it", "inner ends"]


@pytest.mark.parametrize("make", [lambda done: fail(), fail_later], ids=["at once", "later"])
async def test_a_failure_is_logged_and_hurts_nobody(
    make: Callable[["asyncio.Future[str]"], Coroutine[Any, Any, None]], caplog: pytest.LogCaptureFixture
) -> None:
    ledger, work, waited_for = Ledger(), Work(), future()
    work.run(make(waited_for))
    work.run(ledger.wait("it", waited_for))
    waited_for.set_result("its own")
    await work.finish(10)
    assert ledger.lines == ["it begins", "it gets its own", "it ends"]
    [record] = [each for each in caplog.records if each.name == "gatewayapp.dataplane.work"]
    assert (record.levelno, record.exc_info and str(record.exc_info[1])) == (logging.ERROR, "nobody expected this")


async def test_finish_waits_for_what_is_under_way_no_longer_than_it_may(caplog: pytest.LogCaptureFixture) -> None:
    ledger, work, never = Ledger(), Work(), future()
    work.run(ledger.wait("it", never))
    task = work.start(asyncio.sleep(60))
    await work.finish(0.05)
    assert [record.getMessage() for record in caplog.records if record.name == "gatewayapp.dataplane.work"] == [
        "2 pieces of work were not finished within 0 s"
    ]
    assert ledger.lines == ["it begins"]
    never.set_result("it after all")
    task.cancel()
    await work.finish(10)
    assert ledger.lines == ["it begins", "it gets it after all", "it ends"]
