"""Stages and deployments: what is frozen, who points where, what acts at once."""

import pytest

from gatewayapp.controlplane import operations
from gatewayapp.controlplane.operations import BadRequest, Conflict, NotFound, TooMany
from gatewayapp.controlplane.operations.snapshots import KEPT_AUTO_DEPLOYMENTS
from gatewayapp.core import snapshot
from gatewayapp.models import Deployment
from tests.controlplane.builders import make_api, make_deployment, make_integration, make_route, make_stage

pytestmark = pytest.mark.django_db


@pytest.fixture
def api():
    return make_api()


def stage_of(api, stage_name="prod"):
    return operations.get_stage(api_id=api.pk, stage_name=stage_name)


def test_a_stage_reads_back_with_its_defaults_and_may_have_no_deployment(api):
    document = make_stage(api).document()
    assert document.pop("createdDate").endswith("Z")
    assert document.pop("lastUpdatedDate").endswith("Z")
    assert document == {
        "autoDeploy": False,
        "defaultRouteSettings": {"dataTraceEnabled": False, "detailedMetricsEnabled": False, "loggingLevel": "OFF"},
        "routeSettings": {},
        "stageName": "prod",
        "stageVariables": {},
        "tags": {},
    }


LOG = {"destinationArn": "arn:aws:logs:eu-west-1:000000000000:log-group:chat", "format": "$context.requestId"}


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"stage_name": None}, "stageName is required"),
        ({"stage_name": "$default"}, "Invalid stageName '$default'"),
        ({"stage_name": "a.b"}, "Invalid stageName 'a.b'"),
        ({"stage_name": "x" * 129}, "stageName must have 1-128 characters"),
        ({"stage_variables": {"a-b": "c"}}, "a stage variable's name"),
        ({"stage_variables": {"a" * 65: "c"}}, "a stage variable's name"),
        ({"stage_variables": {"a": "b c"}}, "a stage variable's value"),
        ({"stage_variables": {"a": "b" * 513}}, "0-512 characters"),
        ({"stage_variables": {f"v{number}": "x" for number in range(101)}}, "at most 100 entries"),
        ({"stage_variables": {"a": 1}}, "stageVariables.a must be a string"),
        ({"default_route_settings": {"loggingLevel": "DEBUG"}}, "Invalid defaultRouteSettings.loggingLevel"),
        ({"default_route_settings": {"throttlingBurstLimit": 1.5}}, "throttlingBurstLimit must be a whole number"),
        ({"default_route_settings": {"throttlingRateLimit": -1}}, "throttlingRateLimit must be a number"),
        ({"access_log_settings": LOG | {"format": "$context.stage"}}, "must include $context.requestId"),
        ({"access_log_settings": LOG | {"format": "$context.requestId\n"}}, "a single line"),
        ({"access_log_settings": LOG | {"format": "$context.requestId" + "x" * 3072}}, "0-3072 characters"),
        ({"auto_deploy": "true"}, "autoDeploy must be true or false"),
        ({"limits": {"maxFrames": 1}}, "Unknown limit 'maxFrames'"),
        ({"limits": {"maxFrame": "big"}}, "maxFrame takes a whole number"),
        ({"limits": []}, "limits must be a map"),
    ],
)
def test_a_stage_is_refused(api, members, message):
    with pytest.raises(BadRequest) as raised:
        operations.create_stage(api_id=api.pk, **{"stage_name": "prod", **members})
    assert message in raised.value.message


def test_a_stage_name_is_unique_in_its_api(api):
    make_stage(api)
    make_stage(make_api())
    with pytest.raises(Conflict, match=r"^Stage already exists$"):
        make_stage(api)


def test_an_api_has_at_most_10_stages(api):
    for number in range(10):
        make_stage(api, f"s{number}")
    with pytest.raises(TooMany, match="10"):
        make_stage(api, "one-more")


def test_stage_variables_merge_and_an_empty_value_removes_one(api):
    make_stage(api, stage_variables={"a": "1", "b": "2"})
    updated = operations.update_stage(api_id=api.pk, stage_name="prod", stage_variables={"b": "", "c": "3"})
    assert updated.stage_variables == {"a": "1", "c": "3"}
    assert operations.update_stage(api_id=api.pk, stage_name="prod", stage_variables={}).stage_variables == {
        "a": "1",
        "c": "3",
    }


def test_route_settings_merge_by_route_and_are_deleted_one_by_one(api):
    for key in ("join", "leave"):
        make_route(api, key)
    make_stage(api, route_settings={"join": {"loggingLevel": "INFO"}})
    updated = operations.update_stage(
        api_id=api.pk, stage_name="prod", route_settings={"leave": {"dataTraceEnabled": True}}
    )
    off = {"dataTraceEnabled": False, "detailedMetricsEnabled": False}
    assert updated.route_settings == {"join": off | {"loggingLevel": "INFO"}, "leave": off | {"dataTraceEnabled": True}}
    operations.delete_route_settings(api_id=api.pk, stage_name="prod", route_key="join")
    assert stage_of(api).route_settings.keys() == {"leave"}
    with pytest.raises(NotFound):
        operations.delete_route_settings(api_id=api.pk, stage_name="prod", route_key="join")


def test_route_settings_are_for_routes_that_exist(api):
    message = r"^Unable to find Route by key join within the provided RouteSettings$"
    with pytest.raises(NotFound, match=message):
        make_stage(api, route_settings={"join": {}})


def test_default_route_settings_are_replaced(api):
    make_stage(api, default_route_settings={"throttlingBurstLimit": 5, "throttlingRateLimit": 2.5})
    updated = operations.update_stage(
        api_id=api.pk, stage_name="prod", default_route_settings={"loggingLevel": "ERROR"}
    )
    assert updated.default_route_settings == {
        "dataTraceEnabled": False,
        "detailedMetricsEnabled": False,
        "loggingLevel": "ERROR",
    }


@pytest.mark.parametrize(
    "clear",
    [
        lambda names: operations.update_stage(**names, access_log_settings={}),
        lambda names: operations.delete_access_log_settings(**names),
    ],
)
def test_access_log_settings_are_cleared(api, clear):
    make_stage(api, access_log_settings=LOG)
    assert stage_of(api).document()["accessLogSettings"] == LOG
    clear({"api_id": api.pk, "stage_name": "prod"})
    assert "accessLogSettings" not in stage_of(api).document()


def test_limits_are_a_member_of_the_document_only_where_they_differ(api):
    make_stage(api, limits={"idleTimeout": 60})
    assert stage_of(api).document()["limits"] == {"idleTimeout": 60}
    operations.update_stage(api_id=api.pk, stage_name="prod", limits={})
    assert "limits" not in stage_of(api).document()


def test_a_mapped_stage_cannot_be_deleted(api):
    make_stage(api)
    operations.create_domain_name(domain_name="chat.example.com")
    mapping = operations.create_api_mapping(domain_name="chat.example.com", api_id=api.pk, stage="prod")
    with pytest.raises(BadRequest, match="remove all API mappings"):
        operations.delete_stage(api_id=api.pk, stage_name="prod")
    operations.delete_api_mapping(domain_name="chat.example.com", api_mapping_id=mapping.pk)
    operations.delete_stage(api_id=api.pk, stage_name="prod")
    with pytest.raises(NotFound, match=r"^Invalid stage identifier specified$"):
        stage_of(api)


def test_resetting_the_authorizers_cache_needs_a_stage(api):
    make_stage(api)
    operations.reset_authorizers_cache(api_id=api.pk, stage_name="prod")
    with pytest.raises(NotFound):
        operations.reset_authorizers_cache(api_id=api.pk, stage_name="dev")


def test_a_deployment_freezes_the_draft(api):
    integration = make_integration(api)
    route = make_route(api, "join", target=f"integrations/{integration.pk}")
    operations.create_route_response(api_id=api.pk, route_id=route.pk, route_response_key="$default")
    model = operations.create_model(api_id=api.pk, name="Join", schema="{}")
    deployment = operations.create_deployment(api_id=api.pk, description="first")
    document = deployment.document()
    assert document.pop("createdDate").endswith("Z")
    assert document == {
        "autoDeployed": False,
        "deploymentId": deployment.pk,
        "deploymentStatus": "DEPLOYED",
        "description": "first",
    }
    frozen = Deployment.objects.get(pk=deployment.pk).snapshot
    [response] = route.route_responses.all()
    assert frozen == {
        "version": 1,
        "api": {name: value for name, value in api.document().items() if name not in ("tags", "createdDate")},
        "routes": [{**route.document(), "routeResponses": [response.document()]}],
        "integrations": [{**integration.document(), "integrationResponses": []}],
        "models": [model.document()],
        "authorizers": [],
    }
    operations.update_route(api_id=api.pk, route_id=route.pk, route_key="enter")
    assert snapshot.load(Deployment.objects.get(pk=deployment.pk).snapshot).routes.keys() == {"join"}


def test_a_deployment_needs_a_route(api):
    with pytest.raises(BadRequest, match=r"^Unable to deploy API because no routes exist in this API$"):
        operations.create_deployment(api_id=api.pk)


def test_what_cannot_be_carried_out_is_not_deployed(api):
    integration = make_integration(
        api,
        integration_type="MOCK",
        request_templates={"$default": '{"statusCode": $util.escapeJavaScript("200")}'},
    )
    make_route(api, target=f"integrations/{integration.pk}")
    with pytest.raises(BadRequest, match=r"Unable to deploy API: .*Velocity"):
        operations.create_deployment(api_id=api.pk)


@pytest.mark.parametrize("schema", ["{", "", "[]", '"x"'])
def test_models_are_checked_when_they_are_deployed_unless_that_is_disabled(api, schema):
    make_route(api)
    operations.create_model(api_id=api.pk, name="Join", content_type="application/json", schema=schema)
    with pytest.raises(BadRequest, match="the schema of model Join is not"):
        operations.create_deployment(api_id=api.pk)
    operations.update_api(api_id=api.pk, disable_schema_validation=True)
    assert operations.create_deployment(api_id=api.pk)


def test_a_deployment_can_be_made_for_a_stage(api):
    make_route(api)
    make_stage(api)
    deployment = operations.create_deployment(api_id=api.pk, stage_name="prod")
    assert stage_of(api).deployment_id == deployment.pk
    with pytest.raises(NotFound, match=r"^Invalid stage identifier specified$"):
        operations.create_deployment(api_id=api.pk, stage_name="dev")


def test_a_stage_is_moved_to_a_deployment_of_its_api_only(api):
    first, second, foreign = make_deployment(api), make_deployment(api), make_deployment(make_api())
    make_stage(api, deployment_id=first.pk)
    names = {"api_id": api.pk, "stage_name": "prod"}
    assert operations.update_stage(**names, deployment_id=second.pk).document()["deploymentId"] == second.pk
    for deployment_id in ("nope", foreign.pk):
        with pytest.raises(NotFound, match=f"^Invalid Deployment identifier specified {deployment_id}$"):
            operations.update_stage(**names, deployment_id=deployment_id)
    assert "deploymentId" not in operations.update_stage(**names, deployment_id="").document()


def test_a_deployment_that_a_stage_points_at_cannot_be_deleted(api):
    deployment = make_deployment(api)
    make_stage(api, deployment_id=deployment.pk)
    names = {"api_id": api.pk, "deployment_id": deployment.pk}
    with pytest.raises(BadRequest, match=r"^Active stages pointing to this deployment must be moved or deleted$"):
        operations.delete_deployment(**names)
    operations.delete_stage(api_id=api.pk, stage_name="prod")
    operations.delete_deployment(**names)
    with pytest.raises(NotFound):
        operations.get_deployment(**names)


def test_a_deployment_s_description_can_be_changed(api):
    deployment = make_deployment(api)
    updated = operations.update_deployment(api_id=api.pk, deployment_id=deployment.pk, description="second")
    assert updated.document()["description"] == "second"
    assert Deployment.objects.get(pk=deployment.pk).snapshot["version"] == 1


def routes_served_by(stage):
    return {route["routeKey"] for route in stage.deployment.snapshot["routes"]}


def test_a_stage_with_auto_deploy_follows_each_change_of_the_draft(api):
    make_stage(api, auto_deploy=True)
    assert "no routes exist" in stage_of(api).last_deployment_status_message
    route = make_route(api, "join")
    first = stage_of(api)
    assert routes_served_by(first) == {"join"}
    assert first.deployment.document()["autoDeployed"] is True
    assert first.last_deployment_status_message == (
        f"Successfully deployed stage with deployment ID '{first.deployment_id}'"
    )
    integration = make_integration(api)
    operations.update_route(api_id=api.pk, route_id=route.pk, target=f"integrations/{integration.pk}")
    second = stage_of(api)
    assert second.deployment.snapshot["routes"][0]["target"] == f"integrations/{integration.pk}"
    operations.delete_route(api_id=api.pk, route_id=route.pk)
    assert stage_of(api).deployment_id == second.deployment_id
    assert "no routes exist" in stage_of(api).last_deployment_status_message


def test_a_change_that_changes_nothing_makes_no_deployment(api):
    route = make_route(api, "join")
    make_stage(api, auto_deploy=True)
    deployed = stage_of(api)
    operations.update_route(api_id=api.pk, route_id=route.pk, route_key="join")
    assert (stage_of(api).deployment_id, stage_of(api).revision) == (deployed.deployment_id, deployed.revision)


def test_stages_without_auto_deploy_stay_where_they_are(api):
    deployment = make_deployment(api)
    make_stage(api, deployment_id=deployment.pk)
    make_stage(api, "dev", auto_deploy=True)
    make_route(api, "join")
    assert stage_of(api).deployment_id == deployment.pk
    assert routes_served_by(stage_of(api, "dev")) == {"$default", "join"}


def test_switching_auto_deploy_on_deploys_at_once(api):
    make_stage(api)
    make_route(api, "join")
    updated = operations.update_stage(api_id=api.pk, stage_name="prod", auto_deploy=True)
    assert routes_served_by(updated) == {"join"}


def test_with_auto_deploy_the_deployment_is_not_the_user_s_to_set(api):
    deployment = make_deployment(api)
    with pytest.raises(BadRequest, match="autoDeploy"):
        make_stage(api, auto_deploy=True, deployment_id=deployment.pk)
    make_route(api, "join")
    stage = make_stage(api, auto_deploy=True)
    names = {"api_id": api.pk, "stage_name": "prod"}
    with pytest.raises(BadRequest, match="autoDeploy"):
        operations.update_stage(**names, deployment_id=deployment.pk)
    with pytest.raises(BadRequest, match="deploys automatically"):
        operations.create_deployment(**names)
    assert operations.update_stage(**names, deployment_id=stage.deployment_id)
    moved = operations.update_stage(**names, auto_deploy=False, deployment_id=deployment.pk)
    assert moved.deployment_id == deployment.pk


def test_old_automatic_deployments_are_dropped_but_none_in_use_or_made_by_hand(api):
    by_hand = make_deployment(api)
    make_stage(api, auto_deploy=True)
    for number in range(KEPT_AUTO_DEPLOYMENTS + 3):
        make_route(api, f"r{number}")
    deployments = set(operations.get_deployments(api_id=api.pk).values_list("pk", flat=True))
    assert len(deployments) == KEPT_AUTO_DEPLOYMENTS + 2
    assert {by_hand.pk, stage_of(api).deployment_id} <= deployments
