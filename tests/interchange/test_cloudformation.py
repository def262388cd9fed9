"""Importing CloudFormation and SAM templates, from the file to what a stage serves."""

import json

import pytest

from gatewayapp.controlplane.operations import get_stage
from gatewayapp.core import snapshot
from gatewayapp.core.snapshot import ApiSnapshot
from gatewayapp.interchange import read_document
from gatewayapp.models import Api, Deployment
from tests.interchange.samples import (
    LAMBDA,
    REAL,
    http_integration,
    imported,
    members,
    part,
    problems,
    real,
    route,
    template,
)

pytestmark = pytest.mark.django_db


def served(api: Api, stage_name: str) -> ApiSnapshot:
    """What the stage's clients meet."""
    stage = get_stage(api_id=api.pk, stage_name=stage_name)
    assert stage.deployment is not None
    return snapshot.load(stage.deployment.snapshot)


def routes(found: ApiSnapshot) -> dict[str, tuple[str, bool]]:
    """Type of the integration, and whether it answers, by route key."""
    return {
        key: (found.integration.type if found.integration else "", found.two_way) for key, found in found.routes.items()
    }


# Whole templates, as tools and people write them.


def test_a_cdk_template_becomes_an_api_that_its_stage_serves():
    api, result = imported(real("cdk.json"))

    found = served(api, "prod")
    assert result.stages == ("prod",)
    assert routes(found) == {
        "$connect": ("AWS_PROXY", False),
        "send": ("AWS_PROXY", True),
        "$default": ("MOCK", False),
    }
    assert found.routes["$connect"].integration.lambda_uri.fixed.name == "ConnectHandler2FFD52D8"
    send = found.routes["send"].integration
    assert (send.lambda_uri.fixed.name, send.lambda_uri.fixed.qualifier) == ("chat-send", "live")
    assert (send.timeout, send.to_binary) == (10.0, False)
    assert get_stage(api_id=api.pk, stage_name="prod").auto_deploy
    assert api.tags == {"stack": "chat"}


def test_a_sam_template_becomes_an_api_on_the_stage_that_sam_calls_default():
    api, result = imported(real("sam.yaml"), TableName="people")

    found = served(api, "default")
    stage = get_stage(api_id=api.pk, stage_name="default")
    names = {key: found.integration.lambda_uri.fixed.name for key, found in found.routes.items()}
    assert result.stages == ("default",)
    assert names == {"$connect": "OnConnect", "$disconnect": "people-disconnect", "send": "OnSend"}
    assert found.routes["send"].integration.lambda_uri.fixed.qualifier == "live"
    assert found.routes["$connect"].required_parameters
    assert stage.stage_variables == {"table": "people"}
    assert stage.route_settings["send"]["throttlingRateLimit"] == 50


def test_a_template_of_the_serverless_framework_is_deployed_once():
    api, _ = imported(real("serverless.json"))

    found = served(api, "dev")
    assert routes(found) == {"$connect": ("AWS_PROXY", False), "send": ("AWS_PROXY", True)}
    assert found.routes["send"].integration.lambda_uri.fixed.name == "chat-dev-send"
    assert Deployment.objects.filter(api=api).count() == 1


@pytest.mark.parametrize(
    ("environment", "name", "description", "rate", "region_of_logs"),
    [
        ("dev", "chat-dev", "For nopal in us-east-1", 10, "/chat/dev"),
        ("prod", "chat-prod", "", 1000.5, "/chat/prod"),
    ],
)
def test_a_template_with_parameters_mappings_and_conditions(environment, name, description, rate, region_of_logs):
    api, _ = imported(real("by-hand.yaml"), Environment=environment, Timeout="1500")

    stage = get_stage(api_id=api.pk, stage_name=environment)
    found = served(api, environment)
    assert (api.name, api.description, api.disable_schema_validation) == (name, description, True)
    assert api.tags == {"team": "chat", "host": "chat-2.example.com"}
    assert set(found.routes) == {"$connect", "$default", "echo"}
    assert found.routes["$connect"].integration.timeout == 1.5
    assert found.routes["$connect"].integration.http_uri.source == "https://chat.example.com/connect"
    assert found.routes["$default"].two_way
    assert found.routes["$default"].integration == found.routes["echo"].integration
    assert stage.default_route_settings["throttlingRateLimit"] == rate
    assert stage.default_route_settings["loggingLevel"] == "INFO"
    assert stage.route_settings["$default"]["dataTraceEnabled"] is True
    assert stage.stage_variables == {"host": "chat.example.com", "port": "8080"}
    assert region_of_logs in stage.access_log_settings["destinationArn"]
    assert stage.tags == {"stage": environment}
    assert json.loads(api.models.get().schema)["properties"]["text"] == {"type": "string", "maxLength": 1000}


def test_what_was_left_out_is_told_in_words():
    _, result = imported(real("by-hand.yaml"))

    assert result.notes == (
        "Resources.Rest is left out: it is an HTTP API, and Nopal serves WebSocket APIs.",
        "Resources.Stage.StageVariables.endpoint is left out: it is the export 'other-stack-endpoint' of another "
        "stack; give it with the parameter other-stack-endpoint=VALUE.",
        "AWS::Logs::LogGroup (Logs) is left out: it is not part of a WebSocket API.",
        "AWS::EC2::SecurityGroup (Group) is left out: it is not part of a WebSocket API.",
    )


@pytest.mark.parametrize("name", REAL)
def test_reading_a_template_changes_nothing(name):
    read_document(real(name))

    assert not Api.objects.exists()


# What templates write differently from the wire.


def test_an_empty_member_is_as_if_it_were_not_there():
    text = template({"Mock": part("Integration", IntegrationType="MOCK", IntegrationUri="", Description="")})

    assert members(read_document(text), "Integration") == [{"integrationType": "MOCK"}]


@pytest.mark.parametrize("tags", [{"a": "1"}, [{"Key": "a", "Value": "1"}], {"a": 1}])
def test_tags_are_a_map_or_a_list(tags):
    (stage,) = members(read_document(template({"S": part("Stage", StageName="s", Tags=tags)})), "Stage")

    assert stage["tags"] == {"a": "1"}


@pytest.mark.parametrize("schema", [{"type": "object"}, '{"type":"object"}'])
def test_a_models_schema_is_an_object_or_a_text(schema):
    text = template({"M": part("Model", Name="M", Schema=schema)})

    assert members(read_document(text), "Model") == [{"name": "M", "schema": '{"type":"object"}'}]


@pytest.mark.parametrize(
    ("properties", "wire"),
    [
        ({"TimeoutInMillis": "1500"}, {"timeoutInMillis": 1500}),
        ({"IntegrationMethod": "POST", "PayloadFormatVersion": 1.0}, {"payloadFormatVersion": "1.0"}),
        ({"RequestParameters": {"integration.request.header.a": "'1'"}}, {}),
        ({"TlsConfig": {"ServerNameToVerify": "x"}}, {"tlsConfig": {"serverNameToVerify": "x"}}),
    ],
)
def test_members_are_written_as_texts_numbers_and_structures(properties, wire):
    (found,) = members(read_document(template({"I": http_integration(**properties)})), "Integration")

    assert found.items() >= wire.items()


@pytest.mark.parametrize(("written", "value"), [("true", True), ("False", False), ("yes", True), (True, True)])
def test_truth_values_may_be_texts(written, value):
    text = template({"S": part("Stage", StageName="s", AutoDeploy=written)})

    assert members(read_document(text), "Stage")[0]["autoDeploy"] is value


@pytest.mark.parametrize(
    ("stage", "deployment", "deployed"),
    [
        ({"DeploymentId": {"Ref": "D"}}, {}, True),
        ({"DeploymentId": {"Fn::GetAtt": ["D", "DeploymentId"]}}, {}, True),
        ({"AutoDeploy": True}, {}, False),
        ({}, {"StageName": "s"}, True),
        ({}, {"StageName": {"Ref": "S"}}, True),
        ({}, {}, False),
    ],
)
def test_a_stage_serves_the_draft_if_it_points_at_a_deployment_or_one_names_it(stage, deployment, deployed):
    text = template({"R": route(), "D": part("Deployment", **deployment), "S": part("Stage", StageName="s", **stage)})

    assert members(read_document(text), "Stage")[0]["deployed"] is deployed


def test_a_stage_without_a_deployment_serves_nothing_yet():
    api, _ = imported(template({"R": route(), "S": part("Stage", StageName="s")}))

    assert get_stage(api_id=api.pk, stage_name="s").deployment is None


def test_references_to_what_is_not_imported_become_arns_and_names():
    uri = {"Fn::Sub": "arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${F.Arn}/invocations"}
    text = template(
        {
            "F": {"Type": "AWS::Lambda::Function", "Properties": {"FunctionName": {"Fn::Sub": "${AWS::StackName}-f"}}},
            "Role": {"Type": "AWS::IAM::Role"},
            "Table": {"Type": "AWS::DynamoDB::Table"},
            "I": part(
                "Integration",
                IntegrationType="AWS_PROXY",
                IntegrationUri=uri,
                CredentialsArn={"Fn::GetAtt": ["Role", "Arn"]},
                Description={"Ref": "Table"},
            ),
        }
    )

    assert members(read_document(text), "Integration") == [
        {
            "integrationType": "AWS_PROXY",
            "integrationUri": LAMBDA.format("nopal-f"),
            "credentialsArn": "arn:aws:iam::000000000000:role/Role",
            "description": "Table",
        }
    ]


def test_ids_that_are_not_known_yet_are_filled_in_when_the_api_is_made(settings):
    settings.NOPAL_API_ENDPOINT = "wss://{api_id}.example.com"
    variables = {"id": {"Ref": "Api"}, "url": {"Fn::GetAtt": ["Api", "ApiEndpoint"]}, "route": {"Ref": "R"}}
    text = template({"R": route(), "S": part("Stage", StageName="s", StageVariables=variables)})

    api, _ = imported(text)

    assert get_stage(api_id=api.pk, stage_name="s").stage_variables == {
        "id": api.pk,
        "url": f"wss://{api.pk}.example.com",
        "route": api.routes.get().pk,
    }


def test_resources_may_stand_in_any_order_and_depend_on_one_another():
    resources = {
        "S": {**part("Stage", StageName="s", DeploymentId={"Ref": "D"}), "DependsOn": "R"},
        "D": {**part("Deployment"), "DependsOn": ["R", "Response"]},
        "Response": part("RouteResponse", RouteId={"Ref": "R"}, RouteResponseKey="$default"),
        "R": route(Target={"Fn::Sub": "integrations/${I}"}),
        "I": http_integration(),
    }

    api, _ = imported(template(resources))

    assert routes(served(api, "s")) == {"$default": ("HTTP_PROXY", True)}


def test_of_several_apis_one_is_chosen_by_its_logical_id():
    other = {"Name": "other", "ProtocolType": "WEBSOCKET", "RouteSelectionExpression": "$request.body.do"}
    text = template({"Other": {"Type": "Api", "Properties": other}, "R": route()})

    plan = read_document(text, api="Other")

    assert plan.definition.api.members["name"] == "other"
    assert members(plan, "Route") == []
    assert "Resources.R is left out: its ApiId is not that of Other." in plan.notes
    assert problems(text) == ["Resources: The template has several WebSocket APIs: Api, Other. Choose one by its name."]


def test_members_that_nopal_has_not_are_left_out_with_their_place():
    text = template(
        {
            "R": route(AuthorizationScopes=["a"], Colour="red"),
            "S": part("Stage", StageName="s", AccessLogSettings={"X": 1}),
        }
    )

    assert read_document(text).notes == (
        "Resources.R.AuthorizationScopes is left out: only HTTP APIs have it.",
        "Resources.R.Colour is left out: Nopal's Route has no such member.",
        "Resources.S.AccessLogSettings.X is left out: Nopal has no such member.",
    )


def test_domain_names_are_left_out_and_it_is_told_how_to_make_them():
    mapping = {"DomainName": {"Ref": "Domain"}, "ApiId": {"Ref": "Api"}, "Stage": "s"}
    text = template(
        {
            "Domain": {"Type": "DomainName", "Properties": {"DomainName": "ws.example.com"}},
            "Mapping": {"Type": "ApiMapping", "Properties": mapping},
        }
    )

    assert read_document(text).notes == (
        "AWS::ApiGatewayV2::DomainName (Domain) is left out: create it with create-domain-name, once its name leads to "
        "Nopal.",
        "AWS::ApiGatewayV2::ApiMapping (Mapping) is left out: create it with create-api-mapping, once the domain name "
        "exists.",
    )


# What is refused.


@pytest.mark.parametrize(
    ("resources", "message"),
    [
        (
            {"R": route(Target={"Fn::Sub": "integrations/${I}"})},
            "Resources.I: The template refers to 'I', which it has",
        ),
        (
            {"R": route("$connect", AuthorizerId={"Ref": "R2"}), "R2": route()},
            "refers to the id of R2, which is created after",
        ),
        ({"R": route(Target="integrations/abc1234")}, "Resources.R: Invalid target 'integrations/abc1234'"),
        ({"R": route("a b")}, "Resources.R: Invalid routeKey 'a b'"),
        ({"R": route(), "R2": route()}, "Resources.R2: Route with key $default already exists for this API"),
        ({"I": http_integration(IntegrationUri="ftp://x")}, "Resources.I: 'ftp://x': an HTTP integration's URI begins"),
        (
            {"I": http_integration(TimeoutInMillis="soon")},
            "Resources.I: timeoutInMillis must be a whole number 50-29000.",
        ),
        ({"S": part("Stage", StageName="s", DeploymentId={"Ref": "D"}), "D": part("Deployment")}, "no routes exist"),
        ({"S": part("Stage", StageName="s", AutoDeploy=True)}, "Resources.S: Unable to deploy API because no routes"),
        (
            {"X": part("RouteResponse", RouteResponseKey="$default")},
            "Resources.X.RouteId: It names no resource of this",
        ),
        ({"S": part("Stage", StageName={"Ref": "S"})}, "Resources: A circle of references, none of which can be made"),
        (
            {"A": route(Target={"Fn::Sub": "x/${B}"}), "B": http_integration(Description={"Ref": "A"})},
            "Resources: A circle of references, none of which can be made first: A → B → A.",
        ),
        ({"A": {**route(), "DependsOn": "B"}, "B": {**route("b"), "DependsOn": ["A"]}}, "A circle of references"),
        ({"R": {**route(), "Condition": "No"}}, "Resources.R.Condition: The template has no condition 'No'"),
        ({"R": {"Type": "Route", "Properties": "x"}}, "Resources.R.Properties: Properties are a mapping."),
        (
            {
                "L": {"Type": "AWS::ElasticLoadBalancingV2::LoadBalancer"},
                "I": http_integration(IntegrationUri={"Fn::Sub": "http://${L.DNSName}/"}),
            },
            "Resources.L: Only AWS knows the DNSName of this AWS::ElasticLoadBalancingV2::LoadBalancer: give it with "
            "the parameter L.DNSName=VALUE.",
        ),
    ],
)
def test_a_template_that_cannot_be_imported_says_where_and_why(resources, message):
    found = problems(template(resources))

    assert any(message in problem for problem in found), found
    assert not Api.objects.exists()


def test_all_problems_are_told_at_once():
    resources = {
        "A": http_integration(IntegrationUri="ftp://x"),
        "B": http_integration(TimeoutInMillis=10),
        "RouteOfA": route("a", Target={"Fn::Sub": "integrations/${A}"}),
        "C": route("b c"),
    }

    assert [problem.split(":")[0] for problem in problems(template(resources))] == [
        "Resources.A",
        "Resources.B",
        "Resources.C",
    ]


def test_a_condition_that_does_not_hold_leaves_the_resource_out():
    text = template({"R": {**route(), "Condition": "No"}}, Conditions={"No": {"Fn::Equals": ["a", "b"]}})

    assert members(read_document(text), "Route") == []


def test_a_reference_to_a_resource_whose_condition_does_not_hold_is_refused():
    text = template(
        {"I": {**http_integration(), "Condition": "No"}, "R": route(Target={"Fn::Sub": "integrations/${I}"})},
        Conditions={"No": {"Fn::Equals": ["a", "b"]}},
    )

    assert problems(text) == ["Resources.I: It is referred to, but its condition No does not hold."]


def test_parameters_that_the_template_has_no_use_for_are_refused():
    text = template(Parameters={"Known": {"Type": "String", "Default": "x"}})

    assert problems(text, Unknown="1") == [
        "Parameters: The template has no use for the parameter 'Unknown'; it has: Known."
    ]


def test_a_template_of_velocity_is_refused_where_it_would_be_deployed():
    integration = part("Integration", IntegrationType="MOCK", RequestTemplates={"$default": "$input.body"})
    resources = {"I": integration, "R": route(Target={"Fn::Sub": "integrations/${I}"})}
    stage = {"S": part("Stage", StageName="s", AutoDeploy=True)}

    assert problems(template({**resources, **stage}))[0].startswith(
        "Resources.S: Unable to deploy API: Integration I: The template uses Velocity on line 1"
    )
    api, _ = imported(template(resources))
    assert api.integrations.get().request_templates == {"$default": "$input.body"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1", "This document is of no format that Nopal knows."),
        ("asyncapi: 3.0.0", "This is an AsyncAPI document, which Nopal writes but does not read"),
        ("openapi: 3.0.1", "This is an OpenAPI document, which describes HTTP APIs."),
        ("service: x\nprovider: {name: aws}", "This is a serverless.yml: run `serverless package` and import"),
        ("Resources: []", "Resources: This section is a mapping of logical ids to resources."),
        ("Resources: {A: 1}", "Resources.A: A resource is a mapping with a Type."),
        ("Resources: {'Fn::ForEach::A': [a, [b], {}]}", "Resources.Fn::ForEach::A: Nopal does not expand it"),
        ("Resources: {}", "Resources: The template has no WebSocket API"),
        (
            "Resources: {A: {Type: AWS::ApiGatewayV2::Api, Properties: {Name: x, ProtocolType: HTTP}}}",
            "no WebSocket API",
        ),
        ("Resources: {A: {Type: X}}\nConditions: []", "Conditions: This section is a mapping."),
    ],
)
def test_documents_of_no_use_are_refused_with_what_to_do(text, message):
    (problem,) = problems(text)

    assert message in problem


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ("{RouteSelectionExpression: x, Routes: {a-b: {FunctionArn: x}}}", "Route key 'a-b' must be alphanumeric."),
        ("{RouteSelectionExpression: x}", "Missing required property 'Routes'."),
        ("{RouteSelectionExpression: x, Routes: {a: text}}", "The SAM translator cannot read"),
    ],
)
def test_what_the_sam_translator_refuses_is_told(properties, message):
    resource = f"{{Type: AWS::Serverless::WebSocketApi, Properties: {properties}}}"
    text = f"Transform: AWS::Serverless-2016-10-31\nResources: {{A: {resource}}}"

    (problem,) = problems(text)

    assert message in problem
