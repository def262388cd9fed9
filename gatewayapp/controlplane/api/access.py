"""Who may call the management API: a request signed for `apigateway` by an access key with the permission."""

import logging
from time import time

from cryptography.fernet import InvalidToken
from django.conf import settings
from django.http import HttpRequest

from gatewayapp.controlplane.api.requests import header_fields, raw_path
from gatewayapp.controlplane.operations import AccessDenied
from gatewayapp.core.policy import allows, management_action, management_arn
from gatewayapp.core.sigv4 import verify
from gatewayapp.models import AccessKey

logger = logging.getLogger(__name__)


def authenticate(request: HttpRequest) -> AccessKey:
    """The access key that signed the request. Raises SignatureError."""
    keys: dict[str, AccessKey] = {}

    def secret_of(access_key_id: str) -> str | None:
        key = AccessKey.objects.filter(pk=access_key_id, revoked=False).first()
        if key is None:
            return None
        keys[access_key_id] = key
        return _secret(key)

    signed = verify(
        method=str(request.method),
        raw_path=raw_path(request),
        query_string=request.META.get("QUERY_STRING", ""),
        headers=header_fields(request),
        body=request.body,
        secret_of=secret_of,
        service="apigateway",
        now=time(),
    )
    return keys[signed.access_key_id]


def authorize(key: AccessKey, method: str, path: str) -> None:
    """Let the key's call of `method` on the decoded `path` (below `/v2`) pass. Raises AccessDenied."""
    action, resource = management_action(method), management_arn(settings.NOPAL_REGION, path)
    if not allows(key.permissions, action, resource):
        user = f"arn:aws:iam::{settings.NOPAL_ACCOUNT_ID}:user/{key.name}"
        raise AccessDenied(f"User: {user} is not authorized to perform: {action} on resource: {resource}")


def _secret(key: AccessKey) -> str | None:
    try:
        return key.secret
    except InvalidToken:
        logger.error("Access key %s was encrypted with another NOPAL_ENCRYPTION_KEY and cannot be used", key.pk)
        return None
