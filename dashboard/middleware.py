"""What surrounds every page: its headers, and the note that someone was there.

Headers say what may run in a page, who may frame it, and that nobody stores it. Cookies are marked Secure wherever the
request came by TLS, here or at a trusted proxy.
"""

from django.http import HttpRequest, HttpResponse
from django.utils.deprecation import MiddlewareMixin

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
