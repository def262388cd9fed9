"""Operations on bearer tokens. A token is shown once; what is left of it is a hash and its first characters."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db.models import Q, QuerySet
from django.utils import timezone

from gatewayapp.controlplane.operations.actors import current_access
from gatewayapp.controlplane.operations.changes import change, change_of
from gatewayapp.controlplane.operations.errors import AccessDenied, BadRequest, NotFound
from gatewayapp.controlplane.operations.grants import access_of, require_held
from gatewayapp.controlplane.operations.members import Text
from gatewayapp.core.roles import Permission
from gatewayapp.models import ApiToken
from gatewayapp.storage_failures import tolerate_storage_failures

_USE_NOTED_EVERY = timedelta(minutes=1)


@change
def create_api_token(
    *,
    user_id: int,
    name: str,
    scopes: Iterable[str],
    expires_at: datetime | None = None,
    made_with: ApiToken | None = None,
) -> tuple[ApiToken, str]:
    """A new token of the user's and the token itself, shown this once.

    `scopes` are permissions, of which the actor has to hold each, for one API at least; `made_with` is the token that
    the caller calls with, which the new one may not outlive.
    """
    name = Text(1, 128).check("name", name)
    wanted = frozenset(scopes)
    unknown = sorted(wanted - frozenset(Permission))
    if not wanted or unknown:
        known = ", ".join(Permission)
        raise BadRequest(f"Unknown scope {unknown[0]!r}: scopes are {known}." if unknown else f"Give scopes: {known}.")
    if expires_at is not None and expires_at <= timezone.now():
        raise BadRequest("expiresAt must be in the future.")
    _check_no_broader(user_id, wanted)
    if made_with is not None:
        _check_no_longer(made_with, expires_at)
    return ApiToken.objects.issue(user_id, name, wanted, expires_at)


def get_api_tokens() -> QuerySet[ApiToken]:
    return ApiToken.objects.all()


def get_api_token(*, token_id: str) -> ApiToken:
    token = get_api_tokens().filter(pk=token_id).first()
    if token is None:
        raise NotFound(f"There is no token {token_id}.", resourceType="Token")
    return token


@change_of(get_api_token)
def revoke_api_token(*, token_id: str) -> ApiToken:
    """End the token for good, from the next call on; it stays listed, so that it is known what it was."""
    token = get_api_token(token_id=token_id)
    token.revoked = True
    token.save(update_fields=["revoked"])
    return token


def note_use(token: ApiToken) -> None:
    """Remember that the token was used, to the minute: not every call writes."""
    now = timezone.now()
    if token.last_used_at is None or token.last_used_at < now - _USE_NOTED_EVERY:
        stale = Q(last_used_at=None) | Q(last_used_at__lt=now - _USE_NOTED_EVERY)
        with tolerate_storage_failures("Noting that a token was used"):
            ApiToken.objects.filter(stale, pk=token.pk).update(last_used_at=now)


def _check_no_broader(user_id: int, scopes: frozenset[str]) -> None:
    """Refuse scopes that the actor does not hold, including scopes that only a later role would bring into effect."""
    user = User.objects.filter(pk=user_id).first()
    if user is None:
        raise NotFound(f"There is no user {user_id}.", resourceType="User")
    require_held(access_of(user).within(scopes), f"Create a token of user {user.get_username()}")
    missing = sorted(scopes - current_access().anywhere)
    if missing:
        raise AccessDenied(
            f"Creating the token was refused: you, or the scopes of your token, do not have {', '.join(missing)}. "
            "Leave out those scopes, or sign in to create a token with more scopes."
        )


def _check_no_longer(token: ApiToken, expires_at: datetime | None) -> None:
    """Otherwise a token could create one that outlives it."""
    if token.expires_at is not None and (expires_at is None or expires_at > token.expires_at):
        raise AccessDenied("A token makes tokens that expire no later than itself: sign in to make a lasting one.")
