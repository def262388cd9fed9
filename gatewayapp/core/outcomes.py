"""What became of an event at the end of its way: the answer, and what is counted and shown of how it came about.

Errors are told apart as CloudWatch does it for WebSocket APIs: a client error is refused before an integration is
called, an integration error is one that the integration answered with, an execution error happened while calling it.
"""

import enum
from dataclasses import dataclass
from typing import Generic, TypeVar

from gatewayapp.core.errors import BadIntegrationResult, FunctionFailure, GatewayError
from gatewayapp.core.snapshot import Route

Answer_co = TypeVar("Answer_co", covariant=True)

_LONGEST_TEXT = 500


class Fault(enum.Enum):
    """Whose error it was."""

    CLIENT = "ClientError"
    INTEGRATION = "IntegrationError"
    EXECUTION = "ExecutionError"


@dataclass(slots=True)
class Outcome(Generic[Answer_co]):
    """One event's end. `status` is the integration's, `latency` the seconds that it took; None: it was not called."""

    answer: Answer_co
    route: Route | None = None
    status: int | None = None
    error: GatewayError | None = None
    latency: float | None = None

    @property
    def fault(self) -> Fault | None:
        """Whose error it was, None if there was none."""
        if self.error is None:
            return Fault.INTEGRATION if self.status is not None and self.status >= 400 else None
        if isinstance(self.error, FunctionFailure | BadIntegrationResult):
            return Fault.INTEGRATION
        return Fault.CLIENT if self.error.status < 500 else Fault.EXECUTION

    @property
    def is_delivered(self) -> bool:
        """Whether the backend has received the event: it responded, even if with an error."""
        if self.error is None:
            return True
        return self.fault is Fault.INTEGRATION and not self.error.is_retryable

    @property
    def status_text(self) -> str | None:
        """The integration's status, or the name of the error; None where no integration was to be called."""
        if self.error is not None:
            return _name(self.error)
        return None if self.status is None else str(self.status)

    @property
    def error_text(self) -> str:
        """What went wrong, for those who run the gateway; not for clients."""
        text = self.error.detail or self.error.message if self.error else f"The integration answered {self.status}."
        return text[:_LONGEST_TEXT]


def _name(error: GatewayError) -> str:
    """The error's name among those that `errors` lists; what is finer than those is of use inside only."""
    return next(kind.__name__ for kind in type(error).__mro__ if kind.__module__ == GatewayError.__module__)
