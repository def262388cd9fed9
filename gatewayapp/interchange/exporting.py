"""From a stored API to a document's text, or to its picture. The same API gives the same text."""

from collections.abc import Callable, Mapping, Sequence

from gatewayapp.controlplane import operations
from gatewayapp.controlplane.operations.deployments import DRAFT
from gatewayapp.core.graph import Graph
from gatewayapp.core.layout import Placed
from gatewayapp.interchange import asyncapi, mermaid, nopal, svg, templates
from gatewayapp.interchange.applying import endpoint
from gatewayapp.interchange.documents import Document, dump
from gatewayapp.interchange.drafts import served, stored
from gatewayapp.interchange.plans import Definition
from gatewayapp.interchange.problems import reject
from gatewayapp.models.redaction import redactor

_WRITERS: Mapping[str, Callable[[Definition, str], Document]] = {
    "nopal": lambda definition, _: nopal.write(definition),
    "cloudformation": lambda definition, _: templates.write(definition),
    "asyncapi": asyncapi.write,
}
PICTURES: Mapping[str, Callable[[Graph, Sequence[Placed], str], str]] = {
    "mermaid": lambda graph, nodes, title: mermaid.write(graph),
    "svg": svg.write,
}
FORMATS = (*_WRITERS, *PICTURES)


def export_api(
    api_id: str,
    export_format: str = "nopal",
    stage_name: str | None = None,
    api_endpoint: str | None = None,
    *,
    with_secrets: bool = False,
) -> str:
    """The API as YAML, or its picture: its draft and all stages, or with `stage_name` what that stage serves.

    Secrets are exported for users who may edit the API, placeholders for others; an import keeps the stored secrets.
    `api_endpoint` is the URL that clients connect to, without the stage; AsyncAPI documents tell it. Raises NotFound,
    and Rejected for an unknown format or a stage that serves nothing.
    """
    if export_format not in FORMATS:
        raise reject("", f"Unknown format {export_format!r}; known are: {', '.join(FORMATS)}.")
    if export_format in PICTURES:
        return _picture(api_id, PICTURES[export_format], stage_name)
    definition = stored(api_id, stage_name).definition
    if not with_secrets:
        definition = definition.mapped(redactor().document)
    return dump(_WRITERS[export_format](definition, api_endpoint or endpoint(api_id)))


def _picture(api_id: str, write: Callable[[Graph, Sequence[Placed], str], str], stage_name: str | None) -> str:
    deployment_id = served(api_id, stage_name).pk if stage_name else DRAFT
    graph = operations.get_graph(api_id=api_id, deployment_id=deployment_id)
    api = operations.get_api(api_id=api_id)
    return write(graph.graph, graph.nodes, f"{api.name}, {f'stage {stage_name}' if stage_name else 'draft'}")
