"""The dashboard's forms."""

from typing import Any

from django.contrib.auth.forms import AuthenticationForm, BaseUserCreationForm
from django.contrib.auth.models import User
from django.http import HttpRequest

from dashboard.throttle import begin_try, forgive


class SignInForm(AuthenticationForm):
    """A name and a password. Raises TooManyTries while no more may be tried."""

    request: HttpRequest

    def clean(self) -> dict[str, Any]:
        username = self.cleaned_data.get("username")
        if not username or not self.cleaned_data.get("password"):
            return super().clean()
        this = begin_try(self.request, username)
        cleaned = super().clean()
        forgive(this)
        return cleaned


class FirstAdministratorForm(BaseUserCreationForm):
    """A name and a password, typed twice and held to the password validators."""

    class Meta:
        model = User
        fields = ("username",)

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.fields["username"].help_text = "Letters, digits and @ . + - _"
        self.fields["username"].widget.attrs["autocomplete"] = "username"
        self.fields["password1"].help_text = "At least 10 characters, not a common password, not only digits."
        self.fields["password2"].label = "Password, once more"
        self.fields["password2"].help_text = ""
