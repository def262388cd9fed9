"""Who is acting: set at each door (a signed request, a token, a session), read by the audit log.

Nothing is set for a program that calls operations on the machine itself: it acts as the user that it runs as.
"""

import getpass
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Actor:
    """Someone who may change things: `kind` is `access-key`, `token`, `user` or `command`."""

    kind: str
    id: str
    name: str
    source_address: str = ""


@contextmanager
def acting(actor: Callable[[], Actor]) -> Iterator[None]:
    """While this lasts `actor` tells who acts; it is asked only when something changes."""
    token = _actor.set(actor)
    try:
        yield
    finally:
        _actor.reset(token)


def current_actor() -> Actor:
    return _actor.get()()


def _command() -> Actor:
    program = " ".join([Path(sys.argv[0]).name, *sys.argv[1:2]])
    return Actor("command", _system_user(), program[:256])


def _system_user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # in a container that runs as a number without a name
        return str(os.getuid())


_actor: ContextVar[Callable[[], Actor]] = ContextVar("actor", default=_command)
