"""Secrets of a configuration: planted where users put them, looked for in everything that leaves or stays on disk.

Every address of the URLconf is asked by people, tokens and access keys that may read but not edit (S15, S37). An
address with a new kind of argument fails here until the test knows a value for it.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
import pytest_asyncio
from django.urls import URLPattern, URLResolver, reverse
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from dashboard.routing import urlpatterns as live_addresses
from gatewayapp import urls
from gatewayapp.controlplane.api.table import OPERATIONS
from gatewayapp.controlplane.operations import refuse_http_api_operation
from gatewayapp.interchange import FORMATS
from tests.support.backend import ScriptedBackend
from tests.support.gateway import AccessKey, Api, Gateway, answer, http_proxy, mock, two_way
from tests.support.rest import RestClient, administrator

PASSWORD = "a-cactus-in-the-sun"
CANARIES = {
    "header": "canary-header-1f8a",
    "header by its form": "canary-form-2e7b",
    "query": "canary-query-3d6c",
    "query key": "canary-key-4c5d",
    "template": "canary-template-5b4e",
    "response template": "canary-response-6a3f",
    "stage variable": "canary-variable-79e0",
    "masked name": "canary-masked-88d1",
    "test case": "canary-test-case-97c2",
    "expectation": "canary-expected-a6b3",
    "userinfo": "canary-userinfo-b5a4",
}
SECRETS = re.compile("|".join(CANARIES.values()).encode())
MESSAGE = '{"action": "send", "text": "hello"}'


@dataclass
class Planted:
    """An API full of canaries on a gateway, and where its parts are."""

    gateway: Gateway
    data_dir: Path
    api: Api
    administrator: RestClient
    ids: dict[str, str] = field(default_factory=dict)

    def document(self) -> Any:
        return self.gateway.management.get_integration(
            ApiId=self.api.api_id, IntegrationId=self.api.integration_ids["send"]
        )


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def planted(backend: ScriptedBackend, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Planted]:
    backend.on("/secret", body={"done": True})
    data_dir = tmp_path_factory.mktemp("canaries") / "data"
    with Gateway(data_dir, NOPAL_MASK="X-Partner", NOPAL_LOG_LEVEL="INFO") as gateway:
        planted = await asyncio.to_thread(_plant, gateway, data_dir, backend)
        async with planted.api.connect() as client:
            await client.send(MESSAGE)
            assert json.loads(await client.recv()) == {"done": True}
            await client.send('{"action": "fails"}')
            assert "Internal server error" in str(await client.recv())
            await client.send('{"action": "mock"}')
            listed = await asyncio.to_thread(planted.administrator.get, f"traces?apiId={planted.api.api_id}")
            planted.ids["trace_id"] = next(each["traceId"] for each in listed["items"] if each["routeKey"] == "send")
            planted.ids["connection_id"] = listed["items"][0]["connectionId"]
            yield planted


def _plant(gateway: Gateway, data_dir: Path, backend: ScriptedBackend) -> Planted:
    api = gateway.api(
        integrations={
            "send": http_proxy(
                backend.url("/secret") + f"?token={CANARIES['query']}&key={CANARIES['query key']}"
                "&k=${stageVariables.apiToken}",
                RequestParameters={
                    "integration.request.header.Authorization": f"'Bearer {CANARIES['header']}'",
                    "integration.request.header.X-Own": f"'Basic {CANARIES['header by its form']}'",
                    "integration.request.header.X-Partner": f"'{CANARIES['masked name']}'",
                    "integration.request.header.X-Who": "stageVariables.apiToken",
                },
            ),
            "fails": http_proxy(
                "http://${stageVariables.nowhere}/?k=${stageVariables.apiToken}&token=" + CANARIES["query"]
            ),
            "unused": http_proxy("http://me:" + CANARIES["userinfo"] + "@${stageVariables.nowhere}/"),
            "mock": mock(
                json.dumps({"statusCode": 200, "password": CANARIES["template"]}),
                IntegrationResponses=[answer(template=json.dumps({"apiKey": CANARIES["response template"]}))],
            ),
        },
        routes={"send": two_way("send"), "fails": two_way("fails"), "mock": two_way("mock")},
        stage_variables={"apiToken": CANARIES["stage variable"], "nowhere": "127.0.0.1:99999"},
    )
    gateway.management.update_stage(ApiId=api.api_id, StageName="test", DefaultRouteSettings={"DataTraceEnabled": True})
    api.deploy()
    # Something that is not deployed yet, so that there are differences to show.
    gateway.management.update_integration(
        ApiId=api.api_id,
        IntegrationId=api.integration_ids["send"],
        RequestParameters={"integration.request.header.Cookie": f"'{CANARIES['header']}'"},
    )
    planted = Planted(gateway, data_dir, api, administrator(gateway))
    made = planted.administrator.post(
        f"apis/{api.api_id}/test-cases",
        {
            "name": "secret",
            "message": json.dumps({"action": "send", "password": CANARIES["test case"]}),
            "expectations": {"request": [{"path": "token", "equals": CANARIES["expectation"]}]},
        },
    )
    planted.ids |= {
        "api_id": api.api_id,
        "stage_name": "test",
        "integration_id": api.integration_ids["send"],
        "route_id": api.route_ids["send"],
        "test_case_id": made["testCaseId"],
        **_more_ids(gateway, api),
    }
    return planted


def _more_ids(gateway: Gateway, api: Api) -> dict[str, str]:
    of_api = {"ApiId": api.api_id}
    management = gateway.management
    responses = management.get_integration_responses(**of_api, IntegrationId=api.integration_ids["mock"])["Items"]
    route_responses = management.get_route_responses(**of_api, RouteId=api.route_ids["send"])["Items"]
    authorizer = management.create_authorizer(
        **of_api,
        Name="gate",
        AuthorizerType="REQUEST",
        AuthorizerUri="arn:aws:lambda:us-east-1:000000000000:function:gate",
        IdentitySource=["route.request.header.Authorization"],
    )
    model = management.create_model(**of_api, Name="Note", Schema="{}")
    management.create_domain_name(DomainName="ws.example.org")
    mapping = management.create_api_mapping(**of_api, DomainName="ws.example.org", Stage="test")
    return {
        "integration_response_id": responses[0]["IntegrationResponseId"],
        "mock_id": api.integration_ids["mock"],
        "route_response_id": route_responses[0]["RouteResponseId"],
        "authorizer_id": authorizer["AuthorizerId"],
        "model_id": model["ModelId"],
        "deployment_id": management.get_stage(**of_api, StageName="test")["DeploymentId"],
        "domain_name": "ws.example.org",
        "api_mapping_id": mapping["ApiMappingId"],
        # Of these a reader sees none, wherever they are.
        "user_id": "1",
        "access_key_id": gateway.key.access_key_id,
        "token_id": "aaaaaaaaaa",
        "token": "unknown",
        "export_format": "nopal",
    }


def _person(planted: Planted, role: str) -> tuple[str, RestClient]:
    """Somebody with a role over all APIs: the Cookie header of their session, and a client with a token of theirs."""
    gateway = planted.gateway
    planted.administrator.post(
        "users", {"username": role, "password": PASSWORD, "roles": [{"role": role, "apiId": None}]}
    )
    form = gateway.http("GET", "/signin")
    csrf = re.search(r"nopal_csrf=(\w+)", str(form.headers))
    assert csrf is not None
    headers = {
        "Cookie": f"nopal_csrf={csrf[1]}",
        "X-CSRFToken": csrf[1],
        "Content-Type": "application/x-www-form-urlencoded",
    }
    body = urlencode({"username": role, "password": PASSWORD}).encode()
    signed_in = gateway.http("POST", "/signin", body, headers)
    assert signed_in.status == 302, signed_in.body
    cookies = dict(re.findall(r"(nopal_\w+)=(\w+)", str(signed_in.headers)))
    token = json.loads(gateway._run("manage.py", "createapitoken", role, "tests", "--json"))["token"]
    return "; ".join(f"{name}={value}" for name, value in cookies.items()), RestClient(gateway, token)


def _patterns(patterns: Any, namespace: str = "") -> Iterator[URLPattern]:
    for each in patterns:
        if isinstance(each, URLPattern):
            yield each
        elif isinstance(each, URLResolver) and each.app_name != "admin":  # for administrators, see test_admin.py
            yield from _patterns(each.url_patterns)


def _targets(ids: dict[str, str]) -> Iterator[str]:
    """Every address of the pages and of the REST API, with what makes it show more."""
    for pattern in _patterns(urls.urlpatterns):
        if not pattern.name or pattern.name.endswith("nowhere") or pattern.name == "logout":
            continue
        arguments = {name: ids[name] for name in pattern.pattern.converters}
        if "integration_response_id" in arguments:
            arguments["integration_id"] = ids["mock_id"]
        target = reverse(pattern.name, urlconf=urls, kwargs=arguments)
        yield target
        yield from (f"{target}?{query}" for query in _queries(pattern.name, ids))
    for export_format in FORMATS:
        for stage in ("", "?stage=test"):
            yield f"/apis/{ids['api_id']}/interchange/{export_format}{stage}"
        for stage in ("", "&stageName=test"):
            yield f"/api/v1/apis/{ids['api_id']}/export?exportFormat={export_format}{stage}"
    for kind in ("integration", "route", "authorizer"):
        yield f"/apis/{ids['api_id']}/designer/panel?node={kind}%2F{ids[f'{kind}_id']}"
    yield f"/apis/{ids['api_id']}/designer/panel?node=integration%2F{ids['mock_id']}"
    yield f"/apis/{ids['api_id']}/integrations/{ids['mock_id']}"


def _queries(name: str, ids: dict[str, str]) -> list[str]:
    deployment = ids["deployment_id"]
    return {
        "designer-panel": ["node=client%2F", "node=selector%2F"],
        "deployments-detail": ["with=draft"],
        "integrations": ["q=canary", "sort=shown_uri"],
        "routes": ["q=canary"],
        "api-v1-apis-deployments-diff": [f"before={deployment}"],
    }.get(name, [f"before={deployment}&after=draft&deployment={deployment}&deploymentId={deployment}"])


POSTS: dict[str, Any] = {
    "test": {"message": MESSAGE, "deployment": "draft"},
    "test/send": {"message": MESSAGE, "stageName": "test", "deployment": "draft"},
    "test-cases/run": {"stageName": "test"},
    "test-cases/{test_case_id}/send": {"stageName": "test"},
    "stages/test/route-test": {"message": MESSAGE},
    "stages/test/compare": {"message": MESSAGE},
}
"""Calls below an API that do no more than tell, with their bodies."""


def _leaks(where: str, content: bytes) -> list[str]:
    return [f"{where}: {found.decode()}" for found in sorted(set(SECRETS.findall(content)))]


def _walk(planted: Planted, role: str) -> tuple[list[str], list[str], str]:
    """What leaked to somebody with the role, what was answered at all, and the cookies of their session."""
    cookies, rest = _person(planted, role)
    leaks: list[str] = []
    answered: list[str] = []
    bearer = {"Authorization": f"Bearer {rest.token}"}
    for target in dict.fromkeys(_targets(planted.ids)):
        for headers in (bearer,) if target.startswith("/api/v1/") else ({}, {"HX-Request": "true"}):
            if target.endswith("/traces/stream") or "/traces/stream?" in target:
                continue  # it never ends; the live views show the same, see below
            got = planted.gateway.http("GET", target, headers={"Cookie": cookies, **headers})
            assert got.status < 500, (target, got.body)
            leaks += _leaks(f"{role} GET {target}", got.body + str(got.headers).encode())
            answered += [target] if got.status == 200 else []
    for path, body in POSTS.items():
        target = f"apis/{planted.api.api_id}/{path.format(**planted.ids)}"
        got = rest("POST", target, body)
        assert got.status < 500, (target, got.body)
        leaks += _leaks(f"{role} POST {target}", got.body)
        answered += [path] if got.status == 200 else []
    csrf = re.search(r"nopal_csrf=(\w+)", cookies)
    assert csrf is not None
    headers = {
        "Cookie": cookies,
        "X-CSRFToken": csrf[1],
        "HX-Request": "true",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    for path in ("test", "test/send"):
        for message in (MESSAGE, '{"action": "fails"}', '{"action": "mock"}'):
            target = f"/apis/{planted.api.api_id}/designer/{path}"
            form = urlencode({"message": message, "stage": "test"}).encode()
            got = planted.gateway.http("POST", target, form, headers)
            leaks += _leaks(f"{role} POST {target}", got.body)
            answered += [target] if got.status == 200 else []
    return leaks, answered, cookies


@pytest.mark.parametrize("role", ["viewer", "operator"])
async def test_nobody_who_may_not_edit_is_shown_a_secret(planted: Planted, role: str) -> None:
    leaks, answered, cookies = await asyncio.to_thread(_walk, planted, role)
    assert leaks == []
    api_id, integration_id = planted.api.api_id, planted.ids["integration_id"]
    assert {
        f"/apis/{api_id}/integrations/{integration_id}",
        f"/apis/{api_id}/stages/test",
        f"/apis/{api_id}/interchange/nopal",
        f"/api/v1/apis/{api_id}/export?exportFormat=nopal",
        f"/api/v1/traces/{planted.ids['trace_id']}",
        f"/traffic/{planted.ids['trace_id']}",
        f"/api/v1/apis/{api_id}/test-cases",
        f"/apis/{api_id}/designer/test",
        "test-cases/run",
    } <= set(answered)
    assert await _live_leaks(planted, role, cookies) == []


async def _live_leaks(planted: Planted, role: str, cookies: str) -> list[str]:
    """What the live views send while messages go their way."""
    leaks: list[str] = []
    seen: set[str] = set()

    async def watch(target: str) -> None:
        headers = {"Cookie": cookies, "Origin": planted.gateway.endpoint}
        url = f"ws://127.0.0.1:{planted.gateway.port}/{target}"
        with suppress(WebSocketException):  # some are not for this role
            async with connect(url, additional_headers=headers) as live:
                async for frame in live:
                    seen.add(target)
                    leaks.extend(_leaks(f"{role} {target}", frame.encode() if isinstance(frame, str) else frame))

    targets = [
        str(each.pattern._route).replace("<str:", "{").replace(">", "}").format(**planted.ids)
        for each in live_addresses
        if hasattr(each.pattern, "_route")
    ]
    expected = {"live/home/", "live/traffic/", f"live/designer/{planted.api.api_id}/test/"}
    watches = [asyncio.create_task(watch(target)) for target in targets]
    try:
        async with planted.api.connect() as client, asyncio.timeout(30):
            while not expected <= seen:
                for action in ("send", "fails", "mock"):
                    await client.send(json.dumps({"action": action}))
                    await client.recv()
                await asyncio.sleep(0.1)
    finally:
        for each in watches:
            each.cancel()
        await asyncio.gather(*watches, return_exceptions=True)
    return leaks


async def test_a_read_only_access_key_is_shown_no_secret(planted: Planted) -> None:
    """On `/v2`, whose every GET is called."""
    resource = "arn:aws:apigateway:us-east-1::/*"
    reader, editor = await asyncio.to_thread(
        planted.gateway.create_access_keys, [("apigateway:GET", resource), ("apigateway:*", resource)]
    )

    def read(key: AccessKey) -> dict[str, bytes]:
        return {
            target: planted.gateway.signed("GET", target, key=key, service="apigateway").body
            for target in _operations(planted.ids)
        }

    shown = await asyncio.to_thread(read, reader)
    assert [leak for target, body in shown.items() for leak in _leaks(target, body)] == []
    assert sum(b"********" in body for body in shown.values()) >= 4
    edited = b"".join((await asyncio.to_thread(read, editor)).values())
    of_drafts = set(CANARIES) - {"test case", "expectation"}  # which AWS does not have
    assert {name for name in of_drafts if CANARIES[name].encode() not in edited} == set()


def _operations(ids: dict[str, str]) -> Iterator[str]:
    """The target of every GET."""
    of_tags = {"resource_arn": quote(f"arn:aws:apigateway:us-east-1::/apis/{ids['api_id']}", safe="")}
    for operation in OPERATIONS:
        if operation.method != "GET" or operation.function is refuse_http_api_operation:
            continue
        snake = [re.sub("[A-Z]", lambda letter: f"_{letter[0].lower()}", each) for each in operation.segments]
        of_mock = {"integration_id": ids["mock_id"]} if "integrationresponses" in operation.segments else {}
        names = ids | of_tags | of_mock
        yield "/v2/" + "/".join(segment.replace("{+", "{").format(**names) for segment in snake if segment)


async def test_neither_the_database_nor_the_log_holds_a_secret(planted: Planted) -> None:
    files = [path for path in planted.data_dir.rglob("*") if path.is_file()]
    assert any(path.name == "nopal.sqlite3" for path in files)
    assert [leak for path in files for leak in _leaks(path.name, path.read_bytes())] == []
    log = planted.gateway.log()
    assert "The integration's URI became" in log
    assert _leaks("log", log.encode()) == []


async def test_backends_get_the_secrets_and_editors_see_them(planted: Planted, backend: ScriptedBackend) -> None:
    sent = next(request for request in backend.requests if request.path == "/secret")
    assert sent.header("Authorization") == f"Bearer {CANARIES['header']}"
    assert sent.header("X-Who") == CANARIES["stage variable"]
    cookies, rest = await asyncio.to_thread(_person, planted, "editor")
    api_id = planted.api.api_id
    pages = [f"/apis/{api_id}/integrations/{each}/edit" for each in planted.api.integration_ids.values()]
    pages += [
        f"/apis/{api_id}/stages/test/edit",
        f"/apis/{api_id}/integrations/{planted.ids['mock_id']}/responses/{planted.ids['integration_response_id']}/edit",
    ]

    def read() -> bytes:
        shown = [planted.gateway.http("GET", page, headers={"Cookie": cookies}).body for page in pages]
        return b"".join([*shown, rest("GET", f"apis/{api_id}/test-cases").body])

    shown = await asyncio.to_thread(read)
    assert {name for name, canary in CANARIES.items() if canary.encode() not in shown} == set()


async def test_what_a_reader_exports_can_be_imported_and_changes_nothing(planted: Planted) -> None:
    """The placeholders of a redacted document keep what is stored."""
    before = await asyncio.to_thread(planted.document)
    text = await asyncio.to_thread(planted.gateway._run, "manage.py", "exportapi", planted.api.api_id, "--redacted")
    assert _leaks("export", text.encode()) == []
    dry = {"document": text, "apiId": planted.api.api_id, "dryRun": True}
    assert (await asyncio.to_thread(planted.administrator.post, "import", dry))["changes"] == []
    await asyncio.to_thread(planted.administrator.post, "import", {**dry, "dryRun": False, "draft": True})
    after = await asyncio.to_thread(planted.document)
    assert after["RequestParameters"] == before["RequestParameters"]
    assert after["IntegrationUri"] == before["IntegrationUri"]
    refused = await asyncio.to_thread(planted.administrator, "POST", "import", {"document": text, "dryRun": True})
    assert refused.status == 400
    assert {"stages.test", "integrations.send"} <= {problem["place"] for problem in refused.json()["problems"]}
    assert all("Send the secret itself" in problem["message"] for problem in refused.json()["problems"])
