"""Who may hold how much of the process's memory."""

from pathlib import Path

import pytest

from gatewayapp import memory_budget
from gatewayapp.memory_budget import Account, MemoryBudget, memory_limit


class Paused:
    def __init__(self) -> None:
        self.notified = 0

    def notify_slot_free(self) -> None:
        self.notified += 1


def held(account: Account, *sizes: int) -> None:
    """Connections that hold these sizes."""
    for size in sizes:
        account.hold(size, is_first=True)


def test_below_the_budget_everyone_is_admitted():
    account = MemoryBudget(100).account("a")
    held(account, 90)
    assert account.admits(90, 10)
    assert not account.admits(90, 11)


def test_above_the_budget_small_holders_go_on_while_large_ones_are_paused():
    budget = MemoryBudget(100)
    account = budget.account("a")
    held(account, 10, 10, 79)
    budget.add(20)
    assert not account.admits(79, 5)
    assert account.admits(10, 5)


def test_above_the_ceiling_nobody_of_a_large_api_is_admitted():
    budget = MemoryBudget(100)
    account = budget.account("a")
    held(account, 10, 140)
    assert not account.admits(10, 5)


def test_an_api_within_its_fair_share_is_admitted_whatever_others_hold():
    budget = MemoryBudget(100)
    held(budget.account("greedy"), 200)
    modest = budget.account("modest")
    assert modest.admits(0, 40)  # it holds nothing yet
    held(modest, 40)
    assert modest.admits(40, 10)
    assert not modest.admits(40, 11)


def test_an_account_is_one_for_each_api_and_forgotten_when_nobody_needs_it():
    budget = MemoryBudget(100)
    account = budget.account("a")
    assert budget.account("a") is account
    assert budget.account("b") is not account


def test_what_is_released_can_be_held_again():
    budget = MemoryBudget(100)
    account = budget.account("a")
    account.hold(60, is_first=True)
    account.hold(40, is_first=False)
    account.release(60, is_last=False)
    account.release(40, is_last=True)
    assert (budget.used, budget.active_accounts, account.held, account.holders) == (0, 0, 0, 0)


def test_a_release_resumes_the_one_that_has_waited_longest():
    budget = MemoryBudget(100)
    account = budget.account("a")
    held(account, 50, 50)
    first, second = Paused(), Paused()
    account.wait(first)
    account.wait(second)
    account.release(50, is_last=True)
    assert (first.notified, second.notified) == (1, 0)
    assert budget.paused_accounts


def test_who_has_left_is_not_resumed():
    budget = MemoryBudget(100)
    account = budget.account("a")
    held(account, 50)
    gone = Paused()
    account.wait(gone)
    account.forget(gone)
    account.release(50, is_last=True)
    assert gone.notified == 0
    assert not budget.paused_accounts


def test_where_there_is_room_again_all_are_resumed_and_elsewhere_who_is_within_its_share():
    budget = MemoryBudget(100)
    greedy, modest = budget.account("greedy"), budget.account("modest")
    held(greedy, 150)
    held(modest, 10)
    paused = {greedy: [Paused(), Paused()], modest: [Paused(), Paused()]}
    for account, waiters in paused.items():
        for waiter in waiters:
            account.wait(waiter)
    budget.resume(10)
    assert [waiter.notified for waiter in paused[greedy]] == [0, 0]
    assert [waiter.notified for waiter in paused[modest]] == [1, 1]
    greedy.held, budget.used = 50, 60
    budget.resume(10)
    assert [waiter.notified for waiter in paused[greedy]] == [1, 1]


@pytest.mark.parametrize(
    ("membership", "files", "expected"),
    [
        ("0::/", {"memory.max": "1000"}, 1000),
        ("0::/", {"memory.max": "max"}, None),
        ("0::/a/b", {"memory.max": "5000", "a/memory.max": "2000", "a/b/memory.max": "max"}, 2000),
        ("0::/elsewhere/on/the/host", {"memory.max": "3000"}, 3000),
        ("5:memory:/docker/x", {"memory/memory.limit_in_bytes": "4000"}, 4000),
        ("5:cpu:/docker/x", {"memory/memory.limit_in_bytes": "4000"}, None),
    ],
)
def test_the_memory_limit_is_the_smallest_of_the_control_groups_above(
    monkeypatch, tmp_path: Path, membership: str, files: dict[str, str], expected: int | None
):
    for name, content in files.items():
        file = tmp_path / "cgroup" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content + "\n")
    (tmp_path / "membership").write_text(membership + "\n")
    monkeypatch.setattr(memory_budget, "CONTROL_GROUPS", tmp_path / "cgroup")
    monkeypatch.setattr(memory_budget, "MEMBERSHIP", tmp_path / "membership")
    if expected is None:
        assert memory_limit() > 10_000
    else:
        assert memory_limit() == expected
