"""APIs, models and authorizers."""

import orjson
import pytest

from gatewayapp.controlplane import operations
from gatewayapp.controlplane.operations import BadRequest, Conflict, NotFound, TooMany
from gatewayapp.models import Api, Deployment, Integration, Route, Stage
from tests.controlplane.builders import LAMBDA, make_api, make_deployment, make_integration, make_route, make_stage

pytestmark = pytest.mark.django_db


def test_an_api_reads_back_with_its_defaults():
    document = make_api().document()
    assert len(document.pop("apiId")) == 10
    assert document.pop("createdDate").endswith("Z")
    assert document == {
        "apiKeySelectionExpression": "$request.header.x-api-key",
        "disableExecuteApiEndpoint": False,
        "disableSchemaValidation": False,
        "ipAddressType": "ipv4",
        "name": "chat",
        "protocolType": "WEBSOCKET",
        "routeSelectionExpression": "$request.body.action",
        "tags": {},
    }


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"protocol_type": None}, "Invalid protocol specified. Must be one of [HTTP, WEBSOCKET]"),
        ({"protocol_type": "TCP"}, "Invalid protocol specified. Must be one of [HTTP, WEBSOCKET]"),
        ({"protocol_type": "HTTP"}, "protocolType must be WEBSOCKET"),
        ({"name": None}, "name is required"),
        ({"name": ""}, "name must have 1-128 characters"),
        ({"name": "x" * 129}, "name must have 1-128 characters"),
        ({"name": 7}, "name must be a string"),
        ({"name": "a\0"}, "name must not hold a NUL character"),
        ({"route_selection_expression": None}, "routeSelectionExpression is required"),
        ({"route_selection_expression": ""}, "Invalid routeSelectionExpression"),
        ({"route_selection_expression": "$request.header.x"}, "Invalid routeSelectionExpression"),
        ({"route_selection_expression": "$context.connectionId"}, "Invalid routeSelectionExpression"),
        ({"api_key_selection_expression": "$request.querystring.key"}, "Invalid apiKeySelectionExpression"),
        ({"ip_address_type": "ipv6"}, "Invalid ipAddressType"),
        ({"version": "x" * 65}, "version must have 0-64 characters"),
        ({"disable_schema_validation": "yes"}, "disableSchemaValidation must be true or false"),
        ({"tags": {"aws:x": "1"}}, "does not start with aws:"),
        ({"tags": {"x" * 129: "1"}}, "1-128 characters"),
        ({"tags": {"x": "1" * 257}}, "0-256 characters"),
        ({"tags": {str(number): "" for number in range(51)}}, "at most 50 entries"),
        ({"tags": ["x"]}, "tags must be a map"),
        ({"cors_configuration": {"allowOrigins": ["*"]}}, "corsConfiguration is not supported"),
        ({"route_key": "$default"}, "routeKey is not supported"),
        ({"target": "http://backend.example/"}, "target is not supported"),
        ({"credentials_arn": "arn:aws:iam::1:role/x"}, "credentialsArn is not supported"),
    ],
)
def test_an_api_is_refused(members, message):
    with pytest.raises(BadRequest) as raised:
        make_api(**members)
    assert message in raised.value.message
    assert not Api.objects.exists()


def test_a_member_that_does_not_exist_is_a_programming_error():
    with pytest.raises(TypeError, match="colour"):
        make_api(colour="green")


def test_deleting_an_api_deletes_everything_under_it():
    api = make_api()
    integration = make_integration(api)
    make_route(api, target=f"integrations/{integration.pk}")
    make_stage(api, deployment_id=make_deployment(api).pk)
    operations.delete_api(api_id=api.pk)
    assert not any(model.objects.exists() for model in (Api, Integration, Route, Deployment, Stage))


def test_an_api_with_mappings_cannot_be_deleted():
    api = make_api()
    make_stage(api)
    operations.create_domain_name(domain_name="chat.example.com")
    operations.create_api_mapping(domain_name="chat.example.com", api_id=api.pk, stage="prod")
    with pytest.raises(BadRequest) as raised:
        operations.delete_api(api_id=api.pk)
    assert raised.value.message == (
        f"Deleting API {api.pk} failed. Please remove all API mappings for the API from your custom domain names."
    )


@pytest.mark.parametrize("name", ["Join", "a", "1", "x" * 128])
def test_a_model_name_is_accepted(name):
    model = operations.create_model(api_id=make_api().pk, name=name, schema="{}")
    assert model.document() == {"modelId": model.pk, "name": name, "schema": "{}"}


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"name": "a-b"}, "Model name must be alphanumeric: a-b"),
        ({"name": "ö"}, "Model name must be alphanumeric: ö"),
        ({"name": None}, "name is required"),
        ({"schema": None}, "schema is required"),
        ({"schema": {"type": "object"}}, "schema must be a string"),
        ({"schema": "x" * 32_769}, "schema must have 0-32768 characters"),
    ],
)
def test_a_model_is_refused(members, message):
    api = make_api()
    with pytest.raises(BadRequest) as raised:
        operations.create_model(api_id=api.pk, **{"name": "Join", "schema": "{}", **members})
    assert message in raised.value.message


def test_a_model_name_is_unique_in_its_api():
    names = {"api_id": make_api().pk}
    operations.create_model(**names, name="Join", schema="{}")
    other = operations.create_model(**names, name="Leave", schema="{}")
    with pytest.raises(Conflict):
        operations.create_model(**names, name="Join", schema="{}")
    with pytest.raises(Conflict):
        operations.update_model(**names, model_id=other.pk, name="Join")
    assert operations.update_model(**names, model_id=other.pk, description="bye").name == "Leave"
    operations.delete_model(**names, model_id=other.pk)
    with pytest.raises(NotFound, match=f"^Invalid Model identifier specified {other.pk}$"):
        operations.get_model(**names, model_id=other.pk)


def test_a_model_s_template_is_a_sample_of_its_schema():
    names = {"api_id": make_api().pk}
    schema = '{"properties": {"room": {"type": "string"}, "seats": {"type": "integer", "minimum": 1}}}'
    model = operations.create_model(**names, name="Join", schema=schema)
    template = operations.get_model_template(**names, model_id=model.pk)
    assert orjson.loads(template) == {"room": "string", "seats": 1}


@pytest.mark.parametrize(("schema", "reason"), [("<xs:schema/>", "is not JSON"), ("[]", "is not a JSON object")])
def test_without_a_json_schema_there_is_no_template(schema, reason):
    names = {"api_id": make_api().pk}
    model = operations.create_model(**names, name="Join", schema=schema, content_type="application/xml")
    with pytest.raises(BadRequest, match=f"There is no template of model Join: its schema {reason}"):
        operations.get_model_template(**names, model_id=model.pk)


def make_authorizer(api, **members):
    defaults = {"name": "tokens", "authorizer_type": "REQUEST", "authorizer_uri": LAMBDA, "identity_source": []}
    return operations.create_authorizer(api_id=api.pk, **{**defaults, **members})


def test_an_authorizer_reads_back_as_given():
    authorizer = make_authorizer(make_api(), authorizer_payload_format_version="", enable_simple_responses=False)
    assert authorizer.document() == {
        "authorizerId": authorizer.pk,
        "authorizerType": "REQUEST",
        "authorizerUri": LAMBDA,
        "identitySource": [],
        "name": "tokens",
    }


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"authorizer_type": "JWT"}, "Invalid authorizerType 'JWT'"),
        ({"authorizer_uri": None}, "authorizerUri is required"),
        ({"authorizer_uri": "http://backend.example/"}, "names no Lambda function"),
        ({"name": ""}, "name must have 1-128 characters"),
        ({"identity_source": None}, "identitySource is required"),
        ({"identity_source": "route.request.header.x"}, "identitySource must be a list"),
        ({"identity_source": ["$request.header.Authorization"]}, "use route.request.header.NAME"),
        ({"authorizer_result_ttl_in_seconds": 3601}, "authorizerResultTtlInSeconds must be a whole number 0-3600"),
        ({"authorizer_payload_format_version": "2.0"}, "authorizerPayloadFormatVersion is not supported"),
        ({"jwt_configuration": {"issuer": "x"}}, "jwtConfiguration is not supported"),
    ],
)
def test_an_authorizer_is_refused(members, message):
    api = make_api()
    with pytest.raises(BadRequest) as raised:
        make_authorizer(api, **members)
    assert message in raised.value.message


def test_an_authorizer_is_replaced_where_it_is_updated():
    api = make_api()
    authorizer = make_authorizer(api, identity_source=["context.stage"], authorizer_credentials_arn="arn:x")
    updated = operations.update_authorizer(
        api_id=api.pk,
        authorizer_id=authorizer.pk,
        authorizer_type="REQUEST",
        identity_source=["stageVariables.a"],
        authorizer_credentials_arn="",
    )
    assert updated.identity_source == ["stageVariables.a"]
    assert "authorizerCredentialsArn" not in updated.document()
    make_authorizer(api, name="second")
    with pytest.raises(Conflict, match="must be unique"):
        operations.update_authorizer(api_id=api.pk, authorizer_id=authorizer.pk, name="second")


def test_an_authorizer_that_a_route_uses_cannot_be_deleted():
    api = make_api()
    authorizer = make_authorizer(api)
    make_route(api, "$connect", authorization_type="CUSTOM", authorizer_id=authorizer.pk)
    message = r"^Cannot delete authorizer 'tokens', is referenced in route: \$connect$"
    with pytest.raises(Conflict, match=message):
        operations.delete_authorizer(api_id=api.pk, authorizer_id=authorizer.pk)


def test_an_api_has_at_most_10_authorizers():
    api = make_api()
    for number in range(10):
        make_authorizer(api, name=f"a{number}")
    with pytest.raises(TooMany, match="10"):
        make_authorizer(api, name="one more")


@pytest.mark.parametrize("operation", [operations.get_authorizer, operations.delete_authorizer])
def test_an_unknown_authorizer_is_not_found(operation):
    api = make_api()
    with pytest.raises(NotFound, match=r"^Invalid Authorizer identifier specified nope$"):
        operation(api_id=api.pk, authorizer_id="nope")
