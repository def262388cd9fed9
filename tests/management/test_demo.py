"""The demo's API: made once, found again, and always pointing at where its application listens now."""

import pytest
from pytest_django import Settings

from gatewayapp.controlplane.operations import create_api, delete_api, delete_stage, get_apis, get_routes, get_stage
from gatewayapp.controlplane.operations.encryption import rotate_encryption_keys
from gatewayapp.core import snapshot
from gatewayapp.core.policy import MANAGE_CONNECTIONS, allows, connections_arn
from gatewayapp.management.demo import ROUTES, TWO_WAY, ensure_demo
from gatewayapp.models import AccessKey, AuditEntry

pytestmark = pytest.mark.django_db


def test_the_demo_is_deployed_with_all_its_routes() -> None:
    demo = ensure_demo("127.0.0.1:8001")

    stage = get_stage(api_id=demo.api_id, stage_name=demo.stage)
    api = snapshot.load(stage.deployment.snapshot)  # type: ignore[union-attr]
    assert set(api.routes) == set(ROUTES)
    assert {key for key, route in api.routes.items() if route.two_way} == set(TWO_WAY)


def test_the_demo_is_made_once() -> None:
    first, again = ensure_demo("127.0.0.1:8001"), ensure_demo("127.0.0.1:8001")

    assert first == again
    assert get_apis().count() == 1
    assert get_routes(api_id=first.api_id).count() == len(ROUTES)
    assert AccessKey.objects.count() == 1


def test_the_demo_is_one_entry_of_the_audit_log_its_key_another_and_a_start_as_before_none() -> None:
    demo = ensure_demo("127.0.0.1:8001")
    ensure_demo("127.0.0.1:8001")

    key, api = AuditEntry.objects.all()
    assert (key.action, api.action, api.api_id) == ("CreateAccessKey", "CreateApi", demo.api_id)
    assert {route["routeKey"] for route in api.after["routes"]} == set(ROUTES)
    assert [stage["stageName"] for stage in api.after["stages"]] == [demo.stage]


def test_a_restart_on_another_port_changes_the_stage_variable_only() -> None:
    demo = ensure_demo("127.0.0.1:8001")
    before = get_stage(api_id=demo.api_id, stage_name=demo.stage)

    ensure_demo("127.0.0.1:8002")

    stage = get_stage(api_id=demo.api_id, stage_name=demo.stage)
    assert stage.stage_variables == {"backend": "127.0.0.1:8002"}
    assert stage.deployment_id == before.deployment_id
    assert stage.limits == before.limits


def test_an_api_of_the_same_name_that_is_not_the_demo_is_left_alone() -> None:
    own = create_api(name="chat", protocol_type="WEBSOCKET", route_selection_expression="$request.body.type")

    assert ensure_demo("127.0.0.1:8001").api_id != own.api_id


def test_a_demo_that_was_deleted_is_made_again() -> None:
    first = ensure_demo("127.0.0.1:8001")
    delete_api(api_id=first.api_id)
    again = ensure_demo("127.0.0.1:8001")
    assert again.api_id != first.api_id

    delete_stage(api_id=again.api_id, stage_name=again.stage)
    assert ensure_demo("127.0.0.1:8001") == again
    assert get_stage(api_id=again.api_id, stage_name=again.stage).deployment is not None


def test_its_key_may_only_manage_the_connections_of_its_stage() -> None:
    demo = ensure_demo("127.0.0.1:8001")
    permissions = AccessKey.objects.get(pk=demo.access_key_id).permissions

    def may_push(api_id: str, stage: str) -> bool:
        return allows(
            permissions, MANAGE_CONNECTIONS, connections_arn("us-east-1", "000000000000", api_id, stage, "POST")
        )

    assert may_push(demo.api_id, demo.stage)
    assert not may_push(demo.api_id, "prod")
    assert not may_push("aaaaaaaaaa", demo.stage)
    assert not allows(permissions, "apigateway:GET", "arn:aws:apigateway:us-east-1::/apis")


def test_a_key_that_cannot_be_read_any_more_is_replaced(settings: Settings) -> None:
    lost = ensure_demo("127.0.0.1:8001")
    settings.NOPAL_ENCRYPTION_KEY = f"newest, {settings.NOPAL_ENCRYPTION_KEY}"
    rotate_encryption_keys()
    AccessKey.objects.filter(pk=lost.access_key_id).update(encrypted_secret="of a key that is gone")

    demo = ensure_demo("127.0.0.1:8001")

    assert demo.access_key_id != lost.access_key_id
    assert AccessKey.objects.get(pk=lost.access_key_id).revoked
    assert AccessKey.objects.get(pk=demo.access_key_id).secret == demo.secret_access_key
