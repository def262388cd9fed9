"""The form on the overview page that decides about the connections of a restored database; for administrators."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect

from dashboard.permissions import Request, page
from gatewayapp.controlplane.api.v1.permissions import on_all
from gatewayapp.controlplane.operations.errors import BadRequest
from gatewayapp.controlplane.operations.restored_connections import (
    discard_restored_connections,
    report_restored_connections,
)
from gatewayapp.core.roles import Permission

ADMINISTER = Permission.MANAGE_USERS
"""A permission that only administrators of the whole installation have."""


@page(read=on_all(ADMINISTER), write=on_all(ADMINISTER))
def restored_connections(request: Request) -> HttpResponse:
    """POST `decision`, report or discard; GET redirects to the overview page with the form."""
    if request.method == "POST":
        messages.success(request, _decide(request.POST.get("decision", "")), "good")
    return redirect("home")


def _decide(decision: str) -> str:
    if decision == "report":
        return f"{report_restored_connections()} connections will be reported as ended in a moment."
    if decision == "discard":
        return f"{discard_restored_connections()} connections were discarded."
    raise BadRequest("Choose whether to report or to discard the connections.")
