"""The pages of routes: a target, two ways, and who may connect."""

import pytest
from django.test import Client

from gatewayapp.controlplane import operations
from gatewayapp.models import Api, AuditEntry, Integration, Route
from tests.dashboard.forms import errors, page, path_of, send

LAMBDA = (
    "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/"
    "arn:aws:lambda:us-east-1:000000000000:function:who/invocations"
)


@pytest.fixture
def integration(api: Api) -> Integration:
    return operations.create_integration(api_id=api.api_id, integration_type="MOCK", description="the mock")


@pytest.fixture
def new(api: Api) -> str:
    return f"/apis/{api.api_id}/routes/new"


def test_a_route_is_made_with_a_target_and_a_response(signed_in: Client, new: str, integration: Integration) -> None:
    assert "the mock" in page(signed_in, new)

    response = send(signed_in, new, route_key="send", target=f"integrations/{integration.pk}", two_way="on")

    [route] = Route.objects.all()
    assert path_of(response) == f"/apis/{route.api_id}/routes/{route.pk}"
    assert route.integration == integration
    assert route.route_responses.get().route_response_key == "$default"
    assert "two-way" in response.content.decode()


def test_a_target_may_be_asked_for_in_the_address(signed_in: Client, new: str, integration: Integration) -> None:
    form = signed_in.get(f"{new}?target=integrations/{integration.pk}").context["form"]

    assert form["target"].value() == f"integrations/{integration.pk}"


@pytest.mark.parametrize("switch", [True, False])
def test_the_two_way_switch_makes_and_deletes_the_response(signed_in: Client, api: Api, switch: bool) -> None:
    route = operations.create_route(api_id=api.api_id, route_key="send")
    if not switch:
        operations.create_route_response(api_id=api.api_id, route_id=route.pk, route_response_key="$default")

    send(signed_in, _edit(route), route_key="send", **({"two_way": "on"} if switch else {}))

    assert route.route_responses.exists() is switch
    assert not AuditEntry.objects.filter(action="UpdateRoute").exists()


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"route_key": "$other"}, "route_key", "Invalid routeKey '$other'"),
        ({"route_key": ""}, "route_key", "routeKey is required."),
        ({"route_key": "taken"}, "route_key", "Route with key taken already exists for this API"),
        ({"route_key": "x", "target": "integrations/gone123"}, "target", "the API has no integration gone123"),
        ({"route_key": "x", "authorization_type": "AWS_IAM"}, "authorization_type", "restricted to the $connect route"),
        ({"route_key": "$connect", "authorization_type": "CUSTOM"}, "authorizer_id", "needs the authorizerId"),
        (
            {
                "route_key": "x",
                "request_parameters-key": ["route.request.querystring.token"],
                "request_parameters-required": ["true"],
            },
            "request_parameters",
            "supported on the $connect route only",
        ),
        (
            {"route_key": "$connect", "request_parameters-key": ["nonsense"], "request_parameters-required": ["true"]},
            "request_parameters",
            "Invalid requestParameters",
        ),
        ({"route_key": "x", "operation_name": "o" * 65}, "operation_name", "operationName must have 0-64 characters"),
    ],
)
def test_what_is_refused_stands_at_its_field(
    signed_in: Client, api: Api, new: str, fields: dict[str, str | list[str]], field: str, words: str
) -> None:
    operations.create_route(api_id=api.api_id, route_key="taken")

    response = send(signed_in, new, **fields)

    found = errors(response)
    assert list(found) == [field]
    assert words in found[field][0]
    typed = [value for name, value in fields.items() if name in ("route_key", "operation_name")]
    assert all(f'value="{value}"' in response.content.decode() for value in typed if value)
    assert Route.objects.count() == 1


def test_an_authorizer_and_parameters_guard_the_connect_route(signed_in: Client, api: Api, new: str) -> None:
    authorizer = operations.create_authorizer(
        api_id=api.api_id, name="who", authorizer_type="REQUEST", authorizer_uri=LAMBDA, identity_source=[]
    )

    send(
        signed_in,
        new,
        route_key="$connect",
        authorization_type="CUSTOM",
        authorizer_id=authorizer.pk,
        **{
            "request_parameters-key": ["route.request.querystring.token", "route.request.header.X-Who", ""],
            "request_parameters-required": ["true", "false", "true"],
        },
    )

    route = Route.objects.get()
    assert route.authorizer == authorizer
    assert route.request_parameters == {
        "route.request.querystring.token": {"required": True},
        "route.request.header.X-Who": {"required": False},
    }


def test_parameters_that_are_taken_out_are_deleted(signed_in: Client, api: Api) -> None:
    route = operations.create_route(
        api_id=api.api_id,
        route_key="$connect",
        request_parameters={
            "route.request.querystring.a": {"required": True},
            "route.request.querystring.b": {"required": True},
        },
    )

    send(
        signed_in,
        _edit(route),
        route_key="$connect",
        **{"request_parameters-key": ["route.request.querystring.b"], "request_parameters-required": ["true"]},
    )

    route.refresh_from_db()
    assert route.request_parameters == {"route.request.querystring.b": {"required": True}}


def test_a_refused_change_changes_nothing_at_all(signed_in: Client, api: Api) -> None:
    """The switch and the members are one change to whoever saves."""
    operations.create_route(api_id=api.api_id, route_key="taken")
    route = operations.create_route(api_id=api.api_id, route_key="send")

    response = send(signed_in, _edit(route), route_key="taken", two_way="on")

    assert list(errors(response)) == ["route_key"]
    assert not route.route_responses.exists()
    route.refresh_from_db()
    assert route.route_key == "send"


def _edit(route: Route) -> str:
    return f"/apis/{route.api_id}/routes/{route.pk}/edit"
