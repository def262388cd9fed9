"""Twisted's TCP transport and port, with less between a ready socket and its protocol.

What is written in a turn of the event loop goes to the socket together with what others write in it, and a readable
socket calls its transport without the reactor's logging context.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from typing import Any, Final

from gatewayapp.server.reactor import loop, reactor  # isort:skip  (first: it installs the reactor)

from twisted.internet import tcp
from twisted.internet.interfaces import ISSLTransport
from twisted.protocols.policies import ProtocolWrapper
from twisted.protocols.tls import TLSMemoryBIOFactory

from gatewayapp.bursts import Burst
from gatewayapp.memory_budget import MemoryBudget
from gatewayapp.server.limits import ServerOptions

MAX_ACCEPTS_PER_TURN: Final = 2
_MOST_HELD_BACK: Final = 16 * 1024
_burst = Burst(loop)


class Transport(tcp.Server):
    """An accepted TCP connection."""

    write_high_water = 64 * 1024
    memory: MemoryBudget
    _counted = 0  # buffered bytes that the memory counter knows of
    _reading = False
    _held_back = b""  # what was written in this turn of the event loop

    def write(self, data: bytes) -> None:
        """Send at the end of this turn of the event loop, or now where that is much; the kernel's rest is buffered."""
        if self._held_back:
            self._held_back += data
        elif data:
            self._held_back = data
            _burst.add(self._send_held_back)
        if len(self._held_back) > _MOST_HELD_BACK:
            self._send_held_back()

    def writeSequence(self, pieces: Iterable[bytes]) -> None:
        self.write(b"".join(pieces))

    def loseConnection(self, *arguments: Any) -> None:
        self._send_held_back()
        super().loseConnection(*arguments)

    def loseWriteConnection(self) -> None:
        self._send_held_back()
        super().loseWriteConnection()

    def abortConnection(self) -> None:
        self._send_held_back()
        super().abortConnection()

    def _send_held_back(self) -> None:
        data, self._held_back = self._held_back, b""
        if data:
            self._send(data)

    def _send(self, data: bytes) -> None:
        """Send now what the kernel takes and buffer the rest."""
        if self.dataBuffer or self._tempDataBuffer or not self.connected or self._writeDisconnected:
            self._buffer(data)
            return
        try:
            sent = self.socket.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            # After a reset with unread data, uvloop notifies the reader once and then drops the socket, so nothing else
            # would notice.
            self.abortConnection()
            return
        if sent < len(data):
            self._buffer(data[sent:])

    def _buffer(self, data: bytes) -> None:
        super().write(data)
        self._count_buffered()

    def doWrite(self) -> Any:
        done = super().doWrite()
        self._count_buffered()
        return done

    def connectionLost(self, reason: Any) -> None:
        super().connectionLost(reason)
        self._count_buffered()

    def _count_buffered(self) -> None:
        buffered = self.buffered() if self.connected else 0  # what was left is never sent
        self.memory.add(buffered - self._counted)
        self._counted = buffered

    def _isSendBufferFull(self) -> bool:
        """Twisted asks this to pause a producer; its own answer is tied to the size of a read."""
        return self.buffered() > self.write_high_water

    def buffered(self) -> int:
        """Bytes that the kernel did not take when they were sent."""
        return len(self.dataBuffer) - self.offset + self._tempDataLen

    def startReading(self) -> None:
        if not self._reading and self.fileno() != -1:
            self._reading = True
            loop.add_reader(self.fileno(), self._on_readable)

    def stopReading(self) -> None:
        if self._reading:
            self._reading = False
            loop.remove_reader(self.fileno())

    def _on_readable(self) -> None:
        try:
            why: Any = self.doRead()
        except Exception as error:
            loop.call_exception_handler({"message": "Error while handling received bytes", "exception": error})
            why = error
        if why is not None:
            reactor._disconnectSelectable(self, why, True)


class Port(tcp.Port):
    """A listening TCP port; Twisted accepts in batches and survives a lack of descriptors."""

    transport = Transport

    def doRead(self) -> None:
        # Twisted doubles its batches under load, which would hold those up who are connected already.
        self.numberAccepts = min(self.numberAccepts, MAX_ACCEPTS_PER_TURN)
        super().doRead()


def listen(factory: Any, options: ServerOptions, context: Any, memory: MemoryBudget) -> Any:
    """A Port that listens with `factory`, behind TLS if there is a `context`.

    Raises:
        OSError: the host has no address.
        CannotListenError: Twisted's, when the address is in use or not ours.
    """
    address = socket.getaddrinfo(options.host, options.port, type=socket.SOCK_STREAM)[0][4]
    if context is not None:
        factory = TLSMemoryBIOFactory(context, isClient=False, wrappedFactory=factory, clock=reactor)
    port: Any = Port(options.port, factory, options.backlog, str(address[0]), reactor)
    port.transport = type(
        "BoundTransport", (Transport,), {"write_high_water": options.write_high_water, "memory": memory}
    )
    port.startListening()
    return port


def hand_over(transport: Any, protocol: Any) -> None:
    """Make `protocol` the one that `transport` delivers to from now on."""
    if isinstance(transport, ProtocolWrapper):  # TLS
        transport.wrappedProtocol = protocol
    else:
        transport.protocol = protocol


def finish_writing(transport: Any) -> None:
    """Send what is buffered, then say that nothing follows, while the peer may still send."""
    if is_secure(transport):
        transport.loseConnection()  # TLS says it with an alert, then waits for the peer's
    else:
        transport.loseWriteConnection()


def tcp_transport(transport: Any) -> Any:
    """The Transport under `transport`, which may speak TLS over it."""
    return transport.transport if isinstance(transport, ProtocolWrapper) else transport


def has_failed(transport: Any) -> bool:
    """Whether the peer has reset the connection, which goes unnoticed while its socket is not read."""
    sock = tcp_transport(transport).socket
    return bool(sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))


def is_secure(transport: Any) -> bool:
    """Whether the peer speaks TLS to us."""
    return bool(ISSLTransport.providedBy(transport))


def buffered(transport: Any) -> int:
    """Bytes accepted for sending that the kernel has not taken yet."""
    if isinstance(transport, Transport):
        return transport.buffered()
    waiting: int = tcp_transport(transport).buffered()
    return waiting + sum(map(len, transport._appSendBuffer))


def addresses(transport: Any) -> tuple[tuple[str, int], tuple[str, int]]:
    """(peer, own) as (host, port)."""
    peer, own = transport.getPeer(), transport.getHost()
    return (peer.host, peer.port), (own.host, own.port)
