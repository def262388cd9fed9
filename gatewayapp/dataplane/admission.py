"""Who is let in before any backend is asked: origins, and rates and counts per address and per stage."""

import asyncio
from collections import OrderedDict
from collections.abc import Hashable

from django.conf import settings

from gatewayapp.core.buckets import TokenBucket
from gatewayapp.core.errors import GatewayError, Throttled
from gatewayapp.core.limits import StageLimits
from gatewayapp.core.messages import ConnectionInfo, Handshake
from gatewayapp.core.origins import origin_allowed
from gatewayapp.dataplane.connections import Connections
from gatewayapp.dataplane.stages import StageHandle

_REMEMBERED = 65_536


class OriginRefused(GatewayError):
    """A browser's page that may not connect here."""

    status = 403
    message = "Forbidden"
    response_type = "ACCESS_DENIED"


class Admission:
    """The gate of one process."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._buckets: OrderedDict[Hashable, TokenBucket] = OrderedDict()

    def check(self, stage: StageHandle, info: ConnectionInfo, handshake: Handshake) -> None:
        """Raises OriginRefused or Throttled."""
        limits = stage.snapshot.limits
        _check_origin(limits, info, handshake)
        under_way = settings.NOPAL_CONCURRENT_HANDSHAKES
        if under_way and not self._connections.may_open(info.api_id, under_way):
            raise Throttled(f"{under_way} handshakes are under way, and this API has its share of them.")
        of_address, rate_of_address = settings.NOPAL_CONNECTIONS_PER_ADDRESS, settings.NOPAL_CONNECTS_PER_ADDRESS
        if of_address and self._connections.of_address(info.source_ip) >= of_address:
            raise Throttled(f"{info.source_ip} has {of_address} connections.")
        if limits.connections and self._connections.of_stage(stage.key) >= limits.connections:
            raise Throttled(f"The stage has {limits.connections} connections.")
        if not self._take(info.source_ip, rate_of_address):
            raise Throttled(f"{info.source_ip} connects more than {rate_of_address} times a second.")
        if not self._take(stage.key, limits.connects_per_second):
            raise Throttled(f"The stage takes {limits.connects_per_second} handshakes a second.")

    def _take(self, key: Hashable, rate: float) -> bool:
        if not rate:
            return True
        now = asyncio.get_running_loop().time()
        bucket = self._buckets.get(key)
        if bucket is None or bucket.rate != rate:
            bucket = self._buckets[key] = TokenBucket(rate, 2 * rate, now)
            if len(self._buckets) > _REMEMBERED:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(key)
        return bucket.take(now)


def _check_origin(limits: StageLimits, info: ConnectionInfo, handshake: Handshake) -> None:
    headers = {name.lower(): value for name, value in handshake.headers}
    allowed = origin_allowed(
        headers.get("origin"),
        headers.get("host", ""),
        has_cookies="cookie" in headers,
        allowed=limits.allowed_origins,
        required=limits.require_origin,
        scheme=info.forwarded_proto,
    )
    if not allowed:
        raise OriginRefused(f"The origin {headers.get('origin')!r} may not connect to this stage.")
