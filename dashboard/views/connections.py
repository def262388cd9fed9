"""The live connections: one list over all APIs, one page for each, and how someone likes the list."""

from time import time
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.forms import Form
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from dashboard.connections.detail import get_connection_answer, meters_of
from dashboard.connections.filters import CHECKS, FIRST, MORE, SIZES, FilterForm, Query
from dashboard.connections.forms import CODES, FORMATS, CloseForm, FrameForm, first_error
from dashboard.connections.preferences import choose_columns, delete_view, preferences_of, save_view
from dashboard.connections.rows import COLUMNS, NUMBERS, Row, node_of, principal_of, row_of, tone_of
from dashboard.connections.snippets import snippets
from dashboard.connections.timeline import MOST, entry_of
from dashboard.permissions import Request, page
from dashboard.rendering import is_fragment
from gatewayapp.controlplane.api.v1.pagination import decode, encode, invalid_cursor
from gatewayapp.controlplane.api.v1.permissions import check_api, on_some
from gatewayapp.controlplane.api.views import api_endpoint
from gatewayapp.controlplane.operations import connections as operations
from gatewayapp.controlplane.operations.connections import (
    LivePage,
    get_connection,
    get_connections,
    get_handshake,
    send_to_connection,
)
from gatewayapp.controlplane.operations.errors import NotFound
from gatewayapp.core.roles import Permission
from gatewayapp.live import ConnectionFilter, Delivery, LiveState, NoGateway, TraceFilter, live_connections
from gatewayapp.models import Api, Connection, Stage

_LONGEST_ID = 43
_NOTHING = LivePage([], 0, None)


@page(read=on_some(Permission.READ_CONNECTIONS))
def connections(request: Request) -> HttpResponse:
    now = int(time() * 1000)
    readable = request.access.apis_with(Permission.READ_CONNECTIONS)
    apis = _names_of_apis(readable)
    query = Query(FilterForm(request.GET, apis), request.GET)
    found, earlier, later = _page(query, readable) if query.is_valid else (_NOTHING, "", "")
    preferences = preferences_of(request.user.pk)
    rows = [row_of(connection, state, apis, query, request.access) for connection, state in found.connections]
    context = {
        "query": query,
        "chips": list(query.chips(apis)),
        "first": [query.form[name] for name in FIRST],
        "more": [query.form[name] for name in MORE],
        "checks": [query.form[name] for name in CHECKS],
        "stages": _names_of_stages(readable),
        "rows": rows,
        "total": found.total,
        "earlier": earlier,
        "later": later,
        "sizes": [(size, query.url(size=str(size))) for size in SIZES],
        "columns": _choice_of_columns(preferences.columns),
        "shown": [(name, COLUMNS[name], name in NUMBERS) for name in preferences.columns],
        "views": [
            (name, f"{reverse('connections')}?{saved}", saved == query.conditions)
            for name, saved in preferences.views.items()
        ],
        "by_age": query.url(sort="" if query.oldest_first else "oldest"),
        "toggled": query.url(live="off" if query.live else ""),
        "here": query.url(),
        "socket": _socket(query, rows, now),
        "selectable": any(row.writable and not row.ended for row in rows),
        "all_selectable": _may_act_on_all(request, query),
        "codes": CODES,
        "formats": FORMATS,
    }
    return render(request, "dashboard/connections/list.html", context)


@page(read=on_some(Permission.READ_CONNECTIONS))
def connection(request: Request, connection_id: str) -> HttpResponse:
    found = _find(request, connection_id, Permission.READ_CONNECTIONS)
    if found is None:
        return _gone(request, connection_id)
    row, state = found
    if state is not None:
        # From now on, not only once the page's socket is open.
        live_connections().lease(TraceFilter(connection_id=connection_id))
    facts = get_handshake(connection_id=connection_id)
    names = _names_of_apis(frozenset({row.api_id}))
    websocket_url = f"{api_endpoint(request, row.api_id)}/{row.stage}"
    context = {
        "connection": row,
        "state": state,
        "meters": meters_of(state, row.connected_at) if state else [],
        "facts": facts,
        "api_name": names.get(row.api_id, row.api_id),
        "api_exists": row.api_id in names,
        "principal": principal_of(row),
        "node": node_of(row),
        "tone": tone_of(state.last_status if state else None),
        "answer": get_connection_answer(row, state) if state else "",
        "snippets": list(snippets(websocket_url, connection_id, facts.subprotocol if facts else None)),
        "writable": state is not None and request.access.may(Permission.WRITE_CONNECTIONS, row.api_id),
        "list_url": f"{reverse('connections')}?{urlencode({'api': row.api_id, 'stage': row.stage})}",
        "most_frames": MOST,
        "codes": CODES,
        "formats": FORMATS,
    }
    return render(request, "dashboard/connections/detail.html", context)


@page(write=on_some(Permission.WRITE_CONNECTIONS))
def send(request: Request, connection_id: str) -> HttpResponse:
    form = FrameForm(request.POST)
    if refused := _refused(request, connection_id, form):
        return refused
    delivery = send_to_connection(connection_id=connection_id, frame=form.cleaned_data["frame"])
    return _told(request, connection_id, *_SENT[delivery])


@page(write=on_some(Permission.WRITE_CONNECTIONS))
def disconnect(request: Request, connection_id: str) -> HttpResponse:
    form = CloseForm(request.POST)
    if refused := _refused(request, connection_id, form):
        return refused
    code, reason = form.cleaned_data["code"], form.cleaned_data["reason"]
    if operations.disconnect(connection_id=connection_id, code=code, reason=reason) is Delivery.GONE:
        return _told(request, connection_id, *_SENT[Delivery.GONE])
    return _told(request, connection_id, "good", f"Closed with {code}.")


def _refused(request: Request, connection_id: str, form: Form) -> HttpResponse | None:
    """Why nothing is done to the connection; None where it is there and the form is filled in."""
    if request.method != "POST":
        return redirect("connections-detail", connection_id=connection_id)
    if not form.is_valid():
        return _told(request, connection_id, "bad", first_error(form))
    if _find(request, connection_id, Permission.WRITE_CONNECTIONS) is None:
        return _told(request, connection_id, *_SENT[Delivery.GONE])
    return None


_SENT = {
    Delivery.ACCEPTED: ("good", "Sent: it is in the connection's send buffer."),
    Delivery.GONE: ("bad", "The connection has ended."),
    Delivery.BUSY: ("wait", "Not sent: the client does not read, and its send buffer is full."),
    Delivery.TOO_LARGE: ("bad", "Not sent: it is larger than a message of the stage may be."),
}


@page(posts=True)
def columns(request: Request) -> HttpResponse:
    if request.method == "POST":
        choose_columns(request.user.pk, request.POST.getlist("column"))
    return _back(request)


@page(posts=True)
def views(request: Request) -> HttpResponse:
    """Keep the conditions in force as a view of that name, or delete one."""
    if request.method == "POST" and "delete" in request.POST:
        delete_view(request.user.pk, request.POST["delete"])
    elif request.method == "POST":
        name, conditions = request.POST.get("name", ""), request.POST.get("conditions", "")
        if problem := save_view(request.user.pk, name, conditions):
            messages.error(request, problem)
        else:
            messages.success(request, f"The view “{name}” is in the menu of views.")
    return _back(request)


def _find(request: Request, connection_id: str, permission: Permission) -> tuple[Connection, LiveState | None] | None:
    """The connection, if there is one that whoever asks may see. Raises AccessDenied if they may do no more."""
    try:
        row, state = get_connection(connection_id=connection_id)
        check_api(request.access, permission, row.api_id, NotFound(""))
    except NotFound:
        return None
    return row, state


def _gone(request: Request, connection_id: str) -> HttpResponse:
    """Tell that there is no such connection, and what is still known of it if it has just ended."""
    where = TraceFilter(
        api_ids=request.access.apis_with(Permission.READ_CONNECTIONS), connection_id=connection_id[:_LONGEST_ID]
    )
    try:
        last = live_connections().traces(where, None, MOST).traces
    except NoGateway:
        last = []
    context = {"connection_id": connection_id, "frames": [entry_of(trace) for trace in last], "last": last[:1]}
    return render(request, "dashboard/connections/gone.html", context, status=404)


def _told(request: Request, connection_id: str, tone: str, text: str) -> HttpResponse:
    """Say what became of it: where htmx asked, in its place, else on the connection's page."""
    if is_fragment(request):
        return render(request, "components/notice.html", {"tone": tone, "text": text})
    messages.add_message(request, _LEVELS[tone], text)
    return redirect("connections-detail", connection_id=connection_id)


_LEVELS = {"good": messages.SUCCESS, "wait": messages.WARNING, "bad": messages.ERROR}


def _back(request: Request) -> HttpResponse:
    """To the list as it was: `query` is what its address said after the question mark."""
    query = request.POST.get("query", "")
    return redirect(reverse("connections") + (f"?{query}" if query else ""))


def _page(query: Query, readable: frozenset[str] | None) -> tuple[LivePage, str, str]:
    """The connections that the address means, and the addresses of the pages before and after."""
    if query.before:
        found = _read(query, readable, query.before, backwards=True)
        if found.next_after is not None:
            rows = found.connections[::-1]
            return LivePage(rows, found.total, None), _link(query, "before", rows[0]), _link(query, "after", rows[-1])
        # There is no full page before it any more: begin at the beginning.
    after = None if query.before else query.after
    found = _read(query, readable, after)
    earlier = _link(query, "before", found.connections[0]) if after and found.connections else ""
    later = _link(query, "after", found.connections[-1]) if found.next_after else ""
    return found, earlier, later


def _read(query: Query, readable: frozenset[str] | None, cursor: str | None, backwards: bool = False) -> LivePage:
    return get_connections(
        where=query.where,
        api_ids=readable,
        after=_position(cursor) if cursor else None,
        size=query.size,
        oldest_first=query.oldest_first is not backwards,
    )


def _position(cursor: str) -> tuple[int, str]:
    connected_at, connection_id = decode(cursor)
    if not isinstance(connected_at, int) or not isinstance(connection_id, str) or "\0" in connection_id:
        raise invalid_cursor()
    return connected_at, connection_id


def _link(query: Query, side: str, place: tuple[Any, Any]) -> str:
    connection, _ = place
    return query.url(**{side: encode(connection.connected_at, connection.connection_id)})


def _names_of_apis(readable: frozenset[str] | None) -> dict[str, str]:
    apis = Api.objects.order_by("name", "api_id")
    apis = apis if readable is None else apis.filter(api_id__in=readable)
    return dict(apis.values_list("api_id", "name"))


def _names_of_stages(readable: frozenset[str] | None) -> list[str]:
    stages = Stage.objects.order_by("stage_name")
    stages = stages if readable is None else stages.filter(api_id__in=readable)
    return list(stages.values_list("stage_name", flat=True).distinct())


def _choice_of_columns(chosen: list[str]) -> list[tuple[str, str, bool]]:
    """Names and titles of all columns, and whether they are shown: those first that are, in their order."""
    others = [name for name in COLUMNS if name not in chosen]
    return [(name, COLUMNS[name], name in chosen) for name in [*chosen, *others]]


def _may_act_on_all(request: Request, query: Query) -> bool:
    """Whether whoever sees all that match may also send to all of them and close them."""
    if not query.is_valid:
        return False
    writable = request.access.apis_with(Permission.WRITE_CONNECTIONS)
    where: ConnectionFilter = query.where
    if where.api_id:
        return request.access.may(Permission.WRITE_CONNECTIONS, where.api_id)
    return writable == request.access.apis_with(Permission.READ_CONNECTIONS)


def _socket(query: Query, rows: list[Row], now: int) -> str:
    """Where the list's live part connects: for the rows that are shown, and what has come since."""
    if not query.live or not query.is_valid:
        return ""
    # Ids hold no comma and no ampersand; their equals sign may stand in a query.
    ids = ",".join(row.connection_id for row in rows if not row.ended)
    return f"/live/connections?ids={ids}&since={now}&{query.conditions}"
