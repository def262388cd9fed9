"""Samples of JSON Schemas: their shape, the values that schemas give themselves, and their bounds."""

import orjson
import pytest

from gatewayapp.core.samples import sample

USER = {"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer", "minimum": 18}}}

SAMPLES = [
    ({}, None),
    ({"type": "string"}, "string"),
    ({"type": "string", "minLength": 3}, "xxx"),
    ({"type": "integer"}, 0),
    ({"type": "number", "minimum": 1.5}, 1.5),
    ({"type": "boolean"}, True),
    ({"type": "null"}, None),
    ({"type": "gopher"}, None),
    ({"type": ["null", "string"]}, "string"),
    ({"type": ["null"]}, None),
    ({"enum": ["red", "green"]}, "red"),
    ({"type": "string", "default": "red"}, "red"),
    ({"type": "string", "default": "red", "example": "green"}, "green"),
    ({"type": "string", "examples": ["red"]}, "red"),
    (USER, {"name": "string", "age": 18}),
    ({"properties": {"a": {"type": "string"}}}, {"a": "string"}),
    ({"type": "object"}, {}),
    ({"type": "array", "items": USER}, [{"name": "string", "age": 18}]),
    ({"items": [{"type": "string"}, {"type": "integer"}]}, ["string", 0]),
    ({"type": "array"}, []),
    ({"$ref": "#/definitions/user", "definitions": {"user": USER}}, {"name": "string", "age": 18}),
    ({"$ref": "#/definitions/a~1b", "definitions": {"a/b": {"type": "string"}}}, "string"),
    (
        {"properties": {"a": {"$ref": "https://schemas.example/a"}, "b": {"$ref": "#/nowhere/b"}}},
        {"a": None, "b": None},
    ),
    ({"allOf": [USER, {"properties": {"id": {"type": "string"}}}]}, {"name": "string", "age": 18, "id": "string"}),
    ({"oneOf": [{"type": "string"}, {"type": "integer"}]}, "string"),
    ({"anyOf": [{"type": "boolean"}, {"type": "integer"}]}, True),
    ({"type": "object", "properties": 7, "allOf": "x", "oneOf": 1}, {}),
    ({"type": "string", "minLength": "long"}, "string"),
    ({"type": "array", "items": 7}, []),
    ({"properties": {"a": 7}}, {"a": None}),
]


@pytest.mark.parametrize(("schema", "expected"), SAMPLES)
def test_a_sample_has_the_shape_of_its_schema(schema, expected):
    assert sample(schema) == expected


def test_a_schema_that_refers_to_itself_is_cut_off():
    tree = {"type": "object", "properties": {"left": {"$ref": "#"}, "right": {"$ref": "#"}}}
    wide = {"type": "array", "items": [{"$ref": "#"}] * 100}
    circle = {"$ref": "#/definitions/a", "definitions": {"a": {"$ref": "#/definitions/a"}}}
    assert sample(circle) is None
    for schema in (tree, wide):
        assert len(orjson.dumps(sample(schema))) < 20_000
