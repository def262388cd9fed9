"""Makes an administrator of a gateway, signs them in, and reports the cookie and an API token of theirs."""

import os

import django

from benchmarks import worker


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gatewayapp.settings")
    django.setup()
    from django.conf import settings  # all of these load after Django's set-up only
    from django.contrib.auth.models import User
    from django.test import Client

    from gatewayapp.controlplane.operations.api_tokens import create_api_token
    from gatewayapp.core.roles import Permission

    user = User.objects.create_superuser("benchmarks", password="a-cactus-in-the-sun")
    browser = Client()
    browser.force_login(user)
    _, token = create_api_token(user_id=user.pk, name="benchmarks", scopes=list(Permission))
    name = settings.SESSION_COOKIE_NAME
    worker.report(cookie=f"{name}={browser.cookies[name].value}", token=token)


if __name__ == "__main__":
    main()
