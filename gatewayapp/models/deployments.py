"""Deployment: an API as it stood when it was deployed; clients meet deployments only, never the draft.

`snapshot` holds the documents of everything that serves a message, in the format that `core.snapshot` loads;
encrypted, since an integration's parameters hold credentials. They are decrypted when a stage loads, once.
"""

from django.db import models
from django.utils import timezone

from gatewayapp.models.apis import Api
from gatewayapp.models.encryption import EncryptedJSONField
from gatewayapp.models.resources import Resource, new_deployment_id


class Deployment(Resource):
    MEMBERS = (
        "auto_deployed",
        "created_date",
        "deployment_id",
        "deployment_status",
        "description",
    )

    deployment_status = "DEPLOYED"
    """A draft that cannot be deployed is refused at once, so what is stored is deployed."""

    deployment_id = models.CharField(primary_key=True, max_length=6, default=new_deployment_id, editable=False)
    api = models.ForeignKey(Api, models.CASCADE, related_name="deployments")
    description = models.CharField(max_length=1024, default="")
    auto_deployed = models.BooleanField(default=False)
    created_by = models.CharField(max_length=256, default="", editable=False)
    """The name of whoever made it, as the audit log has it."""
    snapshot = EncryptedJSONField()
    created_date = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ("created_date", "pk")

    def __str__(self) -> str:
        return f"{self.api_id}/{self.deployment_id}"
