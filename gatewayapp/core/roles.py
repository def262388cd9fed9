"""Who may do what: four roles, each held for one API or for all, and the permissions that they consist of.

A token's scopes are permissions too: it may do what its owner may, as far as its scopes go. Nobody grants more than
they hold: see `Access.lacks`.
"""

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


class Permission(enum.StrEnum):
    """What an endpoint asks for."""

    READ_CONNECTIONS = "connections:read"
    WRITE_CONNECTIONS = "connections:write"
    """Send to clients and disconnect them."""
    READ_APIS = "apis:read"
    """See what is configured and deployed, test a route, export."""
    WRITE_APIS = "apis:write"
    """Roll back, import."""
    READ_AUDIT = "audit:read"
    READ_SERVER = "server:read"
    MANAGE_ACCESS_KEYS = "access-keys:manage"
    MANAGE_USERS = "users:manage"
    MANAGE_TOKENS = "tokens:manage"
    """One's own tokens; nobody needs a role for that."""


class Role(enum.StrEnum):
    VIEWER = "viewer"
    OPERATOR = "operator"
    EDITOR = "editor"
    ADMIN = "admin"


_VIEWER = frozenset({Permission.READ_CONNECTIONS, Permission.READ_APIS, Permission.READ_SERVER})
_OPERATOR = _VIEWER | {Permission.WRITE_CONNECTIONS}
_EDITOR = _OPERATOR | {Permission.WRITE_APIS}
_ADMIN = frozenset(Permission)

ROLES: Mapping[Role, frozenset[Permission]] = {
    Role.VIEWER: _VIEWER,
    Role.OPERATOR: _OPERATOR,
    Role.EDITOR: _EDITOR,
    Role.ADMIN: _ADMIN,
}
"""Each role can do what the one before it can, and more."""


@dataclass(frozen=True, slots=True)
class Access:
    """What someone may do: everywhere, and on single APIs by their ids."""

    everywhere: frozenset[Permission] = frozenset({Permission.MANAGE_TOKENS})
    on_apis: Mapping[str, frozenset[Permission]] = field(default_factory=dict)

    @classmethod
    def of_roles(cls, everywhere: Iterable[Role], on_apis: Iterable[tuple[str, Role]]) -> "Access":
        """The access of someone who holds these roles over all, and those on single APIs."""
        permissions = frozenset({Permission.MANAGE_TOKENS}).union(*(ROLES[role] for role in everywhere))
        return cls(permissions, {api_id: ROLES[role] for api_id, role in on_apis})

    def within(self, scopes: Iterable[str]) -> "Access":
        """The part of this access that a token with `scopes` has."""
        kept = frozenset(scopes)
        return Access(
            self.everywhere & kept,
            {api_id: permissions & kept for api_id, permissions in self.on_apis.items()},
        )

    def may(self, permission: Permission, api_id: str = "") -> bool:
        """Whether `permission` is held for the API, or without one for the whole installation."""
        return permission in self.everywhere or permission in self.on_apis.get(api_id, ())

    @property
    def anywhere(self) -> frozenset[Permission]:
        """Permissions held everywhere or on at least one API."""
        return self.everywhere.union(*self.on_apis.values())

    @property
    def is_unrestricted(self) -> bool:
        """Whether everything is allowed, everywhere: an administrator, with no token or one of all scopes."""
        return self.everywhere >= frozenset(Permission)

    def lacks(self, other: "Access") -> list[str]:
        """The permissions of `other` that this access lacks, in words; if there are none, its holder may grant `other`.

        Everyone manages their own tokens, so that is held by all, except when `other` is unrestricted.
        """
        own = frozenset[Permission]() if other.is_unrestricted else frozenset({Permission.MANAGE_TOKENS})
        return [
            *sorted(other.everywhere - self.everywhere - own),
            *(
                f"{permission} on API {api_id}"
                for api_id, permissions in sorted(other.on_apis.items())
                for permission in sorted(permissions - self.everywhere - self.on_apis.get(api_id, frozenset()) - own)
            ),
        ]

    def sees(self, api_id: str) -> bool:
        """Whether the API exists for them at all: whoever may do nothing with it is told that there is none."""
        return bool(self.on_apis.get(api_id) or self.everywhere - {Permission.MANAGE_TOKENS})

    def apis_with(self, permission: Permission) -> frozenset[str] | None:
        """The ids of the APIs that `permission` is held for; None: of all."""
        if permission in self.everywhere:
            return None
        return frozenset(api_id for api_id, permissions in self.on_apis.items() if permission in permissions)


UNRESTRICTED = Access(frozenset(Permission))
"""Of administrators, and of those who run commands on the machine itself."""
