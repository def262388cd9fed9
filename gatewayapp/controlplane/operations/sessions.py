"""Operations on sessions: who is signed in to the dashboard, and ending that."""

from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.utils import timezone

from gatewayapp.controlplane.operations.changes import one_change
from gatewayapp.controlplane.operations.errors import NotFound
from gatewayapp.controlplane.operations.grants import access_of, require_held
from gatewayapp.models import Session


def get_sessions(*, user_id: int) -> QuerySet[Session]:
    """Those of the user that have not ended."""
    return Session.objects.filter(user_id=user_id, expire_date__gt=timezone.now())


def end_sessions(*, user_id: int) -> None:
    """Sign the user out in every browser."""
    with one_change("EndSessions") as entry:
        user = User.objects.filter(pk=user_id).first()
        if user is None:
            raise NotFound(f"There is no user {user_id}.", resourceType="User")
        require_held(access_of(user), f"Sign out user {user.get_username()}")
        entry.path = f"/users/{user_id}/sessions"
        count, _ = get_sessions(user_id=user_id).delete()
        entry.before, entry.after = {"sessions": count}, {"sessions": 0}
