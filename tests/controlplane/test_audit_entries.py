"""The audit log: each change, through whichever door, adds exactly one entry, and no secret is in it."""

import json

import pytest
from django.core.management import call_command

from gatewayapp.controlplane import operations
from gatewayapp.controlplane.api.table import OPERATIONS
from gatewayapp.controlplane.operations.actors import Actor, acting
from gatewayapp.controlplane.operations.changes import one_change, one_change_of
from gatewayapp.core.masking import REDACTED
from gatewayapp.models import AuditEntry
from tests.controlplane.builders import LAMBDA, make_api, make_deployment, make_integration, make_route, make_stage
from tests.controlplane.test_wire import call  # noqa: F401  (a fixture)

pytestmark = pytest.mark.django_db

CANARY = "swordfish-5c1b"


def entry() -> AuditEntry:
    """The only entry since the last `forget`."""
    [only] = AuditEntry.objects.all()
    return only


def forget() -> None:
    AuditEntry.objects.all().delete()


def world() -> dict[str, str]:
    """One of everything, each ready to be changed; labels of paths by name."""
    api = make_api(tags={"a": "1"})
    key = {"api_id": api.pk}
    integration = make_integration(api, integration_type="MOCK")
    unused = make_integration(api, integration_type="MOCK")
    unused_response = operations.create_integration_response(
        **key, integration_id=unused.pk, integration_response_key="$default"
    )
    route = make_route(
        api, "$connect", target=f"integrations/{integration.pk}", request_parameters={"route.request.header.a": {}}
    )
    plain = make_route(api, "join")
    response = operations.create_route_response(**key, route_id=plain.pk, route_response_key="$default")
    authorizer = operations.create_authorizer(
        **key, name="gate", authorizer_type="REQUEST", authorizer_uri=LAMBDA, identity_source=[]
    )
    model = operations.create_model(**key, name="Note", schema="{}")
    deployment = make_deployment(api)
    make_stage(api, "prod", route_settings={"join": {}})
    make_stage(api, "spare")
    domain = operations.create_domain_name(domain_name="ws.example.com")
    mapping = operations.create_api_mapping(domain_name=domain.pk, api_id=api.pk, stage="prod")
    return {
        "apiId": api.pk,
        "integrationId": unused.pk,
        "integrationResponseId": unused_response.pk,
        "routeId": plain.pk,
        "connectRouteId": route.pk,
        "routeResponseId": response.pk,
        "authorizerId": authorizer.pk,
        "modelId": model.pk,
        "deploymentId": deployment.pk,
        "stageName": "prod",
        "domainName": domain.pk,
        "apiMappingId": mapping.pk,
        "routeKey": "join",
        "requestParameterKey": "route.request.header.a",
        "resourceArn": f"arn:aws:apigateway:us-east-1::/apis/{api.pk}",
    }


BODIES = {
    "create_api": {"name": "x", "protocolType": "WEBSOCKET", "routeSelectionExpression": "$request.body.action"},
    "create_authorizer": {"name": "x", "authorizerType": "REQUEST", "authorizerUri": LAMBDA, "identitySource": []},
    "create_integration": {"integrationType": "MOCK"},
    "create_integration_response": {"integrationResponseKey": "/5../"},
    "create_model": {"name": "Other", "schema": "{}"},
    "create_route": {"routeKey": "leave"},
    "create_route_response": {"routeResponseKey": "$default"},
    "create_stage": {"stageName": "new"},
    "create_domain_name": {"domainName": "new.example.com"},
    "create_api_mapping": {"stage": "prod", "apiMappingKey": "other"},
    "update_api_mapping": {"apiMappingKey": "changed"},
    "tag_resource": {"tags": {"b": "2"}},
}
CHANGES = [
    operation
    for operation in OPERATIONS
    if operation.method != "GET" and not operation.function.__name__.startswith("refuse_")
]


@pytest.mark.parametrize("operation", CHANGES, ids=lambda operation: operation.function.__name__)
def test_each_management_call_adds_exactly_one_entry(call, operation):  # noqa: F811
    name, labels = operation.function.__name__, world()
    if name in ("delete_api", "delete_stage"):
        operations.delete_api_mapping(domain_name=labels["domainName"], api_mapping_id=labels["apiMappingId"])
    if name == "create_route_response":
        operations.delete_route_response(
            api_id=labels["apiId"], route_id=labels["routeId"], route_response_id=labels["routeResponseId"]
        )
    if name == "delete_route_request_parameter":
        labels["routeId"] = labels["connectRouteId"]
    body = dict(BODIES.get(name, {}))
    if "api_mapping" in name:
        body["apiId"] = labels["apiId"]
    path = "/v2/" + "/".join(labels[part.strip("{+}")] if "{" in part else part for part in operation.segments)
    forget()

    query = "?tagKeys=a" if name == "untag_resource" else ""
    response = call(operation.method, path + query, body if operation.method != "DELETE" else None)

    assert response.status_code == operation.status, response.content
    found = entry()
    assert found.action == name.title().replace("_", "")
    assert (found.actor_kind, found.actor_name, found.source_address) == ("access-key", "tests", "127.0.0.1")
    assert found.resource.startswith("arn:aws:apigateway:us-east-1::/")
    assert (found.before is None) == name.startswith("create_")
    gone = ("delete_api", *(f"delete_{kind}" for kind in ("route", "stage", "model", "integration", "authorizer")))
    if name in gone:
        assert found.after is None


def test_reading_and_what_is_refused_add_nothing(call):  # noqa: F811
    api = make_api()
    forget()
    call("GET", f"/v2/apis/{api.pk}")
    call("PATCH", f"/v2/apis/{api.pk}", {"name": ""})
    call("DELETE", "/v2/apis/nope")
    call("DELETE", f"/v2/apis/{api.pk}", sign=False)
    assert not AuditEntry.objects.exists()


def test_an_entry_says_what_was_and_what_is():
    api = make_api(name="chat")
    forget()
    operations.update_api(api_id=api.pk, name="talk")
    found = entry()
    assert (found.before["name"], found.after["name"]) == ("chat", "talk")
    assert (found.api_id, found.resource) == (api.pk, f"arn:aws:apigateway:us-east-1::/apis/{api.pk}")


def test_deploying_automatically_is_part_of_the_change_that_caused_it():
    api = make_api()
    make_route(api)
    make_stage(api, auto_deploy=True)
    forget()
    make_route(api, "join")
    assert entry().action == "CreateRoute"
    assert api.deployments.filter(auto_deployed=True).count() == 2


def test_a_deployment_tells_the_stage_that_it_went_to():
    api = make_api()
    make_route(api)
    make_stage(api, "prod")
    for stage_name in ("prod", None):
        forget()
        operations.create_deployment(api_id=api.pk, stage_name=stage_name)
        found = entry()
        assert (found.action, found.before, found.after.get("stageName")) == ("CreateDeployment", None, stage_name)


def test_a_change_that_consists_of_several_is_one_entry():
    with one_change("ImportApi") as change:
        api = make_api()
        make_route(api)
        change.path = f"/apis/{api.pk}"
    assert entry().action == "ImportApi"


def test_what_several_operations_do_to_one_resource_is_one_entry_without_secrets():
    api = make_api()
    stage = make_stage(api, stage_variables={"apiToken": CANARY}, tags={"a": "1"})
    names = {"api_id": api.pk, "stage_name": stage.stage_name}
    arn = f"arn:aws:apigateway:us-east-1::/apis/{api.pk}/stages/{stage.stage_name}"
    forget()
    with one_change_of("UpdateStage", lambda: operations.get_stage(**names)):
        operations.update_stage(**names, stage_variables={"apiToken": f"{CANARY}-2", "backend": "example.com"})
        operations.untag_resource(resource_arn=arn, tag_keys=["a"])
        operations.tag_resource(resource_arn=arn, tags={"b": "2"})
    found = entry()
    assert (found.action, found.resource) == ("UpdateStage", arn)
    assert (found.before["tags"], found.after["tags"]) == ({"a": "1"}, {"b": "2"})
    assert found.after["stageVariables"] == {"apiToken": REDACTED, "backend": "example.com"}
    assert CANARY not in json.dumps([found.before, found.after])


def test_what_is_refused_within_a_change_takes_all_of_it_back():
    api = make_api(name="chat")
    forget()

    def rename_twice():
        with one_change_of("UpdateApi", lambda: operations.get_api(api_id=api.pk)):
            operations.update_api(api_id=api.pk, name="talk")
            operations.update_api(api_id=api.pk, name="")

    with pytest.raises(operations.BadRequest):
        rename_twice()
    assert operations.get_api(api_id=api.pk).name == "chat"
    assert not AuditEntry.objects.exists()


def test_the_entry_names_whoever_acts_and_from_where():
    with acting(lambda: Actor("user", "7", "ann", "192.0.2.1")):
        make_api()
    found = entry()
    assert (found.actor_kind, found.actor_id, found.actor_name, found.source_address) == (
        "user",
        "7",
        "ann",
        "192.0.2.1",
    )


def test_a_command_acts_as_the_system_s_user():
    call_command("createaccesskey", "backend", "--json")
    found = entry()
    assert (found.action, found.actor_kind, found.after["name"]) == ("CreateAccessKey", "command", "backend")
    assert found.actor_id


def test_no_secret_is_taken_down():
    api = make_api()
    _, secret = operations.create_access_key(name="backend")
    integration = make_integration(
        api,
        integration_type="HTTP_PROXY",
        integration_method="POST",
        integration_uri=f"http://backend.example/?api_key={CANARY}&room=1",
        request_parameters={
            "integration.request.header.Authorization": f"'Bearer {CANARY}'",
            "integration.request.header.x-room": "'blue'",
        },
    )
    make_stage(api, stage_variables={"apiToken": CANARY, "backend": "example.com"})
    operations.delete_integration(api_id=api.pk, integration_id=integration.pk)
    log = json.dumps(list(AuditEntry.objects.values()), default=str)
    assert CANARY not in log
    assert secret not in log
    for kept in ("'blue'", "room=1", "example.com"):
        assert kept in log
