"""What keeps a document from being imported: every reason at once, each with its place in the document."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """Why something cannot be imported; `place` is its path, such as `Resources.SendRoute.Target`, or empty."""

    place: str
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" if self.place else self.message


class Rejected(Exception):
    """The document cannot be imported, and nothing was changed."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


def reject(place: str, message: str) -> Rejected:
    """A rejection for one reason, to be raised."""
    return Rejected(Problem(place, message))


def rejected(rejections: Iterable[Rejected]) -> Rejected:
    """Several rejections as one."""
    return Rejected(*(problem for rejection in rejections for problem in rejection.problems))
