"""Trying backends without calling them: the same rules as for calls, no request, bounded in time."""

import socket
import ssl
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import trustme

from gatewayapp.core.addresses import Policy
from gatewayapp.core.destinations import FunctionDestination, HttpDestination
from gatewayapp.core.messages import Origin
from gatewayapp.integrations import reaching
from gatewayapp.integrations.reaching import reach
from tests.integrations.conftest import LOCAL
from tests.support.backend import ScriptedBackend
from tests.support.ports import free_port


def at(port: int, scheme: str = "http") -> HttpDestination:
    return HttpDestination(Origin(scheme, "127.0.0.1", port))


async def test_who_is_there_is_reached_and_gets_no_request(backend: ScriptedBackend) -> None:
    assert await reach([HttpDestination(backend.origin)] * 2, LOCAL, "") == ["", ""]
    await backend.all_closed()
    assert backend.requests == []


async def test_who_is_not_there_is_told_apart(backend: ScriptedBackend) -> None:
    found = await reach([at(free_port()), HttpDestination(backend.origin)], LOCAL, "")
    assert "Connect call failed" in found[0] or "refused" in found[0].lower()
    assert found[1] == ""


async def test_addresses_that_no_call_may_reach_are_not_dialled(backend: ScriptedBackend) -> None:
    [reason] = await reach([HttpDestination(backend.origin)], replace(LOCAL, policy=Policy()), "")
    assert "outside the networks that outbound calls may reach" in reason
    assert backend.open_connections == 0


async def test_a_certificate_is_looked_at(tls_backend: ScriptedBackend) -> None:
    [reason] = await reach([HttpDestination(tls_backend.origin)], LOCAL, "")
    assert "certificate" in reason


async def test_functions_are_reached_at_the_endpoint_of_one_s_own(backend: ScriptedBackend) -> None:
    options = replace(LOCAL, policy=Policy())
    assert await reach([FunctionDestination("us-east-1")], options, backend.endpoint) == [""]
    [reason] = await reach([FunctionDestination("nowhere")], options, "")
    assert "region" in reason


async def test_a_backend_that_never_answers_the_handshake_ends_in_time(
    monkeypatch: pytest.MonkeyPatch, backend: ScriptedBackend
) -> None:
    monkeypatch.setattr(reaching, "PATIENCE", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        found = await reach([at(port, "https"), HttpDestination(backend.origin)], LOCAL, "")
    assert found == ["not tried within 0.2 s", ""]


async def test_nobody_to_reach_is_no_error() -> None:
    assert await reach([], LOCAL, "") == []


@pytest.fixture
async def tls_backend() -> AsyncIterator[ScriptedBackend]:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    async with ScriptedBackend(context) as backend:
        yield backend
