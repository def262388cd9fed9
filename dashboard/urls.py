"""The dashboard's addresses. A page's name is its place in the menu; pages beneath it are named `{page}-{what}`."""

from django.contrib.auth.views import LogoutView
from django.urls import path

from dashboard import admin
from dashboard.resources.registry import KINDS
from dashboard.themes import choose_theme
from dashboard.views import deployments, interchange, resources
from dashboard.views.audit import audit, audit_export
from dashboard.views.client import client, saved_messages
from dashboard.views.connections import columns, connection, connections, disconnect, send, views
from dashboard.views.designer import designer, designer_gesture, designer_panel
from dashboard.views.home import first_api, home
from dashboard.views.setup import setup
from dashboard.views.signin import SignInView

urlpatterns = [
    path("", home, name="home"),
    path("first-api", first_api, name="home-first-api"),
    path("client", client, name="client"),
    path("client/saved", saved_messages, name="client-saved"),
    path("connections", connections, name="connections"),
    path("connections/columns", columns, name="connections-columns"),
    path("connections/views", views, name="connections-views"),
    path("connections/<str:connection_id>", connection, name="connections-detail"),
    path("connections/<str:connection_id>/send", send, name="connections-send"),
    path("connections/<str:connection_id>/disconnect", disconnect, name="connections-disconnect"),
    path("signin", SignInView.as_view(), name="login"),
    path("signout", LogoutView.as_view(), name="logout"),
    path("setup/<str:token>", setup, name="setup"),
    path("theme", choose_theme, name="theme"),
    path("apis/<str:api_id>/designer", designer, name="designer"),
    path("apis/<str:api_id>/designer/panel", designer_panel, name="designer-panel"),
    path("apis/<str:api_id>/designer/gesture", designer_gesture, name="designer-gesture"),
    path("apis/import", interchange.import_api, name="apis-import"),
    path("apis/<str:api_id>/interchange", interchange.interchange, name="interchange"),
    path("apis/<str:api_id>/interchange/<str:export_format>", interchange.export, name="interchange-export"),
    path("admin/", admin.site.urls),
    path("audit", audit, name="audit"),
    path("audit/export", audit_export, name="audit-export"),
    path("apis/<str:api_id>/deployments/<str:deployment_id>/serve", deployments.serve, name="deployments-serve"),
    *(address for kind in KINDS for address in resources.addresses(kind)),
]
