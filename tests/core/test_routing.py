"""The choice of a route for a message."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewayapp.core.errors import NoRoute
from gatewayapp.core.json_body import Body
from gatewayapp.core.routing import select_route
from tests.core.samples import snapshot

ALL = ("$connect", "$disconnect", "$default", "send", "Send", "chat/join", "[a, b]", "1", "true", "join-")


@pytest.mark.parametrize(
    ("text", "chosen"),
    [
        ('{"action":"send"}', "send"),
        ('{"action":"Send"}', "Send"),
        ('{"action":"SEND"}', "$default"),
        ('{"action":"send "}', "$default"),
        ('{"action":"unknown"}', "$default"),
        ('{"action":""}', "$default"),
        ('{"action":null}', "$default"),
        ('{"other":"send"}', "$default"),
        ('{"action":["a","b"]}', "[a, b]"),
        ('{"action":1}', "1"),
        ('{"action":true}', "true"),
        ('{"action":"$default"}', "$default"),
        ('{"action":"$connect"}', "$default"),
        ('{"action":"$disconnect"}', "$default"),
        ("hello", "$default"),
        ("", "$default"),
        ('{"action":"send"', "$default"),
        ("{action:'send'}", "$default"),
        ('["send"]', "$default"),
        ('"send"', "$default"),
        ("1", "$default"),
        ("null", "$default"),
        ('\ufeff{"action":"send"}', "send"),
        (' {"action":"send"} ', "send"),
        ('{"action":"unknown","action":"send"}', "send"),
    ],
)
def test_a_message_takes_the_route_its_action_names_or_default(text: str, chosen: str) -> None:
    assert select_route(snapshot(keys=ALL), Body(text)).route_key == chosen


@pytest.mark.parametrize(
    ("selection", "text", "chosen"),
    [
        ("${request.body.service}/${request.body.action}", '{"service":"chat","action":"join"}', "chat/join"),
        ("${request.body.action}-${request.body.missing}", '{"action":"join"}', "join-"),
        ("send", '{"action":"unknown"}', "send"),
        ("send", "[]", "send"),
        ("send", "not json", "$default"),
        ("\\$default", '{"action":"send"}', "$default"),
        ("\\$connect", '{"action":"send"}', "$default"),
    ],
)
def test_the_selection_expression_decides(selection: str, text: str, chosen: str) -> None:
    assert select_route(snapshot(selection, ALL), Body(text)).route_key == chosen


@pytest.mark.parametrize(
    "text", ["hello", "", '{"action":"unknown"}', '{"action":"$connect"}', "[1]", '{"action":"$default"}']
)
def test_without_a_default_route_an_unmatched_message_is_refused(text: str) -> None:
    with pytest.raises(NoRoute):
        select_route(snapshot(keys=("$connect", "$disconnect", "send")), Body(text))


@given(text=st.text(), selection=st.sampled_from(["$request.body.action", "$request.body.a.b", "x", "\\$connect"]))
def test_no_text_does_more_than_find_no_route(text: str, selection: str) -> None:
    api = snapshot(selection, ("$connect", "send", "x"))
    try:
        route = select_route(api, Body(text))
    except NoRoute:
        return
    assert route.route_key in ("send", "x")
