"""Calling backends: one module per integration type, and `outbound`, the one way out.

Each module has `invoke(request, clients)`, which returns an `IntegrationResponse` or raises a `GatewayError`.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from gatewayapp.core.messages import HttpRequest, IntegrationRequest, IntegrationResponse, LambdaRequest, MockRequest
from gatewayapp.integrations import aws_lambda, http, mock
from gatewayapp.integrations.clients import Clients
from gatewayapp.integrations.lambda_endpoint import LambdaEndpoint
from gatewayapp.integrations.outbound import OutboundClient, OutboundOptions

INVOKE: dict[type, Callable[[Any, Clients], Awaitable[IntegrationResponse]]] = {
    HttpRequest: http.invoke,
    LambdaRequest: aws_lambda.invoke,
    MockRequest: mock.invoke,
}


class Integrations:
    """Every integration type behind one method; belongs to one event loop.

    `lambda_endpoint` is the URL of a Lambda Invoke API, empty for AWS's own. Raises ValueError if it is not a URL.
    """

    def __init__(self, options: OutboundOptions, lambda_endpoint: str = "") -> None:
        self._clients = Clients(OutboundClient(options), LambdaEndpoint(options, lambda_endpoint))

    def invoke(self, request: IntegrationRequest) -> Awaitable[IntegrationResponse]:
        """What the backend answered. Raises GatewayError."""
        return INVOKE[type(request)](request, self._clients)

    async def close(self) -> None:
        """Fail what is under way, close every connection."""
        await asyncio.gather(self._clients.http.close(), self._clients.functions.close())
