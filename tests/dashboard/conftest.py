"""People of the tests: Ann administers, everyone else is a stranger."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client

from gatewayapp.controlplane.operations import create_api, create_user
from gatewayapp.controlplane.operations.users import Assignment
from gatewayapp.core.roles import Role
from gatewayapp.models import Api

PASSWORD = "a-cactus-in-the-sun"


@pytest.fixture
def ann(db: None) -> User:
    return User.objects.create_superuser("ann", password=PASSWORD)


@pytest.fixture
def signed_in(client: Client, ann: User) -> Client:
    client.force_login(ann)
    return client


@pytest.fixture
def api(db: None) -> Api:
    """An API of one's own, to work on."""
    return make_api("chat")


@pytest.fixture
def foreign(db: None) -> Api:
    """An API that is somebody else's."""
    return make_api("foreign")


def make_api(name: str) -> Api:
    return create_api(name=name, protocol_type="WEBSOCKET", route_selection_expression="$request.body.action")


@pytest.fixture
def person(api: Api) -> Callable[[str], Client]:
    """A client of somebody with a role on the API of the test, and nowhere else."""

    def signed_in_as(role: str) -> Client:
        user = create_user(username=role, password=PASSWORD, roles=[Assignment(Role(role), api.api_id)])
        client = Client()
        client.force_login(user)
        return client

    return signed_in_as
