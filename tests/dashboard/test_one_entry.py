"""Whatever one save of a form takes, it is one entry of the audit log, which tells all of it; no change is no entry."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from dashboard.first_api import create_first_api
from dashboard.resources.widgets import RowsWidget
from gatewayapp.controlplane import operations
from gatewayapp.controlplane.operations.users import user_document
from gatewayapp.models import Api, AuditEntry, Document, configuration_changed
from tests.dashboard.conftest import PASSWORD
from tests.dashboard.forms import HOST, send
from tests.dashboard.test_resources import fill
from tests.dashboard.test_users import rows

TOKEN = "route.request.querystring.token"
WHO = "route.request.header.X-Who"


@pytest.fixture
def places(api: Api) -> dict[str, str]:
    """One of everything, with tags and maps to take something from; the page of each."""
    places = fill(api) | {"api": f"/apis/{api.api_id}"}
    names = {"api_id": api.api_id}
    connect = operations.create_route(
        **names, route_key="$connect", request_parameters={TOKEN: {"required": True}, WHO: {"required": False}}
    )
    one_way = operations.create_route(**names, route_key="lost")
    operations.replace_tags(resource_arn=f"arn:aws:apigateway:us-east-1::/apis/{api.api_id}", tags={"a": "1", "b": "2"})
    operations.update_stage(
        **names, stage_name="prod", route_settings={"send": {"loggingLevel": "INFO"}, "lost": {"loggingLevel": "INFO"}}
    )
    operations.create_domain_name(domain_name="ws.example.com", tags={"a": "1"})
    base = places["api"]
    return places | {
        "stages": f"{base}/stages/prod",
        "connect": f"{base}/routes/{connect.pk}",
        "one-way": f"{base}/routes/{one_way.pk}",
        "domain": "/domains/ws.example.com",
    }


def filled(client: Client, path: str) -> dict[str, Any]:
    """What a browser sends if the form at `path` is saved as it stands."""
    form = client.get(path, **HOST).context["form"]
    data: dict[str, Any] = {}
    for name, field in form.fields.items():
        value = form[name].value()
        if isinstance(field.widget, RowsWidget):
            for slot in field.widget.slots:
                data[f"{name}-{slot.name}"] = [*(row.get(slot.name, "") for row in value or ()), ""]
        elif value not in (None, False):
            data[name] = "on" if value is True else value
    return data


def only_entry() -> AuditEntry:
    [entry] = AuditEntry.objects.all()
    return entry


def differing(entry: AuditEntry) -> Document:
    """Of each member that differs what it was and what it is."""
    before, after = entry.before or {}, entry.after or {}
    names = {*before, *after} - {"lastUpdatedDate"}
    return {name: (before.get(name), after.get(name)) for name in names if before.get(name) != after.get(name)}


def tags(**pairs: str) -> dict[str, list[str]]:
    return {"tags-key": [*pairs], "tags-value": [*pairs.values()]}


def parameters(*keys: str) -> dict[str, list[str]]:
    return {"request_parameters-key": [*keys], "request_parameters-required": ["true"] * len(keys)}


def response_keys(document: Document) -> list[str]:
    return [response["routeResponseKey"] for response in document["routeResponses"]]


SAVES: dict[str, tuple[str, dict[str, Any], str, Document]] = {
    "an API and its tags": (
        "api",
        {"name": "talk", **tags(b="3", c="4")},
        "UpdateApi",
        {"name": ("chat", "talk"), "tags": ({"a": "1", "b": "2"}, {"b": "3", "c": "4"})},
    ),
    "tags, some added and some removed": (
        "api",
        tags(b="2", c="4"),
        "ReplaceTags",
        {"tags": ({"a": "1", "b": "2"}, {"b": "2", "c": "4"})},
    ),
    "a stage with its tags, a route's settings taken out": (
        "stages",
        {
            "description": "live",
            **tags(env="prod"),
            "route_settings-key": ["send"],
            "route_settings-throttlingRateLimit": [""],
            "route_settings-throttlingBurstLimit": [""],
            "route_settings-loggingLevel": ["INFO"],
            "route_settings-dataTraceEnabled": ["false"],
            "route_settings-detailedMetricsEnabled": ["false"],
        },
        "UpdateStage",
        {
            "description": (None, "live"),
            "tags": ({"team": "chat"}, {"env": "prod"}),
            "routeSettings": (
                {
                    key: {"loggingLevel": "INFO", "dataTraceEnabled": False, "detailedMetricsEnabled": False}
                    for key in ("send", "lost")
                },
                {"send": {"loggingLevel": "INFO", "dataTraceEnabled": False, "detailedMetricsEnabled": False}},
            ),
        },
    ),
    "parameters, one taken out and one changed": (
        "connect",
        parameters(WHO),
        "UpdateRoute",
        {"requestParameters": ({TOKEN: {"required": True}, WHO: {"required": False}}, {WHO: {"required": True}})},
    ),
    "all parameters taken out": (
        "connect",
        parameters(""),
        "UpdateRoute",
        {"requestParameters": ({TOKEN: {"required": True}, WHO: {"required": False}}, None)},
    ),
}


@pytest.mark.parametrize("case", SAVES)
def test_a_save_is_one_entry_with_all_that_it_changed(signed_in: Client, places: dict[str, str], case: str) -> None:
    page, changes, action, difference = SAVES[case]
    form = filled(signed_in, f"{places[page]}/edit")
    AuditEntry.objects.all().delete()

    send(signed_in, f"{places[page]}/edit", **{**form, **changes})

    entry = only_entry()
    assert (entry.action, entry.actor_name) == (action, "ann")
    assert entry.resource == "arn:aws:apigateway:us-east-1::" + places[page]
    assert differing(entry) == difference
    assert "secret-value" not in str((entry.before, entry.after))


@pytest.mark.parametrize(
    ("page", "two_way", "keys"), [("one-way", True, ([], ["$default"])), ("routes", False, (["$default"], []))]
)
def test_a_route_that_is_changed_and_switched_is_one_entry(
    signed_in: Client, places: dict[str, str], page: str, two_way: bool, keys: tuple[list[str], list[str]]
) -> None:
    form = filled(signed_in, f"{places[page]}/edit") | {"operation_name": "Said"}
    form.pop("two_way", None)
    AuditEntry.objects.all().delete()

    send(signed_in, f"{places[page]}/edit", **form, **({"two_way": "on"} if two_way else {}))

    entry = only_entry()
    assert entry.action == "UpdateRoute"
    assert entry.resource == "arn:aws:apigateway:us-east-1::" + places[page]
    assert set(differing(entry)) == {"operationName", "routeResponses"}
    assert (response_keys(entry.before), response_keys(entry.after)) == keys


def test_a_domain_name_and_its_tags_are_one_entry(signed_in: Client, places: dict[str, str]) -> None:
    form = filled(signed_in, f"{places['domain']}/edit")
    AuditEntry.objects.all().delete()
    certificate = {"domain_name_configurations__certificateArn": "arn:aws:acm:us-east-1:1:certificate/x"}

    send(signed_in, f"{places['domain']}/edit", **{**form, **certificate, **tags(b="2")})

    entry = only_entry()
    assert entry.action == "UpdateDomainName"
    assert set(differing(entry)) == {"domainNameConfigurations", "tags"}
    assert (entry.before["tags"], entry.after["tags"]) == ({"a": "1"}, {"b": "2"})


def test_a_new_two_way_route_is_one_entry_with_its_response(signed_in: Client, api: Api) -> None:
    AuditEntry.objects.all().delete()

    send(signed_in, f"/apis/{api.api_id}/routes/new", route_key="send", two_way="on")

    entry = only_entry()
    assert (entry.action, entry.before, entry.after["routeKey"]) == ("CreateRoute", None, "send")
    assert response_keys(entry.after) == ["$default"]


@pytest.mark.parametrize(
    "page", ["api", "stages", "routes", "connect", "integrations", "responses", "authorizers", "models", "domain"]
)
def test_a_save_of_what_is_as_it_was_is_no_entry(signed_in: Client, places: dict[str, str], page: str) -> None:
    form = filled(signed_in, f"{places[page]}/edit")
    before = AuditEntry.objects.count()

    response = send(signed_in, f"{places[page]}/edit", **form)

    assert "saved." in response.content.decode()
    assert AuditEntry.objects.count() == before


def test_a_save_that_is_refused_on_its_way_is_no_entry_and_leaves_nothing(
    signed_in: Client, places: dict[str, str]
) -> None:
    """The parameters that were taken out are there again."""
    form = filled(signed_in, f"{places['connect']}/edit")
    before = AuditEntry.objects.count()

    send(signed_in, f"{places['connect']}/edit", **{**form, **parameters(WHO), "route_key": "send"})

    assert AuditEntry.objects.count() == before
    route_id = places["connect"].rpartition("/")[2]
    route = operations.get_route(api_id=places["api"].rpartition("/")[2], route_id=route_id)
    assert set(route.request_parameters) == {TOKEN, WHO}


def test_a_save_of_several_operations_moves_the_draft_tells_it_and_deploys_it_once(
    signed_in: Client, api: Api, places: dict[str, str], django_capture_on_commit_callbacks: Callable[..., Any]
) -> None:
    operations.create_stage(api_id=api.api_id, stage_name="dev", auto_deploy=True)
    version, deployments = operations.get_draft_version(api_id=api.api_id), api.deployments.count()
    form = filled(signed_in, f"{places['one-way']}/edit") | {"operation_name": "Said", "two_way": "on"}
    told: list[int] = []

    def listen(version: int, **_: Any) -> None:
        told.append(version)

    configuration_changed.connect(listen)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            send(signed_in, f"{places['one-way']}/edit", **form)
    finally:
        configuration_changed.disconnect(listen)

    assert told
    assert operations.get_draft_version(api_id=api.api_id) != version
    assert api.deployments.count() == deployments + 1
    [route] = [
        route
        for route in operations.get_stage(api_id=api.api_id, stage_name="dev").deployment.snapshot["routes"]
        if route["routeKey"] == "lost"
    ]
    assert (route["operationName"], len(route["routeResponses"])) == ("Said", 1)
    last = operations.get_last_change(api_id=api.api_id)
    assert last is not None
    assert (last["action"], last["path"]) == ("UpdateRoute", places["one-way"])


def test_tags_are_no_change_of_the_draft(signed_in: Client, api: Api, places: dict[str, str]) -> None:
    version = operations.get_draft_version(api_id=api.api_id)
    form = filled(signed_in, f"{places['api']}/edit")

    send(signed_in, f"{places['api']}/edit", **{**form, **tags(c="4")})

    api.refresh_from_db()
    assert api.tags == {"c": "4"}
    assert operations.get_draft_version(api_id=api.api_id) == version


def test_the_first_api_is_one_entry_with_all_its_parts(db: None) -> None:
    stage = create_first_api()

    entry = only_entry()
    assert (entry.action, entry.before, entry.api_id) == ("CreateApi", None, stage.api_id)
    assert [route["routeKey"] for route in entry.after["routes"]] == ["$default"]
    assert [made["stageName"] for made in entry.after["stages"]] == ["test"]


def test_a_user_is_changed_by_one_entry_and_unchanged_by_none(signed_in: Client, api: Api) -> None:
    bea = operations.create_user(username="bea", password=PASSWORD)
    AuditEntry.objects.all().delete()

    for rows_there in (0, 1):
        form = {**rows((api.api_id, "editor")), "roles-INITIAL_FORMS": str(rows_there)}
        signed_in.post(f"/users/{bea.pk}", {"everywhere": "viewer", **form})

    entry = only_entry()
    assert entry.action == "UpdateUser"
    assert set(differing(entry)) == {"active", "roles"}


def test_another_password_is_told_as_such_and_not_shown(signed_in: Client) -> None:
    bea = operations.create_user(username="bea", password=PASSWORD)
    AuditEntry.objects.all().delete()
    other = "another-cactus-here"

    signed_in.post(f"/users/{bea.pk}/password", {"password": other, "again": other})

    entry = only_entry()
    assert differing(entry) == {"newPassword": (None, True)}
    assert entry.after == {**user_document(User.objects.get(pk=bea.pk)), "newPassword": True}
