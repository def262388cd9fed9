"""The OpenAPI document: what drf-spectacular cannot tell from the code, said once for all endpoints."""

import re
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema

from gatewayapp.controlplane.api.v1.shapes import ErrorShape, Shape
from gatewayapp.core.limits import camel

_ALWAYS = {
    400: "The request is not valid; `problems` say what is wrong with it.",
    401: "There are no credentials, or they are not valid.",
    403: "The caller may not do this.",
    404: "There is no such resource, or not for the caller.",
    413: "The request body is too large.",
}
_OTHERS = {
    409: "The request contradicts what is there.",
    429: "A quota is reached.",
    503: "No gateway is there to ask.",
}


def endpoint(
    name: str,
    summary: str,
    *,
    body: type[Shape] | None = None,
    query: type[Shape] | None = None,
    answer: Any = None,
    status: int = 200,
    errors: tuple[int, ...] = (),
    example: Any = None,
) -> Any:
    """Describe a method of a view: its operation id, what it takes and what it answers.

    An `answer` that is not JSON is given by its status and media type. `example` is a body that works; `errors` are
    statuses beside those that every endpoint may answer.
    """
    answers = answer if isinstance(answer, dict) else {status: answer}
    told = _ALWAYS | {code: _OTHERS[code] for code in errors}
    return extend_schema(
        operation_id=name,
        summary=summary,
        request=body,
        parameters=[query] if query else [],
        responses={**answers, **{code: _described(text) for code, text in told.items()}},
        examples=[OpenApiExample(name, value=example, request_only=True)] if example is not None else [],
    )


def _described(text: str) -> Any:
    return OpenApiResponse(ErrorShape, description=text)


def camel_paths(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Path parameters in lower camel case, as everything else on the wire."""
    result["paths"] = {
        re.sub(r"\{(\w+)\}", lambda found: f"{{{camel(found[1])}}}", path): methods
        for path, methods in result["paths"].items()
    }
    for methods in result["paths"].values():
        for operation in methods.values():
            for parameter in operation.get("parameters", ()):
                if parameter["in"] == "path":
                    parameter["name"] = camel(parameter["name"])
    return result


class BearerScheme(OpenApiAuthenticationExtension):
    target_class = "gatewayapp.controlplane.api.v1.authentication.BearerAuthentication"
    name = "bearer"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer"}
