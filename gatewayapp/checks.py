"""System checks on the settings: `manage.py check` explains a bad deployment before it serves anyone."""

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

from gatewayapp.core.addresses import parse_url
from gatewayapp.core.limits import StageLimits
from gatewayapp.data_directory import exposed_paths, is_dedicated, private_mode
from gatewayapp.environment import parse_networks
from gatewayapp.models.encryption import parse_keys

_DATABASES = ("django.db.backends.sqlite3", "django.db.backends.postgresql")
_MIN_KEY_LENGTH = 32


@register
def check_settings(**_: Any) -> list[CheckMessage]:
    """Every rule of this module, in order of their numbers."""
    return [
        *_check_database(),
        *_check_names(),
        *_check_limits(),
        *_check_outbound(),
        *_check_addresses(),
        *_check_callbacks(),
        *_check_keys(),
        *_check_permissions(),
    ]


def _check_database() -> Iterator[CheckMessage]:
    engine = settings.DATABASES["default"]["ENGINE"]
    if engine not in _DATABASES:
        yield Error(
            f"NOPAL_DATABASE_URL names a database that Nopal does not run on ({engine}).",
            hint="Use sqlite:///path/to/file or postgres://user:password@host/name.",
            id="nopal.E001",
        )


def _check_names() -> Iterator[CheckMessage]:
    if not re.fullmatch(r"[a-z0-9-]+", settings.NOPAL_REGION):
        yield Error(
            f"NOPAL_REGION is {settings.NOPAL_REGION!r}.",
            hint="It is a part of ARNs and signatures: lower-case letters, digits and hyphens, as us-east-1.",
            id="nopal.E002",
        )
    if not re.fullmatch(r"\d{12}", settings.NOPAL_ACCOUNT_ID):
        yield Error(
            f"NOPAL_ACCOUNT_ID is {settings.NOPAL_ACCOUNT_ID!r}.",
            hint="It is a part of ARNs: twelve digits.",
            id="nopal.E003",
        )


def _check_limits() -> Iterator[CheckMessage]:
    try:
        StageLimits.from_document(settings.NOPAL_LIMITS)
    except ValueError as error:
        yield Error(f"NOPAL_LIMITS: {error}", hint="docs/limits.md lists the limits.", id="nopal.E004")


def _check_outbound() -> Iterator[CheckMessage]:
    allow = settings.NOPAL_OUTBOUND_ALLOW
    try:
        networks = () if allow == "auto" else parse_networks(allow)
    except ValueError as error:
        yield Error(
            f"NOPAL_OUTBOUND_ALLOW: {error}.",
            hint="List networks separated by commas, as 10.0.0.0/8,fd00::/8, or leave it to 'auto'.",
            id="nopal.E005",
        )
        networks = ()
    if any(network.prefixlen == 0 for network in networks):
        yield Warning(
            "NOPAL_OUTBOUND_ALLOW lets integrations call every address.",
            hint="List the networks that your backends are in, so that a route cannot reach anything else.",
            id="nopal.W005",
        )
    if settings.NOPAL_OUTBOUND_CA_FILE and not Path(settings.NOPAL_OUTBOUND_CA_FILE).is_file():
        yield Error(
            f"NOPAL_OUTBOUND_CA_FILE: {settings.NOPAL_OUTBOUND_CA_FILE} is not a file.",
            hint="Name a PEM file with the certificates that your backends' certificates are signed with.",
            id="nopal.E006",
        )
    yield from _check_outbound_shares()
    if settings.NOPAL_LAMBDA_ENDPOINT:
        try:
            parse_url(settings.NOPAL_LAMBDA_ENDPOINT)
        except ValueError as error:
            yield Error(f"NOPAL_LAMBDA_ENDPOINT: {error}", hint="For example http://127.0.0.1:9001.", id="nopal.E007")


def _check_outbound_shares() -> Iterator[CheckMessage]:
    if settings.NOPAL_OUTBOUND_CONNECTIONS < 1:
        yield Error(
            f"NOPAL_OUTBOUND_CONNECTIONS is {settings.NOPAL_OUTBOUND_CONNECTIONS}, so no backend can be called.",
            hint="Set it to at least 1; the default is 200.",
            id="nopal.E011",
        )
    if not 0 < settings.NOPAL_OUTBOUND_ROUTE_SHARE <= 1:
        yield Error(
            f"NOPAL_OUTBOUND_ROUTE_SHARE is {settings.NOPAL_OUTBOUND_ROUTE_SHARE:g}.",
            hint="Set it to a fraction greater than 0 and at most 1; the default is 0.8.",
            id="nopal.E012",
        )
    for name in ("NOPAL_OUTBOUND_QUEUE_LENGTH", "NOPAL_OUTBOUND_QUEUE_TIMEOUT"):
        if getattr(settings, name) < 0:
            yield Error(
                f"{name} is {getattr(settings, name):g}.",
                hint="Set it to 0 or more. With 0, a call that would have to wait is refused.",
                id="nopal.E013",
            )


def _check_addresses() -> Iterator[CheckMessage]:
    for name in ("NOPAL_API_ENDPOINT", "NOPAL_DOMAIN_NAME"):
        value = getattr(settings, name)
        if value and "{api_id}" not in value:
            yield Error(
                f"{name} is {value!r}, the same for every API.",
                hint="Say with {api_id} where an API's id stands, as {api_id}.execute-api.example.org.",
                id="nopal.E008",
            )
    if any(network.prefixlen == 0 for network in settings.NOPAL_TRUSTED_PROXIES):
        yield Warning(
            "NOPAL_TRUSTED_PROXIES trusts everyone: any client can say that it comes from anywhere.",
            hint="List the addresses of your reverse proxies only.",
            id="nopal.W008",
        )


def _check_callbacks() -> Iterator[CheckMessage]:
    if settings.NOPAL_ANONYMOUS_CALLBACKS:
        yield Warning(
            "NOPAL_ANONYMOUS_CALLBACKS is on: whoever reaches the gateway can push to and close every connection.",
            hint="It is a switch for development and works on loopback only. Sign with an access key instead.",
            id="nopal.W009",
        )


def _check_keys() -> Iterator[CheckMessage]:
    if any(len(key) < _MIN_KEY_LENGTH for key in parse_keys(settings.NOPAL_ENCRYPTION_KEY)):
        yield Warning(
            f"NOPAL_ENCRYPTION_KEY contains a key with fewer than {_MIN_KEY_LENGTH} characters, which can be guessed.",
            hint="Rotate to a key from `openssl rand -base64 48`; docs/security.md describes the steps.",
            id="nopal.W011",
        )


def _check_permissions() -> Iterator[CheckMessage]:
    """Paths that `data_directory.restrict` could not change."""
    database, group_access = settings.DATABASES["default"], settings.NOPAL_DATA_GROUP_ACCESS
    for path, status in exposed_paths(settings.DATA_DIR, database, group_access=group_access):
        yield Warning(
            f"Other users of this machine can reach {path} (mode {stat.S_IMODE(status.st_mode):04o}).",
            hint=_permission_hint(path, status, f"chmod {private_mode(status, group_access=group_access):o} {path}"),
            id="nopal.W010",
        )


def _permission_hint(path: Path, status: os.stat_result, command: str) -> str:
    if status.st_uid != os.geteuid():
        command = f"Nopal does not change it because it belongs to user {status.st_uid}. As that user, run: {command}"
    elif path == settings.DATA_DIR and not is_dedicated(path):
        command = (
            f"Nopal does not change it because it also contains other files. Run: {command} "
            "- or set NOPAL_DATA_DIR to a directory of its own."
        )
    if not status.st_mode & stat.S_IRWXO:
        command += " - or set NOPAL_DATA_GROUP_ACCESS=on if its group is meant to have access."
    return command
