"""The overview: what is there, how to reach it, and the first steps where nothing is there yet."""

from django.http import HttpResponse
from django.shortcuts import render

from dashboard.overview import gateway_url, overview
from dashboard.permissions import Request, page


@page()
def home(request: Request) -> HttpResponse:
    apis = overview(request)
    context = {
        "apis": apis,
        "gateway_url": gateway_url(request),
        "stage_count": sum(len(api.stages) for api in apis),
        "connection_count": sum(stage.connections for api in apis for stage in api.stages),
    }
    return render(request, "dashboard/home.html", context)
