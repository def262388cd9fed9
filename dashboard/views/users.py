"""Users: who may sign in, with which roles, and shutting them out."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.models import User
from django.db.models import Count, Q
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters

from dashboard.access.forms import (
    ROLES,
    ConfirmationForm,
    NewPasswordForm,
    NewUserForm,
    RolesOnApis,
    UserForm,
    assignments,
)
from dashboard.access.results import tried
from dashboard.live import end_session
from dashboard.permissions import Request, page
from dashboard.sessions import sign_in_again
from gatewayapp.controlplane.api.v1.pagination import newest_first
from gatewayapp.controlplane.api.v1.permissions import on_all
from gatewayapp.controlplane.operations import users as operations
from gatewayapp.controlplane.operations.grants import access_of
from gatewayapp.controlplane.operations.sessions import end_sessions, get_sessions
from gatewayapp.controlplane.operations.users import assignments_of, user_document
from gatewayapp.core.roles import Permission
from gatewayapp.models import Api

_MANAGE = on_all(Permission.MANAGE_USERS)
_PAGE_SIZE = 50


@page(read=_MANAGE)
def users(request: Request) -> HttpResponse:
    open_sessions = Count("sessions", filter=Q(sessions__expire_date__gt=timezone.now()))
    found: Any = operations.get_users().annotate(open_sessions=open_sessions)
    shown, later = newest_first(found, "date_joined", request.GET.get("cursor"), _PAGE_SIZE)
    names = _names_of_apis()
    rows = [{"user": user, "roles": _roles(user, names)} for user in shown]
    context = {"rows": rows, "later": later, "first": not request.GET.get("cursor"), "roles": ROLES}
    return render(request, "dashboard/users/users.html", context)


@sensitive_post_parameters("password", "again")
@page(read=_MANAGE, write=_MANAGE)
def new_user(request: Request) -> HttpResponse:
    form = NewUserForm(request.POST or None)
    rows = _role_rows(request, [])
    if request.method == "POST" and form.is_valid() and rows.is_valid():
        said = form.cleaned_data
        roles = assignments(said["everywhere"], rows)
        user = tried(
            form,
            lambda: operations.create_user(username=said["username"], password=said["password"], roles=roles),
        )
        if user is not None:
            messages.success(request, f"{user.get_username()} can sign in now.")
            return redirect("users-detail", user_id=user.pk)
    context = {"form": form, "rows": rows, "roles": ROLES}
    return render(request, "dashboard/users/new.html", context, status=_status(request))


@page(read=_MANAGE, write=_MANAGE)
def user(request: Request, user_id: int) -> HttpResponse:
    person = operations.get_user(user_id=user_id)
    everywhere, on_apis = _held(person)
    form = UserForm(request.POST or None, initial={"active": person.is_active, "everywhere": everywhere})
    rows = _role_rows(request, on_apis)
    if request.method == "POST" and form.is_valid() and rows.is_valid():
        said = form.cleaned_data
        roles = assignments(said["everywhere"], rows)
        if said["active"] == person.is_active and set(roles) == set(assignments_of(person)):
            messages.success(request, "Nothing was changed.")
            return redirect("users-detail", user_id=user_id)
        changed = tried(form, lambda: operations.update_user(user_id=user_id, active=said["active"], roles=roles))
        if changed is not None:
            return _after(request, changed, f"{changed.get_username()} is changed.")
    return _show(request, person, form=form, rows=rows, status=_status(request))


@sensitive_post_parameters("password", "again")
@page(read=_MANAGE, write=_MANAGE)
def user_password(request: Request, user_id: int) -> HttpResponse:
    """POST: give someone another password, who then has to sign in with it."""
    person = operations.get_user(user_id=user_id)
    if request.method != "POST":
        return redirect("users-detail", user_id=user_id)
    form = NewPasswordForm(request.POST)
    if form.is_valid():
        password = form.cleaned_data["password"]
        changed = tried(form, lambda: operations.update_user(user_id=user_id, password=password), "password")
        if changed is not None:
            return _after(request, changed, f"{changed.get_username()} has a new password.")
    return _show(request, person, password_form=form, status=400)


@page(read=_MANAGE, write=_MANAGE)
def sign_user_out(request: Request, user_id: int) -> HttpResponse:
    """POST: end all sessions of someone."""
    person = operations.get_user(user_id=user_id)
    if request.method == "POST":
        keys = list(get_sessions(user_id=user_id).values_list("pk", flat=True))
        end_sessions(user_id=user_id)
        for key in keys:
            end_session(key)
        if person == request.user:
            return redirect("login")
        messages.success(request, f"{person.get_username()} is signed out everywhere.")
    return redirect("users-detail", user_id=user_id)


@page(read=_MANAGE, write=_MANAGE)
def delete_user(request: Request, user_id: int) -> HttpResponse:
    person = operations.get_user(user_id=user_id)
    form = ConfirmationForm(request.POST or None, name=person.get_username())
    if request.method == "POST" and form.is_valid():
        tried(form, lambda: operations.delete_user(user_id=user_id))
        if not form.errors:
            messages.success(request, f"{person.get_username()} is gone, with all tokens and sessions.")
            return redirect("users")
    return render(request, "dashboard/users/delete.html", {"person": person, "form": form}, status=_status(request))


def _show(request: Request, person: User, *, status: int, **forms: Any) -> HttpResponse:
    everywhere, on_apis = _held(person)
    context = {
        "person": person,
        "document": user_document(person),
        "sessions": get_sessions(user_id=person.pk).count(),
        "tokens": person.api_tokens.filter(revoked=False).count(),
        "roles": ROLES,
        "form": UserForm(initial={"active": person.is_active, "everywhere": everywhere}),
        "rows": _role_rows(None, on_apis),
        "password_form": NewPasswordForm(),
        **forms,
    }
    return render(request, "dashboard/users/user.html", context, status=status)


def _after(request: Request, changed: User, done: str) -> HttpResponse:
    """Say what was done, on the page of the user, or elsewhere for those who have just shut themselves out of it."""
    if changed == request.user:
        if not changed.is_active:
            return redirect("login")
        sign_in_again(request, changed)
    messages.success(request, done)
    if changed == request.user and not access_of(changed).may(Permission.MANAGE_USERS):
        return redirect("profile")
    return redirect("users-detail", user_id=changed.pk)


def _held(person: User) -> tuple[str, list[dict[str, str]]]:
    """The role over all, and those on single APIs, as the forms have them."""
    roles = user_document(person)["roles"]
    everywhere = next((each["role"] for each in roles if each["apiId"] is None), "")
    return everywhere, [{"api": each["apiId"], "role": each["role"]} for each in roles if each["apiId"]]


def _role_rows(request: Request | None, held: list[dict[str, str]]) -> Any:
    data = request.POST if request is not None and request.method == "POST" else None
    return RolesOnApis(data, initial=held, prefix="roles", form_kwargs={"apis": _names_of_apis()})


def _roles(user: User, names: dict[str, str]) -> list[tuple[str, str]]:
    """The user's roles, each with the name of its API or nothing."""
    return [(each["role"], names.get(each["apiId"] or "", "")) for each in user_document(user)["roles"]]


def _names_of_apis() -> dict[str, str]:
    return dict(Api.objects.order_by("name", "pk").values_list("pk", "name"))


def _status(request: Request) -> int:
    """A form that is shown again was not right."""
    return 400 if request.method == "POST" else 200
