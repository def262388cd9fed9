"""Whether backends can be reached: to each a connection is opened, with TLS for https, and closed again.

No request is sent. Addresses are judged by the same rules as those of calls, and names are looked up by threads that
serve nothing else, so that a dead name server holds up no call.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from gatewayapp.core.addresses import ANYWHERE, Policy, parse_url
from gatewayapp.core.destinations import Destination, HttpDestination
from gatewayapp.core.errors import GatewayError
from gatewayapp.integrations.lambda_endpoint import aws_origin
from gatewayapp.integrations.outbound import OutboundClient, OutboundOptions

CONNECT_TIMEOUT = 3.0
PATIENCE = 8.0
"""Seconds for one destination, and for all of them."""

_AT_ONCE = 16


async def reach(destinations: Sequence[Destination], options: OutboundOptions, lambda_endpoint: str) -> list[str]:
    """For each destination why it cannot be reached; empty where it can."""
    options = replace(options, connect_timeout=CONNECT_TIMEOUT)
    backends = OutboundClient(options)
    # As in LambdaEndpoint: an endpoint of one's own may be a private address.
    functions = OutboundClient(replace(options, policy=Policy(ANYWHERE)) if lambda_endpoint else options)
    limit = asyncio.Semaphore(_AT_ONCE)

    async def attempt(destination: Destination) -> str:
        try:
            async with limit:
                if isinstance(destination, HttpDestination):
                    await backends.reach(*destination)
                else:
                    endpoint = parse_url(lambda_endpoint)[0] if lambda_endpoint else aws_origin(destination.region)
                    await functions.reach(endpoint)
        except GatewayError as error:
            return error.detail
        return ""

    attempts = [asyncio.create_task(attempt(destination)) for destination in destinations]
    if attempts:
        _, pending = await asyncio.wait(attempts, timeout=PATIENCE)
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
    await asyncio.gather(backends.close(), functions.close())
    return [f"not tried within {PATIENCE:g} s" if each.cancelled() else each.result() for each in attempts]
