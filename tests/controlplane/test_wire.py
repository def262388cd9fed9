"""The management API as it stands on the wire: signatures, paths, errors and members."""

from dataclasses import replace

import pytest
from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator
from django.core.asgi import get_asgi_application

from gatewayapp.controlplane import operations
from gatewayapp.controlplane.api.table import OPERATIONS
from tests.controlplane.builders import make_api, make_route, make_stage
from tests.controlplane.wire import HOST, Caller, signed


@pytest.fixture
def call(db, settings):
    """Calls with a key that may do everything."""
    settings.ALLOWED_HOSTS = [HOST]
    return Caller.who_may(("*", "*"))


CHAT = {"name": "chat", "protocolType": "WEBSOCKET", "routeSelectionExpression": "$request.body.action"}


def test_a_create_answers_201_with_the_resource(call):
    response = call("POST", "/v2/apis", CHAT)
    assert response.status_code == 201
    assert response["Content-Type"] == "application/json"
    assert response["x-amzn-RequestId"]
    assert response.json().keys() == {
        "apiEndpoint",
        "apiId",
        "apiKeySelectionExpression",
        "createdDate",
        "disableExecuteApiEndpoint",
        "disableSchemaValidation",
        "ipAddressType",
        "name",
        "protocolType",
        "routeSelectionExpression",
        "tags",
    }


def test_a_delete_answers_204_with_nothing(call):
    api = make_api()
    response = call("DELETE", f"/v2/apis/{api.pk}")
    assert (response.status_code, response.content) == (204, b"")


def test_null_is_absent_and_unknown_members_are_ignored(call):
    response = call("POST", "/v2/apis", CHAT | {"description": None, "colour": "green", "apiId": "x"})
    assert response.status_code == 201
    assert "description" not in response.json()
    assert response.json()["apiId"] != "x"


def test_a_trailing_slash_lists_as_the_sdk_asks_for_an_empty_id(call):
    make_api()
    assert len(call("GET", "/v2/apis/").json()["items"]) == 1


def test_the_endpoint_of_a_client_may_have_a_prefix(call):
    response = call("GET", "/nopal/v2/apis", SCRIPT_NAME="/nopal", PATH_INFO="/v2/apis")
    assert (response.status_code, response.json()) == (200, {"items": []})


def test_a_server_that_tells_only_the_decoded_path_will_do_where_nothing_is_encoded(call):
    api = make_api()
    assert call("GET", f"/v2/apis/{api.pk}", REQUEST_URI="").status_code == 200


def test_the_keys_of_maps_stay_as_the_user_wrote_them(call):
    api = make_api()
    response = call(
        "POST",
        f"/v2/apis/{api.pk}/integrations",
        {"integrationType": "MOCK", "requestTemplates": {"snake_key": "{}", "camelKey": "{}", "Key-With": "{}"}},
    )
    assert response.json()["requestTemplates"].keys() == {"snake_key", "camelKey", "Key-With"}


@pytest.mark.parametrize(
    ("path", "deleted"),
    [
        ("routesettings/room%2Fjoin", "room/join"),
        ("routesettings/room/join", "room/join"),
        ("routesettings/%24default", "$default"),
        ("routesettings/$default", "$default"),
    ],
)
def test_a_label_that_can_hold_a_slash_takes_the_rest_of_the_path(call, path, deleted):
    api = make_api()
    for key in ("room/join", "$default"):
        make_route(api, key)
    make_stage(api, route_settings={"room/join": {}, "$default": {}})
    assert call("DELETE", f"/v2/apis/{api.pk}/stages/prod/{path}").status_code == 204
    stage = operations.get_stage(api_id=api.pk, stage_name="prod")
    assert stage.route_settings.keys() == {"room/join", "$default"} - {deleted}


def test_an_updated_route_is_answered_with_201_as_on_aws(call):
    route = make_route(make_api())
    assert call("PATCH", f"/v2/apis/{route.api_id}/routes/{route.pk}", {"operationName": "x"}).status_code == 201


def test_tags_are_answered_under_their_own_member(call):
    api = make_api(tags={"a": "1"})
    path = f"/v2/tags/arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A%2Fapis%2F{api.pk}"
    assert call("GET", path).json() == {"tags": {"a": "1"}}
    assert call("POST", path, {"tags": None}).status_code == 201
    answer = call("POST", path, {"tags": {"b": "2"}})
    assert (answer.status_code, answer.json()) == (201, {})
    assert call("DELETE", f"{path}?tagKeys=a&tagKeys=b").status_code == 204
    assert call("GET", path).json() == {"tags": {}}


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v2", 404, "NotFoundException"),
        ("GET", "/v2/", 404, "NotFoundException"),
        ("GET", "/v2/gophers", 404, "NotFoundException"),
        ("GET", "/v2/apis/a/b/c", 404, "NotFoundException"),
        ("GET", "/v2/apis//routes", 404, "NotFoundException"),
        ("GET", "/v2/apis/a%00b", 400, "BadRequestException"),
        ("GET", "/v2/apis/a%2Froutes", 404, "NotFoundException"),
        ("PUT", "/v2/domainnames", 405, "MethodNotAllowedException"),
        ("OPTIONS", "/v2/domainnames", 405, "MethodNotAllowedException"),
        ("PATCH", "/v2/domainnames", 405, "MethodNotAllowedException"),
    ],
)
def test_what_is_no_operation_is_refused_as_json(call, method, path, status, code):
    response = call(method, path)
    assert (response.status_code, response["x-amzn-ErrorType"]) == (status, code)
    assert response.json()["message"]
    assert response.has_header("x-amzn-RequestId")
    assert status != 405 or response["Allow"] == "GET, POST"


def test_an_unsigned_request_is_refused(call):
    response = call("GET", "/v2/apis", sign=False)
    assert (response.status_code, response["x-amzn-ErrorType"]) == (403, "MissingAuthenticationTokenException")
    assert response.json() == {"message": "Missing Authentication Token"}


def test_a_browser_session_is_no_way_in(call, admin_client):
    response = admin_client.get("/v2/apis", headers={"host": HOST})
    assert response["x-amzn-ErrorType"] == "MissingAuthenticationTokenException"


def test_a_key_of_another_installation_is_unknown(call, settings):
    settings.NOPAL_ENCRYPTION_KEY = "another key, so that no secret can be decrypted"
    assert call("GET", "/v2/apis")["x-amzn-ErrorType"] == "UnrecognizedClientException"


@pytest.mark.parametrize("body", [b"{", b"[]", b'"text"', b'{"name": "\\ud800"}', b"\xff"])
def test_a_body_that_is_no_json_object_is_refused(call, body):
    response = call("POST", "/v2/apis", body=body)
    assert (response.status_code, response["x-amzn-ErrorType"]) == (400, "BadRequestException")


def test_a_body_that_is_too_large_is_refused(call, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    response = call("POST", "/v2/apis", CHAT | {"description": "x" * 1000})
    assert (response.status_code, response["x-amzn-ErrorType"]) == (413, "RequestEntityTooLargeException")


def test_a_missing_resource_says_of_which_type_it_is(call):
    response = call("GET", "/v2/apis/nope")
    assert response.status_code == 404
    assert response.json() == {
        "message": "Invalid API identifier specified 000000000000:nope",
        "resourceType": "Api",
    }


def test_an_unexpected_failure_tells_the_client_nothing(call, monkeypatch, caplog):
    def fail(**labels):
        raise RuntimeError("the password is swordfish")

    [operation] = [each for each in OPERATIONS if each.function is operations.get_apis]
    monkeypatch.setattr("gatewayapp.controlplane.api.table.OPERATIONS", (replace(operation, function=fail),))
    response = call("GET", "/v2/apis")
    assert (response.status_code, response["x-amzn-ErrorType"]) == (500, "InternalServerErrorException")
    assert response.json() == {"message": "Internal server error"}
    assert "swordfish" in caplog.text


@pytest.mark.parametrize(
    ("template", "secure", "expected"),
    [
        ("", False, "ws://testserver/ws/{api_id}"),
        ("", True, "wss://testserver/ws/{api_id}"),
        ("wss://{api_id}.gateway.example", False, "wss://{api_id}.gateway.example"),
        ("wss://gateway.example/{other}/{api_id}", False, "wss://gateway.example/{other}/{api_id}"),
    ],
)
def test_the_endpoint_is_by_path_on_the_host_that_was_asked_unless_it_is_set(
    call, settings, template, secure, expected
):
    settings.NOPAL_API_ENDPOINT = template
    api = make_api()
    answer = call("GET", f"/v2/apis/{api.pk}", secure=secure)
    assert answer.json()["apiEndpoint"] == expected.replace("{api_id}", api.pk)


def test_every_operation_has_its_own_method_and_path():
    assert len({(operation.method, operation.segments) for operation in OPERATIONS}) == len(OPERATIONS) == 72


async def test_under_asgi_the_signature_is_checked_on_the_raw_path(transactional_db, settings):
    settings.ALLOWED_HOSTS = [HOST]
    api_id, headers, path = await sync_to_async(prepared_deletion)()
    scope = {
        "type": "http",
        "method": "DELETE",
        "path": path.replace("%2F", "/"),
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        "server": ("127.0.0.1", 80),
        "client": ("127.0.0.1", 50000),
    }
    communicator = ApplicationCommunicator(get_asgi_application(), scope)
    await communicator.send_input({"type": "http.request", "body": b""})
    start = await communicator.receive_output()
    await communicator.receive_output()
    await communicator.wait()
    assert start["status"] == 204
    assert await sync_to_async(lambda: operations.get_stage(api_id=api_id, stage_name="prod").route_settings)() == {}


def prepared_deletion():
    api = make_api()
    make_route(api, "room/join")
    make_stage(api, route_settings={"room/join": {}})
    path = f"/v2/apis/{api.pk}/stages/prod/routesettings/room%2Fjoin"
    return api.pk, signed(*operations.create_access_key(name="asgi"), "DELETE", path, b""), path


def test_if_match_lets_only_those_change_a_draft_who_saw_its_last_state(call):
    api = make_api()
    path, seen = f"/v2/apis/{api.pk}/routes", operations.get_draft_version(api_id=api.pk)
    assert call("POST", path, {"routeKey": "a"}, HTTP_IF_MATCH=f'"{seen}"').status_code == 201
    refused = call("POST", path, {"routeKey": "b"}, HTTP_IF_MATCH=f'"{seen}"')
    assert refused.status_code == 409
    assert refused["x-amzn-ErrorType"] == "ConflictException"
    assert (refused.json()["actor"], refused.json()["action"]) == ("tests", "CreateRoute")
    assert call("POST", path, {"routeKey": "b"}, HTTP_IF_MATCH=refused.json()["version"]).status_code == 201
    assert call("POST", path, {"routeKey": "c"}, HTTP_IF_MATCH="*").status_code == 201
    assert call("POST", path, {"routeKey": "d"}).status_code == 201
