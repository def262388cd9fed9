"""Nobody grants more than they hold: the rule for roles, access keys and tokens, on every surface.

It also guards what others hold: who could give a more powerful user another password would be that user.
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
    """Let the actor grant `access`, or change someone who has it, only if they hold all of it. Raises AccessDenied.

    `action` says in the message what is refused, such as "Create the access key".
    """
    missing = current_access().lacks(access)
    if missing:
        raise AccessDenied(
            f"{action}: refused, since it needs permissions that you (or the token's scopes) do not have: "
            f"{', '.join(missing)}. Nobody grants more than they hold. Grant less, or ask an administrator, signed in "
            "or with a token of all scopes."
        )
