"""Integrations and their responses: types, URIs, parameters, templates."""

import pytest

from gatewayapp.controlplane import operations
from gatewayapp.controlplane.operations import BadRequest, Conflict, NotFound, TooMany
from gatewayapp.models import Integration
from tests.controlplane.builders import LAMBDA, make_api, make_integration, make_route

pytestmark = pytest.mark.django_db

HTTP = {"integration_type": "HTTP", "integration_method": "POST", "integration_uri": "http://backend.example/"}
MOCK = {"integration_type": "MOCK"}


@pytest.fixture
def api():
    return make_api()


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        (
            {"integration_type": "AWS_PROXY", "integration_uri": LAMBDA},
            {"integrationMethod": "POST", "integrationUri": LAMBDA},
        ),
        (
            {"integration_type": "AWS", "integration_uri": LAMBDA},
            {
                "integrationMethod": "POST",
                "integrationUri": LAMBDA,
                "passthroughBehavior": "WHEN_NO_MATCH",
                "integrationResponseSelectionExpression": "${integration.response.body.errorMessage}",
            },
        ),
        (
            HTTP,
            {
                "integrationMethod": "POST",
                "integrationUri": "http://backend.example/",
                "passthroughBehavior": "WHEN_NO_MATCH",
                "integrationResponseSelectionExpression": "${integration.response.statuscode}",
            },
        ),
        (
            HTTP | {"integration_type": "HTTP_PROXY"},
            {"integrationMethod": "POST", "integrationUri": "http://backend.example/"},
        ),
        (
            MOCK | {"integration_uri": ""},
            {
                "passthroughBehavior": "WHEN_NO_MATCH",
                "integrationResponseSelectionExpression": "${integration.response.statuscode}",
            },
        ),
    ],
)
def test_an_integration_reads_back_with_the_defaults_of_its_type(api, members, expected):
    integration = make_integration(api, **members)
    assert integration.document() == {
        "connectionType": "INTERNET",
        "integrationId": integration.pk,
        "integrationType": members["integration_type"],
        "payloadFormatVersion": "1.0",
        "timeoutInMillis": 29000,
        **expected,
    }


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({}, "integrationType is required"),
        ({"integration_type": "SMTP"}, "Invalid integrationType 'SMTP'"),
        ({"integration_type": "HTTP", "integration_method": "POST"}, "needs an integrationUri"),
        ({"integration_type": "HTTP_PROXY", "integration_uri": "http://b.example/"}, "needs an integrationMethod"),
        ({"integration_type": "AWS_PROXY"}, "needs an integrationUri"),
        (
            {"integration_type": "AWS", "integration_uri": LAMBDA, "integration_method": "GET"},
            "integrationMethod must be POST",
        ),
        ({"integration_type": "AWS", "integration_uri": "arn:aws:nothing"}, "names no Lambda function"),
        (HTTP | {"integration_method": "ANY"}, "Invalid integrationMethod 'ANY'"),
        (HTTP | {"integration_uri": "ftp://backend.example/"}, "ftp"),
        (HTTP | {"integration_uri": "http://backend.example/" + "x" * 2048}, "integrationUri must have 0-2048"),
        (HTTP | {"integration_uri": "http://backend.example/{room}"}, "integration.request.path.room"),
        (HTTP | {"payload_format_version": "2.0"}, "Invalid payloadFormatVersion '2.0'"),
        (HTTP | {"timeout_in_millis": 49}, "timeoutInMillis must be a whole number 50-29000"),
        (HTTP | {"timeout_in_millis": 29_001}, "timeoutInMillis must be a whole number 50-29000"),
        (HTTP | {"timeout_in_millis": 100.5}, "timeoutInMillis must be a whole number 50-29000"),
        (HTTP | {"timeout_in_millis": True}, "timeoutInMillis must be a whole number 50-29000"),
        (HTTP | {"connection_type": "VPC_LINK"}, "needs a connectionId"),
        (HTTP | {"passthrough_behavior": "ALWAYS"}, "Invalid passthroughBehavior"),
        (HTTP | {"content_handling_strategy": "CONVERT"}, "Invalid contentHandlingStrategy"),
        (HTTP | {"request_parameters": {"header.x": "'a'"}}, "integration.request.header"),
        (HTTP | {"request_parameters": {"integration.request.header.x": "unquoted"}}, "is no source of a value"),
        (HTTP | {"request_parameters": {"integration.request.header.Host": "'x'"}}, "cannot be mapped"),
        (HTTP | {"request_parameters": {"integration.request.header.x": f"'{'x' * 511}'"}}, "0-512 characters"),
        (HTTP | {"request_templates": {"$default": "x" * 32_769}}, "0-32768 characters"),
        (HTTP | {"request_templates": {"$default": "a\0b"}}, "NUL"),
        (HTTP | {"template_selection_expression": "$context.stage"}, "Invalid templateSelectionExpression"),
        (HTTP | {"description": "x" * 1025}, "description must have 0-1024 characters"),
        (HTTP | {"integration_subtype": "SQS-SendMessage"}, "integrationSubtype is not supported"),
        (HTTP | {"response_parameters": {"200": {}}}, "responseParameters is not supported"),
    ],
)
def test_an_integration_is_refused(api, members, message):
    with pytest.raises(BadRequest) as raised:
        operations.create_integration(api_id=api.pk, **members)
    assert message in raised.value.message


def test_request_parameters_merge_and_an_empty_value_removes_one(api):
    header = "integration.request.header."
    given = {f"{header}A": "'a'", f"{header}B": "'b'", f"{header}C": "''"}
    integration = make_integration(api, **HTTP, request_parameters=given)
    updated = operations.update_integration(
        api_id=api.pk, integration_id=integration.pk, request_parameters={f"{header}B": "", f"{header}D": "'d'"}
    )
    assert updated.request_parameters == {f"{header}A": "'a'", f"{header}C": "''", f"{header}D": "'d'"}


def test_the_old_name_of_a_source_is_stored_under_the_present_one(api):
    given = {"integration.request.querystring.k": "method.request.body.kind"}
    integration = make_integration(api, **HTTP, request_parameters=given)
    assert integration.request_parameters == {"integration.request.querystring.k": "route.request.body.kind"}


def test_request_templates_are_replaced_and_strings_are_cleared(api):
    integration = make_integration(
        api,
        **HTTP,
        description="first",
        content_handling_strategy="CONVERT_TO_TEXT",
        request_templates={"a": "1", "b": "2"},
    )
    document = operations.update_integration(
        api_id=api.pk,
        integration_id=integration.pk,
        integration_type="HTTP",
        description="",
        content_handling_strategy="",
        request_templates={"c": "3"},
    ).document()
    assert document["requestTemplates"] == {"c": "3"}
    assert not {"description", "contentHandlingStrategy"} & document.keys()
    assert document["integrationUri"] == "http://backend.example/"


def test_a_template_in_velocity_is_stored_though_it_cannot_be_deployed(api):
    template = '{"id": "$context.connectionId"}'
    integration = make_integration(api, **HTTP, request_templates={"$default": template})
    assert integration.document()["requestTemplates"] == {"$default": template}


def test_an_integration_that_a_route_points_at_cannot_be_deleted(api):
    integration = make_integration(api)
    route = make_route(api, target=f"integrations/{integration.pk}")
    names = {"api_id": api.pk, "integration_id": integration.pk}
    with pytest.raises(Conflict) as raised:
        operations.delete_integration(**names)
    assert raised.value.message == (
        f"Cannot delete Integration because it is referenced by the following Routes with Ids: [{route.pk}]"
    )
    operations.delete_route(api_id=api.pk, route_id=route.pk)
    operations.delete_integration(**names)
    with pytest.raises(NotFound, match=f"^Invalid Integration identifier specified {integration.pk}$"):
        operations.get_integration(**names)


def test_an_api_has_at_most_300_integrations(api):
    Integration.objects.bulk_create(Integration(api=api, integration_type="MOCK") for _ in range(300))
    with pytest.raises(TooMany, match="300"):
        make_integration(api, **MOCK)


@pytest.fixture
def names(api):
    return {"api_id": api.pk, "integration_id": make_integration(api, **MOCK).pk}


@pytest.mark.parametrize("key", ["$default", "/200/", r"/4\d\d/", "/.*not found.*/"])
def test_an_integration_response_key_is_accepted(names, key):
    response = operations.create_integration_response(**names, integration_response_key=key)
    assert response.document() == {"integrationResponseId": response.pk, "integrationResponseKey": key}


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({}, "integrationResponseKey is required"),
        ({"integration_response_key": ""}, "Invalid integrationResponseKey"),
        ({"integration_response_key": "200"}, "a pattern between slashes"),
        ({"integration_response_key": "/(/"}, "is no pattern"),
        ({"integration_response_key": "/x(?=y)/"}, "is no pattern"),
        (
            {"integration_response_key": "$default", "template_selection_expression": "$stage"},
            "Invalid templateSelectionExpression",
        ),
    ],
)
def test_an_integration_response_is_refused(names, members, message):
    with pytest.raises(BadRequest) as raised:
        operations.create_integration_response(**names, **members)
    assert message in raised.value.message


def test_an_integration_response_may_select_its_template_by_the_response(names):
    response = operations.create_integration_response(
        **names,
        integration_response_key="$default",
        template_selection_expression="${integration.response.statuscode}",
        response_templates={"200": "ok"},
    )
    updated = operations.update_integration_response(
        **names, integration_response_id=response.pk, response_templates={"404": "gone"}
    )
    assert updated.response_templates == {"404": "gone"}


def test_an_integration_response_key_is_unique_in_its_integration(names):
    operations.create_integration_response(**names, integration_response_key="/200/")
    other = operations.create_integration_response(**names, integration_response_key="/404/")
    with pytest.raises(Conflict):
        operations.create_integration_response(**names, integration_response_key="/200/")
    with pytest.raises(Conflict):
        operations.update_integration_response(
            **names, integration_response_id=other.pk, integration_response_key="/200/"
        )


def test_integration_responses_are_listed_in_order_of_creation(names):
    keys = ["/5../", "/4../", "$default", "/2../"]
    for key in keys:
        operations.create_integration_response(**names, integration_response_key=key)
    listed = operations.get_integration_responses(**names)
    assert [response.integration_response_key for response in listed] == keys


def test_an_unknown_integration_response_is_not_found(names):
    with pytest.raises(NotFound, match=r"^Invalid IntegrationResponse identifier specified nope$"):
        operations.delete_integration_response(**names, integration_response_id="nope")
