"""Routes: their keys, who may connect, what they point at."""

import pytest

from gatewayapp.controlplane import operations
from gatewayapp.controlplane.operations import BadRequest, Conflict, NotFound, TooMany
from gatewayapp.models import Route
from tests.controlplane.builders import LAMBDA, make_api, make_integration, make_route

pytestmark = pytest.mark.django_db

TOKEN = "route.request.querystring.token"
REQUIRED = {TOKEN: {"required": True}}


@pytest.fixture
def api():
    return make_api()


@pytest.fixture
def authorizer(api):
    return make_authorizer(api)


def make_authorizer(api, name="tokens"):
    return operations.create_authorizer(
        api_id=api.pk, name=name, authorizer_type="REQUEST", authorizer_uri=LAMBDA, identity_source=[]
    )


@pytest.mark.parametrize("key", ["$connect", "$disconnect", "$default", "join", "room/join", "a-b_c.d", "x" * 128])
def test_a_route_key_is_accepted(api, key):
    assert make_route(api, key).document()["routeKey"] == key


@pytest.mark.parametrize("key", ["$other", "$", "", "with space", "x" * 129, "a:b", "a$b", "ö", "a\n", 7, None])
def test_a_route_key_is_refused(api, key):
    with pytest.raises(BadRequest, match="routeKey"):
        make_route(api, key)


def test_a_route_without_more_reads_back_with_its_defaults(api):
    route = make_route(api, "join")
    assert route.document() == {
        "apiKeyRequired": False,
        "authorizationType": "NONE",
        "routeId": route.pk,
        "routeKey": "join",
    }


def test_a_route_key_is_unique_in_its_api(api):
    make_route(api, "join")
    leave = make_route(api, "leave")
    make_route(make_api(), "join")
    with pytest.raises(Conflict, match=r"^Route with key join already exists for this API$"):
        make_route(api, "join")
    with pytest.raises(Conflict, match=r"^Route with key join already exists for this API$"):
        operations.update_route(api_id=api.pk, route_id=leave.pk, route_key="join")
    operations.update_route(api_id=api.pk, route_id=leave.pk, route_key="leave")


@pytest.mark.parametrize("authorization_type", ["AWS_IAM", "CUSTOM"])
def test_authorization_belongs_to_connect(api, authorizer, authorization_type):
    members = {"authorizer_id": authorizer.pk} if authorization_type == "CUSTOM" else {}
    connect = make_route(api, "$connect", authorization_type=authorization_type, **members)
    message = "^Currently, authorization is restricted to the \\$connect route only$"
    with pytest.raises(BadRequest, match=message):
        make_route(api, "join", authorization_type=authorization_type, **members)
    with pytest.raises(BadRequest, match=message):
        operations.update_route(api_id=api.pk, route_id=connect.pk, route_key="join")


@pytest.mark.parametrize("authorizer_id", [None, "nope"])
def test_custom_authorization_needs_an_authorizer_of_the_api(api, authorizer_id):
    with pytest.raises(BadRequest, match="needs the authorizerId"):
        make_route(api, "$connect", authorization_type="CUSTOM", authorizer_id=authorizer_id)


def test_an_authorizer_of_another_api_is_none(api):
    other = make_authorizer(make_api())
    with pytest.raises(BadRequest, match="needs the authorizerId"):
        make_route(api, "$connect", authorization_type="CUSTOM", authorizer_id=other.pk)


def test_an_authorizer_does_nothing_without_custom_authorization(api, authorizer):
    with pytest.raises(BadRequest, match="needs the authorizationType CUSTOM"):
        make_route(api, "$connect", authorizer_id=authorizer.pk)


def test_the_authorizer_goes_with_the_authorization(api, authorizer):
    route = make_route(api, "$connect", authorization_type="CUSTOM", authorizer_id=authorizer.pk)
    with pytest.raises(BadRequest, match="needs the authorizerId"):
        operations.update_route(api_id=api.pk, route_id=route.pk, authorizer_id="")
    updated = operations.update_route(api_id=api.pk, route_id=route.pk, authorization_type="NONE")
    assert "authorizerId" not in updated.document()


@pytest.mark.parametrize("authorization_type", ["JWT", "none", "", 1])
def test_other_kinds_of_authorization_are_refused(api, authorization_type):
    with pytest.raises(BadRequest, match="Invalid authorizationType"):
        make_route(api, "$connect", authorization_type=authorization_type)


def test_request_parameters_belong_to_connect(api):
    make_route(api, "$connect", request_parameters=REQUIRED)
    with pytest.raises(BadRequest, match="supported on the \\$connect route only"):
        make_route(api, "join", request_parameters=REQUIRED)


@pytest.mark.parametrize(
    "parameters", [{"token": {}}, {"route.request.body.x": {}}, {TOKEN: {"required": 1}}, {TOKEN: True}, ["x"]]
)
def test_request_parameters_are_headers_and_query_fields(api, parameters):
    with pytest.raises(BadRequest, match="requestParameters"):
        make_route(api, "$connect", request_parameters=parameters)


def test_request_parameters_merge_and_are_deleted_one_by_one(api):
    route = make_route(api, "$connect", request_parameters=REQUIRED)
    other = "route.request.header.X-Tenant"
    names = {"api_id": api.pk, "route_id": route.pk}
    updated = operations.update_route(**names, request_parameters={other: {"required": False}})
    assert updated.request_parameters == REQUIRED | {other: {"required": False}}
    operations.delete_route_request_parameter(**names, request_parameter_key=TOKEN)
    assert operations.get_route(**names).request_parameters == {other: {"required": False}}
    with pytest.raises(NotFound):
        operations.delete_route_request_parameter(**names, request_parameter_key=TOKEN)


def test_request_models_are_replaced(api):
    route = make_route(api, "join", request_models={"a": "Join", "b": "Leave"})
    updated = operations.update_route(api_id=api.pk, route_id=route.pk, request_models={"c": "Other"})
    assert updated.request_models == {"c": "Other"}


def test_the_route_response_selection_expression_is_default_or_nothing(api):
    route = make_route(api, "join", route_response_selection_expression="$default")
    with pytest.raises(BadRequest, match="routeResponseSelectionExpression"):
        make_route(api, "leave", route_response_selection_expression="$request.body.x")
    cleared = operations.update_route(api_id=api.pk, route_id=route.pk, route_response_selection_expression="")
    assert "routeResponseSelectionExpression" not in cleared.document()


@pytest.mark.parametrize("expression", ["$context.connectionId", "${request.body.a", "$request.header.x"])
def test_the_model_selection_expression_speaks_of_the_body(api, expression):
    with pytest.raises(BadRequest, match="Invalid modelSelectionExpression"):
        make_route(api, "join", model_selection_expression=expression)


def test_a_target_is_an_integration_of_the_api_and_may_be_absent(api):
    integration = make_integration(api)
    route = make_route(api, "join", target=f"integrations/{integration.pk}")
    assert route.document()["target"] == f"integrations/{integration.pk}"
    cleared = operations.update_route(api_id=api.pk, route_id=route.pk, target="")
    assert "target" not in cleared.document()


def test_a_target_that_is_no_integration_of_the_api_is_refused(api):
    foreign = make_integration(make_api())
    for target in ("integrations/nope", f"integrations/{foreign.pk}", foreign.pk, "integrations/"):
        with pytest.raises(BadRequest, match="Invalid target"):
            make_route(api, "join", target=target)


def test_scopes_belong_to_http_apis(api):
    make_route(api, "join", authorization_scopes=[])
    with pytest.raises(BadRequest, match="authorizationScopes is not supported"):
        make_route(api, "leave", authorization_scopes=["email"])


def test_an_api_has_at_most_300_routes(api):
    Route.objects.bulk_create(Route(api=api, route_key=f"r{number}") for number in range(299))
    make_route(api, "last")
    with pytest.raises(TooMany, match="300") as raised:
        make_route(api, "one-more")
    assert raised.value.status == 429


@pytest.mark.parametrize("operation", [operations.get_route, operations.update_route, operations.delete_route])
def test_an_unknown_route_is_not_found(api, operation):
    foreign = make_route(make_api())
    for route_id in ("nope", foreign.pk):
        with pytest.raises(NotFound, match=f"^Invalid Route identifier specified {route_id}$"):
            operation(api_id=api.pk, route_id=route_id)
    with pytest.raises(NotFound, match=r"^Invalid API identifier specified 000000000000:nope$"):
        operation(api_id="nope", route_id=foreign.pk)


def test_a_route_has_one_response_with_the_key_default(api):
    names = {"api_id": api.pk, "route_id": make_route(api, "join").pk}
    with pytest.raises(BadRequest, match="routeResponseKey is required"):
        operations.create_route_response(**names)
    with pytest.raises(BadRequest, match="Invalid routeResponseKey"):
        operations.create_route_response(**names, route_response_key="200")
    response = operations.create_route_response(
        **names, route_response_key="$default", response_models={"$default": "Joined"}
    )
    assert response.document() == {
        "responseModels": {"$default": "Joined"},
        "routeResponseId": response.pk,
        "routeResponseKey": "$default",
    }
    with pytest.raises(Conflict):
        operations.create_route_response(**names, route_response_key="$default")
    updated = operations.update_route_response(**names, route_response_id=response.pk, response_models={})
    assert "responseModels" not in updated.document()
    operations.delete_route_response(**names, route_response_id=response.pk)
    with pytest.raises(NotFound, match=r"^Invalid RouteResponse identifier specified"):
        operations.get_route_response(**names, route_response_id=response.pk)
