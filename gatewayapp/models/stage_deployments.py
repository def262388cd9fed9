"""StageDeployment: that a stage began to serve a deployment, when, and who saw to it. The stage's history."""

from django.db import models
from django.utils import timezone

from gatewayapp.models.stages import Stage


class StageDeployment(models.Model):
    stage = models.ForeignKey(Stage, models.CASCADE, related_name="stage_deployments")
    deployment_id = models.CharField(max_length=6)
    """A string, since an entry outlives its deployment."""
    at = models.DateTimeField(default=timezone.now, editable=False)
    actor_kind = models.CharField(max_length=16, blank=True)
    actor_id = models.CharField(max_length=128, blank=True)
    actor_name = models.CharField(max_length=256, blank=True)
    automatic = models.BooleanField(default=False)
    """Whether a change of the draft did it, on a stage with autoDeploy."""
    returned = models.BooleanField(default=False)
    """Whether the stage had served the deployment before."""

    class Meta:
        ordering = ("-at", "-pk")
        indexes = (models.Index(fields=("stage", "at", "id"), name="stage_deployment_at"),)

    def __str__(self) -> str:
        return f"{self.stage} {self.deployment_id} {self.at:%Y-%m-%d %H:%M:%S}"
