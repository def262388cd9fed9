"""What AWS's management API lacks for APIs: what changed between deployments, and going back."""

from typing import Any

from django.db.models import Count, QuerySet
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from gatewayapp.controlplane.api.v1.drafts import ChangeShape, told_document
from gatewayapp.controlplane.api.v1.pagination import newest_first
from gatewayapp.controlplane.api.v1.schema import endpoint
from gatewayapp.controlplane.api.v1.shapes import PageQuery, Shape, page_of
from gatewayapp.controlplane.api.v1.views import View
from gatewayapp.controlplane.operations.apis import get_apis
from gatewayapp.controlplane.operations.deployments import DRAFT, diff_deployments, get_deployments
from gatewayapp.controlplane.operations.stages import get_stage, rollback_stage
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
    rows = Connection.open.filter(api_id__in=[api.pk for api in apis]).order_by()
    return {(api_id, stage): n for api_id, stage, n in rows.values_list("api_id", "stage").annotate(n=Count("pk"))}
