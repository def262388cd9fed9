"""MOCK integrations: nobody is called, the request template's status is the answer."""

from gatewayapp.core.messages import IntegrationResponse, MockRequest
from gatewayapp.integrations.clients import Clients


async def invoke(request: MockRequest, clients: Clients) -> IntegrationResponse:
    return IntegrationResponse(request.status)
