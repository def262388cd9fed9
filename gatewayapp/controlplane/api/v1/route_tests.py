"""Trying messages out: on what a stage serves, on a deployment, on the draft, and the two side by side."""

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from gatewayapp.controlplane.api.v1.drafts import MemberChangeShape
from gatewayapp.controlplane.api.v1.schema import endpoint
from gatewayapp.controlplane.api.v1.shapes import HeaderShape, Shape, Text
from gatewayapp.controlplane.api.v1.views import View
from gatewayapp.controlplane.operations.deployments import DRAFT
from gatewayapp.controlplane.operations.route_tests import RouteTest, compare_route_tests, run_route_test
from gatewayapp.controlplane.operations.test_cases import LONGEST_MESSAGE
from gatewayapp.core.dry_run import document_of
from gatewayapp.models import Document

_EXAMPLE = {"message": '{"action": "send", "text": "hello"}'}


class RouteTestShape(Shape):
    message = Text(max_length=LONGEST_MESSAGE)
    draft = serializers.BooleanField(default=False, help_text="Test the draft instead of what is deployed.")


class TestMessageShape(Shape):
    message = Text(max_length=LONGEST_MESSAGE)
    stage_name = serializers.CharField(
        required=False, max_length=128, help_text="Whose variables and limits count. Its deployment is tested."
    )
    deployment = serializers.CharField(
        required=False, max_length=6, help_text=f"Test this deployment, or {DRAFT}, instead."
    )


class CompareMessageShape(Shape):
    message = Text(max_length=LONGEST_MESSAGE)


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


class DryRunShape(Shape):
    """What a message would do."""

    expression = serializers.CharField()
    value = serializers.CharField(allow_null=True, help_text="Null where the message is not JSON.")
    route_key = serializers.CharField(allow_null=True, help_text="Null where no route takes the message.")
    reason = serializers.CharField()
    integration_id = serializers.CharField(allow_null=True)
    two_way = serializers.BooleanField(help_text="Whether the integration's answer goes back to the client.")
    request = RequestShape(allow_null=True)
    error = serializers.CharField(allow_null=True, help_text="Why no request can be made.")
    error_frame = serializers.CharField(allow_null=True, help_text="What the client would get instead.")


class RouteTestResultShape(DryRunShape):
    deployment = serializers.CharField(help_text=f"What was tested: a deployment's id, or {DRAFT}.")
    nodes = serializers.ListField(child=serializers.CharField(), help_text="The message's way through the picture.")


class RouteTestComparisonShape(Shape):
    deployed = RouteTestResultShape()
    draft = RouteTestResultShape()
    differences = MemberChangeShape(many=True, help_text="Where the draft does otherwise.")


class RouteTestView(View):
    @endpoint(
        "TestRoute",
        "Tell what a message would do, without doing it",
        body=RouteTestShape,
        answer=RouteTestResultShape,
        example={**_EXAMPLE, "draft": True},
    )
    def post(self, request: Request, api_id: str, stage_name: str) -> Response:
        body = self.body(RouteTestShape)
        deployment_id = DRAFT if body["draft"] else ""
        test = run_route_test(
            api_id=api_id, stage_name=stage_name, message=body["message"], deployment_id=deployment_id
        )
        return Response(document_of_test(test))


class TestMessageView(View):
    @endpoint(
        "TestMessage",
        "Tell what a message would do on the draft, a stage or any deployment, without doing it",
        body=TestMessageShape,
        answer=RouteTestResultShape,
        example=_EXAMPLE,
    )
    def post(self, request: Request, api_id: str) -> Response:
        test = run_route_test(api_id=api_id, **message_to_test(self.body(TestMessageShape)))
        return Response(document_of_test(test))


class CompareMessageView(View):
    @endpoint(
        "CompareMessage",
        "Tell what a message would do on what a stage serves and on the draft, and where they differ",
        body=CompareMessageShape,
        answer=RouteTestComparisonShape,
        example=_EXAMPLE,
    )
    def post(self, request: Request, api_id: str, stage_name: str) -> Response:
        comparison = compare_route_tests(api_id=api_id, stage_name=stage_name, **self.body(CompareMessageShape))
        differences = [
            {"member": each.member, "before": each.before, "after": each.after} for each in comparison.differences
        ]
        return Response(
            {
                "deployed": document_of_test(comparison.deployed),
                "draft": document_of_test(comparison.draft),
                "differences": differences,
            }
        )


def message_to_test(body: Document) -> Document:
    """The keywords of a TestMessageShape for the operations that try its message, or truly send it."""
    return {
        "message": body["message"],
        "stage_name": body.get("stage_name", ""),
        "deployment_id": body.get("deployment", ""),
    }


def document_of_test(test: RouteTest) -> Document:
    return {"deployment": test.deployment_id, "nodes": list(test.nodes), **document_of(test.run)}
