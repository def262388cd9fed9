"""The list's sockets: one tells of the rows that are shown, the other does something to many connections at once."""

import asyncio
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from time import monotonic, time
from typing import Any

from asgiref.sync import sync_to_async
from channels.db import database_sync_to_async
from django.http import QueryDict

from dashboard.connections.detail import live_facts
from dashboard.connections.filters import FilterForm, Query
from dashboard.connections.forms import CloseForm, FrameForm, first_error
from dashboard.connections.rows import cells_of
from dashboard.connections.timeline import MOST, entry_of
from dashboard.live import LiveConsumer
from gatewayapp.controlplane.api.v1.permissions import on_some
from gatewayapp.controlplane.operations.actors import Actor, acting
from gatewayapp.controlplane.operations.connections import (
    Target,
    broadcast,
    count_results,
    disconnect,
    disconnect_all,
    get_connections,
    send_to_connection,
)
from gatewayapp.controlplane.operations.errors import Conflict, NotFound, OperationError
from gatewayapp.core.roles import Access, Permission
from gatewayapp.live import ConnectionFilter, Delivery, LiveState, NoGateway, TraceFilter, live_connections
from gatewayapp.models import Connection

_SECONDS = 0.5
"""Between two looks at the rows."""
_MOST_ROWS = 100
_SECONDS_OF_COUNTING = 2.0
_SHARE_OF_COUNTING = 0.01
"""Of the time at most this much goes into counting what is new."""
_JITTER_MS = 1_000
"""Times that differ by less are the same: they are reckoned from a clock of another kind each time."""
_TIMES = ("idle", "left", "idle-until")
_SECONDS_AFTER_THE_END = 5.0
_MOST_TARGETS = 500
"""That are named one by one, in what is asked and in what is told."""


class ListConsumer(LiveConsumer):
    """Tells of the rows of a page, at most twice a second, and of nothing that has not changed."""

    need = on_some(Permission.READ_CONNECTIONS)

    async def watch(self) -> None:
        access, ids = self.access, await self._visible_ids()
        rows = Rows()
        counting = asyncio.create_task(self._count_new(rows))
        try:
            while True:
                if access is not self.access:  # it is looked up anew now and then
                    access, ids = self.access, await self._visible_ids()
                if news := rows.news(ids):
                    await self.tell(news)
                await asyncio.sleep(_SECONDS)
        finally:
            counting.cancel()

    async def _visible_ids(self) -> tuple[str, ...]:
        """The ids that the page asks about, but for those of APIs that one may not see."""
        asked = tuple(each for each in self._asked("ids").split(",") if each)[:_MOST_ROWS]
        if not asked:
            return ()
        readable = self.access.apis_with(Permission.READ_CONNECTIONS)
        if readable is None:
            return asked
        where = ConnectionFilter(connection_ids=asked)
        page = await sync_to_async(get_connections)(where=where, api_ids=readable, after=None, size=_MOST_ROWS)
        return tuple(connection.connection_id for connection, _ in page.connections)

    async def _count_new(self, rows: "Rows") -> None:
        """Count again and again the connections that have come since the page was made and that it would list."""
        since = self._asked("since")
        query = _query(self.scope["query_string"].decode("latin-1"))
        if not query.is_valid or not (since.isascii() and since.isdigit()):
            return
        while True:
            started = monotonic()
            rows.new = await asyncio.to_thread(_count, _since(query.where, int(since)), self.access)
            took = monotonic() - started
            await asyncio.sleep(max(_SECONDS_OF_COUNTING, took / _SHARE_OF_COUNTING))

    def _asked(self, name: str) -> str:
        return self.query.get(name, [""])[0]


class Rows:
    """What a viewer was told of the rows, so that they are told only of changes."""

    def __init__(self) -> None:
        self.new = 0
        self._told_new = 0
        self._told: dict[str, Mapping[str, Any]] = {}
        self._ended: set[str] = set()
        self._first = True

    def news(self, ids: tuple[str, ...]) -> dict[str, Any]:
        """What has changed since the last time: cells by ids, when rows ended, how many connections are new."""
        try:
            states = live_connections().states([each for each in ids if each not in self._ended])
        except NoGateway:
            return {}
        changed = {}
        for connection_id, state in states.items():
            cells, told = cells_of(state), self._told.get(connection_id, {})
            if differing := {
                name: value for name, value in cells.items() if _differs(name, value, told.get(name, ...))
            }:
                changed[connection_id] = differing
                self._told[connection_id] = {**told, **differing}
        # Of those that were gone before anyone looked nobody knows when they ended.
        now = None if self._first else int(time() * 1000)
        ended = {each: now for each in ids if each not in states and each not in self._ended}
        self._ended.update(ended)
        self._first = False
        news: dict[str, Any] = {}
        if changed:
            news["rows"] = changed
        if ended:
            news["ended"] = ended
        if self.new != self._told_new:
            news["new"] = self._told_new = self.new
        return news


def _differs(name: str, value: Any, told: Any) -> bool:
    if name in _TIMES and value is not None and isinstance(told, int):
        return bool(abs(value - told) >= _JITTER_MS)
    return bool(value != told)


def _since(where: ConnectionFilter, since: int) -> ConnectionFilter:
    age = max(0.0, time() - since / 1000)
    return replace(where, max_age=age if where.max_age is None else min(age, where.max_age))


def _count(where: ConnectionFilter, access: Access) -> int:
    try:
        return len(live_connections().select(where, access.apis_with(Permission.READ_CONNECTIONS)))
    except NoGateway:
        return 0


class DetailConsumer(LiveConsumer):
    """Tells how one connection stands, at most twice a second, and of its frames as they come, until it ends."""

    need = on_some(Permission.READ_CONNECTIONS)

    async def watch(self) -> None:
        connection_id = self.scope["url_route"]["kwargs"]["connection_id"]
        readable = self.access.apis_with(Permission.READ_CONNECTIONS)
        where = ConnectionFilter(connection_ids=(connection_id,))
        page = await sync_to_async(get_connections)(where=where, api_ids=readable, after=None, size=1)
        if not page.connections:
            await self.tell({"ended": None})
            return
        [(row, _)] = page.connections
        frames = asyncio.create_task(self._tell_frames(TraceFilter(api_ids=readable, connection_id=connection_id)))
        try:
            await self._tell_state(row)
            # What came last may still be on its way: the $disconnect route's integration answers after the end.
            await asyncio.wait([frames], timeout=_SECONDS_AFTER_THE_END)
        finally:
            frames.cancel()

    async def _tell_state(self, row: Connection) -> None:
        told: Mapping[str, Any] = {}
        while (state := _state(row.connection_id)) is not None:
            facts = live_facts(state, row)
            changed = {name: value for name, value in facts.items() if _differs(name, value, told.get(name, ...))}
            if changed:
                await self.tell(changed)
                told = {**told, **changed}
            await asyncio.sleep(_SECONDS)
        await self.tell({"ended": int(time() * 1000) if told else None})

    async def _tell_frames(self, where: TraceFilter) -> None:
        """The frames that are known already, and those that come; while this lasts they are recorded."""
        subscription = live_connections().watch(where)
        try:
            known = live_connections().traces(where, None, MOST).traces[::-1]
            await self.tell({"frames": [entry_of(trace) for trace in known], "dropped": 0})
            last = known[-1].number if known else 0
            async for batch in subscription:
                new = [entry_of(trace) for trace in batch.traces if trace.number > last]
                if new or batch.dropped:
                    await self.tell({"frames": new[-MOST:], "dropped": batch.dropped})
        except (NoGateway, OSError):
            pass  # the gateway or the viewer is gone
        finally:
            subscription.close()


def _state(connection_id: str) -> LiveState | None:
    try:
        return live_connections().state(connection_id)
    except NoGateway:
        return None


class ActionConsumer(LiveConsumer):
    """Sends a frame to connections or closes them, tells how far it is, and what became of each.

    It is asked with `do` (`send` or `disconnect`), the fields of `FrameForm` or `CloseForm`, and either `ids` or
    `conditions` (the list's query) with `expected`, how many connections they mean. `{"do": "stop"}` ends it before its
    time, or before it begins where it is said first: what is done stays done, and the rest is told as not done.
    """

    need = on_some(Permission.WRITE_CONNECTIONS)

    async def connect(self) -> None:
        self._asked: asyncio.Queue[dict[str, Any]] = asyncio.Queue(1)
        self._stopped = threading.Event()
        await super().connect()

    async def heard(self, message: dict[str, Any]) -> None:
        if message.get("do") == "stop":
            self._stopped.set()
            return
        await self._asked.put(message)

    async def watch(self) -> None:
        while True:
            message = await self._asked.get()
            try:
                await self.tell(await self._act(message))
            except Conflict as error:
                await self.tell({"error": error.message, "matching": error.details.get("matching")})
            except OperationError as error:
                await self.tell({"error": error.message})
            self._stopped.clear()

    async def _act(self, message: dict[str, Any]) -> dict[str, Any]:
        if not await self._is_allowed():  # as it is now: a socket may be older than a change of roles
            return {"error": "You may not do this any more."}
        where, expected = _meant(message)
        if where is None:
            return {"error": "These conditions are not right: load the list again."}
        form = FrameForm(message) if message.get("do") == "send" else CloseForm(message)
        if not form.is_valid():
            return {"error": first_error(form)}
        # A thread of its own: thousands of frames take a while, and pages are not to wait for them.
        done = await database_sync_to_async(self._run, thread_sensitive=False)(where, expected, form)
        return _outcome(done)

    def _run(self, where: ConnectionFilter, expected: int | None, form: FrameForm | CloseForm) -> "Done":
        api_ids = self.access.apis_with(Permission.WRITE_CONNECTIONS)
        with acting(self._actor, lambda: self.access):
            if len(where.connection_ids) == 1:
                return Done([_act_on_one(where, api_ids, form)])
            progress = Progress(self)
            many: dict[str, Any] = {
                "where": where,
                "api_ids": api_ids,
                "expected_count": expected,
                "told": progress.told,
            }
            if isinstance(form, FrameForm):
                targets = broadcast(frame=form.cleaned_data["frame"], **many)
            else:
                code, reason = form.cleaned_data["code"], form.cleaned_data["reason"]
                targets = disconnect_all(code=code, reason=reason, **many)
        found = {target.connection_id for target in targets}
        missing = [each for each in where.connection_ids if each not in found]
        if left := progress.total - len(targets):
            return Done(targets, max(left, len(missing)), missing)
        return Done(targets + [Target(each, Delivery.GONE) for each in missing])

    def is_stopped(self) -> bool:
        return self._stopped.is_set()

    def tell_from_thread(self, data: dict[str, Any]) -> None:
        asyncio.run_coroutine_threadsafe(self.tell(data), self.loop)

    def _actor(self) -> Actor:
        client = self.scope.get("client") or ("",)
        return Actor("user", str(self.user.pk), self.user.get_username(), str(client[0]))


class Progress:
    """Passes on from a thread how far an action is, at most four times a second, and whether it is to go on."""

    def __init__(self, viewer: ActionConsumer) -> None:
        self.total = 0
        self._viewer = viewer
        self._last = monotonic()

    def told(self, done: int, total: int) -> bool:
        self.total = total
        if monotonic() - self._last >= 0.25:
            self._last = monotonic()
            self._viewer.tell_from_thread({"done": done, "total": total})
        return not self._viewer.is_stopped()


@dataclass(frozen=True, slots=True)
class Done:
    """What became of an action: its targets, how many it did not come to, and those of them that were named."""

    targets: list[Target]
    left: int = 0
    named_left: Sequence[str] = ()


def _act_on_one(where: ConnectionFilter, api_ids: frozenset[str] | None, form: FrameForm | CloseForm) -> Target:
    [connection_id] = where.connection_ids
    if not get_connections(where=where, api_ids=api_ids, after=None, size=1).connections:
        return Target(connection_id, Delivery.GONE)
    try:
        if isinstance(form, FrameForm):
            delivery = send_to_connection(connection_id=connection_id, frame=form.cleaned_data["frame"])
        else:
            code, reason = form.cleaned_data["code"], form.cleaned_data["reason"]
            delivery = disconnect(connection_id=connection_id, code=code, reason=reason)
    except NotFound:  # it has ended since
        delivery = Delivery.GONE
    return Target(connection_id, delivery)


def _meant(message: dict[str, Any]) -> tuple[ConnectionFilter | None, int | None]:
    """The connections that a message is about, and how many they must be; of named ones some may have ended."""
    ids = message.get("ids")
    if isinstance(ids, list):
        named = tuple({each: None for each in ids if isinstance(each, str) and each})[:_MOST_TARGETS]
        return (ConnectionFilter(connection_ids=named) if named else None), None
    query, expected = _query(str(message.get("conditions", ""))), message.get("expected")
    if not query.is_valid or not isinstance(expected, int):
        return None, None
    return query.where, expected


def _query(text: str) -> Query:
    data = QueryDict(text)
    return Query(FilterForm(data, {data.get("api", ""): ""}), data)


def _outcome(done: Done) -> dict[str, Any]:
    """Counts, and the targets themselves: those first that did not get it."""
    refused = [target for target in done.targets if target.result is not Delivery.ACCEPTED]
    accepted = [target for target in done.targets if target.result is Delivery.ACCEPTED]
    targets = [
        *([target.connection_id, target.result.value] for target in refused),
        *([connection_id, "notDone"] for connection_id in done.named_left),
        *([target.connection_id, target.result.value] for target in accepted),
    ][:_MOST_TARGETS]
    return {
        "counts": {**count_results(done.targets), "notDone": done.left},
        "targets": targets,
        "left_out": len(done.targets) + done.left - len(targets),
    }
