"""HTTP and HTTP_PROXY integrations: the backend's answer as it is, whatever its status. Redirects are answers too."""

from gatewayapp.core.messages import HttpRequest, IntegrationResponse
from gatewayapp.integrations.clients import Clients


async def invoke(request: HttpRequest, clients: Clients) -> IntegrationResponse:
    """Raises what `OutboundClient.send` raises."""
    return await clients.http.send(request)
