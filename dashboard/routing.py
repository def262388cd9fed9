"""The addresses of live parts: WebSockets below `/live/`, see `dashboard.live`."""

from typing import Any

from channels.routing import URLRouter
from django.urls import path, re_path

from dashboard.client import ClientConsumer
from dashboard.connections.live import ActionConsumer, DetailConsumer, ListConsumer
from dashboard.designer import DesignerConsumer
from dashboard.home_live import HomeConsumer
from dashboard.live import Nothing
from dashboard.traffic import TrafficConsumer

urlpatterns: list[Any] = [
    path("live/home/", HomeConsumer.as_asgi()),
    path("live/traffic/", TrafficConsumer.as_asgi()),
    path("live/client/", ClientConsumer.as_asgi()),
    path("live/connections", ListConsumer.as_asgi()),
    path("live/connections/act", ActionConsumer.as_asgi()),
    path("live/connections/one/<str:connection_id>", DetailConsumer.as_asgi()),
    path("live/designer/<str:api_id>/", DesignerConsumer.as_asgi()),
    path("live/designer/<str:api_id>/<str:stage_name>/", DesignerConsumer.as_asgi()),
    re_path("", Nothing.as_asgi()),
]

live_application = URLRouter(urlpatterns)
"""The ASGI application for them."""
