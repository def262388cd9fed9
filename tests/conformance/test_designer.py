"""What the designer asks of a running gateway."""

import asyncio

import pytest

from tests.support.backend import ScriptedBackend
from tests.support.gateway import Gateway, http_proxy, lambda_proxy, mock, one_way
from tests.support.ports import free_port
from tests.support.rest import RestClient, administrator


@pytest.fixture(scope="module")
def rest(gateway: Gateway) -> RestClient:
    return administrator(gateway, "designer")


async def test_a_check_tries_the_backends_without_calling_them(
    gateway: Gateway, backend: ScriptedBackend, rest: RestClient
) -> None:
    nobody = f"http://127.0.0.1:{free_port()}/"
    api = gateway.api(
        integrations={
            "here": http_proxy(backend.url("/designer")),
            "gone": http_proxy(nobody),
            "gone-too": http_proxy(nobody + "other"),
            "function": lambda_proxy(backend.function_uri("designer")),
            "mock": mock(),
        },
        routes={
            "$default": one_way("here"),
            "a": one_way("gone"),
            "b": one_way("gone-too"),
            "c": one_way("function"),
            "d": one_way("mock"),
        },
    )
    before = len(backend.requests)
    body = {"stageName": api.stage, "reachBackends": True}
    checked = await asyncio.to_thread(rest.post, f"apis/{api.api_id}/deployment-check", body)
    assert checked["deployable"]
    gone = {f"integration/{api.integration_ids[name]}" for name in ("gone", "gone-too")}
    assert {(finding["code"], finding["node"]) for finding in checked["findings"]} == {
        ("unreachable-backend", node) for node in gone
    }
    assert len(backend.requests) == before
