"""Documents as text: what is read, what is refused, and that what is written reads back the same."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewayapp.interchange.documents import dump, parse
from gatewayapp.interchange.limits import MAX_DOCUMENT_BYTES
from gatewayapp.interchange.problems import Rejected


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: !Ref B", {"Ref": "B"}),
        ("a: !Sub x${B}", {"Fn::Sub": "x${B}"}),
        ("a: !Sub [x, {y: !Ref B}]", {"Fn::Sub": ["x", {"y": {"Ref": "B"}}]}),
        ("a: !GetAtt B.Arn", {"Fn::GetAtt": ["B", "Arn"]}),
        ("a: !GetAtt [B, Arn]", {"Fn::GetAtt": ["B", "Arn"]}),
        ("a: !GetAtt B.Outputs.C", {"Fn::GetAtt": ["B", "Outputs.C"]}),
        ("a: !Condition B", {"Condition": "B"}),
        ("a: !If [B, !Ref C, 1]", {"Fn::If": ["B", {"Ref": "C"}, 1]}),
        ("a: 2010-09-09", "2010-09-09"),
        ("a: 012345678901", "012345678901"),
        ("a: 12:30", "12:30"),
        ("a: on", "on"),
        ("a: 0x1f", "0x1f"),
        ("a: true", True),
        ("a: 12", 12),
        ("a: 1.5", 1.5),
        ("a: 1e3", 1000.0),
        ("a: ~", None),
        ("a:", None),
        ('{"a": {"b": [1, "x", null]}}', {"b": [1, "x", None]}),
        ('\ufeff{"a": 1}', 1),
        ("{a: yaml in braces}", "yaml in braces"),
    ],
)
def test_values_are_read_as_cloudformation_means_them(text, value):
    assert parse(text)["a"] == value


def test_names_that_look_like_numbers_are_texts():
    assert parse("200: ok") == {"200": "ok"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1\nb: 2", "line 2: did not find expected ',' or ']'."),
        ("a: 1\nb: 2\na: 3", "line 3: 'a' stands twice in one mapping; remove one of the two."),
        ('{"a": 1, "a": 2}', "'a' stands twice in one mapping. Remove one of the two."),
        ("a: &x [1]\nb: *x", "line 2: The alias *x: write the value out instead."),
        ("? [a]\n: b", "line 1: a name must be a text."),
        ("- a\n- b", "The document is no mapping of names to values. Is it the right file?"),
        ("", "The document is no mapping of names to values. Is it the right file?"),
        ("just words", "The document is no mapping of names to values. Is it the right file?"),
        ('{"a": NaN}', "NaN is no value of a document."),
        ('{"a": "\\u0000"}', "The document contains a NUL character. Remove it."),
        ('a: "\\0"', "The document contains a NUL character. Remove it."),
        ("a: " + "[" * 100 + "]" * 100, "The document is nested more than 64 levels deep."),
        ('{"a":' * 100 + "1" + "}" * 100, "The document is nested more than 64 levels deep."),
        ('{"a":' * 50_000 + "1" + "}" * 50_000, "The document is nested more than 64 levels deep."),
        ("a: " + "x" * MAX_DOCUMENT_BYTES, "The document is larger than 2 MiB. Split it, one API per document."),
        (
            "a: [" + "1," * 900_000 + "]",
            "The document has more than 400,000 names and values. Split it, one API per document.",
        ),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(text, message):
    with pytest.raises(Rejected) as refused:
        parse(text)

    assert str(refused.value) == message


@pytest.mark.parametrize(
    "value", ["!!python/object/apply:os.system ['true']", "!!python/name:os.system ''", "!!binary eA==", "!!int x"]
)
def test_tags_never_make_objects(value):
    with pytest.raises(Rejected, match=r"line 1: The tag tag:yaml.org,2002:\S+: leave it out"):
        parse(f"a: {value}")


def test_a_document_that_multiplies_itself_is_refused_at_once():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    started = time.monotonic()

    with pytest.raises(Rejected, match="alias"):
        parse("\n".join(lines))

    assert time.monotonic() - started < 5


_TEXT = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=20)
_WORDS = ("1e3", "1.", ".5", "0x1f", "0o7", "1_000", "~", "=", "<<", "12:30", "2020-01-01", "null", "y", "on", "True")
_MARKS = ("", "-", "?", "!a", "&a", "*a", "a: b", "a #b", "\x85", "\u2028", "\ufeff", "\r\n", " a\n", "a\n b\n\n")
_LOOKS_LIKE_SOMETHING = st.sampled_from((*_WORDS, *_MARKS))
_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**12), 10**12)
    | st.floats(allow_nan=False, allow_infinity=False)
    | _TEXT
    | _LOOKS_LIKE_SOMETHING,
    lambda values: st.lists(values, max_size=4) | st.dictionaries(_TEXT | _LOOKS_LIKE_SOMETHING, values, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(_TEXT, _VALUES, max_size=4))
def test_what_is_written_reads_back_the_same(document):
    assert parse(dump(document)) == document
