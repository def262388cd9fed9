"""Operations on models: JSON Schemas (draft 4) that an API's routes refer to by name."""

from typing import Annotated, TypedDict, Unpack

import orjson
from django.db.models import QuerySet

from gatewayapp.controlplane.operations.apis import get_api
from gatewayapp.controlplane.operations.changes import draft_change, draft_change_of
from gatewayapp.controlplane.operations.errors import BadRequest, Conflict
from gatewayapp.controlplane.operations.members import DESCRIPTION, Text, checked
from gatewayapp.controlplane.operations.resources import assign, find
from gatewayapp.core.samples import sample
from gatewayapp.models import ApiModel


class ModelMembers(TypedDict, total=False):
    name: Annotated[str, Text(1, 128)]
    content_type: Annotated[str, Text(0, 256)]
    description: Annotated[str, DESCRIPTION]
    schema: Annotated[str, Text(0, 32_768)]


@draft_change
def create_model(*, api_id: str, **members: Unpack[ModelMembers]) -> ApiModel:
    api = get_api(api_id=api_id)
    values = checked(ModelMembers, members, required=("name", "schema"))
    return _written(ApiModel(api=api, **values))


def get_models(*, api_id: str) -> QuerySet[ApiModel]:
    return get_api(api_id=api_id).models.all()


def get_model(*, api_id: str, model_id: str) -> ApiModel:
    return find(get_models(api_id=api_id), f"Invalid Model identifier specified {model_id}", model_id=model_id)


def get_model_template(*, api_id: str, model_id: str) -> str:
    """A sample document of the model's schema, as JSON."""
    model = get_model(api_id=api_id, model_id=model_id)
    try:
        schema = orjson.loads(model.schema)
    except ValueError as error:
        raise BadRequest(f"There is no template of model {model.name}: its schema is not JSON: {error}.") from error
    if not isinstance(schema, dict):
        raise BadRequest(f"There is no template of model {model.name}: its schema is not a JSON object.")
    return orjson.dumps(sample(schema), option=orjson.OPT_INDENT_2).decode()


@draft_change_of(get_model)
def update_model(*, api_id: str, model_id: str, **members: Unpack[ModelMembers]) -> ApiModel:
    model = get_model(api_id=api_id, model_id=model_id)
    return _written(assign(model, checked(ModelMembers, members)))


@draft_change_of(get_model)
def delete_model(*, api_id: str, model_id: str) -> None:
    get_model(api_id=api_id, model_id=model_id).delete()


def _written(model: ApiModel) -> ApiModel:
    if not (model.name.isascii() and model.name.isalnum()):
        raise BadRequest(f"Model name must be alphanumeric: {model.name}").about("name")
    if model.api.models.filter(name=model.name).exclude(pk=model.pk).exists():
        raise Conflict(f"Model name already exists for this API: {model.name}").about("name")
    model.save()
    return model
