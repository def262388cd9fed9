"""Response mapping: what an integration answered becomes a frame, nothing, or the answer to a pending handshake.

A message route sends a frame only if it is two-way; its errors are framed either way. Proxy integrations answer with
their body as it is; for the others an integration response is chosen: AWS by the function's error message, HTTP and
MOCK by status. AWS pages: apigateway-websocket-api-integration-responses, websocket-connect-route-subprotocol.
"""

from base64 import b64decode, b64encode
from collections.abc import Callable
from typing import Any

import orjson

from gatewayapp.core.context import Context
from gatewayapp.core.errors import BadIntegrationResult, ConfigurationFailure, FunctionFailure
from gatewayapp.core.json_body import Body
from gatewayapp.core.messages import CONTROL_BYTES, Acceptance, Denial, Headers, IntegrationResponse
from gatewayapp.core.snapshot import Integration, ResponseRule, Route
from gatewayapp.core.templates import choose_template

_SUBPROTOCOL = "sec-websocket-protocol"


def map_response(route: Route, response: IntegrationResponse, context: Context) -> str | None:
    """The text frame for the client, or None. Raises GatewayError for an answer that is none."""
    assert route.integration is not None
    if route.integration.is_proxy:
        answer = _PROXY_ANSWERS[route.integration.type](response)
    elif route.two_way:
        answer = _chosen_answer(route.integration, response, context)
    else:
        return None
    return (answer.body.decode(errors="replace") or None) if route.two_way else None


def map_connect_response(route: Route, response: IntegrationResponse, context: Context) -> Acceptance | Denial:
    """The handshake's answer: 101 with the chosen subprotocol for a 2xx status, else the backend's status and body."""
    assert route.integration is not None
    if route.integration.is_proxy:
        answer = _PROXY_ANSWERS[route.integration.type](response)
    else:
        answer = _connect_answer(_chosen_answer(route.integration, response, context))
    if not 200 <= answer.status <= 599:
        raise BadIntegrationResult(f"The $connect integration answered with status {answer.status}.")
    if answer.status < 300:
        return Acceptance(_subprotocol(answer.headers))
    return Denial(answer.status, _denial_headers(answer.headers, context.event.request_id), answer.body)


def _http_proxy_answer(response: IntegrationResponse) -> IntegrationResponse:
    return response


def _lambda_proxy_answer(response: IntegrationResponse) -> IntegrationResponse:
    """The answer that a Lambda proxy result spells: {"statusCode": int, "headers": {}, "body": str, …}."""
    if response.function_error is not None:
        raise FunctionFailure(f"The function failed ({response.function_error}).")
    try:
        result = orjson.loads(response.body)
    except orjson.JSONDecodeError as error:
        raise BadIntegrationResult("The function's result is not JSON.") from error
    status = result.get("statusCode") if isinstance(result, dict) else None
    if type(status) is not int:
        raise BadIntegrationResult("The function's result is no object with an integer statusCode.")
    return IntegrationResponse(status, _result_body(result), _result_headers(result))


_PROXY_ANSWERS: dict[str, Callable[[IntegrationResponse], IntegrationResponse]] = {
    "HTTP_PROXY": _http_proxy_answer,
    "AWS_PROXY": _lambda_proxy_answer,
}


def _result_body(result: dict[str, Any]) -> bytes:
    body = result.get("body")
    if body is None:
        return b""
    if not isinstance(body, str):
        raise BadIntegrationResult("The body of the function's result is not a string.")
    if result.get("isBase64Encoded") is not True:
        return body.encode(errors="replace")
    try:
        return b64decode(body, validate=True)
    except ValueError as error:
        raise BadIntegrationResult("The body of the function's result is not base64.") from error


def _result_headers(result: dict[str, Any]) -> Headers:
    """The single headers, then the first of each multi-value header."""
    single, multiple = result.get("headers") or {}, result.get("multiValueHeaders") or {}
    if not isinstance(single, dict) or not isinstance(multiple, dict):
        raise BadIntegrationResult("The headers of the function's result are not an object.")
    firsts = {name: values[0] for name, values in multiple.items() if isinstance(values, list) and values}
    return tuple((name, str(value)) for name, value in (*single.items(), *firsts.items()) if value is not None)


def _chosen_answer(integration: Integration, response: IntegrationResponse, context: Context) -> IntegrationResponse:
    """The response as its integration response shapes it. Raises ConfigurationFailure where none applies."""
    rule = _choose_rule(integration, response)
    if rule is None:
        raise ConfigurationFailure(f"No integration response of {integration.integration_id} applies.")
    body = context.body or Body("")
    template = choose_template(rule.templates, _template_key(rule, body, response))
    payload = template.render().encode() if template else response.body
    return IntegrationResponse(
        response.status, b64encode(payload) if rule.to_text else payload, response.headers, response.function_error
    )


def _choose_rule(integration: Integration, response: IntegrationResponse) -> ResponseRule | None:
    value = _selected_value(integration, response)
    for rule in integration.responses:
        if rule.pattern is None or (value is not None and rule.pattern.fullmatch(value)):
            return rule
    return None


def _selected_value(integration: Integration, response: IntegrationResponse) -> str | None:
    """What integration response keys are matched against; a Lambda function has a value only when it failed."""
    if integration.type != "AWS":
        return str(response.status)
    if response.function_error is None:
        return None
    message = _object(response.body).get("errorMessage", "")
    return message if isinstance(message, str) else ""


def _template_key(rule: ResponseRule, body: Body, response: IntegrationResponse) -> str:
    """The selected key; a single template needs no selection."""
    if rule.template_selection is not None:
        return rule.template_selection.evaluate(body, response)
    return next(iter(rule.templates)) if len(rule.templates) == 1 else ""


def _connect_answer(answer: IntegrationResponse) -> IntegrationResponse:
    """A non-proxy handshake takes its status from the rendered `statusCode`, else from the backend."""
    status = _object(answer.body).get("statusCode")
    if type(status) is int:
        return IntegrationResponse(status, answer.body, answer.headers)
    if answer.function_error is not None:
        raise FunctionFailure(f"The function failed ({answer.function_error}).")
    return answer


def _object(text: bytes) -> dict[str, Any]:
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}


def _subprotocol(headers: Headers) -> str | None:
    for name, value in headers:
        if name.lower() == _SUBPROTOCOL:
            if not _fits_header(value):
                raise BadIntegrationResult("The subprotocol that the $connect integration chose is no header value.")
            return value.strip() or None
    return None


def _denial_headers(headers: Headers, request_id: str) -> Headers:
    """Of the backend's headers a refused client gets the content type, which says how to read the body."""
    types = [value for name, value in headers if name.lower() == "content-type" and _fits_header(value)]
    return (("Content-Type", types[0] if types else "application/json"), ("x-amz-apigw-id", request_id))


def _fits_header(value: str) -> bool:
    return value.isascii() and not CONTROL_BYTES.search(value)
