"""Limits on the cost of reading and importing a document.

Documents come from anyone, so each limit is checked before the work that it limits. Where AWS has a quota of its own
(AWS page: CloudFormation quotas), Nopal's limit is at least as large. `docs/import-export.md` lists the limits.
"""

from typing import Any

from gatewayapp.interchange.problems import Problem, Rejected

MAX_DOCUMENT_BYTES = 2 * 2**20
MAX_DEPTH = 64
MAX_VALUES = 200_000
MAX_NAME_LENGTH = 1024
"""Characters of a name in a mapping: places in messages are made of names."""

MAX_PARAMETERS = 200
MAX_PARAMETER_LENGTH = 4096
"""Characters of a parameter's value, of its AllowedPattern and of each of its AllowedValues."""

MAX_TEXT_LENGTH = 512 * 1024
"""Characters of a text that a function of CloudFormation makes."""
MAX_EXPANDED_SIZE = 8 * 2**20
"""Characters of all values together that the functions of a template give."""
MAX_STEPS = 1_000_000
"""Values and references that are looked at while a template's functions are resolved."""

READING_SECONDS = 30.0
"""How long a document may take to be read, in a process of its own."""
READING_MEMORY = 512 * 2**20
"""Bytes that the process may take for it."""
READING_NICENESS = 10
"""Niceness of the process, so that processes that serve clients go first."""

MAX_PARTS = 3000
"""Resources that one document may define, responses and tests included."""
APPLYING_SECONDS = 120.0
"""How long an import, or its preview, may take before it is undone."""


class LimitExceeded(Rejected):
    """A limit is exceeded, so the import stops."""


def exceed(place: str, message: str) -> LimitExceeded:
    """The end of an import for one reason, to be raised."""
    return LimitExceeded(Problem(place, message))


class Budget:
    """The remaining cost of resolving a template's functions. It counts work, so the machine does not matter."""

    def __init__(self, steps: int = MAX_STEPS, size: int = MAX_EXPANDED_SIZE) -> None:
        self._steps = steps
        self._size = size

    def count_steps(self, place: str, steps: int = 1) -> None:
        """Account for `steps` values about to be looked at. Raises LimitExceeded."""
        self._steps -= steps
        if self._steps < 0:
            raise exceed(
                place,
                f"Resolving the template's functions takes more than {MAX_STEPS:,} steps, because they refer to one "
                "another too often. Write repeated values out, or split the template, one API per document.",
            )

    def count_text(self, place: str, length: int) -> None:
        """Account for a text of `length` characters about to be made. Raises LimitExceeded."""
        if length > MAX_TEXT_LENGTH:
            raise exceed(
                place,
                f"The value would have {length:,} characters, but a text can have at most {MAX_TEXT_LENGTH:,}. "
                "Use fewer or shorter values in it.",
            )
        self.count_size(place, length)

    def count_size(self, place: str, size: int) -> None:
        """Account for values of `size` characters in all about to be given. Raises LimitExceeded."""
        self._size -= size
        if self._size < 0:
            raise exceed(
                place,
                f"The template's functions return more than {MAX_EXPANDED_SIZE:,} characters. "
                "Refer to long values less often, or split the template, one API per document.",
            )

    def measure(self, value: Any, place: str) -> int:
        """Characters of a value without functions, eight more for each item of a list or mapping."""
        size, level = 0, [value]
        while level:
            self.count_steps(place, len(level))
            below: list[Any] = []
            for item in level:
                if isinstance(item, str):
                    size += len(item)
                elif isinstance(item, list):
                    size += 8 * len(item)
                    below += item
                elif isinstance(item, dict):
                    size += sum(8 + len(name) for name in item)
                    below += item.values()
            level = below
        return size
