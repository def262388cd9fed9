"""The choice of a route. AWS page: websocket-api-develop-routes."""

from gatewayapp.core.errors import NoRoute
from gatewayapp.core.json_body import ABSENT, Body
from gatewayapp.core.snapshot import CONNECT, DEFAULT, DISCONNECT, ApiSnapshot, Route

_NOT_FOR_MESSAGES = (CONNECT, DISCONNECT)


def select_route(api: ApiSnapshot, body: Body) -> Route:
    """The route whose key the route selection expression evaluates to, compared exactly, else `$default`.

    What is not JSON goes to `$default`. A message cannot choose `$connect` or `$disconnect`. Raises NoRoute.
    """
    key = DEFAULT if body.value is ABSENT else api.route_selection.evaluate(body)
    route = None if key in _NOT_FOR_MESSAGES else api.routes.get(key)
    route = route or api.routes.get(DEFAULT)
    if route is None:
        raise NoRoute(f"No route {key!r} and no $default route.")
    return route
