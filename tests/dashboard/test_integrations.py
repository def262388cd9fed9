"""The pages of integrations, whose fields depend on their type."""

from typing import Any

import pytest
from django.test import Client

from gatewayapp.controlplane import operations
from gatewayapp.models import Api, AuditEntry, Integration
from tests.dashboard.forms import errors, page, path_of, send

LAMBDA = (
    "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/"
    "arn:aws:lambda:us-east-1:000000000000:function:who/invocations"
)
URI = "http://127.0.0.1:9000/send"


@pytest.fixture
def new(api: Api) -> str:
    return f"/apis/{api.api_id}/integrations/new"


def fields(**members: Any) -> dict[str, Any]:
    """A form as a browser sends it: selects and the rest as they were."""
    return {
        "description": "",
        "integration_uri": "",
        "integration_method": "",
        "timeout_in_millis": "29000",
        "passthrough_behavior": "WHEN_NO_MATCH",
        "content_handling_strategy": "",
        "connection_type": "INTERNET",
        "connection_id": "",
        "tls_config__serverNameToVerify": "",
        "credentials_arn": "",
        "template_selection_expression": "",
        **members,
    }


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        (
            {"integration_type": "HTTP_PROXY", "integration_uri": URI, "integration_method": "POST"},
            {"integrationUri": URI, "integrationMethod": "POST"},
        ),
        (
            {
                "integration_type": "HTTP",
                "integration_uri": URI,
                "integration_method": "PUT",
                "timeout_in_millis": "500",
            },
            {"integrationMethod": "PUT", "timeoutInMillis": 500, "passthroughBehavior": "WHEN_NO_MATCH"},
        ),
        ({"integration_type": "AWS_PROXY", "integration_uri": LAMBDA}, {"integrationMethod": "POST"}),
        ({"integration_type": "AWS", "integration_uri": LAMBDA}, {"integrationUri": LAMBDA}),
        ({"integration_type": "MOCK", "integration_uri": "left over"}, {"passthroughBehavior": "WHEN_NO_MATCH"}),
    ],
)
def test_each_type_is_made_with_its_own_fields(
    signed_in: Client, new: str, members: dict[str, str], expected: dict[str, Any]
) -> None:
    response = send(signed_in, new, **fields(**members))

    integration = Integration.objects.get()
    assert path_of(response) == f"/apis/{integration.api_id}/integrations/{integration.pk}"
    document = integration.document()
    assert document["integrationType"] == members["integration_type"]
    assert expected.items() <= document.items()
    assert integration.integration_uri != "left over"


def test_a_mock_gets_templates_with_several_lines(signed_in: Client, new: str) -> None:
    send(
        signed_in,
        new,
        **fields(integration_type="MOCK", description="answers"),
        **{
            "request_templates-key": ["$default", ""],
            "request_templates-value": ['{\r\n  "statusCode": 200\r\n}', ""],
            "request_parameters-key": [""],
            "request_parameters-value": [""],
        },
    )

    assert Integration.objects.get().request_templates == {"$default": '{\n  "statusCode": 200\n}'}


@pytest.mark.parametrize(
    ("members", "field", "words"),
    [
        (
            {"integration_type": "HTTP_PROXY", "integration_uri": URI},
            "integration_method",
            "needs an integrationMethod",
        ),
        ({"integration_type": "HTTP", "integration_method": "POST"}, "integration_uri", "needs an integrationUri"),
        ({"integration_type": "MOCK", "timeout_in_millis": "30000"}, "timeout_in_millis", "a whole number 50-29000"),
        ({"integration_type": "MOCK", "timeout_in_millis": "soon"}, "timeout_in_millis", "a whole number 50-29000"),
        ({"integration_type": "MOCK", "timeout_in_millis": ""}, "timeout_in_millis", "a whole number 50-29000"),
        (
            {
                "integration_type": "HTTP",
                "integration_method": "GET",
                "integration_uri": URI,
                "connection_type": "VPC_LINK",
            },
            "connection_id",
            "needs a connectionId",
        ),
        (
            {"integration_type": "HTTP_PROXY", "integration_method": "POST", "integration_uri": "nonsense"},
            "integration_uri",
            "",
        ),
        (
            {
                "integration_type": "HTTP_PROXY",
                "integration_method": "POST",
                "integration_uri": URI,
                "request_parameters-key": ["nonsense"],
                "request_parameters-value": ["context.connectionId"],
            },
            "request_parameters",
            "nonsense",
        ),
    ],
)
def test_what_is_refused_stands_at_its_field(
    signed_in: Client, new: str, members: dict[str, Any], field: str, words: str
) -> None:
    response = send(signed_in, new, **fields(**{"description": "typed text", **members}))

    found = errors(response)
    assert list(found) == [field]
    assert words in found[field][0]
    assert 'value="typed text"' in response.content.decode()
    assert not Integration.objects.exists()


def test_a_parameter_is_taken_out_by_emptying_its_row(signed_in: Client, api: Api) -> None:
    integration = operations.create_integration(
        api_id=api.api_id,
        integration_type="HTTP_PROXY",
        integration_method="POST",
        integration_uri=URI,
        request_parameters={
            "integration.request.header.A": "context.connectionId",
            "integration.request.header.B": "context.stage",
        },
    )

    send(
        signed_in,
        f"/apis/{api.api_id}/integrations/{integration.pk}/edit",
        **fields(integration_type="HTTP_PROXY", integration_method="POST", integration_uri=URI),
        **{
            "request_parameters-key": ["", "integration.request.header.B"],
            "request_parameters-value": ["", "context.connectionId"],
        },
    )

    integration.refresh_from_db()
    assert integration.request_parameters == {"integration.request.header.B": "context.connectionId"}


def test_a_response_is_made_changed_and_listed(signed_in: Client, api: Api) -> None:
    integration = operations.create_integration(api_id=api.api_id, integration_type="MOCK")
    path = f"/apis/{api.api_id}/integrations/{integration.pk}"

    refused = send(signed_in, f"{path}/responses/new", integration_response_key="404")
    assert "an integration response key is $default" in errors(refused)["integration_response_key"][0]

    send(
        signed_in,
        f"{path}/responses/new",
        integration_response_key="$default",
        **{"response_templates-key": ["$default"], "response_templates-value": ['{"answer": 1}']},
    )
    response = integration.integration_responses.get()
    assert response.response_templates == {"$default": '{"answer": 1}'}
    assert "{&quot;answer&quot;: 1}" in page(signed_in, path)

    again = send(signed_in, f"{path}/responses/new", integration_response_key="$default")
    assert "already exists" in errors(again)["integration_response_key"][0]

    send(signed_in, f"{path}/responses/{response.pk}/edit", integration_response_key="/2\\d\\d/")
    response.refresh_from_db()
    assert response.integration_response_key == "/2\\d\\d/"
    assert response.response_templates == {"$default": '{"answer": 1}'}


def test_an_integration_shows_who_uses_it(signed_in: Client, api: Api) -> None:
    integration = operations.create_integration(api_id=api.api_id, integration_type="MOCK")
    path = f"/apis/{api.api_id}/integrations"
    assert "unused" in page(signed_in, path)

    route = operations.create_route(api_id=api.api_id, route_key="send", target=f"integrations/{integration.pk}")

    assert "unused" not in page(signed_in, path)
    assert f'<a href="/apis/{api.api_id}/routes/{route.pk}">send</a>' in page(signed_in, f"{path}/{integration.pk}")


def test_another_type_leaves_nothing_of_the_old_one_behind(signed_in: Client, api: Api) -> None:
    integration = operations.create_integration(
        api_id=api.api_id,
        integration_type="HTTP",
        integration_uri=URI,
        integration_method="PUT",
        request_templates={"$default": "{}"},
        template_selection_expression="$request.body.kind",
        content_handling_strategy="CONVERT_TO_TEXT",
        tls_config={"serverNameToVerify": "backend.example"},
    )
    edit = f"/apis/{api.api_id}/integrations/{integration.pk}/edit"
    kept = fields(integration_type="HTTP", integration_uri=URI, integration_method="PUT")

    send(signed_in, edit, **{**kept, "integration_type": "AWS_PROXY", "integration_uri": LAMBDA})

    document = Integration.objects.get().document()
    assert (document["integrationUri"], document["integrationMethod"]) == (LAMBDA, "POST")
    gone = {"requestTemplates", "templateSelectionExpression", "contentHandlingStrategy", "tlsConfig"}
    assert not any(document.get(name) for name in gone)
    [entry] = AuditEntry.objects.filter(action="UpdateIntegration")
    assert entry.before["tlsConfig"] == {"serverNameToVerify": "backend.example"}

    send(signed_in, edit, **{**kept, "integration_type": "AWS_PROXY", "integration_uri": LAMBDA})
    assert AuditEntry.objects.filter(action="UpdateIntegration").count() == 1
