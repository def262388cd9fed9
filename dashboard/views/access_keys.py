"""Access keys: what backends and AWS's tools sign with."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render

from dashboard.access.forms import KEY_KINDS, AccessKeyForm, PermissionRows
from dashboard.access.results import tried
from dashboard.access.snippets import aws_snippets
from dashboard.overview import gateway_url
from dashboard.permissions import Request, page
from gatewayapp.controlplane import operations
from gatewayapp.controlplane.api.v1.pagination import newest_first
from gatewayapp.controlplane.api.v1.permissions import on_all
from gatewayapp.core.roles import Permission
from gatewayapp.models import Api

_MANAGE = on_all(Permission.MANAGE_ACCESS_KEYS)
_PAGE_SIZE = 50


@page(read=_MANAGE)
def access_keys(request: Request) -> HttpResponse:
    found: Any = operations.get_access_keys()
    keys, later = newest_first(found, "created_at", request.GET.get("cursor"), _PAGE_SIZE)
    context = {"keys": keys, "later": later, "first": not request.GET.get("cursor")}
    return render(request, "dashboard/access_keys/access_keys.html", context)


@page(read=_MANAGE, write=_MANAGE)
def new_access_key(request: Request) -> HttpResponse:
    """The form, and after it the secret, this once: the answer to the POST is the only page that has it."""
    apis = dict(Api.objects.order_by("name", "pk").values_list("pk", "name"))
    form = AccessKeyForm(request.POST or None, apis=apis)
    rows = PermissionRows(request.POST if request.method == "POST" else None, prefix="permissions")
    if request.method == "POST" and form.is_valid() and rows.is_valid():
        permissions = form.permissions(rows)
        if not permissions:
            form.add_error("kind", "Give one action and its resource at least.")
        else:
            name = form.cleaned_data["name"]
            made = tried(form, lambda: operations.create_access_key(name=name, permissions=permissions))
            if made is not None:
                key, secret = made
                snippets = aws_snippets(key, secret, gateway_url(request), settings.NOPAL_REGION)
                context = {"key": key, "secret": secret, "snippets": snippets}
                return render(request, "dashboard/access_keys/created.html", context)
    context = {"form": form, "rows": rows, "kinds": KEY_KINDS}
    return render(request, "dashboard/access_keys/new.html", context, status=400 if request.method == "POST" else 200)


@page(read=_MANAGE, write=_MANAGE)
def revoke_access_key(request: Request, access_key_id: str) -> HttpResponse:
    key = operations.get_access_key(access_key_id=access_key_id)
    if request.method == "POST":
        operations.revoke_access_key(access_key_id=access_key_id)
        messages.success(request, f"{key.name} is revoked: nothing it signs is accepted any more.")
        return redirect("access-keys")
    return render(request, "dashboard/access_keys/revoke.html", {"key": key})
