"""How someone likes the list: which columns it has, in which order, and the views that they named."""

from collections.abc import Iterable
from dataclasses import dataclass

from dashboard.connections.rows import COLUMNS, DEFAULT_COLUMNS
from dashboard.models import Preference

_COLUMNS = "connections.columns"
_VIEWS = "connections.views"
_MOST_VIEWS = 50
_LONGEST_NAME = 60
_LONGEST_QUERY = 6000


@dataclass(frozen=True, slots=True)
class Preferences:
    columns: list[str]
    """In their order."""
    views: dict[str, str]
    """Queries of the list by the names they were given."""


def preferences_of(user_id: int) -> Preferences:
    kept = dict(Preference.objects.filter(user_id=user_id, name__in=(_COLUMNS, _VIEWS)).values_list("name", "value"))
    chosen = kept.get(_COLUMNS, DEFAULT_COLUMNS)
    return Preferences([name for name in chosen if name in COLUMNS], kept.get(_VIEWS, {}))


def choose_columns(user_id: int, columns: Iterable[str]) -> None:
    chosen = dict.fromkeys(columns)
    Preference.write(user_id, _COLUMNS, [name for name in chosen if name in COLUMNS])


def save_view(user_id: int, name: str, query: str) -> str:
    """Keep `query` as `name`, in place of one of that name. Returns why that cannot be, or nothing."""
    name = " ".join(name.split())
    views = Preference.read(user_id, _VIEWS, {})
    if not name or len(name) > _LONGEST_NAME:
        return f"Give the view a name of at most {_LONGEST_NAME} characters."
    if len(query) > _LONGEST_QUERY:
        return "These conditions are too long to keep."
    if name not in views and len(views) >= _MOST_VIEWS:
        return f"There are {_MOST_VIEWS} views already: delete one first."
    Preference.write(user_id, _VIEWS, dict(sorted({**views, name: query}.items(), key=lambda each: each[0].lower())))
    return ""


def delete_view(user_id: int, name: str) -> None:
    views = Preference.read(user_id, _VIEWS, {})
    if views.pop(name, None) is not None:
        Preference.write(user_id, _VIEWS, views)
