"""Tags and filters of the dashboard's templates."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from django import template
from django.conf import settings
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from dashboard import navigation
from dashboard.texts import milliseconds, spelled, spelled_lines

register = template.Library()
register.filter("milliseconds", milliseconds)

_ICONS = Path(settings.BASE_DIR) / "static" / "vendor" / "icons"


@register.simple_tag
def icon(name: str) -> SafeString:
    """A Tabler icon, drawn in the text's colour; hidden from screen readers, so something beside it must say it."""
    return _icon(name)


@cache
def _icon(name: str) -> SafeString:
    drawing = (_ICONS / f"{name}.svg").read_text()
    paths = drawing[drawing.index(">") + 1 : drawing.rindex("</svg>")]
    return mark_safe(  # noqa: S308  (vendored files, never anyone's input)
        '<svg class="icon" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-linecap="round"'
        f' stroke-linejoin="round" aria-hidden="true">{" ".join(paths.split())}</svg>'
    )


@register.simple_tag
def moment(when: datetime | int | None, mode: str = "") -> SafeString | str:
    """A time as `<time-ago>`, which says how long ago it is and ticks; `when` may be epoch milliseconds.

    `mode` is `age` for the bare duration, `left` for a time to come.
    """
    if when is None:
        return "–"
    if isinstance(when, int):
        when = datetime.fromtimestamp(when / 1000, UTC)
    exact = when.astimezone(UTC)
    return format_html(
        '<time-ago datetime="{}"{}>{} UTC</time-ago>',
        exact.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        format_html(' mode="{}"', mode) if mode else "",
        exact.strftime("%Y-%m-%d %H:%M:%S"),
    )


@register.filter
def size(count: int | None) -> str:
    """A number of bytes for people: `1.4 KiB`."""
    if count is None:
        return "–"
    amount, unit = float(count), "B"
    for larger in ("KiB", "MiB", "GiB"):
        if amount < 1024:
            break
        amount, unit = amount / 1024, larger
    return f"{amount:.0f} {unit}" if unit == "B" or amount >= 100 else f"{amount:.1f} {unit}"


@register.simple_tag
def sparkline(values: Sequence[float | None], tone: str) -> SafeString:
    """A small line without axes; what it means stands beside it, so screen readers are spared it."""
    points = [value or 0 for value in values or ()]
    if len(points) < 2:
        points = [0, 0]
    highest = max(*points, 1e-9)
    line = " ".join(
        f"{100 * number / (len(points) - 1):.2f},{27 - 25 * value / highest:.2f}" for number, value in enumerate(points)
    )
    return format_html(
        '<svg class="sparkline" data-tone="{}" viewBox="0 0 100 28" preserveAspectRatio="none" aria-hidden="true">'
        '<path class="sparkline-area" d="M0,28 L{} L100,28 Z"/><path d="M{}"/></svg>',
        tone,
        line,
        line,
    )


@register.filter
def dom_id(identifier: str) -> str:
    """An identifier as part of an element's id: connection ids hold characters that selectors would trip over."""
    return identifier.encode().hex()


@register.inclusion_tag("components/api-tabs.html", takes_context=True)
def api_tabs(context: template.Context, api: Any) -> dict[str, Any]:
    """The tabs of an API's pages."""
    return {"tabs": navigation.api_tabs(context["request"], api.api_id), "api": api}


@register.filter
def visible(text: object) -> str:
    """What a client wrote, with every character that nobody would see spelled out."""
    return spelled(str(text))


@register.filter
def visible_lines(text: object) -> str:
    return spelled_lines(str(text))
