"""Callers of the REST API: people with roles, with a token or a session, in front of the application itself."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from gatewayapp.controlplane.operations.api_tokens import create_api_token
from gatewayapp.core.roles import Permission, Role
from gatewayapp.models import RoleAssignment

PASSWORD = "a-cactus-in-the-sun"


@dataclass(frozen=True)
class Caller:
    """Someone who calls with a bearer token, or with none."""

    token: str = ""

    def __call__(self, method: str, path: str, body: Any = None, **extra: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        options = {"data": body, "content_type": "application/json"} if body is not None else {}
        http = Client(raise_request_exception=False)
        return getattr(http, method.lower())(f"/api/v1/{path}", headers=headers, **options, **extra)


NewUser = Callable[..., User]


@pytest.fixture
def new_user(db: None) -> NewUser:
    """Make people: `role` over all, `roles` by API."""

    def make(name: str, role: Role | None = None, **roles: Role) -> User:
        user = User.objects.create_user(name, password=PASSWORD)
        if role is Role.ADMIN:
            user.is_superuser = True
            user.save()
        elif role is not None:
            RoleAssignment.objects.create(user=user, role=role)
        for api_id, role_on_api in roles.items():
            RoleAssignment.objects.create(user=user, role=role_on_api, api_id=api_id)
        return user

    return make


def caller_of(user: User, *scopes: str) -> Caller:
    """The user, calling with a token."""
    _, token = create_api_token(user_id=user.pk, name="tests", scopes=scopes or list(Permission))
    return Caller(token)


@pytest.fixture
def admin(new_user: NewUser) -> Caller:
    return caller_of(new_user("ann", Role.ADMIN))
