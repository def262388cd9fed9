"""The dashboard's addresses. A page's name is its place in the menu; pages beneath it are named `{page}-{what}`."""

from django.contrib.auth.views import LogoutView
from django.urls import path

from dashboard import admin
from dashboard.resources.registry import KINDS
from dashboard.views import deployments, interchange, resources
from dashboard.views.access_keys import access_keys, new_access_key, revoke_access_key
from dashboard.views.audit import audit, audit_export
from dashboard.views.client import client, saved_messages
from dashboard.views.connections import columns, connection, connections, disconnect, send, views
from dashboard.views.designer import designer, designer_gesture, designer_panel
from dashboard.views.home import first_api, home
from dashboard.views.profile import own_password, profile, sign_out_everywhere
from dashboard.views.restored_connections import restored_connections
from dashboard.views.route_tests import designer_test, designer_test_send
from dashboard.views.setup import setup
from dashboard.views.signin import SignInView
from dashboard.views.themes import choose_theme
from dashboard.views.tokens import new_token, revoke_token, tokens
from dashboard.views.traffic import replay, trace, traffic
from dashboard.views.users import delete_user, new_user, sign_user_out, user, user_password, users

urlpatterns = [
    path("", home, name="home"),
    path("first-api", first_api, name="home-first-api"),
    path("restored-connections", restored_connections, name="restored-connections"),
    path("traffic", traffic, name="traffic"),
    path("traffic/<str:trace_id>", trace, name="traffic-trace"),
    path("traffic/<str:trace_id>/replay", replay, name="traffic-replay"),
    path("client", client, name="client"),
    path("client/saved", saved_messages, name="client-saved"),
    path("connections", connections, name="connections"),
    path("connections/columns", columns, name="connections-columns"),
    path("connections/views", views, name="connections-views"),
    path("connections/<str:connection_id>", connection, name="connections-detail"),
    path("connections/<str:connection_id>/send", send, name="connections-send"),
    path("connections/<str:connection_id>/disconnect", disconnect, name="connections-disconnect"),
    path("users", users, name="users"),
    path("users/new", new_user, name="users-new"),
    path("users/<int:user_id>", user, name="users-detail"),
    path("users/<int:user_id>/password", user_password, name="users-password"),
    path("users/<int:user_id>/signout", sign_user_out, name="users-signout"),
    path("users/<int:user_id>/delete", delete_user, name="users-delete"),
    path("access-keys", access_keys, name="access-keys"),
    path("access-keys/new", new_access_key, name="access-keys-new"),
    path("access-keys/<str:access_key_id>/revoke", revoke_access_key, name="access-keys-revoke"),
    path("tokens", tokens, name="tokens"),
    path("tokens/new", new_token, name="tokens-new"),
    path("tokens/<str:token_id>/revoke", revoke_token, name="tokens-revoke"),
    path("profile", profile, name="profile"),
    path("profile/password", own_password, name="profile-password"),
    path("profile/signout", sign_out_everywhere, name="profile-signout"),
    path("signin", SignInView.as_view(), name="login"),
    path("signout", LogoutView.as_view(), name="logout"),
    path("setup/<str:token>", setup, name="setup"),
    path("theme", choose_theme, name="theme"),
    path("apis/<str:api_id>/designer", designer, name="designer"),
    path("apis/<str:api_id>/designer/panel", designer_panel, name="designer-panel"),
    path("apis/<str:api_id>/designer/gesture", designer_gesture, name="designer-gesture"),
    path("apis/<str:api_id>/designer/test", designer_test, name="designer-test"),
    path("apis/<str:api_id>/designer/test/send", designer_test_send, name="designer-test-send"),
    path("apis/import", interchange.import_api, name="apis-import"),
    path("apis/<str:api_id>/interchange", interchange.interchange, name="interchange"),
    path("apis/<str:api_id>/interchange/<str:export_format>", interchange.export, name="interchange-export"),
    path("admin/", admin.site.urls),
    path("audit", audit, name="audit"),
    path("audit/export", audit_export, name="audit-export"),
    path("apis/<str:api_id>/deployments/<str:deployment_id>/serve", deployments.serve, name="deployments-serve"),
    *(address for kind in KINDS for address in resources.addresses(kind)),
]
