"""Every change: one transaction, one version, one notice after it; a refused one leaves no trace."""

import pytest
from django.db import IntegrityError, OperationalError

from gatewayapp.controlplane import operations
from gatewayapp.controlplane.operations.actors import Actor, acting
from gatewayapp.controlplane.operations.changes import change
from gatewayapp.models import Api, ConfigurationVersion, configuration_changed
from tests.controlplane.builders import make_api, make_deployment, make_route, make_stage

pytestmark = pytest.mark.django_db


@pytest.fixture
def notices():
    """The versions that `configuration_changed` told."""
    told = []

    def listen(version, **_):
        told.append(version)

    configuration_changed.connect(listen)
    yield told
    configuration_changed.disconnect(listen)


def test_a_change_raises_the_version_by_one_and_tells_it_after_the_commit(notices, django_capture_on_commit_callbacks):
    before = ConfigurationVersion.current()
    with django_capture_on_commit_callbacks(execute=True):
        make_api()
        assert notices == []
    assert ConfigurationVersion.current() == before + 1
    assert notices == [before + 1]


def test_a_listener_that_fails_is_logged_and_the_change_is_made(notices, django_capture_on_commit_callbacks, caplog):
    def fail(**_):
        raise RuntimeError("Event loop is closed")

    configuration_changed.connect(fail)
    with django_capture_on_commit_callbacks(execute=True):
        api = make_api()
    configuration_changed.disconnect(fail)
    assert operations.get_api(api_id=api.pk) == api
    assert "Event loop is closed" in caplog.text


def test_reading_changes_nothing():
    api = make_api()
    before = ConfigurationVersion.current()
    operations.get_api(api_id=api.pk)
    list(operations.get_routes(api_id=api.pk))
    assert ConfigurationVersion.current() == before


def test_a_refused_change_leaves_no_trace(notices, django_capture_on_commit_callbacks):
    api = make_api()
    before = ConfigurationVersion.current()
    with django_capture_on_commit_callbacks(execute=True), pytest.raises(operations.BadRequest):
        operations.update_api(api_id=api.pk, name="")
    assert (ConfigurationVersion.current(), notices) == (before, [])
    assert operations.get_api(api_id=api.pk).name == "chat"


@pytest.mark.parametrize("error", [IntegrityError("UNIQUE constraint failed"), OperationalError("database is locked")])
def test_a_change_that_meets_another_asks_to_try_again(error):
    @change
    def collide():
        make_api()
        raise error

    with pytest.raises(operations.Conflict, match=r"concurrent modification. Please try again later"):
        collide()
    assert not Api.objects.exists()


def test_a_broken_database_is_no_conflict():
    @change
    def fail():
        raise OperationalError("disk I/O error")

    with pytest.raises(OperationalError):
        fail()


def revision(stage):
    return operations.get_stage(api_id=stage.api_id, stage_name=stage.stage_name).revision


@pytest.mark.parametrize(
    "touch",
    [
        lambda stage: operations.update_stage(api_id=stage.api_id, stage_name="prod", stage_variables={"a": "b"}),
        lambda stage: operations.update_stage(api_id=stage.api_id, stage_name="prod", limits={"maxInFlight": 1}),
        lambda stage: operations.delete_route_settings(api_id=stage.api_id, stage_name="prod", route_key="$default"),
        lambda stage: operations.delete_access_log_settings(api_id=stage.api_id, stage_name="prod"),
        lambda stage: operations.create_deployment(api_id=stage.api_id, stage_name="prod"),
    ],
)
def test_what_touches_a_stage_gives_it_the_version_of_the_change(touch):
    api = make_api()
    make_route(api)
    stage = make_stage(api, route_settings={"$default": {}})
    assert stage.revision == ConfigurationVersion.current()
    touch(stage)
    assert revision(stage) == ConfigurationVersion.current() > stage.revision


def test_what_does_not_touch_a_stage_leaves_its_revision():
    api = make_api()
    deployment = make_deployment(api)
    stage = make_stage(api, deployment_id=deployment.pk)
    make_route(api, "join")
    make_deployment(api)
    assert revision(stage) == stage.revision


def version_of(api):
    return operations.get_draft_version(api_id=api.pk)


def acting_as(name):
    return acting(lambda: Actor("user", "7", name))


def test_a_change_of_the_draft_that_one_saw_is_carried_out_and_so_is_the_next():
    api = make_api()
    with operations.expecting(api.pk, version_of(api)):
        make_route(api, "join")
        make_route(api, "leave")
    assert api.routes.count() == 2


def test_a_change_of_another_draft_than_one_saw_is_refused_and_told_who_changed_it():
    api = make_api()
    seen = version_of(api)
    with acting_as("bea"):
        route = make_route(api, "join")
    make_stage(api)
    before = ConfigurationVersion.current()
    with pytest.raises(operations.Conflict) as refused, operations.expecting(api.pk, seen):
        operations.delete_route(api_id=api.pk, route_id=route.pk)
    details = refused.value.details
    assert details.pop("at") in refused.value.message
    assert details == {
        "version": version_of(api),
        "actor": "bea",
        "action": "CreateRoute",
        "path": f"/apis/{api.pk}/routes/{route.pk}",
    }
    assert "bea, CreateRoute /apis/" in refused.value.message
    assert (ConfigurationVersion.current(), api.routes.count()) == (before, 1)


@pytest.mark.parametrize(
    "change_it",
    [
        lambda api: operations.create_deployment(api_id=api.pk),
        lambda api: operations.update_api(api_id=api.pk, name="x"),
        lambda api: operations.duplicate_route(api_id=api.pk, route_id=api.routes.get().pk, route_key="y"),
        lambda api: operations.delete_api(api_id=api.pk),
    ],
)
def test_whatever_is_done_to_an_api_is_done_to_the_draft_that_one_saw(change_it):
    api = make_api()
    seen = version_of(api)
    make_route(api, "join")
    with pytest.raises(operations.Conflict), operations.expecting(api.pk, seen):
        change_it(api)
    with operations.expecting(api.pk, version_of(api)):
        change_it(api)


def test_what_is_expected_of_one_api_is_not_of_another():
    api, other = make_api(), make_api()
    with operations.expecting(api.pk, "long ago"):
        make_route(other, "join")
    assert other.routes.exists()
