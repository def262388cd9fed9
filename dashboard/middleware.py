"""What surrounds every page: its headers, and the note that someone was there.

Headers say what may run in a page, who may frame it, and that nobody stores it. Cookies are marked Secure wherever the
request came by TLS, here or at a trusted proxy.
"""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.deprecation import MiddlewareMixin

from gatewayapp.cookies import PREFIX
from gatewayapp.sessions import SessionStore

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)


class SecurityHeadersMiddleware(MiddlewareMixin):
    """Stands outside the session middleware, whose cookies it must see, and inside the one for static files."""

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        response.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        response.headers.setdefault("Cache-Control", "no-store")
        if request.is_secure():
            for cookie in response.cookies.values():
                cookie["secure"] = True
        return response


class HostCookiesMiddleware(MiddlewareMixin):
    """Gives the session's and the CSRF token's cookie other names where the request came by TLS: `gatewayapp.cookies`.

    Stands outside the session middleware. A cookie under the plain name, which anyone may have set, counts for nothing.
    """

    NAMES = (settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME)

    def process_request(self, request: HttpRequest) -> None:
        if request.is_secure():
            for name in self.NAMES:
                request.COOKIES.pop(name, None)
                if (value := request.COOKIES.pop(PREFIX + name, None)) is not None:
                    request.COOKIES[name] = value

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        if request.is_secure():
            for name in self.NAMES:
                if (cookie := response.cookies.pop(name, None)) is not None:
                    response.cookies[PREFIX + name] = cookie.value
                    response.cookies[PREFIX + name].update(cookie)
        return response


class ActivityMiddleware(MiddlewareMixin):
    """Lets a session go on while a person uses it. What a page asks for by itself bears `X-Nopal-Background: 1`.

    Stands inside the session middleware. A request that needed no session costs nothing.
    """

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        session = request.session
        if session.accessed and "X-Nopal-Background" not in request.headers:
            assert isinstance(session, SessionStore)
            session.touch()
        return response
