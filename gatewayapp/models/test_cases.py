"""TestCase: a message, and what is expected of it. Tried on drafts and deployments, part of neither."""

from django.db import models
from django.utils import timezone

from gatewayapp.models.apis import Api
from gatewayapp.models.encryption import EncryptedJSONField, EncryptedTextField
from gatewayapp.models.resources import Resource, new_id


class TestCase(Resource):
    MEMBERS = ("created_date", "expectations", "message", "name", "test_case_id")
    ALWAYS = frozenset({"expectations", "message"})

    test_case_id = models.CharField(primary_key=True, max_length=7, default=new_id, editable=False)
    api = models.ForeignKey(Api, models.CASCADE, related_name="test_cases")
    name = models.CharField(max_length=128)
    message = EncryptedTextField(default="")
    expectations = EncryptedJSONField(default=dict)
    """As `core.expectations` compiles them."""
    created_date = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ("created_date", "pk")
        constraints = (models.UniqueConstraint(fields=("api", "name"), name="test_case_name_unique_in_api"),)

    def __str__(self) -> str:
        return f"{self.api_id} {self.name}"
