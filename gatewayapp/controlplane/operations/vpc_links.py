"""Operations on VPC links, kept so that programs and Terraform configurations that make them work unchanged.

A link leads nowhere here: integrations that name one call their backend directly, as far as the installation allows.
"""

from typing import Annotated, TypedDict, Unpack

from django.db.models import QuerySet

from gatewayapp.controlplane.operations.changes import change, change_of
from gatewayapp.controlplane.operations.members import TAGS, ListOf, Text, checked
from gatewayapp.controlplane.operations.resources import assign, find
from gatewayapp.models import VpcLink


class VpcLinkMembers(TypedDict, total=False):
    name: Annotated[str, Text(1, 128)]


class NewVpcLinkMembers(VpcLinkMembers, total=False):
    security_group_ids: Annotated[list[str], ListOf(Text(1, 128))]
    subnet_ids: Annotated[list[str], ListOf(Text(1, 128))]
    tags: Annotated[dict[str, str], TAGS]


@change
def create_vpc_link(**members: Unpack[NewVpcLinkMembers]) -> VpcLink:
    link = assign(VpcLink(), checked(NewVpcLinkMembers, members, required=("name", "subnet_ids")))
    link.save()
    return link


def get_vpc_links() -> QuerySet[VpcLink]:
    return VpcLink.objects.all()


def get_vpc_link(*, vpc_link_id: str) -> VpcLink:
    return find(get_vpc_links(), f"Invalid VpcLink identifier specified {vpc_link_id}", vpc_link_id=vpc_link_id)


@change_of(get_vpc_link)
def update_vpc_link(*, vpc_link_id: str, **members: Unpack[VpcLinkMembers]) -> VpcLink:
    link = assign(get_vpc_link(vpc_link_id=vpc_link_id), checked(VpcLinkMembers, members))
    link.save()
    return link


@change_of(get_vpc_link)
def delete_vpc_link(*, vpc_link_id: str) -> None:
    get_vpc_link(vpc_link_id=vpc_link_id).delete()
