"""Web pages: which may connect, and what of a browser's cookies a backend may see."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.dataplane.conftest import NewApi
from tests.support.apis import Api

LISTED = {"allowedOrigins": ["https://app.example.com", "http://localhost:3000", "https://xn--bcher-kva.example"]}
ORIGINS_OF_A_LIST = {
    "https://app.example.com": 101,
    "HTTPS://APP.EXAMPLE.COM": 101,
    "https://app.example.com:443": 101,
    "http://localhost:3000": 101,
    "https://xn--bcher-kva.example": 101,
    "null": 403,
    "": 403,
    "app.example.com": 403,
    "http://app.example.com": 403,
    "https://app.example.com:8443": 403,
    "http://localhost": 403,
    "https://app.example.com.evil.example": 403,
    "https://evilapp.example.com": 403,
    "https://sub.app.example.com": 403,
    "https://example.com": 403,
    "https://app.example.com@evil.example": 403,
    "https://evil.example/https://app.example.com": 403,
    "https://evil.example#https://app.example.com": 403,
    "https://app.example.com/": 403,
    "https://app.example.com.": 403,
    "https://app.example.com:": 403,
    "https://app.example.com:0": 403,
    "https://app.example.com:99999": 403,
    "https://app-example.com": 403,
    "https://аpp.example.com".encode().decode("latin-1"): 403,
    "https://bücher.example".encode().decode("latin-1"): 403,
    "file://": 403,
    "chrome-extension://abcdefgh": 403,
    "https://app.example.com https://evil.example": 403,
    "*": 403,
}
OWN = "http://{own}"
COOKIE = (("Cookie", "session=1"),)


async def statuses(api: Api, origins: Mapping[str, int], headers: tuple[tuple[str, str], ...] = ()) -> dict[str, int]:
    return {origin: (await api.handshake((("Origin", origin), *headers))).status for origin in origins}


async def test_a_list_lets_in_exactly_its_origins_and_clients_that_are_no_browsers(new_api: NewApi) -> None:
    api = await new_api(limits=LISTED)
    assert await statuses(api, ORIGINS_OF_A_LIST) == ORIGINS_OF_A_LIST
    assert (await api.handshake()).status == 101


async def test_a_stage_may_demand_an_origin(new_api: NewApi) -> None:
    api = await new_api(limits={**LISTED, "requireOrigin": True})
    assert (await api.handshake()).status == 403
    assert (await api.handshake((("Origin", "https://app.example.com"),))).status == 101


async def test_a_list_of_a_star_lets_every_page_in(new_api: NewApi) -> None:
    api = await new_api(limits={"allowedOrigins": ["*"]})
    expected = {"https://anyone.example": 101, "null": 101}
    assert await statuses(api, expected, COOKIE) == expected


async def test_without_a_list_foreign_pages_may_connect_but_never_with_cookies(new_api: NewApi) -> None:
    api = await new_api()
    own = f"http://localhost:{api.node.port}"
    foreign = {"https://evil.example": 101, "null": 101, own: 101}
    assert await statuses(api, foreign) == foreign
    with_cookies = {
        "https://evil.example": 403,
        "null": 403,
        own: 403,  # the test's Host header bears no port
        "http://localhost": 101,
        "https://localhost": 403,
        "http://localhost:80": 101,
        "http://localhost.evil.example": 403,
        "http://evil.example:80": 403,
    }
    assert await statuses(api, with_cookies, COOKIE) == with_cookies


async def test_a_refused_origin_costs_no_backend_call_and_leaves_no_trace(new_api: NewApi) -> None:
    api = await new_api(limits=LISTED)
    answer = await api.handshake((("Origin", "https://evil.example"),))
    assert (answer.status, answer.headers["x-amzn-errortype"]) == (403, "ForbiddenException")
    assert answer.body == b'{"message":"Forbidden"}'
    assert api.requests("/connect") == []
    assert api.node.rows(api.api_id) == []


COOKIES: dict[str, dict[str, Any]] = {
    "the dashboard's alone": {"sent": "nopal_session=secret1; nopal_csrf=secret2", "seen": None},
    "the dashboard's among others": {"sent": "a=1; nopal_session=secret1; b=2; nopal_csrf=secret2", "seen": "a=1; b=2"},
    "the dashboard's by TLS": {"sent": "__Host-nopal_session=secret1; a=1; __Host-nopal_csrf=secret2", "seen": "a=1"},
    "without blanks": {"sent": "nopal_session=secret1;a=1;nopal_csrf=secret2", "seen": "a=1"},
    "twice": {"sent": "nopal_session=secret1; nopal_session=secret2; a=1", "seen": "a=1"},
    "blanks around the name": {"sent": " nopal_session =secret1; a=1", "seen": "a=1"},
    "similar names are kept": {
        "sent": "xnopal_session=1; nopal_session_x=2",
        "seen": "xnopal_session=1; nopal_session_x=2",
    },
    "others alone": {"sent": "a=1; b=2", "seen": "a=1; b=2"},
}


@pytest.mark.parametrize("header", ["Cookie", "cookie", "COOKIE"])
async def test_no_backend_ever_sees_the_dashboards_cookies(new_api: NewApi, header: str) -> None:
    api = await new_api()
    for name, case in COOKIES.items():
        before = len(api.requests("/connect"))
        assert (await api.handshake(((header, case["sent"]),))).status == 101, name
        [request] = api.requests("/connect")[before:]
        assert request.header("cookie") == case["seen"], name
        assert "secret" not in str(request), name


async def test_no_mapping_reaches_the_dashboards_cookies(new_api: NewApi) -> None:
    parameters = {
        "integration.request.header.X-Cookie": "route.request.header.Cookie",
        "integration.request.header.X-Cookies": "route.request.multivalueheader.Cookie",
        "integration.request.header.connectionId": "context.connectionId",
    }
    api = await new_api(connect={"request_parameters": parameters})
    cookies = (("Cookie", "nopal_session=secret1; a=1"), ("Cookie", "nopal_csrf=secret2"))
    assert (await api.handshake(cookies)).status == 101
    [request] = api.requests("/connect")
    assert request.header("X-Cookie") == "a=1"
    assert "secret" not in str(request)
