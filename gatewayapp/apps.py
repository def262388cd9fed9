"""The Django application of the gateway."""

from django.apps import AppConfig


class GatewayConfig(AppConfig):
    name = "gatewayapp"
    verbose_name = "Gateway"

    def ready(self) -> None:
        from gatewayapp import checks  # noqa: F401  (registers them)
