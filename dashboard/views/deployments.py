"""What a deployment's page has beside its form: a stage is given another deployment to serve."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect

from dashboard.permissions import Request, page
from gatewayapp.controlplane import operations
from gatewayapp.controlplane.api.v1.permissions import on_api
from gatewayapp.controlplane.operations.errors import OperationError
from gatewayapp.core.roles import Permission


@page(read=on_api(Permission.READ_APIS), write=on_api(Permission.WRITE_APIS))
def serve(request: Request, api_id: str, deployment_id: str) -> HttpResponse:
    """Let the stage of the form serve the deployment; a look at this address leads to the deployment."""
    if request.method == "POST":
        stage_name = request.POST.get("stage_name", "")
        try:
            operations.rollback_stage(api_id=api_id, stage_name=stage_name, deployment_id=deployment_id)
        except OperationError as error:
            messages.error(request, error.message, "bad")
        else:
            messages.success(request, f"Stage {stage_name} serves deployment {deployment_id} now.", "good")
    return redirect("deployments-detail", api_id=api_id, deployment_id=deployment_id)
