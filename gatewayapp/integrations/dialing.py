"""From an origin to a connected socket: look up, check, connect, and for https a verified TLS session.

The address is checked when it is dialled and exactly the checked address is dialled, so a name that changes its
answer between two look-ups gains nothing; Host header and server name indication stay the name.
"""

import asyncio
import errno
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from ipaddress import ip_address

from gatewayapp.core.addresses import Policy, authority, host_name, refusal
from gatewayapp.core.errors import BackendUnreachable
from gatewayapp.core.messages import Origin
from gatewayapp.integrations.connection import Connection

Resolve = Callable[[str], Awaitable[Sequence[str]]]
"""A look-up: a host name to its IP addresses, the preferred one first. Raises OSError if there are none."""

RESOLVER_THREADS = 64
"""Host names that can be looked up at once. A name server that does not respond occupies one for each name."""
MAX_ADDRESSES = 8


class Refused(BackendUnreachable):
    """The connection was refused, or ended before it could carry a call: so it is while a backend restarts."""


class Dialer:
    """Opens connections that the policy permits; `timeout` in seconds covers look-up, TCP and TLS together."""

    def __init__(self, policy: Policy, ca_file: str, timeout: float, resolve: Resolve | None = None) -> None:
        self._policy = policy
        self._tls = tls_context(ca_file)
        self._timeout = timeout
        # Threads of their own: the default executor is everybody's, and a dead name server would occupy it.
        self._resolvers = ThreadPoolExecutor(RESOLVER_THREADS, thread_name_prefix="resolve")
        self._look_ups: dict[str, asyncio.Future[list[str]]] = {}
        self._resolve = resolve or self._look_up

    async def dial(
        self, origin: Origin, server_name: str | None, build: Callable[[socket.socket], Connection]
    ) -> Connection:
        """A connection to the first address that answers. Raises BackendUnreachable with the reason."""
        try:
            async with asyncio.timeout(self._timeout):
                name = host_name(server_name) if server_name else origin.host
                sock = await self._connect(origin)
                return await self._attach(sock, name if origin.scheme == "https" else None, build)
        except TimeoutError:
            raise BackendUnreachable(f"{authority(origin)}: connecting took more than {self._timeout:g} s.") from None
        except (OSError, ValueError) as error:
            failure = Refused if isinstance(error, ConnectionError) else BackendUnreachable
            raise failure(f"{authority(origin)}: {_reason(error)}.") from error

    def close(self) -> None:
        self._resolvers.shutdown(wait=False, cancel_futures=True)

    async def _connect(self, origin: Origin) -> socket.socket:
        addresses = self._permitted(origin, await self._resolve(origin.host))
        until = asyncio.get_running_loop().time() + self._timeout
        for left in range(len(addresses), 1, -1):
            share = (until - asyncio.get_running_loop().time()) / left
            try:
                async with asyncio.timeout(share):
                    return await _connect_socket(addresses[-left], origin.port)
            except OSError:
                continue
        return await _connect_socket(addresses[-1], origin.port)

    def _permitted(self, origin: Origin, addresses: Sequence[str]) -> list[str]:
        reasons = {address: refusal(address, self._policy) for address in addresses[:MAX_ADDRESSES]}
        permitted = [address for address, reason in reasons.items() if reason is None]
        if permitted:
            return permitted
        if not reasons:
            raise BackendUnreachable(f"{authority(origin)}: the name has no address.")
        address, reason = next(iter(reasons.items()))
        raise BackendUnreachable(
            f"{authority(origin)}: {address} {reason}. NOPAL_OUTBOUND_ALLOW lists networks that may be called.",
            is_retryable=False,
        )

    async def _attach(
        self, sock: socket.socket, tls_name: str | None, build: Callable[[socket.socket], Connection]
    ) -> Connection:
        connection = build(sock)
        try:
            await asyncio.get_running_loop().create_connection(
                lambda: connection, sock=sock, ssl=self._tls if tls_name else None, server_hostname=tls_name
            )
        except BaseException:
            connection.abort()
            raise
        if not connection.is_open:
            raise ConnectionResetError("the backend closed the connection at once")
        return connection

    async def _look_up(self, host: str) -> list[str]:
        if _is_address(host):
            return [host]
        look_up = self._look_ups.get(host)
        if look_up is None:
            # One for all that wait for it, and it goes on if they give up: a thread cannot be interrupted, and calls
            # to a name that does not resolve must not take the threads that other names need.
            look_up = asyncio.get_running_loop().run_in_executor(self._resolvers, _get_addresses, host)
            self._look_ups[host] = look_up
            look_up.add_done_callback(lambda _: self._look_ups.pop(host, None))
        return list(dict.fromkeys(await asyncio.shield(look_up)))


@lru_cache(maxsize=8)
def tls_context(ca_file: str) -> ssl.SSLContext:
    """Verification against the system's roots and those of `ca_file`, if it is not empty.

    Kept, since reading the system's roots takes some 50 ms.
    """
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    if ca_file:
        context.load_verify_locations(ca_file)
    return context


async def _connect_socket(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.get_running_loop().sock_connect(sock, (address, port))
    except BaseException:
        sock.close()
        raise
    return sock


def _get_addresses(host: str) -> list[str]:
    return [str(entry[4][0]) for entry in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)]


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate was not accepted: {error.verify_message}"
    if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
        return "the gateway has no file descriptor left; raise its limit (ulimit -n)"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
