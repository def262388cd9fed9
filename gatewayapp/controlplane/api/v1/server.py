"""The installation itself: its version, its load, its settings; and the description of this API."""

from importlib.metadata import PackageNotFoundError, version
from time import time
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe
from drf_spectacular.renderers import OpenApiJsonRenderer
from drf_spectacular.views import SpectacularAPIView
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from gatewayapp.controlplane.api.v1.authentication import AUTHENTICATION
from gatewayapp.controlplane.api.v1.permissions import MeetsNeed
from gatewayapp.controlplane.api.v1.schema import endpoint
from gatewayapp.controlplane.api.v1.shapes import Shape
from gatewayapp.controlplane.api.v1.views import AlwaysJson, View
from gatewayapp.controlplane.operations.connections import count_live, memory_use
from gatewayapp.models.resources import timestamp

_STARTED = time()

_SHOWN = (
    "ALLOWED_HOSTS",
    "DEBUG",
    "NOPAL_ACCOUNT_ID",
    "NOPAL_ANONYMOUS_CALLBACKS",
    "NOPAL_API_ENDPOINT",
    "NOPAL_CONCURRENT_HANDSHAKES",
    "NOPAL_CONNECTIONS_PER_ADDRESS",
    "NOPAL_CONNECTS_PER_ADDRESS",
    "NOPAL_DOMAIN_NAME",
    "NOPAL_DRAIN_TIMEOUT",
    "NOPAL_HANDSHAKES_PER_SECOND",
    "NOPAL_LIMITS",
    "NOPAL_MAX_CALLBACK_BODY",
    "NOPAL_OUTBOUND_ALLOW",
    "NOPAL_OUTBOUND_CONNECTIONS",
    "NOPAL_OUTBOUND_MAX_BODY",
    "NOPAL_OUTBOUND_QUEUE_LENGTH",
    "NOPAL_OUTBOUND_QUEUE_TIMEOUT",
    "NOPAL_OUTBOUND_ROUTE_SHARE",
    "NOPAL_READINESS_GRACE",
    "NOPAL_REGION",
)
"""Settings that hold no secret and no path."""


class MemoryShape(Shape):
    held = serializers.IntegerField(help_text="Bytes held for clients: messages in flight, send buffers, unread input.")
    budget = serializers.IntegerField(help_text="Bytes above which the largest holders are paused.")
    paused_connections = serializers.IntegerField()
    closed_connections = serializers.IntegerField(help_text="Slow readers closed with 1013 since the start.")


class ServerShape(Shape):
    version = serializers.CharField()
    time = serializers.DateTimeField()
    uptime_seconds = serializers.FloatField()
    connections = serializers.IntegerField(help_text="Open connections of this process.")
    memory = MemoryShape(allow_null=True, help_text="Null where this process runs no gateway.")
    database = serializers.CharField()
    settings = serializers.DictField()


class ServerView(View):
    @endpoint("GetServer", "Read the server's version, uptime, load and settings", answer=ServerShape)
    def get(self, request: Request) -> Response:
        return Response(
            {
                "version": _version(),
                "time": timestamp(timezone.now()),
                "uptimeSeconds": round(time() - _STARTED, 1),
                "connections": count_live(),
                "memory": _memory(),
                "database": settings.DATABASES["default"]["ENGINE"].rpartition(".")[2],
                "settings": {name: getattr(settings, name) for name in _SHOWN},
            }
        )


def _memory() -> dict[str, int] | None:
    use = memory_use()
    if use is None:
        return None
    return {
        "held": use.held,
        "budget": use.budget,
        "pausedConnections": use.paused,
        "closedConnections": use.closed,
    }


def _version() -> str:
    try:
        return version("nopal")
    except PackageNotFoundError:  # run from a checkout that was never installed
        return "unknown"


class OpenApiView(SpectacularAPIView):
    """The OpenAPI document, for everyone who may call anything."""

    authentication_classes = AUTHENTICATION
    permission_classes = (MeetsNeed,)
    renderer_classes = [OpenApiJsonRenderer]
    content_negotiation_class = AlwaysJson
    urlconf = "gatewayapp.controlplane.api.v1.urls"
    http_method_names = ["get"]
    schema = None
    needs: Any = {}


@require_safe
@login_required
def docs(request: HttpRequest) -> HttpResponse:
    """The OpenAPI document in Swagger UI, which is served from here."""
    return render(request, "api_docs.html")
