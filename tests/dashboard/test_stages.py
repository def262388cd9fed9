"""The pages of stages and deployments: limits, variables, throttling, and what is served."""

from typing import Any

import pytest
from django.test import Client

from gatewayapp.controlplane import operations
from gatewayapp.models import Api, Deployment, Stage
from tests.dashboard.forms import errors, page, path_of, send


@pytest.fixture
def deployment(api: Api) -> Deployment:
    operations.create_route(api_id=api.api_id, route_key="send")
    return operations.create_deployment(api_id=api.api_id, description="the first")


@pytest.fixture
def stage(api: Api, deployment: Deployment) -> Stage:
    return operations.create_stage(
        api_id=api.api_id,
        stage_name="prod",
        deployment_id=deployment.pk,
        stage_variables={"backend": "a:1", "other": "b"},
        limits={"idleTimeout": 60},
    )


def fields(**members: Any) -> dict[str, Any]:
    return {"default_route_settings__loggingLevel": "OFF", "deployment_id": "", **members}


def test_a_stage_is_made_that_deploys_automatically(signed_in: Client, api: Api, deployment: Deployment) -> None:
    response = send(
        signed_in,
        f"/apis/{api.api_id}/stages/+new",
        **fields(stage_name="prod", auto_deploy="on"),
        **{
            "stage_variables-key": ["backend"],
            "stage_variables-value": ["127.0.0.1:9000"],
            "limits__idleTimeout": "300",
            "limits__pingResetsIdle": "false",
            "limits__allowedOrigins": "https://a.example\r\n\r\nhttps://b.example",
            "default_route_settings__throttlingRateLimit": "2.5",
            "tags-key": ["team"],
            "tags-value": ["blue"],
        },
    )

    stage = Stage.objects.get()
    assert path_of(response) == f"/apis/{api.api_id}/stages/prod"
    assert stage.auto_deploy
    assert stage.deployment is not None
    assert stage.stage_variables == {"backend": "127.0.0.1:9000"}
    assert stage.limits == {
        "idleTimeout": 300,
        "pingResetsIdle": False,
        "allowedOrigins": ["https://a.example", "https://b.example"],
    }
    assert stage.default_route_settings["throttlingRateLimit"] == 2.5
    assert stage.tags == {"team": "blue"}
    assert "npx wscat" in response.content.decode()


def test_a_stage_may_be_called_new(signed_in: Client, api: Api) -> None:
    operations.create_stage(api_id=api.api_id, stage_name="new")

    assert signed_in.get(f"/apis/{api.api_id}/stages/new").context["resource"].stage_name == "new"


@pytest.mark.parametrize(
    ("members", "field", "words"),
    [
        ({"stage_name": "a b"}, "stage_name", "a stage name holds letters"),
        ({"stage_name": "prod"}, "stage_name", "Stage already exists"),
        ({"stage_name": "x", "limits__maxInFlight": "0"}, "limits__maxInFlight", "maxInFlight must be between 1"),
        ({"stage_name": "x", "limits__idleTimeout": "long"}, "limits__idleTimeout", "idleTimeout takes a number"),
        ({"stage_name": "x", "limits__maxFrame": "1.5"}, "limits__maxFrame", "maxFrame takes a whole number"),
        (
            {"stage_name": "x", "stage_variables-key": ["a b"], "stage_variables-value": ["1"]},
            "stage_variables",
            "a stage variable's name has 1-64 letters",
        ),
        (
            {"stage_name": "x", "default_route_settings__throttlingBurstLimit": "-1"},
            "default_route_settings__throttlingBurstLimit",
            "defaultRouteSettings.throttlingBurstLimit must be a whole number",
        ),
        (
            {"stage_name": "x", "deployment_id": "gone12"},
            "deployment_id",
            "Invalid Deployment identifier specified gone12",
        ),
        (
            {"stage_name": "x", "access_log_settings__format": "no id"},
            "__all__",
            "The access log format must include $context.requestId",
        ),
    ],
)
def test_what_is_refused_stands_at_its_field(
    signed_in: Client, stage: Stage, members: dict[str, Any], field: str, words: str
) -> None:
    response = send(signed_in, f"/apis/{stage.api_id}/stages/+new", **fields(description="typed text", **members))

    found = errors(response)
    assert list(found) == [field]
    assert words in found[field][0]
    assert "typed text</textarea>" in response.content.decode()
    assert Stage.objects.count() == 1


def test_all_limits_that_are_wrong_are_said_at_once(signed_in: Client, stage: Stage) -> None:
    response = send(
        signed_in,
        f"/apis/{stage.api_id}/stages/prod/edit",
        **fields(deployment_id=stage.deployment_id),
        limits__maxFrame="x",
        limits__maxMessage="y",
    )

    assert list(errors(response)) == ["limits__maxFrame", "limits__maxMessage"]


def test_a_limit_is_emptied_and_a_variable_taken_out(signed_in: Client, stage: Stage) -> None:
    send(
        signed_in,
        f"/apis/{stage.api_id}/stages/prod/edit",
        **fields(deployment_id=stage.deployment_id),
        **{"limits__idleTimeout": "", "stage_variables-key": ["backend"], "stage_variables-value": ["a:2"]},
    )

    stage.refresh_from_db()
    assert stage.limits == {}
    assert stage.stage_variables == {"backend": "a:2"}


def test_routes_get_settings_of_their_own_and_lose_them(signed_in: Client, stage: Stage) -> None:
    path = f"/apis/{stage.api_id}/stages/prod/edit"
    columns = (
        "key",
        "throttlingRateLimit",
        "throttlingBurstLimit",
        "loggingLevel",
        "dataTraceEnabled",
        "detailedMetricsEnabled",
    )
    same = fields(deployment_id=stage.deployment_id)

    def rows(*row: str) -> dict[str, list[str]]:
        return {f"route_settings-{name}": [value] for name, value in zip(columns, row, strict=True)}

    send(signed_in, path, **same, **rows("send", "10", "20", "INFO", "true", ""))
    stage.refresh_from_db()
    assert stage.route_settings == {
        "send": {
            "throttlingRateLimit": 10,
            "throttlingBurstLimit": 20,
            "loggingLevel": "INFO",
            "dataTraceEnabled": True,
            "detailedMetricsEnabled": False,
        }
    }

    unknown = send(signed_in, path, **same, **rows("gone", "1", "", "", "", ""))
    assert "Unable to find Route by key gone" in errors(unknown)["route_settings"][0]
    stage.refresh_from_db()
    assert list(stage.route_settings) == ["send"]

    send(signed_in, path, **same, **rows("", "", "", "", "", ""))
    stage.refresh_from_db()
    assert stage.route_settings == {}


def test_the_limits_of_the_form_are_those_of_the_data_plane(signed_in: Client, api: Api) -> None:
    from dataclasses import fields as dataclass_fields

    from gatewayapp.core.limits import StageLimits, camel

    form = signed_in.get(f"/apis/{api.api_id}/stages/+new").context["form"]

    shown = {name.removeprefix("limits__") for name in form.fields if name.startswith("limits__")}
    assert shown == {camel(each.name) for each in dataclass_fields(StageLimits)}
    assert 'placeholder="600"' in str(form["limits__idleTimeout"])


def test_a_deployment_is_made_for_a_stage(signed_in: Client, stage: Stage) -> None:
    response = send(signed_in, f"/apis/{stage.api_id}/deployments/new", stage_name="prod", description="the second")

    stage.refresh_from_db()
    assert path_of(response) == f"/apis/{stage.api_id}/deployments/{stage.deployment_id}"
    assert "the second" in response.content.decode()
    assert "The draft is the same as this deployment." in response.content.decode()


def test_a_draft_that_cannot_be_deployed_says_why(signed_in: Client, api: Api) -> None:
    response = send(signed_in, f"/apis/{api.api_id}/deployments/new", description="kept")

    assert errors(response) == {"__all__": ["Unable to deploy API because no routes exist in this API"]}
    assert "kept</textarea>" in response.content.decode()


def test_a_deployment_tells_what_the_draft_has_changed(signed_in: Client, api: Api, deployment: Deployment) -> None:
    operations.create_route(api_id=api.api_id, route_key="more")

    found = page(signed_in, f"/apis/{api.api_id}/deployments/{deployment.pk}")

    assert "Adds route more, which leads nowhere." in found


def test_a_stage_is_rolled_back(signed_in: Client, stage: Stage, deployment: Deployment) -> None:
    operations.create_deployment(api_id=stage.api_id, stage_name="prod")
    path = f"/apis/{stage.api_id}/deployments/{deployment.pk}"

    response = send(signed_in, f"{path}/serve", stage_name="prod")

    assert f"Stage prod serves deployment {deployment.pk} now." in response.content.decode()
    stage.refresh_from_db()
    assert stage.deployment == deployment
    again = send(signed_in, f"{path}/serve", stage_name="prod")
    assert f"serves deployment {deployment.pk} already" in again.content.decode()


def test_a_stage_is_deleted_by_its_name(signed_in: Client, stage: Stage) -> None:
    response = send(signed_in, f"/apis/{stage.api_id}/stages/prod/delete", confirmation="prod")

    assert path_of(response) == f"/apis/{stage.api_id}/stages"
    assert not Stage.objects.exists()
