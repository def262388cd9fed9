"""Tags as a field of those resources that have them; the operations change them apart from all else."""

from typing import Any

from django.conf import settings

from dashboard.resources.fields import Pairs
from gatewayapp.controlplane import operations
from gatewayapp.core.policy import management_arn

TAGS_FIELD = Pairs(
    "tags", "Tags", "For whoever looks after it: team, cost centre, environment.", names=("Key", "Value")
)


def retag(path: str, tags: dict[str, str]) -> None:
    """Let the resource at `path` have these tags and no others."""
    arn = management_arn(settings.NOPAL_REGION, path)
    before = operations.get_tags(resource_arn=arn)
    removed = [key for key in before if key not in tags]
    added = {key: value for key, value in tags.items() if before.get(key) != value}
    if removed:
        operations.untag_resource(resource_arn=arn, tag_keys=removed)
    if added:
        operations.tag_resource(resource_arn=arn, tags=added)


def split_tags(members: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str] | None]:
    """The members without the tags, and the tags, or None where they are not to change."""
    return {name: value for name, value in members.items() if name != "tags"}, members.get("tags")
