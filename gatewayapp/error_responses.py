"""Error responses in the format of what was called: JSON for programs, a page or a notice for people.

Nothing here reads the database, so that these responses also work while it is away.
"""

from collections.abc import Mapping

from django.http import HttpRequest, HttpResponse

from dashboard.rendering import refuse
from gatewayapp.controlplane.api.errors import json_error


def error_response(
    request: HttpRequest, status: int, code: str, message: str, headers: Mapping[str, str] | None = None
) -> HttpResponse:
    """An error that says `message`; `code` is AWS's name for it, which its SDKs choose their exception by."""
    response = json_error(request.path, status, code, message, headers)
    if response is not None:
        return response
    page = refuse(request, status, message)
    for name, value in (headers or {}).items():
        page[name] = value
    return page
