"""Operations on the places of an API's nodes in its picture.

They are no configuration: nothing is deployed of them, no version moves, and whoever edits meanwhile is not disturbed.
Each gesture that is saved adds its entry to the audit log all the same.
"""

import re
from collections.abc import Mapping
from typing import Any

from django.db import transaction

from gatewayapp.controlplane.operations.apis import get_api
from gatewayapp.controlplane.operations.audit_entries import add_entry
from gatewayapp.controlplane.operations.errors import BadRequest, TooMany
from gatewayapp.core.layout import Position
from gatewayapp.models import Document, LayoutPosition

MOST_POSITIONS = 2000
"""Of an API. Positions of deleted nodes stay, so that what is restored comes back to its place."""

FARTHEST = 100_000

_NODE_KEY = re.compile(r"client|selector|(route|integration|authorizer|backend)/[a-z0-9]{1,16}")


def get_layout(*, api_id: str) -> dict[str, Position]:
    """Where nodes were put, by their keys; the others are placed automatically."""
    rows = get_api(api_id=api_id).layout_positions.values_list("node_key", "x", "y")
    return {key: (x, y) for key, x, y in rows}


def update_layout(*, api_id: str, positions: Mapping[str, Mapping[str, Any]]) -> None:
    """Put nodes somewhere: `positions` are `{"x": …, "y": …}` by the node's key; the others stay."""
    api = get_api(api_id=api_id)
    for key, position in positions.items():
        _check(key, position)
    rows = [LayoutPosition(api=api, node_key=key, **position) for key, position in positions.items()]
    with transaction.atomic():
        before = {key: each for key, each in _positions(api_id).items() if key in positions}
        LayoutPosition.objects.bulk_create(
            rows, update_conflicts=True, unique_fields=["api", "node_key"], update_fields=["x", "y"]
        )
        if api.layout_positions.count() > MOST_POSITIONS:
            raise TooMany(f"An API keeps at most {MOST_POSITIONS} positions: reset the layout.", limitType="positions")
        add_entry("UpdateLayout", _path(api_id), before, dict(positions))


def reset_layout(*, api_id: str) -> None:
    """Let all nodes be placed automatically again."""
    api = get_api(api_id=api_id)
    with transaction.atomic():
        before = _positions(api_id)
        api.layout_positions.all().delete()
        add_entry("ResetLayout", _path(api_id), before=before)


def _positions(api_id: str) -> Document:
    return {key: {"x": x, "y": y} for key, (x, y) in get_layout(api_id=api_id).items()}


def _check(key: str, position: Mapping[str, Any]) -> None:
    if not _NODE_KEY.fullmatch(key):
        raise BadRequest(f"{key!r} is no node: take the keys from the graph, such as route/k3v9x2a.")
    if set(position) != {"x", "y"} or not all(_is_coordinate(value) for value in position.values()):
        raise BadRequest(f"The position of {key} needs x and y, whole numbers from -{FARTHEST} to {FARTHEST}.")


def _is_coordinate(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and -FARTHEST <= value <= FARTHEST


def _path(api_id: str) -> str:
    return f"/apis/{api_id}/layout"
