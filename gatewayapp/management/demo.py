"""The demo: a chat API, and the chat application behind it as a process of its own.

The API is made once, through the operations that everyone uses, and found again by its name and tag. Its stage variable
`backend` says where the application listens now, which may be another port after each start.
"""

import os
import socket
import subprocess
import sys
import time
from dataclasses import dataclass

from cryptography.fernet import InvalidToken
from django.conf import settings
from django.db import transaction

from gatewayapp.controlplane.operations import (
    create_access_key,
    create_api,
    create_deployment,
    create_integration,
    create_route,
    create_route_response,
    create_stage,
    get_access_keys,
    get_apis,
    get_stages,
    one_change,
    path_of,
    revoke_access_key,
    update_stage,
)
from gatewayapp.controlplane.operations.snapshots import api_with_parts
from gatewayapp.core.policy import MANAGE_CONNECTIONS
from gatewayapp.data_directory import CERTIFICATES
from gatewayapp.models import Api

APPLICATION = settings.BASE_DIR / "examples" / "chat" / "server.py"
NAME = "chat"
TAG = "nopal:demo"
STAGE = "demo"
FIRST_PORT = 8001
START_TIMEOUT = 15.0

ROUTES = {
    "$connect": "/connect",
    "$disconnect": "/disconnect",
    "join": "/join",
    "send": "/send",
    "who": "/who",
    "$default": "/default",
}
TWO_WAY = ("who", "$default")


@dataclass(frozen=True, slots=True)
class DemoApi:
    """Where the chat's API is, and the access key that its application pushes with."""

    api_id: str
    stage: str
    access_key_id: str
    secret_access_key: str


class Demo:
    """The chat application's process. `start` is called once the gateway takes connections."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, base_url: str) -> list[str]:
        """Start the application for the gateway at `base_url`; the lines that tell people how to try it."""
        port = _free_port()
        api = ensure_demo(f"127.0.0.1:{port}")
        gateway = f"{base_url}/ws/{api.api_id}/{api.stage}"
        command = [sys.executable, str(APPLICATION), "--port", str(port), "--gateway", gateway]
        self._process = subprocess.Popen(command, env=_environment(api))  # noqa: S603 (our own program)
        if not self._answers(port):
            return ["The chat demo did not start; what it said stands above."]
        return [
            "Chat demo, best in two tabs:",
            f"  http://127.0.0.1:{port}/",
            "or in a terminal:",
            f'  npx wscat {_unchecked(gateway)}-c "{"ws" + gateway.removeprefix("http")}?name=ann"',
            '  > {"action":"send","text":"hello"}',
            *_warnings(base_url),
        ]

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=10)

    def _answers(self, port: int) -> bool:
        """Whether the application takes connections before it ends or START_TIMEOUT is over."""
        deadline = time.monotonic() + START_TIMEOUT
        while self._process is not None and self._process.poll() is None and time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
            except OSError:
                time.sleep(0.05)
            else:
                return True
        return False


@transaction.atomic
def ensure_demo(backend: str) -> DemoApi:
    """The demo's API, made if it is not there yet, with its application at `backend` (host:port)."""
    api = next((api for api in get_apis().filter(name=NAME) if TAG in api.tags), None)
    if api is None:
        api = _create_api(backend)
    else:
        _ensure_stage(api, backend)
    return DemoApi(api.api_id, STAGE, *_ensure_access_key(api))


def _create_api(backend: str) -> Api:
    with one_change("CreateApi") as entry:
        api = create_api(
            name=NAME,
            protocol_type="WEBSOCKET",
            route_selection_expression="$request.body.action",
            description="The demo: a chat room behind an ordinary HTTP application, examples/chat.",
            tags={TAG: "chat"},
        )
        for route_key, path in ROUTES.items():
            _create_route(api, route_key, path)
        _ensure_stage(api, backend)
        entry.path, entry.after = path_of(api), api_with_parts(api)
        return api


def _create_route(api: Api, route_key: str, path: str) -> None:
    connects = route_key == "$connect"
    integration = create_integration(
        api_id=api.api_id,
        integration_type="HTTP_PROXY",
        integration_method="POST",
        integration_uri=f"http://${{stageVariables.backend}}{path}",
        request_parameters={"integration.request.header.connectionId": "context.connectionId"}
        | ({"integration.request.querystring.name": "route.request.querystring.name"} if connects else {}),
    )
    route = create_route(
        api_id=api.api_id,
        route_key=route_key,
        target=f"integrations/{integration.integration_id}",
        request_parameters={"route.request.querystring.name": {"required": False}} if connects else {},
    )
    if route_key in TWO_WAY:
        create_route_response(api_id=api.api_id, route_id=route.route_id, route_response_key="$default")


def _ensure_stage(api: Api, backend: str) -> None:
    variables = {"backend": backend}
    stage = get_stages(api_id=api.api_id).filter(stage_name=STAGE).first()
    if stage is not None:
        if stage.stage_variables.get("backend") != backend:
            update_stage(api_id=api.api_id, stage_name=STAGE, stage_variables=variables)
        return
    deployment = create_deployment(api_id=api.api_id, description="The demo as it comes")
    create_stage(
        api_id=api.api_id,
        stage_name=STAGE,
        deployment_id=deployment.deployment_id,
        stage_variables=variables,
        # The page comes from another port, which is another origin; and a chat's messages stay in order.
        limits={"allowedOrigins": ["*"], "maxInFlight": 1},
    )


def _ensure_access_key(api: Api) -> tuple[str, str]:
    """The id and secret of a key that may do no more than push to, look at and close the demo's connections."""
    name = f"demo {api.api_id}"
    for key in get_access_keys().filter(name=name, revoked=False):
        try:
            return key.access_key_id, key.secret
        except InvalidToken:  # NOPAL_ENCRYPTION_KEY is another one since
            revoke_access_key(access_key_id=key.access_key_id)
    resource = f"arn:aws:execute-api:*:*:{api.api_id}/{STAGE}/*"
    key, secret = create_access_key(name=name, permissions=[{"action": MANAGE_CONNECTIONS, "resource": resource}])
    return key.access_key_id, secret


def _environment(api: DemoApi) -> dict[str, str]:
    credentials = {
        "AWS_ACCESS_KEY_ID": api.access_key_id,
        "AWS_SECRET_ACCESS_KEY": api.secret_access_key,
        "AWS_DEFAULT_REGION": settings.NOPAL_REGION,
    }
    authority = settings.DATA_DIR / CERTIFICATES / "ca.pem"
    trust = {"AWS_CA_BUNDLE": str(authority)} if authority.exists() else {}
    return {**os.environ, **credentials, **trust}


def _free_port() -> int:
    """FIRST_PORT or one of the next, else any."""
    for port in (*range(FIRST_PORT, FIRST_PORT + 10), 0):
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(listener.getsockname()[1])
    raise OSError("No port is free on 127.0.0.1.")


def _unchecked(url: str) -> str:
    """What makes wscat take a certificate whose authority it does not know."""
    return "--no-check " if url.startswith("https:") else ""


def _warnings(base_url: str) -> list[str]:
    if not base_url.startswith("https:"):
        return []
    return [f"  (open {base_url}/ first and accept its certificate, or the page cannot connect)"]
