"""Users and their roles: one over all APIs at most, and one for each API."""

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from gatewayapp.controlplane.api.v1.pagination import newest_first
from gatewayapp.controlplane.api.v1.schema import endpoint
from gatewayapp.controlplane.api.v1.shapes import PageQuery, Shape, page_of
from gatewayapp.controlplane.api.v1.views import View
from gatewayapp.controlplane.operations import users
from gatewayapp.controlplane.operations.users import Assignment, user_document
from gatewayapp.core.roles import Role

_PASSWORD: Any = {"max_length": 256, "trim_whitespace": False}


class RoleShape(Shape):
    role = serializers.ChoiceField([role.value for role in Role])
    api_id = serializers.CharField(
        allow_null=True, default=None, max_length=10, help_text="For this API; null: for all, and for those to come."
    )


class NewUserShape(Shape):
    username = serializers.CharField(max_length=150)
    password = serializers.CharField(**_PASSWORD)
    roles = RoleShape(many=True, required=False)


class UserChangesShape(Shape):
    """What is left out stays as it is."""

    password = serializers.CharField(required=False, **_PASSWORD)
    active = serializers.BooleanField(required=False)
    roles = RoleShape(many=True, required=False, help_text="Replaces all roles that the user has.")


class UserShape(Shape):
    user_id = serializers.IntegerField()
    username = serializers.CharField()
    active = serializers.BooleanField()
    roles = RoleShape(many=True)
    created_date = serializers.DateTimeField()
    last_login = serializers.DateTimeField(allow_null=True)


class UsersView(View):
    @endpoint("ListUsers", "List users, the latest first", query=PageQuery, answer=page_of(UserShape))
    def get(self, request: Request) -> Response:
        query = self.query(PageQuery)
        found: Any = users.get_users()
        page, cursor = newest_first(found, "date_joined", query.get("cursor"), query["page_size"])
        return Response({"items": [user_document(user) for user in page], "nextCursor": cursor})

    @endpoint(
        "CreateUser",
        "Create a user",
        body=NewUserShape,
        answer=UserShape,
        status=201,
        errors=(409,),
        example={
            "username": "bea",
            "password": "a-cactus-in-the-sun",
            "roles": [{"role": "viewer", "apiId": None}, {"role": "editor", "apiId": "{apiId}"}],
        },
    )
    def post(self, request: Request) -> Response:
        return Response(user_document(users.create_user(**_with_roles(self.body(NewUserShape)))), status=201)


class UserView(View):
    @endpoint("GetUser", "Read a user", answer=UserShape)
    def get(self, request: Request, user_id: int) -> Response:
        return Response(user_document(users.get_user(user_id=user_id)))

    @endpoint(
        "UpdateUser",
        "Change a user's roles or password, or shut them out",
        body=UserChangesShape,
        answer=UserShape,
        errors=(409,),
        example={"active": True, "roles": [{"role": "operator", "apiId": "{apiId}"}]},
    )
    def patch(self, request: Request, user_id: int) -> Response:
        changes = _with_roles(self.body(UserChangesShape))
        return Response(user_document(users.update_user(user_id=user_id, **changes)))

    @endpoint("DeleteUser", "Delete a user with all tokens", status=204, errors=(409,))
    def delete(self, request: Request, user_id: int) -> Response:
        users.delete_user(user_id=user_id)
        return Response(status=204)


def _with_roles(body: dict[str, Any]) -> dict[str, Any]:
    if "roles" in body:
        body["roles"] = [Assignment(Role(given["role"]), given["api_id"] or "") for given in body["roles"]]
    return body
