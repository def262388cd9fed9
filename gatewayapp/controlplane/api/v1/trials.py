"""Messages and test cases that are truly sent: the backend is called, and what came of it is told step by step."""

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from gatewayapp.controlplane.api.v1.route_tests import (
    RouteTestResultShape,
    TestMessageShape,
    document_of_test,
    message_to_test,
)
from gatewayapp.controlplane.api.v1.schema import endpoint
from gatewayapp.controlplane.api.v1.shapes import Shape
from gatewayapp.controlplane.api.v1.test_cases import TestResultShape, document_of_result
from gatewayapp.controlplane.api.v1.traces import OneTraceShape, document_of_trace
from gatewayapp.controlplane.api.v1.views import View
from gatewayapp.controlplane.operations.deployments import DRAFT
from gatewayapp.controlplane.operations.route_tests import send_route_test
from gatewayapp.controlplane.operations.test_cases import send_test_case


class SentTestShape(RouteTestResultShape):
    trace = OneTraceShape(help_text="What became of it; it is not kept.")


class SendTestCaseShape(Shape):
    stage_name = serializers.CharField(required=False, max_length=128, help_text="Whose variables and limits count.")
    deployment = serializers.CharField(max_length=6, default=DRAFT, help_text=f"A deployment's id, or {DRAFT}.")


class SendTestView(View):
    @endpoint(
        "SendTestMessage",
        "Send a message truly on the draft, a stage or any deployment: its integration is called",
        body=TestMessageShape,
        answer=SentTestShape,
        errors=(503,),
        example={"message": '{"action": "send", "text": "hello"}'},
    )
    def post(self, request: Request, api_id: str) -> Response:
        sent = send_route_test(api_id=api_id, **message_to_test(self.body(TestMessageShape)))
        return Response({**document_of_test(sent.test), "trace": document_of_trace(sent.trace)})


class SendTestCaseView(View):
    @endpoint(
        "SendTestCase",
        "Send a test case's message truly, and judge what came of it",
        body=SendTestCaseShape,
        answer=TestResultShape,
        errors=(503,),
        example={"deployment": DRAFT},
    )
    def post(self, request: Request, api_id: str, test_case_id: str) -> Response:
        body = self.body(SendTestCaseShape)
        body["deployment_id"] = body.pop("deployment")
        return Response(document_of_result(send_test_case(api_id=api_id, test_case_id=test_case_id, **body)))
