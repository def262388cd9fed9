"""The gateway under test: `manage.py serve` on a free port with a data directory of its own, configured with boto3."""

import os
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from sqlite3 import connect
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Self
from urllib.error import HTTPError
from urllib.request import urlopen

import boto3

from benchmarks.processes import Process, Worker

_ROOT = Path(__file__).resolve().parent.parent
_SERVES = "Nopal serves "
_STAGE = "bench"
_PATIENCE = 30.0
_UPGRADE_REQUIRED = 426


class Gateway:
    """A running gateway with two APIs: one that echoes, and one that also asks a `$connect` backend."""

    region = "us-east-1"

    def __init__(self, backend: str) -> None:
        self._backend = backend
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._data = Path(stack.enter_context(TemporaryDirectory(prefix="nopal-benchmarks-")))
            environment = self._environment()
            with Worker("access_key", environment=environment) as worker:
                issued = worker.report()
            self.access_key_id, self.secret = issued["access_key_id"], issued["secret"]
            self.process = stack.enter_context(self._serve(environment))
            self._url = self._served_url()
            self._echo_api, self._connect_api = self._create_api(), self._create_api(connect=True)
            self._await_stages()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def echo_url(self) -> str:
        return self.callback_url.replace("http", "ws", 1)

    @property
    def connect_url(self) -> str:
        return self._stage_url(self._connect_api).replace("http", "ws", 1)

    @property
    def callback_url(self) -> str:
        return self._stage_url(self._echo_api)

    def connection_rows(self) -> int:
        """How many connections the registry has on disk."""
        database = connect(f"file:{self._data / 'nopal.sqlite3'}?mode=ro", uri=True)
        try:
            (count,) = database.execute("SELECT count(*) FROM gatewayapp_connection").fetchone()
            return int(count)
        finally:
            database.close()

    def _environment(self) -> dict[str, str]:
        """Settings of the gateway; the shell's own would make figures that nobody else gets."""
        inherited = {name: "" for name in os.environ if name.startswith("NOPAL_")}
        return {**inherited, "NOPAL_DATA_DIR": str(self._data), "NOPAL_LOG_LEVEL": "WARNING"}

    def _serve(self, environment: dict[str, str]) -> Process:
        return Process([sys.executable, str(_ROOT / "manage.py"), "serve", "--port", "0"], environment)

    def _served_url(self) -> str:
        while not (line := self.process.line(_PATIENCE)).startswith(_SERVES):
            pass
        return line.removeprefix(_SERVES).strip()

    def _stage_url(self, api_id: str) -> str:
        return f"{self._url}/ws/{api_id}/{_STAGE}"

    def _create_api(self, connect: bool = False) -> str:
        """An API whose routes `echo` and `identify` answer from the backend, deployed."""
        client = boto3.client(
            "apigatewayv2",
            region_name=self.region,
            endpoint_url=self._url,
            aws_access_key_id=self.access_key_id,
            aws_secret_access_key=self.secret,
        )
        api_id: str = client.create_api(
            Name="benchmark", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action"
        )["ApiId"]
        self._create_route(client, api_id, "echo", "/echo")
        self._create_route(client, api_id, "identify", "/id")
        if connect:
            self._create_route(client, api_id, "$connect", "/connect", two_way=False)
        deployment = client.create_deployment(ApiId=api_id)
        client.create_stage(ApiId=api_id, StageName=_STAGE, DeploymentId=deployment["DeploymentId"])
        return api_id

    def _create_route(self, client: Any, api_id: str, key: str, path: str, two_way: bool = True) -> None:
        integration = client.create_integration(
            ApiId=api_id,
            IntegrationType="HTTP_PROXY",
            IntegrationMethod="POST",
            IntegrationUri=f"{self._backend}{path}",
            RequestParameters={"integration.request.header.ConnectionId": "context.connectionId"},
        )
        route = client.create_route(ApiId=api_id, RouteKey=key, Target=f"integrations/{integration['IntegrationId']}")
        if two_way:
            client.create_route_response(ApiId=api_id, RouteId=route["RouteId"], RouteResponseKey="$default")

    def _await_stages(self) -> None:
        """Wait until the data plane has seen what was deployed."""
        give_up = time.monotonic() + _PATIENCE
        for api_id in (self._echo_api, self._connect_api):
            while _status(self._stage_url(api_id)) != _UPGRADE_REQUIRED:
                if time.monotonic() > give_up:
                    raise RuntimeError(f"The gateway does not see the stage {_STAGE} of {api_id}.")
                time.sleep(0.05)


def _status(url: str) -> int:
    try:
        with urlopen(url, timeout=10) as answer:
            return int(answer.status)
    except HTTPError as error:
        with error:
            return error.code
