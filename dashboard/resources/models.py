"""Models: JSON Schemas that messages are held against."""

from collections.abc import Mapping
from typing import Any

from dashboard.resources.apis import apis
from dashboard.resources.fields import JsonText, LongText, Text
from dashboard.resources.kinds import Cell, Column, Empty, Group, Kind, Place
from gatewayapp.controlplane import operations
from gatewayapp.controlplane.operations.api_models import ModelMembers
from gatewayapp.controlplane.operations.errors import BadRequest
from gatewayapp.models import ApiModel


def _is_object(document: Any) -> None:
    if not isinstance(document, dict):
        raise ValueError('A schema is a JSON object, such as {"type": "object"}.')


def _sample(place: Place, model: ApiModel) -> Mapping[str, Any]:
    try:
        return {"sample": operations.get_model_template(**place.keys)}
    except BadRequest as error:
        return {"no_sample": error.message}


models = Kind(
    noun="model",
    page="models",
    icon="code",
    key="model_id",
    model=ApiModel,
    shape=ModelMembers,
    parent=apis,
    address="apis/<str:api_id>/models",
    groups=(
        Group(
            "",
            (
                Text("name", "Name", "Letters and digits. Routes refer to it by this name.", required=True),
                Text("content_type", "Content type", placeholder="application/json", suggestions=("application/json",)),
                LongText("description", "Description", wide=True),
                JsonText(
                    "schema",
                    "Schema",
                    "A JSON Schema, draft 4.",
                    required=True,
                    wide=True,
                    judge=_is_object,
                    placeholder='{\n  "type": "object",\n  "required": ["action"]\n}',
                ),
            ),
        ),
    ),
    columns=(
        Column("Description", lambda each, facts: Cell(each.description, "long"), "description"),
        Column("Content type", lambda each, facts: Cell(each.content_type or "application/json", "code")),
        Column("Id", lambda each, facts: Cell(each.model_id, "code")),
        Column("Created", lambda each, facts: Cell(each.created_date, "moment"), "created_date"),
    ),
    lead="What messages have to look like. A route names the models that its messages are held against.",
    empty=Empty(
        "No model yet",
        "A model is a JSON Schema. It describes a kind of message, for documentation and for routes that refuse "
        "whatever does not match.",
    ),
    name=lambda model: model.name,
    search=("name", "model_id", "description"),
    get_all=operations.get_models,
    get=operations.get_model,
    create=operations.create_model,
    update=operations.update_model,
    delete=operations.delete_model,
    lost=lambda each: ["Nothing else. Routes that name it cannot be deployed before they name another."],
    more="resources/_model.html",
    more_context=_sample,
)
