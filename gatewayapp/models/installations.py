"""Installation: which installation the database belongs to, and where it last ran.

A file in the data directory holds the same id, so that a copied database or directory is recognized, see
`gatewayapp.dataplane.installation`.
"""

from django.db import models


class Installation(models.Model):
    ROW = 1

    installation_id = models.CharField(max_length=32)
    place = models.CharField(max_length=512)
    held_incarnations = models.JSONField(default=list)
    """Incarnations of the node whose connections were found in a copy and wait for a decision."""

    def __str__(self) -> str:
        return self.installation_id

    @classmethod
    def current(cls) -> "Installation | None":
        """The only row; None before the first start."""
        return cls.objects.filter(pk=cls.ROW).first()

    @classmethod
    def held(cls) -> list[int]:
        """The incarnations whose connections are on hold until a user decides."""
        installation = cls.current()
        return [] if installation is None else list(installation.held_incarnations)
