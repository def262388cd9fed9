"""Bearer tokens of this API: everyone makes and revokes their own, who manages users also those of others."""

from typing import Any

from django.contrib.auth.models import User
from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from gatewayapp.controlplane.api.v1.pagination import newest_first
from gatewayapp.controlplane.api.v1.schema import endpoint
from gatewayapp.controlplane.api.v1.shapes import PageQuery, Shape, page_of
from gatewayapp.controlplane.api.v1.views import View
from gatewayapp.controlplane.operations.api_tokens import (
    create_api_token,
    get_api_token,
    get_api_tokens,
    revoke_api_token,
)
from gatewayapp.controlplane.operations.errors import NotFound
from gatewayapp.core.roles import Permission
from gatewayapp.models import ApiToken

_SCOPES = [permission.value for permission in Permission]


class NewTokenShape(Shape):
    name = serializers.CharField(max_length=128)
    scopes = serializers.ListField(
        child=serializers.ChoiceField(_SCOPES),
        min_length=1,
        max_length=len(_SCOPES),
        help_text="What the token may do, as far as its owner may.",
    )
    expires_at = serializers.DateTimeField(
        required=False, allow_null=True, help_text="When it ends; without it, when it is revoked."
    )


class TokenShape(Shape):
    token_id = serializers.CharField()
    user_id = serializers.IntegerField()
    name = serializers.CharField()
    prefix = serializers.CharField(help_text="The token's first characters.")
    scopes = serializers.ListField(child=serializers.CharField())
    created_date = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)
    last_used_at = serializers.DateTimeField(allow_null=True, help_text="To the minute.")
    revoked = serializers.BooleanField()


class CreatedTokenShape(TokenShape):
    token = serializers.CharField(help_text="Shown this once.")


class TokensView(View):
    @endpoint("ListTokens", "List bearer tokens, the latest first", query=PageQuery, answer=page_of(TokenShape))
    def get(self, request: Request) -> Response:
        query = self.query(PageQuery)
        page, cursor = newest_first(_manageable(self), "created_at", query.get("cursor"), query["page_size"])
        return Response({"items": [token.document() for token in page], "nextCursor": cursor})

    @endpoint(
        "CreateToken",
        "Create a bearer token of one's own",
        body=NewTokenShape,
        answer=CreatedTokenShape,
        status=201,
        example={"name": "deploy script", "scopes": ["apis:read", "apis:write"]},
    )
    def post(self, request: Request) -> Response:
        body = self.body(NewTokenShape)
        made_with = request.auth if isinstance(request.auth, ApiToken) else None
        row, token = create_api_token(user_id=_user(request).pk, made_with=made_with, **body)
        return Response({**row.document(), "token": token}, status=201)


class TokenView(View):
    @endpoint("GetToken", "Read a bearer token", answer=TokenShape)
    def get(self, request: Request, token_id: str) -> Response:
        self._check(token_id)
        return Response(get_api_token(token_id=token_id).document())

    @endpoint("RevokeToken", "End a bearer token for good, at once", answer=TokenShape)
    def delete(self, request: Request, token_id: str) -> Response:
        self._check(token_id)
        return Response(revoke_api_token(token_id=token_id).document())

    def _check(self, token_id: str) -> None:
        """Another's token is as good as none."""
        if not _manageable(self).filter(pk=token_id).exists():
            raise NotFound(f"There is no token {token_id}.", resourceType="Token")


def _manageable(view: View) -> "QuerySet[Any]":
    tokens = get_api_tokens()
    everyone = view.access.may(Permission.MANAGE_USERS)
    return tokens if everyone else tokens.filter(user=_user(view.request))


def _user(request: Request) -> User:
    assert isinstance(request.user, User)
    return request.user
