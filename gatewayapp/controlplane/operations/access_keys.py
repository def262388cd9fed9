"""Operations on access keys, Nopal's own. Names are labels: two keys may share one while the older is replaced."""

from collections.abc import Iterable, Mapping

from django.db.models import QuerySet

from gatewayapp.controlplane.operations.changes import change, change_of
from gatewayapp.controlplane.operations.errors import BadRequest, NotFound
from gatewayapp.controlplane.operations.grants import require_held
from gatewayapp.controlplane.operations.members import Text
from gatewayapp.core.grants import access_of_key
from gatewayapp.core.policy import check_permission
from gatewayapp.models import AccessKey

EVERYTHING = ({"action": "*", "resource": "*"},)


@change
def create_access_key(*, name: str, permissions: Iterable[Mapping[str, str]] = EVERYTHING) -> tuple[AccessKey, str]:
    """A new key and its secret, which is shown this once; `permissions` are `{"action", "resource"}`.

    They may not exceed what the actor may do; those of a key for everything take an unrestricted administrator.
    """
    name = Text(1, 128).check("name", name)
    permissions = [{"action": item["action"], "resource": item["resource"]} for item in permissions]
    try:
        for permission in permissions:
            check_permission(permission)
    except ValueError as error:
        raise BadRequest(str(error)) from error
    require_held(access_of_key(permissions), f"Create access key {name}")
    return AccessKey.objects.issue(name, permissions)


def get_access_keys() -> QuerySet[AccessKey]:
    return AccessKey.objects.all()


def get_access_key(*, access_key_id: str) -> AccessKey:
    key = get_access_keys().filter(pk=access_key_id).first()
    if key is None:
        raise NotFound(f"There is no access key {access_key_id}.", resourceType="AccessKey")
    return key


@change_of(get_access_key)
def revoke_access_key(*, access_key_id: str) -> AccessKey:
    """End the key for good; it stays listed, so that it is known what it was."""
    key = get_access_key(access_key_id=access_key_id)
    key.revoked = True
    key.save(update_fields=["revoked"])
    return key
