"""The page behind the set-up link: it creates the first administrator and signs them in."""

from ipaddress import ip_address

from django.conf import settings
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from dashboard.forms import FirstAdministratorForm
from dashboard.setup import SetupClosed, create_first_administrator, is_open
from dashboard.throttle import remember_browser


@sensitive_post_parameters("password1", "password2")
@require_http_methods(["GET", "POST"])
def setup(request: HttpRequest, token: str) -> HttpResponse:
    if not (settings.NOPAL_SETUP_REMOTE or _is_local(request)):
        return _refusal(request, 403, "Set-up works only on the machine that Nopal runs on.", remote=True)
    if not is_open(token):
        return _closed(request)
    form = FirstAdministratorForm(request.POST or None)
    if not form.is_valid():
        return render(request, "dashboard/setup.html", {"form": form})
    try:
        user = create_first_administrator(token, form.cleaned_data["username"], form.cleaned_data["password1"])
    except SetupClosed:
        return _closed(request)
    login(request, user)
    response = redirect("home")
    remember_browser(response, user.get_username(), reverse("login"))
    return response


def _closed(request: HttpRequest) -> HttpResponse:
    return _refusal(request, 410, "This set-up link was used or has expired.")


def _refusal(request: HttpRequest, status: int, reason: str, remote: bool = False) -> HttpResponse:
    return render(request, "dashboard/setup_refused.html", {"reason": reason, "remote": remote}, status=status)


def _is_local(request: HttpRequest) -> bool:
    """Whether the browser runs on this machine; a proxy that is not trusted connects from here too, but says so."""
    if "HTTP_X_FORWARDED_FOR" in request.META or "HTTP_FORWARDED" in request.META:
        return False
    try:
        return ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False
