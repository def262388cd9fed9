"""The pages of domain names and API mappings, for those who may change all APIs."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from gatewayapp.controlplane import operations
from gatewayapp.models import Api, ApiMapping, DomainName
from tests.dashboard.forms import errors, page, path_of, send


@pytest.fixture
def domain(api: Api) -> DomainName:
    operations.create_stage(api_id=api.api_id, stage_name="prod")
    return operations.create_domain_name(domain_name="ws.example.com")


def test_a_domain_name_is_made_changed_and_deleted(signed_in: Client, db: None) -> None:
    assert "No domain name yet" in page(signed_in, "/domains")

    made = send(
        signed_in,
        "/domains/+new",
        domain_name="ws.example.com",
        **{"domain_name_configurations__certificateArn": "arn:a", "tags-key": ["team"], "tags-value": ["blue"]},
    )
    assert path_of(made) == "/domains/ws.example.com"
    domain = DomainName.objects.get()
    [configuration] = domain.domain_name_configurations
    assert (configuration["certificateArn"], domain.tags) == ("arn:a", {"team": "blue"})

    send(signed_in, "/domains/ws.example.com/edit", domain_name_configurations__certificateArn="arn:b")
    domain.refresh_from_db()
    [changed] = domain.domain_name_configurations
    assert changed == configuration | {"certificateArn": "arn:b"}

    send(signed_in, "/domains/ws.example.com/delete", confirmation="ws.example.com")
    assert not DomainName.objects.exists()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Ws.Example.com", "a host name in lower case"),
        ("ws.example.com", "already exists"),
        ("", "domainName is required."),
    ],
)
def test_a_name_that_may_not_be_is_said_at_the_field(
    signed_in: Client, domain: DomainName, name: str, words: str
) -> None:
    response = send(signed_in, "/domains/+new", domain_name=name)

    assert words in errors(response)["domain_name"][0]
    assert f'value="{name}"' in response.content.decode() or not name


def test_a_mapping_is_made_changed_and_deleted(signed_in: Client, domain: DomainName, api: Api) -> None:
    path = "/domains/ws.example.com/mappings"
    assert "leads nowhere" in page(signed_in, "/domains/ws.example.com")

    send(signed_in, f"{path}/new", api_id=api.api_id, stage="prod", api_mapping_key="chat")
    mapping = ApiMapping.objects.get()
    assert (mapping.api, mapping.stage, mapping.api_mapping_key) == (api, "prod", "chat")
    assert "ws://ws.example.com/chat" in page(signed_in, "/domains/ws.example.com")
    assert "/chat → chat/prod" in page(signed_in, "/domains")

    send(signed_in, f"{path}/{mapping.pk}/edit", api_id=api.api_id, stage="prod", api_mapping_key="talk")
    mapping.refresh_from_db()
    assert mapping.api_mapping_key == "talk"

    deleted = send(signed_in, f"{path}/{mapping.pk}/delete", confirmation="/talk")
    assert path_of(deleted) == "/domains/ws.example.com"
    assert not ApiMapping.objects.exists()


@pytest.mark.parametrize(
    ("stage", "key", "field", "words"),
    [
        ("", "", "stage", "stage is required."),
        ("prod", "/a", "api_mapping_key", "should not start with a"),
        ("prod", "taken", "api_mapping_key", "already exists for this domain name"),
        ("gone", "x", "__all__", "Invalid stage identifier specified"),
    ],
)
def test_a_mapping_that_may_not_be_is_said_at_its_field(
    signed_in: Client, domain: DomainName, api: Api, stage: str, key: str, field: str, words: str
) -> None:
    operations.create_api_mapping(domain_name=domain.pk, api_id=api.api_id, stage="prod", api_mapping_key="taken")

    response = send(
        signed_in, "/domains/ws.example.com/mappings/new", api_id=api.api_id, stage=stage, api_mapping_key=key
    )

    assert words in errors(response)[field][0]
    assert ApiMapping.objects.count() == 1


def test_the_queries_of_the_list_do_not_grow_with_it(signed_in: Client, domain: DomainName, api: Api) -> None:
    operations.create_api_mapping(domain_name=domain.pk, api_id=api.api_id, stage="prod")
    with CaptureQueriesContext(connection) as few:
        page(signed_in, "/domains")
    for number in range(3):
        operations.create_domain_name(domain_name=f"ws{number}.example.com")
        operations.create_api_mapping(domain_name=f"ws{number}.example.com", api_id=api.api_id, stage="prod")
    with CaptureQueriesContext(connection) as many:
        page(signed_in, "/domains")

    assert len(many) == len(few)


@pytest.mark.parametrize("role", ["viewer", "admin"])
def test_a_role_on_one_api_is_not_enough(person: Callable[[str], Client], domain: DomainName, role: str) -> None:
    somebody = person(role)

    assert somebody.get("/domains").status_code == 403
    assert somebody.post("/domains/+new", {"domain_name": "x.example.com"}).status_code == 403
    assert somebody.post("/domains/ws.example.com/delete", {"confirmation": "ws.example.com"}).status_code == 403
    assert 'href="/domains"' not in page(somebody, "/apis")
