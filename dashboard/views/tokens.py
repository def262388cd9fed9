"""API tokens: everyone's own, and for those who manage users also those of others."""

from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render

from dashboard.access.forms import TokenForm
from dashboard.access.results import tried
from dashboard.overview import gateway_url
from dashboard.permissions import Request, page
from gatewayapp.controlplane.api.v1.pagination import newest_first
from gatewayapp.controlplane.api.v1.permissions import on_all
from gatewayapp.controlplane.operations.api_tokens import (
    create_api_token,
    get_api_tokens,
    revoke_api_token,
)
from gatewayapp.controlplane.operations.errors import NotFound
from gatewayapp.core.roles import Permission
from gatewayapp.models import ApiToken

_OWN = on_all(Permission.MANAGE_TOKENS)
_PAGE_SIZE = 50


@page(read=_OWN)
def tokens(request: Request) -> HttpResponse:
    everyone = request.access.may(Permission.MANAGE_USERS)
    shown: Any = _manageable(request)
    only_own = everyone and request.GET.get("whose") == "own"
    if only_own:
        shown = shown.filter(user=request.user)
    found, later = newest_first(shown.select_related("user"), "created_at", request.GET.get("cursor"), _PAGE_SIZE)
    context = {
        "tokens": found,
        "later": later,
        "first": not request.GET.get("cursor"),
        "everyone": everyone,
        "only_own": only_own,
    }
    return render(request, "dashboard/tokens/tokens.html", context)


@page(read=_OWN, write=_OWN)
def new_token(request: Request) -> HttpResponse:
    """The form, and after it the token, this once: the answer to the POST is the only page that has it."""
    form = TokenForm(request.POST or None, access=request.access)
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        made = tried(
            form,
            lambda: create_api_token(
                user_id=request.user.pk, name=said["name"], scopes=said["scopes"], expires_at=form.expires_at
            ),
        )
        if made is not None:
            token, text = made
            example = f'curl -H "Authorization: Bearer {text}" {gateway_url(request)}/api/v1/tokens'
            context = {"token": token, "text": text, "example": example}
            return render(request, "dashboard/tokens/created.html", context)
    return render(request, "dashboard/tokens/new.html", {"form": form}, status=400 if request.method == "POST" else 200)


@page(read=_OWN, write=_OWN)
def revoke_token(request: Request, token_id: str) -> HttpResponse:
    token = _manageable(request).select_related("user").filter(pk=token_id).first()
    if token is None:  # another's token is as good as none
        raise NotFound(f"There is no token {token_id}.", resourceType="Token")
    if request.method == "POST":
        revoke_api_token(token_id=token_id)
        messages.success(request, f"{token.name} is revoked and works no more.")
        return redirect("tokens")
    return render(request, "dashboard/tokens/revoke.html", {"token": token})


def _manageable(request: Request) -> QuerySet[ApiToken]:
    found = get_api_tokens()
    return found if request.access.may(Permission.MANAGE_USERS) else found.filter(user=request.user)
