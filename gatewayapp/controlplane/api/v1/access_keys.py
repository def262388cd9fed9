"""Access keys: what signs calls of AWS's APIs. The secret is shown once, when the key is made."""

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from gatewayapp.controlplane import operations
from gatewayapp.controlplane.api.v1.pagination import newest_first
from gatewayapp.controlplane.api.v1.schema import endpoint
from gatewayapp.controlplane.api.v1.shapes import PageQuery, Shape, page_of
from gatewayapp.controlplane.api.v1.views import View


class PermissionShape(Shape):
    action = serializers.CharField(max_length=128)
    resource = serializers.CharField(max_length=1024)


class NewAccessKeyShape(Shape):
    name = serializers.CharField(max_length=128)
    permissions = PermissionShape(many=True, help_text="What the key may do; * stands for any text.")


class AccessKeyShape(Shape):
    access_key_id = serializers.CharField()
    name = serializers.CharField()
    permissions = PermissionShape(many=True)
    created_date = serializers.DateTimeField()
    revoked = serializers.BooleanField()


class CreatedAccessKeyShape(AccessKeyShape):
    secret_access_key = serializers.CharField(help_text="Shown this once.")


class AccessKeysView(View):
    @endpoint("ListAccessKeys", "List access keys, the latest first", query=PageQuery, answer=page_of(AccessKeyShape))
    def get(self, request: Request) -> Response:
        query = self.query(PageQuery)
        keys: Any = operations.get_access_keys()
        page, cursor = newest_first(keys, "created_at", query.get("cursor"), query["page_size"])
        return Response({"items": [key.document() for key in page], "nextCursor": cursor})

    @endpoint(
        "CreateAccessKey",
        "Create an access key",
        body=NewAccessKeyShape,
        answer=CreatedAccessKeyShape,
        status=201,
        example={
            "name": "backend",
            "permissions": [{"action": "execute-api:ManageConnections", "resource": "{apiId}/prod/*"}],
        },
    )
    def post(self, request: Request) -> Response:
        key, secret = operations.create_access_key(**self.body(NewAccessKeyShape))
        return Response({**key.document(), "secretAccessKey": secret}, status=201)


class AccessKeyView(View):
    @endpoint("GetAccessKey", "Read an access key", answer=AccessKeyShape)
    def get(self, request: Request, access_key_id: str) -> Response:
        return Response(operations.get_access_key(access_key_id=access_key_id).document())

    @endpoint("RevokeAccessKey", "End an access key for good, within two seconds", answer=AccessKeyShape)
    def delete(self, request: Request, access_key_id: str) -> Response:
        return Response(operations.revoke_access_key(access_key_id=access_key_id).document())
