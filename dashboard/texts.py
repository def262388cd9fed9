"""Words for people: durations, and what clients wrote, in which nothing may hide, turn the text around or run over."""

import json
import re

_HIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]")
"""Control characters, what turns the direction of text, and what takes no room (Unicode Technical Report 36)."""


def spelled(text: str) -> str:
    """`text` with the characters that nobody would see spelled out, such as `⟨U+202E⟩`."""
    return _HIDDEN.sub(_name, text)


def spelled_lines(text: str) -> str:
    """The same for text of several lines: line feeds and tabs stay what they are."""
    return _HIDDEN.sub(lambda found: found[0] if found[0] in "\n\t" else _name(found), text)


def milliseconds(value: float | None) -> str:
    """A duration for people: `3.4 ms`, `1.2 s`."""
    if value is None:
        return "–"
    if value >= 1000:
        return f"{value / 1000:.1f} s"
    return f"{value:.0f} ms" if value >= 100 else f"{value:.1f} ms"


def cut(text: str, length: int) -> str:
    """At most `length` characters of `text`, the last of them a sign that there is more."""
    return text if len(text) <= length else text[: length - 1] + "…"


def indented(text: str) -> str:
    """JSON with line breaks and indents; any other text as it is."""
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return text


def _name(character: re.Match[str]) -> str:
    return f"⟨U+{ord(character[0]):04X}⟩"
