"""What the management API has for HTTP APIs: import and export, CORS and VPC links. Nopal has no HTTP APIs."""

from typing import NoReturn

from gatewayapp.controlplane.operations.errors import BadRequest


def refuse_http_api_operation(**labels: str) -> NoReturn:
    """Whatever the resource is called."""
    raise BadRequest("Nopal serves WebSocket APIs: this operation is for HTTP APIs only.")
