"""Who may call the management API: a request signed for `apigateway` by an access key with the permission.

Permission is asked for before anything is looked up, so that what a key may not touch answers as what is not there.
"""

import logging
from time import time
from typing import Any

from cryptography.fernet import InvalidToken
from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest

from gatewayapp.controlplane.api.requests import header_fields, raw_path
from gatewayapp.controlplane.operations import AccessDenied
from gatewayapp.core.policy import allows, allows_somewhere, management_action, management_arn
from gatewayapp.core.sigv4 import check_claim, verify
from gatewayapp.models import AccessKey, Api, DomainName

logger = logging.getLogger(__name__)

_COLLECTIONS = {Api: "/apis", DomainName: "/domainnames"}
"""The lists that belong to no resource of their own, and their paths."""


def authenticate(request: HttpRequest) -> AccessKey:
    """The access key that signed the request. Raises SignatureError."""
    keys: dict[str, AccessKey] = {}

    def secret_of(access_key_id: str) -> str | None:
        key = _find_key(access_key_id)
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


def check_signer(request: HttpRequest) -> None:
    """Refuse, before its body is read, a request that `authenticate` refuses for any body. Raises SignatureError."""

    def secret_of(access_key_id: str) -> str | None:
        key = _find_key(access_key_id)
        return None if key is None else _secret(key)

    check_claim(
        query_string=request.META.get("QUERY_STRING", ""),
        headers=header_fields(request),
        secret_of=secret_of,
        service="apigateway",
        now=time(),
    )


def authorize(key: AccessKey, method: str, path: str, labels: dict[str, str]) -> None:
    """Let the key's call of `method` on the decoded `path` (below `/v2`) pass. Raises AccessDenied.

    Whoever may read anything may list APIs and domain names: `visible` leaves out the others. Who may change a resource
    may tag it, since tags are named by the resource's ARN.
    """
    action = management_action(method)
    if method == "GET" and path in _COLLECTIONS.values() and allows_somewhere(key.permissions, action):
        return
    tagged = labels.get("resource_arn", "").partition("::")[2]
    if not (_may(key, action, path) or (tagged and _may(key, action, tagged))):
        raise _denied(key, action, path)


def authorize_reference(key: AccessKey, members: dict[str, Any]) -> None:
    """Let a body name an API only if the key may read it. Raises AccessDenied."""
    action, path = management_action("GET"), f"/apis/{members.get('api_id')}"
    if "api_id" in members and not _may(key, action, path):
        raise _denied(key, action, path)


def may_edit(key: AccessKey, path: str) -> bool:
    """Whether the key may change the resource at `path`, and so may read its secrets."""
    return _may(key, management_action("PATCH"), path)


def visible(key: AccessKey, resources: "QuerySet[Any]") -> "QuerySet[Any]":
    """Of a list those that the key may read: it may name APIs and domain names one by one. One query."""
    collection = _COLLECTIONS.get(resources.model)
    if collection is None:
        return resources
    action = management_action("GET")
    names = resources.values_list("pk", flat=True)
    return resources.filter(pk__in=[name for name in names if _may(key, action, f"{collection}/{name}")])


def _may(key: AccessKey, action: str, path: str) -> bool:
    return allows(key.permissions, action, management_arn(settings.NOPAL_REGION, path))


def _denied(key: AccessKey, action: str, path: str) -> AccessDenied:
    user = f"arn:aws:iam::{settings.NOPAL_ACCOUNT_ID}:user/{key.name}"
    resource = management_arn(settings.NOPAL_REGION, path)
    return AccessDenied(f"User: {user} is not authorized to perform: {action} on resource: {resource}")


def _find_key(access_key_id: str) -> AccessKey | None:
    return AccessKey.objects.filter(pk=access_key_id, revoked=False).first()


def _secret(key: AccessKey) -> str | None:
    try:
        return key.secret
    except InvalidToken:
        logger.error("Access key %s was encrypted with another NOPAL_ENCRYPTION_KEY and cannot be used", key.pk)
        return None
