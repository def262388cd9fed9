"""Who is calling: the owner of a bearer token (RFC 6750), or someone who is signed in to the dashboard.

A session needs the CSRF token with every request that changes something. Tokens are looked up for each call, so that a
revoked one ends at once.
"""

from django.contrib.auth.models import User
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from gatewayapp.controlplane.operations.api_tokens import note_use
from gatewayapp.models import ApiToken


class BearerAuthentication(BaseAuthentication):
    """`Authorization: Bearer npt_…`"""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        scheme, _, token = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        found = ApiToken.objects.find(token.strip())
        if found is None:
            raise AuthenticationFailed("This token is not valid: it is unknown, has expired or was revoked.")
        note_use(found)
        return found.user, found

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="nopal"'


AUTHENTICATION = (BearerAuthentication, SessionAuthentication)
