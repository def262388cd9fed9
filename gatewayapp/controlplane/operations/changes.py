"""What makes a function an operation that changes something: one transaction, one new configuration version, one entry
in the audit log.

After the commit `configuration_changed` is sent, so that the data plane of this process looks at once. A change of an
API's draft also deploys it to the stages that deploy automatically, which is part of the same change.
"""

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from django.db import IntegrityError, OperationalError, transaction

from gatewayapp.controlplane.operations.audit_entries import add_entry, path_of
from gatewayapp.controlplane.operations.errors import Conflict, NotFound
from gatewayapp.controlplane.operations.snapshots import redeploy
from gatewayapp.models import ConfigurationVersion, Document, configuration_changed

P = ParamSpec("P")
R = TypeVar("R")
Read = Callable[..., Any]


def change(function: Callable[P, R]) -> Callable[P, R]:
    """`function`, which makes something and returns it, as one change of the configuration."""
    return _operation(function, None, None)


def change_of(read: Read) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """The same for a function that changes or deletes what `read` gives for the same keywords."""
    return lambda function: _operation(function, read, None)


def draft_change(function: Callable[P, R]) -> Callable[P, R]:
    """`function`, which takes an `api_id`, makes something and returns it, as one change of that API's draft."""
    return _operation(function, None, redeploy)


def draft_change_of(read: Read) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """The same for a function that changes or deletes what `read` gives for the same keywords."""
    return lambda function: _operation(function, read, redeploy)


@dataclass(slots=True)
class Entry:
    """What the audit log will say of a change; `path` is that of the resource, below `/v2`."""

    path: str = ""
    before: Document | None = None
    after: Document | None = None


@contextmanager
def one_change(action: str) -> Iterator[Entry]:
    """One change of the configuration, whatever it consists of: the entry is filled in while it lasts.

    A change within a change is part of it. Raises Conflict where another change was made at the same moment.
    """
    try:
        with transaction.atomic():
            version = ConfigurationVersion.bump()
            entry = Entry()
            within = _within_change.get()
            token = _within_change.set(True)
            try:
                yield entry
            finally:
                _within_change.reset(token)
            if not within:
                add_entry(action, entry.path, entry.before, entry.after)
            transaction.on_commit(lambda: configuration_changed.send(sender=ConfigurationVersion, version=version))
    except IntegrityError as error:
        raise Conflict(_CONCURRENT) from error
    except OperationalError as error:
        if "locked" not in str(error):
            raise
        raise Conflict(_CONCURRENT) from error


_within_change: ContextVar[bool] = ContextVar("within_change", default=False)

_CONCURRENT = "Unable to complete operation due to concurrent modification. Please try again later."


def _operation(function: Callable[P, R], read: Read | None, deploy: Callable[[str], None] | None) -> Callable[P, R]:
    action = function.__name__.title().replace("_", "")
    keys = inspect.signature(read).parameters if read else ()

    @wraps(function)
    def changing(*args: P.args, **kwargs: P.kwargs) -> R:
        with one_change(action) as entry:
            key = {name: kwargs[name] for name in keys if name in kwargs}
            changed = read(**key) if read else None
            entry.before = changed.document() if changed else None
            result = function(*args, **kwargs)
            if deploy:
                deploy(str(kwargs["api_id"]))
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
