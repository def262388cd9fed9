"""Redaction: hides a configuration's secrets from users who may not edit it, and restores them from placeholders.

    redactor = Redactor(Mask())
    shown = redactor.document(stored)            # {"stageVariables": {"apiToken": "********"}}
    unchanged = redactor.restore(shown, stored)  # {"stageVariables": {"apiToken": "swordfish1"}}

Every page, export, diff, trace and audit entry goes through here. A secret can only stand in the members of `_MEMBERS`,
whose names or values users choose. A reference to a value (`route.request…`, `stageVariables…`) is not a secret.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from gatewayapp.core.masking import REDACTED, Mask
from gatewayapp.core.messages import Headers

Note = Callable[[str], None]

_MIN_SECRET_LENGTH = 6
"""Shorter values are hidden by name only: replacing them everywhere would garble the output."""

_PROBE = "nopal0probe"
"""Replaces a placeholder, to find out whether a secret would be hidden in its place."""

_REFERENCE = re.compile(r"(?:(?:route|method)\.request|integration\.response|context|stageVariables)\.[^']*", re.DOTALL)
_LOCATION = re.compile(r"(?:integration|method|route)\.(?:request|response)\.[a-z]+\.")


class MissingSecret(ValueError):
    """A placeholder was sent for a secret, but no secret is stored in its place."""

    def __init__(self, place: str) -> None:
        super().__init__(
            f"{place} contains {REDACTED}, the placeholder for a secret, but no secret is stored there. Send the "
            "secret itself."
        )
        self.member = place.partition(".")[0].partition("[")[0]


@dataclass(frozen=True, slots=True)
class Secrets:
    """The secrets of one stage or draft, hidden by value wherever they occur, and its mask for other secrets."""

    mask: Mask
    values: tuple[str, ...] = ()

    def hide(self, value: Any) -> Any:
        """A text, or a JSON value with texts inside, without the secrets."""
        if isinstance(value, str):
            for secret in self.values:
                value = value.replace(secret, REDACTED)
            return value
        if isinstance(value, dict):
            return {name: self.hide(item) for name, item in value.items()}
        return [self.hide(item) for item in value] if isinstance(value, list) else value

    def text(self, text: str) -> str:
        return str(self.hide(self.mask.text(text)))

    def url(self, url: str) -> str:
        return str(self.hide(self.mask.url(url)))

    def headers(self, headers: Headers) -> Headers:
        return tuple((name, self.hide(value)) for name, value in self.mask.headers(headers))


NO_SECRETS = Secrets(Mask())


class Redactor:
    """Hides and restores the secrets of resources in wire form; `mask` says what is secret."""

    def __init__(self, mask: Mask) -> None:
        self.mask = mask

    def document(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """A resource, with all that it holds, without its secrets."""
        return {name: self.member(name, value) for name, value in document.items()}

    def member(self, name: str, value: Any, note: Note | None = None) -> Any:
        """The value of one member without its secrets; `note` is called with each of them."""
        hide = _MEMBERS.get(name)
        if hide is not None:
            return hide(self, name, value, note)
        if isinstance(value, list):
            return [self._hide_inner(item, note) for item in value]
        return self._hide_inner(value, note)

    def restore(self, document: Mapping[str, Any], stored: Mapping[str, Any]) -> dict[str, Any]:
        """A resource's members as they were sent, with the stored secrets in place of their placeholders.

        Raises MissingSecret for a placeholder without a stored secret.
        """
        return {name: self._restore_member(name, name, value, stored.get(name)) for name, value in document.items()}

    def secrets(self, *documents: Mapping[str, Any]) -> Secrets:
        """The secrets that the documents hold."""
        found: set[str] = set()

        def note(secret: str) -> None:
            found.update(each for each in (secret, secret.rpartition(" ")[2]) if _is_telling(each))

        for document in documents:
            for name, value in document.items():
                self.member(name, value, note)
        return Secrets(self.mask, tuple(sorted(found, key=lambda secret: (-len(secret), secret))))

    # hiding

    def _hide_inner(self, value: Any, note: Note | None) -> Any:
        if not isinstance(value, Mapping):
            return value
        return {name: self.member(name, item, note) for name, item in value.items()}

    def _hide_url(self, name: str, value: Any, note: Note | None) -> Any:
        if not isinstance(value, str):
            return value
        for secret in self.mask.url_secrets(value):
            text = value[secret.start : secret.end]
            if note:
                for each in (text, unquote(text), *text.split(":")):
                    note(each)
        return self.mask.url(value)

    def _hide_text(self, name: str, value: Any, note: Note | None) -> Any:
        return self.mask.text(value, note) if isinstance(value, str) else value

    def _hide_texts(self, name: str, value: Any, note: Note | None) -> Any:
        """A map of texts under names that are no secrets' names, such as templates."""
        if not isinstance(value, Mapping):
            return value
        return {key: self._hide_text(key, item, note) for key, item in value.items()}

    def _hide_parameters(self, name: str, value: Any, note: Note | None) -> Any:
        if not isinstance(value, Mapping):
            return value
        return {key: self._hide_parameter(key, item, note) for key, item in value.items()}

    def _hide_parameter(self, key: str, value: Any, note: Note | None) -> Any:
        if not isinstance(value, str) or not value or _REFERENCE.fullmatch(value):
            return value
        if not self.mask.hides(_LOCATION.sub("", key)):
            return self._hide_text(key, value, note)
        if note:
            note(value.strip("'"))
        return REDACTED

    def _hide_variables(self, name: str, value: Any, note: Note | None) -> Any:
        if not isinstance(value, Mapping):
            return value
        return {key: self._hide_variable(key, item, note) for key, item in value.items()}

    def _hide_variable(self, key: str, value: Any, note: Note | None) -> Any:
        if not isinstance(value, str) or not value:
            return value
        if not self.mask.hides(key):
            return self._hide_url(key, self._hide_text(key, value, note), note)
        if note:
            note(value)
        return REDACTED

    def _hide_checks(self, name: str, value: Any, note: Note | None) -> Any:
        """What a test case expects: texts, and values at paths into JSON."""
        if isinstance(value, list):
            return [self._hide_checks(name, item, note) for item in value]
        if isinstance(value, Mapping):
            value = {key: self._hide_checks(key, item, note) for key, item in self.mask.json(dict(value), note).items()}
            if "equals" in value and self.mask.hides(str(value.get("path", ""))):
                if note:
                    note(str(value["equals"]))
                value["equals"] = REDACTED
            return value
        return self._hide_text(name, value, note)

    # restoring

    def _restore_member(self, place: str, name: str, sent: Any, stored: Any) -> Any:
        """`sent` with the stored values in place of placeholders; `name` is the member's, `place` is for messages."""
        hide = _MEMBERS.get(name)
        if hide is None or not _holds_placeholder(sent):
            return sent
        if hide is Redactor._hide_url and isinstance(sent, str):
            return self._restore_url(place, sent, stored)
        if hide is Redactor._hide_checks:
            return self._restore_checks(place, sent, stored)
        if isinstance(sent, Mapping):
            former = stored if isinstance(stored, Mapping) else {}
            return {key: self._restore_item(place, name, key, item, former.get(key)) for key, item in sent.items()}
        return self._restore_text(place, sent, stored, lambda value: hide(self, name, value, None))

    def _restore_item(self, place: str, name: str, key: str, sent: Any, stored: Any) -> Any:
        def shown(value: Any) -> Any:
            return _MEMBERS[name](self, name, {key: value}, None)[key]

        return self._restore_text(f"{place}.{key}", sent, stored, shown)

    def _restore_url(self, place: str, sent: str, stored: Any) -> str:
        """Replace each placeholder by the stored secret of the same name, even if the rest of the URL has changed."""
        former: dict[str, list[str]] = {}
        for secret in self.mask.url_secrets(stored if isinstance(stored, str) else ""):
            former.setdefault(secret.name, []).append(stored[secret.start : secret.end])
        position, parts = 0, []
        for secret in self.mask.url_secrets(sent):
            text = sent[secret.start : secret.end]
            if text == REDACTED:
                if not former.get(secret.name):
                    raise MissingSecret(place)
                text = former[secret.name].pop(0)
            parts += [sent[position : secret.start], text]
            position = secret.end
        return "".join([*parts, sent[position:]])

    def _restore_checks(self, place: str, sent: Any, stored: Any) -> Any:
        if not isinstance(sent, Mapping):
            return sent
        restored = dict(sent)
        for name, checks in sent.items():
            former = stored.get(name) if isinstance(stored, Mapping) else None
            if isinstance(checks, list):
                items = former if isinstance(former, list) else []
                restored[name] = [self._restore_check(f"{place}.{name}", check, items) for check in checks]
        return restored

    def _restore_check(self, place: str, sent: Any, stored: list[Any]) -> Any:
        """The stored check that is shown as `sent` is, wherever it stood."""

        def shown(value: Any) -> Any:
            return self._hide_checks("", value, None)

        former = next((check for check in stored if shown(check) == sent), None)
        return self._restore_text(place, sent, former, shown)

    def _restore_text(self, place: str, sent: Any, stored: Any, shown: Callable[[Any], Any]) -> Any:
        """The stored value if it is shown as `sent`; otherwise `sent`, if no placeholder in it hides a secret."""
        if not _holds_placeholder(sent):
            return sent
        if stored is not None and shown(stored) == sent:
            return stored
        probed = shown(_replace(sent, REDACTED, _PROBE))
        if sent == REDACTED or _count(probed, _PROBE) < _count(sent, REDACTED):
            raise MissingSecret(place)
        return sent


_MEMBERS: Mapping[str, Callable[[Redactor, str, Any, Note | None], Any]] = {
    "expectations": Redactor._hide_checks,
    "integrationUri": Redactor._hide_url,
    "authorizerUri": Redactor._hide_url,
    "message": Redactor._hide_text,
    "requestParameters": Redactor._hide_parameters,
    "requestTemplates": Redactor._hide_texts,
    "responseParameters": Redactor._hide_parameters,
    "responseTemplates": Redactor._hide_texts,
    "stageVariables": Redactor._hide_variables,
}
"""How the secrets of each member are found."""


def _is_telling(secret: str) -> bool:
    """Whether a secret can be hidden by its value: it is not a common word and not hidden already."""
    return len(secret) >= _MIN_SECRET_LENGTH and REDACTED not in secret and secret.lower() != "bearer"


def _texts_of(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _texts_of(item)


def _holds_placeholder(value: Any) -> bool:
    return any(REDACTED in text for text in _texts_of(value))


def _count(value: Any, text: str) -> int:
    return sum(each.count(text) for each in _texts_of(value))


def _replace(value: Any, old: str, new: str) -> Any:
    if isinstance(value, str):
        return value.replace(old, new)
    if isinstance(value, Mapping):
        return {key: _replace(item, old, new) for key, item in value.items()}
    return [_replace(item, old, new) for item in value] if isinstance(value, list) else value
