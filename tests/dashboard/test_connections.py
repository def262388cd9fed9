"""The pages of connections: what is listed for whom, filters, pages, views, columns, and what each one's page says."""

import html
import re
from collections.abc import Callable, Iterator
from time import time
from urllib.parse import quote

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from benchmarks.crowd import crowd
from dashboard.connections.live import Rows
from gatewayapp.controlplane.operations import connections as operations
from gatewayapp.controlplane.operations import create_api
from gatewayapp.core.roles import Role
from gatewayapp.dataplane.connections import Connections
from gatewayapp.live import ConnectionFilter, Delivery, live_connections
from gatewayapp.models import Api, AuditEntry, Connection, RoleAssignment

COUNT = 130
API = "crowd00000"


@pytest.fixture
def many(db: None) -> Iterator[Connections]:
    with crowd(COUNT, API) as connections:
        yield connections


@pytest.fixture
def person(db: None) -> Callable[[Role, str | None], Client]:
    """Someone who holds a role, over all APIs or on one, and is signed in."""

    def make(role: Role, api_id: str | None = None) -> Client:
        user = User.objects.create_user(f"{role}-{api_id}", password="a-cactus-in-the-sun")
        if api_id is not None:
            Api.objects.get_or_create(pk=api_id, defaults={"name": api_id})
        RoleAssignment.objects.create(user=user, role=role, api_id=api_id)
        client = Client()
        client.force_login(user)
        return client

    return make


def read(client: Client, query: str = "") -> str:
    response = client.get(f"/connections{'?' if query else ''}{query}")
    assert response.status_code == 200
    return response.content.decode()


def ids_of(page: str) -> list[str]:
    return re.findall(r'<tr data-id="([^"]+)"', page)


def total_of(page: str) -> int:
    return int(re.search(r'data-total="(\d+)"', page)[1])  # type: ignore[index]


def link(page: str, relation: str) -> str | None:
    """Where the link to the next or the previous page leads."""
    found = re.search(rf'rel="{relation}" href="/connections\?([^"]*)"', page)
    return html.unescape(found[1]) if found else None


def youngest_first(many: Connections) -> list[str]:
    infos = sorted((each.info for each in many), key=lambda info: (info.connected_at, info.connection_id), reverse=True)
    return [info.connection_id for info in infos]


# pages


def test_pages_follow_one_another_and_lead_back(signed_in: Client, many: Connections) -> None:
    first = read(signed_in)
    assert total_of(first) == COUNT
    assert link(first, "prev") is None
    second = read(signed_in, link(first, "next") or "")
    third = read(signed_in, link(second, "next") or "")
    assert ids_of(first) + ids_of(second) + ids_of(third) == youngest_first(many)
    assert link(third, "next") is None

    back = read(signed_in, link(third, "prev") or "")
    assert ids_of(back) == ids_of(second)
    assert ids_of(read(signed_in, link(back, "prev") or "")) == ids_of(first)
    assert ids_of(read(signed_in, link(back, "next") or "")) == ids_of(third)


def test_going_back_to_where_there_is_no_full_page_gives_the_first(signed_in: Client, many: Connections) -> None:
    second = read(signed_in, link(read(signed_in), "next") or "")
    before = link(second, "prev") or ""
    Connection.objects.filter(pk=youngest_first(many)[0]).delete()

    assert ids_of(read(signed_in, before)) == youngest_first(many)[1:51]


@pytest.mark.parametrize(("asked", "size"), [("25", 25), ("100", 100), ("7", 50), ("x", 50)])
def test_a_page_has_one_of_three_sizes(signed_in: Client, many: Connections, asked: str, size: int) -> None:
    assert len(ids_of(read(signed_in, f"size={asked}"))) == size


def test_the_oldest_come_first_where_asked(signed_in: Client, many: Connections) -> None:
    assert ids_of(read(signed_in, "sort=oldest&size=25")) == youngest_first(many)[::-1][:25]


def test_a_cursor_that_is_none_is_refused(signed_in: Client, many: Connections) -> None:
    response = signed_in.get("/connections?after=nonsense")
    assert response.status_code == 400
    assert "Invalid cursor" in response.content.decode()


# filters


@pytest.mark.parametrize(
    ("query", "count"),
    [
        (f"api={API}&stage=prod", COUNT),
        ("stage=other", 0),
        ("ip=10.0.0.7", 1),
        ("ip=10.0.0.0/28", 16),
        ("principal=user-7", 1),
        ("principal=user-7*", 11),
        ("agent=PROBE", 32),
        ("older=2m", 11),
        ("younger=1m40s", 100),
        ("older=30s&younger=2m", 90),
        ("idle=5m", 13),
        ("active=5m", COUNT - 13),
        ("errors=on", 19),
        ("slow=on", 2),
        ("errors=on&slow=on", 1),
    ],
)
def test_conditions_find_those_that_meet_them(signed_in: Client, many: Connections, query: str, count: int) -> None:
    # Ages grow while one counts: one more or less may have come of age.
    assert abs(total_of(read(signed_in, query)) - count) <= ("er=" in query)


def test_ids_are_found_whole_several_or_by_their_beginning(signed_in: Client, many: Connections) -> None:
    first, second, *_ = youngest_first(many)
    assert ids_of(read(signed_in, f"id={quote(first)}")) == [first]
    assert ids_of(read(signed_in, f"id={quote(f'{first}, {second}')}")) == [first, second]
    beginning = [each for each in youngest_first(many) if each.startswith(first[:8])]
    assert ids_of(read(signed_in, f"id={quote(first[:8])}*")) == beginning
    assert total_of(read(signed_in, f"id={quote(first[:8])}")) == 0


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("ip=300.1.1.1", "Give an address, or a network"),
        ("older=soon", "Give a time such as 45s"),
        ("idle=-5", "Give a time such as 45s"),
        ("id=a*,b", "Give several whole ids"),
        ("id=" + "a," * 101, "Give at most 100 ids"),
        ("agent=" + "x" * 257, "at most 256 characters"),
    ],
)
def test_a_wrong_condition_says_so_and_lists_nothing(
    signed_in: Client, many: Connections, query: str, message: str
) -> None:
    page = read(signed_in, query)
    assert message in page
    assert "A filter is not right" in page
    assert ids_of(page) == []
    assert "hx-ws:connect" not in page


def test_each_condition_is_a_chip_that_can_be_taken_away(signed_in: Client, many: Connections) -> None:
    page = read(signed_in, "principal=user-7&slow=on&size=25&live=off")
    removals = [html.unescape(each) for each in re.findall(r'<a href="([^"]+)" aria-label="Remove the filter', page)]
    assert removals == [
        "/connections?slow=on&size=25&live=off",
        "/connections?principal=user-7&size=25&live=off",
    ]


def test_a_cell_leads_to_the_list_of_those_like_it(signed_in: Client, many: Connections) -> None:
    page = read(signed_in, "principal=user-7")
    leads = {html.unescape(each) for each in re.findall(r'<a href="([^"]+)" aria-label="Only', page)}
    assert f"/connections?api={API}&stage=prod&principal=user-7" in leads
    assert "/connections?principal=user-7&ip=10.0.0.7" in leads
    assert "/connections?principal=user-7&errors=on" in leads


# who sees what


def test_whoever_is_not_signed_in_goes_to_the_sign_in(client: Client, db: None) -> None:
    for path in ("/connections", "/connections/abc="):
        assert client.get(path).headers["Location"].startswith("/signin?next=/connections")


def test_one_sees_the_connections_of_ones_apis(many: Connections, person: Callable) -> None:
    assert total_of(read(person(Role.VIEWER, API))) == COUNT
    stranger = person(Role.ADMIN, "elsewhere0")
    assert total_of(read(stranger)) == 0
    assert total_of(read(stranger, f"api={API}")) == 0
    assert stranger.get(f"/connections/{youngest_first(many)[0]}").status_code == 404


def test_only_who_may_act_is_offered_to(many: Connections, person: Callable) -> None:
    connection_id = youngest_first(many)[0]
    viewer, operator = person(Role.VIEWER), person(Role.OPERATOR)
    for path in ("/connections", f"/connections/{connection_id}"):
        seen, offered = viewer.get(path).content.decode(), operator.get(path).content.decode()
        assert "Disconnect" not in seen
        assert "send-payload" not in seen
        assert "Disconnect…" in offered
        assert "send-payload" in offered
    for what, fields in (("send", {"format": "text", "payload": "x"}), ("disconnect", {"code": "1000"})):
        assert viewer.post(f"/connections/{connection_id}/{what}", fields).status_code == 403
        stranger = person(Role.OPERATOR, f"{what:0<10}")
        assert stranger.post(f"/connections/{connection_id}/{what}", fields, follow=True).status_code == 404
    assert not AuditEntry.objects.exists()


def test_a_page_takes_the_same_queries_whatever_its_size(signed_in: Client, many: Connections) -> None:
    for number in range(3):
        create_api(name=f"api {number}", protocol_type="WEBSOCKET", route_selection_expression="$request.body.action")
    counts = set()
    for query in ("size=25", "size=100", "agent=probe&size=100", "principal=user-1*"):
        with CaptureQueriesContext(connection) as queries:
            read(signed_in, query)
        counts.add(len(queries))
    assert len(counts) == 1
    assert counts.pop() <= 9


# how someone likes it


def test_columns_are_chosen_ordered_and_kept(signed_in: Client, many: Connections) -> None:
    chosen = ["node", "stage", "ip", "nonsense", "api", "ip"]
    back = signed_in.post("/connections/columns", {"column": chosen, "query": "size=25"})
    assert back.headers["Location"] == "/connections?size=25"
    page = read(signed_in, "size=25")
    titles = re.findall(r'<th scope="col"[^>]*>([A-Z][^<]*)</th>', page.partition("</thead>")[0])
    assert titles == ["Connection", "Node", "Stage", "Source IP", "API"]
    cells = re.findall(r"<td[^>]*>(.*?)</td>", page.partition("<tbody>")[2].partition("</tr>")[0])
    assert [re.sub("<[^>]*>", "", cell) for cell in cells[-5:-1]] == ["0.1", "prod", "10.0.0.129", API]
    offered = re.findall(r'name="column" value="(\w+)"( checked)?', page)
    assert [name for name, _ in offered[:5]] == ["node", "stage", "ip", "api", "principal"]
    assert [name for name, checked in offered if checked] == ["node", "stage", "ip", "api"]


def test_a_view_is_saved_replaced_and_deleted(signed_in: Client, person: Callable, many: Connections) -> None:
    def views(client: Client) -> dict[str, str]:
        found = re.findall(r'<a href="([^"]+)"[^>]*><bdi>([^<]+)</bdi></a>\s*<button[^>]+name="delete"', read(client))
        return {html.unescape(name): html.unescape(url) for url, name in found}

    saved = {"name": " Slow <ones> ", "conditions": "slow=on", "query": "slow=on"}
    assert signed_in.post("/connections/views", saved).headers["Location"] == "/connections?slow=on"
    assert views(signed_in) == {"Slow <ones>": "/connections?slow=on"}
    assert views(person(Role.VIEWER)) == {}
    signed_in.post("/connections/views", {**saved, "conditions": "slow=on&errors=on"})
    assert views(signed_in) == {"Slow <ones>": "/connections?slow=on&errors=on"}
    refused = signed_in.post("/connections/views", {**saved, "name": ""}, follow=True)
    assert "Give the view a name" in refused.content.decode()
    signed_in.post("/connections/views", {"delete": "Slow <ones>"})
    assert views(signed_in) == {}


# one connection


def test_a_connections_page_tells_all_but_credentials(signed_in: Client, many: Connections) -> None:
    live = next(iter(many))
    page = signed_in.get(f"/connections/{quote(live.info.connection_id)}").content.decode()
    assert "https://chat.example.org" in page
    assert "room=blue&amp;token=********" in page
    assert f"Bearer {live.info.connection_id}" not in page
    assert html.escape('"sourceIp": "10.0.0.0"') in page
    assert "user-0" in page


def test_an_id_that_is_none_gets_help(signed_in: Client, db: None) -> None:
    response = signed_in.get("/connections/AbC-_=")
    assert response.status_code == 404
    assert "There is no such connection" in response.content.decode()


def test_snippets_name_the_address_and_keep_keys_outside(signed_in: Client, many: Connections) -> None:
    connection_id = youngest_first(many)[0]
    page = signed_in.get(f"/connections/{connection_id}", HTTP_HOST="127.0.0.1:8000").content.decode()
    text = html.unescape(page)
    assert f"http://127.0.0.1:8000/ws/{API}/prod/@connections/{quote(connection_id, safe='')}" in text
    assert "endpoint_url='http://127.0.0.1:8000/ws/crowd00000/prod'" in text
    assert f"--connection-id={connection_id}" in text.replace("'", "")
    assert '"$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY"' in text


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"format": "json", "payload": '{"a": 1}'}, "Sent"),
        ({"format": "json", "payload": '{"a":\n 1,}'}, "Not JSON: line 2, column 4"),
        ({"format": "json", "payload": "NaN"}, "NaN is not JSON"),
        ({"format": "json", "payload": "[" * 100_000}, "nested too deeply"),
        ({"format": "text", "payload": ""}, "Sent"),
        ({"format": "base64", "payload": "AAEC"}, "Sent"),
        ({"format": "base64", "payload": "AAE"}, "This is not base64"),
        ({"format": "hex", "payload": "00:ff 1a"}, "Sent"),
        ({"format": "hex", "payload": "0g"}, "This is not hex"),
        ({"format": "text", "payload": "x" * 200_000}, "Not sent: it is larger"),
        ({"format": "morse", "payload": "x"}, "Select a valid choice"),
    ],
)
def test_what_is_sent_is_checked(signed_in: Client, many: Connections, fields: dict, told: str) -> None:
    connection_id = youngest_first(many)[0]
    answer = signed_in.post(f"/connections/{connection_id}/send", fields, headers={"HX-Request-Type": "partial"})
    assert told in html.unescape(answer.content.decode())
    sent = told == "Sent" or "Not sent" in told
    assert AuditEntry.objects.filter(action="SendToConnection", actor_name="ann").count() == sent


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"code": "1000", "reason": "bye"}, "Closed with 1000."),
        ({"code": "own", "own_code": "4321"}, "Closed with 4321."),
        ({"code": "own"}, "Give a code between 3000 and 4999."),
        ({"code": "own", "own_code": "1000"}, "greater than or equal to 3000"),
        ({"code": "1005"}, "Select a valid choice"),
        ({"code": "1000", "reason": "ü" * 62}, "at most 123 bytes in UTF-8; this has 124"),
    ],
)
def test_how_it_is_closed_is_checked(signed_in: Client, many: Connections, fields: dict, told: str) -> None:
    connection_id = youngest_first(many)[0]
    answer = signed_in.post(f"/connections/{connection_id}/disconnect", fields, headers={"HX-Request-Type": "partial"})
    assert told in html.unescape(answer.content.decode())
    assert AuditEntry.objects.filter(action="Disconnect").count() == ("Closed" in told)


def test_what_clients_wrote_is_text_and_hides_nothing(signed_in: Client, db: None) -> None:
    Connection.objects.create(
        connection_id="hostile=",
        api_id=API,
        stage="prod",
        node_slot=0,
        node_incarnation=0,
        connected_at=int(time() * 1000),
        domain_name="127.0.0.1",
        source_ip="127.0.0.1",
        user_agent="<script>alert(1)</script>\u202egnp.exe",
        authorizer={"principalId": '\u200b"><img src=x onerror=alert(2)>\x07'},
    )
    for path in ("/connections", "/connections/hostile="):
        page = signed_in.get(path).content.decode()
        assert "<script>alert" not in page
        assert "<img src=x" not in page
        assert "&lt;script&gt;alert(1)&lt;/script&gt;⟨U+202E⟩gnp.exe" in page
        assert "⟨U+200B⟩&quot;&gt;&lt;img src=x onerror=alert(2)&gt;⟨U+0007⟩" in page


# what is done to many


def test_what_is_done_to_many_can_be_stopped_on_its_way(many: Connections, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operations, "_STEP", 50)
    asked = []

    def told(done: int, total: int) -> bool:
        asked.append((done, total))
        return done < 100

    targets = operations.disconnect_all(
        where=ConnectionFilter(api_id=API), api_ids=None, code=1000, reason="", told=told
    )
    assert asked == [(0, COUNT), (50, COUNT), (100, COUNT)]
    assert len(targets) == 100
    entry = AuditEntry.objects.get(action="DisconnectAll")
    assert (entry.after["targets"], entry.after["notDone"]) == (100, COUNT - 100)


# what the live list is told


def test_only_changes_are_told(many: Connections) -> None:
    ids = tuple(youngest_first(many)[:100])
    rows = Rows()
    assert set(rows.news(ids)) == {"rows"}
    assert rows.news(ids) == {}

    changed = next(each for each in many if each.info.connection_id == ids[7])
    changed.messages_in += 1
    assert rows.news(ids) == {"rows": {ids[7]: {"in": changed.messages_in}}}
    rows.new = 37
    assert rows.news(ids) == {"new": 37}
    assert rows.news(ids) == {}


def test_an_end_is_told_once_and_its_time_only_if_it_was_seen(many: Connections) -> None:
    first, second = youngest_first(many)[:2]
    rows = Rows()
    assert rows.news((first, second, "gone="))["ended"] == {"gone=": None}
    assert live_connections().close([first], 1000, "") == [Delivery.ACCEPTED]
    news = rows.news((first, second, "gone="))
    assert list(news) == ["ended"]
    assert abs(news["ended"][first] - time() * 1000) < 60_000
    assert rows.news((first, second, "gone=")) == {}
