"""Masking: what traffic is shown of, without the credentials in it.

Values go by the names that they stand under, those that secrets usually go by and those that `NOPAL_MASK` adds; tokens
that can be told by their form are masked wherever they stand. Texts come from clients, so patterns run in linear time.
"""

import re
from collections.abc import Iterable
from contextlib import suppress
from functools import lru_cache
from typing import Any
from urllib.parse import unquote_plus

import orjson
import re2

from gatewayapp.core.messages import Headers
from gatewayapp.core.redaction import REDACTED, SECRET_NAMES

_TOKENS = re2.compile(
    r"(?i:\b(?P<scheme>bearer|basic)\s+)[A-Za-z0-9._~+/=-]{6,}|\beyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"
)
_VALUE = r"""\\+"[^"\\]*|"(?:[^"\\]|\\.)*|'[^']*|[^\s,;&}\]"']+"""


class Mask:
    """Hides what stands under secret names; `names` are further ones, whole and in any case."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        further = "|".join(map(re.escape, names))
        whole = rf"|\A(?:{further})\z" if further else ""
        self._name = re2.compile(f"(?i:{SECRET_NAMES}{whole})")
        self._hides_header = lru_cache(maxsize=1024)(self.hides)  # clients send the same few names again and again
        within = rf"|\b(?:{further})\b" if further else ""
        self._word = re2.compile(rf"(?i:{SECRET_NAMES}{within})|\\u00|(?i:bearer|basic)\s|eyJ")
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

    def text(self, text: str) -> str:
        """A message's text, JSON or not, whole or cut; unchanged where there is nothing to hide."""
        if not self._word.search(text):
            return text
        with suppress(orjson.JSONDecodeError, RecursionError):  # what is no JSON, or was cut, is masked as text only
            value = orjson.loads(text)
            if (masked := self._value(value)) != value:
                text = orjson.dumps(masked).decode()
        return str(self._pair.sub(_masked_pair, _TOKENS.sub(_masked_token, text)))

    def _value(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: REDACTED if self.hides(name) else self._value(item) for name, item in value.items()}
        return [self._value(item) for item in value] if isinstance(value, list) else value

    def _line(self, line: str) -> str:
        name, colon, value = line.partition(": ")
        return f"{name}{colon}{REDACTED if value and self.hides(name) else value}"

    def _field(self, field: str) -> str:
        name, _, value = field.partition("=")
        return f"{name}={REDACTED}" if value and self.hides(unquote_plus(name)) else field


def _masked_pair(found: Any) -> str:
    value = found["value"]
    quote = re.match(r"""\\*["']?""", value)
    return f"{found['head']}{quote[0] if quote else ''}{REDACTED}"


def _masked_token(found: Any) -> str:
    return f"{found['scheme']} {REDACTED}" if found["scheme"] else REDACTED
