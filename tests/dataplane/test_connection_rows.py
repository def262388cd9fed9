"""Changes of connections' rows: each may be written again, and one that is refused does not hold up the others."""

import asyncio
from pathlib import Path

import pytest
from django.db import IntegrityError

from gatewayapp.core.ids import Owner
from gatewayapp.core.messages import ConnectionInfo, Disconnect
from gatewayapp.dataplane.connection_rows import (
    Change,
    addition,
    close_abandoned,
    closed_rows,
    closing,
    removal,
    write_changes,
)
from gatewayapp.dataplane.journal import Journal
from gatewayapp.models import Connection

OWNER, LATER = Owner(0, 1), Owner(0, 2)
END = Disconnect("requestid", 1_700_000_000_000, 4000, "over\0")


def add(connection_id: str) -> Change:
    return addition(OWNER, ConnectionInfo(connection_id, "api", "test", "localhost", 1, "192.0.2.1", "agent"))


def ids() -> set[str]:
    return set(Connection.objects.values_list("connection_id", flat=True))


@pytest.mark.django_db
def test_changes_may_be_written_again() -> None:
    changes = [add("a"), add("b"), add("c"), closing("a", END), removal("b")]
    for some in (changes, changes, changes[:3], changes):
        assert write_changes(some) == {}
    assert ids() == {"a", "c"}
    assert [row.connection_id for row in Connection.open.all()] == ["c"]


@pytest.mark.django_db
def test_a_closed_row_says_again_what_its_event_said() -> None:
    write_changes([add("a"), closing("a", END)])
    write_changes([closing("a", Disconnect("other", 2, 1000, ""))])
    [row] = closed_rows(0, "", 10)
    assert (row.request_id, row.closed_at, row.code, row.reason) == ("requestid", END.time, 4000, "over\0")
    assert row.owner == OWNER
    assert closed_rows(0, "a", 10) == closed_rows(1, "", 10) == []


@pytest.mark.django_db
def test_what_an_earlier_run_held_is_closed_as_lost_and_the_rest_as_it_was() -> None:
    write_changes([add("a"), add("b"), closing("b", END)])
    close_abandoned(OWNER, 5)
    assert [row.connection_id for row in Connection.open.all()] == ["a"]
    close_abandoned(LATER, 5)
    assert [(row.info.connection_id, row.closed_at, row.code) for row in closed_rows(0, "", 10)] == [
        ("a", 5, 1006),
        ("b", END.time, 4000),
    ]


@pytest.mark.django_db
def test_a_change_that_the_database_refuses_does_not_hold_up_the_others() -> None:
    write_changes([add("a"), add("b")])
    rejected = write_changes([add("c"), closing("a", Disconnect("r", 1, -1, "")), closing("b", END)])
    assert isinstance(rejected.pop("a"), IntegrityError)
    assert rejected == {}
    assert {row.connection_id for row in Connection.open.all()} == {"a", "c"}


@pytest.mark.django_db
def test_a_journal_is_read_in_parts_and_without_what_a_crash_left_behind(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal", 5_000)
    asyncio.run(_fill(journal))
    with journal.path.open("ab") as file:
        file.write(b'["add","half')
    journal.close()
    journal = Journal(tmp_path / "journal", 5_000)
    positions = [0]
    while positions[-1] < journal.size:
        positions.append(journal.replay(positions[-1]))
    assert positions[-1] == journal.size
    assert len(positions) > 2
    assert len(ids()) == 2_999
    journal.close()


async def _fill(journal: Journal) -> None:
    for start in range(0, 3_000, 500):
        await journal.append([add(str(number)) for number in range(start, start + 500)])
    await journal.append([closing("1", END), removal("0")])


async def test_a_journal_takes_a_bounded_number_of_connections_until_it_is_cleared(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal", 3)
    await journal.append([add("a"), add("b"), closing("a", END)])
    assert journal.has_room()
    assert not journal.has_room(1)
    assert journal.path.stat().st_mode & 0o777 == 0o600
    await journal.clear()
    assert journal.path.read_bytes() == b""
    assert journal.has_room(2)
    journal.close()
