"""The memory budget: counts the bytes that this process holds for clients, and decides who waits above the limit.

It counts messages in flight, send buffers, incomplete messages, HTTP requests and responses that are being read. Above
the budget the largest holders are paused, but never an API within its fair share. Above the ceiling, slow readers are
closed and handshakes are refused (see `gatewayapp.dataplane.memory_guard`).
"""

import os
import resource
from pathlib import Path
from typing import Final, Protocol
from weakref import WeakValueDictionary

CEILING_FACTOR: Final = 1.5
DEFAULT_SHARE: Final = 4
"""The budget is this fraction of the memory limit unless a setting says otherwise: 1/4."""
MIN_BUDGET: Final = 4 * 2**20

CONTROL_GROUPS: Final = Path("/sys/fs/cgroup")
MEMBERSHIP: Final = Path("/proc/self/cgroup")


class Waiter(Protocol):
    """A connection that is paused until its API may hold more bytes."""

    def notify_slot_free(self) -> None:
        """Look again whether the next message may begin."""


class Account:
    """The bytes held for one API."""

    __slots__ = ("__weakref__", "_budget", "held", "holders", "waiting")

    def __init__(self, budget: "MemoryBudget") -> None:
        self._budget = budget
        self.held = 0
        self.holders = 0
        """Connections that hold any bytes."""
        self.waiting: dict[Waiter, None] = {}
        """Paused connections in the order in which they were paused."""

    def hold(self, size: int, is_first: bool) -> None:
        """Count `size` more bytes; `is_first`: the connection held nothing before."""
        budget = self._budget
        if is_first:
            if not self.held:
                budget.active_accounts += 1
            self.holders += 1
        self.held += size
        budget.used += size

    def release(self, size: int, is_last: bool) -> None:
        """Count `size` bytes less; `is_last`: the connection holds nothing any more."""
        budget = self._budget
        self.held -= size
        budget.used -= size
        if is_last:
            self.holders -= 1
            if not self.held:
                budget.active_accounts -= 1
        if self.waiting:
            self._resume_next()

    def admits(self, held: int, size: int) -> bool:
        """Whether a connection of this API that holds `held` bytes may take `size` more."""
        budget = self._budget
        if budget.used + size <= budget.limit or not self.held:
            return True
        active = budget.active_accounts
        share = budget.limit // active
        if self.held + size <= share:
            return True
        if budget.used + size > budget.ceiling:
            return False
        holders = self.holders if held else self.holders + 1
        return held + size <= share // holders

    def wait(self, waiter: Waiter) -> None:
        """Notify `waiter` when it may try again."""
        self.waiting[waiter] = None
        self._budget.paused_accounts[self] = None

    def forget(self, waiter: Waiter) -> None:
        """Remove a waiter."""
        if self.waiting.pop(waiter, waiter) is None and not self.waiting:
            self._budget.paused_accounts.pop(self, None)

    def resume(self, count: int) -> None:
        """Notify the `count` connections that have waited longest."""
        for _ in range(min(count, len(self.waiting))):
            self._resume_next()

    def _resume_next(self) -> None:
        waiter = next(iter(self.waiting))
        del self.waiting[waiter]
        if not self.waiting:
            self._budget.paused_accounts.pop(self, None)
        waiter.notify_slot_free()


class MemoryBudget:
    """The process's budget in bytes; belongs to one event loop."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.ceiling = int(limit * CEILING_FACTOR)
        self.used = 0
        self.active_accounts = 0
        self.paused_accounts: dict[Account, None] = {}
        self.closed_count = 0
        """Connections that were closed for want of memory."""
        self._accounts: WeakValueDictionary[str, Account] = WeakValueDictionary()

    def account(self, api_id: str) -> Account:
        """The API's account, which lives as long as it is referenced."""
        account = self._accounts.get(api_id)
        if account is None:
            account = self._accounts[api_id] = Account(self)
        return account

    def add(self, size: int) -> None:
        """Count bytes that belong to no API; a negative size releases them."""
        self.used += size

    @property
    def is_spent(self) -> bool:
        """Whether the budget is used up: the largest holders are paused."""
        return self.used > self.limit

    @property
    def is_exhausted(self) -> bool:
        """Whether so much is held that new connections are refused."""
        return self.used > self.ceiling

    def count_paused(self) -> int:
        """How many connections wait; may be asked from any thread."""
        return sum(len(account.waiting) for account in list(self.paused_accounts))

    def resume(self, count: int) -> None:
        """Notify up to `count` paused connections of every API, where there is room again."""
        for account in list(self.paused_accounts):
            if self.used <= self.limit or account.held <= self.limit // max(self.active_accounts, 1):
                account.resume(count)


UNLIMITED: Final = 2**62


def default_budget() -> int:
    """A quarter of the memory limit that applies to this process, in bytes."""
    return max(memory_limit() // DEFAULT_SHARE, MIN_BUDGET)


def memory_limit() -> int:
    """The smallest of physical memory, the limits of the control groups above us and `ulimit -v` / `-d`, in bytes."""
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    soft = (resource.getrlimit(kind)[0] for kind in (resource.RLIMIT_AS, resource.RLIMIT_DATA))
    limits = [value for value in soft if value != resource.RLIM_INFINITY]
    return min([physical, *limits, *_control_group_limits()])


def _control_group_limits() -> list[int]:
    """Memory limits of the process's control group and all its parents (cgroup v2, or v1's memory controller)."""
    try:
        memberships = MEMBERSHIP.read_text().splitlines()
    except OSError:
        return []
    limits: list[int] = []
    for line in memberships:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            limits += _limits_up_from(CONTROL_GROUPS, path, "memory.max")
        elif "memory" in controllers.split(","):
            limits += _limits_up_from(CONTROL_GROUPS / "memory", path, "memory.limit_in_bytes")
    return limits


def _limits_up_from(root: Path, path: str, name: str) -> list[int]:
    # In a container the path is often one of the host's, while the group itself is mounted at the root.
    folder = root / path.lstrip("/")
    return [limit for each in (folder, *folder.parents) if each.is_relative_to(root) for limit in _read(each / name)]


def _read(file: Path) -> list[int]:
    try:
        value = file.read_text().strip()
    except OSError:
        return []
    return [int(value)] if value.isdigit() else []
