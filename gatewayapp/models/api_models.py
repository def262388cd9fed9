"""ApiModel: a JSON Schema that messages of a route are checked against; on the wire it is called a model."""

from django.db import models
from django.utils import timezone

from gatewayapp.models.apis import Api
from gatewayapp.models.resources import Resource, new_id


class ApiModel(Resource):
    MEMBERS = ("content_type", "description", "model_id", "name", "schema")
    ALWAYS = frozenset({"schema"})

    model_id = models.CharField(primary_key=True, max_length=7, default=new_id, editable=False)
    api = models.ForeignKey(Api, models.CASCADE, related_name="models")
    name = models.CharField(max_length=128)
    content_type = models.CharField(max_length=256, default="")
    description = models.CharField(max_length=1024, default="")
    schema = models.TextField(default="")
    created_date = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ("created_date", "pk")
        constraints = (models.UniqueConstraint(fields=("api", "name"), name="model_name_unique_in_api"),)

    def __str__(self) -> str:
        return f"{self.api_id} {self.name}"
