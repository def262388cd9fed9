"""Node: a running process that owns connections; one whose heartbeat stops has left its connections behind."""

from django.db import models


class Node(models.Model):
    slot = models.IntegerField(primary_key=True)
    incarnation = models.IntegerField()
    heartbeat = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.slot}.{self.incarnation}"
