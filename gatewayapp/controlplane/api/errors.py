"""Error responses to requests that no view handles, in the format of the API that was called."""

from collections.abc import Mapping
from uuid import uuid4

from django.http import JsonResponse

from gatewayapp.controlplane.api.requests import PREFIX

_REST_PREFIX = "/api/v1"


def is_management_path(path: str) -> bool:
    """Whether the AWS-compatible management API responds at a path."""
    return path == PREFIX or path.startswith(f"{PREFIX}/")


def is_rest_path(path: str) -> bool:
    """Whether Nopal's REST API responds at a path."""
    return path == _REST_PREFIX or path.startswith(f"{_REST_PREFIX}/")


def json_error(
    path: str, status: int, code: str, message: str, headers: Mapping[str, str] | None = None
) -> JsonResponse | None:
    """An error as the API at `path` writes it, `code` being AWS's name for it; None where there is no API."""
    if is_management_path(path):
        aws = {"x-amzn-ErrorType": code, "x-amzn-RequestId": str(uuid4())}
        return JsonResponse({"message": message}, status=status, headers={**aws, **(headers or {})})
    if is_rest_path(path):
        return JsonResponse({"message": message}, status=status, headers=dict(headers or {}))
    return None
