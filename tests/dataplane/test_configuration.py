"""How a gateway follows its configuration when the database fails: no change is missed, at whatever read it fails."""

import asyncio
import itertools
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from django.conf import settings
from django.db import OperationalError, connection

from gatewayapp.controlplane import operations
from gatewayapp.core.sigv4 import UnrecognizedClient
from gatewayapp.dataplane.gateway import Gateway, GatewayOptions
from gatewayapp.dataplane.lock import AlreadyRunning, DataDirectoryLock
from gatewayapp.dataplane.stages import StageKey
from tests.controlplane.builders import make_api, make_deployment, make_stage
from tests.dataplane.conftest import NewApi, StartNode
from tests.support.apis import STAGE
from tests.support.gateway import eventually

Key = tuple[str, str]
"""An access key's id and secret."""


class Fault:
    """Lets so many queries pass, then fails every one, as a database does that goes away."""

    def __init__(self) -> None:
        self.queries_before: int | None = None

    def __call__(self, execute: Any, *query: Any) -> Any:
        if self.queries_before == 0:
            raise OperationalError("the database is away")
        if self.queries_before is not None:
            self.queries_before -= 1
        return execute(*query)


class Installation:
    """Two stages, one of which is deleted with each change, and an access key, which is replaced by another."""

    def __init__(self) -> None:
        self.api = make_api()
        make_stage(self.api, "lasting", deployment_id=make_deployment(self.api).pk)
        self.key = self._new_key()
        self.revoked_key: Key | None = None
        self.deployment_id = ""
        self.brief = ""

    def prepare(self, number: int) -> None:
        """Make the stage that the next change deletes."""
        self.brief = f"brief{number}"
        make_stage(self.api, self.brief, deployment_id=make_deployment(self.api).pk)

    def change(self) -> None:
        self.deployment_id = operations.create_deployment(api_id=self.api.pk, stage_name="lasting").pk
        operations.delete_stage(api_id=self.api.pk, stage_name=self.brief)
        operations.revoke_access_key(access_key_id=self.key[0])
        self.revoked_key, self.key = self.key, self._new_key()

    def _new_key(self) -> Key:
        key, secret = operations.create_access_key(name="backend")
        return key.pk, secret


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


def test_a_fault_at_any_read_leaves_no_change_unseen(transactional_db: None, runner: asyncio.Runner) -> None:
    installation, fault = Installation(), Fault()
    gateway = Gateway(GatewayOptions())
    runner.run(gateway._reading.run(lambda: connection.execute_wrappers.append(fault)))
    for reads in itertools.count():
        installation.prepare(reads)
        runner.run(gateway.refresh())
        for stage in ("lasting", installation.brief):
            assert runner.run(gateway.stages.find(installation.api.pk, stage)) is not None

        installation.change()
        fault.queries_before = reads
        failed = has_failed(gateway, runner)
        fault.queries_before = None
        runner.run(gateway.refresh())  # the next poll, with no further change

        lasting = gateway.stages.find_in_use(installation.api.pk, "lasting")
        assert lasting is not None
        assert lasting.revision.deployment_id == installation.deployment_id, reads
        assert not gateway.stages.exists(installation.api.pk, installation.brief), reads
        assert gateway.stages.find_in_use(installation.api.pk, installation.brief) is None, reads
        assert installation.revoked_key is not None
        assert not is_accepted(gateway, installation.revoked_key), reads
        assert is_accepted(gateway, installation.key), reads
        if not failed:
            break
    assert reads == 4  # the version, the keys, the index of stages, the stage that is in use and changed
    runner.run(gateway._reading.close())


def has_failed(gateway: Gateway, runner: asyncio.Runner) -> bool:
    try:
        runner.run(gateway.refresh())
    except OperationalError:
        return True
    return False


def is_accepted(gateway: Gateway, key: Key) -> bool:
    """Whether a request that is signed with the key passes."""
    request = AWSRequest("GET", "http://localhost/", headers={"Host": "localhost"})
    SigV4Auth(Credentials(*key), "execute-api", "us-east-1").add_auth(request)
    headers = [(name.lower(), value) for name, value in request.headers.items()]
    try:
        gateway.access_keys.check(
            method="GET",
            raw_path=b"/",
            query_string=b"",
            headers=headers,
            body=b"",
            api_id="any",
            stage="any",
        )
    except UnrecognizedClient:
        return False
    return True


def test_a_stage_that_cannot_be_loaded_holds_up_no_other(transactional_db: None, runner: asyncio.Runner) -> None:
    api = make_api()
    stages = [make_stage(api, name, deployment_id=make_deployment(api).pk) for name in ("broken", "sound")]
    gateway = Gateway(GatewayOptions())
    runner.run(gateway.refresh())
    handles = [runner.run(gateway.stages.find(api.pk, stage.stage_name)) for stage in stages]
    deployments = [operations.create_deployment(api_id=api.pk, stage_name=stage.stage_name) for stage in stages]
    type(stages[0]).objects.filter(pk=stages[0].pk).update(limits={"maxMessage": "of a version to come"})

    runner.run(gateway.refresh())

    served = [handle.revision.deployment_id for handle in handles if handle is not None]
    assert served == [stages[0].deployment_id, deployments[1].pk]
    assert gateway.stages.exists(*StageKey(api.pk, "broken"))
    runner.run(gateway._reading.close())


def test_a_gateway_that_failed_to_start_is_not_taken_for_started(runner: asyncio.Runner) -> None:
    lock, gateway = DataDirectoryLock(Path(settings.DATA_DIR)), Gateway(GatewayOptions())
    lock.acquire()
    try:
        for _ in range(2):
            with pytest.raises(AlreadyRunning):
                runner.run(gateway.started())
            assert not gateway.has_started
    finally:
        lock.release()


@pytest.mark.parametrize("table", ["accesskey", "stage", "deployment"])
async def test_changes_made_before_a_table_became_unreadable_take_effect_after(
    start_node: StartNode, new_api: NewApi, table: str
) -> None:
    """In one transaction a key is revoked, a stage is pointed at a deployment, and a table that is read for it goes."""
    node = await start_node()
    api = await new_api(node=node)
    key: Key = tuple(await asyncio.to_thread(node.call, "create_access_key", name="backend"))
    client = await api.connect()
    api.on("/second", body=b"from the second deployment")
    await api.update_integration("$default", integration_uri=api.uri("/second"))
    deployment_id = await asyncio.to_thread(node.call, "create_deployment", api_id=api.api_id)
    assert await client.ask("hello") == "hello"

    async def pushed(status: int) -> bool:
        async with api.callbacks(key) as callbacks:
            return (await callbacks.post(client.connection_id, "x")).status == status

    await eventually(lambda: pushed(200))
    await client.socket.recv()
    with closing(sqlite3.connect(node.directory / "nopal.sqlite3", isolation_level=None)) as database:
        database.execute("PRAGMA legacy_alter_table = ON")  # other tables refer to this one by its name, later too
        database.execute("BEGIN IMMEDIATE")
        database.execute("UPDATE gatewayapp_configurationversion SET version = version + 1")
        database.execute("UPDATE gatewayapp_accesskey SET revoked = 1 WHERE access_key_id = ?", key[:1])
        database.execute(
            "UPDATE gatewayapp_stage SET deployment_id = ?, revision = revision + 1000 WHERE stage_name = ?",
            (deployment_id, STAGE),
        )
        database.execute(f"ALTER TABLE gatewayapp_{table} RENAME TO away")
        database.execute("COMMIT")
        await asyncio.to_thread(node.wait_for_line, "Cannot read the configuration")
        database.execute(f"ALTER TABLE away RENAME TO gatewayapp_{table}")

    async def is_second() -> bool:
        return await client.ask("hello") == "from the second deployment"

    await eventually(lambda: pushed(403))
    await eventually(is_second)
