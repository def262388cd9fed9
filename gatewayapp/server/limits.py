"""Every limit and time-out of the server in one frozen value.

Sizes are bytes, times are seconds on the monotonic clock. The message sizes are Amazon API Gateway's quotas
(32 KB a frame, 128 KB a message).
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from typing import Any

KIB = 1024


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """What `run` listens on and how much it takes from a peer."""

    host: str = "127.0.0.1"
    port: int = 8000  # 0: a free port, reported by `ready`
    root_path: str = ""
    backlog: int = 4096

    certificate: str | None = None  # PEM file with the chain; plain TCP without it
    key: str | None = None  # PEM file
    ssl_context: Any = None  # a Twisted context factory, instead of the two files

    # WebSocket messages
    max_frame: int = 32 * KIB
    max_message: int = 128 * KIB
    max_fragments: int = 1024
    waiting_events: int = 16  # unread events of a connection before its socket is not read any more
    waiting_bytes: int = 16 * KIB  # the same in bytes
    frames_per_turn: int = 16  # frames of a connection that one turn of the event loop reads
    write_high_water: int = 64 * KIB  # unsent bytes of a connection above which `send` waits

    # WebSocket times
    handshakes_per_second: float = 0.0  # admitted at most; 0: as many as the event loop keeps up with
    handshake_timeout: float = 30.0  # for the application to accept or deny
    ping_interval: float = 20.0  # 0: no pings
    ping_timeout: float = 20.0  # 0: an unanswered ping is forgiven
    close_timeout: float = 5.0  # for the peer to answer our close frame
    linger_timeout: float = 2.0  # reading on after a fatal answer, so that the answer arrives
    linger_bytes: int = 4 * KIB * KIB

    # HTTP requests, handshakes included
    header_timeout: float = 10.0
    idle_timeout: float = 75.0  # between two requests of a kept-alive connection
    body_timeout: float = 30.0  # without any progress
    max_headers: int = 100
    max_header_bytes: int = 32 * KIB
    max_header_line: int = 8 * KIB
    max_url: int = 4 * KIB
    max_body: int = KIB * KIB  # requests answered without Daphne's HTTP path
    max_upload: int = 16 * KIB * KIB  # every other request

    # requests with one of these in their path are answered without Daphne's HTTP path, for speed
    direct_paths: tuple[bytes, ...] = (b"/@connections/", b"/%40connections/")

    # the process
    drain_timeout: float = 30.0
    drain_rate: int = 500  # WebSocket connections closed per second
    shutdown_code: int = 1001
    shutdown_reason: str = "Going away"
    reserved_descriptors: int = 64  # kept free for databases and backends
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()
