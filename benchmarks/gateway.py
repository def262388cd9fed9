"""The gateway under test: `manage.py serve` on a free port with a data directory of its own, configured with boto3."""

import os
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from sqlite3 import connect
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Self
from urllib.error import HTTPError
from urllib.parse import urljoin
from urllib.request import urlopen

import boto3

from benchmarks.processes import Process, Worker

STAGE = "bench"
_ROOT = Path(__file__).resolve().parent.parent
_SERVES = "Nopal serves "
_PATIENCE = 30.0
_UPGRADE_REQUIRED = 426
_ROUTES = {"echo": "/echo", "identify": "/id"}


class Gateway:
    """A running gateway with two APIs: one that echoes, and one that also asks a `$connect` backend."""

    region = "us-east-1"

    def __init__(self, backend: str, **environment: str) -> None:
        """`environment`: further settings of the gateway."""
        self._backend = backend
        self._settings = environment
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._data = Path(stack.enter_context(TemporaryDirectory(prefix="nopal-benchmarks-")))
            self.environment = _environment(self._data) | self._settings
            with Worker("access_key", environment=self.environment) as worker:
                issued = worker.report()
            self.access_key_id, self.secret = issued["access_key_id"], issued["secret"]
            self.process = stack.enter_context(self._serve())
            self.url = self._served_url()
            self._management = self._client()
            self.echo_api = self._create_api(_ROUTES)
            self._connect_api = self._create_api({**_ROUTES, "$connect": "/connect"})
            for api_id in (self.echo_api, self._connect_api):
                self._await_stage(api_id, STAGE)
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
        return self._stage_url(self.echo_api)

    def connection_rows(self) -> int:
        """How many connections the registry has on disk."""
        return len(self.connection_ids())

    def connection_ids(self) -> list[str]:
        """The connections that the registry has on disk."""
        database = connect(f"file:{self._data / 'nopal.sqlite3'}?mode=ro", uri=True)
        try:
            return [row[0] for row in database.execute("SELECT connection_id FROM gatewayapp_connection")]
        finally:
            database.close()

    def create_api(self, routes: Mapping[str, str]) -> str:
        """An API with a route to a path of the backend, or to a URL, for each key, deployed; its URL for clients."""
        api_id = self._create_api(routes)
        self._await_stage(api_id, STAGE)
        return self._stage_url(api_id).replace("http", "ws", 1)

    def add_stage(self, name: str, **members: Any) -> str:
        """One more stage of the API that echoes; its URL for clients."""
        deployed = self._management.get_stage(ApiId=self.echo_api, StageName=STAGE)["DeploymentId"]
        self._management.create_stage(ApiId=self.echo_api, StageName=name, DeploymentId=deployed, **members)
        self._await_stage(self.echo_api, name)
        return self._stage_url(self.echo_api, name).replace("http", "ws", 1)

    def _serve(self) -> Process:
        return Process([sys.executable, str(_ROOT / "manage.py"), "serve", "--port", "0"], self.environment)

    def _served_url(self) -> str:
        while not (line := self.process.line(_PATIENCE)).startswith(_SERVES):
            pass
        return line.removeprefix(_SERVES).strip()

    def _stage_url(self, api_id: str, stage: str = STAGE) -> str:
        return f"{self.url}/ws/{api_id}/{stage}"

    def _client(self) -> Any:
        return boto3.client(
            "apigatewayv2",
            region_name=self.region,
            endpoint_url=self.url,
            aws_access_key_id=self.access_key_id,
            aws_secret_access_key=self.secret,
        )

    def _create_api(self, routes: Mapping[str, str]) -> str:
        """The id of an API with these routes, two-way but for `$connect` and `$disconnect`, and one stage."""
        client = self._management
        api_id: str = client.create_api(
            Name="benchmark", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action"
        )["ApiId"]
        for key, path in routes.items():
            self._create_route(api_id, key, path, two_way=not key.startswith("$"))
        deployment = client.create_deployment(ApiId=api_id)
        client.create_stage(ApiId=api_id, StageName=STAGE, DeploymentId=deployment["DeploymentId"])
        return api_id

    def _create_route(self, api_id: str, key: str, path: str, two_way: bool) -> None:
        client = self._management
        integration = client.create_integration(
            ApiId=api_id,
            IntegrationType="HTTP_PROXY",
            IntegrationMethod="POST",
            IntegrationUri=urljoin(self._backend, path),
            RequestParameters={"integration.request.header.ConnectionId": "context.connectionId"},
        )
        route = client.create_route(ApiId=api_id, RouteKey=key, Target=f"integrations/{integration['IntegrationId']}")
        if two_way:
            client.create_route_response(ApiId=api_id, RouteId=route["RouteId"], RouteResponseKey="$default")

    def _await_stage(self, api_id: str, stage: str) -> None:
        """Wait until the data plane has seen what was deployed."""
        give_up = time.monotonic() + _PATIENCE
        while _status(self._stage_url(api_id, stage)) != _UPGRADE_REQUIRED:
            if time.monotonic() > give_up:
                raise RuntimeError(f"The gateway does not see the stage {stage} of {api_id}.")
            time.sleep(0.05)


def _environment(data: Path) -> dict[str, str]:
    """Settings of the gateway; the shell's own would make figures that nobody else gets."""
    inherited = {name: "" for name in os.environ if name.startswith("NOPAL_")}
    return {**inherited, "NOPAL_DATA_DIR": str(data), "NOPAL_LOG_LEVEL": "WARNING"}


def _status(url: str) -> int:
    try:
        with urlopen(url, timeout=10) as answer:
            return int(answer.status)
    except HTTPError as error:
        with error:
            return error.code
