"""VpcLink: on AWS the way into a private network. Here it is a name that integrations may carry; backends are called
directly."""

from django.db import models
from django.utils import timezone

from gatewayapp.models.resources import Resource, new_id


class VpcLink(Resource):
    MEMBERS = (
        "created_date",
        "name",
        "security_group_ids",
        "subnet_ids",
        "tags",
        "vpc_link_id",
        "vpc_link_status",
        "vpc_link_version",
    )
    ALWAYS = frozenset({"security_group_ids", "subnet_ids", "tags"})

    vpc_link_status = "AVAILABLE"
    vpc_link_version = "V2"

    vpc_link_id = models.CharField(primary_key=True, max_length=7, default=new_id, editable=False)
    name = models.CharField(max_length=128)
    security_group_ids = models.JSONField(default=list)
    subnet_ids = models.JSONField(default=list)
    tags = models.JSONField(default=dict)
    created_date = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ("created_date", "pk")

    def __str__(self) -> str:
        return f"{self.name} {self.vpc_link_id}"
