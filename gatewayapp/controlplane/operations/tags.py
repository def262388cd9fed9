"""Operations on tags, which APIs, stages and domain names have; resources are named by their ARN."""

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from gatewayapp.controlplane.operations.apis import get_api
from gatewayapp.controlplane.operations.changes import change_of
from gatewayapp.controlplane.operations.domain_names import get_domain_name
from gatewayapp.controlplane.operations.errors import BadRequest, NotFound
from gatewayapp.controlplane.operations.members import TAGS
from gatewayapp.controlplane.operations.stages import get_stage
from gatewayapp.models import Api, DomainName, Stage

_ARN = re.compile(
    r"arn:[\w-]+:apigateway:[\w-]*::/"
    r"(?:apis/(?P<api_id>[^/]+)(?:/stages/(?P<stage_name>[^/]+))?|domainnames/(?P<domain_name>[^/]+))"
)


def get_tagged(*, resource_arn: str) -> Api | Stage | DomainName:
    """The API, stage or domain name that an ARN names."""
    found = _ARN.fullmatch(resource_arn)
    if found is None:
        raise NotFound(f"Invalid resource identifier specified {resource_arn}", resourceType="Resource")
    if found["domain_name"]:
        return get_domain_name(domain_name=found["domain_name"])
    if found["stage_name"]:
        return get_stage(api_id=found["api_id"], stage_name=found["stage_name"])
    return get_api(api_id=found["api_id"])


@change_of(get_tagged)
def tag_resource(*, resource_arn: str, tags: Mapping[str, str] = MappingProxyType({})) -> None:
    """Add `tags`, replacing those with the same keys."""
    resource = get_tagged(resource_arn=resource_arn)
    resource.tags = TAGS.check("tags", {**resource.tags, **TAGS.check("tags", tags)})
    resource.save(update_fields=["tags"])


@change_of(get_tagged)
def untag_resource(*, resource_arn: str, tag_keys: Iterable[str]) -> None:
    resource = get_tagged(resource_arn=resource_arn)
    removed = set(tag_keys)
    if not removed:
        raise BadRequest("tagKeys is required.")
    resource.tags = {key: value for key, value in resource.tags.items() if key not in removed}
    resource.save(update_fields=["tags"])


@change_of(get_tagged)
def replace_tags(*, resource_arn: str, tags: Mapping[str, str]) -> None:
    """Let the resource have these tags and no others, which takes AWS's tools two calls."""
    resource = get_tagged(resource_arn=resource_arn)
    resource.tags = TAGS.check("tags", tags)
    resource.save(update_fields=["tags"])


def get_tags(*, resource_arn: str) -> dict[str, str]:
    return dict(get_tagged(resource_arn=resource_arn).tags)
