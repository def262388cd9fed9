"""Which addresses are dialled, and which certificates are believed."""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from contextlib import ExitStack, suppress
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

import pytest
import trustme

from gatewayapp.core.addresses import ANYWHERE, Policy
from gatewayapp.core.errors import BackendUnreachable
from gatewayapp.integrations.outbound import OutboundClient, OutboundOptions
from tests.integrations.conftest import LOCAL, a_request
from tests.support.backend import ScriptedBackend

# addresses

LOOPBACK_SPELLINGS = (
    "127.0.0.1",
    "127.1",
    "2130706433",
    "0x7f.1",
    "0x7f000001",
    "0177.0.0.1",
    "017700000001",
    "１２７.0.0.1",
    "127。0。0。1",
    "localhost",
    "LOCALHOST.",
    "0.0.0.0",
    "0",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
)


@pytest.mark.parametrize("host", LOOPBACK_SPELLINGS)
async def test_no_spelling_of_a_refused_address_is_dialled(host: str) -> None:
    with ExitStack() as stack:
        listening = [stack.enter_context(server) for server in listeners()]
        client = OutboundClient(OutboundOptions())
        with pytest.raises(BackendUnreachable, match="outside the networks that outbound calls may reach"):
            await client.send(a_request(f"http://{host}:{listening[0].getsockname()[1]}/"))
        for server in listening:
            with pytest.raises(BlockingIOError):
                server.accept()
        await client.close()


@pytest.mark.parametrize(
    "host", ["169.254.169.254", "2852039166", "0xa9fea9fe", "[::ffff:a9fe:a9fe]", "[fd00:ec2::254]"]
)
async def test_metadata_is_never_dialled_even_where_everything_is_allowed(host: str) -> None:
    client = OutboundClient(OutboundOptions(policy=Policy(ANYWHERE)))
    with pytest.raises(BackendUnreachable, match="is a cloud metadata service"):
        await client.send(a_request(f"http://{host}/latest/meta-data/"))
    await client.close()


async def test_a_name_is_called_where_its_address_is_allowed(backend: ScriptedBackend) -> None:
    client = OutboundClient(LOCAL, resolves_to(["127.0.0.1"]))
    request = a_request(f"http://backend.example:{backend.port}/fine")
    assert (await client.send(request)).body == b"fine"
    assert backend.requests[0].header("Host") == f"backend.example:{backend.port}"
    await client.close()


async def test_a_name_that_changes_its_address_is_checked_at_every_dial(backend: ScriptedBackend) -> None:
    """The first look-up gives an allowed address, every later one the address of something private."""
    only_second = Policy((ip_network("127.0.0.2/32"),))
    async with ScriptedBackend(host="127.0.0.2") as public:
        public.on("/", body=b"public", headers=(("Connection", "close"),))
        rebinding = resolves_to(["127.0.0.2"], ["127.0.0.1"])
        client = OutboundClient(OutboundOptions(policy=only_second), rebinding)
        with socket.create_server(("127.0.0.1", public.port)) as private:
            private.setblocking(False)
            request = a_request(f"http://rebinding.example:{public.port}/")
            assert (await client.send(request)).body == b"public"
            for _ in range(3):
                with pytest.raises(BackendUnreachable, match=r"127\.0\.0\.1 is a loopback address"):
                    await client.send(request)
            with pytest.raises(BlockingIOError):
                private.accept()
        await client.close()


async def test_the_name_is_looked_up_once_for_a_dial(backend: ScriptedBackend) -> None:
    """Were the name resolved again by whatever dials, the second answer would be the one that counts."""
    asked: list[str] = []

    async def counting(host: str) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    client = OutboundClient(LOCAL, counting)
    for _ in range(3):
        await client.send(a_request(f"http://backend.example:{backend.port}/fine"))
    assert asked == ["backend.example"]
    await client.close()


async def test_of_several_addresses_the_refused_ones_are_left_out(backend: ScriptedBackend) -> None:
    only_first = Policy((ip_network("127.0.0.1/32"),))
    addresses = ["169.254.169.254", "10.0.0.1", "127.0.0.2", "127.0.0.1"]
    client = OutboundClient(OutboundOptions(policy=only_first), resolves_to(addresses))
    assert (await client.send(a_request(f"http://mixed.example:{backend.port}/fine"))).body == b"fine"
    await client.close()


async def test_an_address_that_refuses_is_followed_by_the_next(backend: ScriptedBackend) -> None:
    client = OutboundClient(LOCAL, resolves_to(["127.0.0.3", "127.0.0.2", "127.0.0.1"]))
    assert (await client.send(a_request(f"http://backend.example:{backend.port}/fine"))).body == b"fine"
    await client.close()


async def test_a_name_without_addresses_is_told() -> None:
    client = OutboundClient(LOCAL, resolves_to([]))
    with pytest.raises(BackendUnreachable, match="the name has no address"):
        await client.send(a_request("http://backend.example/"))
    await client.close()


# certificates


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def trusting(authority: trustme.CA, tmp_path: Path) -> OutboundOptions:
    ca_file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    return replace(LOCAL, ca_file=str(ca_file))


def server_tls(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(*names).configure_cert(context)
    return context


async def test_a_trusted_certificate_is_accepted_and_the_connection_kept(
    authority: trustme.CA, trusting: OutboundOptions
) -> None:
    asked: list[str | None] = []
    tls = server_tls(authority, "backend.example")
    tls.sni_callback = lambda _, name, __: asked.append(name)
    async with ScriptedBackend(tls) as backend:
        backend.on("/", lambda request: request.body)
        client = OutboundClient(trusting, resolves_to(["127.0.0.1"]))
        for size in (0, 10, 1_000_000):
            request = a_request(f"https://backend.example:{backend.port}/", b"x" * size)
            assert (await client.send(request)).body == b"x" * size
        assert (backend.connections, asked) == (1, ["backend.example"])
        await client.close()


async def test_an_address_is_verified_against_the_certificates_addresses(
    authority: trustme.CA, trusting: OutboundOptions
) -> None:
    async with ScriptedBackend(server_tls(authority, "127.0.0.1")) as backend:
        backend.on("/", body=b"secure")
        client = OutboundClient(trusting)
        assert (await client.send(a_request(backend.url("/")))).body == b"secure"
        await client.close()


async def test_the_server_name_is_verified_instead_of_the_host(
    authority: trustme.CA, trusting: OutboundOptions
) -> None:
    async with ScriptedBackend(server_tls(authority, "inner.example")) as backend:
        backend.on("/", body=b"secure")
        client = OutboundClient(trusting)
        request = a_request(backend.url("/"), server_name="inner.example")
        assert (await client.send(request)).body == b"secure"
        assert backend.requests[0].header("Host") == f"127.0.0.1:{backend.port}"
        with pytest.raises(BackendUnreachable, match="certificate"):
            await client.send(a_request(backend.url("/"), server_name="other.example"))
        await client.close()


async def test_a_certificate_for_another_name_is_refused(authority: trustme.CA, trusting: OutboundOptions) -> None:
    async with ScriptedBackend(server_tls(authority, "other.example")) as backend:
        client = OutboundClient(trusting, resolves_to(["127.0.0.1"]))
        with pytest.raises(BackendUnreachable, match="the certificate was not accepted: Hostname mismatch"):
            await client.send(a_request(f"https://backend.example:{backend.port}/", b"secret"))
        assert backend.bytes_received == 0
        await client.close()


async def test_a_certificate_of_an_unknown_authority_is_refused(authority: trustme.CA) -> None:
    async with ScriptedBackend(server_tls(authority, "127.0.0.1")) as backend:
        client = OutboundClient(LOCAL)
        with pytest.raises(BackendUnreachable, match="the certificate was not accepted"):
            await client.send(a_request(backend.url("/"), b"secret"))
        assert backend.bytes_received == 0
        await client.close()


async def test_an_expired_protocol_is_refused(authority: trustme.CA, trusting: OutboundOptions) -> None:
    tls = server_tls(authority, "127.0.0.1")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        tls.minimum_version = tls.maximum_version = ssl.TLSVersion.TLSv1_1
    tls.set_ciphers("ALL:@SECLEVEL=0")
    async with ScriptedBackend(tls) as backend:
        client = OutboundClient(trusting)
        with pytest.raises(BackendUnreachable):
            await client.send(a_request(backend.url("/"), b"secret"))
        await client.close()


async def test_plain_http_behind_https_is_told(client: OutboundClient) -> None:
    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as plain:
        with pytest.raises(BackendUnreachable):
            await client.send(a_request(f"https://127.0.0.1:{plain.sockets[0].getsockname()[1]}/"))


@pytest.mark.parametrize("server_name", [".", ".example", "a" * 300, "ü..example", "a\0b"])
async def test_a_server_name_that_cannot_be_one_is_told(
    authority: trustme.CA, trusting: OutboundOptions, server_name: str
) -> None:
    async with ScriptedBackend(server_tls(authority, "127.0.0.1")) as backend:
        client = OutboundClient(trusting)
        with pytest.raises(BackendUnreachable, match="host name"):
            await client.send(a_request(backend.url("/"), server_name=server_name))
        assert backend.connections == 0
        await client.close()


def test_a_missing_file_of_certificates_is_told_at_the_start() -> None:
    with pytest.raises(FileNotFoundError):
        OutboundClient(replace(LOCAL, ca_file="/nowhere/ca.pem"))


def resolves_to(*answers: list[str]) -> Callable[[str], Awaitable[list[str]]]:
    """A name server that gives one answer after the other, the last one for ever."""
    left = list(answers)

    async def resolve(host: str) -> list[str]:
        await asyncio.sleep(0)
        return left.pop(0) if len(left) > 1 else left[0]

    return resolve


def listeners() -> list[socket.socket]:
    """Sockets that accept whatever is dialled on one port: IPv4, and IPv6 where this machine has it."""
    first = socket.create_server(("0.0.0.0", 0))
    found = [first]
    if socket.has_ipv6:
        with suppress(OSError):
            found.append(socket.create_server(("::", first.getsockname()[1]), family=socket.AF_INET6))
    for server in found:
        server.setblocking(False)
    return found
