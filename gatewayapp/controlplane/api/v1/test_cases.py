"""Test cases: named messages with what is expected of them."""

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from gatewayapp.controlplane.api.v1.pagination import newest_first
from gatewayapp.controlplane.api.v1.route_tests import RequestShape
from gatewayapp.controlplane.api.v1.schema import endpoint
from gatewayapp.controlplane.api.v1.shapes import PageQuery, Shape, Text, page_of
from gatewayapp.controlplane.api.v1.views import View
from gatewayapp.controlplane.operations.deployments import DRAFT
from gatewayapp.controlplane.operations.test_cases import (
    LONGEST_MESSAGE,
    MOST_TEST_CASES,
    TestResult,
    create_test_case,
    delete_test_case,
    get_test_case,
    get_test_cases,
    run_test_cases,
    update_test_case,
)
from gatewayapp.core.dry_run import document_of
from gatewayapp.models import Document


class CheckShape(Shape):
    """One of: a text that must be there, the whole text, or the value at a path into the JSON."""

    contains = Text(required=False)
    equals = serializers.JSONField(required=False)
    path = Text(required=False, help_text="Such as `user.name` or `items[0].id`.")


class ExpectationsShape(Shape):
    """What is left out is not looked at; what is sent and comes back shows only when the backend is called."""

    route_key = Text(required=False)
    status = serializers.IntegerField(required=False, help_text="The backend's.")
    request = CheckShape(many=True, required=False, help_text="Of the request to the backend.")
    response = CheckShape(many=True, required=False, help_text="Of the frame that comes back.")


class NewTestCaseShape(Shape):
    name = serializers.CharField(max_length=128)
    message = Text(max_length=LONGEST_MESSAGE)
    expectations = serializers.DictField(
        required=False, help_text="See the expectations of an answer: routeKey, status, request, response."
    )


class TestCasePatchShape(Shape):
    name = serializers.CharField(max_length=128, required=False)
    message = Text(max_length=LONGEST_MESSAGE, required=False)
    expectations = serializers.DictField(required=False, help_text="They replace all there were.")


class TestCaseShape(Shape):
    test_case_id = serializers.CharField()
    name = serializers.CharField()
    message = serializers.CharField(allow_blank=True)
    expectations = ExpectationsShape()
    created_date = serializers.DateTimeField()


class RunTestCasesShape(Shape):
    test_case_ids = serializers.ListField(
        child=serializers.CharField(max_length=7),
        max_length=MOST_TEST_CASES,
        required=False,
        help_text="All by default.",
    )
    stage_name = serializers.CharField(required=False, max_length=128, help_text="Whose variables and limits count.")
    deployment = serializers.CharField(max_length=6, default=DRAFT, help_text=f"A deployment's id, or {DRAFT}.")


class TestResultShape(Shape):
    test_case_id = serializers.CharField()
    name = serializers.CharField()
    passed = serializers.BooleanField()
    failures = serializers.ListField(child=serializers.CharField(), help_text="What is not as expected, in sentences.")
    complete = serializers.BooleanField(help_text="False where part shows only when the backend is called.")
    route_key = serializers.CharField(allow_null=True)
    reason = serializers.CharField()
    request = RequestShape(allow_null=True)


class TestResultsShape(Shape):
    passed = serializers.IntegerField(help_text="How many passed.")
    failed = serializers.IntegerField()
    items = TestResultShape(many=True)


class TestCasesView(View):
    @endpoint(
        "ListTestCases", "List an API's test cases, the latest first", query=PageQuery, answer=page_of(TestCaseShape)
    )
    def get(self, request: Request, api_id: str) -> Response:
        query = self.query(PageQuery)
        test_cases: QuerySet[Any] = get_test_cases(api_id=api_id)
        page, cursor = newest_first(test_cases, "created_date", query.get("cursor"), query["page_size"])
        return Response({"items": [self.readable(test_case) for test_case in page], "nextCursor": cursor})

    @endpoint(
        "CreateTestCase",
        "Keep a message with what is expected of it",
        body=NewTestCaseShape,
        answer=TestCaseShape,
        status=201,
        errors=(409, 429),
        example={
            "name": "hello",
            "message": '{"action": "send", "text": "hello"}',
            "expectations": {"routeKey": "$default", "request": [{"contains": "hello"}]},
        },
    )
    def post(self, request: Request, api_id: str) -> Response:
        return Response(create_test_case(api_id=api_id, **self.body(NewTestCaseShape)).document(), status=201)


class TestCaseView(View):
    @endpoint("GetTestCase", "Read a test case", answer=TestCaseShape)
    def get(self, request: Request, api_id: str, test_case_id: str) -> Response:
        return Response(self.readable(get_test_case(api_id=api_id, test_case_id=test_case_id)))

    @endpoint(
        "UpdateTestCase",
        "Change a test case",
        body=TestCasePatchShape,
        answer=TestCaseShape,
        errors=(409,),
        example={"message": '{"action": "leave"}'},
    )
    def patch(self, request: Request, api_id: str, test_case_id: str) -> Response:
        body = self.body(TestCasePatchShape)
        return Response(update_test_case(api_id=api_id, test_case_id=test_case_id, **body).document())

    @endpoint("DeleteTestCase", "Delete a test case", status=204)
    def delete(self, request: Request, api_id: str, test_case_id: str) -> Response:
        delete_test_case(api_id=api_id, test_case_id=test_case_id)
        return Response(status=204)


class RunTestCasesView(View):
    @endpoint(
        "RunTestCases",
        "Try test cases on the draft or a deployment; nobody is called",
        body=RunTestCasesShape,
        answer=TestResultsShape,
        example={"deployment": DRAFT},
    )
    def post(self, request: Request, api_id: str) -> Response:
        body = self.body(RunTestCasesShape)
        body["deployment_id"] = body.pop("deployment")
        results = run_test_cases(api_id=api_id, **body)
        passed = sum(result.passed for result in results)
        items = [document_of_result(result) for result in results]
        return Response({"passed": passed, "failed": len(items) - passed, "items": items})


def document_of_result(result: TestResult) -> Document:
    run = document_of(result.run)
    return {
        "testCaseId": result.test_case.test_case_id,
        "name": result.test_case.name,
        "passed": result.passed,
        "failures": list(result.failures),
        "complete": result.is_complete,
        "routeKey": run["routeKey"],
        "reason": run["reason"],
        "request": run["request"],
    }
