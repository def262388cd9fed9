"""The overview: APIs, their stages and addresses, and first steps where there is nothing yet."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from gatewayapp.controlplane.operations import (
    create_api,
    create_deployment,
    create_integration,
    create_route,
    create_stage,
)
from gatewayapp.controlplane.operations.users import Assignment, create_user
from gatewayapp.core.roles import Role
from gatewayapp.models import Api, Stage
from tests.dashboard.conftest import PASSWORD

HOST = {"HTTP_HOST": "127.0.0.1:8000"}


@pytest.fixture
def chat(db: None) -> Api:
    api = create_api(name="chat", protocol_type="WEBSOCKET", route_selection_expression="$request.body.action")
    integration = create_integration(
        api_id=api.api_id,
        integration_type="HTTP_PROXY",
        integration_method="POST",
        integration_uri="http://127.0.0.1:9000/",
    )
    create_route(api_id=api.api_id, route_key="send", target=f"integrations/{integration.integration_id}")
    deployment = create_deployment(api_id=api.api_id)
    create_stage(api_id=api.api_id, stage_name="prod", deployment_id=deployment.deployment_id)
    return api


def test_an_empty_gateway_teaches_the_first_steps(signed_in: Client) -> None:
    page = _page(signed_in)

    assert "createaccesskey" in page
    assert 'endpoint_url="http://127.0.0.1:8000"' in page


def test_a_stage_shows_where_clients_and_backends_go(signed_in: Client, chat: Api) -> None:
    page = _page(signed_in)

    assert f">ws://127.0.0.1:8000/ws/{chat.api_id}/prod<" in page
    assert f">http://127.0.0.1:8000/ws/{chat.api_id}/prod<" in page
    assert "<li>send</li>" in page


def test_addresses_are_secure_where_the_page_is(signed_in: Client, chat: Api) -> None:
    signed_in.cookies["__Host-nopal_session"] = signed_in.cookies["nopal_session"].value
    page = signed_in.get("/", secure=True, **HOST).content.decode()

    assert f">wss://127.0.0.1:8000/ws/{chat.api_id}/prod<" in page
    assert f">https://127.0.0.1:8000/ws/{chat.api_id}/prod<" in page


def test_addresses_follow_the_endpoint_setting(signed_in: Client, chat: Api, settings: Settings) -> None:
    settings.NOPAL_API_ENDPOINT = "wss://{api_id}.execute-api.example.org"

    page = _page(signed_in)

    assert f">wss://{chat.api_id}.execute-api.example.org/prod<" in page
    assert f">https://{chat.api_id}.execute-api.example.org/prod<" in page


def test_a_stage_without_a_deployment_says_so(signed_in: Client, chat: Api) -> None:
    create_stage(api_id=chat.api_id, stage_name="later")

    assert _page(signed_in).count("not deployed") == 1


def test_an_api_without_stages_says_that_nobody_can_connect(signed_in: Client, chat: Api) -> None:
    create_api(name="draft", protocol_type="WEBSOCKET", route_selection_expression="$request.body.action")

    page = _page(signed_in)

    assert "draft is deployed to no stage yet: nobody can connect." in page
    assert "No stage yet: nobody can connect." in page


def test_one_sees_the_apis_that_one_may_read(client: Client, chat: Api, ann: User) -> None:
    other = create_api(name="other", protocol_type="WEBSOCKET", route_selection_expression="$request.body.action")
    create_user(username="bea", password=PASSWORD, roles=[Assignment(Role.VIEWER, other.api_id)])
    create_user(username="cem", password=PASSWORD)

    client.login(username="bea", password=PASSWORD)
    page = _page(client)
    assert other.api_id in page
    assert chat.api_id not in page

    client.login(username="cem", password=PASSWORD)
    page = _page(client)
    assert "No role yet" in page
    assert chat.api_id not in page


def test_one_click_makes_an_api_that_is_deployed(signed_in: Client) -> None:
    response = signed_in.post("/first-api", **HOST)

    stage = Stage.objects.get()
    assert response["Location"] == f"/client?api={stage.api_id}&stage=test&first=1"
    assert stage.deployment is not None


def test_only_who_may_create_apis_makes_the_first(client: Client, ann: User) -> None:
    create_user(username="bea", password=PASSWORD, roles=[Assignment(Role.OPERATOR)])
    client.login(username="bea", password=PASSWORD)

    assert "Create the API" not in _page(client)
    assert client.post("/first-api", **HOST).status_code == 403
    assert not Api.objects.exists()


def test_what_users_wrote_is_text_never_markup(signed_in: Client, db: None) -> None:
    create_api(
        name="<script>alert(1)</script>",
        description="<img src=x onerror=alert(2)>",
        protocol_type="WEBSOCKET",
        route_selection_expression="$request.body.action",
    )

    page = _page(signed_in)

    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_the_number_of_queries_does_not_grow_with_the_apis(
    signed_in: Client, chat: Api, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(5):
        create_api(name=f"api {number}", protocol_type="WEBSOCKET", route_selection_expression="$request.body.action")

    with django_assert_max_num_queries(6):
        _page(signed_in)


def _page(client: Client) -> str:
    return client.get("/", **HOST).content.decode()
