"""Values that say how busy an API's connections to a backend are, for metrics, the REST API and the dashboard."""

from dataclasses import dataclass

from gatewayapp.core.messages import Caller


@dataclass(frozen=True, slots=True)
class RouteUse:
    """One route's share of an API's connections to a backend."""

    caller: Caller
    active: int
    """Calls that have a connection, or for which one is being opened."""
    limit: int
    """The largest number of active calls, given what the API's other routes use at this moment."""
    waiting: int
    refused: int
    """Calls that were refused because the queue was full or the wait was too long."""


@dataclass(frozen=True, slots=True)
class BackendUse:
    """One API's calls to one backend; `api_id` is empty for calls that the gateway makes on its own behalf."""

    api_id: str
    url: str
    """Scheme, host and port."""
    open: int
    """Open connections, including idle ones."""
    limit: int
    routes: tuple[RouteUse, ...]

    @property
    def active(self) -> int:
        return sum(route.active for route in self.routes)

    @property
    def waiting(self) -> int:
        return sum(route.waiting for route in self.routes)

    @property
    def refused(self) -> int:
        """Calls refused since the gateway started; forgotten an hour after the last one."""
        return sum(route.refused for route in self.routes)
