"""Requests of the management API as they are on the wire, signed by an access key."""

import json
from dataclasses import dataclass, field

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from django.http import HttpResponse
from django.test import Client

from gatewayapp.controlplane import operations
from gatewayapp.models import AccessKey

HOST = "testserver"


@dataclass(frozen=True, slots=True)
class Caller:
    """Calls with one key; what the API fails at is answered, not raised."""

    key: AccessKey
    secret: str
    http: Client = field(default_factory=lambda: Client(raise_request_exception=False))

    @classmethod
    def who_may(cls, *allowed: tuple[str, str]) -> "Caller":
        """A caller with a new key that may do these actions on these resources."""
        permissions = [{"action": action, "resource": resource} for action, resource in allowed]
        return cls(*operations.create_access_key(name="tests", permissions=permissions))

    def __call__(
        self, method: str, path: str, document=None, *, body=b"", secure=False, sign=True, **extra
    ) -> HttpResponse:
        """`secure` as over TLS; `extra` is added to the WSGI environment."""
        body = json.dumps(document).encode() if document is not None else body
        headers = signed(self.key, self.secret, method, path, body) if sign else {}
        raw_path, _, query = path.partition("?")
        environ = {"REQUEST_URI": raw_path, "QUERY_STRING": query, **extra}
        return self.http.generic(method, path, body, secure=secure, headers=headers, **environ)


def signed(key: AccessKey, secret: str, method: str, path: str, body: bytes = b"") -> dict[str, str]:
    """The headers of a signed request."""
    request = AWSRequest(method=method, url=f"http://{HOST}{path}", data=body, headers={"Host": HOST})
    SigV4Auth(Credentials(key.pk, secret), "apigateway", "us-east-1").add_auth(request)
    return dict(request.headers.items())
