"""What integrations call out with; opened once, passed to every call."""

from dataclasses import dataclass

from gatewayapp.integrations.lambda_endpoint import LambdaEndpoint
from gatewayapp.integrations.outbound import OutboundClient


@dataclass(frozen=True, slots=True)
class Clients:
    http: OutboundClient
    functions: LambdaEndpoint
