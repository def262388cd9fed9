"""The test client's page: which stages there are to connect to, and the messages that someone keeps."""

import json
from typing import Any

from django.http import HttpResponse, JsonResponse
from django.shortcuts import render

from dashboard.models import Preference
from dashboard.permissions import Request, page
from gatewayapp.controlplane.api.requests import json_body
from gatewayapp.controlplane.api.v1.permissions import on_some
from gatewayapp.core.roles import Access, Permission
from gatewayapp.models import Stage

_SAVED = "client.messages"
_MOST_SAVED = 100
_LONGEST_NAME, _LONGEST_TEXT = 80, 131_072


@page(read=on_some(Permission.WRITE_CONNECTIONS))
def client(request: Request) -> HttpResponse:
    saved = Preference.read(request.user.pk, _SAVED, [])
    context = {"apis": _targets(request.access), "saved": saved, "chosen": request.GET}
    return render(request, "dashboard/client/client.html", context)


@page(read=on_some(Permission.WRITE_CONNECTIONS), write=on_some(Permission.WRITE_CONNECTIONS))
def saved_messages(request: Request) -> HttpResponse:
    """GET: the messages that this person keeps. POST a list of `{"name", "text", "binary"}` to keep another set."""
    if request.method != "POST":
        return JsonResponse({"messages": Preference.read(request.user.pk, _SAVED, [])})
    messages = _checked(json_body(request))
    if messages is None:
        problem = f"Expected at most {_MOST_SAVED} messages, each with a name and a text."
        return JsonResponse({"message": problem}, status=400)
    Preference.write(request.user.pk, _SAVED, messages)
    return JsonResponse({"messages": messages})


def _targets(access: Access) -> list[dict[str, Any]]:
    """The APIs that one may connect to, with their deployed stages."""
    stages = Stage.objects.filter(deployment__isnull=False).select_related("api").order_by("api__name", "stage_name")
    api_ids = access.apis_with(Permission.WRITE_CONNECTIONS)
    if api_ids is not None:
        stages = stages.filter(api_id__in=api_ids)
    by_api: dict[str, dict[str, Any]] = {}
    for stage in stages:
        api = by_api.setdefault(stage.api_id, {"api_id": stage.api_id, "name": stage.api.name, "stages": []})
        api["stages"].append(stage.stage_name)
    return list(by_api.values())


def _checked(body: bytes) -> list[dict[str, Any]] | None:
    try:
        messages = json.loads(body)
    except ValueError:
        return None
    if not isinstance(messages, list) or len(messages) > _MOST_SAVED:
        return None
    kept = [_message(each) for each in messages]
    return None if None in kept else [each for each in kept if each is not None]


def _message(document: Any) -> dict[str, Any] | None:
    if not isinstance(document, dict):
        return None
    name, text = document.get("name"), document.get("text")
    fits = isinstance(name, str) and 0 < len(name) <= _LONGEST_NAME
    if not fits or not isinstance(text, str) or len(text) > _LONGEST_TEXT:
        return None
    return {"name": name, "text": text, "binary": document.get("binary") is True}
