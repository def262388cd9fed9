"""docs/management-api.md: each tool that is on the machine builds the API that the document says it builds."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from websockets.sync.client import connect

from tests.docs.documents import ROOT, code_blocks
from tests.support.gateway import REGION, Gateway, wait_until
from tests.support.terraform import Terraform

DOCUMENT = ROOT / "docs" / "management-api.md"
ECHO = "http://127.0.0.1:9000"


def blocks(echo: str, language: str) -> list[str]:
    return [block.replace(ECHO, echo) for block in code_blocks(DOCUMENT, language)]


def environment_of(gateway: Gateway) -> dict[str, str]:
    return gateway.credentials() | {"AWS_ENDPOINT_URL": gateway.endpoint, "AWS_DEFAULT_REGION": REGION}


def run(gateway: Gateway, *command: str) -> str:
    done = subprocess.run(command, env=environment_of(gateway), capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def assert_built(gateway: Gateway, endpoint: str) -> None:
    """The API has the document's routes, and `who` is answered by its backend."""
    api_id = endpoint.rpartition("/")[2]
    routes = gateway.management.get_routes(ApiId=api_id)["Items"]
    assert {route["RouteKey"] for route in routes} == {"$connect", "$disconnect", "send", "who"}
    wait_until(lambda: gateway.http("GET", f"/ws/{api_id}/prod").status == 426)
    with connect(f"{endpoint}/prod") as client:
        client.send('{"action": "send"}')
        client.send('{"action": "who"}')
        assert client.recv(timeout=10) == '{"action": "who"}'


@pytest.mark.parametrize("tool", ["aws", "curl"])
def test_a_shell_script_builds_the_api(gateway: Gateway, echo: str, tool: str) -> None:
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is not installed")
    [script] = [block for block in blocks(echo, "bash") if f"{tool} " in block]
    assert tool != "aws" or script.count("aws apigatewayv2") == 10

    printed = run(gateway, "bash", "-euo", "pipefail", "-c", script)

    assert_built(gateway, printed.split()[-1])


def test_boto3_builds_the_api(gateway: Gateway, echo: str) -> None:
    [script] = blocks(echo, "python")

    assert_built(gateway, run(gateway, sys.executable, "-c", script).strip())


@pytest.mark.skipif(shutil.which("terraform") is None, reason="terraform is not installed")
@pytest.mark.timeout(600)
def test_terraform_builds_the_api(gateway: Gateway, echo: str, tmp_path: Path) -> None:
    [configuration] = blocks(echo, "hcl")
    folder = tmp_path / "terraform"
    folder.mkdir()
    (folder / "main.tf").write_text(configuration)
    terraform = Terraform(folder, gateway)
    terraform.init()

    terraform.change("apply")

    assert_built(gateway, terraform.output("endpoint"))
