"""People of the tests: Ann administers, everyone else is a stranger."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

PASSWORD = "a-cactus-in-the-sun"


@pytest.fixture
def ann(db: None) -> User:
    return User.objects.create_superuser("ann", password=PASSWORD)


@pytest.fixture
def signed_in(client: Client, ann: User) -> Client:
    client.force_login(ann)
    return client
