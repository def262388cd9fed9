"""Checks that a caller only grants permissions that they hold: roles, access keys and tokens, in every interface.

The same check protects users with more permissions: anyone who could set such a user's password could act as them.
"""

from django.contrib.auth.models import User

from gatewayapp.controlplane.operations.actors import current_access
from gatewayapp.controlplane.operations.errors import AccessDenied
from gatewayapp.core.roles import Access, Role


def access_of(user: User) -> Access:
    """What the user may do, in one query at most."""
    if user.is_superuser:
        return Access.of_roles([Role.ADMIN], [])
    rows = [(row.api_id, Role(row.role)) for row in user.role_assignments.all()]
    everywhere = [role for api_id, role in rows if api_id is None]
    return Access.of_roles(everywhere, [(api_id, role) for api_id, role in rows if api_id is not None])


def require_held(access: Access, action: str) -> None:
    """Let the actor grant `access`, or change a user who has it, only if they hold all of it. Raises AccessDenied.

    `action` is what the message says was refused, such as "Create access key x".
    """
    missing = current_access().lacks(access)
    if missing:
        raise AccessDenied(
            f"{action}: refused, because you, or the scopes of your token, do not have these permissions: "
            f"{', '.join(missing)}. You can only grant permissions that you hold. Grant less, or ask an administrator "
            "who is signed in or uses a token with all scopes."
        )
