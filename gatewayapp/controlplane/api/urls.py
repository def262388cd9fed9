"""Everything below `/v2` is one view: which operation a path means is told from the path as it is on the wire."""

from django.urls import re_path

from gatewayapp.controlplane.api.views import ManagementView

urlpatterns = [re_path(r"^v2(?:/|$)", ManagementView.as_view())]
