"""Functions for a `ReaderProcess` that do what a reader should not."""

import os
import time

from gatewayapp.interchange.problems import reject


def echo(text: str) -> str:
    return text


def refuse(text: str) -> None:
    raise reject("there", text)


def hang() -> None:
    time.sleep(600)


def take(size: int) -> int:
    """Make a text of so many bytes."""
    return len(bytearray(size))


def die(status: int) -> None:
    os._exit(status)


def call(name: str, *arguments: object) -> object:
    """The function with that name, so that one process can do several things."""
    return globals()[name](*arguments)


def fail() -> None:
    raise ZeroDivisionError("not the document's fault")
