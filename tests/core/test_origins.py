"""Which pages may connect: exact origins, no look-alikes; and cookies only from the gateway's own host."""

import pytest

from gatewayapp.core.origins import is_same_host, origin_allowed

LIST = (
    "https://app.example.com",
    "http://localhost:3000",
    "https://xn--bcher-kva.example",
    "http://[2001:db8::1]:8080",
    "chrome-extension://abcdefgh",
)
LISTED = (
    "https://app.example.com",
    "HTTPS://App.Example.COM",
    "https://app.example.com:443",
    "http://localhost:3000",
    "https://xn--bcher-kva.example",
    "http://[2001:DB8::1]:8080",
    "chrome-extension://abcdefgh",
)
UNLISTED = (
    "null",
    "",
    "*",
    "app.example.com",
    "//app.example.com",
    "http://app.example.com",
    "https://app.example.com:80",
    "https://app.example.com:8443",
    "https://app.example.com:",
    "https://app.example.com:0",
    "https://app.example.com:0443",
    "https://app.example.com:99999999",
    "http://localhost",
    "https://example.com",
    "https://app.example.com.",
    "https://app.example.com/",
    "https://app.example.com?",
    "https://app.example.com#",
    "https://app.example.com.evil.example",
    "https://evilapp.example.com",
    "https://sub.app.example.com",
    "https://app-example.com",
    "https://app.example.com@evil.example",
    "https://evil.example@app.example.com",
    "https://evil.example/https://app.example.com",
    "https://evil.example?https://app.example.com",
    "https://evil.example#https://app.example.com",
    "https://evil.example\\\\app.example.com",
    "https://app.example.com https://evil.example",
    " https://app.example.com",
    "https://app.example.com\t",
    "https://app.exa\tmple.com",
    "https://app.example.com\n",
    "https://\u0430pp.example.com",
    "https://b\u00fccher.example",
    "https://\uff41pp.example.com",
    "http://localhost:\u0663000",
    "file://",
    "chrome-extension://zzzzzzzz",
)


def allowed(origin: str | None, host: str = "gateway.example", **options: object) -> bool:
    defaults = {"has_cookies": False, "allowed": (), "required": False, "scheme": "https"}
    return origin_allowed(origin, host, **{**defaults, **options})  # type: ignore[arg-type]


@pytest.mark.parametrize("origin", LISTED)
def test_a_listed_origin_is_let_in_however_it_is_spelled(origin: str) -> None:
    assert allowed(origin, allowed=LIST, has_cookies=True)


@pytest.mark.parametrize("origin", UNLISTED)
def test_what_only_looks_like_a_listed_origin_is_refused(origin: str) -> None:
    assert not allowed(origin, allowed=LIST)


@pytest.mark.parametrize("origin", [*LISTED, "null", "https://evil.example", "garbage"])
def test_a_star_in_the_list_lets_everyone_in(origin: str) -> None:
    assert allowed(origin, allowed=("https://other.example", "*"), has_cookies=True)


def test_a_list_of_what_is_no_origin_lets_nobody_in() -> None:
    assert not allowed("null", allowed=("null", "example.com"))
    assert not allowed("https://example.com", allowed=("null", "example.com"))


@pytest.mark.parametrize("required", [True, False])
def test_a_client_without_an_origin_is_let_in_unless_one_is_required(required: bool) -> None:
    assert allowed(None, required=required, has_cookies=True) is not required
    assert allowed(None, required=required, allowed=LIST) is not required


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "garbage", "https://gateway.example"])
def test_without_a_list_and_without_cookies_every_page_is_let_in(origin: str) -> None:
    assert allowed(origin)


@pytest.mark.parametrize(
    ("origin", "host", "scheme", "expected"),
    [
        ("https://gateway.example", "gateway.example", "https", True),
        ("https://gateway.example", "GATEWAY.example:443", "https", True),
        ("https://gateway.example:443", "gateway.example", "https", True),
        ("http://localhost:8000", "localhost:8000", "http", True),
        ("http://[::1]:8000", "[::1]:8000", "http", True),
        ("http://gateway.example", "gateway.example", "https", False),
        ("https://gateway.example:8443", "gateway.example", "https", False),
        ("http://localhost:3000", "localhost:8000", "http", False),
        ("http://127.0.0.1:8000", "localhost:8000", "http", False),
        ("https://gateway.example.evil.example", "gateway.example", "https", False),
        ("https://sub.gateway.example", "gateway.example", "https", False),
        ("null", "gateway.example", "https", False),
        ("null", "null", "https", False),
        ("", "", "https", False),
        ("https://", "", "https", False),
    ],
)
def test_without_a_list_cookies_are_taken_from_the_gateways_own_host_only(
    origin: str, host: str, scheme: str, expected: bool
) -> None:
    assert allowed(origin, host, scheme=scheme, has_cookies=True) is expected


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://gateway.example", "gateway.example"),
        ("https://gateway.example", "gateway.example"),
        ("https://Gateway.example:443", "gateway.example"),
        ("http://127.0.0.1:8000", "127.0.0.1:8000"),
        ("http://[::1]:8000", "[::1]:8000"),
    ],
)
def test_a_page_of_the_host_itself_is_known_by_either_scheme(origin: str, host: str) -> None:
    assert is_same_host(origin, host)


@pytest.mark.parametrize(
    "origin",
    [
        *("", "null", "http://[", "http://]", "//[", "http://\uff0f", "http://\xff", "gateway.example", "https://"),
        *(
            "https://gateway.example:80",
            "http://gateway.example:8000",
            "wss://gateway.example",
            "https://gateway.example/",
        ),
    ],
)
def test_no_other_page_is_one_of_the_host(origin: str) -> None:
    assert not is_same_host(origin, "gateway.example")


@pytest.mark.parametrize("host", ["", "[", "http://[", "a b"])
def test_a_malformed_host_has_no_pages(host: str) -> None:
    assert not is_same_host(f"http://{host}", host)
