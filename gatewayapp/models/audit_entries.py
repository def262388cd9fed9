"""AuditEntry: one row for each change, by whoever and through whichever door, written in the change's own transaction.

Strings instead of foreign keys, since an entry outlives the people, keys and resources that it speaks of.
"""

from django.db import models
from django.utils import timezone

from gatewayapp.models.encryption import EncryptedJSONField


class AuditEntry(models.Model):
    at = models.DateTimeField(default=timezone.now, editable=False)
    actor_kind = models.CharField(max_length=16)
    """`access-key`, `token`, `user`, or `command` for a program on the machine itself."""
    actor_id = models.CharField(max_length=128)
    actor_name = models.CharField(max_length=256)
    source_address = models.CharField(max_length=45, blank=True)
    action = models.CharField(max_length=64)
    """The operation's name, such as `UpdateRoute`."""
    resource = models.CharField(max_length=1024)
    """An ARN, such as `arn:aws:apigateway:us-east-1::/apis/ab12cd34ef/routes/k3v9x2a`."""
    api_id = models.CharField(max_length=10, blank=True)
    before = EncryptedJSONField(null=True)
    after = EncryptedJSONField(null=True)

    class Meta:
        ordering = ("-pk",)
        indexes = (
            models.Index(fields=("at", "id"), name="audit_entry_at"),
            models.Index(fields=("api_id", "at", "id"), name="audit_entry_api"),
        )

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.actor_name} {self.action} {self.resource}"
