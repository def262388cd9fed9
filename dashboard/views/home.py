"""The overview: what is there, how to reach it, and the first steps where nothing is there yet."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from dashboard.overview import gateway_url, overview


@require_safe
@login_required
def home(request: HttpRequest) -> HttpResponse:
    apis = overview(request)
    context = {
        "apis": apis,
        "gateway_url": gateway_url(request),
        "stage_count": sum(len(api.stages) for api in apis),
        "connection_count": sum(stage.connections for api in apis for stage in api.stages),
    }
    return render(request, "dashboard/home.html", context)
