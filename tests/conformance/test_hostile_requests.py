"""Whatever a request holds, it is the client's mistake: no 5xx, no traceback, no long line in the log."""

import base64
import json
import random
import re
import socket
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed

from tests.dashboard.test_live import Browser
from tests.support.gateway import PATIENCE, Gateway, mock, one_way
from tests.support.rawsocket import KEY
from tests.support.rest import RestClient, administrator

Headers = dict[str, bytes]

URLS = (
    b"",
    b"null",
    b"http://[",
    b"http://]",
    b"//[",
    b"http://\xff",
    b"http://\xef\xbc\x8f",
    b"http://[::1]:99999999",
    b"::",
)
COOKIES = (
    *(b"", b"=", b";" * 500, b'"', b"=x; ; =;,", b"nopal_session", b"nopal_session=", b"nopal_session=\xff\xfe"),
    *(b'nopal_session="\\"; {"a":1}', b"nopal_session=\\400\\777", b"nopal_csrf=\xff; nopal_browser=:::"),
    *(b"$Version=1; a=b", b"nopal_session=" + b"x" * 5000, b"\xf0\x9f\x98\x80=\xf0\x9f\x98\x80", b"nopal_session=%00"),
)
TYPES = (
    *(
        b"",
        b"/",
        b"text/html; charset=nonsense",
        b"application/json; charset=utf-99",
        b"application/json; charset=base64",
    ),
    *(b"multipart/form-data", b"multipart/form-data; boundary=", b"multipart/form-data; boundary=\xff", b"\xff/\xff"),
    b"application/x-www-form-urlencoded; charset=idna",
)
HEADERS: dict[str, tuple[bytes, ...]] = {
    "Cookie": COOKIES,
    "Origin": URLS,
    "Referer": URLS,
    "Host": (
        *URLS[3:],
        b"[",
        b"[::1",
        b"a b",
        b"\xff",
        b"localhost:abc",
        b"localhost:99999",
        b"..",
        b"a" * 5000,
        b"x@localhost",
    ),
    "Content-Type": TYPES,
    "Accept": (b"", b"*/*;q=nan", b"\xff", b"text/html;level=", b"," * 2000),
    "Accept-Language": (b"en;q=abc", b"\xff", b",".join([b"en"] * 500), b"en-" + b"x" * 3000, b"../.."),
    "Accept-Encoding": (b"gzip;q=nan", b"\xff", b"*;q="),
    "Authorization": (
        *(
            b"",
            b"\xff",
            b"Bearer",
            b"Bearer \xff",
            b"Bearer npt_\xe9",
            b"Basic \xff",
            b"AWS4-HMAC-SHA256",
            b"AWS4-HMAC-SHA256 x",
        ),
        b"AWS4-HMAC-SHA256 Credential=a/b/c/d/e, SignedHeaders=\xff;host, Signature=\xff",
        b"AWS4-HMAC-SHA256 Credential=a/b/c/d/aws4_request, SignedHeaders=host;host, Signature=zz",
    ),
    "X-Amz-Date": (b"", b"\xff", b"99999999T999999Z", b"00010101T000000Z"),
    "X-Amz-Content-Sha256": (b"", b"\xff", b"z" * 64),
    "Range": (b"bytes=99999999999999999999-", b"bytes=-0", b"bytes=a-b,c", b"\xff", b"bytes=5-1"),
    "If-None-Match": (b'W/"', b"\xff", b'"a",' * 500, b"*"),
    "If-Match": (b'W/"', b"\xff", b"9" * 5000, b"*"),
    "If-Modified-Since": (b"\xff", b"Sat, 99 Foo 99999 25:61:61 GMT", b"Thu, 01 Jan 0000 00:00:00 GMT", b"9" * 5000),
    "HX-Current-URL": URLS,
    "HX-Request": (b"true", b"\xff"),
    "HX-Prompt": (b"\xff", b"%ff"),
    "X-CSRFToken": (b"", b"\xff", b"x" * 5000),
    "X-Forwarded-For": (b"\xff", b"[", b"," * 2000, b"1.2.3.4.5"),
    "X-HTTP-Method-Override": (b"\xff", b"DELETE"),
    "Daphne-Root-Path": (b"\xff", b"%ff", b"/evil"),
    "User-Agent": (b"", b"\xff", b"x" * 5000),
    "Sec-WebSocket-Protocol": (b"", b",", b"\xff", b"a," * 1000),
    "Sec-WebSocket-Extensions": (b"", b"\xff", b"permessage-deflate; server_max_window_bits=99999"),
    "Expect": (b"100-continue", b"\xff"),
}


def cursor(*values: object) -> bytes:
    return base64.urlsafe_b64encode(json.dumps(values).encode())


VALUES = (
    *(
        b"",
        b"9" * 3000,
        b"9" * 19,
        b"-1",
        b"-" + b"9" * 30,
        b"1e999",
        b"nan",
        b"Infinity",
        b"%ff",
        b"%zz",
        b"%",
        b"%ed%a0%80",
    ),
    *(
        b"[",
        b"%0a%0d",
        b"null",
        b"!!!",
        b"%E0%A4%A",
        b"..%2f..%2f",
        b"%D9%A1%D9%A2",
        b"%C2%B2",
        b"a" * 3500,
        b"*",
        b"::1/999",
    ),
    *(b"2026-11-30T99:99:99Z", b"9999-12-31T23:59:59-23:59", b"0001-01-01T00:00:00%2B23:59", b"99999999d", b"1d" * 500),
    *(cursor(), cursor(1, 2), cursor(None, None), cursor("2026-01-01T00:00:00Z", 10**30), cursor(10**17, "x")),
    *(
        cursor("0001-01-01T00:00:00+23:59", 1),
        cursor("9999-12-31T23:59:59-23:59", "x"),
        cursor("2026-01-01T00:00:00", 1),
    ),
    base64.urlsafe_b64encode(b"[" * 2000),
)
QUERIES = (
    *("/connections?size=", "/connections?after=", "/connections?before=", "/connections?older=", "/connections?ip="),
    *("/traffic?since=", "/audit?cursor=", "/audit?since=", "/audit?until=", "/users?cursor=", "/tokens?cursor="),
    *(
        "/access-keys?cursor=",
        "/apis?page=",
        "/?range=",
        "/admin/gatewayapp/auditentry/?p=",
        "/signin?next=",
        "/users/",
    ),
    *("/connections/", "/apis/", "/setup/", "/static/", "/api/v1/connections?cursor=", "/api/v1/connections?minAge="),
    *("/api/v1/traces?cursor=", "/api/v1/audit-entries?cursor=", "/api/v1/users?cursor=", "/api/v1/apis?cursor="),
    *("/api/v1/tokens?cursor=", "/api/v1/users/", "/v2/apis?maxResults=", "/v2/apis?nextToken=", "/v2/apis/"),
)
SOCKETS = (
    *("/live/home/?a=", "/live/traffic/?api=", "/live/connections?since=", "/live/connections?since=1&older="),
    *(
        "/live/connections?since=1&ip=",
        "/live/connections/one/",
        "/live/designer/",
        "/live/",
        "/ws/{api}/test?a=",
        "/ws/{api}/",
    ),
)
MESSAGES = (
    *(
        "",
        "null",
        "1",
        '"x"',
        "[" * 60_000,
        '{"a":' * 10_000,
        '{"do":NaN}',
        "1" * 6000,
        '{"do":"open","apiId":"\\ud800"}',
    ),
    *('{"do":"close","code":1e400}', '{"do":"close","code":' + "9" * 5000 + "}", '{"ids":["\\ud800"],"do":"send"}'),
    *(
        json.dumps({"do": do, name: value})
        for do in ("open", "send", "ping", "close", "disconnect", [], None)
        for name, value in (
            ("ids", [[]]),
            ("conditions", "&a" * 5000),
            ("code", "x"),
            ("headers", [1]),
            ("base64", "!"),
        )
    ),
)


@dataclass
class Target:
    """A running gateway with an administrator, and the part of its log that was not looked at yet."""

    gateway: Gateway
    ann: RestClient
    browser: Browser
    api_id: str
    seen: int = 0
    failures: list[str] = field(default_factory=list)

    def request(self, method: str, target: bytes, headers: Headers, body: bytes = b"") -> None:
        """One request with exactly these bytes; what it says is a failure if the status is none or a 5xx."""
        sent = {"Host": f"127.0.0.1:{self.gateway.port}".encode(), "Connection": b"close", **headers}
        if body:
            sent["Content-Length"] = b"%d" % len(body)
        lines = [f"{name}: ".encode() + value for name, value in sent.items()]
        head = b"\r\n".join([method.encode() + b" " + target + b" HTTP/1.1", *lines, b"", b""])
        with socket.create_connection(("127.0.0.1", self.gateway.port), timeout=PATIENCE) as client:
            client.sendall(head + body)
            status = client.makefile("rb").readline()
        found = re.match(rb"HTTP/1\.1 ([1-4]\d\d|503) ", status)  # 503: where the gateway's work is not possible
        if found is None:
            self.failures.append(f"{status!r} for {method} {target[:100]!r} {headers}")

    def open(self, target: bytes, headers: Headers) -> None:
        """The same for a WebSocket handshake."""
        handshake = {
            "Upgrade": b"websocket",
            "Connection": b"Upgrade",
            "Sec-WebSocket-Version": b"13",
            "Sec-WebSocket-Key": KEY.encode(),
            "Origin": self.gateway.endpoint.encode(),
        }
        self.request("GET", target, {**handshake, **headers})

    def check(self) -> None:
        """Nothing failed, and the log has no traceback and no long line."""
        log = Path(self.gateway._log).read_text(errors="replace")
        fresh, self.seen = log[self.seen :], len(log)
        failures, self.failures = self.failures, []
        assert not failures
        assert "Traceback" not in fresh, fresh[-3000:]
        assert "Internal Server Error" not in fresh
        assert all(len(line) < 2200 for line in fresh.splitlines())


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    with Gateway(tmp_path_factory.mktemp("hostile") / "data", NOPAL_LOG_LINES_PER_MINUTE="0") as gateway:
        ann = administrator(gateway)
        api = gateway.api(integrations={"greets": mock()}, routes={"$default": one_way("greets")})
        yield Target(gateway, ann, Browser(gateway, "ann"), api.api_id)


@pytest.fixture
def cookie(target: Target) -> Headers:
    return {"Cookie": target.browser.cookie.encode()}


@pytest.fixture
def bearer(target: Target) -> Headers:
    return {"Authorization": f"Bearer {target.ann.token}".encode()}


@pytest.mark.parametrize("name", HEADERS)
def test_no_header_breaks_anything(target: Target, cookie: Headers, bearer: Headers, name: str) -> None:
    form: Headers = {"Content-Type": b"application/x-www-form-urlencoded"}
    for value in HEADERS[name]:
        hostile = {name: value}
        target.request("GET", b"/connections", cookie | hostile)
        target.request("POST", b"/signin", form | hostile, b"username=a&password=b")
        target.request("POST", b"/nowhere", cookie | form | hostile, b"a=b")
        target.request("GET", b"/static/css/app.css", hostile)
        target.request("GET", b"/api/v1/apis", bearer | hostile)
        target.request("POST", b"/api/v1/import", bearer | hostile, b"{}")
        target.request("POST", b"/v2/apis", hostile, b"{}")
        target.request("POST", f"/ws/{target.api_id}/test/@connections/abc".encode(), hostile, b"{}")
        target.request("GET", b"/healthz", hostile)
        target.open(b"/live/home/", cookie | hostile)
        target.open(f"/ws/{target.api_id}/test".encode(), hostile)
    target.check()


@pytest.mark.parametrize("query", QUERIES)
def test_no_address_breaks_a_page_or_an_endpoint(target: Target, cookie: Headers, bearer: Headers, query: str) -> None:
    for value in VALUES:
        target.request("GET", query.encode() + value, (bearer if query.startswith("/api") else cookie))
    target.check()


def test_no_address_breaks_the_management_api(target: Target) -> None:
    for query in (
        "/v2/apis?nextToken=",
        f"/v2/apis/{target.api_id}/routes?nextToken=",
        "/v2/apis?maxResults=",
        "/v2/apis/",
    ):
        for value in VALUES:
            status = target.gateway.signed("GET", query + value.decode(), service="apigateway").status
            assert status < 500, query + value.decode()
    target.check()


@pytest.mark.parametrize("query", SOCKETS)
def test_no_address_breaks_a_socket(target: Target, cookie: Headers, query: str) -> None:
    for value in VALUES:
        target.open(query.replace("{api}", target.api_id).encode() + value, cookie)
    target.check()


@pytest.mark.parametrize(
    "path",
    ["/connections", "/api/v1/apis", "/v2/apis", "/healthz", "/live/connections", "/live/traffic/", "/live/home/"],
)
def test_thousands_of_fields_break_nothing(target: Target, cookie: Headers, bearer: Headers, path: str) -> None:
    address = path.encode() + b"?since=1" + b"&a" * 1900
    if path.startswith("/live/"):
        target.open(address, cookie)
    else:
        target.request("GET", address, cookie | bearer)
    target.check()


@pytest.mark.parametrize("path", ["/live/home/", "/live/connections?since=1", "/live/connections/act", "/live/client/"])
def test_no_message_of_a_page_breaks_its_socket(target: Target, path: str) -> None:
    for message in MESSAGES:
        with suppress(ConnectionClosed), target.browser.watching(path) as viewer:
            viewer.send(message)
    target.check()


def test_random_bytes_break_nothing(target: Target, cookie: Headers) -> None:
    """Header values of any bytes but those that end a line."""
    draw = random.Random(10)
    octets = [octet for octet in range(1, 256) if octet not in b"\r\n"]
    for _ in range(150):
        hostile = {draw.choice(list(HEADERS)): bytes(draw.choices(octets, k=draw.randint(1, 60))) for _ in range(3)}
        target.request(
            "GET", draw.choice([b"/connections", b"/api/v1/apis", b"/v2/apis", b"/signin"]), cookie | hostile
        )
        target.open(b"/live/home/", cookie | hostile)
    target.check()


def test_the_gateway_still_ends_in_order(target: Target) -> None:
    """No socket of a page waits for anything, after all this."""
    assert target.gateway.end() == 0
    assert "still being served" not in target.gateway.log()
    target.check()
