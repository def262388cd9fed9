"""What the management API does with those who forge, replay, spoof and probe, on a running gateway."""

import http.client
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

from tests.support.gateway import PATIENCE, REGION, AccessKey, Gateway, HttpAnswer, wait_until

CHAT = {"name": "chat", "protocolType": "WEBSOCKET", "routeSelectionExpression": "$request.body.action"}


def code_of(answered: HttpAnswer) -> tuple[int, str]:
    return answered.status, answered.headers.get("x-amzn-ErrorType", "")


def call(gateway: Gateway, method: str, target: str, document: Any = None, **options: Any) -> HttpAnswer:
    body = b"" if document is None else json.dumps(document).encode()
    return gateway.signed(method, target, body, service="apigateway", **options)


def signed(gateway: Gateway, signer: type[Any], token: str | None = None, **options: Any) -> AWSRequest:
    """A read of all APIs, signed."""
    headers = {"Host": f"127.0.0.1:{gateway.port}"}
    request = AWSRequest("GET", f"{gateway.endpoint}/v2/apis?maxResults=5", headers=headers)
    credentials = Credentials(gateway.key.access_key_id, gateway.key.secret_access_key, token)
    signer(credentials, "apigateway", REGION, **options).add_auth(request)
    return request


def send(gateway: Gateway, request: AWSRequest) -> HttpAnswer:
    target = str(request.url).removeprefix(gateway.endpoint)
    return gateway.http(str(request.method), target, b"", dict(request.headers.items()))


# signatures


def test_one_byte_changed_anywhere_is_refused(gateway: Gateway) -> None:
    body = json.dumps(CHAT).encode()
    url = f"{gateway.endpoint}/v2/apis?a=b%20c"
    given = {"Host": f"127.0.0.1:{gateway.port}", "Content-Type": "application/json"}
    request = AWSRequest("POST", url, data=body, headers=given)
    SigV4Auth(Credentials(gateway.key.access_key_id, gateway.key.secret_access_key), "apigateway", REGION).add_auth(
        request
    )
    original = {"target": "/v2/apis?a=b%20c", **dict(request.headers.items()), "body": body.decode()}

    with connection_to(gateway) as connection:
        for part, text in original.items():
            for position in range(len("/v2/") if part == "target" else 0, len(text)):
                status, error = post(connection, original | {part: one_bit_changed(text, position)})
                # A Host that is not the gateway's is refused before anything else; so is one that is no host.
                assert (status, error.endswith("Exception")) == (403, True) or (part, status) == ("Host", 400), (
                    part,
                    position,
                )
        assert post(connection, original) == (201, "")


@contextmanager
def connection_to(gateway: Gateway) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=PATIENCE)
    try:
        yield connection
    finally:
        connection.close()


def post(connection: http.client.HTTPConnection, parts: dict[str, str]) -> tuple[int, str]:
    body = parts["body"].encode()
    connection.putrequest("POST", parts["target"], skip_host=True, skip_accept_encoding=True)
    for name in parts.keys() - {"target", "body"}:
        connection.putheader(name, parts[name])
    connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body)
    response = connection.getresponse()
    response.read()
    return response.status, response.headers.get("x-amzn-ErrorType", "")


def one_bit_changed(text: str, position: int) -> str:
    """Another character that may stand in a header and a path; of a space a full stop, since blanks are folded."""
    old = text[position]
    new = "." if old == " " else chr(ord(old) ^ 1)
    new = new if new.isprintable() and new not in ' #"\\' else chr(ord(old) ^ 2)
    return text[:position] + new + text[position + 1 :]


@pytest.mark.parametrize(("seconds", "accepted"), [(-360, False), (-240, True), (240, True), (360, False)])
def test_clocks_may_differ_by_five_minutes(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, seconds: int, accepted: bool
) -> None:
    moment = (datetime.now(UTC) + timedelta(seconds=seconds)).replace(tzinfo=None)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda *_, **__: moment)
    answered = send(gateway, signed(gateway, SigV4Auth))
    assert code_of(answered) == ((200, "") if accepted else (403, "InvalidSignatureException"))


def test_a_session_token_may_be_signed_along(gateway: Gateway) -> None:
    request = signed(gateway, SigV4Auth, token="a session token")
    assert send(gateway, request).status == 200
    request.headers.replace_header("X-Amz-Security-Token", "another")
    assert code_of(send(gateway, request)) == (403, "InvalidSignatureException")


def test_a_signature_may_stand_in_the_query_until_it_expires(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    presigned = signed(gateway, SigV4QueryAuth, expires=60)
    assert send(gateway, presigned).status == 200
    presigned.method = "DELETE"
    assert code_of(send(gateway, presigned)) == (403, "InvalidSignatureException")

    past = (datetime.now(UTC) - timedelta(seconds=70)).replace(tzinfo=None)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda *_, **__: past)
    expired = send(gateway, signed(gateway, SigV4QueryAuth, expires=60))
    assert code_of(expired) == (403, "InvalidSignatureException")
    assert expired.json()["message"].startswith("Signature expired")


@pytest.mark.parametrize("service", ["execute-api", "s3", "lambda"])
def test_a_signature_for_another_service_is_refused(gateway: Gateway, service: str) -> None:
    assert code_of(gateway.signed("GET", "/v2/apis", service=service)) == (403, "InvalidSignatureException")


def test_any_region_is_accepted_as_long_as_it_is_the_one_that_was_signed(gateway: Gateway) -> None:
    assert call(gateway, "GET", "/v2/apis", region="eu-central-1").status == 200


def test_without_a_signature_not_even_the_paths_can_be_told(gateway: Gateway) -> None:
    for method, path in [("GET", "/v2/apis"), ("GET", "/v2/gophers"), ("PUT", "/v2/domainnames"), ("GET", "/v2/")]:
        assert code_of(gateway.http(method, path)) == (403, "MissingAuthenticationTokenException")


# hosts and proxies

HOSTILE_HOSTS = [
    *("evil.example", "evil.example:8000", "localhost.evil.example", "evil-localhost", "localhost-evil.example"),
    *("127.0.0.1.evil.example", "127.0.0.2", "127.0.0.1..", "127.0.0.1:8000@evil.example", "evil.example@127.0.0.1"),
    *("localhost@evil.example", "localhost:evil", "localhost:80:80", "localhost/evil", "localhost\\evil.example"),
    *("localhost?evil.example", "localhost#evil.example", "localhost,evil.example", "localhost;evil.example"),
    *("localhost evil.example", "http://localhost", "//localhost", "[::2]", "[::1", "::1", "[::1]evil", "0", "0.0.0.0"),
    *("2130706433", "0x7f.1", "0177.0.0.1", "127.1", "*", "*.localhost", ".", "-", "%6cocalhost", "localhost%00"),
    *("<script>", "${jndi}", "{{7*7}}", "xn--lcalhost-n4a"),
]


def test_forty_hosts_that_are_not_the_gateways_are_refused(gateway: Gateway) -> None:
    assert len(HOSTILE_HOSTS) >= 40
    answers = {host: gateway.http("GET", "/v2/apis", headers={"Host": host}) for host in HOSTILE_HOSTS}
    assert {host for host, answered in answers.items() if answered.status != 400} == set()
    assert not any(b"evil" in answered.body for answered in answers.values())


def test_a_foreign_host_is_refused_in_json(gateway: Gateway) -> None:
    answered = gateway.http("GET", "/v2/apis", headers={"Host": "evil.example"})
    assert code_of(answered) == (400, "BadRequestException")
    assert "Host" in answered.json()["message"]


SPOOFED = {
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Port": "443",
    "X-Forwarded-For": "10.9.8.7",
    "X-Forwarded-Prefix": "/evil",
    "X-Real-Ip": "10.9.8.7",
    "X-Original-Url": "/evil",
    "X-Rewrite-Url": "/evil",
    "X-Http-Method-Override": "DELETE",
    "Forwarded": "for=10.9.8.7;host=evil.example;proto=https",
}


def test_forwarding_headers_of_strangers_change_nothing(gateway: Gateway) -> None:
    api_id = call(gateway, "POST", "/v2/apis", CHAT).json()["apiId"]
    plain = call(gateway, "GET", f"/v2/apis/{api_id}")
    spoofed = call(gateway, "GET", f"/v2/apis/{api_id}", headers=SPOOFED)
    assert spoofed.json() == plain.json()
    assert plain.json()["apiEndpoint"] == f"ws://127.0.0.1:{gateway.port}/ws/{api_id}"


# web pages


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:3000"])
def test_a_web_page_can_neither_ask_nor_change_anything(gateway: Gateway, origin: str) -> None:
    preflight = {"Origin": origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-a"}
    simple = {"Origin": origin, "Content-Type": "text/plain", "Cookie": "nopal_session=x"}
    answers = [
        gateway.http("OPTIONS", "/v2/apis", headers=preflight),
        gateway.http("POST", "/v2/apis", json.dumps(CHAT).encode(), headers=simple),
        gateway.http("GET", "/v2/apis", headers=simple),
        call(gateway, "GET", "/v2/apis", headers={"Origin": origin}),
    ]
    assert [answered.status for answered in answers] == [403, 403, 403, 200]
    assert not any(name.lower().startswith("access-control") for each in answers for name in each.headers)
    assert all(each.headers["Cache-Control"] == "no-store" for each in answers)


# errors

REFUSALS = [
    ("POST", "/v2/apis", {"name": "x"}, 400, "BadRequestException"),
    ("GET", "/v2/apis/nope", None, 404, "NotFoundException"),
    ("GET", "/v2/gophers", None, 404, "NotFoundException"),
    ("PUT", "/v2/domainnames", None, 405, "MethodNotAllowedException"),
    ("PUT", "/v2/apis", {"body": "{}"}, 400, "BadRequestException"),
    ("POST", "/v2/vpclinks", {"name": "x"}, 400, "BadRequestException"),
    ("GET", "/v2/apis?nextToken=x", None, 400, "BadRequestException"),
]


@pytest.mark.parametrize(("method", "target", "document", "status", "code"), REFUSALS)
def test_an_error_says_what_is_wrong_and_nothing_of_the_inside(
    gateway: Gateway, method: str, target: str, document: Any, status: int, code: str
) -> None:
    answered = call(gateway, method, target, document)
    assert code_of(answered) == (status, code)
    assert answered.headers["x-amzn-RequestId"]
    assert answered.headers["Content-Type"] == "application/json"
    assert answered.json().keys() - {"resourceType", "limitType"} == {"message"}
    assert not any(word in answered.body for word in (b"Traceback", b".py", b"gatewayapp", b"django", b"sqlite"))


# secrets


def test_no_secret_can_be_found_in_answers_logs_or_the_database(tmp_path: Path) -> None:
    with Gateway(tmp_path / "data", NOPAL_LOG_LEVEL="DEBUG") as gateway:
        key = gateway.create_access_key("canary")
        client = client_of(gateway, key)
        api_id = client.create_api(Name="x", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.a")[
            "ApiId"
        ]
        answers = [call(gateway, "GET", path, key=key).body for path in ("/v2/apis", f"/v2/apis/{api_id}/routes")]
        forged = AccessKey(key.access_key_id, key.secret_access_key[::-1])
        answers.append(call(gateway, "GET", "/v2/apis", key=forged).body)
        wait_until(lambda: database(tmp_path).count(api_id.encode()))

    kept = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert any(key.access_key_id.encode() in content for content in kept.values())
    for content in [*kept.values(), *answers]:
        assert key.secret_access_key.encode() not in content


def database(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("nopal.sqlite3*"))


def client_of(gateway: Gateway, key: AccessKey) -> Any:
    return boto3.client(
        "apigatewayv2",
        endpoint_url=gateway.endpoint,
        region_name=REGION,
        aws_access_key_id=key.access_key_id,
        aws_secret_access_key=key.secret_access_key,
        config=Config(retries={"total_max_attempts": 1}),
    )
