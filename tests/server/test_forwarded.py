"""Forwarding headers are believed from trusted proxies only."""

from __future__ import annotations

import json
from ipaddress import ip_network

import pytest

from gatewayapp.server.forwarded import Origin, origin
from tests.server.conftest import Serve, ServerProcess
from tests.support.rawsocket import RawClient

TRUSTED = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"), ip_network("127.0.0.1/32"))
PROXY = Origin(("10.0.0.1", 4711), ("10.0.0.2", 80), secure=False)


@pytest.mark.parametrize(
    ("forwarded_for", "client"),
    [
        (["203.0.113.7"], "203.0.113.7"),
        (["203.0.113.7, 10.0.0.9"], "203.0.113.7"),
        (["1.1.1.1, 203.0.113.7"], "203.0.113.7"),
        (["1.1.1.1", "203.0.113.7", "10.0.0.9"], "203.0.113.7"),
        (["10.0.0.8, 10.0.0.9"], "10.0.0.8"),
        (["2001:db8::1"], "2001:db8::1"),
        (["[2001:db8::1]:4000, fd00::1"], "2001:db8::1"),
        (["203.0.113.7:5555"], "203.0.113.7"),
        (["203.0.113.7, garbage, 10.0.0.9"], "10.0.0.9"),
    ],
)
def test_the_client_is_the_right_most_untrusted_address(forwarded_for: list[str], client: str) -> None:
    headers = [(b"x-forwarded-for", value.encode()) for value in forwarded_for]
    assert origin(PROXY, headers, TRUSTED).client == (client, 0)


@pytest.mark.parametrize("forwarded_for", [b"", b"garbage", b"203.0.113.7, garbage", b"\xff"])
def test_a_malformed_chain_leaves_the_proxy_as_client(forwarded_for: bytes) -> None:
    assert origin(PROXY, [(b"x-forwarded-for", forwarded_for)], TRUSTED).client == PROXY.client


@pytest.mark.parametrize(
    ("proto", "secure"), [(b"https", True), (b"wss", True), (b"HTTPS", True), (b"http", False), (b"gopher", False)]
)
def test_the_scheme_is_the_proxys(proto: bytes, secure: bool) -> None:
    assert origin(PROXY, [(b"x-forwarded-proto", proto)], TRUSTED).secure is secure


@pytest.mark.parametrize(("port", "seen"), [(b"443", 443), (b"0", 80), (b"65536", 80), (b"x", 80), (b"", 80)])
def test_the_port_is_the_proxys(port: bytes, seen: int) -> None:
    assert origin(PROXY, [(b"x-forwarded-port", port)], TRUSTED).server == ("10.0.0.2", seen)


@pytest.mark.parametrize("peer", ["192.0.2.1", "::1", "not an address"])
def test_nobody_else_is_believed(peer: str) -> None:
    stranger = Origin((peer, 1), ("10.0.0.2", 80), secure=False)
    headers = [(b"x-forwarded-for", b"203.0.113.7"), (b"x-forwarded-proto", b"https"), (b"x-forwarded-port", b"1")]
    assert origin(stranger, headers, TRUSTED) == stranger
    assert origin(stranger, headers, ()) == stranger


def test_an_ipv4_proxy_may_be_seen_as_ipv6() -> None:
    proxy = Origin(("::ffff:10.0.0.1", 1), ("::1", 80), secure=False)
    assert origin(proxy, [(b"x-forwarded-for", b"203.0.113.7")], TRUSTED).client == ("203.0.113.7", 0)


HEADERS = [("X-Forwarded-For", "1.1.1.1, 203.0.113.7"), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Port", "443")]


@pytest.mark.parametrize("target", ["/@connections/scope-as-json", "/scope-as-json"])
def test_requests_of_a_trusted_proxy(serve: Serve, target: str) -> None:
    server = serve(trusted_proxy="127.0.0.0/8")
    with server.client() as client:
        scope = json.loads(client.request(target, headers=HEADERS).body)
    assert (scope["client"], scope["scheme"]) == (["203.0.113.7", 0], "https")
    assert scope["server"] == ["127.0.0.1", 443]
    with server.client() as client:
        scope = websocket_scope(client)
    assert (scope["client"], scope["scheme"]) == (["203.0.113.7", 0], "wss")


@pytest.mark.parametrize("target", ["/@connections/scope-as-json", "/scope-as-json"])
def test_requests_of_anyone_else(server: ServerProcess, target: str) -> None:
    with server.client() as client:
        scope = json.loads(client.request(target, headers=HEADERS).body)
        assert (scope["client"][0], scope["scheme"]) == ("127.0.0.1", "http")
        scope = websocket_scope(client)
        assert (scope["client"][0], scope["scheme"]) == ("127.0.0.1", "ws")


def websocket_scope(client: RawClient) -> dict[str, object]:
    client.upgrade("/scope-as-json", HEADERS)
    scope: dict[str, object] = json.loads(client.receive_frame()[1])
    return scope
