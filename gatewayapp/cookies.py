"""The names of the dashboard's cookies. Where a request came by TLS they begin with `__Host-`, so that a browser takes
them from this very host only, and never from a neighbour below the same domain (RFC 6265bis section 4.1.3)."""

from django.conf import settings

PREFIX = "__Host-"


def own_cookies() -> tuple[str, ...]:
    """The cookies that let someone act, under all their names."""
    plain = (settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME)
    return (*plain, *(PREFIX + name for name in plain))


def name_of_cookie(name: str, secure: bool) -> str:
    return PREFIX + name if secure else name
