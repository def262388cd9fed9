"""One gateway and one backend for all cases; each module builds the APIs that its cases need.

Everything runs in one event loop, the backend's, so that the cases of a module can share its APIs.
"""

import inspect
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.support.backend import ScriptedBackend
from tests.support.gateway import Gateway

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents and inspect.iscoroutinefunction(getattr(item, "function", None)):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def backend() -> AsyncIterator[ScriptedBackend]:
    async with ScriptedBackend() as backend:
        yield backend


@pytest.fixture(scope="session")
def gateway(backend: ScriptedBackend, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    directory = tmp_path_factory.mktemp("gateway") / "data"
    with Gateway(directory, NOPAL_LAMBDA_ENDPOINT=backend.endpoint) as gateway:
        yield gateway
