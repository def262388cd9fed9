"""Django's part of the host: the dashboard at `/`, AWS's management API at `/v2`, Nopal's own at `/api/v1`."""

from django.urls import include, path

handler400 = "gatewayapp.error_responses.bad_request"
handler404 = "dashboard.rendering.not_found"
handler500 = "gatewayapp.error_responses.server_error"

urlpatterns = [
    path("", include("gatewayapp.controlplane.api.urls")),
    path("", include("gatewayapp.controlplane.api.v1.urls")),
    path("", include("dashboard.urls")),
]
