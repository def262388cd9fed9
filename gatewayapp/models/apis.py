"""Api: a WebSocket API, the root that routes, integrations and stages belong to."""

from django.db import models
from django.utils import timezone

from gatewayapp.models.resources import Resource, new_api_id


class Api(Resource):
    MEMBERS = (
        "api_id",
        "api_key_selection_expression",
        "created_date",
        "description",
        "disable_execute_api_endpoint",
        "disable_schema_validation",
        "ip_address_type",
        "name",
        "protocol_type",
        "route_selection_expression",
        "tags",
        "version",
    )
    ALWAYS = frozenset({"tags"})

    protocol_type = "WEBSOCKET"

    api_id = models.CharField(primary_key=True, max_length=10, default=new_api_id, editable=False)
    name = models.CharField(max_length=128)
    route_selection_expression = models.TextField()
    api_key_selection_expression = models.CharField(max_length=64, default="$request.header.x-api-key")
    description = models.CharField(max_length=1024, default="")
    version = models.CharField(max_length=64, default="")
    disable_schema_validation = models.BooleanField(default=False)
    disable_execute_api_endpoint = models.BooleanField(default=False)
    ip_address_type = models.CharField(max_length=9, default="ipv4")
    tags = models.JSONField(default=dict)
    draft_revision = models.BigIntegerField(default=0, editable=False)
    """The configuration version of the draft's last change; of no meaning but to tell one state from another."""
    created_date = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ("created_date", "pk")

    def __str__(self) -> str:
        return f"{self.name} ({self.api_id})"
