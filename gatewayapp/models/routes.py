"""Route: which integration handles an event, and who may open a connection through `$connect`."""

from django.db import models
from django.utils import timezone

from gatewayapp.models.apis import Api
from gatewayapp.models.authorizers import Authorizer
from gatewayapp.models.integrations import Integration
from gatewayapp.models.resources import Resource, new_id


class Route(Resource):
    MEMBERS = (
        "api_key_required",
        "authorization_type",
        "authorizer_id",
        "model_selection_expression",
        "operation_name",
        "request_models",
        "request_parameters",
        "route_id",
        "route_key",
        "route_response_selection_expression",
        "target",
    )

    route_id = models.CharField(primary_key=True, max_length=7, default=new_id, editable=False)
    api = models.ForeignKey(Api, models.CASCADE, related_name="routes")
    route_key = models.CharField(max_length=128)
    integration = models.ForeignKey(Integration, models.RESTRICT, null=True, related_name="routes")
    api_key_required = models.BooleanField(default=False)
    authorization_type = models.CharField(max_length=7, default="NONE")
    authorizer = models.ForeignKey(Authorizer, models.RESTRICT, null=True, related_name="routes")
    model_selection_expression = models.TextField(default="")
    operation_name = models.CharField(max_length=64, default="")
    request_models = models.JSONField(default=dict)
    request_parameters = models.JSONField(default=dict)
    route_response_selection_expression = models.CharField(max_length=64, default="")
    created_date = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ("created_date", "pk")
        constraints = (models.UniqueConstraint(fields=("api", "route_key"), name="route_key_unique_in_api"),)

    def __str__(self) -> str:
        return f"{self.api_id} {self.route_key}"

    @property
    def target(self) -> str:
        """`integrations/{integrationId}`, empty where the route has none."""
        return f"integrations/{self.integration_id}" if self.integration_id else ""
