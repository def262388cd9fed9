"""Error responses in the format of the URL that was called: JSON for programs, a page or a notice for users.

This module does not read the database, so these responses also work while it is unavailable.
"""

import sys
from collections.abc import Mapping

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.http.response import HttpResponseBase
from django.template.loader import get_template
from django.views import defaults

from dashboard.rendering import refuse
from gatewayapp.controlplane.api.errors import json_error
from gatewayapp.storage_failures import StorageFailure, find_storage_failure, log_storage_failure

_TOO_LARGE = "The request body is too large."
_BAD_HOST = "The request's Host is not one that this gateway answers for, or the request is malformed."
_FAILED = "Internal server error"


def error_response(
    request: HttpRequest, status: int, code: str, message: str, headers: Mapping[str, str] | None = None
) -> HttpResponse:
    """An error response with `message`; AWS's SDKs choose their exception by `code`, AWS's name for the error."""
    response = json_error(request.path, status, code, message, headers)
    if response is not None:
        return response
    page = refuse(request, status, message)
    for name, value in (headers or {}).items():
        page[name] = value
    return page


def storage_failure_response(request: HttpRequest, failure: StorageFailure, error: BaseException) -> HttpResponse:
    """507 or 503 for a request that failed because nothing could be stored or read."""
    log_storage_failure(failure, error, f"{request.method} {request.path}")
    response = error_response(request, failure.status, failure.code, failure.message, failure.headers)
    response._has_been_logged = True  # type: ignore[attr-defined]  # Django would log it with its traceback
    return response


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Django's handler of requests that reach no view, such as those with a foreign Host.

    Its own would look for a CSRF token, hence read a body that may be the reason for the failure.
    """
    if isinstance(exception, RequestDataTooBig):
        return error_response(request, 413, "RequestEntityTooLargeException", _TOO_LARGE)
    response = json_error(request.path, 400, "BadRequestException", _BAD_HOST)
    return response or HttpResponseBadRequest(get_template("400.html").render())


def server_error(request: HttpRequest) -> HttpResponseBase:
    """Django's handler of exceptions, which it calls while the exception is being handled."""
    error = sys.exc_info()[1]
    failure = find_storage_failure(error)
    if failure is not None and error is not None:
        return storage_failure_response(request, failure, error)
    response = json_error(request.path, 500, "InternalServerErrorException", _FAILED)
    return response or defaults.server_error(request)
