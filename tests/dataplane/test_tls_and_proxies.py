"""How a gateway is reached: over TLS, behind proxies, and who may push without a signature."""

import asyncio
import ssl
from pathlib import Path

import pytest
import trustme

from tests.dataplane.conftest import NewApi, NewBackend, StartNode


async def test_tls_serves_wss_and_https_with_a_development_certificate_that_clients_can_trust(
    start_node: StartNode, new_api: NewApi
) -> None:
    node = await start_node(arguments=("--tls",))
    assert node.scheme == "https"
    authority = node.directory / "certificates" / "ca.pem"
    node.trust = ssl.create_default_context(cafile=str(authority))
    api = await new_api(node=node)
    client = await api.connect(ssl=node.trust)
    assert await client.ask("hello over TLS") == "hello over TLS"
    [request] = api.requests("/connect")
    assert request.header("X-Forwarded-Proto") == "https"
    assert request.header("X-Forwarded-Port") == str(node.port)
    async with api.callbacks() as callbacks:
        assert (await callbacks.post(client.connection_id, "pushed")).status == 200
    assert await client.socket.recv() == "pushed"
    with pytest.raises(ssl.SSLCertVerificationError):
        await api.connect(ssl=ssl.create_default_context())


async def test_tls_serves_the_certificate_that_it_is_given(
    start_node: StartNode, new_api: NewApi, tmp_path: Path
) -> None:
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    issued.cert_chain_pems[0].write_to_path(str(tmp_path / "chain.pem"))
    issued.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    given = ("--tls", "--cert", str(tmp_path / "chain.pem"), "--key", str(tmp_path / "key.pem"))
    node = await start_node(arguments=given)
    node.trust = ssl.create_default_context()
    authority.configure_trust(node.trust)
    api = await new_api(node=node)
    client = await api.connect(ssl=node.trust)
    assert await client.ask("hello") == "hello"
    assert not (node.directory / "certificates").exists()


async def test_without_the_switch_only_signed_pushes_are_delivered(start_node: StartNode, new_api: NewApi) -> None:
    node = await start_node(NOPAL_ANONYMOUS_CALLBACKS="off")
    api = await new_api(node=node)
    client = await api.connect()
    credentials = tuple(await asyncio.to_thread(node.call, "create_access_key", name="pusher"))
    async with api.callbacks() as anonymous, api.callbacks(credentials) as signed:
        for method in ("POST", "GET", "DELETE"):
            answer = await anonymous.request(method, client.connection_id, b"anonymous")
            assert answer.status == 403
            assert answer.headers["x-amzn-errortype"] == "MissingAuthenticationTokenException"
        async with asyncio.timeout(5):
            while (await signed.post(client.connection_id, "signed")).status != 200:
                await asyncio.sleep(0.05)
        answer = await signed.post(client.connection_id, "again")
        assert answer.status == 200
    async with api.callbacks((credentials[0], "x" * 40)) as forged:
        assert (await forged.post(client.connection_id, "forged")).status == 403
    assert [await client.socket.recv() for _ in range(2)] == ["signed", "again"]


async def test_the_switch_lets_unsigned_pushes_pass_but_no_wrong_signature(new_api: NewApi) -> None:
    api = await new_api()
    client = await api.connect()
    async with api.callbacks() as anonymous, api.callbacks(("NPAKAAAAAAAAAAAAAAAA", "x" * 40)) as forged:
        assert (await anonymous.post(client.connection_id, "anonymous")).status == 200
        assert (await forged.post(client.connection_id, "forged")).status == 403
    assert await client.socket.recv() == "anonymous"


SPOOFED = (("X-Forwarded-For", "203.0.113.9"), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Port", "444"))


async def test_forwarding_headers_of_strangers_are_not_believed(new_api: NewApi) -> None:
    api = await new_api()
    assert (await api.handshake(SPOOFED)).status == 101
    [request] = api.requests("/connect")
    assert request.header("X-Forwarded-Proto") == "http"
    assert request.header("X-Forwarded-Port") == str(api.node.port)
    assert (request.header("X-Forwarded-For") or "").split(",")[-1].strip() == "127.0.0.1"


BELIEVED = {
    "203.0.113.9": "203.0.113.9",
    "198.51.100.1, 203.0.113.9": "203.0.113.9",
    "203.0.113.9, 127.0.0.5": "203.0.113.9",
    "2001:db8::1": "2001:db8::1",
    "garbage": "127.0.0.1",
}


async def test_forwarding_headers_of_trusted_proxies_are_believed_up_to_the_last_stranger(
    start_node: StartNode, new_api: NewApi
) -> None:
    node = await start_node(NOPAL_TRUSTED_PROXIES="127.0.0.0/8")
    source = {
        "integration.request.header.X-Source": "context.identity.sourceIp",
        "integration.request.header.connectionId": "context.connectionId",
    }
    api = await new_api(node=node, connect={"request_parameters": source})
    for chain in BELIEVED:
        headers = (("X-Forwarded-For", chain), *SPOOFED[1:])
        assert (await api.handshake(headers)).status == 101
    requests = api.requests("/connect")
    assert [request.header("X-Source") for request in requests] == list(BELIEVED.values())
    assert {request.header("X-Forwarded-Proto") for request in requests} == {"https"}


async def test_a_gateway_that_everyone_can_reach_does_not_call_loopback_unless_it_is_allowed_to(
    start_node: StartNode, new_api: NewApi, new_backend: NewBackend
) -> None:
    node = await start_node(host="0.0.0.0", NOPAL_ANONYMOUS_CALLBACKS="off")
    backend = await new_backend()
    api = await new_api(node=node, backend=backend)
    assert (await api.handshake()).status == 504
    assert backend.connections == 0
