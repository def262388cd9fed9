"""The fixed JSON event that a Lambda proxy integration (AWS_PROXY) receives, in its modern form: no null members."""

from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qsl

import orjson

from gatewayapp.core.context import Context
from gatewayapp.core.ids import trace_id
from gatewayapp.core.messages import ConnectionInfo, Handshake, Headers, Message

_HOP_HEADERS = frozenset({"connection", "upgrade", "content-length"})
_GATEWAY_HEADERS = frozenset({"x-amzn-trace-id", "x-forwarded-for", "x-forwarded-port", "x-forwarded-proto"})
_QUERY_FIELDS = 1000


def proxy_event(context: Context) -> bytes:
    """The event as JSON. Only CONNECT has the client's headers and query, only MESSAGE a body."""
    event = context.event
    document: dict[str, Any] = {}
    if isinstance(event, Handshake):
        document |= _multi_value("headers", "multiValueHeaders", event_headers(context.connection, event))
        if event.query_string:
            query = query_fields(event.query_string)
            document |= _multi_value("queryStringParameters", "multiValueQueryStringParameters", query)
    elif not isinstance(event, Message):
        document |= _multi_value("headers", "multiValueHeaders", _disconnect_headers(context.connection))
    document["requestContext"] = context.document()
    if context.stage_variables:
        document["stageVariables"] = dict(context.stage_variables)
    if isinstance(event, Message):
        document["body"] = event.text
    document["isBase64Encoded"] = False
    return orjson.dumps(document)


def event_headers(connection: ConnectionInfo, handshake: Handshake) -> Headers:
    """The handshake's headers as backends see them: without hop headers, with what the gateway knows better."""
    unseen = _HOP_HEADERS | _GATEWAY_HEADERS
    kept = tuple((name, value) for name, value in handshake.headers if name.lower() not in unseen)
    return (*kept, ("X-Amzn-Trace-Id", trace_id(handshake.time).decode()), *connection.forwarded_headers)


def query_fields(query_string: str) -> list[tuple[str, str]]:
    """The fields of a query string in order, percent-decoded, `+` as a blank; at most 1000."""
    fields = parse_qsl(query_string, keep_blank_values=True, errors="replace")
    return fields[:_QUERY_FIELDS]


def _disconnect_headers(connection: ConnectionInfo) -> Headers:
    host = connection.domain_name.partition("/")[0]
    return (("Host", host), ("x-api-key", ""), ("X-Forwarded-For", ""), ("x-restapi", ""))


def _multi_value(single_name: str, multi_name: str, fields: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Both maps of a multi-value field, the single one with the last value; headers fold to their first spelling."""
    fold = single_name == "headers"
    spelling: dict[str, str] = {}
    values: dict[str, list[str]] = {}
    for name, value in fields:
        name = spelling.setdefault(name.lower(), name) if fold else name
        values.setdefault(name, []).append(value)
    return {single_name: {name: several[-1] for name, several in values.items()}, multi_name: values}
