"""Masking: hides credentials in headers, URLs and texts, whether they come from traffic or from a configuration.

A value is a credential because of the name that it stands under (names that secrets usually have, and those that
`NOPAL_MASK` adds), or because of its form (`Bearer …`, `Basic …`, JSON Web Tokens, the password in a URL). Texts come
from clients, so patterns run in linear time.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import unquote_plus

import orjson
import re2

from gatewayapp.core.messages import Headers

REDACTED = "********"

SECRET_NAMES = "|".join(
    (
        "authorization",
        "cookie",
        "api[-_]?key",
        "private[-_]?key",
        "functions[-_]?key",
        "secret",
        "pass(?:w(?:or)?d|phrase)",
        "pwd",
        "token",
        "credential",
        "signature",
        "x-auth",
    )
)
"""A pattern that matches within the names of secrets, in any case."""

_QUERY_NAMES = "key|code|sig"
"""Names of query fields that hold keys of Google, Azure Functions and Azure Storage; too common to hide elsewhere."""

_TOKENS = re2.compile(
    r"(?i:\b(?P<scheme>bearer|basic)\s+)[A-Za-z0-9._~+/=-]{6,}|\beyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"
)
_PASSWORDS = re2.compile(r"""(?P<before>://[^/?#@:\s"']*:)(?P<value>[^/?#@\s"'*][^/?#@\s"']*)@""")
_VALUE = r"""\\+"[^"\\]*|"(?:[^"\\]|\\.)*|'[^']*|[^\s,;&}\]"']+"""
_USERINFO = re.compile(r"(?:[a-z][a-z0-9+.-]*:)?//(?P<value>[^/?#]*)@", re.IGNORECASE)
_FIELD = re.compile(r"(?P<name>[^?&=#]+)=(?P<value>[^&#]+)")
_REFERENCES = re.compile(r"(?:\$?\{[^{}]*\})+")
"""A value that consists of stage variables or path parameters only, which are not secrets themselves."""


class UrlSecret(NamedTuple):
    """A secret in a URL: its name, and where its characters begin and end."""

    name: str
    start: int
    end: int


class Mask:
    """Hides the values of secret names; `names` are further names, matched as a whole and case-insensitively."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        further = "|".join(map(re.escape, names))
        whole = rf"|\A(?:{further})\z" if further else ""
        self._name = re2.compile(f"(?i:{SECRET_NAMES}{whole})")
        self._query_name = re2.compile(rf"(?i:{SECRET_NAMES}{whole}|\A(?:{_QUERY_NAMES})\z)")
        self._hides_header = lru_cache(maxsize=1024)(self.hides)  # clients send the same few names again and again
        within = rf"|\b(?:{further})\b" if further else ""
        self._word = re2.compile(rf"(?i:{SECRET_NAMES}{within})|\\u00|(?i:bearer|basic)\s|eyJ|://[^/?#@\s]*@")
        self._pair = re2.compile(
            rf"""(?P<head>(?i:[\w.$-]*(?:{SECRET_NAMES})[\w.$-]*{within})\\*["']?\s*[:=]\s*)(?P<value>{_VALUE})"""
        )

    def hides(self, name: str) -> bool:
        """Whether values under this name are secret."""
        return self._name.search(name) is not None

    def headers(self, headers: Headers) -> Headers:
        return tuple((name, REDACTED if self._hides_header(name) else value) for name, value in headers)

    def lines(self, head: str) -> str:
        """A message's head: a first line that may hold a URL, then header fields."""
        first, *fields = head.split("\n")
        target, question, query = first.partition("?")
        return "\n".join([target + question + self.query(query), *map(self._line, fields)])

    def query(self, query: str) -> str:
        """A query string, or what follows one on its line."""
        return "&".join(map(self._field, query.split("&")))

    def url(self, url: str) -> str:
        """A URL or a request target without the secrets in its userinfo and its query."""
        position, shown = 0, []
        for secret in self.url_secrets(url):
            shown += [url[position : secret.start], REDACTED]
            position = secret.end
        return "".join([*shown, url[position:]])

    def url_secrets(self, url: str) -> Iterator[UrlSecret]:
        """The secrets of a URL in order; references to stage variables and path parameters are none."""
        if (found := _USERINFO.match(url)) and _is_fixed(found["value"]):
            yield UrlSecret("//", *found.span("value"))
        start = url.find("?")
        for found in _FIELD.finditer(url, start) if start >= 0 else ():
            if self._hides_field(found["name"]) and _is_fixed(found["value"]):
                yield UrlSecret(found["name"], *found.span("value"))

    def text(self, text: str, note: Callable[[str], None] | None = None) -> str:
        """A text, JSON or not, whole or cut; unchanged where there is nothing to hide.

        `note` is called with each secret that is hidden.
        """
        if not self._word.search(text):
            return text
        note = note or _ignore
        with suppress(orjson.JSONDecodeError, RecursionError):  # what is not JSON, or was cut, is masked as text only
            value = orjson.loads(text)
            if (masked := self.json(value, note)) != value:
                text = orjson.dumps(masked).decode()
        text = _TOKENS.sub(lambda found: _masked_token(found, note), text)
        text = _PASSWORDS.sub(lambda found: _masked_password(found, note), text)
        return str(self._pair.sub(lambda found: _masked_pair(found, note), text))

    def json(self, value: Any, note: Callable[[str], None] | None = None) -> Any:
        """A JSON value without the values of secret names, at any depth."""
        if isinstance(value, dict):
            for name, item in value.items():
                if note and self.hides(name):
                    _note_leaves(item, note)
            return {name: REDACTED if self.hides(name) else self.json(item, note) for name, item in value.items()}
        return [self.json(item, note) for item in value] if isinstance(value, list) else value

    def _line(self, line: str) -> str:
        name, colon, value = line.partition(": ")
        return f"{name}{colon}{REDACTED if value and self.hides(name) else value}"

    def _field(self, field: str) -> str:
        name, _, value = field.partition("=")
        return f"{name}={REDACTED}" if value and self._hides_field(name) else field

    def _hides_field(self, name: str) -> bool:
        return self._query_name.search(unquote_plus(name)) is not None


def _is_fixed(value: str) -> bool:
    return bool(value) and not _REFERENCES.fullmatch(value)


def _ignore(secret: str) -> None:
    pass


def _note_leaves(value: Any, note: Callable[[str], None]) -> None:
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            _note_leaves(item, note)
    elif value is not None:
        note(str(value))


def _masked_pair(found: Any, note: Callable[[str], None]) -> str:
    value = found["value"]
    quote = re.match(r"""\\*["']?""", value)
    opening = quote[0] if quote else ""
    note(value[len(opening) :])
    return f"{found['head']}{opening}{REDACTED}"


def _masked_password(found: Any, note: Callable[[str], None]) -> str:
    note(found["value"])
    return f"{found['before']}{REDACTED}@"


def _masked_token(found: Any, note: Callable[[str], None]) -> str:
    note(found[0])
    return f"{found['scheme']} {REDACTED}" if found["scheme"] else REDACTED
