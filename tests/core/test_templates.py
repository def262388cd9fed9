"""Templates without references are their own output; Velocity is refused with its place."""

import pytest

from gatewayapp.core.templates import choose_template, compile_template


@pytest.mark.parametrize(
    "source",
    [
        "",
        "{}",
        '{"statusCode": 200}',
        '{"price": "5 $"}',
        "cost: $5",
        "# heading",
        "a $ b",
        "100%",
        "$$",
        '{"n": "#1"}',
    ],
)
def test_a_template_without_references_renders_as_itself(source: str) -> None:
    assert compile_template(source).render() == source


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("$input.body", 1),
        ("$input.json('$.x')", 1),
        ("${input.body}", 1),
        ("$!input.body", 1),
        ("$!{context.stage}", 1),
        ('{\n"id": "$context.connectionId"}', 2),
        ("{\n\n$util.escapeJavaScript('x')}", 3),
        ("#set($x = 1)", 1),
        ("#if(true)a#end", 1),
        ("#{if}(true)", 1),
        ("a\n## a comment", 2),
        ("#* a comment *#", 1),
    ],
)
def test_velocity_is_refused_with_its_line(source: str, line: int) -> None:
    with pytest.raises(ValueError, match=f"uses Velocity on line {line} "):
        compile_template(source)


@pytest.mark.parametrize(
    ("keys", "key", "chosen"),
    [
        (["a", "$default"], "a", "a"),
        (["a", "$default"], "b", "$default"),
        (["a"], "b", None),
        ([], "a", None),
        (["a", "$default"], "", "$default"),
        (["a", "$default"], "A", "$default"),
    ],
)
def test_the_template_under_the_key_comes_before_the_default_one(keys: list[str], key: str, chosen: str | None) -> None:
    template = choose_template({each: compile_template(each.strip("$")) for each in keys}, key)
    assert (template and template.render()) == (chosen and chosen.strip("$"))
