"""What an endpoint asks of its caller, and how it refuses.

    on_api   the permission, on the API that the path names (or that the path's connection belongs to)
    on_some  the permission, on any API at all; the view shows those that it is held for
    on_all   the permission, over the whole installation

Without credentials: 401. An API of which one may see nothing: 404, just as if there were none. Otherwise: 403.
"""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user
from django.contrib.auth.models import User
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from gatewayapp.controlplane.operations.errors import AccessDenied, NotFound
from gatewayapp.controlplane.operations.grants import access_of
from gatewayapp.core.roles import Access, Permission
from gatewayapp.models import ApiToken

if TYPE_CHECKING:
    from gatewayapp.controlplane.api.v1.views import View


@dataclass(frozen=True, slots=True)
class Need:
    permission: Permission
    scope: str


def on_api(permission: Permission) -> Need:
    return Need(permission, "api")


def on_some(permission: Permission) -> Need:
    return Need(permission, "some")


def on_all(permission: Permission) -> Need:
    return Need(permission, "all")


class MeetsNeed(BasePermission):
    """The caller is known and may do what the view's `needs` say for this method."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if not isinstance(request.user, User):
            return False
        need = view.needs.get(request.method)
        if need is not None:
            _check(need, view)
        return True


def access_of_request(request: Request) -> Access:
    """What the caller may do: what their roles allow, within the scopes of their token if they use one."""
    assert isinstance(request.user, User)
    access = access_of(request.user)
    return access.within(request.auth.scopes) if isinstance(request.auth, ApiToken) else access


def renewed_access(request: Request) -> Access:
    """What the caller may do now, for long responses: nothing once the token or the session has ended."""
    if isinstance(request.auth, ApiToken):
        token = ApiToken.objects.select_related("user").filter(pk=request.auth.pk).first()
        return access_of(token.user).within(token.scopes) if token is not None and token.usable else Access(frozenset())
    session = type(request.session)(request.session.session_key)
    user = get_user(SimpleNamespace(session=session))  # type: ignore[arg-type]
    return access_of(user) if isinstance(user, User) and user.is_active else Access(frozenset())


def _check(need: Need, view: "View") -> None:
    if need.scope == "api":
        check_api(view.access, need.permission, view.api_id(), view.no_such_resource())
    else:
        check_need(view.access, need)


def check_need(access: Access, need: Need) -> None:
    """Whether `need` is met, which is about some API or about all. Raises AccessDenied."""
    met = access.may(need.permission) if need.scope == "all" else access.apis_with(need.permission) != frozenset()
    if not met:
        raise _denied(need.permission)


def check_api(access: Access, permission: Permission, api_id: str, nothing: NotFound) -> None:
    """Raises `nothing` where the API does not exist for the caller, AccessDenied where they may not do this to it."""
    if not access.sees(api_id):
        raise nothing
    if not access.may(permission, api_id):
        raise _denied(permission)


def _denied(permission: Permission) -> AccessDenied:
    return AccessDenied(f"This needs the permission {permission}, which you (or the token's scopes) do not have.")
