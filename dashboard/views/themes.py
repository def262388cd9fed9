"""Saving the choice between the light and the dark theme, from the form in the menu."""

from django.http import HttpResponse
from django.http.response import HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme

from dashboard.permissions import Request, page
from dashboard.themes import COOKIE, THEMES

_A_YEAR = 365 * 24 * 3600


@page(posts=True)
def choose_theme(request: Request) -> HttpResponse:
    """Save the choice and go back to the page."""
    back = request.POST.get("next", "/")
    safe = url_has_allowed_host_and_scheme(back, {request.get_host()}, require_https=request.is_secure())
    response = HttpResponseRedirect(back if safe else "/")
    theme = request.POST.get("theme", "")
    if theme in THEMES:
        response.set_cookie(COOKIE, theme, max_age=_A_YEAR, samesite="Lax", httponly=True)
    return response
