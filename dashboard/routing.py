"""The addresses of live parts: WebSockets below `/live/`, see `dashboard.live`."""

from typing import Any

from channels.routing import URLRouter
from django.urls import path, re_path

from dashboard.client import ClientConsumer
from dashboard.designer import DesignerConsumer
from dashboard.live import Nothing

urlpatterns: list[Any] = [
    path("live/client/", ClientConsumer.as_asgi()),
    path("live/designer/<str:api_id>/", DesignerConsumer.as_asgi()),
    path("live/designer/<str:api_id>/<str:stage_name>/", DesignerConsumer.as_asgi()),
    re_path("", Nothing.as_asgi()),
]

live_application = URLRouter(urlpatterns)
"""The ASGI application for them."""
