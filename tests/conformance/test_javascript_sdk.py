"""The AWS SDK for JavaScript against `@connections` and the management API: paths, signatures, exceptions."""

import asyncio
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.backend import ScriptedBackend
from tests.support.gateway import ROOT, Api, Gateway, ask, close_of, http_proxy, next_frame, two_way

SCRIPTS = Path(__file__).parent / "javascript"
INSTALLED = ROOT / "build" / "javascript-sdk"


@pytest.fixture(scope="module")
def javascript() -> Path:
    """A folder in which scripts find the SDK, installed once."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed, so the AWS SDK for JavaScript cannot run")
    INSTALLED.mkdir(parents=True, exist_ok=True)
    package = (SCRIPTS / "package.json").read_text()
    done = INSTALLED / "installed.json"
    if not done.exists() or done.read_text() != package:
        (INSTALLED / "package.json").write_text(package)
        command = ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts"]
        installing = subprocess.run(command, cwd=INSTALLED, capture_output=True, text=True, timeout=100)
        if installing.returncode != 0:
            pytest.skip(f"npm could not install the AWS SDK for JavaScript: {installing.stderr.strip()[-300:]}")
        done.write_text(package)
    for script in SCRIPTS.glob("*.js"):
        shutil.copy(script, INSTALLED)
    return INSTALLED


@pytest.fixture(scope="module")
def api(gateway: Gateway, backend: ScriptedBackend) -> Api:
    backend.on("/javascript/id", lambda request: request.header("connectionId"))
    mapped = {"integration.request.header.connectionId": "context.connectionId"}
    return gateway.api(
        integrations={"id": http_proxy(backend.url("/javascript/id"), RequestParameters=mapped)},
        routes={"$default": two_way("id")},
    )


async def run(folder: Path, gateway: Gateway, script: str, *arguments: str) -> dict[str, Any]:
    """What the script printed."""
    node = await asyncio.create_subprocess_exec(
        "node",
        script,
        *arguments,
        cwd=folder,
        env=gateway.credentials(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    output, errors = await node.communicate()
    assert node.returncode == 0, errors.decode()
    return dict(json.loads(output))


async def test_the_sdk_posts_gets_deletes_and_knows_who_is_gone(javascript: Path, api: Api) -> None:
    async with api.connect(user_agent_header="ExampleClient/1.0") as client:
        connection_id = await ask(client, "who am I?")
        endpoint = api.gateway.callback_url(api.api_id, api.stage)
        results = await run(javascript, api.gateway, "callbacks.js", endpoint, connection_id)
        assert [await next_frame(client) for _ in range(2)] == ["from JavaScript: жук", "hi"]
        assert await close_of(client) == (1000, "Connection Closed Normally")
    state = results.pop("state")
    assert state["status"] == 200
    assert state["Identity"] == {"SourceIp": "127.0.0.1", "UserAgent": "ExampleClient/1.0"}
    assert state["ConnectedAt"] <= state["LastActiveAt"]
    assert results == {
        "text": {"status": 200},
        "bytes": {"status": 200},
        "dropped": {"status": 204},
        "gone": {"status": 410, "error": "GoneException", "gone": True},
        "malformed": {"status": 400, "error": "BadRequestException", "gone": False},
    }


@pytest.mark.parametrize("session_token", [(), ("a session/token+==",)])
async def test_the_sdk_manages_apis(javascript: Path, gateway: Gateway, session_token: tuple[str, ...]) -> None:
    results = await run(javascript, gateway, "management.js", gateway.endpoint, *session_token)
    missing, invalid = results.pop("missing"), results.pop("invalid")
    assert results == {
        "name": "жук",
        "created": True,
        "pages": [["$connect", "$default"], ["room/join"]],
        "settings": {},
        "tags": {"a b/c": "ä"},
        "deleted": 204,
    }
    assert missing == {
        "error": "NotFoundException",
        "status": 404,
        "message": "Invalid API identifier specified 000000000000:nope",
    }
    assert (invalid["error"], invalid["status"]) == ("BadRequestException", 400)
    assert invalid["message"].startswith("Nopal serves WebSocket APIs")
