"""The actor of an operation and their permissions, set where a request is authenticated (signature, token, session).

The audit log names the actor; operations that grant something compare it with what the actor holds (see `grants`).
Nothing is set for a program that calls operations on the machine itself: it acts as the user that it runs as, and
everyone who may run it may do everything.
"""

import getpass
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

from gatewayapp.core.roles import UNRESTRICTED, Access


@dataclass(frozen=True, slots=True)
class Actor:
    """Someone who may change things: `kind` is `access-key`, `token`, `user` or `command`."""

    kind: str
    id: str
    name: str
    source_address: str = ""


@contextmanager
def acting(actor: Callable[[], Actor], access: Callable[[], Access] = Access) -> Iterator[None]:
    """Within this context `actor` returns who acts and `access` what they may do; by default they can grant nothing.

    Both are called only when an operation needs them.
    """
    tokens = _actor.set(actor), _access.set(access)
    try:
        yield
    finally:
        _actor.reset(tokens[0])
        _access.reset(tokens[1])


def current_actor() -> Actor:
    return _actor.get()()


def current_access() -> Access:
    """What the actor may do."""
    return _access.get()()


def _command() -> Actor:
    program = " ".join([Path(sys.argv[0]).name, *sys.argv[1:2]])
    return Actor("command", _system_user(), program[:256])


def _system_user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # in a container that runs as a number without a name
        return str(os.getuid())


_actor: ContextVar[Callable[[], Actor]] = ContextVar("actor", default=_command)
_access: ContextVar[Callable[[], Access]] = ContextVar("access", default=lambda: UNRESTRICTED)
