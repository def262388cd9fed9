"""Light or dark: as the browser prefers, unless someone chose. The choice is kept in a cookie, for each browser."""

from django.http import HttpRequest

THEMES = ("auto", "light", "dark")
COOKIE = "nopal_theme"


def theme_of(request: HttpRequest) -> str:
    chosen = request.COOKIES.get(COOKIE, "auto")
    return chosen if chosen in THEMES else "auto"
