"""The pages of models and authorizers."""

import pytest
from django.test import Client

from gatewayapp.controlplane import operations
from gatewayapp.models import Api, ApiModel, Authorizer
from tests.dashboard.forms import errors, page, path_of, send

LAMBDA = (
    "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/"
    "arn:aws:lambda:us-east-1:000000000000:function:who/invocations"
)


def test_a_model_is_made_and_shows_a_message_that_matches(signed_in: Client, api: Api) -> None:
    schema = '{\r\n  "type": "object",\r\n  "properties": {"action": {"type": "string"}}\r\n}'

    response = send(signed_in, f"/apis/{api.api_id}/models/new", name="Message", schema=schema)

    model = ApiModel.objects.get()
    assert path_of(response) == f"/apis/{api.api_id}/models/{model.pk}"
    assert model.schema == schema.replace("\r\n", "\n")
    assert "&quot;action&quot;" in response.content.decode()


@pytest.mark.parametrize(
    ("name", "schema", "field", "words"),
    [
        ("Message", '{\n  "a": 1,\n  b\n}', "schema", "This is not JSON: line 3, column 3:"),
        ("Message", "[1]", "schema", "A schema is a JSON object"),
        ("Message", "", "schema", "schema is required."),
        ("no-dash", "{}", "name", "Model name must be alphanumeric: no-dash"),
        ("Taken", "{}", "name", "Model name already exists for this API: Taken"),
        ("", "{}", "name", "name is required."),
    ],
)
def test_what_is_refused_stands_at_its_field(
    signed_in: Client, api: Api, name: str, schema: str, field: str, words: str
) -> None:
    operations.create_model(api_id=api.api_id, name="Taken", schema="{}")

    response = send(signed_in, f"/apis/{api.api_id}/models/new", name=name, schema=schema, description="typed text")

    found = errors(response)
    assert list(found) == [field]
    assert words in found[field][0]
    assert "typed text</textarea>" in response.content.decode()
    assert ApiModel.objects.count() == 1


def test_a_schema_is_changed(signed_in: Client, api: Api) -> None:
    model = operations.create_model(api_id=api.api_id, name="Message", schema="{}")

    send(signed_in, f"/apis/{api.api_id}/models/{model.pk}/edit", name="Message", schema='{"type": "string"}')

    model.refresh_from_db()
    assert model.schema == '{"type": "string"}'


def test_an_authorizer_is_made_and_changed(signed_in: Client, api: Api) -> None:
    fields = {
        "name": "who",
        "authorizer_uri": LAMBDA,
        "identity_source": "route.request.header.Authorization\r\nroute.request.querystring.token\r\n",
        "authorizer_result_ttl_in_seconds": "",
    }

    response = send(signed_in, f"/apis/{api.api_id}/authorizers/new", **fields)
    authorizer = Authorizer.objects.get()
    assert path_of(response) == f"/apis/{api.api_id}/authorizers/{authorizer.pk}"
    assert authorizer.identity_source == ["route.request.header.Authorization", "route.request.querystring.token"]
    assert authorizer.authorizer_result_ttl_in_seconds is None
    assert LAMBDA in page(signed_in, f"/apis/{api.api_id}/authorizers")

    send(
        signed_in,
        f"/apis/{api.api_id}/authorizers/{authorizer.pk}/edit",
        **fields | {"identity_source": "", "authorizer_result_ttl_in_seconds": "60"},
    )
    authorizer.refresh_from_db()
    assert (authorizer.identity_source, authorizer.authorizer_result_ttl_in_seconds) == ([], 60)


@pytest.mark.parametrize(
    ("members", "field", "words"),
    [
        ({"authorizer_uri": "arn:nonsense"}, "authorizer_uri", "Invalid authorizerUri"),
        ({"identity_source": "header.x"}, "identity_source", "use route.request.header.NAME"),
        ({"authorizer_result_ttl_in_seconds": "4000"}, "authorizer_result_ttl_in_seconds", "a whole number 0-3600"),
        ({"name": "taken"}, "name", "Authorizer name must be unique"),
    ],
)
def test_an_authorizer_that_may_not_be_is_said_at_its_field(
    signed_in: Client, api: Api, members: dict[str, str], field: str, words: str
) -> None:
    operations.create_authorizer(
        api_id=api.api_id, name="taken", authorizer_type="REQUEST", authorizer_uri=LAMBDA, identity_source=[]
    )
    fields = {"name": "who", "authorizer_uri": LAMBDA, "identity_source": "", **members}

    response = send(signed_in, f"/apis/{api.api_id}/authorizers/new", **fields)

    found = errors(response)
    assert list(found) == [field]
    assert words in found[field][0]
    assert Authorizer.objects.count() == 1
