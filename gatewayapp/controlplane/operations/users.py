"""Operations on users and their roles: one role over all at most, and one for each API.

There is always someone who administers everything: the last one can be neither removed nor demoted. Nobody makes or
changes a user who may do more than they may themselves.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from gatewayapp.controlplane.operations.changes import Entry, one_change
from gatewayapp.controlplane.operations.errors import BadRequest, Conflict, NotFound
from gatewayapp.controlplane.operations.grants import access_of, require_held
from gatewayapp.controlplane.operations.sessions import get_sessions
from gatewayapp.core.roles import Access, Role
from gatewayapp.models import Api, Document, RoleAssignment
from gatewayapp.models.resources import timestamp


@dataclass(frozen=True, slots=True)
class Assignment:
    """A role for one API, or with an empty `api_id` for all."""

    role: Role
    api_id: str = ""


ADMINISTRATOR = Assignment(Role.ADMIN)


def get_users() -> QuerySet[User]:
    return User.objects.order_by("pk").prefetch_related("role_assignments")


def get_user(*, user_id: int) -> User:
    user = get_users().filter(pk=user_id).first()
    if user is None:
        raise NotFound(f"There is no user {user_id}.", resourceType="User")
    return user


def create_user(*, username: str, password: str, roles: Iterable[Assignment] = ()) -> User:
    """Someone who can sign in; `password` is held to the password validators."""
    with one_change("CreateUser") as entry:
        user = User(username=username)
        _set_password(user, password)
        _check_username(user)
        user.save()
        _assign(user, roles)
        return _recorded(entry, user)


def update_user(
    *, user_id: int, password: str | None = None, active: bool | None = None, roles: Iterable[Assignment] | None = None
) -> User:
    """Change what is given; `roles` replace all that the user has. Who is not active can neither sign in nor call.

    A new password, other roles and being shut out end all sessions of the user.
    """
    with one_change("UpdateUser") as entry:
        user = get_user(user_id=user_id)
        require_held(access_of(user), f"Change user {user.get_username()}")
        entry.before = user_document(user)
        if password is not None:
            _set_password(user, password)
        if active is not None:
            user.is_active = active
        user.save()
        if roles is not None:
            _assign(user, roles)
        _check_administrators()
        user = _recorded(entry, user)
        if password is not None or entry.after != entry.before:
            get_sessions(user_id=user_id).delete()
        if password is not None:
            entry.after = {**user_document(user), "newPassword": True}
        return user


def delete_user(*, user_id: int) -> None:
    """Delete the user with all tokens and sessions."""
    with one_change("DeleteUser") as entry:
        user = get_user(user_id=user_id)
        require_held(access_of(user), f"Delete user {user.get_username()}")
        entry.path, entry.before = _path(user), user_document(user)
        user.delete()
        _check_administrators()


def user_document(user: User) -> Document:
    """The user as it may be shown: nothing about the password."""
    return {
        "userId": user.pk,
        "username": user.get_username(),
        "active": user.is_active,
        "roles": [_role_document(assignment) for assignment in assignments_of(user)],
        "createdDate": timestamp(user.date_joined),
        "lastLogin": timestamp(user.last_login) if user.last_login else None,
    }


def assignments_of(user: User) -> list[Assignment]:
    if user.is_superuser:
        return [ADMINISTRATOR]
    return [Assignment(Role(row.role), row.api_id or "") for row in user.role_assignments.all()]


def _role_document(assignment: Assignment) -> Document:
    return {"role": assignment.role.value, "apiId": assignment.api_id or None}


def _assign(user: User, roles: Iterable[Assignment]) -> None:
    wanted = list(dict.fromkeys(roles))
    if len({assignment.api_id for assignment in wanted}) < len(wanted):
        raise BadRequest("A user has one role for an API, and one for all at most: give the stronger one only.")
    for assignment in wanted:
        if assignment.api_id and not Api.objects.filter(pk=assignment.api_id).exists():
            raise NotFound(f"There is no API {assignment.api_id}.", resourceType="Api")
    require_held(_access_of_roles(wanted), f"Give user {user.get_username()} these roles")
    user.is_superuser = user.is_staff = ADMINISTRATOR in wanted
    user.save()
    user.role_assignments.all().delete()
    RoleAssignment.objects.bulk_create(
        RoleAssignment(user=user, role=assignment.role.value, api_id=assignment.api_id or None)
        for assignment in wanted
        if assignment != ADMINISTRATOR
    )


def _access_of_roles(roles: Sequence[Assignment]) -> Access:
    everywhere = [assignment.role for assignment in roles if not assignment.api_id]
    return Access.of_roles(everywhere, [(each.api_id, each.role) for each in roles if each.api_id])


def _set_password(user: User, password: str) -> None:
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise BadRequest(" ".join(error.messages)) from error
    user.set_password(password)


def _check_username(user: User) -> None:
    try:
        user.full_clean(exclude=["password"])
    except ValidationError as error:
        if User.objects.filter(username=user.username).exists():
            raise Conflict(f"There is a user {user.username!r} already.") from error
        raise BadRequest(" ".join(error.messages)) from error


def _check_administrators() -> None:
    if not User.objects.filter(is_superuser=True, is_active=True).exists():
        raise Conflict("Somebody has to administer everything: give another user the role admin first.")


def _recorded(entry: Entry, user: User) -> User:
    """The user as it stands now, taken down in the audit log."""
    user = get_user(user_id=user.pk)
    entry.path, entry.after = _path(user), user_document(user)
    return user


def _path(user: User) -> str:
    return f"/users/{user.pk}"
