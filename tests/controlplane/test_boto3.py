"""boto3, the AWS SDK for Python, builds, changes and deletes a whole API with only its endpoint changed."""

from datetime import UTC, datetime

import pytest
from botocore.exceptions import ClientError

from gatewayapp.controlplane import operations
from gatewayapp.models import Api
from tests.controlplane.builders import LAMBDA, make_api


def test_an_api_is_built_from_end_to_end(client, management_url):
    api = client.create_api(
        Name="chat",
        ProtocolType="WEBSOCKET",
        RouteSelectionExpression="$request.body.action",
        Description="rooms",
        Tags={"Team-Name": "blue"},
    )
    api_id = api["ApiId"]
    assert api["ApiEndpoint"] == management_url.replace("http", "ws") + f"/ws/{api_id}"
    assert api["Tags"] == {"Team-Name": "blue"}
    assert abs(api["CreatedDate"] - datetime.now(UTC)).total_seconds() < 60

    integration = client.create_integration(
        ApiId=api_id,
        IntegrationType="HTTP",
        IntegrationMethod="POST",
        IntegrationUri="http://${stageVariables.backend}/rooms",
        RequestParameters={"integration.request.header.X-Connection": "context.connectionId"},
        RequestTemplates={"$default": '{"fixed": true}'},
        TemplateSelectionExpression="\\$default",
    )
    assert integration["IntegrationResponseSelectionExpression"] == "${integration.response.statuscode}"
    assert integration["PassthroughBehavior"] == "WHEN_NO_MATCH"
    assert integration["TimeoutInMillis"] == 29000
    integration_id = integration["IntegrationId"]
    rule = client.create_integration_response(
        ApiId=api_id,
        IntegrationId=integration_id,
        IntegrationResponseKey="/2\\d\\d/",
        ResponseTemplates={"$default": "done"},
    )

    route = client.create_route(ApiId=api_id, RouteKey="room/join", Target=f"integrations/{integration_id}")
    response = client.create_route_response(ApiId=api_id, RouteId=route["RouteId"], RouteResponseKey="$default")
    client.create_route(
        ApiId=api_id, RouteKey="$connect", RequestParameters={"route.request.querystring.token": {"Required": True}}
    )

    deployment = client.create_deployment(ApiId=api_id, Description="first")
    assert deployment["DeploymentStatus"] == "DEPLOYED"
    assert deployment["AutoDeployed"] is False
    stage = client.create_stage(
        ApiId=api_id,
        StageName="prod",
        DeploymentId=deployment["DeploymentId"],
        StageVariables={"backend": "backend.example"},
        RouteSettings={"room/join": {"ThrottlingBurstLimit": 5, "ThrottlingRateLimit": 2.5}},
        Tags={"Env": "prod"},
    )
    assert stage["RouteSettings"]["room/join"] == {
        "DataTraceEnabled": False,
        "DetailedMetricsEnabled": False,
        "ThrottlingBurstLimit": 5,
        "ThrottlingRateLimit": 2.5,
    }

    assert client.get_api(ApiId=api_id)["Name"] == "chat"
    assert [item["ApiId"] for item in client.get_apis()["Items"]] == [api_id]
    assert {item["RouteKey"] for item in client.get_routes(ApiId=api_id)["Items"]} == {"room/join", "$connect"}
    assert (
        client.get_route_response(ApiId=api_id, RouteId=route["RouteId"], RouteResponseId=response["RouteResponseId"])[
            "RouteResponseKey"
        ]
        == "$default"
    )
    assert (
        client.get_integration_responses(ApiId=api_id, IntegrationId=integration_id)["Items"][0][
            "IntegrationResponseId"
        ]
        == rule["IntegrationResponseId"]
    )
    assert client.get_stage(ApiId=api_id, StageName="prod")["DeploymentId"] == deployment["DeploymentId"]

    client.delete_route_settings(ApiId=api_id, StageName="prod", RouteKey="room/join")
    assert client.get_stage(ApiId=api_id, StageName="prod")["RouteSettings"] == {}
    client.delete_api(ApiId=api_id)
    assert client.get_apis()["Items"] == []


def test_updates_change_only_what_they_name(client):
    api_id = make_api(description="before", version="1").pk
    client.update_api(ApiId=api_id, Version="2")
    api = client.get_api(ApiId=api_id)
    assert (api["Description"], api["Version"]) == ("before", "2")
    client.update_api(ApiId=api_id, Description="")
    assert "Description" not in client.get_api(ApiId=api_id)


def test_a_route_with_an_authorizer_and_a_model_is_kept_as_given(client):
    api_id = make_api().pk
    authorizer = client.create_authorizer(
        ApiId=api_id,
        Name="tokens",
        AuthorizerType="REQUEST",
        AuthorizerUri=LAMBDA,
        IdentitySource=["route.request.querystring.token"],
    )
    model = client.create_model(ApiId=api_id, Name="Join", ContentType="application/json", Schema='{"type": "object"}')
    route = client.create_route(
        ApiId=api_id, RouteKey="$connect", AuthorizationType="CUSTOM", AuthorizerId=authorizer["AuthorizerId"]
    )
    join = client.create_route(
        ApiId=api_id,
        RouteKey="join",
        ModelSelectionExpression="$request.body.action",
        RequestModels={"Join-Key": model["Name"]},
    )
    assert client.get_route(ApiId=api_id, RouteId=route["RouteId"])["AuthorizerId"] == authorizer["AuthorizerId"]
    assert client.get_route(ApiId=api_id, RouteId=join["RouteId"])["RequestModels"] == {"Join-Key": "Join"}
    assert client.get_model(ApiId=api_id, ModelId=model["ModelId"])["Schema"] == '{"type": "object"}'


def test_a_custom_domain_name_is_mapped_to_a_stage(client):
    api_id = make_api().pk
    client.create_stage(ApiId=api_id, StageName="prod")
    domain = client.create_domain_name(
        DomainName="*.example.com",
        DomainNameConfigurations=[{"CertificateArn": "arn:aws:acm:eu-west-1:000000000000:certificate/1"}],
    )
    assert domain["DomainNameConfigurations"][0]["DomainNameStatus"] == "AVAILABLE"
    assert domain["ApiMappingSelectionExpression"] == "$request.basepath"
    mapping = client.create_api_mapping(DomainName="*.example.com", ApiId=api_id, Stage="prod", ApiMappingKey="chat/v1")
    mappings = client.get_api_mappings(DomainName="*.example.com")["Items"]
    assert [item["ApiMappingId"] for item in mappings] == [mapping["ApiMappingId"]]
    client.delete_domain_name(DomainName="*.example.com")
    assert client.get_domain_names()["Items"] == []


def test_tags_are_added_and_removed_by_arn(client):
    api_id = make_api(tags={"a": "1"}).pk
    client.create_stage(ApiId=api_id, StageName="prod")
    for arn in (
        f"arn:aws:apigateway:eu-west-1::/apis/{api_id}",
        f"arn:aws:apigateway:eu-west-1::/apis/{api_id}/stages/prod",
    ):
        client.tag_resource(ResourceArn=arn, Tags={"b": "2", "c d": "3"})
        client.untag_resource(ResourceArn=arn, TagKeys=["a", "c d"])
        assert client.get_tags(ResourceArn=arn)["Tags"] == {"b": "2"}
    assert client.get_api(ApiId=api_id)["Tags"] == {"b": "2"}


def test_a_request_parameter_of_a_route_is_deleted_by_its_key(client):
    api_id = make_api().pk
    key = "route.request.querystring.token"
    route_id = client.create_route(ApiId=api_id, RouteKey="$connect", RequestParameters={key: {"Required": True}})[
        "RouteId"
    ]
    client.delete_route_request_parameter(ApiId=api_id, RouteId=route_id, RequestParameterKey=key)
    assert "RequestParameters" not in client.get_route(ApiId=api_id, RouteId=route_id)


def test_lists_are_paged_and_the_sdk_walks_them(client):
    names = [f"api {number}" for number in range(5)]
    for name in names:
        make_api(name=name)
    first = client.get_apis(MaxResults="2")
    assert [item["Name"] for item in first["Items"]] == names[:2]
    operations.delete_api(api_id=first["Items"][1]["ApiId"])
    second = client.get_apis(MaxResults="2", NextToken=first["NextToken"])
    assert [item["Name"] for item in second["Items"]] == names[2:4]
    last = client.get_apis(MaxResults="2", NextToken=second["NextToken"])
    assert [item["Name"] for item in last["Items"]] == names[4:]
    assert "NextToken" not in last
    pages = client.get_paginator("get_apis").paginate(PaginationConfig={"PageSize": 1})
    assert [item["Name"] for page in pages for item in page["Items"]] == [names[0], *names[2:]]


@pytest.mark.parametrize(
    "query", [{"MaxResults": "0"}, {"MaxResults": "many"}, {"NextToken": "x"}, {"NextToken": "W10="}]
)
def test_an_unreadable_page_is_a_bad_request(client, query):
    with pytest.raises(client.exceptions.BadRequestException):
        client.get_apis(**query)


def test_errors_arrive_as_the_classes_of_the_sdk(client):
    api_id = make_api().pk
    with pytest.raises(client.exceptions.NotFoundException, match="Invalid API identifier specified 000000000000:nope"):
        client.get_api(ApiId="nope")
    with pytest.raises(client.exceptions.NotFoundException, match="Invalid Route identifier specified nope"):
        client.get_route(ApiId=api_id, RouteId="nope")
    with pytest.raises(client.exceptions.BadRequestException, match="Must be one of"):
        client.create_api(Name="x", ProtocolType="GOPHER")
    client.create_route(ApiId=api_id, RouteKey="join")
    with pytest.raises(client.exceptions.ConflictException) as raised:
        client.create_route(ApiId=api_id, RouteKey="join")
    assert raised.value.response["Error"]["Message"] == "Route with key join already exists for this API"
    assert raised.value.response["ResponseMetadata"]["RequestId"]


def error_code(call, **arguments):
    with pytest.raises(ClientError) as raised:
        call(**arguments)
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    return raised.value.response["Error"]["Code"]


def test_strangers_and_forgers_are_refused(client_of):
    assert error_code(client_of(secret="x" * 40).get_apis) == "InvalidSignatureException"
    assert error_code(client_of(key_id="NPAKNOBODYNOBODYNOBO").get_apis) == "UnrecognizedClientException"


def test_a_revoked_key_is_refused(client_of, client):
    [key] = operations.get_access_keys()
    client.get_apis()
    operations.revoke_access_key(access_key_id=key.pk)
    assert error_code(client.get_apis) == "UnrecognizedClientException"


def test_a_key_does_only_what_its_permissions_allow(client_of):
    mine, other = make_api(), make_api()
    client = client_of(
        [
            {"action": "apigateway:GET", "resource": "*"},
            {"action": "apigateway:*", "resource": f"arn:aws:apigateway:*::/apis/{mine.pk}/*"},
        ]
    )
    client.create_route(ApiId=mine.pk, RouteKey="join")
    assert client.get_api(ApiId=other.pk)
    assert error_code(client.create_route, ApiId=other.pk, RouteKey="join") == "AccessDeniedException"
    assert error_code(client.delete_api, ApiId=mine.pk) == "AccessDeniedException"
    assert Api.objects.count() == 2
