"""One's own page: roles, password, look, and where one is signed in."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters

from dashboard.access.forms import ROLES, OwnPasswordForm
from dashboard.access.results import tried
from dashboard.live import close_viewers
from dashboard.permissions import Request, page
from dashboard.sessions import sign_in_again
from dashboard.throttle import TooManyTries, begin_try, forgive
from gatewayapp.controlplane.operations.sessions import end_sessions, get_sessions
from gatewayapp.controlplane.operations.users import update_user, user_document
from gatewayapp.core.roles import Role
from gatewayapp.models import Api, Session, hash_session_key
from gatewayapp.sessions import ADDRESS, LAST_SEEN_AT, STARTED_AT, USER_AGENT


@page()
def profile(request: Request) -> HttpResponse:
    return _show(request, OwnPasswordForm())


@sensitive_post_parameters("old_password", "password", "again")
@page(posts=True)
def own_password(request: Request) -> HttpResponse:
    """POST: a new password; all other sessions end, this one goes on."""
    if request.method != "POST":
        return redirect("profile")
    form = OwnPasswordForm(request.POST)
    if not form.is_valid():
        return _show(request, form, 400)
    try:
        right = _knows_password(request, form.cleaned_data["old_password"])
    except TooManyTries as refused:
        form.add_error("old_password", f"Too many wrong tries. Try again in {refused.minutes} minutes.")
        return _show(request, form, 429, {"Retry-After": str(refused.seconds)})
    if not right:
        form.add_error("old_password", "This is not your present password.")
        return _show(request, form, 400)
    password = form.cleaned_data["password"]
    changed = tried(form, lambda: update_user(user_id=request.user.pk, password=password), "password")
    if changed is None:
        return _show(request, form, 400)
    sign_in_again(request, changed)
    messages.success(request, "You have a new password. Everywhere else you have to sign in again.")
    return redirect("profile")


@page(posts=True)
def sign_out_everywhere(request: Request) -> HttpResponse:
    """POST: end all one's sessions, this one too."""
    if request.method != "POST":
        return redirect("profile")
    session_hashes = list(get_sessions(user_id=request.user.pk).values_list("pk", flat=True))
    end_sessions(user_id=request.user.pk)
    for session_hash in session_hashes:
        close_viewers(session_hash)
    return redirect("login")


def _knows_password(request: Request, password: str) -> bool:
    """Wrong tries count as they do at the sign-in. Raises TooManyTries."""
    this = begin_try(request, request.user.get_username())
    if not request.user.check_password(password):
        return False
    forgive(this)
    return True


def _show(
    request: Request, form: OwnPasswordForm, status: int = 200, headers: dict[str, str] | None = None
) -> HttpResponse:
    document = user_document(request.user)
    names = dict(Api.objects.filter(pk__in=[each["apiId"] for each in document["roles"]]).values_list("pk", "name"))
    context = {
        "document": document,
        "roles": [
            (each["role"], names.get(each["apiId"] or "", ""), ROLES[Role(each["role"])]) for each in document["roles"]
        ],
        "sessions": _sessions(request),
        "form": form,
        "idle_minutes": settings.NOPAL_SESSION_IDLE // 60,
        "lifetime_hours": settings.SESSION_COOKIE_AGE // 3600,
    }
    response = render(request, "dashboard/profile/profile.html", context, status=status)
    for name, value in (headers or {}).items():
        response[name] = value
    return response


def _sessions(request: Request) -> list[dict[str, Any]]:
    """Where one is signed in, here first, then the last used."""
    here = hash_session_key(request.session.session_key or "")
    found = [_session(each, here) for each in get_sessions(user_id=request.user.pk)]
    return sorted(found, key=lambda each: (each["here"], each["last_seen_at"]), reverse=True)


def _session(session: Session, here: str) -> dict[str, Any]:
    about = session.get_decoded()
    return {
        "here": session.pk == here,
        "address": about.get(ADDRESS, ""),
        "user_agent": about.get(USER_AGENT, ""),
        "started_at": datetime.fromisoformat(about[STARTED_AT]),
        "last_seen_at": datetime.fromisoformat(about[LAST_SEEN_AT]),
        "ends_at": session.expire_date,
    }
