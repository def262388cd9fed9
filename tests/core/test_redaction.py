"""Redaction: secrets are told by the names they stand under; what points elsewhere is none."""

import pytest

from gatewayapp.core.masking import REDACTED, Mask
from gatewayapp.core.redaction import MissingSecret, Redactor, Secrets

REDACTOR = Redactor(Mask())


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
    assert REDACTOR.document({member: {name: value}}) == {member: {name: value if kept else REDACTED}}


def test_resources_within_a_document_are_redacted_too():
    document = {"integrations": [{"requestParameters": {"integration.request.header.Cookie": "'x'"}}], "name": "chat"}
    assert REDACTOR.document(document) == {
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
    assert REDACTOR.mask.url(url) == shown
    assert REDACTOR.document({"integrationUri": url}) == {"integrationUri": shown}


def test_headers_that_carry_credentials_keep_their_names():
    assert REDACTOR.mask.headers((("Authorization", "x"), ("X-Api-Key", "y"), ("Host", "z"))) == (
        ("Authorization", REDACTED),
        ("X-Api-Key", REDACTED),
        ("Host", "z"),
    )


STORED = {
    "integrationUri": "http://me:swordfish1@a.example/x?room=1&token=swordfish2&code=swordfish3",
    "requestParameters": {
        "integration.request.header.Authorization": "'Bearer swordfish4'",
        "integration.request.header.X-Own": "'Bearer swordfish5'",
        "integration.request.header.X-Partner": "'swordfish6'",
        "integration.request.header.room": "route.request.body.token",
    },
    "requestTemplates": {"$default": '{"apiKey": "swordfish7",  "card": "********1234"}'},
    "responseTemplates": {"$default": "password: swordfish8"},
    "stageVariables": {"apiToken": "context.swordfish9", "backend": "a.example/?key=swordfish0"},
    "message": '{"action": "login", "password": "swordfish-a"}',
    "expectations": {
        "routeKey": "login",
        "request": [{"path": "user.token", "equals": "swordfish-b"}, {"contains": "Bearer swordfish-c"}],
    },
}
KNOWN = Redactor(Mask(["X-Partner"]))


def test_secrets_are_hidden_in_every_member_that_can_hold_one():
    shown = KNOWN.document(STORED)
    assert "swordfish" not in str(shown)
    assert shown["integrationUri"] == "http://********@a.example/x?room=1&token=********&code=********"
    assert shown["requestParameters"]["integration.request.header.room"] == "route.request.body.token"
    assert shown["expectations"]["routeKey"] == "login"


def test_what_is_shown_can_be_sent_back_and_means_what_is_stored():
    assert KNOWN.restore(KNOWN.document(STORED), STORED) == STORED


def test_other_changes_are_kept_where_a_placeholder_is_sent_back():
    shown = KNOWN.document(STORED)
    sent = {
        "integrationUri": shown["integrationUri"].replace("room=1", "room=2").replace("&code=********", ""),
        "requestParameters": {**shown["requestParameters"], "integration.request.header.New": "'x'"},
        "expectations": {"request": [{"contains": "new"}, *reversed(shown["expectations"]["request"])]},
    }
    assert KNOWN.restore(sent, STORED) == {
        "integrationUri": "http://me:swordfish1@a.example/x?room=2&token=swordfish2",
        "requestParameters": {**STORED["requestParameters"], "integration.request.header.New": "'x'"},
        "expectations": {"request": [{"contains": "new"}, *reversed(STORED["expectations"]["request"])]},
    }


@pytest.mark.parametrize("member", STORED)
def test_a_placeholder_for_nothing_is_refused_by_its_place(member):
    shown = KNOWN.document({member: STORED[member]})
    with pytest.raises(MissingSecret, match=rf"{member}.*Send the secret itself") as refused:
        KNOWN.restore(shown, {})
    assert refused.value.member == member


def test_a_template_that_was_changed_around_a_placeholder_is_refused():
    sent = {"requestTemplates": {"$default": '{"apiKey":"********","new":1}'}}
    with pytest.raises(MissingSecret, match=r"requestTemplates\.\$default"):
        KNOWN.restore(sent, STORED)


@pytest.mark.parametrize(
    "members",
    [
        {"requestTemplates": {"$default": '{"card": "********1234"}'}},
        {"requestParameters": {"integration.request.header.room": "'********'"}},
        {"requestParameters": [1], "stageVariables": 1, "integrationUri": ["********"], "expectations": "x"},
        {"description": "********"},
    ],
)
def test_asterisks_that_stand_for_no_secret_stay(members):
    assert KNOWN.restore(members, {}) == members


def test_secrets_are_hidden_by_their_values_too():
    secrets = KNOWN.secrets(STORED)
    assert all(each in secrets.values for each in ("swordfish4", "swordfish7", "context.swordfish9", "swordfish-b"))
    assert secrets.hide({"k": ["x=swordfish4!", 1]}) == {"k": ["x=********!", 1]}
    assert secrets.url("/x?q=swordfish4") == "/x?q=********"


def test_the_scheme_of_a_credential_is_no_secret():
    template = {"requestTemplates": {"$default": "Authorization: Bearer swordfish1"}}
    assert KNOWN.secrets(template).values == ("Bearer swordfish1", "swordfish1")


def test_short_values_are_hidden_by_their_names_only():
    assert KNOWN.secrets({"stageVariables": {"token": "on"}}) == Secrets(KNOWN.mask)
