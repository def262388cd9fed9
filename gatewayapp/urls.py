"""Django's part of the host: the dashboard at `/`, AWS's management API at `/v2`, Nopal's own at `/api/v1`."""

from django.urls import include, path

handler400 = "gatewayapp.controlplane.api.views.bad_request"
handler404 = "dashboard.rendering.not_found"

urlpatterns = [
    path("", include("gatewayapp.controlplane.api.urls")),
    path("", include("gatewayapp.controlplane.api.v1.urls")),
    path("", include("dashboard.urls")),
]
