"""Django's part of the host: the dashboard at `/`, the management API at `/v2`."""

from django.urls import include, path

urlpatterns = [
    path("", include("gatewayapp.controlplane.api.urls")),
    path("", include("dashboard.urls")),
]
