"""Operations on bearer tokens. A token is shown once; what is left of it is a hash and its first characters."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db.models import Q, QuerySet
from django.utils import timezone

from gatewayapp.controlplane.operations.changes import change, change_of
from gatewayapp.controlplane.operations.errors import AccessDenied, BadRequest, NotFound
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

    `scopes` are permissions; `made_with` is the token that the caller calls with, which the new one may not exceed.
    """
    name = Text(1, 128).check("name", name)
    wanted = frozenset(scopes)
    unknown = sorted(wanted - frozenset(Permission))
    if not wanted or unknown:
        known = ", ".join(Permission)
        raise BadRequest(f"Unknown scope {unknown[0]!r}: scopes are {known}." if unknown else f"Give scopes: {known}.")
    if expires_at is not None and expires_at <= timezone.now():
        raise BadRequest("expiresAt must be in the future.")
    if made_with is not None:
        _check_no_broader(made_with, wanted, expires_at)
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


def _check_no_broader(token: ApiToken, scopes: frozenset[str], expires_at: datetime | None) -> None:
    """Else whoever has a token could make one that does more and lives on."""
    if not scopes <= frozenset(token.scopes):
        raise AccessDenied("A token makes tokens within its own scopes only: sign in to make a broader one.")
    if token.expires_at is not None and (expires_at is None or expires_at > token.expires_at):
        raise AccessDenied("A token makes tokens that expire no later than itself: sign in to make a lasting one.")
