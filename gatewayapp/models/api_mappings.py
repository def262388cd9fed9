"""ApiMapping: which stage answers under a path of a custom domain name; an empty key is the domain's root."""

from django.db import models
from django.utils import timezone

from gatewayapp.models.apis import Api
from gatewayapp.models.domain_names import DomainName
from gatewayapp.models.resources import Resource, new_id


class ApiMapping(Resource):
    MEMBERS = ("api_id", "api_mapping_id", "api_mapping_key", "stage")
    ALWAYS = frozenset({"api_mapping_key"})

    api_mapping_id = models.CharField(primary_key=True, max_length=7, default=new_id, editable=False)
    domain_name = models.ForeignKey(DomainName, models.CASCADE, related_name="api_mappings")
    api = models.ForeignKey(Api, models.PROTECT, related_name="api_mappings")
    stage = models.CharField(max_length=128)
    """The stage's name, as on the wire."""
    api_mapping_key = models.CharField(max_length=300, default="", blank=True)
    created_date = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ("created_date", "pk")
        constraints = (
            models.UniqueConstraint(
                fields=("domain_name", "api_mapping_key"), name="api_mapping_key_unique_in_domain_name"
            ),
        )

    def __str__(self) -> str:
        return f"{self.domain_name_id}/{self.api_mapping_key}"
