"""Operations on stages. All of a stage's settings act at once; only routes and integrations wait for a deployment."""

from dataclasses import dataclass
from typing import Annotated, Any, TypedDict, Unpack

from django.db.models import QuerySet
from django.utils import timezone

from gatewayapp.controlplane.operations.apis import get_api
from gatewayapp.controlplane.operations.changes import change, change_of
from gatewayapp.controlplane.operations.errors import BadRequest, Conflict, NotFound
from gatewayapp.controlplane.operations.members import (
    DESCRIPTION,
    TAGS,
    Choice,
    Flag,
    MapOf,
    Number,
    Structure,
    Text,
    checked,
    merged,
)
from gatewayapp.controlplane.operations.resources import assign, check_quota, find
from gatewayapp.controlplane.operations.secrets import with_stored_secrets
from gatewayapp.controlplane.operations.snapshots import note_deployment, redeploy
from gatewayapp.core.limits import StageLimits
from gatewayapp.models import Api, ConfigurationVersion, Deployment, Stage, StageDeployment
from gatewayapp.models.stages import default_route_settings

MOST_STAGES = 10

STAGE_NAME = Text(
    1, 128, pattern="[A-Za-z0-9_-]+", hint="a stage name holds letters, digits, '-' and '_'; $default is for HTTP APIs."
)
STAGE_VARIABLES = MapOf(
    Text(
        0,
        512,
        pattern=r"[A-Za-z0-9\-._~:/?#&=,]+",
        hint="a stage variable's value holds letters, digits and - . _ ~ : / ? # & = ,",
    ),
    keys="[A-Za-z0-9_]{1,64}",
    hint="a stage variable's name has 1-64 letters, digits and underscores.",
    most=100,
)
ROUTE_SETTINGS = Structure(
    {
        "dataTraceEnabled": Flag(),
        "detailedMetricsEnabled": Flag(),
        "loggingLevel": Choice("ERROR", "INFO", "OFF"),
        "throttlingBurstLimit": Number(0, 2**31 - 1),
        "throttlingRateLimit": Number(0, 2**31 - 1, fractional=True),
    }
)
ACCESS_LOG_SETTINGS = Structure({"destinationArn": Text(0, 2048), "format": Text(0, 3072)})


class _Limits:
    """Nopal's own limits, checked by the data plane's own words."""

    def check(self, name: str, value: Any) -> dict[str, Any]:
        limits: dict[str, Any] = MapOf(_Anything()).check(name, value)
        try:
            StageLimits.from_document(limits)
        except ValueError as error:
            raise BadRequest(f"Invalid {name}: {error}") from error
        return limits

    def rule_at(self, key: str) -> "_Limit":
        return _Limit(key)


@dataclass(frozen=True, slots=True)
class _Limit:
    """One of them."""

    key: str

    def check(self, name: str, value: Any) -> Any:
        try:
            StageLimits.from_document({self.key: value})
        except ValueError as error:
            raise BadRequest(str(error)) from error
        return value


class _Anything:
    def check(self, name: str, value: Any) -> Any:
        return value


class StageMembers(TypedDict, total=False):
    access_log_settings: Annotated[dict[str, str], ACCESS_LOG_SETTINGS]
    auto_deploy: Annotated[bool, Flag()]
    client_certificate_id: Annotated[str, Text(0, 1024)]
    default_route_settings: Annotated[dict[str, Any], ROUTE_SETTINGS]
    deployment_id: Annotated[str, Text()]
    description: Annotated[str, DESCRIPTION]
    limits: Annotated[dict[str, Any], _Limits()]
    route_settings: Annotated[dict[str, dict[str, Any]], MapOf(ROUTE_SETTINGS)]
    stage_variables: Annotated[dict[str, str], STAGE_VARIABLES]


class NewStageMembers(StageMembers, total=False):
    stage_name: Annotated[str, STAGE_NAME]
    tags: Annotated[dict[str, str], TAGS]


@change
def create_stage(*, api_id: str, **members: Unpack[NewStageMembers]) -> Stage:
    api = get_api(api_id=api_id)
    values = checked(NewStageMembers, with_stored_secrets(members), required=("stage_name",))
    if api.stages.filter(stage_name=values["stage_name"]).exists():
        raise Conflict("Stage already exists").about("stage_name")
    check_quota(api.stages.all(), MOST_STAGES, "stages of an API")
    return _written(Stage(api=api), values)


def get_stages(*, api_id: str) -> QuerySet[Stage]:
    return get_api(api_id=api_id).stages.all()


def get_stage(*, api_id: str, stage_name: str) -> Stage:
    return find(get_stages(api_id=api_id), "Invalid stage identifier specified", stage_name=stage_name)


def get_stage_history(*, api_id: str, stage_name: str) -> QuerySet[StageDeployment]:
    """What the stage served, the latest first; the first entry is about what it serves now, if that is anything."""
    return get_stage(api_id=api_id, stage_name=stage_name).stage_deployments.all()


@change_of(get_stage)
def update_stage(*, api_id: str, stage_name: str, **members: Unpack[StageMembers]) -> Stage:
    """Variables and route settings merge by key, and an empty variable is removed; the rest is replaced."""
    stage = get_stage(api_id=api_id, stage_name=stage_name)
    return _written(stage, checked(StageMembers, with_stored_secrets(members, stage)))


@change_of(get_stage)
def rollback_stage(*, api_id: str, stage_name: str, deployment_id: str) -> Stage:
    """Let the stage serve another deployment of its API, usually an earlier one; its settings stay as they are."""
    stage = get_stage(api_id=api_id, stage_name=stage_name)
    if stage.auto_deploy:
        raise BadRequest(f"Stage {stage_name} deploys automatically: switch autoDeploy off to choose what it serves.")
    if stage.deployment_id == deployment_id:
        raise Conflict(f"Stage {stage_name} serves deployment {deployment_id} already.")
    return _written(stage, {"deployment_id": deployment_id})


@change_of(get_stage)
def delete_stage(*, api_id: str, stage_name: str) -> None:
    stage = get_stage(api_id=api_id, stage_name=stage_name)
    if stage.api.api_mappings.filter(stage=stage_name).exists():
        raise BadRequest(
            f"Deleting stage {stage_name} failed. Please remove all API mappings for the stage from your custom domain "
            "names."
        )
    stage.delete()


@change_of(get_stage)
def delete_access_log_settings(*, api_id: str, stage_name: str) -> None:
    _saved(assign(get_stage(api_id=api_id, stage_name=stage_name), {"access_log_settings": {}}))


@change_of(get_stage)
def delete_route_settings(*, api_id: str, stage_name: str, route_key: str) -> None:
    stage = get_stage(api_id=api_id, stage_name=stage_name)
    if route_key not in stage.route_settings:
        raise NotFound(_no_route_of_settings(route_key), resourceType="RouteSettings")
    del stage.route_settings[route_key]
    _saved(stage)


@change_of(get_stage)
def delete_all_route_settings(*, api_id: str, stage_name: str) -> None:
    """Delete the settings of all routes in one operation; AWS's tools need a call for each route."""
    _saved(assign(get_stage(api_id=api_id, stage_name=stage_name), {"route_settings": {}}))


@change_of(get_stage)
def reset_authorizers_cache(*, api_id: str, stage_name: str) -> None:
    """Answers of WebSocket authorizers are never cached, so there is nothing to reset but the stage must exist."""
    get_stage(api_id=api_id, stage_name=stage_name)


def _written(stage: Stage, values: dict[str, Any]) -> Stage:
    """`stage` with `values`, checked as a whole and saved; if it deploys automatically, it does so now."""
    _check_deployment(stage, values)
    if "stage_variables" in values:
        values["stage_variables"] = merged(stage.stage_variables, values["stage_variables"])
    if "default_route_settings" in values:
        values["default_route_settings"] = {**default_route_settings(), **values["default_route_settings"]}
    if "route_settings" in values:
        values["route_settings"] = {**stage.route_settings, **_route_settings(stage.api, values["route_settings"])}
    if values.get("access_log_settings"):
        _check_access_log(values["access_log_settings"].get("format", ""))
    served = stage.deployment_id
    _saved(assign(stage, values))
    if stage.deployment_id not in (None, served):
        note_deployment(stage.pk, stage.deployment_id)
    if stage.auto_deploy:
        redeploy(stage.api_id)
        stage.refresh_from_db()
    return stage


def _saved(stage: Stage) -> None:
    stage.revision = ConfigurationVersion.current()
    stage.last_updated_date = timezone.now()
    stage.save()


def _check_deployment(stage: Stage, values: dict[str, Any]) -> None:
    """An unknown deployment is refused, and any but the present one while the stage deploys automatically."""
    if "deployment_id" not in values:
        return
    values["deployment_id"] = values["deployment_id"] or None
    if values["deployment_id"] == stage.deployment_id:
        return
    if values.get("auto_deploy", stage.auto_deploy):
        raise BadRequest("Deployment ID cannot be set by the user when autoDeploy is enabled").about("deployment_id")
    deployments = Deployment.objects.filter(api_id=stage.api_id, pk=values["deployment_id"])
    if values["deployment_id"] and not deployments.exists():
        raise NotFound(
            f"Invalid Deployment identifier specified {values['deployment_id']}", resourceType="Deployment"
        ).about("deployment_id")


def _route_settings(api: Api, settings: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    keys = set(api.routes.values_list("route_key", flat=True))
    for key in settings:
        if key not in keys:
            raise NotFound(_no_route_of_settings(key), resourceType="Route").about("route_settings")
    return {
        key: {"dataTraceEnabled": False, "detailedMetricsEnabled": False, **value} for key, value in settings.items()
    }


def _no_route_of_settings(route_key: str) -> str:
    return f"Unable to find Route by key {route_key} within the provided RouteSettings"


def _check_access_log(log_format: str) -> None:
    if "\n" in log_format or "\r" in log_format:
        raise BadRequest("The access log format must be a single line.").about("access_log_settings")
    if "$context.requestId" not in log_format and "$context.extendedRequestId" not in log_format:
        raise BadRequest("The access log format must include $context.requestId").about("access_log_settings")
