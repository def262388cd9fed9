"""Redaction: secrets are told by the names they stand under; what points elsewhere is none."""

import pytest

from gatewayapp.core.masking import REDACTED
from gatewayapp.core.redaction import redacted, redacted_headers, redacted_url


@pytest.mark.parametrize(
    ("member", "name", "value", "kept"),
    [
        ("requestParameters", "integration.request.header.Authorization", "'Bearer x'", False),
        ("requestParameters", "integration.request.querystring.api_key", "'x'", False),
        ("requestParameters", "integration.request.header.Authorization", "route.request.header.Authorization", True),
        ("requestParameters", "integration.request.header.room", "'blue'", True),
        ("stageVariables", "DB_PASSWORD", "x", False),
        ("stageVariables", "backend", "x", True),
        ("tags", "token", "x", True),
    ],
)
def test_a_fixed_value_under_a_secret_s_name_is_left_out(member, name, value, kept):
    assert redacted({member: {name: value}}) == {member: {name: value if kept else REDACTED}}


def test_resources_within_a_document_are_redacted_too():
    document = {"integrations": [{"requestParameters": {"integration.request.header.Cookie": "'x'"}}], "name": "chat"}
    assert redacted(document) == {
        "integrations": [{"requestParameters": {"integration.request.header.Cookie": REDACTED}}],
        "name": "chat",
    }


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://a.example/x", "http://a.example/x"),
        ("http://a.example/?room=1&token=x#y", f"http://a.example/?room=1&token={REDACTED}#y"),
        ("http://a.example/?token=${stageVariables.token}", "http://a.example/?token=${stageVariables.token}"),
    ],
)
def test_a_url_keeps_all_but_its_credentials(url, shown):
    assert redacted_url(url) == shown
    assert redacted({"integrationUri": url}) == {"integrationUri": shown}


def test_headers_that_carry_credentials_keep_their_names():
    assert redacted_headers((("Authorization", "x"), ("X-Api-Key", "y"), ("Host", "z"))) == (
        ("Authorization", REDACTED),
        ("X-Api-Key", REDACTED),
        ("Host", "z"),
    )
