"""What the fields of a form offer to choose from, of the API that it belongs to."""

from dashboard.resources.fields import Choices
from dashboard.resources.kinds import Place
from gatewayapp.models import Integration


def targets(place: Place) -> Choices:
    yield "", "none: messages are taken and nothing happens"
    if place.api:
        for integration in place.api.integrations.prefetch_related("routes"):
            yield f"integrations/{integration.integration_id}", describe(integration)


def authorizers(place: Place) -> Choices:
    yield "", "none"
    if place.api:
        for authorizer in place.api.authorizers.all():
            yield authorizer.authorizer_id, f"{authorizer.name} ({authorizer.authorizer_id})"


def stages(place: Place) -> Choices:
    yield "", "none yet: freeze the draft only"
    if place.api:
        for stage in place.api.stages.filter(auto_deploy=False):
            yield stage.stage_name, stage.stage_name


def deployments(place: Place) -> Choices:
    yield "", "none: nobody can connect"
    if place.api:
        for deployment in place.api.deployments.defer("snapshot").order_by("-created_date", "-pk"):
            words = deployment.description or f"{deployment.created_date:%Y-%m-%d %H:%M} UTC"
            yield deployment.deployment_id, f"{deployment.deployment_id}: {words[:60]}"


def describe(integration: Integration) -> str:
    """An integration for people: it has no name, so its backend, its description or its routes stand for it."""
    keys = ", ".join(route.route_key for route in integration.routes.all())
    what = integration.description or integration.shown_uri or (f"for {keys}" if keys else "unused")
    return f"{integration.integration_type} {integration.integration_id}: {what[:80]}"
