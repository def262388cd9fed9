"""DomainName: a custom host name under which stages are reached; TLS for it ends at Nopal or at a proxy in front."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from gatewayapp.models.resources import Resource


class DomainName(Resource):
    MEMBERS = (
        "api_mapping_selection_expression",
        "domain_name",
        "domain_name_arn",
        "domain_name_configurations",
        "mutual_tls_authentication",
        "routing_mode",
        "tags",
    )
    ALWAYS = frozenset({"tags"})

    api_mapping_selection_expression = "$request.basepath"

    domain_name = models.CharField(primary_key=True, max_length=512)
    domain_name_configurations = models.JSONField(default=list)
    mutual_tls_authentication = models.JSONField(default=dict)
    routing_mode = models.CharField(max_length=29, default="API_MAPPING_ONLY")
    tags = models.JSONField(default=dict)
    created_date = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ("created_date", "pk")

    def __str__(self) -> str:
        return self.domain_name

    @property
    def domain_name_arn(self) -> str:
        return f"arn:aws:apigateway:{settings.NOPAL_REGION}::/domainnames/{self.domain_name}"
