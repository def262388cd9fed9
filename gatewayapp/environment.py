"""Typed reading of `NOPAL_*` settings from the environment.

Every helper also reads `NAME_FILE`, a file that holds the value, so that secrets need not stand in the environment.
A value that cannot be read raises `ImproperlyConfigured` with the setting's name and what it takes.
"""

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
    return text(name) or _stored_key(path)


def _stored_key(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(48))
    return path.read_text().strip()
