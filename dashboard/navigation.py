"""The menu: what someone may open, no more. The server checks each page again, see `dashboard.permissions`."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from dashboard.themes import theme_of
from gatewayapp.controlplane.api.v1.permissions import Need, on_all, on_api, on_some
from gatewayapp.controlplane.operations.grants import access_of
from gatewayapp.core.roles import Access, Permission


@dataclass(frozen=True, slots=True)
class Entry:
    """A page in the menu; `url_name` begins with its section's, such as `connections` and `connections-detail`."""

    label: str
    icon: str
    url_name: str
    need: Need | None = None


_SECTIONS: tuple[tuple[str, tuple[Entry, ...]], ...] = (
    (
        "Live",
        (
            Entry("Overview", "home", "home"),
            Entry("Connections", "plug-connected", "connections", on_some(Permission.READ_CONNECTIONS)),
            Entry("Traffic", "activity", "traffic", on_some(Permission.READ_CONNECTIONS)),
            Entry("Test client", "terminal-2", "client", on_some(Permission.WRITE_CONNECTIONS)),
        ),
    ),
    (
        "Configure",
        (
            Entry("APIs", "api", "apis", on_some(Permission.READ_APIS)),
            Entry("Domain names", "world", "domains", on_all(Permission.READ_APIS)),
        ),
    ),
    (
        "Administer",
        (
            Entry("Users", "users", "users", on_all(Permission.MANAGE_USERS)),
            Entry("Access keys", "key", "access-keys", on_all(Permission.MANAGE_ACCESS_KEYS)),
            Entry("API tokens", "lock", "tokens", on_all(Permission.MANAGE_TOKENS)),
            Entry("Audit log", "history", "audit", on_some(Permission.READ_AUDIT)),
            Entry("Tables", "database", "admin:index", on_all(Permission.MANAGE_USERS)),
        ),
    ),
)

_READ = on_api(Permission.READ_APIS)
_API_PAGES: tuple[Entry, ...] = (
    Entry("Overview", "api", "api", _READ),
    Entry("Designer", "sitemap", "designer", _READ),
    Entry("Routes", "route", "routes", _READ),
    Entry("Integrations", "server", "integrations", _READ),
    Entry("Authorizers", "shield", "authorizers", _READ),
    Entry("Models", "code", "models", _READ),
    Entry("Stages", "stack-2", "stages", _READ),
    Entry("Deployments", "rocket", "deployments", _READ),
    Entry("Import & export", "file-import", "interchange", _READ),
)
"""The tabs of one API."""


def shell(request: HttpRequest) -> dict[str, Any]:
    """Context of every page: its menu, and how it should look."""
    context: dict[str, Any] = {"theme": theme_of(request)}
    user = getattr(request, "user", None)
    if user is not None and user.is_authenticated:
        access = getattr(request, "access", None) or access_of(user)
        context["access"] = access
        context["menu"] = list(_menu(access, _current(request)))
    return context


def api_tabs(request: HttpRequest, api_id: str) -> list[dict[str, Any]]:
    """The pages of an API that one may open; for a request that `dashboard.permissions` has let in."""
    access: Access = request.access  # type: ignore[attr-defined]
    return list(_links(_API_PAGES, access, _current(request), api_id))


def _menu(access: Access, current: str) -> Iterator[dict[str, Any]]:
    current = "apis" if any(_is_here(entry, current) for entry in _API_PAGES) else current
    for title, entries in _SECTIONS:
        links = list(_links(entries, access, current))
        if links:
            yield {"title": title, "links": links}


def _links(entries: tuple[Entry, ...], access: Access, current: str, api_id: str = "") -> Iterator[dict[str, Any]]:
    for entry in entries:
        if _met(access, entry.need, api_id):
            url = reverse(entry.url_name, kwargs={"api_id": api_id} if api_id else None)
            yield {"label": entry.label, "icon": entry.icon, "url": url, "here": _is_here(entry, current)}


def _is_here(entry: Entry, current: str) -> bool:
    return current == entry.url_name or current.startswith(f"{entry.url_name}-")


def _met(access: Access, need: Need | None, api_id: str) -> bool:
    if need is None:
        return True
    if need.scope == "api":
        return access.may(need.permission, api_id)
    if need.scope == "some":
        return access.apis_with(need.permission) != frozenset()
    return access.may(need.permission)


def _current(request: HttpRequest) -> str:
    match = request.resolver_match
    return (match.url_name or "") if match is not None else ""
