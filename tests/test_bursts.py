"""What one turn of the event loop has to send is sent at its end."""

import asyncio

from gatewayapp.bursts import Burst


async def test_sends_of_a_turn_follow_each_other_once_its_work_is_done() -> None:
    loop, done = asyncio.get_running_loop(), list[str]()
    burst = Burst(loop)

    def work(name: str) -> None:
        done.append(f"work {name}")
        burst.add(lambda: done.append(f"send {name}"))

    loop.call_soon(work, "a")
    loop.call_soon(work, "b")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert done == ["work a", "work b", "send a", "send b"]


async def test_what_a_send_asks_for_comes_in_the_next_turn() -> None:
    done = list[str]()
    burst = Burst(asyncio.get_running_loop())
    burst.add(lambda: burst.add(lambda: done.append("second")))
    burst.add(lambda: done.append("first"))
    await asyncio.sleep(0)
    assert done == ["first"]
    await asyncio.sleep(0)
    assert done == ["first", "second"]
