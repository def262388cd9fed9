"""Shapes of requests and answers: snake_case in Python, lower camel case on the wire."""

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from django.core.validators import ProhibitNullCharactersValidator
from rest_framework import serializers

from gatewayapp.core.limits import camel


class Shape(serializers.Serializer[Any]):
    """A serializer whose members bear their names in lower camel case on the wire."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        fields = {}
        for name, field in super().get_fields().items():
            if camel(name) != name and field.source is None:
                field.source = name
            fields[camel(name)] = field
        return fields


class Text(serializers.CharField):
    """Any text, as it is: blank, with white space around it, with NUL characters in it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"allow_blank": True, "trim_whitespace": False, **options})
        self.validators = [each for each in self.validators if not isinstance(each, ProhibitNullCharactersValidator)]


class Base64(serializers.CharField):
    """Bytes in base64 (RFC 4648 section 4)."""

    def to_internal_value(self, data: Any) -> Any:
        try:
            return base64.b64decode(super().to_internal_value(data), validate=True)
        except (binascii.Error, ValueError) as error:
            raise serializers.ValidationError("This is not base64.") from error


class HeaderShape(Shape):
    name = serializers.CharField()
    value = serializers.CharField()


class FrameShape(Shape):
    """A frame to send: `text`, or `binary` for a binary one."""

    text = Text(required=False, help_text="The text of a text frame.")
    binary = Base64(required=False, allow_blank=True, help_text="The bytes of a binary frame, in base64.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("text" in attrs) == ("binary" in attrs):
            raise serializers.ValidationError("Give either text, for a text frame, or binary, for a binary one.")
        return attrs


def frame_of(body: Mapping[str, Any]) -> str | bytes:
    """The frame that a FrameShape holds."""
    frame: str | bytes = body["text"] if "text" in body else body["binary"]
    return frame


class PageQuery(Shape):
    page_size = serializers.IntegerField(
        min_value=1, max_value=100, default=25, help_text="How many items a page has at most."
    )
    cursor = serializers.CharField(
        required=False, max_length=512, help_text="`nextCursor` of the page before, unchanged."
    )


class ProblemShape(Shape):
    place = serializers.CharField(help_text="The member that is wrong; empty for the whole.")
    message = serializers.CharField()


class ErrorShape(Shape):
    """Why a request was refused."""

    message = serializers.CharField()
    problems = ProblemShape(many=True, required=False)
    resource_type = serializers.CharField(required=False)


def page_of(item: type[Shape], *, total: bool = False) -> type[Shape]:
    """The shape of a page of items."""
    members: dict[str, Any] = {
        "items": item(many=True),
        "next_cursor": serializers.CharField(
            allow_null=True, help_text="Where the next page begins; null on the last."
        ),
    }
    if total:
        members["total"] = serializers.IntegerField(help_text="How many there are on all pages.")
    name = item.__name__.removesuffix("Shape") + "PageShape"
    return type(name, (Shape,), members)
