"""Django's admin at `/admin/`: a look at the tables as they are, for those who administer everything.

Nothing is changed here, since all changes go through operations, which check them, deploy them and write the audit
log. Sessions and set-up tokens are left out: their keys are credentials. So are other secrets, even encrypted ones.
"""

from typing import Any

from django.contrib import admin
from django.contrib.auth.models import User
from django.contrib.auth.views import redirect_to_login
from django.db.models import JSONField, TextField
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from dashboard.models import Preference, SignInTry
from gatewayapp import models

_SECRETS = frozenset({"password", "encrypted_secret", "token_hash"})
_COLUMNS = 6


class Site(admin.AdminSite):
    site_header = site_title = "Nopal"
    index_title = "Tables"
    enable_nav_sidebar = False

    def has_permission(self, request: HttpRequest) -> bool:
        return request.user.is_active and request.user.is_superuser

    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """The sign-in is the dashboard's; who is signed in already has no business here."""
        return redirect("home") if request.user.is_authenticated else redirect_to_login(request.GET.get("next", "/"))

    def logout(self, request: HttpRequest, extra_context: Any = None) -> Any:
        return redirect("home")

    def password_change(self, request: HttpRequest, extra_context: Any = None) -> Any:
        return redirect("home")


class Table(admin.ModelAdmin):
    """A model to look at."""

    actions = None
    list_per_page = 50
    show_full_result_count = False

    def get_exclude(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return [field.name for field in self.opts.concrete_fields if field.name in _SECRETS]

    def get_list_display(self, request: HttpRequest) -> Any:
        long = (JSONField, TextField)
        fields = [
            each for each in self.opts.concrete_fields if each.name not in _SECRETS and not isinstance(each, long)
        ]
        return [field.name for field in fields[:_COLUMNS]]

    def get_search_fields(self, request: HttpRequest) -> list[str]:
        texts = [each for each in self.opts.concrete_fields if each.get_internal_type() == "CharField"]
        return [field.name for field in texts if field.name not in _SECRETS]

    def has_add_permission(self, request: HttpRequest, *arguments: Any) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class Users(Table):
    """Rights are roles: Django's own groups and permissions mean nothing here."""

    fields = ("username", "is_active", "is_superuser", "date_joined", "last_login")

    def get_list_display(self, request: HttpRequest) -> Any:
        return list(self.fields)


site = Site(name="admin")
site.register(User, Users)
site.register(
    [
        models.AccessKey,
        models.Api,
        models.ApiMapping,
        models.ApiModel,
        models.ApiToken,
        models.AuditEntry,
        models.Authorizer,
        models.ConfigurationVersion,
        models.Connection,
        models.Deployment,
        models.DomainName,
        models.Integration,
        models.IntegrationResponse,
        models.LayoutPosition,
        models.Node,
        models.RoleAssignment,
        models.Route,
        models.RouteResponse,
        models.Stage,
        models.StageDeployment,
        models.TestCase,
        Preference,
        SignInTry,
    ],
    Table,
)
