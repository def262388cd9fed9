"""Every path below `/api/v1`, its view, and what its caller must be allowed to do. `permissions` explains the words."""

from typing import Any

from django.urls import URLPattern, path, re_path

from gatewayapp.controlplane.api.v1.access_keys import AccessKeysView, AccessKeyView
from gatewayapp.controlplane.api.v1.api_tokens import TokensView, TokenView
from gatewayapp.controlplane.api.v1.apis import ApisView, DeploymentsView, DiffView, RollbackView
from gatewayapp.controlplane.api.v1.audit_entries import AuditEntriesView
from gatewayapp.controlplane.api.v1.connections import (
    BroadcastView,
    BulkDisconnectView,
    BulkSendView,
    ConnectionsView,
    ConnectionView,
    SendView,
)
from gatewayapp.controlplane.api.v1.drafts import DeploymentCheckView, DraftView, HistoryView
from gatewayapp.controlplane.api.v1.graphs import GraphView, LayoutView
from gatewayapp.controlplane.api.v1.interchange import ExportView, ImportView
from gatewayapp.controlplane.api.v1.metrics import BackendsView, MetricsView, StageMetricsView
from gatewayapp.controlplane.api.v1.permissions import Need, on_all, on_api, on_some
from gatewayapp.controlplane.api.v1.route_tests import CompareMessageView, RouteTestView, TestMessageView
from gatewayapp.controlplane.api.v1.server import OpenApiView, ServerView, docs
from gatewayapp.controlplane.api.v1.test_cases import RunTestCasesView, TestCasesView, TestCaseView
from gatewayapp.controlplane.api.v1.traces import (
    ExportTracesView,
    ReplayView,
    StreamTracesView,
    TracesView,
    TraceView,
)
from gatewayapp.controlplane.api.v1.trials import SendTestCaseView, SendTestView
from gatewayapp.controlplane.api.v1.users import UsersView, UserView
from gatewayapp.controlplane.api.v1.views import Nowhere, View
from gatewayapp.core.roles import Permission


def _endpoint(route: str, view: type[View], **needs: Need) -> URLPattern:
    # The view's methods are those that something is needed for; any other is answered with 405.
    methods: Any = {"needs": needs, "http_method_names": [method.lower() for method in needs]}
    return path(f"api/v1/{route}", view.as_view(**methods), name=f"api-v1-{view.__name__}")


_STAGE = "apis/<str:api_id>/stages/<str:stage_name>"

ENDPOINTS = [
    _endpoint("connections", ConnectionsView, GET=on_some(Permission.READ_CONNECTIONS)),
    _endpoint("connections/send", BulkSendView, POST=on_some(Permission.WRITE_CONNECTIONS)),
    _endpoint("connections/disconnect", BulkDisconnectView, POST=on_some(Permission.WRITE_CONNECTIONS)),
    _endpoint(
        "connections/<str:connection_id>",
        ConnectionView,
        GET=on_api(Permission.READ_CONNECTIONS),
        DELETE=on_api(Permission.WRITE_CONNECTIONS),
    ),
    _endpoint("connections/<str:connection_id>/send", SendView, POST=on_api(Permission.WRITE_CONNECTIONS)),
    _endpoint("apis", ApisView, GET=on_some(Permission.READ_APIS)),
    _endpoint("apis/<str:api_id>/deployments", DeploymentsView, GET=on_api(Permission.READ_APIS)),
    _endpoint("apis/<str:api_id>/deployments/diff", DiffView, GET=on_api(Permission.READ_APIS)),
    _endpoint("apis/<str:api_id>/export", ExportView, GET=on_api(Permission.READ_APIS)),
    _endpoint("apis/<str:api_id>/draft", DraftView, GET=on_api(Permission.READ_APIS)),
    _endpoint("apis/<str:api_id>/deployment-check", DeploymentCheckView, POST=on_api(Permission.WRITE_APIS)),
    _endpoint("apis/<str:api_id>/graph", GraphView, GET=on_api(Permission.READ_APIS)),
    _endpoint(
        "apis/<str:api_id>/layout",
        LayoutView,
        PATCH=on_api(Permission.WRITE_APIS),
        DELETE=on_api(Permission.WRITE_APIS),
    ),
    _endpoint("apis/<str:api_id>/test", TestMessageView, POST=on_api(Permission.READ_APIS)),
    _endpoint("apis/<str:api_id>/test/send", SendTestView, POST=on_api(Permission.WRITE_CONNECTIONS)),
    _endpoint(
        "apis/<str:api_id>/test-cases",
        TestCasesView,
        GET=on_api(Permission.READ_APIS),
        POST=on_api(Permission.WRITE_APIS),
    ),
    _endpoint("apis/<str:api_id>/test-cases/run", RunTestCasesView, POST=on_api(Permission.READ_APIS)),
    _endpoint(
        "apis/<str:api_id>/test-cases/<str:test_case_id>",
        TestCaseView,
        GET=on_api(Permission.READ_APIS),
        PATCH=on_api(Permission.WRITE_APIS),
        DELETE=on_api(Permission.WRITE_APIS),
    ),
    _endpoint(
        "apis/<str:api_id>/test-cases/<str:test_case_id>/send",
        SendTestCaseView,
        POST=on_api(Permission.WRITE_CONNECTIONS),
    ),
    _endpoint(f"{_STAGE}/broadcast", BroadcastView, POST=on_api(Permission.WRITE_CONNECTIONS)),
    _endpoint(f"{_STAGE}/history", HistoryView, GET=on_api(Permission.READ_APIS)),
    _endpoint(f"{_STAGE}/rollback", RollbackView, POST=on_api(Permission.WRITE_APIS)),
    _endpoint(f"{_STAGE}/route-test", RouteTestView, POST=on_api(Permission.READ_APIS)),
    _endpoint(f"{_STAGE}/metrics", StageMetricsView, GET=on_api(Permission.READ_APIS)),
    _endpoint("traces", TracesView, GET=on_some(Permission.READ_CONNECTIONS)),
    _endpoint("traces/export", ExportTracesView, GET=on_some(Permission.READ_CONNECTIONS)),
    _endpoint("traces/stream", StreamTracesView, GET=on_some(Permission.READ_CONNECTIONS)),
    _endpoint("traces/<str:trace_id>", TraceView, GET=on_api(Permission.READ_CONNECTIONS)),
    _endpoint("traces/<str:trace_id>/replay", ReplayView, POST=on_api(Permission.WRITE_CONNECTIONS)),
    _endpoint("metrics", MetricsView, GET=on_some(Permission.READ_APIS)),
    _endpoint("metrics/backends", BackendsView, GET=on_some(Permission.READ_APIS)),
    _endpoint(f"{_STAGE}/compare", CompareMessageView, POST=on_api(Permission.READ_APIS)),
    _endpoint("import", ImportView, POST=on_some(Permission.WRITE_APIS)),
    _endpoint(
        "access-keys",
        AccessKeysView,
        GET=on_all(Permission.MANAGE_ACCESS_KEYS),
        POST=on_all(Permission.MANAGE_ACCESS_KEYS),
    ),
    _endpoint(
        "access-keys/<str:access_key_id>",
        AccessKeyView,
        GET=on_all(Permission.MANAGE_ACCESS_KEYS),
        DELETE=on_all(Permission.MANAGE_ACCESS_KEYS),
    ),
    _endpoint("tokens", TokensView, GET=on_all(Permission.MANAGE_TOKENS), POST=on_all(Permission.MANAGE_TOKENS)),
    _endpoint(
        "tokens/<str:token_id>",
        TokenView,
        GET=on_all(Permission.MANAGE_TOKENS),
        DELETE=on_all(Permission.MANAGE_TOKENS),
    ),
    _endpoint("users", UsersView, GET=on_all(Permission.MANAGE_USERS), POST=on_all(Permission.MANAGE_USERS)),
    _endpoint(
        "users/<int:user_id>",
        UserView,
        GET=on_all(Permission.MANAGE_USERS),
        PATCH=on_all(Permission.MANAGE_USERS),
        DELETE=on_all(Permission.MANAGE_USERS),
    ),
    _endpoint("audit-entries", AuditEntriesView, GET=on_some(Permission.READ_AUDIT)),
    _endpoint("server", ServerView, GET=on_all(Permission.READ_SERVER)),
]

urlpatterns = [
    *ENDPOINTS,
    path("api/v1/openapi.json", OpenApiView.as_view(), name="api-v1-openapi"),
    path("api/v1/docs/", docs, name="api-v1-docs"),
    re_path("^api/v1(?:/|$)", Nowhere.as_view(), name="api-v1-nowhere"),
]
