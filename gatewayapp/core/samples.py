"""A sample of what a JSON Schema (draft 4) describes, for people to start from; bounded, whatever the schema refers to.

A value that the schema itself gives is taken first: its example, its default, the first of its enum. A sample shows the
shape; patterns and formats are not met.
"""

from collections.abc import Callable, Mapping
from typing import Any

Schema = Mapping[str, Any]

_DEEPEST = 8
_MOST_VALUES = 500


def sample(schema: Schema) -> Any:
    """A JSON value of the schema's shape; references may point to anywhere in the schema itself."""
    return _Sampler(schema).value(schema, 0)


class _Sampler:
    """Counts the values it makes: a short schema may refer to itself any number of times."""

    def __init__(self, root: Schema) -> None:
        self._root = root
        self._left = _MOST_VALUES
        self._makers: dict[str, Callable[[Schema, int], Any]] = {
            "object": self._object,
            "array": self._array,
            "string": lambda schema, depth: "x" * min(_whole(schema.get("minLength")), 64) or "string",
            "integer": lambda schema, depth: _least(schema),
            "number": lambda schema, depth: _least(schema),
            "boolean": lambda schema, depth: True,
        }

    def value(self, schema: Any, depth: int) -> Any:
        self._left -= 1
        if depth > _DEEPEST or self._left < 0:
            return None
        schema = self._resolved(schema)
        for given in ("example", "default"):
            if given in schema:
                return schema[given]
        for choices in (schema.get("enum"), schema.get("examples")):
            if isinstance(choices, list) and choices:
                return choices[0]
        maker = self._makers.get(_type(schema))
        return maker(schema, depth + 1) if maker else None

    def _object(self, schema: Schema, depth: int) -> dict[str, Any]:
        properties = schema.get("properties")
        if not isinstance(properties, Mapping):
            return {}
        return {name: self.value(member, depth) for name, member in properties.items() if self._left > 0}

    def _array(self, schema: Schema, depth: int) -> list[Any]:
        items = schema.get("items")
        if isinstance(items, list):
            return [self.value(item, depth) for item in items if self._left > 0]
        return [self.value(items, depth)] if isinstance(items, Mapping) else []

    def _resolved(self, schema: Any) -> Schema:
        """The schema that is meant, with what all of `allOf` and the first of `anyOf` and `oneOf` add to it."""
        schema = self._referred(schema)
        parts = [*_list(schema.get("allOf")), *_list(schema.get("anyOf"))[:1], *_list(schema.get("oneOf"))[:1]]
        properties: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for part in (*map(self._referred, parts), schema):
            merged |= part
            properties |= part["properties"] if isinstance(part.get("properties"), Mapping) else {}
        return merged | {"properties": properties} if properties else merged

    def _referred(self, schema: Any) -> Schema:
        for _ in range(_DEEPEST):
            reference = schema.get("$ref") if isinstance(schema, Mapping) else None
            if not isinstance(reference, str):
                break
            schema = self._at(reference)
        return schema if isinstance(schema, Mapping) else {}

    def _at(self, pointer: str) -> Any:
        """What a reference such as `#/definitions/user` points to (RFC 6901); None if it is not in the schema."""
        if not pointer.startswith("#"):
            return None
        found: Any = self._root
        for part in pointer.split("/")[1:]:
            name = part.replace("~1", "/").replace("~0", "~")
            found = found.get(name) if isinstance(found, Mapping) else None
        return found


def _type(schema: Schema) -> str:
    """The schema's type, the first that is not null if there are several, or the one that its keywords speak of."""
    named = schema.get("type")
    types = [each for each in _list(named) if each != "null"] if isinstance(named, list) else [named]
    if types and isinstance(types[0], str):
        return types[0]
    return "object" if "properties" in schema else "array" if "items" in schema else ""


def _least(schema: Schema) -> Any:
    minimum = schema.get("minimum")
    return minimum if isinstance(minimum, int | float) else 0


def _whole(number: Any) -> int:
    return number if isinstance(number, int) else 0


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
