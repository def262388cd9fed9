"""Lambda functions, called through the Invoke API; and the choice of the integration type."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.credentials import Credentials

from gatewayapp.core.errors import (
    BackendUnreachable,
    BadIntegrationResult,
    ConfigurationFailure,
    GatewayError,
    IntegrationTimeout,
    InvocationRefused,
)
from gatewayapp.core.messages import IntegrationResponse, LambdaRequest, MockRequest, Origin
from gatewayapp.core.sigv4 import Signed, verify
from gatewayapp.integrations import Integrations, lambda_endpoint
from gatewayapp.integrations.lambda_endpoint import aws_origin
from gatewayapp.integrations.outbound import OutboundOptions
from tests.integrations.conftest import LOCAL, a_request
from tests.support.backend import Answer, ScriptedBackend, Wire

REQUEST = LambdaRequest("eu-west-1", "greet", None, b'{"name": "Ada"}', 5.0)


@pytest.fixture(autouse=True)
def own_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The environment's credentials, and none that this machine may have besides."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a secret")


@pytest.fixture
async def integrations(backend: ScriptedBackend) -> AsyncIterator[Integrations]:
    """Private addresses are closed to integrations, yet the operator's own endpoint is one."""
    integrations = Integrations(OutboundOptions(), backend.endpoint)
    yield integrations
    await integrations.close()


async def test_a_functions_result_is_the_answer(backend: ScriptedBackend, integrations: Integrations) -> None:
    backend.on_function("greet", lambda event: {"greeting": f"Hello {event['name']}"})
    answer = await integrations.invoke(REQUEST)
    assert (answer.status, answer.body, answer.function_error) == (200, b'{"greeting": "Hello Ada"}', None)
    [received] = backend.requests
    assert (received.method, received.target) == ("POST", "/2015-03-31/functions/greet/invocations")
    assert received.header("X-Amz-Invocation-Type") == "RequestResponse"


async def test_an_asynchronous_call_is_answered_once_it_is_queued(
    backend: ScriptedBackend, integrations: Integrations
) -> None:
    backend.on_function("greet", lambda event: Answer(202, b""))
    answer = await integrations.invoke(replace(REQUEST, asynchronous=True))
    assert (answer.status, answer.body) == (202, b"")
    assert backend.requests[0].header("X-Amz-Invocation-Type") == "Event"


async def test_a_function_that_raised_is_told_by_its_error(
    backend: ScriptedBackend, integrations: Integrations
) -> None:
    backend.on_function("greet", lambda event: event["missing"])
    answer = await integrations.invoke(REQUEST)
    assert (answer.status, answer.function_error) == (200, "Unhandled")
    assert b'"errorType": "KeyError"' in answer.body


@pytest.mark.parametrize(
    ("qualifier", "query"), [("live", "Qualifier=live"), ("$LATEST", "Qualifier=%24LATEST"), ("7", "Qualifier=7")]
)
async def test_a_version_or_alias_is_the_qualifier(
    backend: ScriptedBackend, integrations: Integrations, qualifier: str, query: str
) -> None:
    backend.on_function("greet", lambda event: None)
    assert (await integrations.invoke(replace(REQUEST, qualifier=qualifier))).body == b"null"
    assert backend.requests[0].target == f"/2015-03-31/functions/greet/invocations?{query}"


@pytest.mark.parametrize("request_", [REQUEST, replace(REQUEST, qualifier="$LATEST")], ids=["plain", "qualified"])
async def test_the_request_is_signed_with_the_credentials_found(
    backend: ScriptedBackend, integrations: Integrations, request_: LambdaRequest
) -> None:
    backend.on_function("greet", lambda event: None)
    await integrations.invoke(request_)
    assert signer(backend, {"AKIDEXAMPLE": "a secret"}) == Signed("AKIDEXAMPLE", "eu-west-1")


async def test_without_credentials_an_endpoint_of_ones_own_gets_those_of_emulators(
    backend: ScriptedBackend, integrations: Integrations, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    backend.on_function("greet", lambda event: None)
    await integrations.invoke(REQUEST)
    assert signer(backend, {"test": "test"}) == Signed("test", "eu-west-1")


async def test_without_credentials_aws_is_not_called(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    integrations = Integrations(OutboundOptions())
    with pytest.raises(InvocationRefused, match="No AWS credentials: set AWS_ACCESS_KEY_ID"):
        await integrations.invoke(REQUEST)
    await integrations.close()


async def test_credentials_are_refreshed_once_for_all_calls_that_wait(
    backend: ScriptedBackend, integrations: Integrations, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A metadata service that hangs must not take a thread of the default executor for each call."""
    release = threading.Event()
    refreshes = 0

    class Expired(Credentials):
        def refresh_needed(self) -> bool:
            return not release.is_set()

        def get_frozen_credentials(self) -> Credentials:
            nonlocal refreshes
            refreshes += 1
            release.wait()
            return self

    monkeypatch.setattr(lambda_endpoint, "_look_for_credentials", lambda own_endpoint: Expired("AKIDEXAMPLE", "secret"))
    backend.on_function("greet", lambda event: None)
    calls = [asyncio.ensure_future(integrations.invoke(REQUEST)) for _ in range(50)]
    while not refreshes:
        await asyncio.sleep(0.01)
    release.set()
    assert {answer.status for answer in await asyncio.gather(*calls)} == {200}
    assert refreshes == 1


async def test_unreadable_credentials_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "")
    integrations = Integrations(OutboundOptions())
    with pytest.raises(InvocationRefused, match="AWS credentials cannot be read"):
        await integrations.invoke(REQUEST)
    await integrations.close()


async def test_an_endpoint_may_have_a_path(backend: ScriptedBackend) -> None:
    integrations = Integrations(OutboundOptions(), f"{backend.endpoint}/lambda/")
    backend.on("/lambda/2015-03-31/functions/greet/invocations", body=b"1")
    assert (await integrations.invoke(REQUEST)).body == b"1"
    await integrations.close()


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (
            Answer(404, {"Message": "Function not found."}, (("x-amzn-ErrorType", "ResourceNotFoundException:http"),)),
            "status 404 ResourceNotFoundException Function not found",
        ),
        (Answer(403, {"message": "not authorized"}), "status 403 not authorized"),
        (Answer(429, {"Reason": "ReservedFunctionConcurrentInvocationLimitExceeded"}), "status 429"),
        (Answer(500, b"<html>"), "status 500"),
        (Answer(502, [1]), "status 502"),
        (Answer(302, b"", (("Location", "http://127.0.0.1/"),)), "status 302"),
        (Answer(202, b""), "status 202"),
    ],
)
async def test_a_function_that_was_not_run_is_an_invocation_refused(
    backend: ScriptedBackend, integrations: Integrations, answer: Answer, reason: str
) -> None:
    backend.on_function("greet", lambda event: answer)
    with pytest.raises(InvocationRefused, match=f"Lambda function greet: {reason}"):
        await integrations.invoke(REQUEST)


async def test_a_function_that_takes_too_long_is_a_timeout(
    backend: ScriptedBackend, integrations: Integrations
) -> None:
    backend.on_function("greet", lambda event: asyncio.Event().wait())
    assert await error_of(integrations, replace(REQUEST, timeout=0.3)) is IntegrationTimeout


async def test_an_endpoint_that_speaks_no_http_is_a_bad_result(
    backend: ScriptedBackend, integrations: Integrations
) -> None:
    async def garbage(wire: Wire) -> None:
        await wire.send(b"hello\r\n\r\n")

    backend.on_raw("/2015-03-31/functions/greet/invocations", garbage)
    assert await error_of(integrations, REQUEST) is BadIntegrationResult


async def test_the_endpoint_being_private_opens_nothing_to_http_integrations(
    backend: ScriptedBackend, integrations: Integrations
) -> None:
    assert await error_of(integrations, a_request(backend.url("/fine"))) is BackendUnreachable
    assert backend.connections == 0


async def test_a_metadata_service_is_no_endpoint() -> None:
    integrations = Integrations(OutboundOptions(), "http://169.254.169.254")
    assert await error_of(integrations, REQUEST) is BackendUnreachable
    await integrations.close()


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("us-east-1", "lambda.us-east-1.amazonaws.com"),
        ("us-gov-west-1", "lambda.us-gov-west-1.amazonaws.com"),
        ("ap-southeast-4", "lambda.ap-southeast-4.amazonaws.com"),
        ("cn-north-1", "lambda.cn-north-1.amazonaws.com.cn"),
    ],
)
def test_by_default_the_regions_own_endpoint_is_called(region: str, host: str) -> None:
    assert aws_origin(region) == Origin("https", host, 443)


@pytest.mark.parametrize("region", ["", "moon", "us-east-1.evil.example/", "us-east-1@evil", "../x-1", "us-east-1\r\n"])
def test_a_region_that_is_none_names_no_host(region: str) -> None:
    with pytest.raises(ConfigurationFailure, match="not the name of an AWS region"):
        aws_origin(region)


@pytest.mark.parametrize("endpoint", ["localhost:9001", "ftp://localhost", "http://user:secret@localhost"])
def test_an_endpoint_that_is_no_url_is_refused_at_the_start(endpoint: str) -> None:
    with pytest.raises(ValueError, match=r"URL"):
        Integrations(LOCAL, endpoint)


async def test_a_mock_answers_with_its_status(integrations: Integrations) -> None:
    assert await integrations.invoke(MockRequest(418)) == IntegrationResponse(418)


async def test_an_http_request_gets_the_backends_answer(backend: ScriptedBackend) -> None:
    integrations = Integrations(LOCAL)
    answer = await integrations.invoke(a_request(backend.url("/fine")))
    assert (answer.status, answer.body) == (200, b"fine")
    await integrations.close()


async def error_of(integrations: Integrations, request: Any) -> type[GatewayError] | None:
    try:
        await integrations.invoke(request)
    except GatewayError as error:
        return type(error)
    return None


def signer(backend: ScriptedBackend, secrets: dict[str, str]) -> Signed:
    """Who signed the last request, proven by the verifying side of Signature Version 4."""
    received = backend.requests[-1]
    path, _, query = received.target.partition("?")
    return verify(
        method=received.method,
        raw_path=path,
        query_string=query,
        headers=[(name.lower(), value) for name, value in received.headers],
        body=received.body,
        secret_of=secrets.get,
        service="lambda",
        now=time.time(),
    )
