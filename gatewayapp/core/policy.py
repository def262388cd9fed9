"""What an access key may do: permissions of an action and a resource, matched as IAM matches ARNs.

A permission is `{"action": "execute-api:ManageConnections", "resource": "arn:aws:execute-api:*:*:ab12cd34ef/prod/*"}`;
`*` stands for any text and `?` for one character, within one of the parts between colons, save a `*` at the end.
AWS pages: reference_policies_elements_resource, apigateway-websocket-control-access-iam.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

import re2

MANAGE_CONNECTIONS = "execute-api:ManageConnections"

_RESOURCE_PARTS = 6
"""arn:partition:service:region:account:resource"""


def allows(permissions: Iterable[Mapping[str, str]], action: str, resource: str) -> bool:
    """Whether one of `permissions` allows `action` on the ARN `resource`."""
    return any(_covers(permission["action"], permission["resource"], action, resource) for permission in permissions)


def allows_somewhere(permissions: Iterable[Mapping[str, str]], action: str) -> bool:
    """Whether one of `permissions` allows `action` on any resource at all."""
    return any(_covers(permission["action"], "*", action, "") for permission in permissions)


def connections_arn(region: str, account: str, api_id: str, stage: str, verb: str) -> str:
    """What `@connections` is authorized on: AWS evaluates the literal `{connectionId}`, whatever the connection is."""
    return f"arn:aws:execute-api:{region}:{account}:{api_id}/{stage}/{verb}/@connections/{{connectionId}}"


def management_arn(region: str, path: str) -> str:
    """The resource of a management call; `path` is its decoded path below `/v2`, such as `/apis/ab12cd34ef/routes`."""
    return f"arn:aws:apigateway:{region}::{path}"


def management_action(method: str) -> str:
    """The action of a management call, `apigateway:GET` and the like."""
    return f"apigateway:{method}"


def check_permission(permission: Mapping[str, str]) -> None:
    """Raises ValueError with a sentence where a permission can never allow anything."""
    action, resource = permission["action"], permission["resource"]
    service, _, name = action.partition(":")
    if action != "*" and (service not in ("execute-api", "apigateway") or not name):
        raise ValueError(
            f"{action!r} is no action of an access key: it is {MANAGE_CONNECTIONS}, execute-api:Invoke, "
            "apigateway:GET, POST, PATCH, PUT or DELETE, or a pattern such as apigateway:*."
        )
    if not resource:
        raise ValueError(
            "A permission needs a resource: an ARN, its part after the account such as ab12cd34ef/*, or *."
        )


@lru_cache(maxsize=4096)
def _covers(action_pattern: str, resource_pattern: str, action: str, resource: str) -> bool:
    """Remembered, since each push to a connection asks the same again."""
    if not _matches(_expression(action_pattern.lower(), ".*"), action.lower()):
        return False
    if not resource_pattern.startswith("arn:") and resource_pattern != "*":
        resource = resource.split(":", _RESOURCE_PARTS - 1)[-1]
    return _matches(_resource_expression(resource_pattern), resource)


def _resource_expression(pattern: str) -> str:
    """Within the first five parts of an ARN a wildcard stops at a colon; a trailing `*` runs on to the end."""
    if pattern.endswith("/@connections"):
        pattern += "/*"
    *parts, last = pattern.split(":", _RESOURCE_PARTS - 1) if pattern.startswith("arn:") else [pattern]
    return ":".join([*(_expression(part, "[^:]*") for part in parts), _expression(last, ".*")])


def _matches(expression: str, text: str) -> bool:
    return re2.fullmatch(expression, text, _OPTIONS) is not None


def _expression(pattern: str, any_text: str) -> str:
    one = any_text.removesuffix("*")
    return "".join({"*": any_text, "?": one}.get(character) or re2.escape(character) for character in pattern)


def _options() -> Any:
    options = re2.Options()
    options.dot_nl = True
    options.log_errors = False
    return options


_OPTIONS = _options()
