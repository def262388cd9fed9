"""Node: a running process that owns connections; each start is a new incarnation of it."""

from django.db import models


class Node(models.Model):
    slot = models.IntegerField(primary_key=True)
    incarnation = models.IntegerField()

    def __str__(self) -> str:
        return f"{self.slot}.{self.incarnation}"
