"""Trying a message out on a stage, or on the draft with the stage's settings: nobody is called, nothing is changed."""

from time import time

from django.conf import settings

from gatewayapp.controlplane.operations.deployments import DRAFT, get_snapshot
from gatewayapp.controlplane.operations.errors import BadRequest
from gatewayapp.controlplane.operations.stages import get_stage
from gatewayapp.core.dry_run import DryRun, dry_run
from gatewayapp.core.limits import StageLimits
from gatewayapp.core.snapshot import StageSnapshot, load
from gatewayapp.models import Stage


def run_route_test(*, api_id: str, stage_name: str, message: str, use_draft: bool = False) -> DryRun:
    """What `message` would do. Raises BadRequest where there is nothing to try it on."""
    stage = get_stage(api_id=api_id, stage_name=stage_name)
    if not use_draft and stage.deployment_id is None:
        raise BadRequest(f"Nothing is deployed on stage {stage_name}: deploy first, or test the draft.")
    return dry_run(_snapshot(stage, use_draft), message, _domain_name(api_id), int(time() * 1000))


def _snapshot(stage: Stage, use_draft: bool) -> StageSnapshot:
    document = get_snapshot(api_id=stage.api_id, deployment_id=DRAFT if use_draft else str(stage.deployment_id))
    try:
        api = load(document)
    except ValueError as error:
        raise BadRequest(f"Unable to test: {error}") from error
    limits = StageLimits.from_document(stage.limits, StageLimits.from_document(settings.NOPAL_LIMITS))
    return StageSnapshot(api, stage.stage_name, stage.stage_variables, limits)


def _domain_name(api_id: str) -> str:
    return str(settings.NOPAL_DOMAIN_NAME).replace("{api_id}", api_id) or "localhost"
