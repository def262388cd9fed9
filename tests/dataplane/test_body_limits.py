"""The limit of an endpoint holds from the first byte: bodies are refused by their heads, and counted as they come."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.credentials import Credential, Headers, create_credential
from tests.support.invariants import eventually
from tests.support.node import Node
from tests.support.rawsocket import RawClient, Response, http_request

KIB = 1024
MIB = 1024 * KIB
ANYONE = 64 * KIB
CHUNKED = ("Transfer-Encoding", "chunked")
CHUNK = b"4000\r\n" + b"x" * 16 * KIB + b"\r\n"


@pytest.fixture(scope="module")
def node(shared_node: Node) -> Node:
    return shared_node


@pytest.fixture(scope="module")
def credential(node: Node) -> Credential:
    return create_credential(node)


def authorization(credential: Credential, way: str, target: str) -> Headers:
    """The headers that let a request pass as far as its head goes."""
    return {"key": credential.signed("POST", target), "token": credential.bearer, "session": credential.session}[way]


def head_only(node: Node, target: str, length: int, headers: Headers = ()) -> Response:
    """The response to a request of which only the head is sent: no byte of the body was needed to give it."""
    with node.client() as client:
        client.send(http_request(target, method="POST", headers=[("Content-Length", str(length)), *headers]))
        return client.response()


def chunks_until_response(client: RawClient, most: int) -> int:
    """Send chunks until the peer responds; the bytes of the body that were sent. Fails after `most` bytes."""
    sent = 0
    client.socket.settimeout(0.05)
    while sent <= most:
        client.send_while_open(CHUNK)
        sent += 16 * KIB
        try:
            client._fill()
        except TimeoutError:
            continue
        client.socket.settimeout(10)
        return sent
    raise AssertionError(f"no response after {sent} bytes")


SIGNED_TARGETS = [
    ("key", "/v2/apis", 1 * MIB),
    ("token", "/api/v1/apis/ab12cd34ef/layout", 1 * MIB),
    ("token", "/api/v1/import", int(2.5 * MIB)),
    ("session", "/apis/new", int(2.5 * MIB)),
    ("session", "/apis/import", 5 * MIB),
    ("session", "/signin", ANYONE),
    ("session", "/setup/some-token", ANYONE),
    ("session", "/static/css/app.css", ANYONE),
    ("session", "/no/such/path", ANYONE),
    ("session", "/healthz", ANYONE),
]
ANONYMOUS_TARGETS = {
    "/v2/apis": 403,
    "/api/v1/import": 401,
    "/api/v1/access-keys": 401,
    "/apis/import": 302,
    "/apis/new": 302,
    "/signin": 413,
    "/setup/some-token": 413,
    "/static/css/app.css": 413,
    "/no/such/path": 413,
    "/healthz": 413,
}


@pytest.mark.parametrize(("way", "target", "limit"), SIGNED_TARGETS)
def test_a_body_over_the_limit_is_refused_by_its_head(
    node: Node, credential: Credential, way: str, target: str, limit: int
) -> None:
    response = head_only(node, target, limit + 1, authorization(credential, way, target))
    assert response.status == 413
    assert response.headers["connection"] == "close"


@pytest.mark.parametrize(("way", "target", "limit"), SIGNED_TARGETS)
def test_a_body_over_the_limit_is_refused_as_it_comes(
    node: Node, credential: Credential, way: str, target: str, limit: int
) -> None:
    headers = [CHUNKED, *authorization(credential, way, target)]
    with node.client() as client:
        client.send(http_request(target, method="POST", headers=headers))
        sent = chunks_until_response(client, limit + 2 * ANYONE)
        assert client.response().status == 413
    assert limit < sent


@pytest.mark.parametrize(("target", "status"), ANONYMOUS_TARGETS.items())
@pytest.mark.parametrize("declared", [True, False])
def test_strangers_are_turned_away_before_their_body(node: Node, target: str, status: int, declared: bool) -> None:
    if declared:
        assert head_only(node, target, 512 * KIB).status == status
        return
    with node.client() as client:
        client.send(http_request(target, method="POST", headers=[CHUNKED]))
        chunks_until_response(client, 2 * ANYONE)
        assert client.response().status == status


@pytest.mark.parametrize(
    ("target", "headers", "status"),
    [
        ("/api/v1/import", [("Authorization", "Bearer npt_invented")], 401),
        ("/api/v1/import", [("Cookie", "nopal_session=invented0invented")], 401),
        ("/apis/import", [("Cookie", "nopal_session=invented0invented")], 302),
        (
            "/v2/apis",
            [("Authorization", "AWS4-HMAC-SHA256 Credential=NPAKINVENTED/20260101/us-east-1/apigateway")],
            403,
        ),
    ],
)
def test_invented_credentials_do_not_raise_the_limit(node: Node, target: str, headers: Headers, status: int) -> None:
    assert head_only(node, target, 512 * KIB, headers).status == status


def test_a_document_as_large_as_allowed_is_imported(node: Node, credential: Credential) -> None:
    document = "nopal: 1\\napi:\\n  name: large\\n  routeSelectionExpression: $request.body.action\\n"
    comment = "# " + "x" * 1000 + "\\n"
    body = f'{{"dryRun": true, "document": "{document}{comment * 1500}"}}'.encode()
    assert MIB < len(body) < 2 * MIB
    with node.client() as client:
        response = client.request(
            "/api/v1/import", method="POST", headers=authorization(credential, "token", ""), body=body
        )
    assert response.status == 200, response.body


def test_a_refusal_has_the_format_of_its_surface(node: Node, credential: Credential) -> None:
    signed = authorization(credential, "key", "/v2/apis")
    aws = head_only(node, "/v2/apis", 2 * MIB, signed)
    assert aws.headers["x-amzn-errortype"] == "RequestEntityTooLargeException"
    assert b'"message"' in aws.body
    rest = head_only(node, "/api/v1/apis", 2 * MIB, authorization(credential, "token", ""))
    assert rest.headers["content-type"] == "application/json"
    page = head_only(node, "/signin", 2 * MIB)
    assert page.headers["content-type"].startswith("text/html")
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert b"64 KiB" in page.body
    fragment = head_only(node, "/signin", 2 * MIB, [("HX-Request-Type", "partial")])
    assert fragment.headers["hx-retarget"] == "#notices"
    assert b"<html" not in fragment.body


# @connections


@pytest.fixture
def signing_node(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A gateway that wants signatures, as in production."""
    node = Node(tmp_path_factory.mktemp("signing"), template=template, NOPAL_ANONYMOUS_CALLBACKS="off")
    node.start()
    yield node
    node.stop()


async def test_connections_refuses_strangers_before_their_body(signing_node: Node) -> None:
    node = signing_node
    api_id = node.call("create_api", name="a", protocol_type="WEBSOCKET", route_selection_expression="$request.body.a")
    node.call("create_route", api_id=api_id, route_key="$default")
    deployment = node.call("create_deployment", api_id=api_id)
    node.call("create_stage", api_id=api_id, stage_name="test", deployment_id=deployment)
    stage = f"/ws/{api_id}/test"
    await eventually(lambda: get(node, stage).status == 426, "the stage")
    target = f"{stage}/@connections/AAAAAAAAAAAAAAA="
    stranger = head_only(node, target, 100 * KIB)
    assert (stranger.status, stranger.headers["x-amzn-errortype"]) == (403, "MissingAuthenticationTokenException")
    for length in (129 * KIB, 3 * MIB):
        too_large = head_only(node, target, length)
        assert (too_large.status, too_large.body) == (413, b"")
    with node.client() as client:
        client.send(http_request(target, method="POST", headers=[CHUNKED]))
        assert client.response().status == 403  # no byte of the body was sent


def get(node: Node, target: str) -> Response:
    with node.client() as client:
        return client.request(target)
