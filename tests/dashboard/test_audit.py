"""The audit log: filters, pages, what differs, who may read it, and its export."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from gatewayapp.controlplane import operations
from gatewayapp.models import Api, AuditEntry
from tests.dashboard.forms import page, send

EXPRESSION = "$request.body.action"


def actions(client: Client, query: str = "") -> list[str]:
    return [row.entry.action for row in client.get(f"/audit{query}").context["rows"]]


def test_a_change_is_told_member_by_member_with_who_and_where(signed_in: Client, api: Api) -> None:
    send(signed_in, f"/apis/{api.api_id}/edit", name="talk", route_selection_expression=EXPRESSION)

    found = page(signed_in, "/audit")

    assert "<strong>UpdateApi</strong>" in found
    assert "<del>chat</del><ins>talk</ins>" in found
    assert f'href="/apis/{api.api_id}"' in found
    assert "ann (user" in found
    assert "127.0.0.1" in found


def test_what_was_deleted_has_no_link_and_shows_what_it_was(signed_in: Client, api: Api) -> None:
    route = operations.create_route(api_id=api.api_id, route_key="send")
    operations.delete_route(api_id=api.api_id, route_id=route.pk)

    [row] = signed_in.get("/audit?operation=DeleteRoute").context["rows"]

    assert (row.word, row.url) == ("deleted", "")
    assert ("routeKey", "send", "") in [(line.member, line.before, line.after) for line in row.lines]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?operation=createroute", ["CreateRoute"]),
        ("?object=/models/", ["CreateModel"]),
        ("?person=ann", ["UpdateApi"]),
        ("?person=nobody", []),
        ("?since=2999-01-01T00:00", []),
        ("?until=2000-01-01T00:00", []),
        ("?since=2000-01-01T00:00&operation=CreateModel", ["CreateModel"]),
    ],
)
def test_entries_are_filtered(signed_in: Client, api: Api, query: str, expected: list[str]) -> None:
    operations.create_route(api_id=api.api_id, route_key="send")
    operations.create_model(api_id=api.api_id, name="Message", schema="{}")
    send(signed_in, f"/apis/{api.api_id}/edit", name="talk", route_selection_expression=EXPRESSION)

    assert actions(signed_in, query) == expected


def test_a_time_that_is_none_is_said_at_its_field(signed_in: Client, api: Api) -> None:
    response = signed_in.get("/audit?since=soon")

    assert response.context["rows"] == []
    assert 'id="id_since_error"' in response.content.decode()


def test_pages_follow_one_another_with_the_filter_kept(signed_in: Client, api: Api) -> None:
    for number in range(60):
        operations.create_model(api_id=api.api_id, name=f"M{number}", schema="{}")

    first = signed_in.get("/audit?operation=CreateModel")
    second = signed_in.get(f"/audit{first.context['next']}")

    names = [row.entry.after["name"] for row in (*first.context["rows"], *second.context["rows"])]
    assert names == [f"M{number}" for number in range(59, -1, -1)]
    assert not second.context["next"]
    assert second.context["first"] == "?operation=CreateModel"


def test_a_cursor_that_was_not_given_out_is_refused(signed_in: Client, api: Api) -> None:
    assert signed_in.get("/audit?cursor=nonsense").status_code == 400


def test_the_number_of_queries_does_not_grow_with_the_entries(signed_in: Client, api: Api) -> None:
    with CaptureQueriesContext(connection) as few:
        page(signed_in, "/audit")
    for number in range(40):
        operations.create_model(api_id=api.api_id, name=f"M{number}", schema="{}")
    with CaptureQueriesContext(connection) as many:
        page(signed_in, "/audit")

    assert len(many) == len(few)


def test_secrets_are_neither_shown_nor_exported(signed_in: Client, api: Api) -> None:
    operations.create_stage(api_id=api.api_id, stage_name="prod", stage_variables={"password": "hunter2"})

    assert "hunter2" not in page(signed_in, "/audit")
    assert "hunter2" not in "".join(_export(signed_in, ""))


@pytest.mark.parametrize("role", ["viewer", "operator", "editor"])
def test_who_may_not_read_it_is_refused(person: Callable[[str], Client], role: str) -> None:
    somebody = person(role)

    assert somebody.get("/audit").status_code == 403
    assert somebody.get("/audit/export").status_code == 403
    assert "/audit" not in page(somebody, "/apis")


def test_an_admin_of_one_api_reads_of_that_one_alone(person: Callable[[str], Client], api: Api, foreign: Api) -> None:
    admin = person("admin")
    operations.create_model(api_id=foreign.api_id, name="Foreign", schema="{}")
    operations.create_model(api_id=api.api_id, name="Own", schema="{}")

    assert set(actions(admin)) == {"CreateApi", "CreateModel"}
    assert actions(admin, f"?object={foreign.api_id}") == []
    lines = [json.loads(line) for line in _export(admin, "")]
    assert {line["resource"].split("/")[2] for line in lines} == {api.api_id}
    assert "CreateUser" not in {line["action"] for line in lines}


def test_the_export_has_what_the_filter_finds_as_json_lines(signed_in: Client, api: Api) -> None:
    operations.create_model(api_id=api.api_id, name="Message", schema="{}")

    response = signed_in.get("/audit/export?operation=CreateModel")
    [line] = _lines(response)

    assert response.headers["Content-Type"] == "application/x-ndjson"
    assert "attachment" in response.headers["Content-Disposition"]
    entry = AuditEntry.objects.get(action="CreateModel")
    document = json.loads(line)
    assert document["action"] == "CreateModel"
    assert document["after"] == entry.after
    assert document["actor"]["kind"] == "command"


def test_an_empty_log_says_what_will_be_there(signed_in: Client) -> None:
    assert "Nothing was changed yet" in page(signed_in, "/audit")


def _export(client: Client, query: str) -> list[str]:
    return _lines(client.get(f"/audit/export{query}"))


def _lines(response: Any) -> list[str]:
    return b"".join(response.streaming_content).decode().splitlines()
