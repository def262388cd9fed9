"""What the tests of the control plane start from: an API with as much in it as a test needs."""

from gatewayapp.controlplane import operations
from gatewayapp.models import Api, Deployment, Integration, Route, Stage

LAMBDA = (
    "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/"
    "arn:aws:lambda:us-east-1:000000000000:function:chat/invocations"
)


def make_api(**members) -> Api:
    return operations.create_api(
        **{
            "name": "chat",
            "protocol_type": "WEBSOCKET",
            "route_selection_expression": "$request.body.action",
            **members,
        }
    )


def make_integration(api: Api, **members) -> Integration:
    members = members or {
        "integration_type": "HTTP_PROXY",
        "integration_method": "POST",
        "integration_uri": "http://backend.example/",
    }
    return operations.create_integration(api_id=api.pk, **members)


def make_route(api: Api, route_key: str = "$default", **members) -> Route:
    return operations.create_route(api_id=api.pk, route_key=route_key, **members)


def make_deployment(api: Api) -> Deployment:
    if not api.routes.exists():
        make_route(api)
    return operations.create_deployment(api_id=api.pk)


def make_stage(api: Api, stage_name: str = "prod", **members) -> Stage:
    return operations.create_stage(api_id=api.pk, stage_name=stage_name, **members)
