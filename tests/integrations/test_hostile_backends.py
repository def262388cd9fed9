"""Whatever a backend sends: the call gets its error or its answer, within bounds, and nothing else suffers."""

import tracemalloc
from collections.abc import Iterator
from dataclasses import replace

import psutil
import pytest

from gatewayapp.core.errors import GatewayError, IntegrationTimeout
from gatewayapp.core.messages import HttpRequest
from gatewayapp.integrations.outbound import OutboundClient
from tests.integrations.conftest import LOCAL, a_request
from tests.support.backend import ScriptedBackend
from tests.support.hostile import KIB, MAX_BODY, MODES, Mode

OPTIONS = replace(LOCAL, max_body=MAX_BODY)
MOST_MEMORY = 5 * KIB * KIB


@pytest.fixture
def measured() -> Iterator[None]:
    tracemalloc.start()
    yield
    tracemalloc.stop()


@pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
async def test_a_hostile_backend_harms_only_its_own_call(backend: ScriptedBackend, mode: Mode) -> None:
    backend.on_raw("/hostile", mode.script)
    client = OutboundClient(OPTIONS)
    assert await outcome(client, hostile_request(backend, mode)) == mode.outcome
    assert await outcome(client, a_request(backend.url("/fine"))) == (200, b"fine")
    await client.close()


@pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
async def test_a_hostile_backend_costs_little_memory(backend: ScriptedBackend, mode: Mode, measured: None) -> None:
    backend.on_raw("/hostile", mode.script)
    client = OutboundClient(OPTIONS)
    await outcome(client, hostile_request(backend, mode))
    before, _ = tracemalloc.get_traced_memory()
    tracemalloc.reset_peak()
    # The process, in which other tests have run, may grow for reasons of its own, though hardly each time.
    grown = [await resident_growth(client, hostile_request(backend, mode)) for _ in range(3)]
    _, peak = tracemalloc.get_traced_memory()
    assert peak - before <= MOST_MEMORY
    assert min(grown) <= MOST_MEMORY
    await client.close()


async def resident_growth(client: OutboundClient, request: HttpRequest) -> int:
    """Bytes by which the process is larger after the request."""
    before = psutil.Process().memory_info().rss
    await outcome(client, request)
    return int(psutil.Process().memory_info().rss - before)


def hostile_request(backend: ScriptedBackend, mode: Mode) -> HttpRequest:
    return a_request(backend.url("/hostile"), b"x", timeout=0.15 if mode.outcome is IntegrationTimeout else 10.0)


async def outcome(client: OutboundClient, request: HttpRequest) -> type[GatewayError] | tuple[int, bytes]:
    try:
        answer = await client.send(request)
    except GatewayError as error:
        return type(error)
    return answer.status, answer.body
