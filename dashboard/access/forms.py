"""The forms of users, access keys, tokens and one's own password."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.utils import timezone

from gatewayapp.controlplane.operations.access_keys import EVERYTHING
from gatewayapp.controlplane.operations.users import Assignment
from gatewayapp.core.policy import MANAGE_CONNECTIONS
from gatewayapp.core.roles import Access, Permission, Role

ROLES = {
    Role.VIEWER: "sees APIs, connections and traffic",
    Role.OPERATOR: "sends to connections and closes them",
    Role.EDITOR: "changes APIs and deploys them",
    Role.ADMIN: "manages users, access keys and the audit log",
}
"""The roles and what each adds to the one before it."""

_ROLE_CHOICES = [("", "No role"), *((role.value, role.value.capitalize()) for role in Role)]


class NewPasswordForm(forms.Form):
    """A password, typed twice; the operation that takes it holds it to the validators."""

    password = forms.CharField(
        label="New password",
        strip=False,
        max_length=256,
        help_text="At least 10 characters, not a common password, not only digits.",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    again = forms.CharField(
        label="New password, once more",
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean(self) -> dict[str, Any]:
        said = super().clean() or {}
        if "password" in said and "again" in said and said["password"] != said["again"]:
            self.add_error("again", "The two passwords are not the same.")
        return said


class OwnPasswordForm(NewPasswordForm):
    """The same, from someone who has to know the present one."""

    old_password = forms.CharField(
        label="Present password",
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    field_order = ("old_password", "password", "again")


class RolesForm(forms.Form):
    """One role over all APIs; `RoleOnApi`s beside it are for single ones."""

    everywhere = forms.ChoiceField(
        label="Role over all APIs", choices=_ROLE_CHOICES, required=False, help_text="For those to come, too."
    )


class UserForm(RolesForm):
    """Who a user is to the gateway."""

    active = forms.BooleanField(
        label="May sign in and use tokens",
        required=False,
        help_text="Without it all sessions end at once and tokens stop working.",
    )
    field_order = ("active", "everywhere")


class NewUserForm(RolesForm, NewPasswordForm):
    username = forms.CharField(max_length=150, help_text="Letters, digits and @ . + - _")
    field_order = ("username", "password", "again", "everywhere")

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.fields["username"].widget.attrs["autocomplete"] = "off"
        self.fields["password"].label = "Password"
        self.fields["again"].label = "Password, once more"


class RoleOnApi(forms.Form):
    """A role for one API; an empty row means nothing."""

    api = forms.ChoiceField(label="API", required=False)
    role = forms.ChoiceField(choices=_ROLE_CHOICES, required=False)

    def __init__(self, *arguments: Any, apis: Mapping[str, str], **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.fields["api"].choices = [("", "Choose an API"), *_labelled(apis)]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        said = super().clean() or {}
        if said.get("role") and not said.get("api") and not self.errors:
            self.add_error("api", "Choose the API that this role is for.")
        return said


RolesOnApis = forms.formset_factory(RoleOnApi, extra=1, max_num=1000)


def assignments(everywhere: str, rows: Iterable[RoleOnApi]) -> list[Assignment]:
    """The roles that the forms mean."""
    said = [row.cleaned_data for row in rows]
    on_apis = [Assignment(Role(each["role"]), each["api"]) for each in said if each.get("api") and each.get("role")]
    return [Assignment(Role(everywhere)), *on_apis] if everywhere else on_apis


KEY_KINDS = (
    ("connections", "Push to the clients of one API", "@connections: send, look, disconnect. What a backend needs."),
    ("api", "Change one API", "The management API, as the AWS CLI, boto3 and Terraform speak it, for that API only."),
    ("everything", "Everything", "All APIs, also those to come, and @connections of all."),
    ("own", "As I say", "Actions on resources, as in IAM policies."),
)
"""What a new access key may do: name, title and explanation."""


class AccessKeyForm(forms.Form):
    """A new access key; `PermissionRows` beside it are for the kind `own`."""

    name = forms.CharField(max_length=128, help_text="Who or what signs with it, such as chat backend.")
    kind = forms.ChoiceField(choices=[(name, title) for name, title, _ in KEY_KINDS], initial=KEY_KINDS[0][0])
    api = forms.ChoiceField(label="API", required=False)
    stage = forms.CharField(max_length=128, required=False, help_text="Empty: all stages.")

    def __init__(self, *arguments: Any, apis: Mapping[str, str], **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.fields["api"].choices = [("", "Choose an API"), *_labelled(apis)]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        said = super().clean() or {}
        if said.get("kind") in ("connections", "api") and not said.get("api") and "api" not in self.errors:
            self.add_error("api", "Choose the API that the key is for.")
        return said

    def permissions(self, rows: Iterable["PermissionRow"]) -> list[dict[str, str]]:
        """What the key may do."""
        api, stage = self.cleaned_data["api"], self.cleaned_data["stage"] or "*"
        match self.cleaned_data["kind"]:
            case "everything":
                return list(EVERYTHING)
            case "connections":
                return [{"action": MANAGE_CONNECTIONS, "resource": f"{api}/{stage}/*"}]
            case "api":
                return [{"action": "apigateway:*", "resource": f"/apis/{api}{rest}"} for rest in ("", "/*")]
        said = [row.cleaned_data for row in rows]
        return [{"action": each["action"], "resource": each["resource"]} for each in said if each.get("resource")]


ACTIONS = (
    MANAGE_CONNECTIONS,
    "execute-api:Invoke",
    "apigateway:GET",
    "apigateway:POST",
    "apigateway:PATCH",
    "apigateway:DELETE",
    "apigateway:*",
    "*",
)


class PermissionRow(forms.Form):
    """An action and the resource that it is allowed on; a row without a resource means nothing."""

    action = forms.ChoiceField(choices=[(action, action) for action in ACTIONS])
    resource = forms.CharField(required=False, max_length=1024)

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.fields["resource"].widget.attrs |= {"class": "mono", "placeholder": "ab12cd34ef/prod/* or /apis/*"}


PermissionRows = forms.formset_factory(PermissionRow, extra=1, max_num=100)

SCOPES = {
    Permission.READ_CONNECTIONS: "list connections and watch them",
    Permission.WRITE_CONNECTIONS: "send to connections and close them",
    Permission.READ_APIS: "read APIs and deployments, test routes, export",
    Permission.WRITE_APIS: "change APIs, deploy, roll back, import",
    Permission.READ_AUDIT: "read the audit log",
    Permission.READ_SERVER: "read the server's state and settings",
    Permission.MANAGE_ACCESS_KEYS: "create access keys with no more permissions than it has, and revoke any",
    Permission.MANAGE_USERS: "manage users who have no more permissions than it has, and revoke tokens",
    Permission.MANAGE_TOKENS: "make and revoke one's own tokens",
}
"""What a token may do."""

_LIFETIMES = (("7", "7 days"), ("30", "30 days"), ("90", "90 days"), ("365", "A year"), ("", "Never"))


class TokenForm(forms.Form):
    """A new token; its scopes are among what its owner may do."""

    name = forms.CharField(max_length=128, help_text="What it is for, such as nightly report.")
    days = forms.ChoiceField(label="Ends after", choices=_LIFETIMES, required=False, initial="90")
    scopes = forms.MultipleChoiceField(
        label="May", widget=forms.CheckboxSelectMultiple, error_messages={"required": "Choose one scope at least."}
    )

    def __init__(self, *arguments: Any, access: Access, **options: Any) -> None:
        super().__init__(*arguments, **options)
        held = access.anywhere
        self.fields["scopes"].choices = [  # type: ignore[attr-defined]
            (scope.value, words) for scope, words in SCOPES.items() if scope in held
        ]

    @property
    def expires_at(self) -> datetime | None:
        days = self.cleaned_data["days"]
        return timezone.now() + timedelta(days=int(days)) if days else None


class ConfirmationForm(forms.Form):
    """The name of what is to go, typed, so that nothing goes by a slip."""

    typed = forms.CharField(label="Name", max_length=256, strip=True)

    def __init__(self, *arguments: Any, name: str, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._name = name
        self.fields["typed"].label = f"Type {name} to go on"
        self.fields["typed"].widget.attrs["autocomplete"] = "off"

    def clean_typed(self) -> str:
        typed: str = self.cleaned_data["typed"]
        if typed != self._name:
            raise forms.ValidationError(f"This is not {self._name}.")
        return typed


def _labelled(apis: Mapping[str, str]) -> list[tuple[str, str]]:
    return [(api_id, f"{name} ({api_id})") for api_id, name in apis.items()]
