"""MOCK integrations: nobody is called, the request template's status is the answer."""

from gatewayapp.core.messages import Caller, IntegrationResponse, MockRequest
from gatewayapp.integrations.clients import Clients


async def invoke(request: MockRequest, caller: Caller, connection_id: str, clients: Clients) -> IntegrationResponse:
    return IntegrationResponse(request.status)
