"""A management request as it is on the wire, which is what its signature is about."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any
from urllib.parse import quote

import orjson
from django.http import HttpRequest
from rest_framework.request import Request

from gatewayapp.controlplane.operations import BadRequest, expecting

PREFIX = "/v2"


def raw_path(request: HttpRequest) -> str:
    """The path, still percent-encoded. A WSGI server that does not tell it leaves only the decoded one to encode."""
    scope: dict[str, Any] = getattr(request, "scope", {})
    if scope.get("raw_path"):
        return bytes(scope["raw_path"]).decode("latin-1").partition("?")[0]
    wsgi_path = request.META.get("REQUEST_URI") or request.META.get("RAW_URI")
    return str(wsgi_path).partition("?")[0] if wsgi_path else quote(request.path, safe="/~@:$*=,")


def path_below_prefix(request: HttpRequest) -> str:
    """What follows `/v2` in the path, still percent-encoded."""
    return raw_path(request).removeprefix(request.META.get("SCRIPT_NAME", "")).removeprefix(PREFIX)


def header_fields(request: HttpRequest) -> list[tuple[str, str]]:
    """Header fields with lower-case names, in order of arrival where the server tells it."""
    scope: dict[str, Any] = getattr(request, "scope", {})
    if "headers" in scope:
        return [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in scope["headers"]]
    return [(name.lower(), value) for name, value in request.headers.items()]


def is_form(request: HttpRequest) -> bool:
    """Whether the body is a form, which Django has read as one before any view."""
    return request.content_type in ("application/x-www-form-urlencoded", "multipart/form-data")


def json_body(request: HttpRequest) -> bytes:
    """The body of a request to a page that takes JSON. Raises BadRequest for a form."""
    if is_form(request):
        raise BadRequest("The request body must be JSON, not a form.")
    return request.body


def body_document(body: bytes) -> dict[str, Any]:
    """The body as a JSON object; no body is an empty one. Raises BadRequest."""
    try:
        document = orjson.loads(body or b"{}")
    except ValueError as error:
        raise BadRequest(f"The request body is not JSON: {error}.") from error
    if not isinstance(document, dict):
        raise BadRequest("The request body must be a JSON object.")
    return document


def expected_draft(request: HttpRequest | Request, api_id: str) -> AbstractContextManager[None]:
    """The draft's version that `If-Match` asks for while the request is carried out (RFC 9110 section 13.1.1).

    AWS has no such thing, and none of its clients sends the header. `*` asks for nothing.
    """
    version = request.META.get("HTTP_IF_MATCH", "*").strip().removeprefix("W/").strip('"')
    return nullcontext() if version == "*" or not api_id else expecting(api_id, version)
