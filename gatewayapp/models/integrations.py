"""Integration: the backend that is called for a route's events, and how a request to it is made."""

from collections.abc import Iterable
from typing import Any

from django.db import models
from django.utils import timezone

from gatewayapp.models.apis import Api
from gatewayapp.models.encryption import EncryptedJSONField, EncryptedTextField
from gatewayapp.models.redaction import redactor
from gatewayapp.models.resources import Resource, new_id

# What an integration response's key is compared with; fixed by the type, see the API Gateway developer guide,
# "WebSocket selection expressions".
_RESPONSE_SELECTION = {
    "AWS": "${integration.response.body.errorMessage}",
    "HTTP": "${integration.response.statuscode}",
    "MOCK": "${integration.response.statuscode}",
}


class Integration(Resource):
    MEMBERS = (
        "connection_id",
        "connection_type",
        "content_handling_strategy",
        "credentials_arn",
        "description",
        "integration_id",
        "integration_method",
        "integration_response_selection_expression",
        "integration_type",
        "integration_uri",
        "passthrough_behavior",
        "payload_format_version",
        "request_parameters",
        "request_templates",
        "template_selection_expression",
        "timeout_in_millis",
        "tls_config",
    )

    integration_id = models.CharField(primary_key=True, max_length=7, default=new_id, editable=False)
    api = models.ForeignKey(Api, models.CASCADE, related_name="integrations")
    integration_type = models.CharField(max_length=10)
    integration_uri = EncryptedTextField(default="")
    shown_uri = models.CharField(max_length=2048, default="", editable=False)
    """The URI without its secrets, for lists to show, search and sort."""
    integration_method = models.CharField(max_length=64, default="")
    connection_type = models.CharField(max_length=8, default="INTERNET")
    connection_id = models.CharField(max_length=1024, default="")
    content_handling_strategy = models.CharField(max_length=17, default="")
    credentials_arn = models.CharField(max_length=2048, default="")
    description = models.CharField(max_length=1024, default="")
    passthrough_behavior = models.CharField(max_length=17, default="")
    payload_format_version = models.CharField(max_length=64, default="1.0")
    request_parameters = EncryptedJSONField(default=dict)
    request_templates = EncryptedJSONField(default=dict)
    template_selection_expression = models.TextField(default="")
    timeout_in_millis = models.PositiveIntegerField(default=29_000)
    tls_config = models.JSONField(default=dict)
    created_date = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ("created_date", "pk")

    def __str__(self) -> str:
        return f"{self.api_id} {self.integration_type} {self.integration_id}"

    def save(self, *args: Any, update_fields: Iterable[str] | None = None, **kwargs: Any) -> None:
        self.shown_uri = redactor().mask.url(self.integration_uri)
        if update_fields is not None and "integration_uri" in update_fields:
            update_fields = {*update_fields, "shown_uri"}
        super().save(*args, update_fields=update_fields, **kwargs)

    @property
    def integration_response_selection_expression(self) -> str:
        """Read-only; empty for the proxy types, whose answers go through no integration response."""
        return _RESPONSE_SELECTION.get(self.integration_type, "")
