"""Documents as text: YAML with CloudFormation's short tags, or JSON.

Text comes from anywhere, so it is bounded in size, depth and number of values, and may not repeat itself through
aliases, which CloudFormation does not take either. Only plain values are read: no dates, no octal numbers, no objects.
"""

import json
import re
from collections.abc import Iterable
from itertools import chain
from typing import Any

import yaml

from gatewayapp.interchange.limits import MAX_DEPTH, MAX_DOCUMENT_BYTES, MAX_NAME_LENGTH, MAX_VALUES
from gatewayapp.interchange.problems import Rejected, reject, shortened

Document = dict[str, Any]


def parse(text: str) -> Document:
    """The document's mapping. Raises Rejected with the line where it cannot be read."""
    check_size(text)
    document = _parse_json(text) if text.lstrip("\ufeff \t\r\n").startswith("{") else None
    if document is None:
        document = _parse_yaml(text)
    check_values(document)
    if not isinstance(document, dict):
        raise reject("", "The document is no mapping of names to values. Is it the right file?")
    return document


def check_size(text: str) -> None:
    """Raises Rejected where the document is too large to be read."""
    # The number of characters comes first: encoding a text takes as much memory again.
    if len(text) > MAX_DOCUMENT_BYTES or len(text.encode(errors="surrogatepass")) > MAX_DOCUMENT_BYTES:
        limit = MAX_DOCUMENT_BYTES // 2**20
        raise reject("", f"The document is larger than {limit} MiB. Split it, one API per document.")


def dump(document: Document) -> str:
    """The document as YAML: members in their order, texts of several lines as blocks, no aliases."""
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)


def _parse_json(text: str) -> Any:
    """The value, or None where the text is no JSON; it may still be YAML, whose error then tells the line."""
    try:
        return json.loads(text.lstrip("\ufeff"), object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except RecursionError:
        raise _too_deep() from None
    except ValueError:
        return None


def _unique(pairs: list[tuple[str, Any]]) -> Document:
    document = dict(pairs)
    if len(document) < len(pairs):
        seen: set[str] = set()
        repeated = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise reject("", f"{repeated!r} stands twice in one mapping. Remove one of the two.")
    return document


def _refuse_constant(name: str) -> None:
    raise reject("", f"{name} is no value of a document.")


def check_values(document: Any) -> None:
    """Raises Rejected where the document is too deep, or has too many values, too long a name or a NUL character."""
    count, level = 0, [document]
    for _ in range(MAX_DEPTH + 1):
        if any(isinstance(value, str) and "\0" in value for value in level):
            raise reject("", "The document contains a NUL character. Remove it.")
        for value in level:
            if isinstance(value, dict):
                _check_names(value)
        level = [child for value in level for child in _children(value)]
        count += len(level)
        if count > 2 * MAX_VALUES:
            raise _too_many()
    if level:
        raise _too_deep()


def _check_names(mapping: Document) -> None:
    for name in mapping:
        if len(name) > MAX_NAME_LENGTH:
            start = shortened(name, 40)
            raise reject(
                "", f"The name {start!r} has {len(name):,} characters; a name can have at most {MAX_NAME_LENGTH:,}."
            )


def _children(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return chain(value, value.values())
    return value if isinstance(value, list) else ()


def _parse_yaml(text: str) -> Any:
    try:
        _check_events(text)
        return yaml.load(text, Loader=_Loader)  # noqa: S506 (a safe loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise reject(_line(mark), f"{error.problem or error.context}.") from error
    except yaml.YAMLError as error:
        raise reject("", f"The document is neither YAML nor JSON: {error}") from error


def _check_events(text: str) -> None:
    depth = 0
    for count, event in enumerate(yaml.parse(text, Loader=yaml.CSafeLoader)):
        if isinstance(event, yaml.AliasEvent):
            raise reject(_line(event.start_mark), f"The alias *{event.anchor}: write the value out instead.")
        tag = getattr(event, "tag", None)
        if tag is not None and not tag.startswith("!"):
            raise reject(_line(event.start_mark), f"The tag {tag}: leave it out, plain values need none.")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise _too_deep()
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if count > 2 * MAX_VALUES:
            raise _too_many()


def _too_deep() -> Rejected:
    return reject("", f"The document is nested more than {MAX_DEPTH} levels deep.")


def _too_many() -> Rejected:
    return reject(
        "", f"The document has more than {2 * MAX_VALUES:,} names and values. Split it, one API per document."
    )


def _line(mark: Any) -> str:
    return f"line {mark.line + 1}" if mark else ""


class _Loader(yaml.CSafeLoader):
    """Reads the values of YAML 1.2's core schema, so that `2010-09-09`, `0123` and `on` stay texts."""

    yaml_implicit_resolvers: dict[Any, Any] = {}

    def construct_plain_mapping(self, node: yaml.MappingNode) -> Document:
        document: Document = {}
        for key_node, value_node in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                # A port or a status, perhaps: what CloudFormation reads is a text as well.
                key = key_node.value if isinstance(key_node, yaml.ScalarNode) else None
            if key is None:
                raise yaml.MarkedYAMLError(problem="a name must be a text", problem_mark=key_node.start_mark)
            if key in document:
                problem = f"{key!r} stands twice in one mapping; remove one of the two"
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=key_node.start_mark)
            document[key] = self.construct_object(value_node, deep=True)
        return document

    def construct_short_tag(self, suffix: str, node: yaml.Node) -> Document:
        """`!Ref x` as `{"Ref": x}`, `!Sub x` as `{"Fn::Sub": x}`, `!GetAtt a.b` as `{"Fn::GetAtt": ["a", "b"]}`."""
        value: Any
        if isinstance(node, yaml.ScalarNode):
            value = node.value
        elif isinstance(node, yaml.SequenceNode):
            value = self.construct_sequence(node, deep=True)
        else:
            assert isinstance(node, yaml.MappingNode)
            value = self.construct_plain_mapping(node)
        if suffix == "GetAtt" and isinstance(value, str):
            value = value.split(".", 1)
        return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_Loader.add_constructor("tag:yaml.org,2002:map", _Loader.construct_plain_mapping)
_Loader.add_constructor("tag:yaml.org,2002:float", lambda loader, node: float(node.value))
_Loader.add_multi_constructor("!", _Loader.construct_short_tag)


class _Dumper(yaml.SafeDumper):
    """Puts quotes around what any version of YAML reads as another value than a text."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _represent_text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    style = '"' if _OTHER_BREAKS.search(text) else "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_OTHER_BREAKS = re.compile("[\r\x85\u2028\u2029]")
"""Line breaks that YAML turns into others unless they are escaped."""


_Dumper.add_representer(str, _represent_text)


_RESOLVERS = (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?(?:0|[1-9][0-9]{0,30})", list("-+0123456789")),
    (
        "float",
        r"[-+]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*|(?=[eE]))|\.[0-9]+)(?:[eE][-+]?[0-9]+)?",
        list("-+.0123456789"),
    ),
)
for _name, _pattern, _first in _RESOLVERS:
    for _class in (_Loader, _Dumper):
        _class.add_implicit_resolver(f"tag:yaml.org,2002:{_name}", re.compile(f"(?:{_pattern})$"), _first)
