"""Import and export of API definitions."""

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from gatewayapp.controlplane.api.requests import expected_draft
from gatewayapp.controlplane.api.v1.graphs import PictureShape
from gatewayapp.controlplane.api.v1.permissions import check_api
from gatewayapp.controlplane.api.v1.schema import endpoint
from gatewayapp.controlplane.api.v1.shapes import Shape, Text
from gatewayapp.controlplane.api.v1.views import View
from gatewayapp.controlplane.api.views import api_endpoint
from gatewayapp.controlplane.operations.errors import AccessDenied, NotFound
from gatewayapp.core.layout import arranged
from gatewayapp.core.pictures import picture
from gatewayapp.core.roles import Permission
from gatewayapp.interchange import FORMATS, MAX_DOCUMENT_BYTES, apply, export_api, preview, read_document


class ImportShape(Shape):
    document = Text(
        max_length=MAX_DOCUMENT_BYTES, help_text="CloudFormation or SAM (YAML or JSON), or a Nopal document."
    )
    parameters = serializers.DictField(child=Text(max_length=4096), required=False)
    api = serializers.CharField(required=False, max_length=255, help_text="Which API of the template: its logical id.")
    api_id = serializers.CharField(
        required=False, max_length=10, help_text="Give the document to this API instead of making a new one."
    )
    draft = serializers.BooleanField(default=False, help_text="Import without stages: nothing is deployed.")
    dry_run = serializers.BooleanField(default=False, help_text="Tell what would change, and change nothing.")


class ImportChangeShape(Shape):
    action = serializers.CharField()
    kind = serializers.CharField()
    name = serializers.CharField()
    members = serializers.ListField(child=serializers.CharField())


class ImportedShape(Shape):
    api_id = serializers.CharField(allow_blank=True, help_text="Empty for a new API in a dry run.")
    stages = serializers.ListField(child=serializers.CharField())
    changes = ImportChangeShape(many=True)
    notes = serializers.ListField(child=serializers.CharField(), help_text="What was left out, in words.")
    sentences = serializers.ListField(child=serializers.CharField(), help_text="What changes of the draft, in words.")
    graph = PictureShape(allow_null=True, help_text="In a dry run: the picture of the API as it would be.")


class ExportQuery(Shape):
    export_format = serializers.ChoiceField(list(FORMATS), default=FORMATS[0])
    stage_name = serializers.CharField(
        required=False, max_length=128, help_text="Export what this stage serves, instead of the draft."
    )


class ExportedShape(Shape):
    document = serializers.CharField(help_text="YAML, a Mermaid flowchart, or SVG.")


class ImportView(View):
    @endpoint(
        "ImportApi",
        "Make an API from a document, or give a document to an API",
        body=ImportShape,
        answer=ImportedShape,
        errors=(409, 429),
        example={
            "document": "nopal: 1\napi:\n  name: chat\n  routeSelectionExpression: $request.body.action\n",
            "dryRun": True,
        },
    )
    def post(self, request: Request) -> Response:
        body = self.body(ImportShape)
        api_id = body.get("api_id")
        self._check(api_id)
        plan = read_document(body["document"], body.get("parameters"), body.get("api"))
        plan = plan.without_stages() if body["draft"] else plan
        with expected_draft(request, api_id or ""):
            imported = (preview if body["dry_run"] else apply)(plan, api_id)
        graph = picture(imported.graph, arranged(imported.graph)) if body["dry_run"] else None
        return Response({**imported.document(), "graph": graph})

    def _check(self, api_id: str | None) -> None:
        """A new API needs the permission over all, since nobody has a role on it yet."""
        if api_id:
            nothing = NotFound(f"There is no API {api_id}.", resourceType="Api")
            check_api(self.access, Permission.WRITE_APIS, api_id, nothing)
        elif not self.access.may(Permission.WRITE_APIS):
            raise AccessDenied(f"A new API needs the permission {Permission.WRITE_APIS} for all APIs.")


class ExportView(View):
    @endpoint("ExportApi", "Export an API as a document", query=ExportQuery, answer=ExportedShape)
    def get(self, request: Request, api_id: str) -> Response:
        with_secrets = self.access.may(Permission.WRITE_APIS, api_id)
        endpoint = api_endpoint(request, api_id)
        text = export_api(api_id, api_endpoint=endpoint, with_secrets=with_secrets, **self.query(ExportQuery))
        return Response({"document": text})
