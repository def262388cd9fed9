"""Two tenants in one installation: a key that names one API and one domain name touches and sees no other.

What another tenant has, and what nobody has, answer alike.
"""

import pytest
from django.db import transaction

from gatewayapp.controlplane import operations
from gatewayapp.controlplane.api.table import OPERATIONS
from gatewayapp.core.limits import camel
from gatewayapp.models import ApiMapping
from tests.controlplane.builders import LAMBDA, make_api, make_deployment, make_integration, make_route, make_stage
from tests.controlplane.wire import HOST, Caller

TOP_LEVEL = {"GetApis", "GetDomainNames"}
NOT_A_TENANT_S = {"CreateApi", "ImportApi", "CreateDomainName"} | {
    operation.name for operation in OPERATIONS if "VpcLink" in operation.name
}
"""Operations on no resource of theirs: keys like these may not call them at all."""


class Tenant:
    """An API with everything in it, a domain name, and the key for both."""

    def __init__(self, domain_name: str) -> None:
        api = make_api(name=domain_name)
        integration = make_integration(api, integration_type="MOCK")
        route = make_route(api, "$connect", request_parameters={"route.request.header.a": {"required": True}})
        make_stage(api, route_settings={"$connect": {}})
        names = {"api_id": api.pk, "integration_id": integration.pk, "route_id": route.pk}
        response = {"api_id": api.pk, "route_id": route.pk, "route_response_key": "$default"}
        rule = {"api_id": api.pk, "integration_id": integration.pk, "integration_response_key": "$default"}
        authorizer = {"name": "a", "authorizer_type": "REQUEST", "authorizer_uri": LAMBDA, "identity_source": []}
        operations.create_domain_name(domain_name=domain_name)
        mapping = operations.create_api_mapping(domain_name=domain_name, api_id=api.pk, stage="prod")
        self.api_id, self.domain_name = api.pk, domain_name
        self.labels = names | {
            "authorizer_id": operations.create_authorizer(api_id=api.pk, **authorizer).pk,
            "deployment_id": make_deployment(api).pk,
            "integration_response_id": operations.create_integration_response(**rule).pk,
            "model_id": operations.create_model(api_id=api.pk, name="Join", schema="{}").pk,
            "route_response_id": operations.create_route_response(**response).pk,
            "stage_name": "prod",
            "route_key": "$connect",
            "request_parameter_key": "route.request.header.a",
            "domain_name": domain_name,
            "api_mapping_id": mapping.pk,
            "resource_arn": f"arn:aws:apigateway:us-east-1::/apis/{api.pk}",
            "specification": "OAS30",
            "vpc_link_id": "x",
        }
        self.call = Caller.who_may(
            ("apigateway:*", f"arn:aws:apigateway:*::/apis/{api.pk}*"),
            ("apigateway:*", f"arn:aws:apigateway:*::/domainnames/{domain_name}*"),
        )

    def path(self, operation) -> str:
        """The operation's path with this tenant's names as labels."""
        labels = {camel(label): value for label, value in self.labels.items()}
        segments = (labels[each.strip("{+}")] if each.startswith("{") else each for each in operation.segments)
        return "/v2/" + "/".join(segments)


@pytest.fixture
def ann(db, settings) -> Tenant:
    settings.ALLOWED_HOSTS = [HOST]
    return Tenant("ann.example.com")


@pytest.fixture
def bob(ann) -> Tenant:
    return Tenant("bob.example.com")


def test_every_operation_is_a_tenant_s_own(ann, bob):
    answers = {operation.name: (asked(ann, operation, bob), asked(bob, operation, bob)) for operation in OPERATIONS}

    for name, (stranger, owner) in answers.items():
        if name in TOP_LEVEL:
            assert (stranger.status_code, owner.status_code) == (200, 200)
            assert "bob" not in stranger.content.decode()
            assert "bob" in owner.content.decode()
        else:
            assert (stranger.status_code, stranger["x-amzn-ErrorType"]) == (403, "AccessDeniedException"), name
            assert (owner.status_code == 403) == (name in NOT_A_TENANT_S), name


def asked(caller, operation, owner):
    """The answer to the caller's call of an operation on what the owner has; what it changes is undone."""
    path = owner.path(operation)
    body = {"apiId": owner.api_id, "stage": "prod", "tags": {}} if operation.method in ("POST", "PATCH") else None
    with transaction.atomic():
        answer = caller.call(operation.method, path, body)
        transaction.set_rollback(True)
    return answer


def test_lists_show_what_the_key_may_read_page_by_page(ann, bob):
    more = [make_api(name=f"ann {number}") for number in range(3)]
    call = Caller.who_may(*(("apigateway:GET", f"arn:aws:apigateway:*::/apis/{api.pk}") for api in more))

    first = call("GET", "/v2/apis?maxResults=2").json()
    last = call("GET", f"/v2/apis?maxResults=2&nextToken={first['nextToken']}").json()

    assert [item["name"] for item in first["items"] + last["items"]] == ["ann 0", "ann 1", "ann 2"]
    assert call("GET", "/v2/domainnames").json() == {"items": []}


def test_a_key_for_connections_lists_nothing(ann):
    call = Caller.who_may(("execute-api:*", "*"))
    assert call("GET", "/v2/apis")["x-amzn-ErrorType"] == "AccessDeniedException"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v2/apis/{}"),
        ("DELETE", "/v2/apis/{}"),
        ("GET", "/v2/apis/{}/routes"),
        ("GET", "/v2/apis/{}/stages/prod"),
        ("GET", "/v2/tags/arn:aws:apigateway:us-east-1::/apis/{}"),
    ],
)
def test_a_foreign_api_answers_as_one_that_does_not_exist(ann, bob, method, path):
    foreign = ann.call(method, path.format(bob.api_id))
    unknown = ann.call(method, path.format("zzzzzzzzzz"))
    assert foreign.status_code == unknown.status_code == 403
    assert foreign.json()["message"].replace(bob.api_id, "zzzzzzzzzz") == unknown.json()["message"]


@pytest.mark.parametrize("api_id", ["{}", "zzzzzzzzzz"])
@pytest.mark.parametrize("update", [False, True])
def test_a_foreign_api_cannot_be_mapped_to_one_s_own_domain_name(ann, bob, api_id, update):
    body = {"apiId": api_id.format(bob.api_id), "stage": "prod", "apiMappingKey": "bob"}
    path = f"/v2/domainnames/{ann.domain_name}/apimappings"

    path = f"{path}/{ann.labels['api_mapping_id']}" if update else path
    answer = ann.call("PATCH" if update else "POST", path, body)

    assert (answer.status_code, answer["x-amzn-ErrorType"]) == (403, "AccessDeniedException")
    assert ApiMapping.objects.filter(domain_name=ann.domain_name).get().api_id == ann.api_id


@pytest.mark.parametrize(
    "detour",
    [
        "/v2/apis/{own}/../{other}",
        "/v2/apis/{own}%2F..%2F{other}",
        "/v2/apis/{own}%00/{other}",
        "/v2//apis/{other}",
        "/v2/apis/./{other}",
        "/v2/tags/arn:aws:apigateway:us-east-1::/apis/{own}::/apis/{other}",
        "/v2/tags/arn:aws:apigateway:us-east-1::/apis/{other}?x=::/apis/{own}",
    ],
)
def test_no_detour_of_a_path_leads_to_a_foreign_api(ann, bob, detour):
    answer = ann.call("GET", detour.format(own=ann.api_id, other=bob.api_id))
    assert answer.status_code in (400, 403, 404)
    assert "bob" not in answer.content.decode()


@pytest.mark.parametrize(
    ("operation", "labels"),
    [
        ("get_route", {"route_id"}),
        ("get_integration", {"integration_id"}),
        ("get_model", {"model_id"}),
        ("get_model_template", {"model_id"}),
        ("get_authorizer", {"authorizer_id"}),
        ("get_deployment", {"deployment_id"}),
        ("get_route_response", {"route_id", "route_response_id"}),
        ("get_integration_response", {"integration_id", "integration_response_id"}),
    ],
)
def test_a_part_of_a_foreign_api_is_not_found_under_one_s_own(ann, bob, operation, labels):
    names = {label: bob.labels[label] for label in labels}
    with pytest.raises(operations.NotFound):
        getattr(operations, operation)(api_id=ann.api_id, **names)


def test_a_route_cannot_point_at_foreign_integrations_or_authorizers(ann, bob):
    own = f"/v2/apis/{ann.api_id}"
    target = {"target": f"integrations/{bob.labels['integration_id']}"}
    authorizer = {"authorizationType": "CUSTOM", "authorizerId": bob.labels["authorizer_id"]}
    for members in (target, authorizer):
        answer = ann.call("PATCH", f"{own}/routes/{ann.labels['route_id']}", members)
        assert (answer.status_code, answer["x-amzn-ErrorType"]) == (400, "BadRequestException")


def test_a_stage_cannot_serve_a_foreign_deployment(ann, bob):
    path = f"/v2/apis/{ann.api_id}/stages/prod"
    assert ann.call("PATCH", path, {"deploymentId": bob.labels["deployment_id"]}).status_code == 404
