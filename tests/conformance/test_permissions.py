"""Who may call `@connections`: signatures, keys, and permissions of action, API, stage and verb.

AWS: apigateway-websocket-control-access-iam. The resource that is judged ends in the literal `{connectionId}`.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.support.gateway import ACCOUNT, REGION, AccessKey, Api, Gateway, HttpAnswer, one_way, wait_until

ID = "AAAAAAAAAAAAAAA="
"""No connection's: whoever is let through is answered 410."""

MANAGE = "execute-api:ManageConnections"
ANYONE = "arn:aws:execute-api:us-east-1:000000000000"


@pytest.fixture(scope="module")
def api(gateway: Gateway) -> Api:
    api = gateway.api(routes={"$default": one_way()})
    api.add_stage("prod")
    return api


@pytest.fixture(scope="module")
def other_api(gateway: Gateway) -> Api:
    return gateway.api(routes={"$default": one_way()})


def call(api: Api, key: AccessKey, method: str = "POST", stage: str = "test") -> HttpAnswer:
    return api.gateway.signed(method, api.target(ID.replace("=", "%3D"), stage=stage), b"", key=key)


CALLS = [(stage, method) for stage in ("test", "prod") for method in ("POST", "GET", "DELETE")]
ALL = set(CALLS)


PERMISSIONS: list[tuple[str, str, set[tuple[str, str]]]] = [
    (MANAGE, f"{ANYONE}:API/*", ALL),
    (MANAGE, "arn:aws:execute-api:*:*:API/*", ALL),
    (MANAGE, "arn:aws:execute-api:*:*:*", ALL),
    ("execute-api:*", "*", ALL),
    ("*", "*", ALL),
    ("execute-api:manageconnections", "API/*", ALL),
    (MANAGE, "API/*", ALL),
    (MANAGE, f"{ANYONE}:API/test/*", {each for each in CALLS if each[0] == "test"}),
    (MANAGE, f"{ANYONE}:API/test/POST/@connections/*", {("test", "POST")}),
    (MANAGE, f"{ANYONE}:API/test/POST/@connections", {("test", "POST")}),
    (MANAGE, f"{ANYONE}:API/*/GET/@connections/*", {("test", "GET"), ("prod", "GET")}),
    (MANAGE, "API/prod/DELETE/@connections/{connectionId}", {("prod", "DELETE")}),
    (MANAGE, "API/test/POST/@connections/AAAAAAAAAAAAAAA=", set()),
    (MANAGE, "API/test", set()),
    (MANAGE, "zzzzzzzzzz/*", set()),
    (MANAGE, "arn:aws:execute-api:eu-central-1:*:API/*", set()),
    (MANAGE, "arn:aws:execute-api:us-east-1:999999999999:API/*", set()),
    (MANAGE, "arn:aws:apigateway:us-east-1::/apis/API", set()),
    ("execute-api:Invoke", "*", set()),
    ("apigateway:POST", "*", set()),
]
"""Action, resource (with API for the id of the API) and the calls, by stage and verb, that they allow."""


@pytest.fixture(scope="module")
def keys(gateway: Gateway, api: Api) -> list[AccessKey]:
    """A key for each row, known to the gateway."""
    allowed = [(action, resource.replace("API", api.api_id)) for action, resource, _ in PERMISSIONS]
    made = gateway.create_access_keys(allowed)
    wait_until(lambda: call(api, made[-1]).headers["x-amzn-ErrorType"] != "UnrecognizedClientException")
    return made


@pytest.mark.parametrize("row", range(len(PERMISSIONS)), ids=["{} on {}".format(*row) for row in PERMISSIONS])
def test_a_key_may_do_what_its_permission_says_and_nothing_else(api: Api, keys: list[AccessKey], row: int) -> None:
    key, allowed = keys[row], PERMISSIONS[row][2]
    answers = {each: call(api, key, each[1], each[0]) for each in CALLS}
    assert {each for each, answered in answers.items() if answered.status == 410} == allowed
    for (stage, method), answered in answers.items():
        if (stage, method) in allowed:
            continue
        judged = f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{api.api_id}/{stage}/{method}/@connections/{{connectionId}}"
        assert (answered.status, answered.headers["x-amzn-ErrorType"]) == (403, "AccessDeniedException")
        message = answered.json()["Message"]
        assert message.startswith(f"User: arn:aws:iam::{ACCOUNT}:user/key ")
        assert message.endswith(f" is not authorized to perform: {MANAGE} on resource: {judged}")


def test_a_key_of_one_api_may_not_call_another(other_api: Api, keys: list[AccessKey]) -> None:
    answered = call(other_api, keys[0])
    assert (answered.status, answered.headers["x-amzn-ErrorType"]) == (403, "AccessDeniedException")


@pytest.mark.parametrize("method", ["POST", "GET", "DELETE"])
def test_an_unsigned_call_lacks_a_token(api: Api, method: str) -> None:
    answered = api.gateway.http(method, api.target(ID.replace("=", "%3D")))
    assert answered.status == 403
    assert answered.headers["x-amzn-ErrorType"] == "MissingAuthenticationTokenException"
    assert answered.json() == {"message": "Missing Authentication Token"}


def test_an_unknown_key_is_an_invalid_token(api: Api) -> None:
    answered = call(api, AccessKey("NPAKAAAAAAAAAAAAAAAA", "x" * 40))
    assert (answered.status, answered.headers["x-amzn-ErrorType"]) == (403, "UnrecognizedClientException")
    assert answered.json() == {"message": "The security token included in the request is invalid."}


def test_a_revoked_key_is_refused_however_often_it_was_used_before(api: Api) -> None:
    """What is remembered of its signatures, its permissions and the connection's address does not outlive it."""
    [key] = api.gateway.create_access_keys([("*", "*")])
    wait_until(lambda: call(api, key).status == 410)
    assert [call(api, key).status for _ in range(5)] == [410] * 5
    api.gateway.revoke_access_key(key)
    wait_until(lambda: call(api, key).headers["x-amzn-ErrorType"] == "UnrecognizedClientException")
    assert {call(api, key, method).status for method in ("POST", "GET", "DELETE")} == {403}


def test_a_wrong_secret_is_an_invalid_signature(api: Api) -> None:
    answered = call(api, replace(api.gateway.key, secret_access_key="x" * 40))
    assert (answered.status, answered.headers["x-amzn-ErrorType"]) == (403, "InvalidSignatureException")
    assert "signature we calculated does not match" in answered.json()["message"]


def test_a_signature_for_another_service_is_refused(api: Api) -> None:
    target = api.target(ID.replace("=", "%3D"))
    answered = api.gateway.signed("POST", target, b"", service="apigateway")
    assert answered.status == 403
    assert answered.headers["x-amzn-ErrorType"] in ("InvalidSignatureException", "IncompleteSignatureException")


def signed_request(gateway: Gateway, target: str, body: bytes, signer: type[Any], **options: Any) -> AWSRequest:
    url = gateway.endpoint + target
    request = AWSRequest("POST", url, data=body, headers={"Host": f"127.0.0.1:{gateway.port}"})
    credentials = Credentials(gateway.key.access_key_id, gateway.key.secret_access_key, options.pop("token", None))
    signer(credentials, "execute-api", REGION, **options).add_auth(request)
    return request


@pytest.mark.parametrize(
    "tampering",
    ["the body", "the method", "the path", "the query", "a signed header", "the signature", "the date"],
)
def test_whatever_is_changed_after_signing_breaks_the_signature(api: Api, tampering: str) -> None:
    target = api.target(ID.replace("=", "%3D"))
    request = signed_request(api.gateway, target, b"body", SigV4Auth)
    headers = dict(request.headers.items())
    method, body = "POST", b"body"
    if tampering == "the body":
        body = b"another"
    elif tampering == "the method":
        method = "DELETE"
    elif tampering == "the path":
        target = api.target("BAAAAAAAAAAAAAA%3D")
    elif tampering == "the query":
        target += "?x=1"
    elif tampering == "a signed header":
        headers["Host"] = f"localhost:{api.gateway.port}"
    elif tampering == "the signature":
        headers["Authorization"] = headers["Authorization"][:-1] + "x"
    else:
        moment = datetime.strptime(headers["X-Amz-Date"], "%Y%m%dT%H%M%SZ") + timedelta(seconds=1)
        headers["X-Amz-Date"] = f"{moment:%Y%m%dT%H%M%SZ}"
    answered = api.gateway.http(method, target, body, headers)
    assert (answered.status, answered.headers["x-amzn-ErrorType"]) == (403, "InvalidSignatureException")


@pytest.mark.parametrize("minutes", [-30, 30])
def test_a_signature_of_another_time_is_refused(api: Api, monkeypatch: pytest.MonkeyPatch, minutes: int) -> None:
    moment = datetime.now(UTC) + timedelta(minutes=minutes)
    for place in ("botocore.auth.get_current_datetime", "botocore.compat.get_current_datetime"):
        monkeypatch.setattr(place, lambda *_, **__: moment.replace(tzinfo=None))
    answered = call(api, api.gateway.key)
    assert (answered.status, answered.headers["x-amzn-ErrorType"]) == (403, "InvalidSignatureException")


def test_a_session_token_is_accepted(api: Api) -> None:
    target = api.target(ID.replace("=", "%3D"))
    request = signed_request(api.gateway, target, b"", SigV4Auth, token="a session token")
    assert request.headers["X-Amz-Security-Token"] == "a session token"
    assert api.gateway.http("POST", target, b"", dict(request.headers.items())).status == 410


def test_a_signature_in_the_query_is_accepted(api: Api) -> None:
    target = api.target(ID.replace("=", "%3D"))
    request = signed_request(api.gateway, target, b"", SigV4QueryAuth, expires=60)
    presigned = request.url.removeprefix(api.gateway.endpoint)
    assert api.gateway.http("POST", presigned).status == 410
    assert api.gateway.http("DELETE", presigned).status == 403
