"""The official AsyncAPI parser, installed by npm once into a folder that git ignores."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "build" / "asyncapi"
PARSER = "@asyncapi/parser@3.6.3"
SCRIPT = Path(__file__).parent / "parse_asyncapi.cjs"


@pytest.fixture(scope="session")
def asyncapi_modules() -> Path:
    """Where Node finds the parser; skips, and says why, where it cannot be had."""
    modules = FOLDER / "node_modules"
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("the AsyncAPI parser needs Node.js and npm")
    if not (modules / "@asyncapi" / "parser").is_dir():
        FOLDER.mkdir(parents=True, exist_ok=True)
        command = ["npm", "install", "--prefix", str(FOLDER), "--no-audit", "--no-fund", "--silent", PARSER]
        installed = subprocess.run(command, capture_output=True, text=True, timeout=300)
        if installed.returncode:
            pytest.skip(f"npm could not install the AsyncAPI parser: {installed.stderr.strip()[-200:]}")
    return modules


@pytest.fixture
def parse_asyncapi(asyncapi_modules):
    """Gives what the official parser says of a document: its operations' ids, and its complaints."""

    def parse(text: str) -> tuple[list[str], list[str]]:
        environment = {**os.environ, "NODE_PATH": str(asyncapi_modules)}
        answer = subprocess.run(
            ["node", str(SCRIPT)], input=text, capture_output=True, text=True, env=environment, timeout=60, check=True
        )
        found = json.loads(answer.stdout)
        # 0 is an error, 1 a warning; 2 and 3 are advice, such as that there is a newer version of AsyncAPI.
        complaints = [f"{path}: {message}" for severity, _, message, path in found["diagnostics"] if severity < 2]
        return found["operations"], complaints

    return parse
