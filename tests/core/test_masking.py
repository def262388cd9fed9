"""Masking: no credential is shown, wherever it stands; all else stays as it was sent."""

import pytest

from gatewayapp.core.masking import Mask

SECRET = "swordfish1"
MASK = Mask(["pin", "X-Own"])


@pytest.mark.parametrize(
    "text",
    [
        '{"action": "login", "password": "swordfish1"}',
        '{"user": {"apiKey": "swordfish1"}, "room": 1}',
        '{"credentials": {"deep": ["swordfish1"]}}',
        '{"pass\\u0077ord": "swordfish1"}',
        '{"pin": "swordfish1"}',
        '{"inner": "{\\"token\\": \\"swordfish1\\"}"}',
        '{"password": "swordfish1", "cut',
        "{'secret': 'swordfish1'}",
        "user=ann&access_token=swordfish1&room=1",
        "password: swordfish1",
        "Authorization: Bearer swordfish1",
        "say Bearer swordfish1.abc",
        '{"header": "Basic swordfish1="}',
        '{"jwt": "eyJhbGciOiJIUzI1NiJ9.swordfish1.swordfish1"}',
        '{"X-Amz-Signature": "swordfish1"}',
    ],
)
def test_a_secret_in_a_text_is_hidden(text):
    assert SECRET not in MASK.text(text)
    assert "********" in MASK.text(text)


@pytest.mark.parametrize(
    "text",
    [
        '{"action":  "send",\n "text": "hello"}',
        '{"shopping": "a pin"}',
        '{"spinning": "wheel"}',
        "not JSON at all",
        "",
        '{"text":"the password is not told here"}',
    ],
)
def test_what_holds_no_secret_stays_as_it_was_sent(text):
    assert MASK.text(text) == text


def test_headers_and_queries_hide_what_stands_under_secret_names():
    headers = (("Authorization", SECRET), ("x-own", SECRET), ("Host", "a"), ("Sec-WebSocket-Key", "public"))
    assert MASK.headers(headers) == (
        ("Authorization", "********"),
        ("x-own", "********"),
        ("Host", "a"),
        ("Sec-WebSocket-Key", "public"),
    )
    assert MASK.query("room=1&%74oken=swordfish1&sig=") == "room=1&%74oken=********&sig="


def test_the_head_of_a_request_keeps_all_but_its_secrets():
    head = "POST http://a/x?room=1&token=swordfish1\nHost: a\nCookie: swordfish1\nX-Room: blue"
    assert MASK.lines(head) == "POST http://a/x?room=1&token=********\nHost: a\nCookie: ********\nX-Room: blue"


@pytest.mark.parametrize("text", ["a" * 100_000, '"' * 100_000, "\\" * 100_000, "[" * 100_000, "a.$-" * 25_000])
def test_hostile_texts_stay_as_they_are(text):
    assert MASK.text(text) == text


@pytest.mark.parametrize("text", ["token" * 20_000 + "=swordfish1", "[" * 50_000 + '"token": "swordfish1"'])
def test_hostile_texts_do_not_hide_secrets_from_the_mask(text):
    assert SECRET not in MASK.text(text)
