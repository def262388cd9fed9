"""Authorizer: a Lambda function that is asked whether a connection may be opened."""

from django.db import models
from django.utils import timezone

from gatewayapp.models.apis import Api
from gatewayapp.models.resources import Resource, new_id


class Authorizer(Resource):
    MEMBERS = (
        "authorizer_credentials_arn",
        "authorizer_id",
        "authorizer_result_ttl_in_seconds",
        "authorizer_type",
        "authorizer_uri",
        "identity_source",
        "identity_validation_expression",
        "name",
    )
    ALWAYS = frozenset({"identity_source"})

    authorizer_type = "REQUEST"

    authorizer_id = models.CharField(primary_key=True, max_length=7, default=new_id, editable=False)
    api = models.ForeignKey(Api, models.CASCADE, related_name="authorizers")
    name = models.CharField(max_length=128)
    authorizer_uri = models.CharField(max_length=2048)
    authorizer_credentials_arn = models.CharField(max_length=2048, default="")
    authorizer_result_ttl_in_seconds = models.PositiveIntegerField(null=True)
    identity_source = models.JSONField(default=list)
    identity_validation_expression = models.CharField(max_length=1024, default="")
    created_date = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ("created_date", "pk")
        constraints = (models.UniqueConstraint(fields=("api", "name"), name="authorizer_name_unique_in_api"),)

    def __str__(self) -> str:
        return f"{self.api_id} {self.name}"
