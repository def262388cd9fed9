"""RouteResponse: makes a route two-way, so that what its integration answers goes back to the client."""

from django.db import models
from django.utils import timezone

from gatewayapp.models.resources import Resource, new_id
from gatewayapp.models.routes import Route


class RouteResponse(Resource):
    MEMBERS = (
        "model_selection_expression",
        "response_models",
        "response_parameters",
        "route_response_id",
        "route_response_key",
    )

    route_response_id = models.CharField(primary_key=True, max_length=7, default=new_id, editable=False)
    route = models.ForeignKey(Route, models.CASCADE, related_name="route_responses")
    route_response_key = models.CharField(max_length=128)
    model_selection_expression = models.TextField(default="")
    response_models = models.JSONField(default=dict)
    response_parameters = models.JSONField(default=dict)
    created_date = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ("created_date", "pk")
        constraints = (
            models.UniqueConstraint(fields=("route", "route_response_key"), name="route_response_key_unique_in_route"),
        )

    def __str__(self) -> str:
        return f"{self.route} {self.route_response_key}"
