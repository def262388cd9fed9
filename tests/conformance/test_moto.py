"""moto's public tests for `apigatewayv2` against the gateway; docs/compatibility.md lists those that cannot pass.

They are looked for in $NOPAL_MOTO_TESTS or else in build/moto: a checkout of https://github.com/getmoto/moto, or its
unpacked source distribution (`pip download --no-deps --no-binary moto moto`). Nothing of moto itself is run.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.support.gateway import ROOT, Gateway

SOURCE = Path(os.environ.get("NOPAL_MOTO_TESTS", ROOT / "build" / "moto"))
PASSING = 58

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def moto_tests(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copies of the test modules without their package, whose conftest needs moto."""
    modules = sorted(SOURCE.glob("**/tests/test_apigatewayv2/test_apigatewayv2*.py"))
    if not modules:
        pytest.skip(f"moto's tests are not in {SOURCE}: unpack moto's source there, or set NOPAL_MOTO_TESTS to it")
    folder = tmp_path_factory.mktemp("moto")
    for module in modules:
        shutil.copy(module, folder)
    return folder


@pytest.fixture(scope="module")
def results(gateway: Gateway, moto_tests: Path) -> dict[str, bool]:
    """By the name of each test whether it passed."""
    options = [
        "-q",
        "-c",
        os.devnull,
        "--rootdir",
        ".",
        "-p",
        "moto_plugin",
        "-p",
        "no:django",
        "-p",
        "no:cacheprovider",
    ]
    environment = gateway.credentials() | {
        "NOPAL_ENDPOINT": gateway.endpoint,
        "PYTHONPATH": str(Path(__file__).parent),
    }
    command = [sys.executable, "-m", "pytest", *options, "--junitxml", "results.xml", "."]
    run = subprocess.run(command, cwd=moto_tests, env=environment, capture_output=True, text=True, timeout=280)
    assert run.returncode in (0, 1), run.stdout + run.stderr
    cases = ElementTree.parse(moto_tests / "results.xml").iter("testcase")
    return {str(case.get("name")): len(case) == 0 for case in cases}


def documented() -> set[str]:
    text = (ROOT / "docs" / "compatibility.md").read_text()
    return set(re.findall(r"`(test_\w+)`", text))


def test_only_those_fail_that_contradict_a_rule_of_aws(results: dict[str, bool]) -> None:
    assert {name for name, passed in results.items() if not passed} - documented() == set()


def test_those_that_the_documentation_gives_up_do_fail(results: dict[str, bool]) -> None:
    assert {name for name in documented() if results.get(name)} == set()


def test_the_others_pass(results: dict[str, bool]) -> None:
    assert sum(results.values()) >= PASSING
