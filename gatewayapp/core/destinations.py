"""What an integration calls, known before there is any message: enough to see whether somebody is there."""

from collections.abc import Mapping
from typing import NamedTuple

from gatewayapp.core.messages import Origin
from gatewayapp.core.snapshot import Integration


class HttpDestination(NamedTuple):
    """An HTTP backend; `server_name` is the name in its certificate where that is not the host."""

    origin: Origin
    server_name: str | None = None


class FunctionDestination(NamedTuple):
    """Lambda's Invoke API of a region."""

    region: str


Destination = HttpDestination | FunctionDestination


def destination_of(integration: Integration, stage_variables: Mapping[str, str]) -> Destination | None:
    """Where the integration's requests go; None for a MOCK integration. Raises ConfigurationFailure."""
    if integration.http_uri is not None:
        origin, _ = integration.http_uri.resolve(
            stage_variables, dict.fromkeys(integration.http_uri.path_parameters, "x")
        )
        return HttpDestination(origin, integration.server_name)
    if integration.lambda_uri is not None:
        return FunctionDestination(integration.lambda_uri.resolve(stage_variables).region)
    return None
