"""Selection expressions: variables in literal text, evaluated once."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gatewayapp.core.expressions import compile_path, compile_selection
from gatewayapp.core.json_body import Body
from gatewayapp.core.messages import IntegrationResponse

PAYLOAD = Body(
    '{"service":"chat","action":"join","n":1,"ok":true,"no":false,"list":["a","b"],"o":{"k":"v"},"nil":null,'
    '"detail-type":"x","empty":"","money":"$request.body.action","two words":"w","f":1.50,"u":"жук"}'
)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("$request.body.action", "join"),
        ("${request.body.action}", "join"),
        ("${request.body.service}/${request.body.action}", "chat/join"),
        ("$request.body.service/$request.body.action", "chat/join"),
        ("${request.body.service}${request.body.action}", "chatjoin"),
        ("${request.body.action}-${request.body.missing}", "join-"),
        ("$request.body.missing", ""),
        ("$request.body.o.k", "v"),
        ("$request.body.o.missing.deeper", ""),
        ("$request.body.detail-type", "x"),
        ("${request.body.action}ed", "joined"),
        ("action", "action"),
        ("a constant, with { } and \\ in it", "a constant, with { } and \\ in it"),
        ("\\$default", "$default"),
        ("\\$\\$", "$$"),
        ("price: \\$${request.body.n}", "price: $1"),
        ("$request.body.list", "[a, b]"),
        ("$request.body.list[1]", "b"),
        ("${request.body.list[0]}", "a"),
        ("${request.body.list[*]}", "[a, b]"),
        ("$request.body['action']", "join"),
        ("${request.body['two words']}", "w"),
        ("$request.body.n", "1"),
        ("$request.body.f", "1.50"),
        ("$request.body.ok", "true"),
        ("$request.body.no", "false"),
        ("$request.body.nil", ""),
        ("$request.body.empty", ""),
        ("$request.body.o", "{k=v}"),
        ("$request.body.u", "жук"),
        ("$request.body.money", "$request.body.action"),
        ("$request.body.Action", ""),
    ],
)
def test_an_expression_evaluates_once_to_text(expression: str, value: str) -> None:
    assert compile_selection(expression).evaluate(PAYLOAD) == value


@pytest.mark.parametrize("text", ["", "hello", "[1]", '"action"', "12", "null"])
def test_what_is_no_json_object_makes_every_variable_empty(text: str) -> None:
    assert compile_selection("<$request.body.action>").evaluate(Body(text)) == "<>"


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "$",
        "$1",
        "a $ b",
        "${",
        "${}",
        "$default",
        "$request",
        "$request.body",
        "${request.body.}",
        "$request.body..action",
        "${request.body.a..b}",
        "${request.body.a b}",
        "${request.body.a[}",
        "${request.body.a[?(@.b)]}",
        "${request.body.a[1:2]}",
        "${request.body.a[-1]}",
        "$request.header.x-api-key",
        "$request.querystring.action",
        "$context.connectionId",
        "$stageVariables.name",
        "$integration.response.statuscode",
    ],
)
def test_an_expression_that_cannot_be_carried_out_is_refused_in_words(expression: str) -> None:
    with pytest.raises(ValueError, match=r"\w+ \w+.*\."):
        compile_selection(expression)


RESPONSE = IntegrationResponse(
    404, headers=(("X-Kind", "first"), ("x-kind", "last"), ("Content-Type", "text/plain")), body=b"gone"
)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("$integration.response.statuscode", "404"),
        ("${integration.response.statuscode}", "404"),
        ("$integration.response.header.Content-Type", "text/plain"),
        ("$integration.response.header.content-type", "text/plain"),
        ("$integration.response.header.X-Kind", "last"),
        ("$integration.response.multivalueheader.X-Kind", "first,last"),
        ("$integration.response.header.Missing", ""),
        ("$integration.response.multivalueheader.Missing", ""),
        ("${request.body.action}/${integration.response.statuscode}", "join/404"),
        ("constant", "constant"),
    ],
)
def test_an_expression_of_a_response_speaks_of_its_status_and_headers(expression: str, value: str) -> None:
    assert compile_selection(expression, of_response=True).evaluate(PAYLOAD, RESPONSE) == value


@pytest.mark.parametrize(
    "expression", ["$integration.response.body.errorMessage", "$integration.latency", "$integration.response.header."]
)
def test_an_expression_of_a_response_refuses_other_variables(expression: str) -> None:
    with pytest.raises(ValueError, match="cannot be used here"):
        compile_selection(expression, of_response=True)


@pytest.mark.parametrize(
    "path", ["", ".a", "a.", "a..b", "a b", "a[", "a[b]", "a[-1]", "a*", "*a", "a['b", "..a", "a.[0]"]
)
def test_a_path_of_another_form_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="path"):
        compile_path(path)


@given(text=st.text() | st.text(alphabet="$\\{}.[]'\"*a1 request.body"))
@example("$request.body." + "a." * 5000)
@example("${request.body." + "[0]" * 20_000 + "}")
@example("\\" * 50_001)
@example("$" * 50_001)
def test_any_text_compiles_or_is_a_value_error(text: str) -> None:
    try:
        selection = compile_selection(text)
    except ValueError:
        return
    assert isinstance(selection.evaluate(PAYLOAD), str)


@given(text=st.text(min_size=1))
def test_text_with_its_dollar_signs_escaped_is_a_constant(text: str) -> None:
    assert compile_selection(text.replace("$", "\\$")).evaluate(PAYLOAD) == text


@given(name=st.from_regex(r"[A-Za-z_][\w-]{0,20}", fullmatch=True))
def test_a_member_is_found_with_and_without_braces(name: str) -> None:
    body = Body(f'{{"outer":{{"{name}":"inner"}}}}')
    for expression in (f"$request.body.outer.{name}", f"${{request.body.outer.{name}}}"):
        assert compile_selection(expression).evaluate(body) == "inner"
