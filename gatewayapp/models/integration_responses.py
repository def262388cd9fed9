"""IntegrationResponse: what a non-proxy integration's answer becomes, chosen by its key; creation order counts."""

from django.db import models
from django.utils import timezone

from gatewayapp.models.encryption import EncryptedJSONField
from gatewayapp.models.integrations import Integration
from gatewayapp.models.resources import Resource, new_id


class IntegrationResponse(Resource):
    MEMBERS = (
        "content_handling_strategy",
        "integration_response_id",
        "integration_response_key",
        "response_parameters",
        "response_templates",
        "template_selection_expression",
    )

    integration_response_id = models.CharField(primary_key=True, max_length=7, default=new_id, editable=False)
    integration = models.ForeignKey(Integration, models.CASCADE, related_name="integration_responses")
    integration_response_key = models.CharField(max_length=128)
    content_handling_strategy = models.CharField(max_length=17, default="")
    response_parameters = EncryptedJSONField(default=dict)
    response_templates = EncryptedJSONField(default=dict)
    template_selection_expression = models.TextField(default="")
    created_date = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ("created_date", "pk")
        constraints = (
            models.UniqueConstraint(
                fields=("integration", "integration_response_key"),
                name="integration_response_key_unique_in_integration",
            ),
        )

    def __str__(self) -> str:
        return f"{self.integration_id} {self.integration_response_key}"
