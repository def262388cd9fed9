"""Tags as a field of those resources that have them; the operations change them apart from all else."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.conf import settings

from dashboard.resources.fields import Pairs
from gatewayapp.controlplane import operations
from gatewayapp.core.policy import management_arn

TAGS_FIELD = Pairs(
    "tags", "Tags", "For whoever looks after it: team, cost centre, environment.", names=("Key", "Value")
)


def update_with_tags(action: str, update: Callable[..., Any], path: str, members: dict[str, Any]) -> None:
    """`update` the resource at `path`, and let it have the tags among `members`: one change, called `action`."""
    arn = management_arn(settings.NOPAL_REGION, path)
    own = {name: value for name, value in members.items() if name != "tags"}
    if not own:
        operations.replace_tags(resource_arn=arn, tags=members["tags"])
        return
    with operations.one_change_of(action, partial(operations.get_tagged, resource_arn=arn)):
        if "tags" in members:
            operations.replace_tags(resource_arn=arn, tags=members["tags"])
        update(**own)
