"""Operations on a gateway's configuration, run beside it in a process of their own: JSON lines in, JSON lines out.

The second half of this module is that process; `Operations` is the test's end of it.
"""

import importlib
import json
import subprocess
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).parents[2]
_MODULES = (
    "apis",
    "routes",
    "integrations",
    "restored_connections",
    "route_responses",
    "deployments",
    "stages",
    "access_keys",
    "api_tokens",
    "users",
)


class OperationFailed(Exception):
    """The operation raised; the message says what."""


class Operations:
    """Calls `gatewayapp.controlplane.operations` on the data directory that `environment` names."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.operations"],
            cwd=_ROOT,
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )

    def call(self, operation: str, **arguments: Any) -> Any:
        """The id of what the operation gives; of `create_access_key` the id and the secret. Raises OperationFailed."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([operation, arguments]) + "\n")
        answer = json.loads(self._process.stdout.readline())
        if "error" in answer:
            raise OperationFailed(answer["error"])
        return answer["result"]

    def stop(self) -> None:
        self._process.communicate()


def _serve() -> None:
    import django

    django.setup()
    functions = {
        name: function
        for module in _MODULES
        for name, function in vars(importlib.import_module(f"gatewayapp.controlplane.operations.{module}")).items()
    }
    from gatewayapp.controlplane.operations import users

    functions["create_administrator"] = partial(users.create_user, roles=[users.ADMINISTRATOR])
    for line in sys.stdin:
        operation, arguments = json.loads(line)
        try:
            answer = {"result": _wire(functions[operation](**arguments))}
        except Exception as error:
            answer = {"error": f"{operation}: {type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


def _wire(result: Any) -> Any:
    if isinstance(result, tuple):
        return [result[0].pk, *result[1:]]
    return result if isinstance(result, int) else getattr(result, "pk", None)


if __name__ == "__main__":
    _serve()
