"""A deployment frozen into values: routes, integrations and responses compiled once, read by every message.

`load` takes the document that CreateDeployment stores: `{"version": 1, "api": {…}, "routes": [{…, "routeResponses":
[…]}], "integrations": [{…, "integrationResponses": […]}], "models": […], "authorizers": […]}`, each resource in its
wire form. It raises ValueError, with a sentence that names the resource, for what this gateway cannot carry out.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import re2

from gatewayapp.core.expressions import Selection, compile_selection
from gatewayapp.core.limits import StageLimits
from gatewayapp.core.messages import GATEWAY, Caller
from gatewayapp.core.parameters import ParameterMapping, RequiredParameter, compile_mapping, compile_required
from gatewayapp.core.redaction import NO_SECRETS, Secrets
from gatewayapp.core.templates import Template, compile_template
from gatewayapp.core.uris import HttpUri, LambdaUri, compile_http_uri, compile_lambda_uri

CONNECT, DISCONNECT, DEFAULT = "$connect", "$disconnect", "$default"

_DEFAULT_TIMEOUT_MS = 29_000
_PATTERN_LENGTH = 512


@dataclass(frozen=True, slots=True)
class ResponseRule:
    """An integration response: applies where `pattern` matches the whole selected value, or always (`$default`)."""

    pattern: Any
    templates: Mapping[str, Template]
    template_selection: Selection | None
    to_text: bool


@dataclass(frozen=True, slots=True, eq=False)
class Integration:
    """What a route calls; `timeout` in seconds. Compared by identity: the same integration deployed anew is another."""

    integration_id: str
    type: str
    is_proxy: bool
    method: str
    timeout: float
    http_uri: HttpUri | None = None
    lambda_uri: LambdaUri | None = None
    server_name: str | None = None
    parameters: tuple[ParameterMapping, ...] = ()
    passthrough_behavior: str = "WHEN_NO_MATCH"
    templates: Mapping[str, Template] = field(default_factory=dict)
    template_selection: Selection | None = None
    to_binary: bool = False
    responses: tuple[ResponseRule, ...] = ()

    @property
    def starts_alike(self) -> bool:
        """Whether the requests for all messages of a connection go to one URL, with the same mapped headers."""
        return bool(self.http_uri and self.http_uri.fixed) and all(mapping.lasting for mapping in self.parameters)


@dataclass(frozen=True, slots=True)
class Route:
    """A route; one-way unless it has a route response. Without an integration it fails when it is invoked."""

    route_key: str
    integration: Integration | None
    two_way: bool
    required_parameters: tuple[RequiredParameter, ...] = ()
    caller: Caller = GATEWAY
    """Whose share of a backend's connections its calls take."""


@dataclass(frozen=True, slots=True)
class ApiSnapshot:
    """One deployment of an API."""

    api_id: str
    route_selection: Selection
    routes: Mapping[str, Route]
    disable_execute_api_endpoint: bool = False


@dataclass(frozen=True, slots=True)
class StageSnapshot:
    """What one message is handled under: the stage's deployment, and the stage's variables and limits of the moment."""

    api: ApiSnapshot
    stage_name: str
    variables: Mapping[str, str]
    limits: StageLimits
    secrets: Secrets = NO_SECRETS
    """What is hidden in everything that is shown of the stage's traffic."""
    data_trace: bool = False
    """Whether everything is traced, watched or not: AWS's `dataTraceEnabled` of the default route settings."""


def load(document: Mapping[str, Any], stage: str = "") -> ApiSnapshot:
    """Compile a deployment's document, for the stage that serves it; without one its routes share nothing with it."""
    api = document["api"]
    integrations = {item["integrationId"]: load_integration(item) for item in document["integrations"]}
    routes = {
        item["routeKey"]: _load_route(item, integrations, Caller(api["apiId"], stage, item["routeKey"]))
        for item in document["routes"]
    }
    return ApiSnapshot(
        api["apiId"],
        compile_selection(api["routeSelectionExpression"]),
        routes,
        api.get("disableExecuteApiEndpoint", False),
    )


def load_integration(document: Mapping[str, Any]) -> Integration:
    """Compile one integration's document, alone or with its `integrationResponses`."""
    with_name = f"Integration {document.get('integrationId', '')}".strip()
    try:
        return _integration(document)
    except ValueError as error:
        raise ValueError(f"{with_name}: {error}") from error


def _integration(document: Mapping[str, Any]) -> Integration:
    kind = document["integrationType"]
    uri = document.get("integrationUri", "")
    integration = Integration(
        integration_id=document.get("integrationId", ""),
        type=kind,
        is_proxy=kind.endswith("_PROXY"),
        method=document.get("integrationMethod", "POST").upper(),
        timeout=document.get("timeoutInMillis", _DEFAULT_TIMEOUT_MS) / 1000,
        http_uri=compile_http_uri(uri) if kind in ("HTTP", "HTTP_PROXY") else None,
        lambda_uri=compile_lambda_uri(uri) if kind in ("AWS", "AWS_PROXY") else None,
        server_name=document.get("tlsConfig", {}).get("serverNameToVerify"),
        parameters=tuple(compile_mapping(*pair) for pair in document.get("requestParameters", {}).items()),
        passthrough_behavior=document.get("passthroughBehavior", "WHEN_NO_MATCH"),
        templates=_templates(document.get("requestTemplates", {})),
        template_selection=_optional_selection(document.get("templateSelectionExpression")),
        to_binary=document.get("contentHandlingStrategy") == "CONVERT_TO_BINARY",
        responses=_response_rules(document.get("integrationResponses", ())),
    )
    if integration.http_uri is not None:
        mapped = {mapping.name for mapping in integration.parameters if mapping.location == "path"}
        for name in sorted(integration.http_uri.path_parameters - mapped):
            raise ValueError(f"nothing fills {{{name}}} of its URI: map integration.request.path.{name}.")
    return integration


def _load_route(document: Mapping[str, Any], integrations: Mapping[str, Integration], caller: Caller) -> Route:
    key = document["routeKey"]
    target = document.get("target", "").removeprefix("integrations/")
    for member, needs in _NOT_CARRIED_OUT.items():
        if document.get(member) not in (None, "", False, "NONE"):
            raise ValueError(f"Route {key}: {needs}, which this version of Nopal cannot carry out. Clear {member}.")
    if target and target not in integrations:
        raise ValueError(f"Route {key}: its target names no integration of the API: {target!r}.")
    return Route(
        route_key=key,
        integration=integrations[target] if target else None,
        two_way=bool(document.get("routeResponses")),
        required_parameters=compile_required(document.get("requestParameters", {})),
        caller=caller,
    )


# Deployed, these would leave a route more open than its configuration says; so they are not deployed.
_NOT_CARRIED_OUT = {
    "authorizationType": "it asks for authorization",
    "apiKeyRequired": "it asks for an API key",
    "modelSelectionExpression": "it asks for its messages to be validated",
}


def _response_rules(documents: Any) -> tuple[ResponseRule, ...]:
    """Patterns in order of creation, `$default` last."""
    ordered = sorted(documents, key=lambda item: item["integrationResponseKey"] == DEFAULT)
    return tuple(
        ResponseRule(
            pattern=compile_response_key(item["integrationResponseKey"]),
            templates=_templates(item.get("responseTemplates", {})),
            template_selection=_optional_selection(item.get("templateSelectionExpression"), of_response=True),
            to_text=item.get("contentHandlingStrategy") == "CONVERT_TO_TEXT",
        )
        for item in ordered
    )


def compile_response_key(key: str) -> Any:
    """The pattern of an integration response key, None for `$default`. Raises ValueError.

    Patterns run on a linear-time engine, since backends choose the text that they are matched against.
    """
    if key == DEFAULT:
        return None
    if len(key) < 3 or not key.startswith("/") or not key.endswith("/"):
        raise ValueError(
            f"{key!r}: an integration response key is $default or a pattern between slashes, as /4\\d\\d/."
        )
    if len(key) > _PATTERN_LENGTH:
        raise ValueError(f"An integration response key has at most {_PATTERN_LENGTH} characters.")
    options = re2.Options()
    options.max_mem = 1 << 20
    options.log_errors = False
    try:
        return re2.compile(key[1:-1], options)
    except re2.error as error:
        raise ValueError(f"{key!r} is no pattern that can be matched in linear time: {_words(error)}.") from error


def _words(error: Exception) -> str:
    reason = error.args[0] if error.args else ""
    return reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)


def _templates(sources: Mapping[str, str]) -> dict[str, Template]:
    return {key: compile_template(source) for key, source in sources.items()}


def _optional_selection(text: str | None, *, of_response: bool = False) -> Selection | None:
    return compile_selection(text, of_response=of_response) if text else None
