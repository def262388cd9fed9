"""HTTP and HTTP_PROXY integrations: the backend's answer as it is, whatever its status. Redirects are answers too."""

from collections.abc import Awaitable

from gatewayapp.core.messages import Caller, HttpRequest, IntegrationResponse
from gatewayapp.integrations.clients import Clients


def invoke(
    request: HttpRequest, caller: Caller, connection_id: str, clients: Clients
) -> Awaitable[IntegrationResponse]:
    """Raises what `OutboundClient.send` raises."""
    return clients.http.send(request, caller, connection_id)
