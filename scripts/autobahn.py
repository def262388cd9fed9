"""Run the Autobahn test suite (RFC 6455 conformance) against the server.

The suite needs Python 2.7, which is looked for as `python2.7` and in pyenv; without it nothing is tested, and this
says so. The suite is installed under build/autobahn, the reports are written to build/autobahn-reports.
"""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
SUITE = ROOT / "build" / "autobahn"
REPORTS = ROOT / "build" / "autobahn-reports"
REQUIREMENT = "autobahntestsuite==25.10.1"
CASES = ["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "9.*", "10.*"]  # 12 and 13 test permessage-deflate
LIMITS = ["--max-frame", "33554432", "--max-message", "33554432", "--max-fragments", "1000000"]  # for group 9
PASSED = ("OK", "NON-STRICT", "INFORMATIONAL")


def main() -> int:
    python = find_python()
    if python is None:
        print("SKIPPED: the Autobahn test suite needs Python 2.7, and neither python2.7 nor pyenv has it")
        return 0
    install(python)
    server = start_server()
    try:
        run_suite(python, port_of(server))
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait()
    return summarise(json.loads((REPORTS / "index.json").read_text()))


def find_python() -> str | None:
    """A Python 2.7 that runs (pyenv puts a python2.7 on the path that may not)."""
    candidates = [*sorted(Path.home().glob(".pyenv/versions/2.7*/bin/python")), shutil.which("python2.7")]
    for candidate in filter(None, candidates):
        if subprocess.run([candidate, "--version"], capture_output=True, check=False).returncode == 0:
            return str(candidate)
    return None


def install(python: str) -> None:
    if not (SUITE / "autobahntestsuite").exists():
        command = [python, "-m", "pip", "install", "--quiet", "--target", str(SUITE), REQUIREMENT]
        subprocess.run(command, check=True)


def start_server() -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "gatewayapp.server", "tests.server.apps:app", "--port", "0", *LIMITS]
    return subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)


def port_of(server: subprocess.Popen[str]) -> int:
    assert server.stderr is not None
    for line in server.stderr:
        if match := re.search(r"Listening on \S+:(\d+)", line):
            return int(match[1])
    raise SystemExit("the server did not start")


def run_suite(python: str, port: int) -> None:
    REPORTS.mkdir(parents=True, exist_ok=True)
    specification = {
        "outdir": str(REPORTS),
        "servers": [{"agent": "nopal", "url": f"ws://127.0.0.1:{port}/echo"}],
        "cases": CASES,
        "exclude-cases": [],
        "exclude-agent-cases": {},
    }
    path = REPORTS / "fuzzingclient.json"
    path.write_text(json.dumps(specification))
    # addsitedir reads the .pth files that make zope a package
    wstest = f"import site; site.addsitedir({str(SUITE)!r}); from autobahntestsuite.wstest import run; run()"
    command = [python, "-c", wstest, "-m", "fuzzingclient", "-s", str(path)]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)


def summarise(index: dict[str, dict[str, dict[str, str]]]) -> int:
    """Print a table by group and the cases that are not plainly OK; 1 if any failed, else 0."""
    cases = index["nopal"]
    groups: dict[str, Counter[str]] = {}
    for case, result in cases.items():
        groups.setdefault(case.split(".")[0], Counter())[result["behavior"]] += 1
    for group in sorted(groups, key=int):
        print(f"{group:>3}  " + "  ".join(f"{count:4} {name}" for name, count in groups[group].most_common()))
    for case, result in cases.items():
        if result["behavior"] != "OK" or result["behaviorClose"] != "OK":
            print(f"{case}: {result['behavior']}, closing {result['behaviorClose']}")
    failed = [case for case, result in cases.items() if is_failure(result)]
    print(f"{len(cases)} cases, {len(failed)} failed")
    return 1 if failed or not cases else 0


def is_failure(result: dict[str, str]) -> bool:
    return result["behavior"] not in PASSED or result["behaviorClose"] not in PASSED


if __name__ == "__main__":
    sys.exit(main())
