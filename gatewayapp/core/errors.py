"""Every way a message or a handshake can fail, and what the client is told.

    GatewayError
    ├── NoRoute                    403  Forbidden
    ├── Throttled                  429  Too Many Requests
    ├── BadRequestParameters       400  (names what is missing or malformed)
    ├── UnsupportedMediaType       415  Unsupported Media Type
    ├── IntegrationTimeout         504  Endpoint request timed out
    └── IntegrationFailure              Internal server error
        ├── ConfigurationFailure   500  what is deployed cannot be carried out
        ├── InvocationRefused      500  the function may not or cannot be invoked
        ├── BadIntegrationResult   502  the backend answered something that is no answer
        ├── FunctionFailure        502  the function raised or timed out
        ├── BackendUnreachable     504  refused, reset, no address, bad certificate, forbidden address
        └── ConcurrencyLimitReached 503 the route has as many calls under way to the backend as it may, and others wait

`message` is for the client and never names hosts or bodies; `detail` is for logs.
`is_retryable` says of a failure that the event was not delivered as far as anyone can tell, and that the same call may
succeed later: `$disconnect` is repeated then. What only a change of the configuration can mend is not retryable.

On an open connection an error is a text frame and the socket stays open; while the handshake is pending it is the
HTTP answer. Both spell the JSON as AWS does, blanks included, since some clients match on the text.
"""

from gatewayapp.core.messages import Denial, Headers


class GatewayError(Exception):
    """An expected failure; `status` is what a pending handshake is answered with."""

    status = 500
    message = "Internal server error"
    response_type = "DEFAULT_5XX"
    """The value of `$context.error.responseType`, as in API Gateway's gateway response types."""
    is_retryable = False
    """Whether the event was probably not delivered and the same call may succeed later."""

    def __init__(self, detail: str = "", *, is_retryable: bool | None = None) -> None:
        """`is_retryable`: where that differs from other failures of the kind."""
        super().__init__(detail or self.message)
        self.detail = detail
        if is_retryable is not None:
            self.is_retryable = is_retryable

    def frame(self, connection_id: str, request_id: str) -> str:
        """The text frame that tells an open connection."""
        return error_text(self.message, connection_id, request_id)

    def denial(self, connection_id: str, request_id: str) -> Denial:
        """The HTTP answer that refuses a pending handshake."""
        body = error_text(self.message, connection_id, request_id).encode()
        return Denial(self.status, denial_headers(request_id), body)


class NoRoute(GatewayError):
    status = 403
    message = "Forbidden"
    response_type = "ACCESS_DENIED"


class Throttled(GatewayError):
    status = 429
    message = "Too Many Requests"
    response_type = "THROTTLED"


class BadRequestParameters(GatewayError):
    """A required parameter is missing, or a mapped value may not stand where it is mapped to."""

    status = 400
    response_type = "BAD_REQUEST_PARAMETERS"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class UnsupportedMediaType(GatewayError):
    status = 415
    message = "Unsupported Media Type"
    response_type = "UNSUPPORTED_MEDIA_TYPE"


class IntegrationTimeout(GatewayError):
    status = 504
    message = "Endpoint request timed out"
    response_type = "INTEGRATION_TIMEOUT"
    is_retryable = True


class IntegrationFailure(GatewayError):
    response_type = "INTEGRATION_FAILURE"


class ConfigurationFailure(IntegrationFailure):
    response_type = "API_CONFIGURATION_ERROR"


class InvocationRefused(IntegrationFailure):
    status = 500


class BadIntegrationResult(IntegrationFailure):
    status = 502


class FunctionFailure(IntegrationFailure):
    status = 502


class BackendUnreachable(IntegrationFailure):
    status = 504
    is_retryable = True


class ConcurrencyLimitReached(IntegrationFailure):
    """The call was not sent, because no connection to the backend became free for its route in time."""

    status = 503


def error_text(message: str, connection_id: str, request_id: str) -> str:
    """The JSON of an error, spaced byte for byte as API Gateway spaces it."""
    return f'{{"message": "{message}", "connectionId":"{connection_id}", "requestId":"{request_id}"}}'


def denial_headers(request_id: str) -> Headers:
    """Headers of a handshake refused after the connection got its id."""
    return (("Content-Type", "application/json; charset=UTF-8"), ("x-amz-apigw-id", request_id))
