"""An API for the first five minutes: it answers every message by itself, so it needs no backend."""

from gatewayapp.controlplane import operations
from gatewayapp.controlplane.operations.snapshots import api_with_parts
from gatewayapp.models import Api, Stage

_ANSWER = '{"message": "Hello from Nopal! Your message arrived, and this answer came back over the same socket."}'


def create_first_api() -> Stage:
    """Its one route, `$default`, goes to a mock integration and back; it is deployed to the stage `test`."""
    with operations.one_change("CreateApi") as entry:
        api = operations.create_api(
            name="hello",
            description="Answers every message by itself: a mock integration, no backend.",
            protocol_type="WEBSOCKET",
            route_selection_expression="$request.body.action",
        )
        stage = _create_parts(api)
        entry.path, entry.after = operations.path_of(api), api_with_parts(api)
        return stage


def _create_parts(api: Api) -> Stage:
    integration = operations.create_integration(
        api_id=api.api_id, integration_type="MOCK", request_templates={"$default": '{"statusCode": 200}'}
    )
    operations.create_integration_response(
        api_id=api.api_id,
        integration_id=integration.integration_id,
        integration_response_key="$default",
        response_templates={"$default": _ANSWER},
    )
    route = operations.create_route(
        api_id=api.api_id,
        route_key="$default",
        target=f"integrations/{integration.integration_id}",
        route_response_selection_expression="$default",
    )
    operations.create_route_response(api_id=api.api_id, route_id=route.route_id, route_response_key="$default")
    deployment = operations.create_deployment(api_id=api.api_id, description="The first five minutes")
    return operations.create_stage(
        api_id=api.api_id, stage_name="test", deployment_id=deployment.deployment_id, auto_deploy=False
    )
