"""Request and response templates.

A template without references is its own output. Velocity references and directives are refused when an API is
deployed, in words, so that nothing deployed is silently sent as it was written.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

DEFAULT = "$default"
_VELOCITY = re.compile(r"\$!?\{?[A-Za-z]\w{0,15}|#\{?[a-z]{1,15}|##|#\*")


@dataclass(frozen=True, slots=True)
class Template:
    """A compiled template; `source` is what it renders to."""

    source: str

    def render(self) -> str:
        return self.source


def compile_template(source: str) -> Template:
    """Compile a template. Raises ValueError where it uses Velocity, with the place and what to do."""
    found = _VELOCITY.search(source)
    if found:
        line = source.count("\n", 0, found.start()) + 1
        raise ValueError(
            f"The template uses Velocity on line {line} ({found[0]!r}), which cannot "
            "be deployed: use a template without references, or a proxy integration, which needs none."
        )
    return Template(source)


def choose_template(templates: Mapping[str, Template], key: str) -> Template | None:
    """The template under the selected key, else the one under `$default`."""
    return templates.get(key) or templates.get(DEFAULT)
