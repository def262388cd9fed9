"""Problems that prevent an import: all of them at once, each with its place in the document.

What is said is bounded, since both places and messages are made of what the document holds.
"""

from collections.abc import Iterable
from dataclasses import dataclass

MAX_PROBLEMS = 100
MAX_MESSAGE_LENGTH = 1000
_MAX_PLACE_LENGTH = 300
_MAX_SHOWN_NAME_LENGTH = 80


@dataclass(frozen=True, slots=True)
class Problem:
    """Why something cannot be imported; `place` is its path, such as `Resources.SendRoute.Target`, or empty."""

    place: str
    message: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "place", shortened(self.place, _MAX_PLACE_LENGTH))
        object.__setattr__(self, "message", shortened(self.message, MAX_MESSAGE_LENGTH))

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" if self.place else self.message


class Rejected(Exception):
    """The document cannot be imported, and nothing was changed."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems

    def __reduce__(self) -> tuple[type["Rejected"], tuple[Problem, ...]]:
        return type(self), self.problems


class Problems:
    """The problems found so far, without duplicates. The search ends when no more can be listed."""

    def __init__(self) -> None:
        self._found: dict[Problem, None] = {}

    def add(self, *problems: Problem) -> None:
        """Raises Rejected when there are more than are listed."""
        for problem in problems:
            self._found[problem] = None
            if len(self._found) > MAX_PROBLEMS:
                listed = list(self._found)[:MAX_PROBLEMS]
                raise Rejected(*listed, Problem("", "There are more problems than are listed: correct these first."))

    def raise_any(self) -> None:
        """Raises Rejected where there is any."""
        if self._found:
            raise Rejected(*self._found)


def reject(place: str, message: str) -> Rejected:
    """A rejection for one reason, to be raised."""
    return Rejected(Problem(place, message))


def below(place: str, name: str) -> str:
    """The place of a member of the value at `place`; very deep places and long names are cut off."""
    if len(place) > _MAX_PLACE_LENGTH:
        return place
    return f"{place}.{shortened(name, _MAX_SHOWN_NAME_LENGTH)}"


def shortened(text: str, length: int) -> str:
    """The text, or its beginning and `…` where it has more than `length` characters."""
    return text if len(text) <= length else f"{text[: length - 1]}…"


def listed(names: Iterable[str], limit: int = 20) -> str:
    """The names with commas between them, at most `limit` of them, or `none`."""
    found = list(names)
    more = f" and {len(found) - limit} more" if len(found) > limit else ""
    return ", ".join(shortened(name, _MAX_SHOWN_NAME_LENGTH) for name in found[:limit]) + more or "none"
