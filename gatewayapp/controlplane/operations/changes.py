"""What makes a function an operation that changes something: one transaction, one new configuration version.

After the commit `configuration_changed` is sent, so that the data plane of this process looks at once. A change of an
API's draft also deploys it to the stages that deploy automatically.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import ParamSpec, TypeVar

from django.db import IntegrityError, OperationalError, transaction

from gatewayapp.controlplane.operations.errors import Conflict
from gatewayapp.controlplane.operations.snapshots import redeploy
from gatewayapp.models import ConfigurationVersion, configuration_changed

P = ParamSpec("P")
R = TypeVar("R")


def change(function: Callable[P, R]) -> Callable[P, R]:
    """`function` as one change of the configuration."""

    @wraps(function)
    def changing(*args: P.args, **kwargs: P.kwargs) -> R:
        with _one_change():
            return function(*args, **kwargs)

    return changing


def draft_change(function: Callable[P, R]) -> Callable[P, R]:
    """`function`, which takes an `api_id`, as one change of that API's draft."""

    @wraps(function)
    def changing(*args: P.args, **kwargs: P.kwargs) -> R:
        with _one_change():
            result = function(*args, **kwargs)
            redeploy(str(kwargs["api_id"]))
            return result

    return changing


@contextmanager
def _one_change() -> Iterator[None]:
    try:
        with transaction.atomic():
            version = ConfigurationVersion.bump()
            yield
            transaction.on_commit(lambda: configuration_changed.send(sender=ConfigurationVersion, version=version))
    except IntegrityError as error:
        raise Conflict(_CONCURRENT) from error
    except OperationalError as error:
        if "locked" not in str(error):
            raise
        raise Conflict(_CONCURRENT) from error


_CONCURRENT = "Unable to complete operation due to concurrent modification. Please try again later."
