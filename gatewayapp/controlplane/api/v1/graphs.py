"""An API as a picture, and where its nodes stand in it."""

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from gatewayapp.controlplane.api.v1.schema import endpoint
from gatewayapp.controlplane.api.v1.shapes import Shape
from gatewayapp.controlplane.api.v1.views import View
from gatewayapp.controlplane.operations.deployments import DRAFT
from gatewayapp.controlplane.operations.graphs import ApiGraph, get_graph
from gatewayapp.controlplane.operations.layouts import FARTHEST, MOST_POSITIONS, reset_layout, update_layout
from gatewayapp.core.graph import COLUMNS, ERROR, WARNING
from gatewayapp.core.pictures import picture
from gatewayapp.models import Document


class GraphQuery(Shape):
    deployment = serializers.CharField(max_length=6, default=DRAFT, help_text=f"A deployment's id, or {DRAFT}.")


class GraphProblemShape(Shape):
    code = serializers.CharField()
    severity = serializers.ChoiceField([ERROR, WARNING])
    message = serializers.CharField()


class NodeShape(Shape):
    key = serializers.CharField(help_text="Names the node, now and in every other picture of the API.")
    kind = serializers.ChoiceField(list(COLUMNS))
    id = serializers.CharField(allow_blank=True, help_text="The resource's; empty for clients and backends.")
    label = serializers.CharField()  # type: ignore[assignment]
    detail = serializers.CharField(allow_blank=True)
    name = serializers.CharField(help_text="What the node shows, in words.")
    two_way = serializers.BooleanField()
    x = serializers.IntegerField(help_text="The upper left corner, in CSS pixels.")
    y = serializers.IntegerField()
    width = serializers.IntegerField()
    height = serializers.IntegerField()
    stored = serializers.BooleanField(help_text="Whether somebody put it there; else it was placed automatically.")
    problems = GraphProblemShape(many=True)


class EdgeShape(Shape):
    key = serializers.CharField()
    kind = serializers.ChoiceField(["connection", "selection", "authorization", "target", "call"])
    source = serializers.CharField(help_text="A node's key.")  # type: ignore[assignment]
    target = serializers.CharField(help_text="A node's key.")
    resource = serializers.ChoiceField(["Api", "Route", "Integration"], help_text="Whose member the edge is.")
    id = serializers.CharField(help_text="That resource's id.")
    name = serializers.CharField()
    two_way = serializers.BooleanField(help_text="Whether answers come back on it.")


class GraphStageShape(Shape):
    stage_name = serializers.CharField()
    deployment_id = serializers.CharField(allow_null=True)
    auto_deploy = serializers.BooleanField()
    changes = serializers.IntegerField(
        allow_null=True, help_text="How many resources differ between the draft and what the stage serves."
    )


class BoxShape(Shape):
    x = serializers.IntegerField()
    y = serializers.IntegerField()
    width = serializers.IntegerField()
    height = serializers.IntegerField()


class PictureShape(Shape):
    box = BoxShape(help_text="The smallest that holds all nodes.")
    nodes = NodeShape(many=True)
    edges = EdgeShape(many=True)
    problems = GraphProblemShape(many=True, help_text="Those of no single node.")


class GraphShape(PictureShape):
    api_id = serializers.CharField()
    deployment = serializers.CharField()
    version = serializers.CharField(help_text="The draft's version: send it back in If-Match to change what you saw.")
    stages = GraphStageShape(many=True)


class PositionShape(Shape):
    x = serializers.IntegerField(min_value=-FARTHEST, max_value=FARTHEST)
    y = serializers.IntegerField(min_value=-FARTHEST, max_value=FARTHEST)


class LayoutShape(Shape):
    positions = serializers.DictField(
        child=PositionShape(), allow_empty=False, help_text=f"By the node's key, at most {MOST_POSITIONS} for an API."
    )


class GraphView(View):
    @endpoint(
        "GetGraph", "See an API's draft, or a deployment, as nodes and edges", query=GraphQuery, answer=GraphShape
    )
    def get(self, request: Request, api_id: str) -> Response:
        graph = get_graph(api_id=api_id, deployment_id=self.query(GraphQuery)["deployment"])
        return Response(document_of(graph), headers={"ETag": f'"{graph.version}"'})


class LayoutView(View):
    @endpoint(
        "UpdateLayout",
        "Put nodes of an API's picture somewhere",
        body=LayoutShape,
        status=204,
        errors=(429,),
        example={"positions": {"client": {"x": 0, "y": 120}}},
    )
    def patch(self, request: Request, api_id: str) -> Response:
        update_layout(api_id=api_id, positions=self.body(LayoutShape)["positions"])
        return Response(status=204)

    @endpoint("ResetLayout", "Place all nodes of an API's picture automatically", status=204)
    def delete(self, request: Request, api_id: str) -> Response:
        reset_layout(api_id=api_id)
        return Response(status=204)


def document_of(graph: ApiGraph) -> Document:
    """The picture in wire form."""
    return {
        "apiId": graph.api_id,
        "deployment": graph.deployment_id,
        "version": graph.version,
        **picture(graph.graph, graph.nodes),
        "stages": [
            {
                "stageName": stage.stage_name,
                "deploymentId": stage.deployment_id,
                "autoDeploy": stage.auto_deploy,
                "changes": stage.changes,
            }
            for stage in graph.stages
        ],
    }
