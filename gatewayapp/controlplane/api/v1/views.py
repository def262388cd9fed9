"""What all endpoints share: who is calling, whether they may, who the audit log names, and how failures are told."""

import logging
from collections.abc import Mapping
from functools import cached_property
from typing import Any, TypeVar

import orjson
from django.conf import settings
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from rest_framework.exceptions import APIException, ParseError, ValidationError
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from gatewayapp.controlplane.api.requests import expected_draft
from gatewayapp.controlplane.api.v1.authentication import AUTHENTICATION
from gatewayapp.controlplane.api.v1.permissions import MeetsNeed, Need, access_of_request
from gatewayapp.controlplane.api.v1.shapes import Shape
from gatewayapp.controlplane.operations.actors import Actor, acting
from gatewayapp.controlplane.operations.errors import NotFound, OperationError
from gatewayapp.core.roles import Access, Permission
from gatewayapp.interchange import Rejected
from gatewayapp.models import ApiToken, Document, Resource
from gatewayapp.models.redaction import redactor
from gatewayapp.storage_failures import find_storage_failure

logger = logging.getLogger(__name__)

S = TypeVar("S", bound=Shape)


class AlwaysJson(BaseContentNegotiation):
    """Whatever a client says it sends and takes."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        return parsers[0]

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
        return renderers[0], renderers[0].media_type


class JsonParser(BaseParser):
    """Strict JSON, of bounded depth and size."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        content = stream.read(limit + 1)
        if len(content) > limit:
            raise RequestDataTooBig
        try:
            return orjson.loads(content)
        except orjson.JSONDecodeError as error:
            raise ParseError(f"The request body is not JSON: {error}.") from error


class View(APIView):
    """An endpoint; `needs` says for each method what its caller must be allowed to do."""

    authentication_classes = AUTHENTICATION
    permission_classes = (MeetsNeed,)
    parser_classes = (JsonParser,)
    content_negotiation_class = AlwaysJson
    http_method_names = ["get", "post", "put", "patch", "delete"]
    needs: Mapping[str, Need] = {}
    takes_nul = False
    """Whether the JSON of a request may hold NUL characters, see `gatewayapp.nul_bytes`."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        with acting(self.actor, lambda: self.access), expected_draft(request, str(kwargs.get("api_id", ""))):
            return super().dispatch(request, *args, **kwargs)

    # the caller

    @cached_property
    def access(self) -> Access:
        return access_of_request(self.request)

    def actor(self) -> Actor:
        user, token = self.request.user, self.request.auth
        address = str(self.request.META.get("REMOTE_ADDR", ""))
        if isinstance(token, ApiToken):
            return Actor("token", token.pk, f"{user.get_username()}: {token.name}", address)
        return Actor("user", str(user.pk), user.get_username(), address)

    def api_id(self) -> str:
        """The API that this request is about."""
        return str(self.kwargs["api_id"])

    def no_such_resource(self) -> NotFound:
        """What whoever may not see the API is told, as are those who ask for one that is not there."""
        return NotFound(f"There is no API {self.kwargs['api_id']}.", resourceType="Api")

    def readable(self, resource: Resource) -> Document:
        """A resource of this request's API, with its secrets if the caller may edit it."""
        may_edit = self.access.may(Permission.WRITE_APIS, self.api_id())
        return resource.document() if may_edit else redactor().document(resource.document())

    # what was sent

    def body(self, shape: type[Shape]) -> dict[str, Any]:
        """The request's body, checked, under snake_case names. Raises ValidationError."""
        return _checked(shape(data=self.request.data))

    def query(self, shape: type[Shape]) -> dict[str, Any]:
        """The same for the query."""
        return _checked(shape(data=self.request.query_params))

    # what is answered

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, OperationError):
            return Response({"message": exc.message, **exc.details}, status=exc.status)
        if isinstance(exc, Rejected):
            problems = [{"place": problem.place, "message": problem.message} for problem in exc.problems]
            return Response({"message": "The document cannot be imported.", "problems": problems}, status=400)
        if isinstance(exc, RequestDataTooBig):
            return Response({"message": "The request body is too large."}, status=413)
        if isinstance(exc, SuspiciousOperation):  # such as thousands of fields in the query
            return Response({"message": "The request is malformed."}, status=400)
        if find_storage_failure(exc) is not None:
            raise exc  # see gatewayapp.error_responses.server_error
        if not isinstance(exc, APIException):
            logger.error("The REST API failed", exc_info=exc)
            return Response({"message": "Internal server error"}, status=500)
        response = super().handle_exception(exc)
        response.data = _told(exc)
        return response


class Nowhere(View):
    """Every path that is none."""

    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        raise NotFound("The REST API has no such path: GET /api/v1/openapi.json lists them.", resourceType="Path")


def _checked(shape: Shape) -> dict[str, Any]:
    shape.is_valid(raise_exception=True)
    return dict(shape.validated_data)


def _told(exc: APIException) -> Document:
    if not isinstance(exc, ValidationError):
        return {"message": str(exc.detail)}
    problems = list(_problems(exc.detail, ""))
    return {"message": "The request is not valid.", "problems": problems}


def _problems(detail: Any, place: str) -> list[Document]:
    """A tree of messages as a list, each with the path of its member."""
    if isinstance(detail, Mapping):
        return [
            problem
            for name, inner in detail.items()
            for problem in _problems(inner, place if name == "non_field_errors" else f"{place}.{name}".lstrip("."))
        ]
    if isinstance(detail, list):
        return [problem for inner in detail for problem in _problems(inner, place)]
    return [{"place": place, "message": str(detail)}]
