"""The first administrator: created through a one-time link, since there is no default password.

A link works for 30 minutes and once; all links end as soon as there is an administrator.
"""

import secrets
from datetime import timedelta
from hashlib import sha256

from django.contrib.auth.models import User
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from dashboard.models import SetupToken
from gatewayapp.controlplane.operations.actors import acting, current_actor
from gatewayapp.controlplane.operations.users import ADMINISTRATOR, create_user
from gatewayapp.core.roles import UNRESTRICTED

LIFETIME = timedelta(minutes=30)


class SetupClosed(Exception):
    """The token was used, has expired or never existed, or there is an administrator already."""


def setup_link(base_url: str) -> str | None:
    """A new link below `base_url` (such as `http://127.0.0.1:8000`); None once an administrator exists."""
    if _administrator_exists():
        return None
    token = secrets.token_urlsafe(32)
    SetupToken.objects.filter(expires_at__lte=timezone.now()).delete()
    SetupToken.objects.create(token_hash=_hash(token), expires_at=timezone.now() + LIFETIME)
    return base_url.rstrip("/") + reverse("setup", args=[token])


def is_open(token: str) -> bool:
    """Whether `token` may still create the first administrator."""
    live = SetupToken.objects.filter(token_hash=_hash(token), expires_at__gt=timezone.now())
    return live.exists() and not _administrator_exists()


@transaction.atomic
def create_first_administrator(token: str, username: str, password: str) -> User:
    """Create the administrator and end every link. Raises SetupClosed."""
    # Locks all tokens, so that two links used at once make one administrator.
    list(SetupToken.objects.select_for_update())
    if not is_open(token):
        raise SetupClosed
    SetupToken.objects.all().delete()
    # The operator of Nopal prints this link. It creates the first administrator, when no user could grant that role.
    actor = current_actor()
    with acting(lambda: actor, lambda: UNRESTRICTED):
        return create_user(username=username, password=password, roles=[ADMINISTRATOR])


def _administrator_exists() -> bool:
    return User.objects.filter(is_superuser=True, is_active=True).exists()


def _hash(token: str) -> str:
    return sha256(token.encode()).hexdigest()
