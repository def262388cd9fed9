"""Operations on the audit log, which everyone adds to and nobody changes."""

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.db.models import QuerySet

from gatewayapp.controlplane.operations.actors import current_actor
from gatewayapp.core.policy import management_arn
from gatewayapp.models import (
    AccessKey,
    Api,
    ApiMapping,
    ApiModel,
    ApiToken,
    AuditEntry,
    Authorizer,
    Deployment,
    Document,
    DomainName,
    Integration,
    IntegrationResponse,
    Route,
    RouteResponse,
    Stage,
    TestCase,
)
from gatewayapp.models.redaction import redactor

_PATHS: dict[type, str] = {
    AccessKey: "/accesskeys/{0.access_key_id}",
    Api: "/apis/{0.api_id}",
    ApiMapping: "/domainnames/{0.domain_name_id}/apimappings/{0.api_mapping_id}",
    ApiModel: "/apis/{0.api_id}/models/{0.model_id}",
    ApiToken: "/tokens/{0.token_id}",
    Authorizer: "/apis/{0.api_id}/authorizers/{0.authorizer_id}",
    Deployment: "/apis/{0.api_id}/deployments/{0.deployment_id}",
    DomainName: "/domainnames/{0.domain_name}",
    Integration: "/apis/{0.api_id}/integrations/{0.integration_id}",
    IntegrationResponse: (
        "/apis/{0.integration.api_id}/integrations/{0.integration_id}/integrationresponses/{0.integration_response_id}"
    ),
    Route: "/apis/{0.api_id}/routes/{0.route_id}",
    RouteResponse: "/apis/{0.route.api_id}/routes/{0.route_id}/routeresponses/{0.route_response_id}",
    Stage: "/apis/{0.api_id}/stages/{0.stage_name}",
    TestCase: "/apis/{0.api_id}/testcases/{0.test_case_id}",
}


def get_audit_entries() -> QuerySet[AuditEntry]:
    """All entries, the latest first."""
    return AuditEntry.objects.all()


def last_entry(api_id: str, actions: Iterable[str]) -> AuditEntry | None:
    """The latest entry of one of the `actions` on an API or a part of it."""
    return AuditEntry.objects.filter(api_id=api_id, action__in=actions).first()


def add_entry(action: str, path: str, before: Document | None = None, after: Document | None = None) -> None:
    """Take down that the current actor did `action` to the resource at `path`, such as `/apis/ab12cd34ef`."""
    actor = current_actor()
    AuditEntry.objects.create(
        actor_kind=actor.kind,
        actor_id=actor.id,
        actor_name=actor.name,
        source_address=actor.source_address,
        action=action,
        resource=management_arn(settings.NOPAL_REGION, path),
        api_id=_api_id(path),
        before=None if before is None else redactor().document(before),
        after=None if after is None else redactor().document(after),
    )


def path_of(resource: Any) -> str:
    """Where the management API has the resource."""
    return _PATHS[type(resource)].format(resource)


def _api_id(path: str) -> str:
    segments = path.split("/")
    return segments[2] if segments[1] == "apis" and len(segments) > 2 else ""
