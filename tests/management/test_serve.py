"""`manage.py serve` refuses what cannot work, before it touches anything."""

import pytest
from django.core.management import CommandError, call_command


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--demo", "--host", "0.0.0.0"], "--demo is for trying Nopal on this machine"),
        (["--cert", "chain.pem", "--key", "key.pem"], "need --tls"),
        (["--tls", "--cert", "chain.pem"], "go together"),
        (["--tls", "--cert", "/nowhere/chain.pem", "--key", "/nowhere/key.pem"], "/nowhere/chain.pem is not a file"),
    ],
)
def test_arguments_that_cannot_work_are_refused_in_words(arguments, expected):
    with pytest.raises(CommandError, match=expected):
        call_command("serve", *arguments)


def test_anonymous_callbacks_are_refused_off_loopback(settings):
    settings.NOPAL_ANONYMOUS_CALLBACKS = True

    with pytest.raises(CommandError, match="loopback only"):
        call_command("serve", "--host", "0.0.0.0")
