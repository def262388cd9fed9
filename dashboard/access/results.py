"""What an operation refuses, in the words of a form."""

from collections.abc import Callable
from typing import TypeVar

from django import forms

from gatewayapp.controlplane.operations.errors import OperationError

R = TypeVar("R")


def tried(form: forms.Form, operation: Callable[[], R], field: str | None = None) -> R | None:
    """What `operation` returns; where it refuses, None, and the reason stands at the form's `field`, or above all."""
    try:
        return operation()
    except OperationError as error:
        form.add_error(field, error.message)
        return None
