"""What AWS's management API lacks for APIs: what changed between deployments, going back, trying a message out."""

from typing import Any

from django.db.models import Count, QuerySet
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from gatewayapp.controlplane.api.v1.drafts import ChangeShape, told_document
from gatewayapp.controlplane.api.v1.pagination import newest_first
from gatewayapp.controlplane.api.v1.schema import endpoint
from gatewayapp.controlplane.api.v1.shapes import PageQuery, Shape, Text, page_of
from gatewayapp.controlplane.api.v1.views import View
from gatewayapp.controlplane.operations.apis import get_apis
from gatewayapp.controlplane.operations.deployments import DRAFT, diff_deployments, get_deployments
from gatewayapp.controlplane.operations.route_tests import run_route_test
from gatewayapp.controlplane.operations.stages import get_stage, rollback_stage
from gatewayapp.core.dry_run import DryRun
from gatewayapp.core.mapping import host_header
from gatewayapp.core.messages import HttpRequest, IntegrationRequest, LambdaRequest, MockRequest
from gatewayapp.core.redaction import redacted_headers, redacted_url
from gatewayapp.core.roles import Permission
from gatewayapp.models import Api, Connection, Document


class StageShape(Shape):
    stage_name = serializers.CharField()
    deployment_id = serializers.CharField(allow_null=True)
    auto_deploy = serializers.BooleanField()
    connections = serializers.IntegerField(help_text="How many clients are connected.")


class ApiShape(Shape):
    api_id = serializers.CharField()
    name = serializers.CharField()
    description = serializers.CharField(allow_blank=True)
    route_selection_expression = serializers.CharField()
    created_date = serializers.DateTimeField()
    stages = StageShape(many=True)


class DeploymentShape(Shape):
    deployment_id = serializers.CharField()
    description = serializers.CharField(required=False)
    auto_deployed = serializers.BooleanField()
    created_date = serializers.DateTimeField()
    created_by = serializers.CharField(allow_blank=True, help_text="Who made it; empty where that is not known.")
    deployment_status = serializers.CharField()


class DiffQuery(Shape):
    before = serializers.CharField(max_length=6, help_text=f"A deployment's id, or {DRAFT}.")
    after = serializers.CharField(max_length=6, default=DRAFT, help_text=f"A deployment's id, or {DRAFT}.")


class DiffShape(Shape):
    changes = ChangeShape(many=True)


class RollbackShape(Shape):
    deployment_id = serializers.CharField(max_length=6)


class RouteTestShape(Shape):
    message = Text(max_length=131_072)
    draft = serializers.BooleanField(default=False, help_text="Test the draft instead of what is deployed.")


class HeaderShape(Shape):
    name = serializers.CharField()
    value = serializers.CharField()


class RequestShape(Shape):
    """What would be sent. Credentials in headers and queries are left out."""

    type = serializers.ChoiceField(["http", "lambda", "mock"])
    method = serializers.CharField(required=False)
    url = serializers.CharField(required=False)
    headers = HeaderShape(many=True, required=False)
    body = serializers.CharField(required=False, help_text="As text; bytes that are not UTF-8 are replaced.")
    function_name = serializers.CharField(required=False)
    qualifier = serializers.CharField(required=False, allow_null=True)
    region = serializers.CharField(required=False)
    status_code = serializers.IntegerField(required=False, help_text="The status that a MOCK integration answers.")


class RouteTestResultShape(Shape):
    expression = serializers.CharField()
    value = serializers.CharField(allow_null=True, help_text="Null where the message is not JSON.")
    route_key = serializers.CharField(allow_null=True, help_text="Null where no route takes the message.")
    reason = serializers.CharField()
    integration_id = serializers.CharField(allow_null=True)
    two_way = serializers.BooleanField(help_text="Whether the integration's answer goes back to the client.")
    request = RequestShape(allow_null=True)
    error = serializers.CharField(allow_null=True, help_text="Why no request can be made.")
    error_frame = serializers.CharField(allow_null=True, help_text="What the client would get instead.")


class ApisView(View):
    @endpoint("ListApis", "List APIs with their stages", query=PageQuery, answer=page_of(ApiShape))
    def get(self, request: Request) -> Response:
        query = self.query(PageQuery)
        apis = get_apis().prefetch_related("stages")
        visible = self.access.apis_with(Permission.READ_APIS)
        if visible is not None:
            apis = apis.filter(pk__in=visible)
        page, cursor = newest_first(apis, "created_date", query.get("cursor"), query["page_size"])
        counts = _connections(page)
        return Response({"items": [_api(api, counts) for api in page], "nextCursor": cursor})


class DeploymentsView(View):
    @endpoint(
        "ListDeployments",
        "List an API's deployments, the latest first",
        query=PageQuery,
        answer=page_of(DeploymentShape),
    )
    def get(self, request: Request, api_id: str) -> Response:
        query = self.query(PageQuery)
        deployments: QuerySet[Any] = get_deployments(api_id=api_id)
        page, cursor = newest_first(deployments, "created_date", query.get("cursor"), query["page_size"])
        items = [{**deployment.document(), "createdBy": deployment.created_by} for deployment in page]
        return Response({"items": items, "nextCursor": cursor})


class DiffView(View):
    @endpoint(
        "DiffDeployments", "Tell what changed between two deployments, or since one", query=DiffQuery, answer=DiffShape
    )
    def get(self, request: Request, api_id: str) -> Response:
        changes = diff_deployments(api_id=api_id, **self.query(DiffQuery))
        return Response({"changes": [told_document(told) for told in changes]})


class RollbackView(View):
    @endpoint(
        "RollbackStage",
        "Let a stage serve another deployment, usually an earlier one",
        body=RollbackShape,
        answer=StageShape,
        errors=(409,),
        example={"deploymentId": "{deploymentId}"},
    )
    def post(self, request: Request, api_id: str, stage_name: str) -> Response:
        rollback_stage(api_id=api_id, stage_name=stage_name, **self.body(RollbackShape))
        stage = get_stage(api_id=api_id, stage_name=stage_name)
        return Response(_stage(stage, _connections([stage.api])))


class RouteTestView(View):
    @endpoint(
        "TestRoute",
        "Tell what a message would do, without doing it",
        body=RouteTestShape,
        answer=RouteTestResultShape,
        example={"message": '{"action": "send", "text": "hello"}', "draft": True},
    )
    def post(self, request: Request, api_id: str, stage_name: str) -> Response:
        body = self.body(RouteTestShape)
        run = run_route_test(api_id=api_id, stage_name=stage_name, message=body["message"], use_draft=body["draft"])
        return Response(_dry_run(run))


def _api(api: Api, connections: dict[tuple[str, str], int]) -> Document:
    return {
        "apiId": api.api_id,
        "name": api.name,
        "description": api.description,
        "routeSelectionExpression": api.route_selection_expression,
        "createdDate": api.document()["createdDate"],
        "stages": [_stage(stage, connections) for stage in api.stages.all()],
    }


def _stage(stage: Any, connections: dict[tuple[str, str], int]) -> Document:
    return {
        "stageName": stage.stage_name,
        "deploymentId": stage.deployment_id,
        "autoDeploy": stage.auto_deploy,
        "connections": connections.get((stage.api_id, stage.stage_name), 0),
    }


def _connections(apis: list[Api]) -> dict[tuple[str, str], int]:
    """How many clients are connected, by API and stage."""
    rows = Connection.objects.filter(api_id__in=[api.pk for api in apis]).order_by()
    return {(api_id, stage): n for api_id, stage, n in rows.values_list("api_id", "stage").annotate(n=Count("pk"))}


def _dry_run(run: DryRun) -> Document:
    integration = run.route.integration if run.route else None
    return {
        "expression": run.expression,
        "value": run.value,
        "routeKey": run.route.route_key if run.route else None,
        "reason": run.reason,
        "integrationId": integration.integration_id if integration else None,
        "twoWay": run.route.two_way if run.route else False,
        "request": None if run.request is None else _request(run.request),
        "error": None if run.error is None else str(run.error),
        "errorFrame": run.error_frame,
    }


def _request(request: IntegrationRequest) -> Document:
    if isinstance(request, MockRequest):
        return {"type": "mock", "statusCode": request.status}
    if isinstance(request, LambdaRequest):
        return {
            "type": "lambda",
            "functionName": request.function_name,
            "qualifier": request.qualifier,
            "region": request.region,
            "body": request.payload.decode(errors="replace"),
        }
    return _http_request(request)


def _http_request(request: HttpRequest) -> Document:
    return {
        "type": "http",
        "method": request.method,
        "url": f"{request.origin.scheme}://{host_header(request.origin)}{redacted_url(request.target)}",
        "headers": [{"name": name, "value": value} for name, value in redacted_headers(request.headers)],
        "body": request.body.decode(errors="replace"),
    }
