"""RoleAssignment: the role that a user holds, for one API or for all.

The role of administrator over all has no row: it is Django's `is_superuser`, which the first administrator gets.
"""

from django.contrib.auth.models import User
from django.db import models

from gatewayapp.models.apis import Api


class RoleAssignment(models.Model):
    user = models.ForeignKey(User, models.CASCADE, related_name="role_assignments")
    role = models.CharField(max_length=8)
    """A `core.roles.Role`."""
    api = models.ForeignKey(Api, models.CASCADE, null=True, related_name="role_assignments")

    class Meta:
        ordering = ("pk",)
        constraints = (
            models.UniqueConstraint(fields=("user", "api"), name="one_role_of_user_on_api"),
            models.UniqueConstraint(fields=("user",), condition=models.Q(api=None), name="one_role_of_user_everywhere"),
        )

    def __str__(self) -> str:
        return f"{self.user}: {self.role} of {self.api_id or 'all APIs'}"
