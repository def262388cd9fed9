"""The gateway as its users run it: `manage.py serve` in a process of its own, configured with boto3.

with Gateway(directory) as gateway:
    api = gateway.api(
        integrations={"echo": http_proxy(backend.url("/echo"))}, routes={"send": two_way("echo")}
    )
    async with api.connect() as client:
        assert await ask(client, '{"action":"send"}') == ...
"""

import asyncio
import contextlib
import http.client
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TextIO

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from websockets.asyncio.client import ClientConnection, connect

from tests.support.rawsocket import RawClient

ROOT = Path(__file__).parents[2]
REGION = "us-east-1"
ACCOUNT = "000000000000"
PATIENCE = 10.0
"""Seconds after which something that should happen is taken not to."""

_SERVES = re.compile(r"Nopal serves http://\S+:(\d+)")
_CREATE_ACCESS_KEYS = """
import json, os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "gatewayapp.settings"
import django
django.setup()
from gatewayapp.controlplane.operations import create_access_key
made = [
    create_access_key(name=f"key {number}", permissions=[{"action": action, "resource": resource}])
    for number, (action, resource) in enumerate(json.loads(sys.argv[1]))
]
print(json.dumps([(key.access_key_id, secret) for key, secret in made]))
"""
_REVOKE_ACCESS_KEY = """
import os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "gatewayapp.settings"
import django
django.setup()
from gatewayapp.controlplane.operations import revoke_access_key
revoke_access_key(access_key_id=sys.argv[1])
"""
_NO_RETRIES = Config(retries={"total_max_attempts": 1}, region_name=REGION)


@dataclass(frozen=True, slots=True)
class AccessKey:
    access_key_id: str
    secret_access_key: str


@dataclass(frozen=True, slots=True)
class Route:
    """A route to be made: the name of its integration, whether it answers, and further members for CreateRoute."""

    integration: str | None = None
    answers: bool = False
    members: Mapping[str, Any] = field(default_factory=dict)


def one_way(integration: str | None = None, **members: Any) -> Route:
    return Route(integration, False, members)


def two_way(integration: str, **members: Any) -> Route:
    return Route(integration, True, members)


def http_proxy(uri: str, **members: Any) -> dict[str, Any]:
    return {"IntegrationType": "HTTP_PROXY", "IntegrationMethod": "POST", "IntegrationUri": uri, **members}


def http_custom(uri: str, **members: Any) -> dict[str, Any]:
    """An HTTP integration; `IntegrationResponses` are made too."""
    return {"IntegrationType": "HTTP", "IntegrationMethod": "POST", "IntegrationUri": uri, **members}


def lambda_proxy(uri: str, **members: Any) -> dict[str, Any]:
    return {"IntegrationType": "AWS_PROXY", "IntegrationUri": uri, **members}


def lambda_custom(uri: str, **members: Any) -> dict[str, Any]:
    return {"IntegrationType": "AWS", "IntegrationUri": uri, **members}


def mock(template: str = '{"statusCode": 200}', **members: Any) -> dict[str, Any]:
    return {"IntegrationType": "MOCK", "RequestTemplates": {"$default": template}, **members}


def answer(key: str = "$default", template: str | None = None, **members: Any) -> dict[str, Any]:
    """An integration response, with its one template."""
    templates = {} if template is None else {"ResponseTemplates": {"$default": template}}
    return {"IntegrationResponseKey": key, **templates, **members}


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Gateway:
    """One running gateway; further settings by environment variables."""

    def __init__(self, data_dir: Path, **environment: str) -> None:
        self._environment = _environment(data_dir, environment)
        self._data_dir = data_dir
        self._log = data_dir.with_suffix(".log")
        self._process: subprocess.Popen[str] | None = None
        self._clients: list[Any] = []
        self.port = 0

    def __enter__(self) -> "Gateway":
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    # the process

    def start(self) -> None:
        """Return once the gateway takes connections; on the same port again if it was started before."""
        with self._log.open("a") as log:
            self._process = subprocess.Popen(
                [sys.executable, "manage.py", "serve", "--host", "127.0.0.1", "--port", str(self.port)],
                cwd=ROOT,
                env=self._environment,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self.port = self._announced_port(self._process)
        assert self.http("GET", "/readyz").status == 200

    def stop(self, signal_number: int = signal.SIGTERM) -> int:
        """End the process and return its exit code."""
        for client in self._clients:
            client.close()
        self._clients.clear()
        self.__dict__.pop("key", None)
        return self.end(signal_number)

    def end(self, signal_number: int = signal.SIGTERM) -> int:
        """End the process, unless it has ended, and only that: it can be started again on the same port."""
        assert self._process is not None
        self._process.send_signal(signal_number)
        try:
            return self._process.wait(3 * PATIENCE)
        finally:
            self._process.kill()
            self._process.wait()
            self._reader.join()

    def log(self) -> str:
        return self._log.read_text()

    def database(self) -> sqlite3.Connection:
        """Its database file, opened beside it; each statement is a transaction of its own."""
        return sqlite3.connect(self._data_dir / "nopal.sqlite3", isolation_level=None)

    def _announced_port(self, process: "subprocess.Popen[str]") -> int:
        """Read the greeting, and go on reading what follows so that the process never waits for us."""
        assert process.stdout is not None
        for line in process.stdout:
            if found := _SERVES.search(line):
                self._reader = threading.Thread(target=_drain, args=(process.stdout,), daemon=True)
                self._reader.start()
                return int(found[1])
        process.wait()
        process.stdout.close()
        raise AssertionError(f"the gateway did not start:\n{self.log()}")

    # addresses

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def url(self, api_id: str, stage: str) -> str:
        return f"ws://127.0.0.1:{self.port}/ws/{api_id}/{stage}"

    def callback_url(self, api_id: str, stage: str) -> str:
        return f"{self.endpoint}/ws/{api_id}/{stage}"

    def raw_client(self) -> RawClient:
        return RawClient(self.port, timeout=PATIENCE)

    # callers

    @cached_property
    def key(self) -> AccessKey:
        """A key that may do everything."""
        return self.create_access_key("everything")

    def create_access_key(self, name: str) -> AccessKey:
        """Issue a key as an operator does."""
        made = json.loads(self._run("manage.py", "createaccesskey", name, "--json"))
        return AccessKey(made["accessKeyId"], made["secretAccessKey"])

    def credentials(self) -> dict[str, str]:
        """An environment for other programs in which AWS SDKs find the key that may do everything."""
        key = {"AWS_ACCESS_KEY_ID": self.key.access_key_id, "AWS_SECRET_ACCESS_KEY": self.key.secret_access_key}
        return {**self._environment, **key}

    def create_access_keys(self, allowed: Sequence[tuple[str, str]]) -> list[AccessKey]:
        """A key for each pair of action and resource; all of them by one process, since starting one takes long."""
        return [AccessKey(*made) for made in json.loads(self._run("-c", _CREATE_ACCESS_KEYS, json.dumps(allowed)))]

    def revoke_access_key(self, key: AccessKey) -> None:
        self._run("-c", _REVOKE_ACCESS_KEY, key.access_key_id)

    def _run(self, *arguments: str) -> str:
        command = [sys.executable, *arguments]
        done = subprocess.run(
            command, cwd=ROOT, env=self._environment, capture_output=True, text=True, timeout=6 * PATIENCE
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def client(
        self, service: str, api_id: str = "", stage: str = "", *, key: AccessKey | None = None, url: str = ""
    ) -> Any:
        """A boto3 client of `apigatewayv2`, or of `apigatewaymanagementapi` for a stage or a `url`."""
        key = key or self.key
        endpoint = url or (self.callback_url(api_id, stage) if api_id else self.endpoint)
        client = boto3.client(
            service,
            endpoint_url=endpoint,
            aws_access_key_id=key.access_key_id,
            aws_secret_access_key=key.secret_access_key,
            config=_NO_RETRIES,
        )
        self._clients.append(client)
        return client

    @cached_property
    def management(self) -> Any:
        return self.client("apigatewayv2")

    def http(self, method: str, target: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> HttpAnswer:
        """One plain HTTP request with exactly this target and these headers; Host is ours unless given."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            headers = {"Host": f"127.0.0.1:{self.port}", **(headers or {})}
            connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
            for name, value in headers.items():
                connection.putheader(name, value)
            if body or method == "POST":
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body or None)
            response = connection.getresponse()
            return HttpAnswer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def signed(
        self,
        method: str,
        target: str,
        body: bytes = b"",
        *,
        headers: Mapping[str, str] | None = None,
        key: AccessKey | None = None,
        service: str = "execute-api",
        region: str = REGION,
    ) -> HttpAnswer:
        """The same request signed with Signature Version 4, by botocore's signer."""
        key = key or self.key
        given = {"Host": f"127.0.0.1:{self.port}", **(headers or {})}
        request = AWSRequest(method, f"http://{given['Host']}{target}", data=body, headers=dict(given))
        SigV4Auth(Credentials(key.access_key_id, key.secret_access_key), service, region).add_auth(request)
        return self.http(method, target, body, dict(request.headers.items()))

    # configuration

    def api(
        self,
        *,
        routes: Mapping[str, Route],
        integrations: Mapping[str, Mapping[str, Any]] | None = None,
        selection: str = "$request.body.action",
        stage: str = "test",
        stage_variables: Mapping[str, str] | None = None,
        limits: Mapping[str, Any] | None = None,
    ) -> "Api":
        """An API built from nothing and deployed; returns when clients can connect."""
        created = self.management.create_api(
            Name="conformance", ProtocolType="WEBSOCKET", RouteSelectionExpression=selection
        )
        api = Api(self, created["ApiId"], stage)
        for name, members in (integrations or {}).items():
            api.add_integration(name, members)
        for key, route in routes.items():
            api.add_route(key, route)
        api.add_stage(stage, stage_variables=stage_variables, limits=limits)
        return api


@dataclass
class Api:
    """An API of a gateway and the stage that its tests use."""

    gateway: Gateway
    api_id: str
    stage: str
    integration_ids: dict[str, str] = field(default_factory=dict)
    route_ids: dict[str, str] = field(default_factory=dict)

    @property
    def management(self) -> Any:
        return self.gateway.management

    @property
    def url(self) -> str:
        return self.gateway.url(self.api_id, self.stage)

    @property
    def domain_name(self) -> str:
        """What events call `domainName` when clients use this address."""
        return f"127.0.0.1:{self.gateway.port}/ws/{self.api_id}"

    @cached_property
    def connections(self) -> Any:
        """A boto3 client of this stage's `@connections`."""
        return self.gateway.client("apigatewaymanagementapi", self.api_id, self.stage)

    def target(self, connection_id: str, *, at: str = "/@connections/", stage: str | None = None) -> str:
        """The request target of a connection, spelled as given."""
        return f"/ws/{self.api_id}/{stage or self.stage}{at}{connection_id}"

    def connect(self, query: str = "", *, stage: str | None = None, **options: Any) -> connect:
        """A client of the stage: without compression, without pings of its own."""
        options = {"compression": None, "ping_interval": None, "max_size": None, "close_timeout": PATIENCE, **options}
        options.setdefault("open_timeout", PATIENCE)
        url = self.gateway.url(self.api_id, stage or self.stage)
        return connect(f"{url}?{query}" if query else url, **options)

    # changes

    def add_integration(self, name: str, members: Mapping[str, Any]) -> None:
        members = dict(members)
        responses = members.pop("IntegrationResponses", ())
        made = self.management.create_integration(ApiId=self.api_id, **members)
        self.integration_ids[name] = made["IntegrationId"]
        for response in responses:
            self.management.create_integration_response(
                ApiId=self.api_id, IntegrationId=made["IntegrationId"], **response
            )

    def add_route(self, key: str, route: Route) -> None:
        members = dict(route.members)
        if route.integration is not None:
            members["Target"] = f"integrations/{self.integration_ids[route.integration]}"
        made = self.management.create_route(ApiId=self.api_id, RouteKey=key, **members)
        self.route_ids[key] = made["RouteId"]
        if route.answers:
            self.add_route_response(key)

    def add_route_response(self, key: str) -> None:
        self.management.create_route_response(
            ApiId=self.api_id, RouteId=self.route_ids[key], RouteResponseKey="$default"
        )

    def add_stage(
        self,
        name: str,
        *,
        stage_variables: Mapping[str, str] | None = None,
        limits: Mapping[str, Any] | None = None,
    ) -> None:
        """A stage with a fresh deployment; returns when clients can connect to it."""
        deployment = self.management.create_deployment(ApiId=self.api_id)
        self.management.create_stage(
            ApiId=self.api_id,
            StageName=name,
            DeploymentId=deployment["DeploymentId"],
            StageVariables=dict(stage_variables or {}),
        )
        if limits:
            self.set_limits(limits, stage=name)
        target = f"/ws/{self.api_id}/{name}"
        wait_until(lambda: self.gateway.http("GET", target).status == 426)

    def deploy(self, stage: str | None = None) -> str:
        """Put a fresh deployment on a stage. The data plane follows within two seconds."""
        made = self.management.create_deployment(ApiId=self.api_id, StageName=stage or self.stage)
        return str(made["DeploymentId"])

    def set_limits(self, limits: Mapping[str, Any], *, stage: str | None = None) -> None:
        """Set Nopal's own stage member `limits`, which no AWS SDK knows of."""
        target = f"/v2/apis/{self.api_id}/stages/{stage or self.stage}"
        body = json.dumps({"limits": dict(limits)}).encode()
        headers = {"Content-Type": "application/json"}
        done = self.gateway.signed("PATCH", target, body, headers=headers, service="apigateway")
        assert done.status == 200, done.body


def wait_until(check: Callable[[], Any]) -> Any:
    """The first true value of `check`, asked until it gives one."""
    waiting = threading.Event()
    for _ in range(int(PATIENCE / 0.02)):
        if value := check():
            return value
        waiting.wait(0.02)
    raise AssertionError("what was waited for did not happen")


async def eventually(check: Callable[[], Awaitable[Any]]) -> Any:
    """The same for a coroutine function."""
    async with asyncio.timeout(PATIENCE):
        while not (value := await check()):
            await asyncio.sleep(0.02)
        return value


async def ask(client: ClientConnection, message: str) -> str:
    """Send a message and return the next frame."""
    await client.send(message)
    return await next_frame(client)


async def next_frame(client: ClientConnection) -> str:
    async with asyncio.timeout(PATIENCE):
        frame = await client.recv()
    assert isinstance(frame, str), "the gateway sends text frames only"
    return frame


async def close_of(client: ClientConnection) -> tuple[int | None, str]:
    """Wait for the gateway to close; the code and reason of its close frame."""
    async with asyncio.timeout(PATIENCE):
        await client.wait_closed()
    return client.close_code, client.close_reason or ""


@contextlib.asynccontextmanager
async def raw_websocket(api: Api, headers: tuple[tuple[str, str], ...] = ()) -> AsyncIterator["RawWebSocket"]:
    """An open connection whose frames the test writes itself."""
    raw = await asyncio.to_thread(api.gateway.raw_client)
    try:
        response = await asyncio.to_thread(raw.upgrade, f"/ws/{api.api_id}/{api.stage}", headers)
        assert response.status == 101, response
        yield RawWebSocket(raw)
    finally:
        raw.socket.close()


class RawWebSocket:
    """A blocking client used from a coroutine: every call is made in a thread."""

    def __init__(self, raw: RawClient) -> None:
        self.raw = raw

    async def do(self, call: Callable[[RawClient], Any]) -> Any:
        return await asyncio.to_thread(call, self.raw)


def _environment(data_dir: Path, own: Mapping[str, str]) -> dict[str, str]:
    """A clean environment: no settings of the developer's, no AWS account, no metadata service."""
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("NOPAL_", "AWS_", "DJANGO_"))
    }
    aws = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_EC2_METADATA_DISABLED": "true"}
    return {**inherited, **aws, "NOPAL_DATA_DIR": str(data_dir), "PYTHONUNBUFFERED": "1", **own}


def _drain(output: TextIO) -> None:
    with output:
        for _ in output:
            pass
