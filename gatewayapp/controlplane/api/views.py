"""The one view of the management API: authenticate, authorize, call the operation, answer as AWS does."""

import logging
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.db.models import QuerySet
from django.http import HttpRequest
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from gatewayapp.controlplane.api.access import authenticate, authorize, authorize_reference, visible
from gatewayapp.controlplane.api.pagination import page
from gatewayapp.controlplane.api.requests import body_document, expected_draft, path_below_prefix
from gatewayapp.controlplane.api.table import MethodNotAllowed, Operation, match
from gatewayapp.controlplane.operations import OperationError
from gatewayapp.controlplane.operations.actors import Actor, acting
from gatewayapp.core.sigv4 import SignatureError
from gatewayapp.models import Api, Document, Resource
from gatewayapp.storage_failures import find_storage_failure

logger = logging.getLogger(__name__)


class _AlwaysJson(BaseContentNegotiation):
    """Whatever a client says it takes, as AWS does."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        return parsers[0]

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
        return renderers[0], renderers[0].media_type


class ManagementView(APIView):
    """Every operation on `/v2/…`."""

    content_negotiation_class = _AlwaysJson
    schema = None  # AWS's service model describes it

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        self.key = authenticate(request._request)
        self.call = match(str(request.method), path_below_prefix(request._request))
        authorize(self.key, self.call.operation.method, self.call.path, self.call.labels)

    def operate(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        operation = self.call.operation
        members = _members(operation, request)
        authorize_reference(self.key, members)
        with acting(self.actor), expected_draft(request, self.call.labels.get("api_id", "")):
            result = operation.function(**self.call.labels, **members)
        if isinstance(result, QuerySet):
            result = visible(self.key, result)
        body = None if operation.status == 204 else _answer(result, request)
        return Response(body, status=operation.status)

    get = post = put = patch = delete = operate

    def actor(self) -> Actor:
        return Actor("access-key", self.key.pk, self.key.name, str(self.request.META.get("REMOTE_ADDR", "")))

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, OperationError):
            response = _error(exc.status, exc.code, {"message": exc.message, **exc.details})
        elif isinstance(exc, SignatureError):
            response = _error(exc.status, exc.code, {"message": exc.message})
        elif isinstance(exc, RequestDataTooBig):
            response = _error(413, "RequestEntityTooLargeException", {"message": "The request body is too large."})
        elif isinstance(exc, SuspiciousOperation):
            response = _error(400, "BadRequestException", {"message": "The request is malformed."})
        elif find_storage_failure(exc) is not None:
            raise exc  # see gatewayapp.error_responses.server_error
        else:
            logger.error("The management API failed", exc_info=exc)
            response = _error(500, "InternalServerErrorException", {"message": "Internal server error"})
        if isinstance(exc, MethodNotAllowed):
            response["Allow"] = ", ".join(exc.allowed)
        return response

    @property
    def default_response_headers(self) -> dict[str, str]:
        return {"x-amzn-RequestId": str(uuid4())}


def api_endpoint(request: HttpRequest | Request, api_id: str) -> str:
    """Where clients of an API connect: this and `/{stage}`. By path on the host that was asked, unless it is set."""
    if settings.NOPAL_API_ENDPOINT:
        return str(settings.NOPAL_API_ENDPOINT).replace("{api_id}", api_id)
    return f"{'wss' if request.is_secure() else 'ws'}://{request.get_host()}/ws/{api_id}"


def _members(operation: Operation, request: Request) -> dict[str, Any]:
    """The operation's keywords from the body and the query; what it does not know is ignored, null is absent."""
    body = body_document(request._request.body) if request.method in ("POST", "PATCH") else {}
    members = {
        operation.members[name]: value
        for name, value in body.items()
        if name in operation.members and value is not None
    }
    lists = {operation.members[name]: request.query_params.getlist(name) for name in operation.query_lists}
    return members | lists


def _answer(result: object, request: Request) -> Document:
    if isinstance(result, QuerySet):
        query = request.query_params
        resources, next_token = page(result, query.get("maxResults"), query.get("nextToken"))
        items = [_document(resource, request) for resource in resources]
        return {"items": items, "nextToken": next_token} if next_token else {"items": items}
    if isinstance(result, Resource):
        return _document(result, request)
    if isinstance(result, str):
        return {"value": result}
    return {} if result is None else {"tags": result}


def _document(resource: Resource, request: Request) -> Document:
    document = resource.document()
    if isinstance(resource, Api):
        document["apiEndpoint"] = api_endpoint(request, resource.api_id)
    return document


def _error(status: int, code: str, body: Document) -> Response:
    return Response(body, status=status, headers={"x-amzn-ErrorType": code})
