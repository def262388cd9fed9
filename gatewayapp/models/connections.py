"""Connection: one open WebSocket, so that it can be listed, and reported as closed when its process is gone.

Written only by the data plane, in batches; strings instead of foreign keys, since a row may outlive what it names.
"""

from django.db import models


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

    class Meta:
        indexes = (
            models.Index(fields=("node_slot", "node_incarnation"), name="connection_node"),
            models.Index(fields=("api_id", "stage", "connected_at"), name="connection_stage"),
            models.Index(fields=("connected_at", "connection_id"), name="connection_age"),
        )

    def __str__(self) -> str:
        return f"{self.api_id}/{self.stage}/{self.connection_id}"
