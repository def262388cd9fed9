"""A stage's limits: AWS's quotas by default, each of them settable within bounds."""

import pytest

from gatewayapp.core.limits import StageLimits, camel


def test_the_defaults_are_the_quotas_of_aws() -> None:
    limits = StageLimits.from_document({})
    assert limits == StageLimits()
    assert (limits.idle_timeout, limits.connection_duration) == (600, 7200)
    assert (limits.max_frame, limits.max_message) == (32_768, 131_072)
    assert limits.max_in_flight == 16
    assert limits.ping_resets_idle is True


@pytest.mark.parametrize(
    ("document", "name", "value"),
    [
        ({"idleTimeout": 1.5}, "idle_timeout", 1.5),
        ({"idleTimeout": 0}, "idle_timeout", 0.0),
        ({"connectionDuration": 60}, "connection_duration", 60.0),
        ({"pingResetsIdle": False}, "ping_resets_idle", False),
        ({"maxFrame": 1}, "max_frame", 1),
        ({"maxInFlight": 1}, "max_in_flight", 1),
        ({"messagesPerSecond": 0.5}, "messages_per_second", 0.5),
        ({"connections": 10}, "connections", 10),
        ({"allowedOrigins": ["https://app.example.org", "*"]}, "allowed_origins", ("https://app.example.org", "*")),
        ({"allowedOrigins": []}, "allowed_origins", ()),
        ({"requireOrigin": True}, "require_origin", True),
    ],
)
def test_a_document_sets_the_limits_it_names(document: dict[str, object], name: str, value: object) -> None:
    limits = StageLimits.from_document(document)
    assert getattr(limits, name) == value
    assert type(getattr(limits, name)) is type(value)


def test_a_document_sets_over_a_base() -> None:
    base = StageLimits.from_document({"idleTimeout": 5, "maxFrame": 10})
    assert StageLimits.from_document({"maxFrame": 20}, base) == StageLimits(idle_timeout=5.0, max_frame=20)
    assert base.max_frame == 10


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"idle_timeout": 5}, "Unknown limit 'idle_timeout'. Limits are: allowedOrigins, "),
        ({"unknown": 5}, "Unknown limit 'unknown'"),
        ({"idleTimeout": "5"}, "idleTimeout takes a number"),
        ({"idleTimeout": True}, "idleTimeout takes a number"),
        ({"idleTimeout": None}, "idleTimeout takes a number"),
        ({"idleTimeout": -1}, "idleTimeout must be between 0 and"),
        ({"idleTimeout": float("nan")}, "idleTimeout must be between 0 and"),
        ({"idleTimeout": float("inf")}, "idleTimeout must be between 0 and"),
        ({"maxFrame": 0}, "maxFrame must be between 1 and"),
        ({"maxFrame": 1.5}, "maxFrame takes a whole number"),
        ({"maxMessage": 2**41}, "maxMessage must be between 1 and"),
        ({"maxInFlight": 0}, "maxInFlight must be between 1 and"),
        ({"pingResetsIdle": 1}, "pingResetsIdle takes true or false"),
        ({"allowedOrigins": "*"}, "allowedOrigins takes a list of strings"),
        ({"allowedOrigins": [1]}, "allowedOrigins takes a list of strings"),
        ({"allowedOrigins": [""]}, "allowedOrigins takes a list of strings"),
    ],
)
def test_any_other_document_is_refused_in_words(document: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words.replace(".", r"\.")):
        StageLimits.from_document(document)


def test_names_are_lower_camel_case_on_the_wire() -> None:
    assert camel("max_in_flight") == "maxInFlight"
    assert camel("connections") == "connections"
