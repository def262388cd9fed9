"""Django's admin at `/admin/`: a look at the tables as they are, for those who administer everything.

Nothing is changed here, since all changes go through operations, which check them, deploy them and write the audit
log. Sessions and set-up tokens are left out: their keys are credentials. So are other secrets, even encrypted ones:
they are neither shown nor searched, and no filter of a list can probe them.
"""

from typing import Any

from django.contrib import admin
from django.contrib.auth.models import User
from django.contrib.auth.views import redirect_to_login
from django.db.models import Field, JSONField, TextField
from django.db.models.constants import LOOKUP_SEP
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from dashboard.models import Preference, SignInTry
from gatewayapp import models

_COLUMNS = 6
_LOOKUPS = frozenset(
    {"id", "pk", "exact", "iexact", "in", "isnull", "gt", "gte", "lt", "lte", "range", "date", "year", "month", "day"}
    | {"contains", "icontains", "startswith", "istartswith", "endswith", "iendswith"}
)
"""Lookups that may follow a column in a filter; fields of other tables are not allowed."""


def _is_secret(field: "Field[Any, Any]") -> bool:
    return field.name == "password" or field.name.startswith("encrypted_") or field.name.endswith("_hash")


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
        return [field.name for field in self.opts.concrete_fields if _is_secret(field)]

    def get_list_display(self, request: HttpRequest | None) -> Any:
        long = (JSONField, TextField)
        fields = [each for each in self.opts.concrete_fields if not _is_secret(each) and not isinstance(each, long)]
        return [field.name for field in fields[:_COLUMNS]]

    def get_search_fields(self, request: HttpRequest) -> list[str]:
        texts = [each for each in self.opts.concrete_fields if each.get_internal_type() == "CharField"]
        return [field.name for field in texts if not _is_secret(field)]

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Only columns that the list shows may be filtered by: the number of rows would tell what others hold."""
        column, *rest = lookup.split(LOOKUP_SEP)
        column = self.opts.pk.name if column == "pk" else column
        return column in self.get_list_display(request) and _LOOKUPS.issuperset(rest)

    def has_add_permission(self, request: HttpRequest, *arguments: Any) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class Users(Table):
    """Rights are roles: Django's own groups and permissions mean nothing here."""

    fields = ("username", "is_active", "is_superuser", "date_joined", "last_login")

    def get_list_display(self, request: HttpRequest | None) -> Any:
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
        models.Installation,
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
