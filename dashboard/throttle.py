"""How often one may try to sign in. Counted are the wrong tries of the last quarter of an hour:

    of one account from one address    20
    of all accounts from one address  100    whoever tries one password on many names
    of one account from everywhere    200    whoever has many addresses

A browser that once signed in to the account is known by a cookie and has 20 tries of its own, whatever others do:
nobody can lock people out of the browsers that they use. A try that is refused does not count, so every wait ends.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from unicodedata import normalize

from django.core import signing
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.crypto import get_random_string, salted_hmac

from dashboard.models import SignInTry
from gatewayapp.core.networks import address_key

WINDOW = timedelta(minutes=15)
PER_ACCOUNT_AND_SOURCE = 20
PER_ADDRESS = 100
PER_ACCOUNT = 200

KNOWN_BROWSER_COOKIE = "nopal_browser"
_KNOWN_FOR = timedelta(days=90)
_SALT = "dashboard.throttle"
_IPV4 = f"{0xFFFF:024x}"
"""How the keys of IPv4 addresses begin."""


class TooManyTries(Exception):
    """One has to wait for so many seconds."""

    def __init__(self, seconds: int) -> None:
        super().__init__(seconds)
        self.seconds = seconds

    @property
    def minutes(self) -> int:
        return ceil(self.seconds / 60)


@dataclass(frozen=True, slots=True)
class Source:
    """Where a try comes from: a browser that is known to the account, or an address."""

    key: str
    known: bool


def begin_try(request: HttpRequest, username: str) -> SignInTry:
    """Count a try before its password is looked at, lest many at once pass together. Raises TooManyTries."""
    account, now = _account(username), timezone.now()
    source = _source(request, account)
    with transaction.atomic():
        seconds = _seconds_to_wait(account, source, now)
        if seconds:
            raise TooManyTries(seconds)
        SignInTry.objects.filter(at__lte=now - WINDOW).delete()
        return SignInTry.objects.create(account=account, source=source.key, at=now)


def forgive(right: SignInTry) -> None:
    """Forget the tries that led to the right one; those on other accounts still count."""
    SignInTry.objects.filter(account=right.account, source=right.source).delete()


def remember_browser(response: HttpResponse, username: str, path: str) -> None:
    """Make the browser known to the account, by a cookie that only `path` gets to see."""
    value = signing.dumps([_account(username), get_random_string(16)], salt=_SALT)
    age = int(_KNOWN_FOR.total_seconds())
    response.set_cookie(KNOWN_BROWSER_COOKIE, value, max_age=age, path=path, httponly=True, samesite="Lax")


def _account(username: str) -> str:
    return salted_hmac(_SALT, normalize("NFKC", username).casefold(), algorithm="sha256").hexdigest()


def _source(request: HttpRequest, account: str) -> Source:
    try:
        value = request.COOKIES.get(KNOWN_BROWSER_COOKIE, "")
        known_to, browser = signing.loads(value, salt=_SALT, max_age=_KNOWN_FOR)
    except signing.BadSignature:
        known_to = browser = ""
    if known_to == account:
        return Source(f"browser {browser}", known=True)
    return Source(f"address {_network(str(request.META.get('REMOTE_ADDR', '')))}", known=False)


def _network(address: str) -> str:
    """The address, or of an IPv6 address the /64 that all its neighbours have too. Empty for what is no address."""
    key = address_key(address)
    return key if key.startswith(_IPV4) else key[:16]


def _seconds_to_wait(account: str, source: Source, now: datetime) -> int:
    tries = SignInTry.objects.filter(at__gt=now - WINDOW)
    counted = [(tries.filter(account=account, source=source.key), PER_ACCOUNT_AND_SOURCE)]
    if not source.known:
        counted += [(tries.filter(source=source.key), PER_ADDRESS), (tries.filter(account=account), PER_ACCOUNT)]
    return max(_seconds_until_fewer(found, limit, now) for found, limit in counted)


def _seconds_until_fewer(tries: QuerySet[SignInTry], limit: int, now: datetime) -> int:
    """How long it takes until there are less than `limit` of them in the window."""
    last = list(tries.order_by("-at").values_list("at", flat=True)[:limit])
    return ceil((last[-1] + WINDOW - now).total_seconds()) if len(last) == limit else 0
