"""The dashboard's forms."""

from typing import Any

from django.contrib.auth.forms import BaseUserCreationForm
from django.contrib.auth.models import User


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
