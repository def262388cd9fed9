"""Stage: a deployment under a name that clients connect to, with settings that act without deploying again.

`revision` is the configuration version of the stage's last change; whoever holds a copy compares it with its own.
"""

from django.db import models
from django.utils import timezone

from gatewayapp.models.apis import Api
from gatewayapp.models.deployments import Deployment
from gatewayapp.models.encryption import EncryptedJSONField
from gatewayapp.models.resources import Document, Resource


def default_route_settings() -> Document:
    """What a stage does for each route until told otherwise: no logs, no detailed metrics, no throttling."""
    return {"dataTraceEnabled": False, "detailedMetricsEnabled": False, "loggingLevel": "OFF"}


class Stage(Resource):
    MEMBERS = (
        "access_log_settings",
        "auto_deploy",
        "client_certificate_id",
        "created_date",
        "default_route_settings",
        "deployment_id",
        "description",
        "last_deployment_status_message",
        "last_updated_date",
        "limits",
        "route_settings",
        "stage_name",
        "stage_variables",
        "tags",
    )
    ALWAYS = frozenset({"route_settings", "stage_variables", "tags"})

    api = models.ForeignKey(Api, models.CASCADE, related_name="stages")
    stage_name = models.CharField(max_length=128)
    deployment = models.ForeignKey(Deployment, models.RESTRICT, null=True, related_name="stages")
    auto_deploy = models.BooleanField(default=False)
    description = models.CharField(max_length=1024, default="")
    stage_variables = EncryptedJSONField(default=dict)
    default_route_settings = models.JSONField(default=default_route_settings)
    route_settings = models.JSONField(default=dict)
    access_log_settings = models.JSONField(default=dict)
    client_certificate_id = models.CharField(max_length=1024, default="")
    limits = models.JSONField(default=dict)
    """Nopal's own member: what differs from the limits that hold everywhere, see `core.limits.StageLimits`."""
    tags = models.JSONField(default=dict)
    created_date = models.DateTimeField(default=timezone.now, editable=False)
    last_updated_date = models.DateTimeField(default=timezone.now)
    last_deployment_status_message = models.TextField(default="")
    revision = models.BigIntegerField(default=0)

    class Meta:
        ordering = ("created_date", "pk")
        constraints = (models.UniqueConstraint(fields=("api", "stage_name"), name="stage_name_unique_in_api"),)

    def __str__(self) -> str:
        return f"{self.api_id}/{self.stage_name}"
