"""How the draft differs from what stages serve, what to know before it is deployed, and what stages served before."""

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from gatewayapp.controlplane.api.v1.graphs import GraphProblemShape
from gatewayapp.controlplane.api.v1.pagination import newest_first
from gatewayapp.controlplane.api.v1.schema import endpoint
from gatewayapp.controlplane.api.v1.shapes import PageQuery, Shape, page_of
from gatewayapp.controlplane.api.v1.views import View
from gatewayapp.controlplane.operations.drafts import Finding, check_deployment, get_draft_status
from gatewayapp.controlplane.operations.stages import get_stage, get_stage_history
from gatewayapp.core.graph import ERROR
from gatewayapp.core.pictures import problem_document
from gatewayapp.core.told import Told
from gatewayapp.models import Deployment, Document, StageDeployment
from gatewayapp.models.redaction import redactor

_NODE = "The node of the picture that it is about; empty for the whole."


class MemberChangeShape(Shape):
    member = serializers.CharField()
    before = serializers.JSONField(allow_null=True)
    after = serializers.JSONField(allow_null=True)


class ChangeShape(Shape):
    """A resource that differs; routes, models and authorizers are keyed by name, integrations by id."""

    action = serializers.ChoiceField(["added", "changed", "removed"])
    kind = serializers.CharField()
    key = serializers.CharField()
    members = MemberChangeShape(many=True)
    node = serializers.CharField(allow_blank=True, help_text=_NODE)
    sentence = serializers.CharField(help_text="The change in words.")


class FindingShape(GraphProblemShape):
    node = serializers.CharField(allow_blank=True, help_text=_NODE)


class DraftOfStageShape(Shape):
    stage_name = serializers.CharField()
    deployment_id = serializers.CharField(allow_null=True)
    auto_deploy = serializers.BooleanField()
    changes = ChangeShape(
        many=True, allow_null=True, help_text="What deploying the draft would change; null where nothing is served yet."
    )


class DraftShape(Shape):
    version = serializers.CharField()
    findings = FindingShape(many=True)
    stages = DraftOfStageShape(many=True)


class DeploymentCheckShape(Shape):
    stage_name = serializers.CharField(
        required=False, max_length=128, help_text="Where the draft is to be deployed to; leave it out for nowhere yet."
    )
    reach_backends = serializers.BooleanField(
        default=False, help_text="Open a connection to each backend, which takes seconds; no request is sent."
    )


class DeploymentCheckedShape(Shape):
    version = serializers.CharField(help_text="Send it in If-Match to deploy just what was checked.")
    deployable = serializers.BooleanField(help_text="Whether no finding is an error.")
    findings = FindingShape(many=True)
    changes = ChangeShape(many=True, allow_null=True)


class HistoryActorShape(Shape):
    kind = serializers.CharField(allow_blank=True)
    id = serializers.CharField(allow_blank=True)
    name = serializers.CharField(allow_blank=True, help_text="Empty where that is not known.")


class HistoryEntryShape(Shape):
    deployment_id = serializers.CharField()
    description = serializers.CharField(allow_blank=True)
    at = serializers.DateTimeField()
    actor = HistoryActorShape()
    automatic = serializers.BooleanField(help_text="Whether a change of the draft did it, with autoDeploy.")
    returned = serializers.BooleanField(help_text="Whether the stage had served the deployment before.")
    current = serializers.BooleanField(help_text="Whether it is what the stage serves now.")
    available = serializers.BooleanField(help_text="Whether the deployment is still there, to go back to.")


class DraftView(View):
    @endpoint("GetDraft", "Tell how the draft differs from what each stage serves", answer=DraftShape)
    def get(self, request: Request, api_id: str) -> Response:
        status = get_draft_status(api_id=api_id)
        stages = [
            {
                "stageName": each.stage.stage_name,
                "deploymentId": each.stage.deployment_id,
                "autoDeploy": each.stage.auto_deploy,
                "changes": _changes(each.changes),
            }
            for each in status.stages
        ]
        return Response({"version": status.version, "findings": _findings(status.findings), "stages": stages})


class DeploymentCheckView(View):
    @endpoint(
        "CheckDeployment",
        "Tell what to know before the draft is deployed, without deploying it",
        body=DeploymentCheckShape,
        answer=DeploymentCheckedShape,
        example={"stageName": "{stageName}", "reachBackends": True},
    )
    def post(self, request: Request, api_id: str) -> Response:
        check = check_deployment(api_id=api_id, **self.body(DeploymentCheckShape))
        return Response(
            {
                "version": check.version,
                "deployable": not any(finding.problem.severity == ERROR for finding in check.findings),
                "findings": _findings(check.findings),
                "changes": _changes(check.changes),
            }
        )


class HistoryView(View):
    @endpoint(
        "ListStageDeployments",
        "List what a stage served, the latest first, with who deployed it",
        query=PageQuery,
        answer=page_of(HistoryEntryShape),
    )
    def get(self, request: Request, api_id: str, stage_name: str) -> Response:
        query = self.query(PageQuery)
        stage, history = (
            get_stage(api_id=api_id, stage_name=stage_name),
            get_stage_history(api_id=api_id, stage_name=stage_name),
        )
        latest = history.first()
        current = latest.pk if latest is not None and latest.deployment_id == stage.deployment_id else None
        page, cursor = newest_first(history, "at", query.get("cursor"), query["page_size"])
        deployments = Deployment.objects.defer("snapshot").in_bulk([entry.deployment_id for entry in page])
        items = [_entry(entry, deployments.get(entry.deployment_id), entry.pk == current) for entry in page]
        return Response({"items": items, "nextCursor": cursor})


def told_document(told: Told) -> Document:
    """A change in wire form, without secrets."""
    members = [
        {
            "member": each.member,
            "before": redactor().member(each.member, each.before),
            "after": redactor().member(each.member, each.after),
        }
        for each in told.change.members
    ]
    return {
        "action": told.change.action,
        "kind": told.change.kind,
        "key": told.change.key,
        "members": members,
        "node": told.node,
        "sentence": told.sentence,
    }


def _changes(changes: tuple[Told, ...] | None) -> list[Document] | None:
    return None if changes is None else [told_document(told) for told in changes]


def _findings(findings: tuple[Finding, ...]) -> list[Document]:
    return [{**problem_document(finding.problem), "node": finding.node} for finding in findings]


def _entry(entry: StageDeployment, deployment: Any, current: bool) -> Document:
    return {
        "deploymentId": entry.deployment_id,
        "description": deployment.description if deployment else "",
        "at": entry.at.isoformat().replace("+00:00", "Z"),
        "actor": {"kind": entry.actor_kind, "id": entry.actor_id, "name": entry.actor_name},
        "automatic": entry.automatic,
        "returned": entry.returned,
        "current": current,
        "available": deployment is not None,
    }
