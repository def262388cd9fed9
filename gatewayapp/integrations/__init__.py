"""Calling backends: one module per integration type, and `outbound`, the one way out.

Each module has `invoke(request, caller, connection_id, clients)`, which returns an `IntegrationResponse` or raises a
`GatewayError`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from gatewayapp.core.backend_use import BackendUse
from gatewayapp.core.destinations import Destination
from gatewayapp.core.messages import (
    GATEWAY,
    Caller,
    HttpRequest,
    IntegrationRequest,
    IntegrationResponse,
    LambdaRequest,
    MockRequest,
)
from gatewayapp.integrations import aws_lambda, http, mock
from gatewayapp.integrations.clients import Clients
from gatewayapp.integrations.lambda_endpoint import LambdaEndpoint
from gatewayapp.integrations.outbound import OutboundClient, OutboundOptions
from gatewayapp.integrations.reaching import reach

INVOKE: dict[type, Callable[[Any, Caller, str, Clients], Awaitable[IntegrationResponse]]] = {
    HttpRequest: http.invoke,
    LambdaRequest: aws_lambda.invoke,
    MockRequest: mock.invoke,
}


class Integrations:
    """Every integration type behind one method; belongs to one event loop.

    `lambda_endpoint` is the URL of a Lambda Invoke API, empty for AWS's own. Raises ValueError if it is not a URL.
    """

    def __init__(self, options: OutboundOptions, lambda_endpoint: str = "") -> None:
        self._options, self._lambda_endpoint = options, lambda_endpoint
        self._clients = Clients(OutboundClient(options), LambdaEndpoint(options, lambda_endpoint))

    def invoke(
        self, request: IntegrationRequest, caller: Caller = GATEWAY, connection_id: str = ""
    ) -> Awaitable[IntegrationResponse]:
        """The backend's response to a request of `caller`, for the client with this connection id.

        A client's requests to one backend are sent in the order in which they were made. Raises GatewayError.
        """
        return INVOKE[type(request)](request, caller, connection_id, self._clients)

    def backends(self) -> list[BackendUse]:
        """How busy the connections to each backend are; may be called from any thread."""
        return [*self._clients.http.backends(), *self._clients.functions.backends()]

    def reach(self, destinations: Sequence[Destination]) -> Awaitable[list[str]]:
        """For each destination why it cannot be reached, empty where it can; nobody is sent a request."""
        return reach(destinations, self._options, self._lambda_endpoint)

    async def close(self) -> None:
        """Fail what is under way, close every connection."""
        await asyncio.gather(self._clients.http.close(), self._clients.functions.close())
