"""Access keys in memory: who may call `@connections`, read again when the configuration changes."""

import logging
from dataclasses import dataclass
from functools import lru_cache
from time import time
from typing import Any

from cryptography.fernet import InvalidToken
from django.conf import settings

from gatewayapp.core.policy import MANAGE_CONNECTIONS, allows, connections_arn
from gatewayapp.core.sigv4 import Headers, check_claim, verify
from gatewayapp.dataplane.database import DatabaseThread
from gatewayapp.models import AccessKey

logger = logging.getLogger(__name__)


class AccessDenied(Exception):
    """A request that is signed well by a key without the permission; the message is AWS's."""


@dataclass(frozen=True, slots=True)
class _Key:
    name: str
    secret: str
    permissions: tuple[dict[str, str], ...]


class AccessKeys:
    """The access keys that are not revoked."""

    def __init__(self, database: DatabaseThread) -> None:
        self._database = database
        self._keys: dict[str, _Key] = {}
        self._refused = lru_cache(maxsize=4096)(self._refused_resource)

    async def refresh(self) -> None:
        """Read all keys again. Raises django.db.Error and keeps the keys as they were."""
        self._keys = await self._database.run(_read_keys)
        self._refused.cache_clear()

    def check(
        self,
        *,
        method: str,
        raw_path: bytes,
        query_string: bytes,
        headers: Headers,
        body: bytes,
        api_id: str,
        stage: str,
    ) -> None:
        """Let a signed request pass. Raises SignatureError, or AccessDenied where its key lacks the permission."""
        signed = verify(
            method=method,
            raw_path=raw_path,
            query_string=query_string,
            headers=headers,
            body=body,
            secret_of=self._secret,
            service="execute-api",
            now=time(),
        )
        refused = self._refused(signed.access_key_id, api_id, stage, method)
        if refused is not None:
            user = f"arn:aws:iam::{settings.NOPAL_ACCOUNT_ID}:user/{self._keys[signed.access_key_id].name}"
            raise AccessDenied(
                f"User: {user} is not authorized to perform: {MANAGE_CONNECTIONS} on resource: {refused}"
            )

    def check_claim(self, *, query_string: bytes, headers: Headers) -> None:
        """Refuse a request that no body could make acceptable, before its body is read. Raises SignatureError."""
        check_claim(
            query_string=query_string, headers=headers, secret_of=self._secret, service="execute-api", now=time()
        )

    def _refused_resource(self, access_key_id: str, api_id: str, stage: str, method: str) -> str | None:
        """The resource that the key has no permission for, or None if it may; remembered until keys change."""
        resource = connections_arn(settings.NOPAL_REGION, settings.NOPAL_ACCOUNT_ID, api_id, stage, method)
        allowed = allows(self._keys[access_key_id].permissions, MANAGE_CONNECTIONS, resource)
        return None if allowed else resource

    def _secret(self, access_key_id: str) -> str | None:
        key = self._keys.get(access_key_id)
        return key.secret if key else None


def _read_keys() -> dict[str, _Key]:
    keys: dict[str, Any] = {}
    for row in AccessKey.objects.filter(revoked=False):
        try:
            keys[row.access_key_id] = _Key(row.name, row.secret, tuple(row.permissions))
        except InvalidToken:
            logger.error("Access key %s was encrypted with another NOPAL_ENCRYPTION_KEY and cannot be used", row.pk)
    return keys
