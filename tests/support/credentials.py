"""What proves who is calling on each surface: an access key, a bearer token, and the session of an administrator."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.support.node import Node
from tests.support.rawsocket import Response, http_request

PASSWORD = "a-cactus-in-the-sun"
FORM = ("Content-Type", "application/x-www-form-urlencoded")

Headers = Sequence[tuple[str, str]]


class Credential(NamedTuple):
    """An administrator's: `key` is an access key's id and secret, `cookies` what a browser sends."""

    key: list[str]
    token: str
    cookies: str

    def signed(self, method: str, target: str, body: bytes = b"") -> Headers:
        """The headers of a request of the management API."""
        request = AWSRequest(method, f"http://localhost{target}", data=body, headers={"Host": "localhost"})
        SigV4Auth(Credentials(*self.key), "apigateway", "us-east-1").add_auth(request)
        return [(name, value) for name, value in request.headers.items() if name != "Host"]

    @property
    def bearer(self) -> Headers:
        return [("Authorization", f"Bearer {self.token}")]

    @property
    def session(self) -> Headers:
        return [("Cookie", self.cookies), FORM]

    @property
    def csrf_token(self) -> str:
        """What forms send along in `csrfmiddlewaretoken`."""
        return self.cookies.partition(";")[0].partition("=")[2]

    def form(self, **fields: str) -> bytes:
        return "&".join([f"csrfmiddlewaretoken={self.csrf_token}", *(f"{k}={v}" for k, v in fields.items())]).encode()


def create_credential(node: Node) -> Credential:
    """A new administrator of the node, who has signed in."""
    user_id = node.call("create_administrator", username="ann", password=PASSWORD)
    scopes = ["apis:read", "apis:write", "access-keys:manage", "server:read"]
    _, token = node.call("create_api_token", user_id=user_id, name="tests", scopes=scopes)
    return Credential(node.call("create_access_key", name="tests"), token, _sign_in(node))


def request(node: Node, target: str, *, method: str = "GET", headers: Headers = (), body: bytes = b"") -> Response:
    """One request on a connection of its own."""
    with node.client(timeout=30) as client:
        return client.request(target, method=method, headers=headers, body=body)


def _sign_in(node: Node) -> str:
    with node.client() as client:
        page = client.request("/signin")
        csrf = page.headers["set-cookie"].partition(";")[0]
        form = f"csrfmiddlewaretoken={csrf.partition('=')[2]}&username=ann&password={PASSWORD}".encode()
        client.send(http_request("/signin", method="POST", headers=[FORM, ("Cookie", csrf)], body=form))
        head = client.receive_until(b"\r\n\r\n").decode()
    assert head.startswith("HTTP/1.1 302"), head
    session = re.search(r"nopal_session=[^;]+", head)
    assert session is not None
    return f"{csrf}; {session[0]}"
