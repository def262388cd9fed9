"""Connection: one WebSocket connection, from its handshake until its `$disconnect` was delivered.

Written only by the data plane, in batches; strings instead of foreign keys, since a row may outlive what it names.
A row with `closed_at` is of a connection that has ended, and holds what a repeated `$disconnect` must say again.
"""

from django.db import models


class OpenConnections(models.Manager["Connection"]):
    """The rows of open connections, for lists and counts."""

    def get_queryset(self) -> "models.QuerySet[Connection]":
        return super().get_queryset().filter(closed_at=None)


class Connection(models.Model):
    connection_id = models.CharField(primary_key=True, max_length=43)
    api_id = models.CharField(max_length=10)
    stage = models.CharField(max_length=128)
    node_slot = models.IntegerField()
    node_incarnation = models.IntegerField()
    connected_at = models.BigIntegerField()
    """Epoch milliseconds."""
    domain_name = models.CharField(max_length=512)
    source_ip = models.CharField(max_length=45)
    source_ip_key = models.CharField(max_length=32, default="")
    """The address as `core.networks.address_key` spells it, for look-ups by network."""
    user_agent = models.CharField(max_length=2048, null=True)
    forwarded_proto = models.CharField(max_length=5, default="https")
    forwarded_port = models.PositiveIntegerField(default=443)
    authorizer = models.JSONField(null=True)
    closed_at = models.BigIntegerField(null=True)
    """When the connection ended, epoch milliseconds; None: it is open."""
    close_code = models.PositiveIntegerField(null=True)
    close_reason = models.BinaryField(max_length=123, default=b"")
    """UTF-8. Not text: a client may send a NUL, which PostgreSQL's texts cannot hold."""
    disconnect_request_id = models.CharField(max_length=16, default="")
    """The request id of its `$disconnect`; empty for a connection whose process was killed."""

    objects = models.Manager()
    open = OpenConnections()

    class Meta:
        indexes = (
            models.Index(fields=("node_slot", "node_incarnation"), name="connection_node"),
            models.Index(fields=("api_id", "stage", "connected_at"), name="connection_stage"),
            models.Index(fields=("connected_at", "connection_id"), name="connection_age"),
        )

    def __str__(self) -> str:
        return f"{self.api_id}/{self.stage}/{self.connection_id}"
