"""From a stored API to a document's text. The same API gives the same text."""

from collections.abc import Callable, Mapping

from gatewayapp.interchange import asyncapi, nopal, templates
from gatewayapp.interchange.applying import endpoint
from gatewayapp.interchange.documents import Document, dump
from gatewayapp.interchange.drafts import stored
from gatewayapp.interchange.plans import Definition
from gatewayapp.interchange.problems import reject

_WRITERS: Mapping[str, Callable[[Definition, str], Document]] = {
    "nopal": lambda definition, _: nopal.write(definition),
    "cloudformation": lambda definition, _: templates.write(definition),
    "asyncapi": asyncapi.write,
}
FORMATS = tuple(_WRITERS)


def export_api(
    api_id: str, export_format: str = "nopal", stage_name: str | None = None, api_endpoint: str | None = None
) -> str:
    """The API as YAML: its draft and all stages, or with `stage_name` what that stage serves.

    `api_endpoint` is the URL that clients connect to, without the stage; AsyncAPI documents tell it. Raises NotFound,
    and Rejected for an unknown format or a stage that serves nothing.
    """
    if export_format not in _WRITERS:
        raise reject("", f"Unknown format {export_format!r}; known are: {', '.join(FORMATS)}.")
    definition = stored(api_id, stage_name).definition
    return dump(_WRITERS[export_format](definition, api_endpoint or endpoint(api_id)))
