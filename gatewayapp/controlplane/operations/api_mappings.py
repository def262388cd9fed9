"""Operations on API mappings: which stage answers under a path of a custom domain name."""

from typing import Annotated, Any, TypedDict, Unpack

from django.db.models import QuerySet

from gatewayapp.controlplane.operations.apis import get_api
from gatewayapp.controlplane.operations.changes import change, change_of
from gatewayapp.controlplane.operations.domain_names import get_domain_name
from gatewayapp.controlplane.operations.errors import BadRequest, Conflict
from gatewayapp.controlplane.operations.members import Text, checked
from gatewayapp.controlplane.operations.resources import assign, find
from gatewayapp.controlplane.operations.stages import get_stage
from gatewayapp.models import ApiMapping

MAPPING_KEY = Text(
    0,
    300,
    pattern=r"[A-Za-z0-9$\-_.+!*'()/]+",
    hint="a mapping key holds letters, digits, / and $ - _ . + ! * ' ( )",
)


class ApiMappingMembers(TypedDict, total=False):
    api_id: Annotated[str, Text(1)]
    stage: Annotated[str, Text(1, 128)]
    api_mapping_key: Annotated[str, MAPPING_KEY]


@change
def create_api_mapping(*, domain_name: str, **members: Unpack[ApiMappingMembers]) -> ApiMapping:
    domain = get_domain_name(domain_name=domain_name)
    values = checked(ApiMappingMembers, members, required=("api_id", "stage"))
    if domain.mutual_tls_authentication:
        raise BadRequest("Mutual TLS domain names cannot be mapped to WebSocket APIs.")
    return _written(ApiMapping(domain_name=domain), values)


def get_api_mappings(*, domain_name: str) -> QuerySet[ApiMapping]:
    return get_domain_name(domain_name=domain_name).api_mappings.all()


def get_api_mapping(*, domain_name: str, api_mapping_id: str) -> ApiMapping:
    message = "The api mapping resource specified in the request was not found."
    return find(get_api_mappings(domain_name=domain_name), message, api_mapping_id=api_mapping_id)


@change_of(get_api_mapping)
def update_api_mapping(*, domain_name: str, api_mapping_id: str, **members: Unpack[ApiMappingMembers]) -> ApiMapping:
    mapping = get_api_mapping(domain_name=domain_name, api_mapping_id=api_mapping_id)
    return _written(mapping, checked(ApiMappingMembers, members, required=("api_id",)))


@change_of(get_api_mapping)
def delete_api_mapping(*, domain_name: str, api_mapping_id: str) -> None:
    get_api_mapping(domain_name=domain_name, api_mapping_id=api_mapping_id).delete()


def _written(mapping: ApiMapping, values: dict[str, Any]) -> ApiMapping:
    assign(mapping, values)
    _check_key(mapping.api_mapping_key)
    get_api(api_id=mapping.api_id)
    get_stage(api_id=mapping.api_id, stage_name=mapping.stage)
    siblings = mapping.domain_name.api_mappings.exclude(pk=mapping.pk)
    if siblings.filter(api_mapping_key=mapping.api_mapping_key).exists():
        raise Conflict(
            f"An API mapping with the key {mapping.api_mapping_key!r} already exists for this domain name."
        ).about("api_mapping_key")
    mapping.save()
    return mapping


def _check_key(key: str) -> None:
    if key.startswith("/") or "//" in key:
        raise BadRequest("API mapping key should not start with a '/' or have consecutive '/'s.").about(
            "api_mapping_key"
        )
    if key.endswith("/"):
        raise BadRequest("API mapping key should not end with a '/'.").about("api_mapping_key")
