"""Sessions of the dashboard: they end twelve hours after one signed in, or an hour after one was last there.

They are Django's sessions in the database, each with a date at which it ends, so the limits are kept wherever a session
is loaded: for pages, for the REST API and for sockets. A store works with keys, as cookies hold them; the table has
their hashes.
"""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseSessionStore
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from gatewayapp.models import Session, hash_session_key
from gatewayapp.storage_failures import tolerate_storage_failures

STARTED_AT, LAST_SEEN_AT, ADDRESS, USER_AGENT = "started_at", "last_seen_at", "address", "user_agent"
"""What a session remembers about itself; the moments in ISO 8601."""

_NOTED_EVERY = timedelta(minutes=1)


class SessionStore(DatabaseSessionStore):
    @classmethod
    def get_model_class(cls) -> type[AbstractBaseSession]:
        return Session

    def begin(self, address: str, user_agent: str) -> None:
        """Someone has just signed in: the session ends so and so long after that."""
        self.clear_expired()
        now = timezone.now()
        self.set_expiry(now + timedelta(seconds=settings.SESSION_COOKIE_AGE))
        self[STARTED_AT] = self[LAST_SEEN_AT] = now.isoformat()
        self[ADDRESS], self[USER_AGENT] = address, user_agent

    def touch(self) -> None:
        """A person used the session: it goes on. This is noted to the minute, not for every request."""
        if LAST_SEEN_AT in self:
            now = timezone.now()
            if _last_seen(self) <= now - min(_NOTED_EVERY, _idle() / 10):
                with tolerate_storage_failures("Noting that a session was used"):
                    self._note_seen(now.isoformat())

    def _note_seen(self, now: str) -> None:
        """At once, in what is stored by now: another request may have put a notice there since this one began."""
        with transaction.atomic():
            if self._stored().select_for_update().first():
                stored = SessionStore(self.session_key)
                stored[LAST_SEEN_AT] = now
                stored.save()
        modified = self.modified
        self[LAST_SEEN_AT] = now
        self.modified = modified

    # Where Django's store meets the table: hashes instead of keys.

    def _stored(self) -> QuerySet[Session]:
        """The row of this session, unless it has ended."""
        key_hash = hash_session_key(self.session_key or "")
        return Session.objects.filter(session_key=key_hash, expire_date__gt=timezone.now())

    def load(self) -> dict[str, Any]:
        return self._loaded(self._stored().first())

    async def aload(self) -> dict[str, Any]:
        return self._loaded(await self._stored().afirst())

    def _loaded(self, session: Session | None) -> dict[str, Any]:
        if session is None:
            self._session_key = None  # an invented key is never taken over (session fixation)
            return {}
        return self.decode(session.session_data)

    def exists(self, session_key: str) -> bool:
        return super().exists(hash_session_key(session_key))

    async def aexists(self, session_key: str) -> bool:
        return await super().aexists(hash_session_key(session_key))

    def delete(self, session_key: str | None = None) -> None:
        if key := session_key or self.session_key:
            super().delete(hash_session_key(key))

    async def adelete(self, session_key: str | None = None) -> None:
        if key := session_key or self.session_key:
            await super().adelete(hash_session_key(key))

    def create_model_instance(self, data: dict[str, Any]) -> AbstractBaseSession:
        return _completed(super().create_model_instance(data), data)

    async def acreate_model_instance(self, data: dict[str, Any]) -> AbstractBaseSession:
        return _completed(await super().acreate_model_instance(data), data)


def _completed(session: AbstractBaseSession, data: dict[str, Any]) -> AbstractBaseSession:
    """The row with the hash of its key, with its owner, and with the nearer of its two ends."""
    assert isinstance(session, Session)
    session.session_key = hash_session_key(session.session_key)
    session.user_id = data.get(SESSION_KEY)
    if LAST_SEEN_AT in data:
        session.expire_date = min(session.expire_date, _last_seen(data) + _idle())
    return session


def _last_seen(data: Any) -> datetime:
    return datetime.fromisoformat(data[LAST_SEEN_AT])


def _idle() -> timedelta:
    return timedelta(seconds=settings.NOPAL_SESSION_IDLE)
