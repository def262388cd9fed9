"""Typed reading of `NOPAL_*` settings from the environment.

Every helper also reads `NAME_FILE`, a file that holds the value, so that secrets need not stand in the environment.
A value that cannot be read raises `ImproperlyConfigured` with the setting's name and what it takes.
"""

import hashlib
import ipaddress
import json
import os
import re
import secrets
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def text(name: str, default: str = "") -> str:
    """The value as it stands, or that of the file that `NAME_FILE` names."""
    path = os.environ.get(f"{name}_FILE")
    if path and not os.environ.get(name):
        try:
            return Path(path).read_text().strip()
        except OSError as error:
            raise ImproperlyConfigured(f"{name}_FILE: cannot read {path}: {error.strerror}.") from error
    return os.environ.get(name, default)


def boolean(name: str, default: bool = False) -> bool:
    value = text(name, "on" if default else "off").lower()
    if value in ("1", "true", "yes", "on"):
        return True
    if value in ("", "0", "false", "no", "off"):
        return False
    raise ImproperlyConfigured(f"{name} takes on or off, not {value!r}.")


def choice(name: str, values: tuple[str, ...]) -> str:
    """One of a few words, the first by default."""
    value = text(name, values[0]).lower()
    if value not in values:
        raise ImproperlyConfigured(f"{name} takes {' or '.join(values)}, not {value!r}.")
    return value


def number(name: str, default: float) -> float:
    value = text(name)
    try:
        return float(value) if value else default
    except ValueError:
        raise ImproperlyConfigured(f"{name} takes a number, not {value!r}.") from None


_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30}


def size(name: str) -> int | None:
    """Bytes, as `134217728`, `128M` or `2G` (units of 1,024); None where the setting is empty."""
    value = text(name)
    if not value:
        return None
    found = re.fullmatch(r"(\d+)\s*([KMG]?)(?:i?B)?", value, re.IGNORECASE)
    if found is None:
        raise ImproperlyConfigured(f"{name} takes a size such as 512M or 2G, not {value!r}.")
    return int(found[1]) * _UNITS[found[2].upper()]


def optional_number(name: str) -> float | None:
    """A number, None where the setting is absent."""
    return number(name, 0) if text(name) else None


def words(name: str, default: str = "") -> list[str]:
    """Values separated by commas."""
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def networks(name: str, default: str = "") -> tuple[Network, ...]:
    """IP networks or addresses separated by commas."""
    try:
        return parse_networks(text(name, default))
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} takes IP networks such as 10.0.0.0/8: {error}.") from None


def parse_networks(value: str) -> tuple[Network, ...]:
    """IP networks or addresses separated by commas. Raises ValueError."""
    return tuple(ipaddress.ip_network(word.strip(), strict=False) for word in value.split(",") if word.strip())


def mapping(name: str) -> dict[str, Any]:
    """A JSON object."""
    value = text(name, "{}")
    try:
        document = json.loads(value)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise ImproperlyConfigured(f"{name} takes a JSON object, not {value!r}.")
    return document


def key(name: str, path: Path) -> str:
    """A secret key from the environment, or from `path`, where it is made on first use, readable by its owner only."""
    try:
        return text(name) or _stored_key(path, secrets.token_urlsafe(48))
    except OSError as error:
        raise ImproperlyConfigured(
            f"{name} is not set, and its file {path} can neither be read nor created: {error.strerror}. "
            "Run the command as the user that Nopal runs as, or set the key."
        ) from error


def existing_key(name: str, path: Path) -> str:
    """The key that `key` would return, or an empty string if it would create one."""
    return text(name) or (path.read_text().strip() if path.exists() else "")


def connection_id_key(name: str, path: Path, encryption_key: str = "") -> str:
    """A key of 64 hexadecimal digits from the environment or from `path`, where it is made on first use.

    An installation whose connection ids are signed with a key that was derived from its `encryption_key` (the oldest of
    several, separated by commas or line breaks) keeps that derived key, so that ids of open connections stay valid.
    """
    if value := text(name):
        if not re.fullmatch("[0-9A-Fa-f]{64}", value):
            raise ImproperlyConfigured(
                f"{name} takes 64 hexadecimal digits, as `openssl rand -hex 32` makes; it has {len(value)} characters."
            )
        return value
    oldest = re.split(r"[,\r\n]", encryption_key.strip())[-1].strip()
    former = hashlib.blake2b(oldest.encode(), digest_size=32, person=b"connection-ids").hexdigest()
    return _stored_key(path, former if oldest else secrets.token_hex(32))


def _stored_key(path: Path, new: str) -> str:
    """The key in the file, which is created with the key `new` if it does not exist."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    with os.fdopen(descriptor, "w") as file:
        file.write(new)
    return path.read_text().strip()
