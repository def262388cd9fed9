"""Makes the database of a new gateway and an access key that may do everything, and reports the key."""

import os

import django
from django.core.management import call_command

from benchmarks import worker


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gatewayapp.settings")
    django.setup()
    from gatewayapp.models import AccessKey  # models load after Django's set-up only

    call_command("migrate", interactive=False, verbosity=0)
    key, secret = AccessKey.objects.issue("benchmarks", [{"action": "*", "resource": "*"}])
    worker.report(access_key_id=key.access_key_id, secret=secret)


if __name__ == "__main__":
    main()
