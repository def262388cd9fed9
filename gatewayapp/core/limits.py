"""What a stage allows a connection: sizes, lifetimes and rates, AWS's quotas by default.

Each limit is settable for a stage; 0 switches a lifetime, a ping or a rate off.
AWS page: apigateway-execution-service-websocket-limits-table.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class StageLimits:
    """Limits of one stage's connections; seconds, bytes and counts a second."""

    idle_timeout: float = 600.0
    """Close with 1001 after so long without data in either direction; 0: never."""
    connection_duration: float = 7200.0
    """Close with 1001 so long after the handshake, whatever the traffic; 0: never."""
    ping_resets_idle: bool = True
    """Whether a client's ping counts as activity for the idle timeout."""
    ping_interval: float = 20.0
    """The gateway pings a silent client so often; 0: never."""
    ping_timeout: float = 20.0
    """A client that has not answered a ping for so long is gone; 0: never."""
    max_frame: int = 32_768
    """A larger frame closes the connection with 1009."""
    max_message: int = 131_072
    """A larger message closes the connection with 1009."""
    max_in_flight: int = 16
    """Messages of a connection that may wait for their response; then its socket is not read. 1 keeps strict order."""
    send_buffer: int = 1_048_576
    """Bytes that may wait for a slow client; beyond, `@connections` returns 429 and the client is not read."""
    slow_client_timeout: float = 30.0
    """A client whose send buffer stays full for so long is closed with 1008; 0: never."""
    messages_per_second: float = 0.0
    """Messages, pings and pongs a connection may send in a second, burst of twice that; then 1008. 0: no limit."""
    bytes_per_second: float = 0.0
    """Bytes one connection may send in a second, with a burst of twice that; then 1008. 0: no limit."""
    connections: int = 0
    """Open connections the stage may have; then handshakes get 429. 0: no limit."""
    connects_per_second: float = 0.0
    """Handshakes the stage takes in a second, with a burst of twice that; then 429. 0: no limit."""
    allowed_origins: tuple[str, ...] = ()
    """Origins that browsers may connect from (`*` for any); empty: any, but with cookies only the gateway's own."""
    require_origin: bool = False
    """Whether a handshake without an Origin header (not from a browser) is refused."""

    @classmethod
    def from_document(cls, document: Mapping[str, Any], base: "StageLimits | None" = None) -> "StageLimits":
        """The limits that `document` (lower camel case names) sets over `base`.

        Raises ValueError with a sentence that names the member and what it takes.
        """
        known = {camel(field.name): field.name for field in fields(cls)}
        unknown = sorted(set(document) - set(known))
        if unknown:
            raise ValueError(f"Unknown limit {unknown[0]!r}. Limits are: {', '.join(sorted(known))}.")
        base = base or cls()
        changes: dict[str, Any] = {
            known[name]: _checked(name, value, getattr(base, known[name])) for name, value in document.items()
        }
        return replace(base, **changes)


def camel(name: str) -> str:
    """`idle_timeout` as it stands in JSON: `idleTimeout`."""
    head, *tail = name.split("_")
    return head + "".join(part.capitalize() for part in tail)


_AT_LEAST = {"maxFrame": 1, "maxMessage": 1, "maxInFlight": 1, "sendBuffer": 1}
_AT_MOST = 2**40


def _checked(name: str, value: object, example: object) -> object:
    if isinstance(example, tuple):
        if not isinstance(value, list | tuple) or not all(isinstance(item, str) and item for item in value):
            raise ValueError(f"{name} takes a list of strings.")
        return tuple(value)
    if isinstance(example, bool):
        if not isinstance(value, bool):
            raise ValueError(f"{name} takes true or false.")
        return value
    if isinstance(value, bool) or not isinstance(value, int if isinstance(example, int) else int | float):
        raise ValueError(f"{name} takes a {'whole ' if isinstance(example, int) else ''}number.")
    least = _AT_LEAST.get(name, 0)
    if not least <= value <= _AT_MOST:
        raise ValueError(f"{name} must be between {least} and {_AT_MOST}.")
    return value if isinstance(example, int) else float(value)
