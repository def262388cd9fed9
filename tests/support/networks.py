"""A network of one cable between this machine and a namespace on it, so that clients can vanish without a farewell.

Needs root and `ip`; pulling the cable drops every packet, and no side hears a FIN or RST.
"""

import ctypes
import os
import shutil
import subprocess
import threading
from collections.abc import Callable
from types import TracebackType
from typing import TypeVar

Result = TypeVar("Result")

HOST, GUEST = "10.251.77.1", "10.251.77.2"
_CLONE_NEWNET = 0x40000000


def why_not() -> str | None:
    """Why this machine cannot make such a network, None if it can."""
    if os.geteuid() != 0:
        return "a network namespace needs root"
    if shutil.which("ip") is None:
        return "a network namespace needs the ip command"
    tried = subprocess.run(["ip", "netns", "add", "nopal-probe"], capture_output=True, text=True, check=False)
    if tried.returncode != 0:
        return f"ip netns: {tried.stderr.strip()}"
    _ip("netns", "del", "nopal-probe")
    return None


class Cable:
    """The cable; `HOST` is our end's address, `GUEST` the namespace's."""

    def __init__(self) -> None:
        self._name = f"nopal{os.getpid()}"
        self._near, self._far = f"nph{os.getpid()}", f"npg{os.getpid()}"

    def __enter__(self) -> "Cable":
        _ip("netns", "add", self._name)
        _ip("link", "add", self._near, "type", "veth", "peer", "name", self._far, "netns", self._name)
        _ip("addr", "add", f"{HOST}/30", "dev", self._near)
        _ip("link", "set", self._near, "up")
        _ip("-n", self._name, "addr", "add", f"{GUEST}/30", "dev", self._far)
        _ip("-n", self._name, "link", "set", self._far, "up")
        return self

    def __exit__(self, *error: type[BaseException] | BaseException | TracebackType | None) -> None:
        # A namespace lives on while sockets do, so its deletion alone would leave the cable.
        _ip("link", "del", self._near)
        _ip("netns", "del", self._name)

    def pull(self) -> None:
        """From now on every packet is lost, both ways."""
        _ip("-n", self._name, "link", "set", self._far, "down")

    def from_guest(self, function: Callable[[], Result]) -> Result:
        """Run `function` in the namespace; sockets that it makes stay there."""
        result: list[Result] = []
        failure: list[BaseException] = []

        def run() -> None:
            try:
                _enter(self._name)
                result.append(function())
            except BaseException as error:
                failure.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
        if failure:
            raise failure[0]
        return result[0]


def _enter(name: str) -> None:
    """Move the calling thread, and it alone, into a namespace."""
    with open(f"/var/run/netns/{name}") as namespace:
        if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), _CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)
