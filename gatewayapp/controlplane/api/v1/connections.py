"""Live connections: listed over all APIs, read, sent to and closed, one by one or all that a filter means."""

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from gatewayapp.controlplane.api.v1.moments import moment
from gatewayapp.controlplane.api.v1.pagination import decode, encode, invalid_cursor
from gatewayapp.controlplane.api.v1.permissions import check_api
from gatewayapp.controlplane.api.v1.schema import endpoint
from gatewayapp.controlplane.api.v1.shapes import FrameShape, HeaderShape, PageQuery, Shape, Text, frame_of, page_of
from gatewayapp.controlplane.api.v1.views import View
from gatewayapp.controlplane.operations import connections
from gatewayapp.controlplane.operations.connections import ConnectionFilter, Target
from gatewayapp.controlplane.operations.errors import NotFound
from gatewayapp.controlplane.operations.stages import get_stage
from gatewayapp.core.limits import camel
from gatewayapp.core.roles import Permission
from gatewayapp.live import Delivery, HandshakeFacts, LiveState
from gatewayapp.models import Connection, Document

_MOST_IDS = 100
_SECONDS: Any = {"required": False, "min_value": 0, "max_value": 10**9}


class ConnectionLimitsShape(Shape):
    """The limits in force; seconds, bytes and counts a second, 0: none."""

    idle_timeout = serializers.FloatField()
    connection_duration = serializers.FloatField()
    max_frame = serializers.IntegerField()
    max_message = serializers.IntegerField()
    max_in_flight = serializers.IntegerField()
    send_buffer = serializers.IntegerField()
    slow_client_timeout = serializers.FloatField()
    messages_per_second = serializers.FloatField()
    bytes_per_second = serializers.FloatField()


class LiveShape(Shape):
    """What the gateway knows of a connection at this moment."""

    last_active_at = serializers.DateTimeField(help_text="The last message of the client, or push to it.")
    idle_since = serializers.DateTimeField(help_text="The last data in either direction.")
    messages_in = serializers.IntegerField()
    messages_out = serializers.IntegerField()
    bytes_in = serializers.IntegerField()
    bytes_out = serializers.IntegerField()
    in_flight = serializers.IntegerField(help_text="Messages whose integrations have not answered yet.")
    waiting = serializers.IntegerField(help_text="Bytes that wait for the client to read.")
    slow_consumer = serializers.BooleanField(
        help_text="Frames wait for the client to read, or over half of its send buffer is taken."
    )
    error_count = serializers.IntegerField(
        help_text="Messages that failed, or were answered with 4xx or 5xx by a backend."
    )
    last_route_key = serializers.CharField(allow_null=True)
    last_status = serializers.CharField(
        allow_null=True, help_text="What the last integration answered with, or the error's name."
    )
    last_status_at = serializers.DateTimeField(allow_null=True)
    last_error = serializers.CharField(allow_null=True)
    idle_deadline = serializers.DateTimeField(
        allow_null=True, help_text="When it is closed for being idle, unless data comes; null: never."
    )
    ends_at = serializers.DateTimeField(
        allow_null=True, help_text="When it is closed whatever the traffic; null: never."
    )
    limits = ConnectionLimitsShape()


class ConnectionShape(Shape):
    connection_id = serializers.CharField()
    api_id = serializers.CharField()
    stage = serializers.CharField()
    connected_at = serializers.DateTimeField()
    domain_name = serializers.CharField()
    source_ip = serializers.CharField()
    user_agent = serializers.CharField(allow_null=True)
    principal_id = serializers.CharField(allow_null=True, help_text="Who the authorizer said the client is.")
    node = serializers.CharField(help_text="The process that holds it: its slot, and which of its starts.")
    live = LiveShape(allow_null=True, help_text="Null while the connection is just ending.")


class HandshakeShape(Shape):
    """How the client came in; values that carry credentials are left out."""

    path = serializers.CharField()
    query_string = serializers.CharField()
    headers = HeaderShape(many=True)
    origin = serializers.CharField(allow_null=True)
    subprotocol = serializers.CharField(allow_null=True)
    secure = serializers.BooleanField(help_text="Whether the client came by TLS.")
    truncated = serializers.BooleanField(help_text="Whether something was cut for its length.")


class OneConnectionShape(ConnectionShape):
    authorizer = serializers.DictField(allow_null=True, help_text="What the authorizer said of the client.")
    handshake = HandshakeShape(allow_null=True, help_text="Null while the connection is just ending.")


class FilterShape(Shape):
    """Which connections are meant: all conditions that are given must hold. Ages and idle times are in seconds."""

    api_id = serializers.CharField(required=False, max_length=10)
    stage = serializers.CharField(required=False, max_length=128)
    source_ip = serializers.CharField(
        required=False, max_length=64, help_text="An address, or a network such as 192.0.2.0/24."
    )
    connection_id = serializers.CharField(
        required=False, max_length=4400, help_text="One, or up to 100 separated by commas."
    )
    connection_id_prefix = serializers.CharField(required=False, max_length=43)
    principal_id = serializers.CharField(required=False, max_length=256)
    principal_id_prefix = serializers.CharField(required=False, max_length=256)
    user_agent = serializers.CharField(required=False, max_length=256, help_text="A part of it, in any case.")
    min_age = serializers.FloatField(**_SECONDS)
    max_age = serializers.FloatField(**_SECONDS)
    min_idle = serializers.FloatField(**_SECONDS)
    max_idle = serializers.FloatField(**_SECONDS)
    has_errors = serializers.BooleanField(required=False, allow_null=True, help_text="With errors, or without any.")
    slow_consumer = serializers.BooleanField(required=False, allow_null=True)

    def validate_connectionId(self, value: str) -> str:  # noqa: N802
        if value.count(",") >= _MOST_IDS:
            raise serializers.ValidationError(f"Give at most {_MOST_IDS} ids.")
        return value


class ConnectionsQuery(FilterShape, PageQuery):
    sort = serializers.ChoiceField(["youngest", "oldest"], default="youngest", help_text="Which ones come first.")


class CloseShape(Shape):
    code = serializers.IntegerField(default=1000, min_value=1000, max_value=4999, help_text="RFC 6455 section 7.4.")
    reason = Text(default="", max_length=123)


class BulkShape(Shape):
    filter = FilterShape()
    expected_count = serializers.IntegerField(
        min_value=0, max_value=2**31, help_text="How many must match; otherwise nothing is done and the answer is 409."
    )


class BulkSendShape(FrameShape, BulkShape):
    pass


class BulkCloseShape(CloseShape, BulkShape):
    pass


class ResultShape(Shape):
    result = serializers.ChoiceField([delivery.value for delivery in Delivery])


class TargetShape(ResultShape):
    connection_id = serializers.CharField()


class CountsShape(Shape):
    """How many targets had which result."""

    accepted = serializers.IntegerField()
    gone = serializers.IntegerField()
    busy = serializers.IntegerField()
    too_large = serializers.IntegerField()


class TargetsShape(Shape):
    counts = CountsShape()
    targets = TargetShape(many=True)


class ConnectionsView(View):
    @endpoint(
        "ListConnections",
        "List connections over all APIs, the youngest first or the oldest",
        query=ConnectionsQuery,
        answer=page_of(ConnectionShape, total=True),
    )
    def get(self, request: Request) -> Response:
        query = self.query(ConnectionsQuery)
        size, cursor = query.pop("page_size"), query.pop("cursor", None)
        oldest_first = query.pop("sort") == "oldest"
        where, api_ids = _meant(self, query, Permission.READ_CONNECTIONS)
        page = connections.get_connections(
            where=where, api_ids=api_ids, after=_after(cursor), size=size, oldest_first=oldest_first
        )
        return Response(
            {
                "items": [_document(*each) for each in page.connections],
                "nextCursor": encode(*page.next_after) if page.next_after else None,
                "total": page.total,
            }
        )


class ConnectionView(View):
    def api_id(self) -> str:
        connection_id = self.kwargs["connection_id"]
        return Connection.open.filter(pk=connection_id).values_list("api_id", flat=True).first() or ""

    def no_such_resource(self) -> NotFound:
        return NotFound(f"There is no connection {self.kwargs['connection_id']}.", resourceType="Connection")

    @endpoint("GetConnection", "Read a connection, its counters and its handshake", answer=OneConnectionShape)
    def get(self, request: Request, connection_id: str) -> Response:
        row, state = connections.get_connection(connection_id=connection_id)
        facts = connections.get_handshake(connection_id=connection_id)
        return Response(
            {
                **_document(row, state),
                "authorizer": row.authorizer,
                "handshake": None if facts is None else _handshake(facts),
            }
        )

    @endpoint(
        "Disconnect",
        "Close a connection with a code and a reason",
        query=CloseShape,
        answer=ResultShape,
        errors=(503,),
    )
    def delete(self, request: Request, connection_id: str) -> Response:
        result = connections.disconnect(connection_id=connection_id, **self.query(CloseShape))
        return Response({"result": result.value})


class SendView(ConnectionView):
    takes_nul = True
    http_method_names = ["post"]

    @endpoint(
        "SendToConnection",
        "Send a text or binary frame to a connection",
        body=FrameShape,
        answer=ResultShape,
        errors=(503,),
        example={"text": '{"price": 42}'},
    )
    def post(self, request: Request, connection_id: str) -> Response:
        result = connections.send_to_connection(connection_id=connection_id, frame=frame_of(self.body(FrameShape)))
        return Response({"result": result.value})


class BulkSendView(View):
    takes_nul = True

    @endpoint(
        "SendToConnections",
        "Send a frame to all connections that match",
        body=BulkSendShape,
        answer=TargetsShape,
        errors=(409, 503),
        example={"filter": {"apiId": "{apiId}", "minAge": 0}, "expectedCount": 1, "binary": "AAEC"},
    )
    def post(self, request: Request) -> Response:
        body = self.body(BulkSendShape)
        where, api_ids = _meant(self, body["filter"], Permission.WRITE_CONNECTIONS)
        targets = connections.broadcast(
            where=where, api_ids=api_ids, frame=frame_of(body), expected_count=body["expected_count"]
        )
        return Response(_results(targets))


class BulkDisconnectView(View):
    @endpoint(
        "DisconnectConnections",
        "Close all connections that match",
        body=BulkCloseShape,
        answer=TargetsShape,
        errors=(409, 503),
        example={"filter": {"sourceIp": "192.0.2.0/24"}, "expectedCount": 0, "code": 4000, "reason": "Maintenance"},
    )
    def post(self, request: Request) -> Response:
        body = self.body(BulkCloseShape)
        where, api_ids = _meant(self, body["filter"], Permission.WRITE_CONNECTIONS)
        targets = connections.disconnect_all(
            where=where,
            api_ids=api_ids,
            code=body["code"],
            reason=body["reason"],
            expected_count=body["expected_count"],
        )
        return Response(_results(targets))


class BroadcastView(View):
    takes_nul = True

    @endpoint(
        "BroadcastToStage",
        "Send a frame to everyone who is connected to a stage",
        body=FrameShape,
        answer=TargetsShape,
        errors=(503,),
        example={"text": "The server goes down in five minutes."},
    )
    def post(self, request: Request, api_id: str, stage_name: str) -> Response:
        get_stage(api_id=api_id, stage_name=stage_name)
        where = ConnectionFilter(api_id=api_id, stage=stage_name)
        frame = frame_of(self.body(FrameShape))
        return Response(_results(connections.broadcast(where=where, api_ids=None, frame=frame)))


def _meant(
    view: View, conditions: dict[str, Any], permission: Permission
) -> tuple[ConnectionFilter, frozenset[str] | None]:
    """The filter, and the APIs that it may reach; an API that it names must be one that the caller may use."""
    ids = tuple(each.strip() for each in conditions.pop("connection_id", "").split(",") if each.strip())
    where = ConnectionFilter(**conditions, connection_ids=ids)
    if where.api_id:
        nothing = NotFound(f"There is no API {where.api_id}.", resourceType="Api")
        check_api(view.access, permission, where.api_id, nothing)
    return where, view.access.apis_with(permission)


def _after(cursor: str | None) -> tuple[int, str] | None:
    if cursor is None:
        return None
    connected_at, connection_id = decode(cursor)
    if not isinstance(connected_at, int) or not isinstance(connection_id, str):
        raise invalid_cursor()
    return connected_at, connection_id


def _document(row: Connection, state: LiveState | None) -> Document:
    return {
        "connectionId": row.connection_id,
        "apiId": row.api_id,
        "stage": row.stage,
        "connectedAt": moment(row.connected_at),
        "domainName": row.domain_name,
        "sourceIp": row.source_ip,
        "userAgent": row.user_agent,
        "principalId": (row.authorizer or {}).get("principalId"),
        "node": f"{row.node_slot}.{row.node_incarnation}",
        "live": None if state is None else _live(state),
    }


def _live(state: LiveState) -> Document:
    limits = {camel(name): getattr(state.limits, name) for name in ConnectionLimitsShape._declared_fields}
    return {
        "lastActiveAt": moment(state.last_active_at),
        "idleSince": moment(state.idle_since),
        "messagesIn": state.messages_in,
        "messagesOut": state.messages_out,
        "bytesIn": state.bytes_in,
        "bytesOut": state.bytes_out,
        "inFlight": state.in_flight,
        "waiting": state.waiting,
        "slowConsumer": state.slow,
        "errorCount": state.errors,
        "lastRouteKey": state.last_route,
        "lastStatus": state.last_status,
        "lastStatusAt": _optional_moment(state.last_status_at),
        "lastError": state.last_error,
        "idleDeadline": _optional_moment(state.idle_deadline),
        "endsAt": _optional_moment(state.ends_at),
        "limits": limits,
    }


def _handshake(facts: HandshakeFacts) -> Document:
    return {
        "path": facts.path,
        "queryString": facts.query_string,
        "headers": [{"name": name, "value": value} for name, value in facts.headers],
        "origin": facts.origin,
        "subprotocol": facts.subprotocol,
        "secure": facts.secure,
        "truncated": facts.truncated,
    }


def _results(targets: list[Target]) -> Document:
    return {
        "counts": connections.count_results(targets),
        "targets": [{"connectionId": target.connection_id, "result": target.result.value} for target in targets],
    }


def _optional_moment(time_ms: int | None) -> str | None:
    return None if time_ms is None else moment(time_ms)
