"""What the documentation tells one to type works."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys

import botocore.session
import pytest
from botocore import xform_name
from django.core.management import get_commands, load_command_class
from websockets.sync.client import connect

from tests.docs.documents import DOCUMENTS, ROOT, code_blocks
from tests.support.gateway import Gateway, one_way, wait_until

README = ROOT / "README.md"
CALLBACKS = ROOT / "docs" / "connections-api.md"
GATEWAY, ECHO = "http://127.0.0.1:8000", "http://127.0.0.1:9000"


def test_the_readme_builds_an_api_that_echoes(gateway: Gateway, echo: str) -> None:
    [script] = code_blocks(README, "python")

    printed = subprocess.run(
        [sys.executable, "-c", script.replace(GATEWAY, gateway.endpoint).replace(ECHO, echo)],
        env={**os.environ, **_credentials(gateway)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    url = printed.strip()
    wait_until(lambda: gateway.http("GET", re.sub(r"^ws://[^/]+", "", url)).status == 426)
    with connect(url) as client:
        client.send("hello")
        assert client.recv(timeout=10) == "hello"


@pytest.mark.parametrize(
    "block",
    [
        pytest.param(
            code_blocks(CALLBACKS, "sh")[-1],
            id="curl",
            marks=pytest.mark.skipif(shutil.which("curl") is None, reason="no curl: install it"),
        ),
        pytest.param(code_blocks(CALLBACKS, "python")[-1], id="boto3"),
    ],
)
def test_a_push_of_the_documentation_reaches_its_client(gateway: Gateway, block: str) -> None:
    api = gateway.api(routes={"nothing": one_way()})
    with connect(api.url) as client:
        client.send("{}")
        connection_id = json.loads(client.recv(timeout=10))["connectionId"]

        filled = block.replace("{apiId}/{stage}", f"{api.api_id}/{api.stage}").replace(GATEWAY, gateway.endpoint)
        if block.startswith("curl"):
            command = ["bash", "-c", filled.replace("R2p1dcf8oAMCJhg=", connection_id)]
        else:
            command = [sys.executable, "-c", f"connection_id = {connection_id!r}\n{filled}"]
        subprocess.run(command, env={**os.environ, **_credentials(gateway)}, check=True)

        assert client.recv(timeout=10) == '{"price": 42}'


@pytest.mark.parametrize(
    "command",
    [command for document in DOCUMENTS for command in code_blocks(document, "sh") if command.startswith("aws ")],
)
def test_aws_commands_name_operations_and_options_that_exist(command: str) -> None:
    words = shlex.split(command.replace("\\\n", " "))
    _, service, operation, *options = words
    model = botocore.session.get_session().get_service_model(service)
    operations = {xform_name(name, "-"): name for name in model.operation_names}
    shape = model.operation_model(operations[operation]).input_shape
    assert shape is not None

    known = {"--" + xform_name(member, "-") for member in shape.members} | {"--endpoint-url", "--cli-binary-format"}

    assert {option for option in options if option.startswith("--")} <= known


@pytest.mark.parametrize(
    "line",
    [
        line
        for document in DOCUMENTS
        for block in code_blocks(document, "(?:sh|ini)")
        for line in block.splitlines()
        if "manage.py" in line
    ],
)
def test_management_commands_take_what_they_are_given(line: str) -> None:
    _, _, arguments = line.partition("manage.py ")
    name, *options = shlex.split(arguments)

    parser = load_command_class(get_commands()[name], name).create_parser("manage.py", name)

    parser.parse_args(options)


@pytest.mark.parametrize("target", re.findall(r"make (\w+)", README.read_text()))
def test_make_knows_the_targets_of_the_readme(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


def _credentials(gateway: Gateway) -> dict[str, str]:
    return {
        "AWS_ACCESS_KEY_ID": gateway.key.access_key_id,
        "AWS_SECRET_ACCESS_KEY": gateway.key.secret_access_key,
    }
