"""LayoutPosition: where somebody put a node of an API's picture. No part of the draft, nor of deployments."""

from django.db import models

from gatewayapp.models.apis import Api


class LayoutPosition(models.Model):
    api = models.ForeignKey(Api, models.CASCADE, related_name="layout_positions")
    node_key = models.CharField(max_length=32)
    """As `core.graph` names nodes, such as `route/k3v9x2a`."""
    x = models.IntegerField()
    y = models.IntegerField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("api", "node_key"), name="layout_position_unique_in_api"),)

    def __str__(self) -> str:
        return f"{self.api_id} {self.node_key} ({self.x}, {self.y})"
