"""The overview: what is there, what goes on, how to reach it, and the first steps where nothing is there yet."""

from django.http import HttpResponse
from django.shortcuts import redirect, render

from dashboard.first_api import create_first_api
from dashboard.overview import RANGES, gateway_url, overview
from dashboard.permissions import Request, page
from dashboard.views.restored_connections import ADMINISTER
from gatewayapp.controlplane.api.v1.permissions import on_all
from gatewayapp.controlplane.operations.restored_connections import count_restored_connections
from gatewayapp.core.roles import Permission


@page()
def home(request: Request) -> HttpResponse:
    range_name = request.GET.get("range", "1h")
    range_name = range_name if range_name in RANGES else "1h"
    shown = overview(request, request.access, range_name)
    context = {
        "overview": shown,
        "ranges": RANGES,
        "range_name": range_name,
        "range_words": RANGES[range_name],
        "charts": {"start": shown.start, "step": shown.step, "series": shown.series},
        "gateway_url": gateway_url(request),
        "may_create": request.access.may(Permission.WRITE_APIS),
        "may_connect": request.access.apis_with(Permission.WRITE_CONNECTIONS) != frozenset(),
        "restored_connections": count_restored_connections() if request.access.may(ADMINISTER) else 0,
        "sees_nothing": request.access.apis_with(Permission.READ_APIS) == frozenset(),
    }
    return render(request, "dashboard/home.html", context)


@page(read=on_all(Permission.WRITE_APIS), write=on_all(Permission.WRITE_APIS))
def first_api(request: Request) -> HttpResponse:
    """POST: make an API that answers by itself, and go and talk to it."""
    if request.method != "POST":
        return redirect("home")
    stage = create_first_api()
    return redirect(f"/client?api={stage.api_id}&stage={stage.stage_name}&first=1")
