"""Administrators are asked what is to become of the connections that a restored database lists."""

from collections.abc import Callable

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from gatewayapp.controlplane.operations.connections import get_connections
from gatewayapp.controlplane.operations.restored_connections import count_restored_connections
from gatewayapp.live import ConnectionFilter
from gatewayapp.models import Api, AuditEntry, Connection, Installation
from tests.dashboard.forms import page


@pytest.fixture
def restored(db: None) -> Installation:
    """Two connections of a run that is held, one of another run."""
    for number, incarnation in enumerate([3, 3, 4]):
        Connection.objects.create(
            connection_id=f"connection{number}", api_id="ab12cd34ef", stage="test", node_slot=0,
            node_incarnation=incarnation, connected_at=0, domain_name="localhost", source_ip="127.0.0.1",
        )  # fmt: skip
    return Installation.objects.create(pk=Installation.ROW, installation_id="a", place="b", held_incarnations=[3])


def test_the_overview_asks_administrators(signed_in: Client, restored: Installation) -> None:
    assert "lists 2 connections" in page(signed_in, "/")


def test_nobody_else_is_asked(person: Callable[[str], Client], restored: Installation) -> None:
    assert "Restored connections" not in page(person("admin"), "/")  # of one API only


def test_nothing_is_asked_without_restored_connections(signed_in: Client, api: Api) -> None:
    assert "Restored connections" not in page(signed_in, "/")


@pytest.mark.parametrize(("decision", "left"), [("report", 3), ("discard", 1)])
def test_a_decision_is_carried_out_and_recorded(
    signed_in: Client, restored: Installation, decision: str, left: int
) -> None:
    answer = signed_in.post("/restored-connections", {"decision": decision}, follow=True)
    assert "2 connections" in answer.content.decode()
    assert "Restored connections" not in answer.content.decode()
    assert (Connection.objects.count(), count_restored_connections(), Installation.held()) == (left, 0, [])
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.actor_name) == (f"{decision.title()}RestoredConnections", "ann")
    assert entry.before == {"connections": 2}


def test_restored_connections_are_not_listed_as_open(restored: Installation) -> None:
    found = get_connections(where=ConnectionFilter(), api_ids=None, after=None, size=10)
    assert [row.connection_id for row, _ in found.connections] == ["connection2"]
    assert found.total == 1


def test_a_second_decision_is_refused(signed_in: Client, restored: Installation) -> None:
    signed_in.post("/restored-connections", {"decision": "discard"})
    assert signed_in.post("/restored-connections", {"decision": "report"}).status_code == 409
    with pytest.raises(CommandError, match="It may have been made already"):
        call_command("restoredconnections", "report")


def test_a_decision_that_is_none_is_refused(signed_in: Client, restored: Installation) -> None:
    assert signed_in.post("/restored-connections", {}).status_code == 400
    assert Installation.held() == [3]
