"""Integration URIs: what a stage's variables and a message's values may fill in, and what they may not change.

A stage variable may be a whole authority (`http://${stageVariables.backend}/x`), a label of it, or any part of the
path; its value can never turn the host that is written around it into another one.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote

from gatewayapp.core.addresses import parse_url
from gatewayapp.core.errors import BadRequestParameters, ConfigurationFailure
from gatewayapp.core.messages import Origin

_PLACEHOLDER = re.compile(r"\$\{stageVariables\.(\w+)\}|(?<!\$)\{([A-Za-z0-9._$-]+)\}")
_LABELS = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")
_AUTHORITY_END = re.compile(r"[A-Za-z0-9.-]*(:\d+)?")

_parse_cached = lru_cache(maxsize=4096)(parse_url)


@dataclass(frozen=True, slots=True)
class _Variable:
    """A stage variable; `allowed` bounds its value where it stands in the authority."""

    name: str
    allowed: re.Pattern[str] | None = None


@dataclass(frozen=True, slots=True)
class _PathParameter:
    name: str


@dataclass(frozen=True, slots=True)
class HttpUri:
    """A backend's URL with its placeholders; `fixed` is the parsed URL of one without."""

    source: str
    parts: tuple[str | _Variable | _PathParameter, ...]
    fixed: tuple[Origin, str] | None

    @property
    def path_parameters(self) -> set[str]:
        return {part.name for part in self.parts if isinstance(part, _PathParameter)}

    def resolve(self, stage_variables: Mapping[str, str], path: Mapping[str, str]) -> tuple[Origin, str]:
        """The origin and request target. Raises ConfigurationFailure, or BadRequestParameters for a path value."""
        if self.fixed is not None:
            return self.fixed
        text = "".join(_filled(part, stage_variables, path) for part in self.parts)
        try:
            return _parse_cached(text)
        except ValueError as error:
            raise ConfigurationFailure(f"The integration's URI became {text!r}: {error}") from error


def compile_http_uri(source: str) -> HttpUri:
    """Compile the `integrationUri` of an HTTP integration. Raises ValueError with what is wrong."""
    scheme = re.match(r"https?://", source, re.IGNORECASE)
    if scheme is None:
        raise ValueError(f"{source!r}: an HTTP integration's URI begins with http:// or https://.")
    parts: list[str | _Variable | _PathParameter] = []
    position = 0
    in_authority = True
    for found in _PLACEHOLDER.finditer(source):
        if literal := source[position : found.start()]:
            parts.append(literal)
        in_authority = in_authority and not re.search("[/?#]", source[max(position, scheme.end()) : found.start()])
        parts.append(_placeholder(found, source, scheme.end(), in_authority))
        position = found.end()
    if literal := source[position:]:
        parts.append(literal)
    fixed = parse_url(source) if len(parts) == 1 and isinstance(parts[0], str) else None
    return HttpUri(source, tuple(parts), fixed)


def _placeholder(found: re.Match[str], source: str, start: int, in_authority: bool) -> _Variable | _PathParameter:
    variable, parameter = found.groups()
    if parameter is not None:
        if in_authority:
            raise ValueError(f"{source!r}: {{{parameter}}} stands in the host; a message may only fill in the path.")
        return _PathParameter(parameter)
    if not in_authority:
        return _Variable(variable)
    return _Variable(variable, _allowed_in_authority(source[start : found.start()], source[found.end() :]))


def _allowed_in_authority(before: str, after: str) -> re.Pattern[str] | None:
    if after and after[0] not in "/?#":
        return _LABELS  # `${x}.example.org`: a value such as `evil.org/` would cut the host off
    if not before:
        return None  # the variable is the authority
    if before[-1] in ".:-":
        return _AUTHORITY_END  # `api.${x}/path`, `host:${port}/path`
    return re.compile(r"(?:[/?#].*)?", re.DOTALL)  # `host${x}`: a value such as `.evil.org` would extend the host


def _filled(part: str | _Variable | _PathParameter, variables: Mapping[str, str], path: Mapping[str, str]) -> str:
    if isinstance(part, str):
        return part
    if isinstance(part, _Variable):
        value = variables.get(part.name)
        if value is None:
            raise ConfigurationFailure(
                f"The integration's URI needs the stage variable {part.name!r}, which is not set."
            )
        if part.allowed is not None and not part.allowed.fullmatch(value):
            raise ConfigurationFailure(
                f"The stage variable {part.name!r} would change the host of the integration's URI."
            )
        return value
    value = path.get(part.name, "")
    if value.strip(".") == "":
        raise BadRequestParameters(f"Missing required request parameters: [{part.name}]")
    return quote(value, safe="")


@dataclass(frozen=True, slots=True)
class LambdaFunction:
    """A function by plain name, as every Invoke API takes it, with its version or alias apart."""

    region: str
    name: str
    qualifier: str | None


@dataclass(frozen=True, slots=True)
class LambdaUri:
    """A Lambda function's ARN, plain or in API Gateway's invocation form, with its stage variables."""

    source: str
    fixed: LambdaFunction | None

    def resolve(self, stage_variables: Mapping[str, str]) -> LambdaFunction:
        """The function to invoke. Raises ConfigurationFailure."""
        if self.fixed is not None:
            return self.fixed
        text = _PLACEHOLDER.sub(lambda found: _filled(_Variable(found[1]), stage_variables, {}), self.source)
        try:
            return _lambda_function(text)
        except ValueError as error:
            raise ConfigurationFailure(str(error)) from error


_FUNCTION = r"arn:[\w-]+:lambda:(?P<region>[\w-]+):\d*:function:(?P<name>[\w-]+)(?::(?P<qualifier>[\w$-]+))?"
_FUNCTION_ARN = re.compile(_FUNCTION)
_INVOCATION_ARN = re.compile(rf"arn:[\w-]+:apigateway:[\w-]+:lambda:path/2015-03-31/functions/{_FUNCTION}/invocations")


def compile_lambda_uri(source: str) -> LambdaUri:
    """Compile the `integrationUri` of a Lambda integration. Raises ValueError with the forms that it takes."""
    if "${stageVariables." in source:
        _lambda_function(_PLACEHOLDER.sub("x", source))
        return LambdaUri(source, None)
    return LambdaUri(source, _lambda_function(source))


def _lambda_function(text: str) -> LambdaFunction:
    found = _INVOCATION_ARN.fullmatch(text) or _FUNCTION_ARN.fullmatch(text)
    if found is None:
        raise ValueError(
            f"{text!r} names no Lambda function: use arn:aws:lambda:REGION:ACCOUNT:function:NAME[:ALIAS], or "
            "arn:aws:apigateway:REGION:lambda:path/2015-03-31/functions/FUNCTION_ARN/invocations. "
            "Other AWS services cannot be integrated directly."
        )
    return LambdaFunction(found["region"], found["name"], found["qualifier"])
