"""What makes a function an operation that changes something: one transaction, one new configuration version, one entry
in the audit log.

After the commit `configuration_changed` is sent, so that the data plane of this process looks at once. A change of an
API's draft also moves the draft's version, and deploys it to the stages that deploy automatically, which is part of the
same change. Who looked at a draft before they change it may say so:

    with expecting(api_id, version):  # of get_draft_version
        update_route(…)               # raises Outdated where somebody else changed the draft since

What takes several operations is one change all the same, with one entry for the whole of it:

    with one_change_of("UpdateRoute", lambda: get_route(…), route_with_responses):
        update_route(…)
        create_route_response(…)
"""

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from django.db import IntegrityError, OperationalError, transaction

from gatewayapp.controlplane.operations.audit_entries import add_entry, last_entry, path_of
from gatewayapp.controlplane.operations.errors import Conflict, NotFound, Outdated
from gatewayapp.controlplane.operations.snapshots import redeploy
from gatewayapp.models import Api, ConfigurationVersion, Document, Resource, configuration_changed
from gatewayapp.models.resources import timestamp

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S", bound=Resource)
Read = Callable[..., Any]


def change(function: Callable[P, R]) -> Callable[P, R]:
    """`function`, which makes something and returns it, as one change of the configuration."""
    return _operation(function, None, is_of_draft=False)


def change_of(read: Read) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """The same for a function that changes or deletes what `read` gives for the same keywords."""
    return lambda function: _operation(function, read, is_of_draft=False)


def draft_change(function: Callable[P, R]) -> Callable[P, R]:
    """`function`, which takes an `api_id`, makes something and returns it, as one change of that API's draft."""
    return _operation(function, None, is_of_draft=True)


def draft_change_of(read: Read) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """The same for a function that changes or deletes what `read` gives for the same keywords."""
    return lambda function: _operation(function, read, is_of_draft=True)


@contextmanager
def expecting(api_id: str, version: str) -> Iterator[None]:
    """While this lasts, a change of the API raises Outdated and changes nothing unless its draft has this version.

    One's own changes move what is expected along, so that several may follow one another.
    """
    token = _expectation.set(_Expectation(api_id, version))
    try:
        yield
    finally:
        _expectation.reset(token)


def check_expectation(api_id: str) -> None:
    """Raise Outdated where another version of the API's draft is expected. Every operation on an API does it."""
    expected = _expectation.get()
    if expected is None or expected.api_id != api_id:
        return
    version = get_draft_version(api_id=api_id)
    if version and version != expected.version:
        raise _changed_meanwhile(api_id, version)


def get_draft_version(*, api_id: str) -> str:
    """What tells one state of an API's draft from another; empty where there is no such API."""
    revision = Api.objects.filter(pk=api_id).values_list("draft_revision", flat=True).first()
    return "" if revision is None else str(revision)


def get_last_change(*, api_id: str) -> dict[str, str] | None:
    """Who changed what of an API's draft last, as the audit log has it."""
    entry = last_entry(api_id, _DRAFT_ACTIONS)
    if entry is None:
        return None
    path = entry.resource.partition("::")[2]
    return {"actor": entry.actor_name, "action": entry.action, "path": path, "at": timestamp(entry.at)}


@dataclass(slots=True)
class Entry:
    """What the audit log will say of a change; `path` is that of the resource, below `/v2`."""

    version: int
    """The configuration version that the change makes."""
    path: str = ""
    before: Document | None = None
    after: Document | None = None


@contextmanager
def one_change(action: str) -> Iterator[Entry]:
    """One change of the configuration, whatever it consists of: the entry is filled in while it lasts.

    A change within a change is part of it. Raises Conflict where another change was made at the same moment.
    """
    outer = _moved_drafts.get()
    moved: set[str] = set() if outer is None else outer
    try:
        with transaction.atomic():
            version = ConfigurationVersion.bump()
            entry = Entry(version)
            token = _moved_drafts.set(moved)
            try:
                yield entry
            finally:
                _moved_drafts.reset(token)
            if outer is None:
                for api_id in sorted(moved):
                    redeploy(api_id)
                add_entry(action, entry.path, entry.before, entry.after)
            # Robust: a listener that fails is logged, since the change is made and its caller must not hear otherwise.
            transaction.on_commit(
                lambda: configuration_changed.send(sender=ConfigurationVersion, version=version), robust=True
            )
    except IntegrityError as error:
        raise Conflict(_CONCURRENT) from error
    except OperationalError as error:
        if "locked" not in str(error):
            raise
        raise Conflict(_CONCURRENT) from error


@contextmanager
def one_change_of(
    action: str, read: Callable[[], S], document: Callable[[S], Document] = Resource.document
) -> Iterator[None]:
    """One change of what `read` gives, by several operations; the audit log has its `document` before and after."""
    with one_change(action) as entry:
        subject = read()
        entry.path, entry.before = path_of(subject), document(subject)
        yield
        entry.after = document(read())


_moved_drafts: ContextVar[set[str] | None] = ContextVar("moved_drafts", default=None)
"""Of the change that is under way: the APIs whose drafts it moves, which are deployed at its end, once."""

_CONCURRENT = "Unable to complete operation due to concurrent modification. Please try again later."


def _operation(function: Callable[P, R], read: Read | None, *, is_of_draft: bool) -> Callable[P, R]:
    action = function.__name__.title().replace("_", "")
    keys = inspect.signature(read).parameters if read else ()
    if is_of_draft:
        _DRAFT_ACTIONS.add(action)

    @wraps(function)
    def changing(*args: P.args, **kwargs: P.kwargs) -> R:
        with one_change(action) as entry:
            check_expectation(str(kwargs.get("api_id", "")))
            key = {name: kwargs[name] for name in keys if name in kwargs}
            changed = read(**key) if read else None
            entry.before = changed.document() if changed else None
            result = function(*args, **kwargs)
            if is_of_draft:
                _move_draft(str(kwargs["api_id"]), entry.version)
            subject: Any = changed or _made(result)
            entry.path = path_of(subject)
            entry.after = _left(read, key) if read else subject.document()
            return result

    return changing


def _made(result: Any) -> Any:
    """What an operation made; one that also gives a secret gives both."""
    return result[0] if isinstance(result, tuple) else result


def _left(read: Read, key: dict[str, Any]) -> Document | None:
    """What there is after a change; None after a deletion."""
    try:
        document: Document = read(**key).document()
    except NotFound:
        return None
    return document


@dataclass(slots=True)
class _Expectation:
    api_id: str
    version: str


_expectation: ContextVar[_Expectation | None] = ContextVar("expectation", default=None)

_DRAFT_ACTIONS = {"ReimportApi"}
"""What the audit log calls changes of a draft; operations that are decorated as such add themselves."""


def _move_draft(api_id: str, version: int) -> None:
    Api.objects.filter(pk=api_id).update(draft_revision=version)
    moved = _moved_drafts.get()
    assert moved is not None
    moved.add(api_id)
    expected = _expectation.get()
    if expected is not None and expected.api_id == api_id:
        expected.version = str(version)


def _changed_meanwhile(api_id: str, version: str) -> Outdated:
    last = get_last_change(api_id=api_id)
    if last is None:
        return Outdated("The draft has changed since you looked at it. Load it again.", version=version)
    return Outdated(
        f"The draft has changed since you looked at it, and nothing was done. The last change: {last['actor']}, "
        f"{last['action']} {last['path']}, {last['at']}. Load it again.",
        version=version,
        **last,
    )
