"""What the client is told, byte for byte, and with which status a pending handshake is refused."""

import json

import pytest

from gatewayapp.core import errors

CONNECTION_ID, REQUEST_ID = "XDmENcnwIE0CFEQ=", "XDmGEE2RoE0FRdQ="

TABLE = [
    (errors.NoRoute("no route 'x'"), 403, "Forbidden", "ACCESS_DENIED"),
    (errors.Throttled(), 429, "Too Many Requests", "THROTTLED"),
    (errors.UnsupportedMediaType("NEVER"), 415, "Unsupported Media Type", "UNSUPPORTED_MEDIA_TYPE"),
    (errors.IntegrationTimeout("29 s"), 504, "Endpoint request timed out", "INTEGRATION_TIMEOUT"),
    (errors.IntegrationFailure("x"), 500, "Internal server error", "INTEGRATION_FAILURE"),
    (errors.ConfigurationFailure("x"), 500, "Internal server error", "API_CONFIGURATION_ERROR"),
    (errors.InvocationRefused("x"), 500, "Internal server error", "INTEGRATION_FAILURE"),
    (errors.BadIntegrationResult("x"), 502, "Internal server error", "INTEGRATION_FAILURE"),
    (errors.FunctionFailure("x"), 502, "Internal server error", "INTEGRATION_FAILURE"),
    (errors.BackendUnreachable("10.0.0.1 refused"), 504, "Internal server error", "INTEGRATION_FAILURE"),
    (
        errors.BadRequestParameters("Missing required request parameters: [authToken]"),
        400,
        "Missing required request parameters: [authToken]",
        "BAD_REQUEST_PARAMETERS",
    ),
]


@pytest.mark.parametrize(("error", "status", "message", "response_type"), TABLE, ids=lambda value: type(value).__name__)
def test_an_error_is_a_frame_and_a_refused_handshake(
    error: errors.GatewayError, status: int, message: str, response_type: str
) -> None:
    text = f'{{"message": "{message}", "connectionId":"{CONNECTION_ID}", "requestId":"{REQUEST_ID}"}}'
    assert error.frame(CONNECTION_ID, REQUEST_ID) == text
    denial = error.denial(CONNECTION_ID, REQUEST_ID)
    assert (denial.status, denial.body) == (status, text.encode())
    assert denial.headers == (("Content-Type", "application/json; charset=UTF-8"), ("x-amz-apigw-id", REQUEST_ID))
    assert error.response_type == response_type


@pytest.mark.parametrize("error", [row[0] for row in TABLE], ids=lambda value: type(value).__name__)
def test_an_event_may_be_repeated_after_a_timeout_or_without_a_backend(error: errors.GatewayError) -> None:
    assert error.is_retryable == isinstance(error, errors.IntegrationTimeout | errors.BackendUnreachable)


def test_an_error_may_differ_from_its_kind_in_whether_it_is_retryable() -> None:
    assert errors.InvocationRefused("throttled", is_retryable=True).is_retryable
    assert not errors.BackendUnreachable("forbidden", is_retryable=False).is_retryable
    assert not errors.InvocationRefused("no such function").is_retryable


def test_the_forbidden_frame_is_spaced_as_clients_know_it() -> None:
    assert errors.NoRoute().frame(CONNECTION_ID, REQUEST_ID) == (
        '{"message": "Forbidden", "connectionId":"XDmENcnwIE0CFEQ=", "requestId":"XDmGEE2RoE0FRdQ="}'
    )


@pytest.mark.parametrize("error", [row[0] for row in TABLE], ids=lambda value: type(value).__name__)
def test_a_frame_is_json_and_keeps_the_detail_to_the_logs(error: errors.GatewayError) -> None:
    document = json.loads(error.frame(CONNECTION_ID, REQUEST_ID))
    assert list(document) == ["message", "connectionId", "requestId"]
    assert "10.0.0.1" not in document["message"]
