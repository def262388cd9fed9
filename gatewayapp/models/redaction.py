"""The redactor of this installation, including the names in `NOPAL_MASK`."""

from functools import lru_cache

from django.conf import settings

from gatewayapp.core.masking import Mask
from gatewayapp.core.redaction import Redactor


def redactor() -> Redactor:
    return _redactor(tuple(settings.NOPAL_MASK))


@lru_cache(maxsize=4)
def _redactor(names: tuple[str, ...]) -> Redactor:
    return Redactor(Mask(names))
