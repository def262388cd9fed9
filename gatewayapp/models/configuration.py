"""ConfigurationVersion: one number that grows with each change, so that every process knows when to look again.

`configuration_changed` (argument `version`) tells the process that made the change, once it is committed.
"""

from django.db import models
from django.db.models import F
from django.dispatch import Signal

configuration_changed = Signal()


class ConfigurationVersion(models.Model):
    ROW = 1

    version = models.BigIntegerField()

    def __str__(self) -> str:
        return str(self.version)

    @classmethod
    def current(cls) -> int:
        return cls.objects.filter(pk=cls.ROW).values_list("version", flat=True).first() or 0

    @classmethod
    def bump(cls) -> int:
        """The next version. Holds the row until the transaction ends, so changes follow one another."""
        if not cls.objects.filter(pk=cls.ROW).update(version=F("version") + 1):
            cls.objects.create(pk=cls.ROW, version=1)
        return cls.current()
