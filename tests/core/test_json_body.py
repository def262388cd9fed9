"""What counts as JSON, what a path finds in it, how values are spelled, and that hostile documents stay cheap."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewayapp.core.expressions import compile_path
from gatewayapp.core.json_body import ABSENT, Body, find, parse, stringify


def nested(levels: int) -> str:
    return '{"a":' * levels + "1" + "}" * levels


def members(count: int) -> str:
    return "{" + ",".join(f'"m{number}":1' for number in range(count)) + "}"


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "[]",
        "1",
        '"text"',
        "null",
        ' \t\r\n{"a":1} \n',
        '\ufeff{"a":1}',
        '{"a":"\\ud83d\\ude00"}',
        nested(64),
        "[" * 64 + "]" * 64,
        members(10_000),
        '{"a":"' + "{[" * 500 + '"}',
        '{"a":"' + ":" * 20_000 + '"}',
    ],
    ids=lambda text: text[:20],
)
def test_strict_json_within_the_bounds_is_a_document(text: str) -> None:
    assert parse(text) is not ABSENT


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "hello",
        "{action: 1}",
        "{'a': 1}",
        '{"a":1,}',
        '{"a":1} x',
        '{"a":01}',
        '{"a":NaN}',
        '{"a":Infinity}',
        '{"a":-Infinity}',
        "// c\n{}",
        '{"a":"\\ud800"}',
        '{"a":"\ud800"}',
        '{"a":"line\nbreak"}',
        '{"a":1E400}',
        '{"a":' + "9" * 131_000 + "}",
        nested(65),
        "[" * 65 + "]" * 65,
        members(10_001),
        "[" * 100_000 + "]" * 100_000,
        '{"a":' * 20_000,
        "[" * 100_000,
    ],
    ids=lambda text: ascii(text)[:24],
)
def test_anything_else_is_not_json_and_costs_next_to_nothing(text: str) -> None:
    started = time.process_time()
    assert parse(text) is ABSENT
    assert time.process_time() - started < 0.5


def test_members_are_counted_over_the_whole_document() -> None:
    half = members(5_000)
    assert parse(f"[{half},{half}]") is not ABSENT
    assert parse(f'[{half},{half},{{"one":"more"}}]') is ABSENT


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("1", "1"),
        ("-17", "-17"),
        ("1.0", "1.0"),
        ("0.10", "0.10"),
        ("1e3", "1e3"),
        ("1.5E-7", "1.5E-7"),
        ("9223372036854775807", "9223372036854775807"),
        ("18446744073709551616", "18446744073709551616"),
        ("-99999999999999999999999", "-99999999999999999999999"),
        ("3.14159265358979323846264338327950288", "3.14159265358979323846264338327950288"),
        ("0." + "1" * 130_000, "0." + "1" * 130_000),
    ],
    ids=lambda text: text[:24],
)
def test_numbers_keep_the_digits_they_were_sent_with(number: str, text: str) -> None:
    body = Body(f'\ufeff{{"n":{number},"list":[{number}],"o":{{"n":{number}}}}}')
    assert body.select(("n",)) == text
    assert body.select(("list",)) == f"[{text}]"
    assert body.select(("o", "n")) == text
    assert body.select(("o",)) == f"{{n={text}}}"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("text", "text"),
        ("", ""),
        (True, "true"),
        (False, "false"),
        (None, "null"),
        (12, "12"),
        ([], "[]"),
        (["a", "b"], "[a, b]"),
        (["a", 1, None, True, ["b"]], "[a, 1, null, true, [b]]"),
        ({}, "{}"),
        ({"k": "v", "n": [1]}, "{k=v, n=[1]}"),
    ],
)
def test_values_are_spelled_as_java_spells_them(value: object, text: str) -> None:
    assert stringify(value) == text


DOCUMENT = '{"a":{"b":[10,{"c":"deep"},{"c":"deeper"}]},"odd name":1,"x.y":2,"nil":null,"":"empty","list":["p","q"]}'


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("a.b[0]", "10"),
        ("a.b[1].c", "deep"),
        ("a['b'][1]['c']", "deep"),
        ("a.b[*].c", "[deep, deeper]"),
        ("a.*[0]", "[10]"),
        ("list.*", "[p, q]"),
        ("list[1]", "q"),
        ("['odd name']", "1"),
        ('["x.y"]', "2"),
        ("['']", "empty"),
        ("nil", None),
        ("missing", None),
        ("a.missing.b", None),
        ("list[2]", None),
        ("list.p", None),
        ("list[*].p", None),
        ("a[0]", None),
        ("[0]", None),
        ("nil.a", None),
    ],
)
def test_a_path_finds_members_list_items_and_wildcards(path: str, value: str | None) -> None:
    assert Body(DOCUMENT).select(compile_path(path)) == value


def test_a_wildcard_alone_finds_every_member() -> None:
    assert Body('{"a":1,"b":[2]}').select(compile_path("*")) == "[1, [2]]"


@pytest.mark.parametrize("text", ["[1,2]", '"text"', "7", "true", "null", "not json"])
def test_a_path_finds_nothing_in_what_is_no_object(text: str) -> None:
    assert Body(text).select(("a",)) is None
    assert Body(text).select((0,)) is None


def test_the_last_of_duplicate_keys_wins() -> None:
    assert Body('{"a":"first","a":"last"}').select(("a",)) == "last"
    assert Body('{"a":1.10,"a":2.20}').select(("a",)) == "2.20"


def test_the_text_stays_as_it_was_sent() -> None:
    text = '\ufeff { "b" : 1.50 ,\n"a":2}'
    assert Body(text).text == text


def test_null_differs_from_nothing() -> None:
    assert find({"a": None}, ("a",)) is None
    assert find({}, ("a",)) is ABSENT


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(max_size=5), children, max_size=4),
    max_leaves=20,
)
PATHS = st.lists(st.text(max_size=5) | st.integers(-1, 3), min_size=1, max_size=4).map(tuple)


@given(text=st.text(), path=PATHS)
def test_any_text_may_be_asked_for_any_path(text: str, path: tuple[str | int, ...]) -> None:
    assert isinstance(Body(text).select(path), str | None)


@given(value=JSON_VALUES, path=PATHS)
def test_any_document_may_be_asked_for_any_path(value: object, path: tuple[str | int, ...]) -> None:
    assert find({"a": value}, ("a",)) == value
    assert stringify(find(value, path)) is not None
