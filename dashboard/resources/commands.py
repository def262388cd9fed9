"""The commands of the AWS CLI that do what a form does, ready for a POSIX shell; secrets are left out.

Options are the operations' members. What they hold inside is JSON, which the CLI takes under the names of its model.
"""

import json
import shlex
from collections.abc import Iterable, Mapping
from typing import Any

from django.conf import settings

from dashboard.resources.kinds import Keys, Kind
from gatewayapp.controlplane.operations.members import ListOf, MapOf, Structure, rules_of
from gatewayapp.core.limits import camel
from gatewayapp.core.masking import REDACTED
from gatewayapp.core.policy import management_arn
from gatewayapp.models import Document
from gatewayapp.models.redaction import redactor


def create_commands(kind: Kind, endpoint: str, keys: Keys, members: Document) -> str:
    """What makes a resource with these members."""
    own = {name: value for name, value in members.items() if name in rules_of(kind.shape)}
    parents = {name: keys[name] for name in kind.parent_keys}
    more = kind.more_commands(keys, members)
    return _script(kind, endpoint, [(f"create-{_noun(kind)}", {**parents, **kind.constants, **own}), *more])


def update_commands(kind: Kind, endpoint: str, keys: Keys, members: Document) -> str:
    """What gives a resource these members."""
    own = {name: value for name, value in members.items() if name in rules_of(kind.shape) and name != "tags"}
    commands: list[tuple[str, Document]] = [(f"update-{_noun(kind)}", {**keys, **own})] if own else []
    if "tags" in members and kind.arn_path:
        arn = management_arn(settings.NOPAL_REGION, kind.arn_path(keys))
        commands.append(("tag-resource", {"resource_arn": arn, "tags": members["tags"]}))
    return _script(kind, endpoint, [*commands, *kind.more_commands(keys, members)])


def _script(kind: Kind, endpoint: str, commands: Iterable[tuple[str, Document]]) -> str:
    notes: list[str] = []
    told = [_command(kind, endpoint, name, members, notes) for name, members in commands]
    return "\n\n".join([*told, *(["\n".join(f"# {note}" for note in notes)] if notes else [])])


def _command(kind: Kind, endpoint: str, name: str, members: Document, notes: list[str]) -> str:
    rules = rules_of(kind.shape)
    lines = [f"aws apigatewayv2 {name} --endpoint-url {shlex.quote(endpoint)} --region {settings.NOPAL_REGION}"]
    for member, value in _without_secrets(members, notes).items():
        if member in kind.not_in_cli:
            notes.append(f"{camel(member)} is Nopal's own: the AWS CLI does not know it.")
        else:
            lines.append("  " + _option(member, _cli_value(rules.get(member), value)))
    return " \\\n".join(lines)


def _option(member: str, value: Any) -> str:
    option = f"--{member.replace('_', '-')}"
    if isinstance(value, bool):
        return option if value else f"--no-{option[2:]}"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    # The CLI would take a value that begins with a dash for an option, and one that begins with file:// for a file.
    return f"{option}={shlex.quote(text)}" if text.startswith("-") else f"{option} {shlex.quote(text)}"


def _without_secrets(members: Document, notes: list[str]) -> Document:
    """Members without the values that credentials are known to stand in; what was left out is noted."""
    clean = {name: redactor().member(camel(name), value) for name, value in members.items()}
    found: Document = {}
    for name, value in clean.items():
        if isinstance(value, Mapping):
            hidden = [key for key, item in value.items() if item == REDACTED]
            notes += [f"{camel(name)}.{key} is left out: it looks like a secret." for key in hidden]
            value = {key: item for key, item in value.items() if key not in hidden}
            partly = [key for key, item in value.items() if isinstance(item, str) and REDACTED in item]
            notes += [_to_be_filled_in(f"{camel(name)}.{key}") for key in partly]
        elif isinstance(value, str) and REDACTED in value:
            notes.append(_to_be_filled_in(camel(name)))
        found[name] = value
    return found


def _to_be_filled_in(place: str) -> str:
    return f"Replace {REDACTED} in {place} with the secret."


def _cli_value(rule: Any, value: Any) -> Any:
    """A value with the members of its objects under the model's names, which begin with a capital."""
    if isinstance(rule, Structure) and isinstance(value, Mapping):
        return {key[:1].upper() + key[1:]: item for key, item in value.items()}
    if isinstance(rule, MapOf) and isinstance(value, Mapping):
        return {key: _cli_value(rule.rule, item) for key, item in value.items()}
    if isinstance(rule, ListOf) and isinstance(value, list):
        return [_cli_value(rule.rule, item) for item in value]
    return value


def _noun(kind: Kind) -> str:
    return kind.noun.lower().replace(" ", "-")
