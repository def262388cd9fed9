"""`manage.py serve`: start the gateway."""

import ipaddress
import threading
from argparse import ArgumentParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError

from gatewayapp.controlplane.operations.encryption import check_encryption_keys
from gatewayapp.data_directory import CERTIFICATES, restrict
from gatewayapp.models.encryption import EncryptionKeyMissing
from gatewayapp.storage_failures import find_storage_failure

if TYPE_CHECKING:
    from gatewayapp.management.demo import Demo

GRACE_SECONDS = 5.0
LOOPBACK_GRACE_SECONDS = 1.0


class Command(BaseCommand):
    help = "Migrate the database, then serve WebSocket clients, @connections, the management API and the dashboard."
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
        parser.add_argument(
            "--port", type=int, default=8000, help="port to listen on, 0 for a free one (default: 8000)"
        )
        parser.add_argument("--tls", action="store_true", help="serve https and wss, with a development certificate")
        parser.add_argument("--cert", metavar="FILE", help="PEM certificate chain to serve with --tls")
        parser.add_argument("--key", metavar="FILE", help="PEM key of --cert")
        parser.add_argument("--demo", action="store_true", help="also create and run a chat to try the gateway with")

    def handle(self, *, host: str, port: int, tls: bool, demo: bool, **options: Any) -> None:
        loopback = _is_loopback(host)
        if settings.NOPAL_ANONYMOUS_CALLBACKS and not loopback:
            raise CommandError(
                "NOPAL_ANONYMOUS_CALLBACKS lets anyone push to any connection, so it works on loopback only: "
                f"unset it, or serve with --host 127.0.0.1 instead of {host}."
            )
        if demo and not loopback:
            raise CommandError(
                "--demo is for trying Nopal on this machine, and its application listens on loopback only: "
                f"serve with --host 127.0.0.1 instead of {host}."
            )
        certificate, key = self._certificate(tls, options["cert"], options["key"])
        _allow_host(host)
        _migrate()
        try:
            check_encryption_keys()
        except EncryptionKeyMissing as error:
            raise CommandError(str(error)) from error

        # Imported here: these load Twisted's reactor, which no other command needs.
        from gatewayapp.asgi import Application
        from gatewayapp.body_limits import ANYONE
        from gatewayapp.dataplane.gateway import GatewayOptions
        from gatewayapp.server import ServerOptions, run

        application = Application(GatewayOptions(loopback))
        server_options = ServerOptions(
            host=host,
            port=port,
            certificate=certificate,
            key=key,
            max_body=settings.NOPAL_MAX_CALLBACK_BODY,
            handshakes_per_second=settings.NOPAL_HANDSHAKES_PER_SECOND,
            max_upload=ANYONE,
            trusted_proxies=settings.NOPAL_TRUSTED_PROXIES,
            stop_delay=_readiness_grace(loopback),
            drain_timeout=settings.NOPAL_DRAIN_TIMEOUT,
        )
        chat = _demo() if demo else None

        def ready(bound_host: str, bound_port: int) -> None:
            base_url = f"{'https' if tls else 'http'}://{_own_host(host)}:{bound_port}"
            # In a thread of its own, since it asks the database, which the event loop must not wait for.
            threading.Thread(target=self._greet, args=(base_url, chat, _is_everywhere(host)), daemon=True).start()

        try:
            gateway = application.gateway
            run(application, server_options, ready=ready, on_signal=gateway.announce_stop, on_drain=gateway.drain)
        finally:
            if chat is not None:
                chat.stop()

    def _certificate(self, tls: bool, certificate: str | None, key: str | None) -> tuple[str | None, str | None]:
        if not tls:
            if certificate or key:
                raise CommandError("--cert and --key need --tls.")
            return None, None
        if bool(certificate) != bool(key):
            raise CommandError("--cert and --key go together.")
        if certificate and key:
            for path in (certificate, key):
                if not Path(path).is_file():
                    raise CommandError(f"{path} is not a file.")
            return certificate, key
        from gatewayapp.server.tls import development_certificate

        paths = development_certificate(settings.DATA_DIR / CERTIFICATES, settings.ALLOWED_HOSTS)
        restrict(settings.DATA_DIR, settings.DATABASES["default"], group_access=settings.NOPAL_DATA_GROUP_ACCESS)
        return str(paths[0]), str(paths[1])

    def _greet(self, base_url: str, chat: "Demo | None", everywhere: bool) -> None:
        """Say where everything is, once the server takes connections."""
        from dashboard.setup import setup_link

        lines = ["", f"Nopal serves {base_url}"]
        if everywhere:
            lines += ["and every other address of this machine, for the hosts in NOPAL_ALLOWED_HOSTS."]
        if (link := setup_link(base_url)) is not None:
            lines += ["", "First run: create the administrator here, within 30 minutes:", f"  {link}"]
        if chat is not None:
            lines += ["", *chat.start(base_url)]
        self.stdout.write("\n".join([*lines, "", "Stop with Ctrl+C.", ""]))
        self.stdout.flush()


def _migrate() -> None:
    """Bring the database up to date. Raises CommandError where it cannot be used."""
    try:
        call_command("migrate", interactive=False, verbosity=0)
    except OperationalError as error:
        if (failure := find_storage_failure(error)) is None:
            raise
        raise CommandError(f"Nopal cannot start: {str(error).strip()}. {failure.message}") from error


def _demo() -> "Demo":
    from gatewayapp.management.demo import Demo

    return Demo()


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _readiness_grace(loopback: bool) -> float:
    """Seconds for which `/readyz` returns 503 before the port closes; shorter on loopback, where developers wait."""
    if settings.NOPAL_READINESS_GRACE is not None:
        return float(settings.NOPAL_READINESS_GRACE)
    return LOOPBACK_GRACE_SECONDS if loopback else GRACE_SECONDS


def _is_everywhere(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


def _allow_host(host: str) -> None:
    """The address that we listen on is one that we answer for."""
    if _own_host(host) not in settings.ALLOWED_HOSTS:
        settings.ALLOWED_HOSTS.append(_own_host(host))


def _own_host(host: str) -> str:
    """The host of URLs that work on this machine."""
    if _is_everywhere(host):
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host
