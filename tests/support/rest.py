"""Callers of a running gateway's REST API, with bearer tokens."""

import json
from dataclasses import dataclass
from typing import Any

from tests.support.gateway import Gateway, HttpAnswer

CREATE_ADMINISTRATOR = """
import os, sys
import django
os.environ["DJANGO_SETTINGS_MODULE"] = "gatewayapp.settings"
django.setup()
from django.contrib.auth.models import User
from django.core.management import call_command
User.objects.create_superuser(sys.argv[1], password="a-cactus-in-the-sun")
call_command("createapitoken", sys.argv[1], "tests", "--json")
"""


@dataclass(frozen=True, slots=True)
class RestClient:
    """Calls `/api/v1` with a bearer token."""

    gateway: Gateway
    token: str

    def __call__(self, method: str, path: str, body: Any = None) -> HttpAnswer:
        content = b"" if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        return self.gateway.http(method, f"/api/v1/{path}", content, headers)

    def get(self, path: str) -> Any:
        """What a GET answers with 200."""
        answer = self("GET", path)
        assert answer.status == 200, answer.body
        return answer.json()

    def post(self, path: str, body: Any) -> Any:
        """What a POST answers with success."""
        answer = self("POST", path, body)
        assert answer.status in (200, 201), answer.body
        return answer.json()


def administrator(gateway: Gateway, name: str = "ann") -> RestClient:
    """A new administrator, with a token of all scopes."""
    made = json.loads(gateway._run("-c", CREATE_ADMINISTRATOR, name))
    return RestClient(gateway, made["token"])
