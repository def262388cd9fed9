"""Custom domain names, and which stage answers under which of their paths."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from django.db.models import QuerySet

from dashboard.resources.fields import Choice, Choices, Text
from dashboard.resources.kinds import Cell, Column, Empty, Group, Kind, Place
from dashboard.resources.tags import TAGS_FIELD, update_with_tags
from gatewayapp.controlplane import operations
from gatewayapp.controlplane.api.v1.permissions import on_all
from gatewayapp.controlplane.operations.api_mappings import ApiMappingMembers
from gatewayapp.controlplane.operations.domain_names import NewDomainNameMembers
from gatewayapp.core.roles import Permission
from gatewayapp.models import ApiMapping, Document, DomainName, Stage

_READ, _WRITE = on_all(Permission.READ_APIS), on_all(Permission.WRITE_APIS)
_NEEDS = {"list": _READ, "read": _READ, "new": _WRITE, "write": _WRITE}
_CONFIGURATIONS = "domain_name_configurations"


def _create(**members: Any) -> DomainName:
    return operations.create_domain_name(**_listed_configuration(members))


def _update(*, domain_name: str, **members: Any) -> None:
    update = partial(operations.update_domain_name, domain_name=domain_name)
    update_with_tags("UpdateDomainName", update, f"/domainnames/{domain_name}", _listed_configuration(members))


def _listed_configuration(members: dict[str, Any]) -> dict[str, Any]:
    """A form has the one configuration, the operations take a list of it."""
    if _CONFIGURATIONS not in members:
        return members
    return members | {_CONFIGURATIONS: [members[_CONFIGURATIONS]]}


def _configuration(domain: DomainName) -> Document:
    return {_CONFIGURATIONS: domain.domain_name_configurations[0] if domain.domain_name_configurations else {}}


def _with_mappings(rows: "QuerySet[DomainName]") -> "QuerySet[DomainName]":
    return rows.prefetch_related("api_mappings__api")


def _mapped(domain: DomainName, facts: Mapping[str, Any]) -> Cell:
    return Cell(
        [f"/{each.api_mapping_key} → {each.api.name}/{each.stage}" for each in domain.api_mappings.all()], "chips"
    )


def _mappings(place: Place, domain: DomainName) -> Mapping[str, Any]:
    scheme = "wss" if place.request.is_secure() else "ws"
    return {
        "mappings": [
            {"mapping": each, "address": f"{scheme}://{domain.domain_name}/{each.api_mapping_key}".rstrip("/")}
            for each in domain.api_mappings.select_related("api")
        ]
    }


def _lost(domain: DomainName) -> Sequence[str]:
    count = domain.api_mappings.count()
    return [
        f"Its {count} API mapping{'' if count == 1 else 's'}: clients do not reach anything under this name any more."
    ]


domains = Kind(
    noun="domain name",
    page="domains",
    icon="world",
    key="domain_name",
    model=DomainName,
    shape=NewDomainNameMembers,
    address="domains",
    new_segment="+new",
    groups=(
        Group(
            "",
            (
                Text(
                    "domain_name",
                    "Domain name",
                    "Point it at this gateway. *.example.com stands for all names below example.com.",
                    required=True,
                    fixed=True,
                    mono=True,
                    placeholder="ws.example.com",
                ),
                Text(
                    _CONFIGURATIONS,
                    "Certificate ARN",
                    "Kept for AWS's tools; TLS ends at Nopal's own listener, or at a proxy in front of it.",
                    key="certificateArn",
                    mono=True,
                ),
            ),
        ),
        Group("Tags", (TAGS_FIELD,)),
    ),
    columns=(
        Column("Leads to", _mapped),
        Column("Created", lambda domain, facts: Cell(domain.created_date, "moment"), "created_date"),
    ),
    lead="Names of your own for stages, so that clients need not know an API's id.",
    empty=Empty(
        "No domain name yet",
        "A domain name such as ws.example.com leads to stages: an API mapping says which stage has which path. "
        "Let the name resolve to this gateway, and give the certificate to whatever ends TLS.",
    ),
    name=lambda domain: domain.domain_name,
    search=("domain_name", "api_mappings__api__name"),
    get_all=operations.get_domain_names,
    get=operations.get_domain_name,
    create=_create,
    update=_update,
    delete=operations.delete_domain_name,
    listed=_with_mappings,
    members=_configuration,
    lost=_lost,
    needs=_NEEDS,
    more="resources/_domain.html",
    more_context=_mappings,
    arn_path=lambda keys: f"/domainnames/{keys['domain_name']}",
)


def _apis(place: Place) -> Choices:
    yield "", "choose one"
    for api in operations.get_apis():
        yield api.api_id, f"{api.name} ({api.api_id})"


def _stages(place: Place) -> Choices:
    yield "", "choose one"
    for name in Stage.objects.order_by("stage_name").values_list("stage_name", flat=True).distinct():
        yield name, name


def _update_mapping(*, domain_name: str, api_mapping_id: str, **members: Any) -> None:
    """The operation wants to be told the API each time."""
    names = {"domain_name": domain_name, "api_mapping_id": api_mapping_id}
    before = operations.get_api_mapping(**names)
    operations.update_api_mapping(**names, **{"api_id": before.api_id, **members})


mappings = Kind(
    noun="API mapping",
    page="domains-mappings",
    icon="arrows-exchange",
    key="api_mapping_id",
    model=ApiMapping,
    shape=ApiMappingMembers,
    parent=domains,
    address="domains/<str:domain_name>/mappings",
    groups=(
        Group(
            "",
            (
                Choice("api_id", "API", required=True, options=_apis),
                Choice("stage", "Stage", "One of the API's.", required=True, options=_stages),
                Text("api_mapping_key", "Path", "Empty: the domain itself. chat/v1 answers at /chat/v1.", mono=True),
            ),
        ),
    ),
    columns=(
        Column("API", lambda each, facts: Cell(each.api_id, "code")),
        Column("Stage", lambda each, facts: Cell(each.stage)),
    ),
    lead="Which stage answers under which path of the domain name.",
    empty=Empty("No mapping yet", "Without one the domain name leads nowhere."),
    name=lambda mapping: f"/{mapping.api_mapping_key}",
    get_all=operations.get_api_mappings,
    get=operations.get_api_mapping,
    create=operations.create_api_mapping,
    update=_update_mapping,
    delete=operations.delete_api_mapping,
    needs=_NEEDS,
    lost=lambda mapping: ["Clients do not reach the stage under this path any more."],
)
