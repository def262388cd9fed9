"""TLS: versions, ALPN, and that everything that works in the clear works over it."""

from __future__ import annotations

import json
import ssl
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509

from gatewayapp.server.tls import development_certificate
from tests.server.conftest import ServerProcess, start
from tests.support.rawsocket import TEXT, RawClient


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tls")


@pytest.fixture(scope="module")
def secure(directory: Path) -> Iterator[ServerProcess]:
    certificate, key = development_certificate(directory, ["127.0.0.1", "localhost"])
    process = start(certificate=certificate, key=key, linger_timeout=1)
    try:
        process.wait_until_listening()
        yield process
    finally:
        process.stop()


@pytest.fixture
def trusting(directory: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(directory / "ca.pem"))
    context.set_alpn_protocols(["h2", "http/1.1"])
    return context


@pytest.fixture
def client(secure: ServerProcess, trusting: ssl.SSLContext) -> Iterator[RawClient]:
    with RawClient(secure.port, tls=trusting) as client:
        yield client


def test_messages_travel_over_tls(client: RawClient) -> None:
    assert client.upgrade("/echo").status == 101
    for size in (0, 5, 200, 32768):
        client.send_frame(TEXT, b"x" * size)
        assert client.receive_frame() == (TEXT, b"x" * size)
    client.send_close(4001, "done")
    assert client.receive_close() == (4001, "done")
    assert client.is_closed()


@pytest.mark.parametrize("way", ["/@connections", ""])
def test_requests_travel_over_tls(client: RawClient, way: str) -> None:
    for _ in range(2):
        assert client.request(way + "/mirror", method="POST", body=b"x" * 100_000).body == b"x" * 100_000
    scope = json.loads(client.request(way + "/scope-as-json").body)
    assert scope["scheme"] == "https"


def test_a_websocket_scope_says_wss(client: RawClient) -> None:
    client.upgrade("/scope-as-json")
    assert json.loads(client.receive_frame()[1])["scheme"] == "wss"


def test_the_close_of_an_oversize_message_arrives(client: RawClient) -> None:
    client.upgrade("/echo")
    client.send_while_open(b"\x81\xff" + (10**6).to_bytes(8, "big") + b"mask" + bytes(200_000))
    assert client.receive_close() == (1009, "Message too big")


def test_a_refused_request_is_answered(client: RawClient) -> None:
    assert client.request("/" + "x" * 5000).status == 414
    assert client.is_closed()


def test_a_slow_reader_holds_send_back(secure: ServerProcess, trusting: ssl.SSLContext) -> None:
    before = memory(secure, trusting)
    with RawClient(secure.port, tls=trusting, receive_buffer=4096) as client:
        client.upgrade("/flood?key=flood")
        with RawClient(secure.port, tls=trusting) as other:
            sent, _ = json.loads(other.request("/observed?key=flood").body)
        assert 0 < sent < 200
        assert memory(secure, trusting) - before < 3 * 1024


def memory(secure: ServerProcess, trusting: ssl.SSLContext) -> int:
    with RawClient(secure.port, tls=trusting) as client:
        return int(client.request("/memory").body)


def test_only_http_1_1_is_negotiated(client: RawClient) -> None:
    assert isinstance(client.socket, ssl.SSLSocket)
    assert client.socket.selected_alpn_protocol() == "http/1.1"
    assert client.socket.version() in ("TLSv1.2", "TLSv1.3")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_old_versions_are_refused(secure: ServerProcess, trusting: ssl.SSLContext) -> None:
    trusting.minimum_version = ssl.TLSVersion.TLSv1
    trusting.maximum_version = ssl.TLSVersion.TLSv1_1
    trusting.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises((ssl.SSLError, ConnectionResetError)):
        RawClient(secure.port, tls=trusting)


def test_plain_text_to_a_tls_port_ends(secure: ServerProcess) -> None:
    with secure.client() as client:
        client.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"HTTP/1.1 200" not in client.receive_rest()


def test_the_development_certificate_is_made_once(tmp_path: Path) -> None:
    certificate, key = development_certificate(tmp_path / "new", ["localhost"])
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    content = certificate.read_bytes()
    assert development_certificate(tmp_path / "new", ["localhost"]) == (certificate, key)
    assert certificate.read_bytes() == content
    assert (tmp_path / "new" / "ca.pem").exists()


def test_hosts_may_be_written_as_django_does(tmp_path: Path) -> None:
    certificate, _ = development_certificate(tmp_path, [".example.test", "[::1]", "127.0.0.1", "*"])
    names = x509.load_pem_x509_certificate(certificate.read_bytes()).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    assert [str(name.value) for name in names.value] == ["example.test", "*.example.test", "::1", "127.0.0.1"]


@pytest.mark.parametrize("content", ["", "-----BEGIN CERTIFICATE-----\n", None])
def test_an_unusable_certificate_is_reported(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "broken.pem"
    if content is not None:
        path.write_text(content)
    server = start(certificate=path)
    assert server.wait() == 1
    server.stop()
    assert "broken.pem" in server.lines[-1]
