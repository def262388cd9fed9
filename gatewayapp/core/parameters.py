"""Request parameters: where an integration's headers, query fields and path parts take their values from.

`integration.request.{header|querystring|path}.{name}` = one of `route.request.{header|querystring|multivalueheader|
multivaluequerystring}.{name}` ($connect only), `route.request.body.{path}` (messages only), `stageVariables.{name}`,
`context.{name}` or `'static text'`. `method.request.…` is read as `route.request.…`.
AWS page: websocket-api-data-mapping.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gatewayapp.core.context import LASTING_VARIABLES, VARIABLES, Context
from gatewayapp.core.events import query_fields
from gatewayapp.core.expressions import compile_path
from gatewayapp.core.messages import Handshake

Source = Callable[[Context], list[str]]
"""Reads a value's parts from an event: none where there is nothing, several for a multi-value source."""

_NAME = r"[A-Za-z0-9._$-]+"
_TARGET = re.compile(rf"integration\.request\.(header|querystring|path)\.({_NAME})")
_FROM_CLIENT = re.compile(
    rf"(?:route|method)\.request\.(header|querystring|multivalueheader|multivaluequerystring)\.({_NAME})"
)
_FROM_BODY = re.compile(r"(?:route|method)\.request\.body(?:\.(.+))?", re.DOTALL)
_REQUIRED = re.compile(rf"(?:route|method)\.request\.(header|querystring)\.({_NAME})")

HOP_HEADERS = frozenset(
    [
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ]
)
"""Header fields that concern one connection or the HTTP client itself (RFC 9110 section 7.6.1): the gateway's own."""

_REFUSED_PREFIXES = ("x-amzn-", "x-forwarded-")

# Of callers that sign with IAM or bring an API key; for all others they are empty, which maps to nothing.
_WITHOUT_VALUE = frozenset(
    f"identity.{name}"
    for name in (
        *("accessKey", "accountId", "apiKey", "apiKeyId", "caller", "principalOrgId", "user", "userArn"),
        *("cognitoAuthenticationProvider", "cognitoAuthenticationType", "cognitoIdentityId", "cognitoIdentityPoolId"),
    )
)


@dataclass(frozen=True, slots=True)
class ParameterMapping:
    """One mapped value: `location` is header, querystring or path.

    It is `lasting` if it is the same for all messages of a connection.
    """

    location: str
    name: str
    source: Source
    lasting: bool


@dataclass(frozen=True, slots=True)
class RequiredParameter:
    """A header or query field that a handshake must have: `location` is header or querystring."""

    location: str
    name: str

    def present(self, handshake: Handshake) -> bool:
        return bool(_client_values(handshake, self.location, self.name))


def compile_mapping(target: str, source: str) -> ParameterMapping:
    """Compile one entry of an integration's request parameters. Raises ValueError with what may stand there."""
    found = _TARGET.fullmatch(target)
    if found is None:
        raise ValueError(f"{target!r}: a request parameter is called integration.request.header|querystring|path.NAME.")
    location, name = found.groups()
    if location == "header" and (name.lower() in HOP_HEADERS or name.lower().startswith(_REFUSED_PREFIXES)):
        raise ValueError(f"{target!r}: the header {name} is the gateway's own and cannot be mapped.")
    return ParameterMapping(location, name, compile_source(source), _is_lasting(source))


def _is_lasting(source: str) -> bool:
    return source.startswith(("'", "context.authorizer.")) or source.removeprefix("context.") in LASTING_VARIABLES


def compile_source(text: str) -> Source:
    """Compile the right side of a mapping. Raises ValueError with what may stand there."""
    if len(text) >= 2 and text[0] == text[-1] == "'":
        return lambda context: [text[1:-1]]
    if found := _FROM_CLIENT.fullmatch(text):
        location, name = found.groups()
        return _client_source(location, name)
    if found := _FROM_BODY.fullmatch(text):
        return _body_source(found[1])
    scope, _, name = text.partition(".")
    if scope == "stageVariables" and re.fullmatch(r"\w+", name):
        return lambda context: _some(context.stage_variables.get(name))
    if scope == "context" and (name in VARIABLES or name in _WITHOUT_VALUE or name.startswith("authorizer.")):
        return lambda context: _some(context.variable(name))
    raise ValueError(
        f"{text!r} is no source of a value: use route.request.body.NAME, route.request.header.NAME, "
        "route.request.querystring.NAME, stageVariables.NAME, context.NAME or 'static text' in single quotes."
    )


def compile_required(declared: Mapping[str, Mapping[str, bool]]) -> tuple[RequiredParameter, ...]:
    """The parameters that a route's `requestParameters` marks as required."""
    required = []
    for key, settings in declared.items():
        found = _REQUIRED.fullmatch(key)
        if found is None:
            raise ValueError(f"{key!r}: a route's request parameter is called route.request.header|querystring.NAME.")
        if settings.get("required"):
            required.append(RequiredParameter(*found.groups()))
    return tuple(required)


def _client_source(location: str, name: str) -> Source:
    multiple = location.startswith("multivalue")
    location = location.removeprefix("multivalue")

    def read(context: Context) -> list[str]:
        if not isinstance(context.event, Handshake):
            return []
        values = _client_values(context.event, location, name)
        return values if multiple else values[-1:]

    return read


def _client_values(handshake: Handshake, location: str, name: str) -> list[str]:
    if location == "header":
        return [_text(value) for key, value in handshake.headers if key.lower() == name.lower()]
    return [value for key, value in query_fields(handshake.query_string) if key == name]


def _text(value: str) -> str:
    """A header's value, whose characters stand for bytes, as the text that those bytes most likely spell."""
    return value if value.isascii() else value.encode("latin-1").decode(errors="replace")


def _body_source(path_text: str | None) -> Source:
    if path_text is None:
        return lambda context: [context.body.text] if context.body else []
    path = compile_path(path_text)

    def read(context: Context) -> list[str]:
        return _some(context.body.select(path) if context.body else None)

    return read


def _some(value: str | None) -> list[str]:
    return [] if value is None else [value]
