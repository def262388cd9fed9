"""Operations on custom domain names.

Nopal answers for a domain name as soon as it exists: certificates are the listener's or a proxy's business, so a
configuration's ARNs are kept as given and its status is AVAILABLE.
"""

from typing import Annotated, Any, TypedDict, Unpack

from django.conf import settings
from django.db.models import QuerySet

from gatewayapp.controlplane.operations.changes import change, change_of
from gatewayapp.controlplane.operations.errors import BadRequest, Conflict
from gatewayapp.controlplane.operations.members import TAGS, Choice, ListOf, Structure, Text, checked
from gatewayapp.controlplane.operations.resources import assign, find
from gatewayapp.models import ApiMapping, DomainName
from gatewayapp.models.resources import new_api_id

_LABEL = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
NAME = Text(
    1,
    512,
    pattern=rf"(\*\.)?{_LABEL}(\.{_LABEL})*",
    hint="a domain name is a host name in lower case, without a port; *.example.com stands for all names below it.",
)
CONFIGURATION = Structure(
    {
        "certificateArn": Text(0, 2048),
        "certificateName": Text(0, 128),
        "endpointType": Text(0, 16),
        "ipAddressType": Choice("ipv4", "dualstack"),
        "ownershipVerificationCertificateArn": Text(0, 2048),
        "securityPolicy": Text(0, 64),
    }
)
MUTUAL_TLS = Structure({"truststoreUri": Text(0, 2048), "truststoreVersion": Text(0, 64)})


class DomainNameMembers(TypedDict, total=False):
    domain_name_configurations: Annotated[list[dict[str, str]], ListOf(CONFIGURATION)]
    mutual_tls_authentication: Annotated[dict[str, str], MUTUAL_TLS]
    routing_mode: Annotated[str, Choice("API_MAPPING_ONLY")]


class NewDomainNameMembers(DomainNameMembers, total=False):
    domain_name: Annotated[str, NAME]
    tags: Annotated[dict[str, str], TAGS]


@change
def create_domain_name(**members: Unpack[NewDomainNameMembers]) -> DomainName:
    values = checked(NewDomainNameMembers, members, required=("domain_name",))
    if DomainName.objects.filter(pk=values["domain_name"]).exists():
        raise Conflict("The domain name resource already exists.").about("domain_name")
    return _written(DomainName(), values | {"domain_name_configurations": values.get("domain_name_configurations")})


def get_domain_names() -> QuerySet[DomainName]:
    return DomainName.objects.all()


def get_domain_name(*, domain_name: str) -> DomainName:
    message = "The domain name resource specified in the request was not found."
    return find(get_domain_names(), message, domain_name=domain_name)


@change_of(get_domain_name)
def update_domain_name(*, domain_name: str, **members: Unpack[DomainNameMembers]) -> DomainName:
    """Configurations are replaced."""
    return _written(get_domain_name(domain_name=domain_name), checked(DomainNameMembers, members))


@change_of(get_domain_name)
def delete_domain_name(*, domain_name: str) -> None:
    """Delete the domain name and its API mappings."""
    get_domain_name(domain_name=domain_name).delete()


def _written(domain: DomainName, values: dict[str, Any]) -> DomainName:
    if "domain_name_configurations" in values:
        old = domain.domain_name_configurations[:1]
        given = values["domain_name_configurations"] or [{}]
        if len(given) > 1:
            raise BadRequest("A domain name has one configuration.")
        values["domain_name_configurations"] = [_configuration(given[0], old[0] if old else {})]
    assign(domain, values)
    if domain.mutual_tls_authentication and ApiMapping.objects.filter(domain_name=domain.pk).exists():
        raise BadRequest("Mutual TLS is not supported for domain names that are mapped to WebSocket APIs.")
    domain.save()
    return domain


def _configuration(given: dict[str, str], old: dict[str, str]) -> dict[str, str]:
    """A configuration with what the gateway adds to it; where clients are sent stays the same over updates."""
    configuration = {
        "endpointType": "REGIONAL",
        "ipAddressType": "ipv4",
        "securityPolicy": "TLS_1_2",
        **given,
        "apiGatewayDomainName": old.get("apiGatewayDomainName") or _regional_domain_name(),
        "domainNameStatus": "AVAILABLE",
        "hostedZoneId": old.get("hostedZoneId") or f"Z{new_api_id().upper()}",
    }
    if configuration["endpointType"] != "REGIONAL":
        raise BadRequest(f"{configuration['endpointType']} is not supported for APIGatewayV2 domainName.")
    if configuration["securityPolicy"] != "TLS_1_2":
        raise BadRequest(f"{configuration['securityPolicy']} is not supported for APIGatewayV2 domainName.")
    return configuration


def _regional_domain_name() -> str:
    return f"d-{new_api_id()}.execute-api.{settings.NOPAL_REGION}.amazonaws.com"
