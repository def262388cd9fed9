"""Light or dark: as the browser prefers, unless someone chose. The choice is kept in a cookie, for each browser."""

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme

from dashboard.permissions import Request, page

THEMES = ("auto", "light", "dark")
_COOKIE = "nopal_theme"
_A_YEAR = 365 * 24 * 3600


def theme_of(request: HttpRequest) -> str:
    chosen = request.COOKIES.get(_COOKIE, "auto")
    return chosen if chosen in THEMES else "auto"


@page(posts=True)
def choose_theme(request: Request) -> HttpResponse:
    """Keep the choice and go back to where it was made."""
    back = request.POST.get("next", "/")
    safe = url_has_allowed_host_and_scheme(back, {request.get_host()}, require_https=request.is_secure())
    response = HttpResponseRedirect(back if safe else "/")
    theme = request.POST.get("theme", "")
    if theme in THEMES:
        response.set_cookie(_COOKIE, theme, max_age=_A_YEAR, samesite="Lax", httponly=True)
    return response
