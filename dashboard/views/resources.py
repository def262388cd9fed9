"""Every kind of resource: its list, one of it, and the forms that make, change and delete it.

list    /apis/ab12cd34ef/routes          search, sort
new     /apis/ab12cd34ef/routes/new
detail  /apis/ab12cd34ef/routes/k3v9x2a
edit    /apis/ab12cd34ef/routes/k3v9x2a/edit
delete  /apis/ab12cd34ef/routes/k3v9x2a/delete
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path

from dashboard.overview import gateway_url
from dashboard.permissions import Request, page
from dashboard.rendering import render_page
from dashboard.resources.commands import create_commands, update_commands
from dashboard.resources.forms import ResourceForm
from dashboard.resources.kinds import Keys, Kind, Place
from dashboard.resources.widgets import MORE
from dashboard.secrets import readable_document, readable_members
from gatewayapp.controlplane import operations
from gatewayapp.controlplane.api.v1.permissions import Need
from gatewayapp.controlplane.operations.errors import OperationError
from gatewayapp.models import Document

ROWS = 100


def addresses(kind: Kind) -> list[URLPattern]:
    """The addresses of a kind's pages."""
    read, write = kind.need("read"), kind.need("write")
    views: tuple[tuple[str, str, Need, Need | None, Callable[..., HttpResponse]], ...] = (
        ("list", kind.address, kind.need("list"), None, _list),
        ("new", f"{kind.address}/{kind.new_segment}", kind.need("new"), kind.need("new"), _new),
        ("detail", f"{kind.address}/<str:{kind.key}>", read, None, _detail),
        ("edit", f"{kind.address}/<str:{kind.key}>/edit", write, write, _edit),
        ("delete", f"{kind.address}/<str:{kind.key}>/delete", write, write, _delete),
    )
    return [
        path(address, page(read=get, write=post)(_bound(view, kind)), name=kind.page_name(what))
        for what, address, get, post, view in views
    ]


def _bound(view: Callable[..., HttpResponse], kind: Kind) -> Callable[..., HttpResponse]:
    def bound(request: Request, **keys: str) -> HttpResponse:
        return view(request, kind, _place(request, keys))

    return bound


def _place(request: Request, keys: Keys) -> Place:
    return Place(request, keys, operations.get_api(api_id=keys["api_id"]) if "api_id" in keys else None)


# pages


def _list(request: Request, kind: Kind, place: Place) -> HttpResponse:
    query, sort = request.GET.get("q", "").strip(), request.GET.get("sort", "")
    everything = _visible(kind, place)
    rows = _sorted(kind, _found(kind, kind.listed(everything), query), sort)
    shown = Paginator(rows, ROWS).get_page(request.GET.get("page"))
    resources = list(shown.object_list)
    facts = kind.facts(place, resources)
    context = {
        **_frame(kind, place, "list"),
        "columns": [_heading(column, sort) for column in kind.columns],
        "name_heading": _name_heading(kind, sort),
        "rows": [
            {
                "name": kind.name(resource),
                "url": kind.url("detail", kind.keys_of(place.keys, resource)),
                "cells": [{"label": column.label, "cell": column.cell(resource, facts)} for column in kind.columns],
            }
            for resource in resources
        ],
        "page": shown,
        "query": query,
        "sort": sort,
        "is_empty": not query and not shown.paginator.count,
    }
    return render_page(request, "dashboard/resources/list.html", "dashboard/resources/_table.html", context)


def _detail(request: Request, kind: Kind, place: Place) -> HttpResponse:
    resource = kind.get_of(place.keys)
    before = readable_members(place.request, _api_id(place), kind.values(resource))
    context = {
        **_frame(kind, place, "detail", resource),
        "identifier": place.keys[kind.key],
        "groups": _facts(kind, place, before),
        "more": f"dashboard/{kind.more}" if kind.more else "",
        **kind.more_context(place, resource),
        **_beside(kind, place, resource, _set_members(kind, before)),
    }
    return render(request, "dashboard/resources/detail.html", context)


def _new(request: Request, kind: Kind, place: Place) -> HttpResponse:
    return _form(request, kind, place, None)


def _edit(request: Request, kind: Kind, place: Place) -> HttpResponse:
    return _form(request, kind, place, kind.get_of(place.keys))


def _form(request: Request, kind: Kind, place: Place, resource: Any) -> HttpResponse:
    form = ResourceForm(kind, place, resource, request.POST if request.method == "POST" else None)
    asks_only = MORE in request.POST or "preview" in request.POST
    if request.method == "POST" and not asks_only and form.is_valid():
        try:
            saved = form.save()
        except OperationError as error:
            form.refuse(error)
        else:
            word = "saved" if resource else "created"
            messages.success(request, f"{kind.noun[:1].upper()}{kind.noun[1:]} {kind.name(saved)} {word}.", "good")
            return redirect(kind.url("detail", kind.keys_of(place.keys, saved)))
    typed = _typed(form) if request.method == "POST" else {}
    context = {
        **_frame(kind, place, "edit" if resource else "new", resource),
        "form": form.typed() if asks_only else form,
        "suggestions": [field for field in kind.fields if getattr(field, "suggestions", ())],
        "cancel": kind.url("detail" if resource else "list", place.keys),
        **_beside(kind, place, resource, typed, is_form=True),
    }
    return render_page(request, "dashboard/resources/form.html", "dashboard/resources/_beside.html", context)


def _delete(request: Request, kind: Kind, place: Place) -> HttpResponse:
    resource = kind.get_of(place.keys)
    name, typed, error = kind.name(resource), request.POST.get("confirmation", ""), ""
    if request.method == "POST" and typed != name:
        error = f"Type {name} to confirm; this is {typed!r}." if typed else f"Type {name} to confirm."
    elif request.method == "POST":
        try:
            kind.delete(**place.keys)
        except OperationError as refusal:
            error = refusal.message
        else:
            messages.success(request, f"{kind.noun[:1].upper()}{kind.noun[1:]} {name} deleted.", "good")
            return redirect(kind.url("list", place.keys) if kind.has_list else _parent_url(kind, place))
    context = {
        **_frame(kind, place, "delete", resource),
        "name": name,
        "lost": kind.lost(resource),
        "typed": typed,
        "error": error,
        "cancel": kind.url("detail", place.keys),
    }
    return render(request, "dashboard/resources/delete.html", context)


# what pages have in common


def _frame(kind: Kind, place: Place, what: str, resource: Any = None) -> Document:
    """The head of a page: where it is, what it is called, what one may do."""
    may_write = _may(place, kind.need("write"))
    urls = {"edit": "", "delete": "", "new": "", "list": kind.url("list", place.keys)}
    if resource is not None and may_write:
        urls |= {"edit": kind.url("edit", place.keys) if kind.update else "", "delete": kind.url("delete", place.keys)}
    if _may(place, kind.need("new")):
        urls["new"] = kind.url("new", place.keys)
    return {
        "kind": kind,
        "api": place.api,
        "keys": place.keys,
        "resource": resource,
        "heading": _heading_of(kind, what, resource),
        "crumbs": _crumbs(kind, place, what, resource),
        "urls": urls,
        "may_write": may_write,
    }


def _heading_of(kind: Kind, what: str, resource: Any) -> str:
    nouns = f"{kind.nouns[:1].upper()}{kind.nouns[1:]}"
    name = kind.name(resource) if resource is not None else ""
    return {"list": nouns, "new": f"New {kind.noun}", "edit": f"Edit {name}", "delete": f"Delete {name}"}.get(
        what, name
    )


def _crumbs(kind: Kind, place: Place, what: str, resource: Any) -> list[dict[str, str]]:
    """The way from the top to this page; the page itself is not part of it."""
    crumbs: list[dict[str, str]] = []
    *parents, _ = kind.lineage
    for parent in parents:
        crumbs.append({"label": _nouns(parent), "url": parent.url("list", place.keys)})
        over = place.api if parent.key == "api_id" else parent.get_of(place.keys)
        crumbs.append({"label": parent.name(over), "url": parent.url("detail", place.keys)})
    if what != "list" and kind.has_list:
        crumbs.append({"label": _nouns(kind), "url": kind.url("list", place.keys)})
    if what in ("edit", "delete"):
        crumbs.append({"label": kind.name(resource), "url": kind.url("detail", place.keys)})
    return crumbs


def _nouns(kind: Kind) -> str:
    return f"{kind.nouns[:1].upper()}{kind.nouns[1:]}"


def _parent_url(kind: Kind, place: Place) -> str:
    assert kind.parent is not None
    return kind.parent.url("detail", place.keys)


def _may(place: Place, need: Need) -> bool:
    return place.request.access.may(need.permission, _api_id(place) if need.scope == "api" else "")


def _api_id(place: Place) -> str:
    return place.keys.get("api_id", "")


def _beside(kind: Kind, place: Place, resource: Any, members: Document, is_form: bool = False) -> Document:
    """The same as JSON, and as a command."""
    endpoint = gateway_url(place.request)
    document = kind.document(place, resource) if resource is not None else {}
    document = readable_document(place.request, _api_id(place), document)
    if resource is not None and is_form:
        command = update_commands(kind, endpoint, place.keys, members)
    else:
        command = create_commands(kind, endpoint, place.keys, members) if members else ""
    return {
        "json": json.dumps(document, indent=2, ensure_ascii=False) if document else "",
        "command": command,
        "is_form": is_form,
    }


# lists


def _visible(kind: Kind, place: Place) -> "QuerySet[Any]":
    rows: QuerySet[Any] = kind.get_all(**{name: place.keys[name] for name in kind.parent_keys})
    ids = place.request.access.apis_with(kind.need("list").permission)
    return rows if kind.key != "api_id" or ids is None else rows.filter(pk__in=ids)


def _found(kind: Kind, rows: "QuerySet[Any]", query: str) -> "QuerySet[Any]":
    if not query or not kind.search:
        return rows
    conditions = Q()
    for field in kind.search:
        conditions |= Q(**{f"{field}__icontains": query})
    return rows.filter(conditions).distinct()


def _sorted(kind: Kind, rows: "QuerySet[Any]", sort: str) -> "QuerySet[Any]":
    allowed = {column.sort for column in kind.columns if column.sort} | {kind.search[0] if kind.search else ""}
    return rows.order_by(sort, "pk") if sort.removeprefix("-") in allowed - {""} else rows


def _heading(column: Any, sort: str) -> Document:
    return {"label": column.label, **_sorting(column.sort, sort)}


def _name_heading(kind: Kind, sort: str) -> Document:
    return {"label": f"{kind.noun[:1].upper()}{kind.noun[1:]}", **_sorting(kind.search[0] if kind.search else "", sort)}


def _sorting(field: str, sort: str) -> Document:
    """Which way a column is sorted, and what a click on its heading asks for."""
    way = {field: "ascending", f"-{field}": "descending"}.get(sort, "") if field else ""
    return {"sort": f"-{field}" if way == "ascending" else field, "way": way}


# details


def _facts(kind: Kind, place: Place, values: Document) -> list[Document]:
    """The groups of members that are set, for people to read."""
    groups = [
        {
            "title": group.title,
            "facts": [
                {"label": field.label, "value": shown, "is_map": isinstance(shown, Mapping), "wide": field.wide}
                for field in group.fields
                if (shown := field.shown(field.read(values), place)) not in (None, "", {}, [])
            ],
        }
        for group in kind.groups
    ]
    return [group for group in groups if group["facts"]]


def _set_members(kind: Kind, values: Document) -> Document:
    """The members that a new one would have to be given to be like this."""
    defaults = kind.values(None)
    return {name: value for name, value in values.items() if value not in (None, "", {}, [], False, defaults.get(name))}


def _typed(form: ResourceForm) -> Document:
    form.is_valid()
    return form.changes()
