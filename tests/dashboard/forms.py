"""What tests of forms do: send them, and read from the answer what became of it."""

from typing import Any

from django.http import HttpResponse
from django.test import Client

HOST = {"HTTP_HOST": "127.0.0.1:8000"}


def send(client: Client, path: str, **fields: Any) -> HttpResponse:
    """POST a form, and follow where it leads."""
    return client.post(path, fields, follow=True, **HOST)


def page(client: Client, path: str) -> str:
    response = client.get(path, **HOST)
    assert response.status_code == 200, response.status_code
    return response.content.decode()


def errors(response: Any) -> dict[str, list[str]]:
    """The errors of the form that came back, by field; those of the whole form under `__all__`."""
    return {name: list(found) for name, found in response.context["form"].errors.items()}


def path_of(response: Any) -> str:
    """Where a redirect led."""
    return response.redirect_chain[-1][0]
