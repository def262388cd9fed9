"""Deployments are snapshots that a stage points at; a stage's own settings act at once.

AWS: websocket-api-stages, apigateway-set-up-websocket-deployment.
"""

import asyncio
import json

import pytest
from websockets.asyncio.client import ClientConnection

from tests.support.backend import ScriptedBackend
from tests.support.gateway import Api, Gateway, ask, eventually, http_proxy, one_way, two_way


@pytest.fixture
def api(gateway: Gateway, backend: ScriptedBackend) -> Api:
    """Answers `ask` with the words of the backend path that the stage variable `path` names."""
    for word in ("one", "two"):
        backend.on(f"/deployments/{word}", body=word)
    return gateway.api(
        integrations={
            "variable": http_proxy(backend.url("/deployments/${stageVariables.path}")),
            "one": http_proxy(backend.url("/deployments/one")),
            "two": http_proxy(backend.url("/deployments/two")),
        },
        routes={"variable": two_way("variable"), "fixed": two_way("one")},
        stage_variables={"path": "one"},
    )


async def answers(client: ClientConnection, action: str, expected: str) -> None:
    """Wait until a message is answered so; the data plane follows the configuration within two seconds."""

    async def answered() -> bool:
        return await ask(client, json.dumps({"action": action})) == expected

    await eventually(answered)


def is_forbidden(frame: str) -> bool:
    return bool(json.loads(frame)["message"] == "Forbidden")


async def settled(api: Api) -> None:
    """Wait until the data plane has read all that was changed so far: until it knows a stage that is made last."""
    await asyncio.to_thread(api.add_stage, "latest")


async def test_a_new_route_is_invisible_until_it_is_deployed_and_then_serves_open_connections(api: Api) -> None:
    async with api.connect() as client:
        assert is_forbidden(await ask(client, '{"action":"new"}'))
        api.add_route("new", two_way("two"))
        await settled(api)
        assert is_forbidden(await ask(client, '{"action":"new"}'))
        api.deploy()
        await answers(client, "new", "two")


async def test_a_changed_target_waits_for_its_deployment(api: Api) -> None:
    async with api.connect() as client:
        api.management.update_route(
            ApiId=api.api_id,
            RouteId=api.route_ids["fixed"],
            Target=f"integrations/{api.integration_ids['two']}",
        )
        await settled(api)
        assert await ask(client, '{"action":"fixed"}') == "one"
        api.deploy()
        await answers(client, "fixed", "two")


async def test_a_changed_integration_waits_for_its_deployment(api: Api, backend: ScriptedBackend) -> None:
    async with api.connect() as client:
        api.management.update_integration(
            ApiId=api.api_id, IntegrationId=api.integration_ids["one"], IntegrationUri=backend.url("/deployments/two")
        )
        await settled(api)
        assert await ask(client, '{"action":"fixed"}') == "one"
        api.deploy()
        await answers(client, "fixed", "two")


async def test_a_changed_selection_expression_waits_for_its_deployment(api: Api) -> None:
    async with api.connect() as client:
        api.management.update_api(ApiId=api.api_id, RouteSelectionExpression="$request.body.do")
        await settled(api)
        assert await ask(client, '{"action":"fixed","do":"variable"}') == "one"
        api.management.update_stage(ApiId=api.api_id, StageName="test", StageVariables={"path": "two"})
        api.deploy()

        async def follows() -> bool:
            return await ask(client, '{"action":"fixed","do":"variable"}') == "two"

        await eventually(follows)


async def test_a_deleted_route_is_gone_with_the_next_deployment(api: Api) -> None:
    async with api.connect() as client:
        api.management.delete_route(ApiId=api.api_id, RouteId=api.route_ids["fixed"])
        await settled(api)
        assert await ask(client, '{"action":"fixed"}') == "one"
        api.deploy()

        async def gone() -> bool:
            frame = await ask(client, '{"action":"fixed"}')
            return frame != "one" and is_forbidden(frame)

        await eventually(gone)


async def test_a_stage_can_go_back_to_an_earlier_deployment(api: Api) -> None:
    earlier = api.management.get_stage(ApiId=api.api_id, StageName="test")["DeploymentId"]
    async with api.connect() as client:
        api.management.update_route(
            ApiId=api.api_id,
            RouteId=api.route_ids["fixed"],
            Target=f"integrations/{api.integration_ids['two']}",
        )
        api.deploy()
        await answers(client, "fixed", "two")
        api.management.update_stage(ApiId=api.api_id, StageName="test", DeploymentId=earlier)
        await answers(client, "fixed", "one")


async def test_stages_of_one_api_have_deployments_and_variables_of_their_own(api: Api) -> None:
    api.add_route("new", two_way("two"))
    api.add_stage("next", stage_variables={"path": "two"})
    async with api.connect() as old, api.connect(stage="next") as new:
        assert is_forbidden(await ask(old, '{"action":"new"}'))
        assert await ask(new, '{"action":"new"}') == "two"
        assert await ask(old, '{"action":"variable"}') == "one"
        assert await ask(new, '{"action":"variable"}') == "two"


async def test_stage_variables_act_at_once_on_open_connections(api: Api) -> None:
    async with api.connect() as client:
        assert await ask(client, '{"action":"variable"}') == "one"
        api.management.update_stage(ApiId=api.api_id, StageName="test", StageVariables={"path": "two"})
        await answers(client, "variable", "two")


async def test_updated_stage_variables_merge_with_those_that_are_there(api: Api, backend: ScriptedBackend) -> None:
    backend.on_function("variables", lambda event: {"statusCode": 200, "body": json.dumps(event.get("stageVariables"))})
    api.add_integration(
        "variables", {"IntegrationType": "AWS_PROXY", "IntegrationUri": backend.function_uri("variables")}
    )
    api.add_route("variables", two_way("variables"))
    api.deploy()
    async with api.connect() as client:
        await answers(client, "variables", '{"path": "one"}')
        api.management.update_stage(ApiId=api.api_id, StageName="test", StageVariables={"color": "blue"})
        await answers(client, "variables", '{"path": "one", "color": "blue"}')
        api.management.update_stage(ApiId=api.api_id, StageName="test", StageVariables={})
        await settled(api)
        assert json.loads(await ask(client, '{"action":"variables"}')) == {"path": "one", "color": "blue"}


async def test_a_stage_that_deploys_automatically_follows_every_change(api: Api) -> None:
    async with api.connect() as client:
        api.management.update_stage(ApiId=api.api_id, StageName="test", AutoDeploy=True)
        api.add_route("new", two_way("two"))
        await settled(api)  # before, the route may be there without its response, and answer nothing
        assert await ask(client, '{"action":"new"}') == "two"


async def test_changes_of_one_api_leave_others_alone(gateway: Gateway, api: Api) -> None:
    other = gateway.api(routes={"$default": one_way()})
    async with api.connect() as client:
        other.management.delete_api(ApiId=other.api_id)
        await settled(api)
        assert await ask(client, '{"action":"fixed"}') == "one"


def test_an_api_without_routes_cannot_be_deployed(gateway: Gateway) -> None:
    with pytest.raises(gateway.management.exceptions.BadRequestException):
        gateway.api(routes={})


def test_the_api_endpoint_with_the_stage_is_where_clients_connect(api: Api) -> None:
    endpoint = api.management.get_api(ApiId=api.api_id)["ApiEndpoint"]
    assert f"{endpoint}/{api.stage}" == api.url
