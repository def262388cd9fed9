"""The deployed stages as the data plane sees them: compiled once, swapped as a whole when they change.

An index of all stages is read again when the configuration changes; a stage's deployment is compiled when the first
client asks for it. Read `handle.snapshot` of a `StageHandle` once for each message.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import NamedTuple

from django.conf import settings
from django.db import Error

from gatewayapp.core.limits import StageLimits
from gatewayapp.core.snapshot import StageSnapshot, load
from gatewayapp.dataplane.database import DatabaseThread
from gatewayapp.dataplane.meters import StageMeter
from gatewayapp.models import Deployment, Stage
from gatewayapp.models.encryption import EncryptionKeyMissing
from gatewayapp.models.redaction import redactor

logger = logging.getLogger(__name__)


class ConfigurationUnavailable(Exception):
    """The database is unavailable, and memory does not say whether the stage exists."""


class StageKey(NamedTuple):
    api_id: str
    stage: str


class Revision(NamedTuple):
    deployment_id: str | None
    revision: int


class StageHandle:
    """A stage that is in use. `snapshot` is replaced, never changed; it stays readable after the stage was deleted."""

    __slots__ = ("deleted", "key", "meter", "revision", "snapshot")

    def __init__(self, key: StageKey, revision: Revision, snapshot: StageSnapshot) -> None:
        self.key = key
        self.revision = revision
        self.snapshot = snapshot
        self.deleted = False
        self.meter = StageMeter()


class Stages:
    """All stages by API and name."""

    def __init__(self, database: DatabaseThread) -> None:
        self._database = database
        self._index: dict[StageKey, Revision] = {}
        self._handles: dict[StageKey, StageHandle] = {}
        self._loading: dict[StageKey, asyncio.Future[StageHandle | None]] = {}
        self.is_outdated = False
        """Whether the last attempt to read what changed failed."""
        self.on_change: Callable[[StageHandle], None] = lambda handle: None
        """Called after a handle's snapshot was replaced."""
        self.on_delete: Callable[[StageHandle], None] = lambda handle: None
        """Called for a handle whose stage is gone."""

    def exists(self, api_id: str, stage: str) -> bool:
        return StageKey(api_id, stage) in self._index

    def in_use(self) -> list[StageHandle]:
        """The stages that clients have asked for since the start; may be asked from any thread."""
        return list(self._handles.values())

    def find_in_use(self, api_id: str, stage: str) -> StageHandle | None:
        return self._handles.get(StageKey(api_id, stage))

    async def find(self, api_id: str, stage: str) -> StageHandle | None:
        """The stage, None if there is none or nothing is deployed on it. Raises ConfigurationUnavailable."""
        key = StageKey(api_id, stage)
        handle = self._handles.get(key)
        if handle is not None:
            return handle
        if key not in self._index or self._index[key].deployment_id is None:
            if self.is_outdated:
                raise ConfigurationUnavailable(f"Stage {key.stage} of API {key.api_id} is not known.")
            return None
        if key not in self._loading:
            self._loading[key] = asyncio.ensure_future(self._load(key))
        return await asyncio.shield(self._loading[key])

    async def refresh(self) -> None:
        """Read the index, and the stages in use that changed.

        Raises django.db.Error with a part of them loaded: the next call loads the rest.
        """
        self._index = await self._database.run(_read_index)
        for key, handle in list(self._handles.items()):
            await self._update(key, handle)

    async def _load(self, key: StageKey) -> StageHandle | None:
        try:
            read = await self._database.run(_read_stage, key)
            if read is None:
                return None
            handle = self._handles[key] = StageHandle(key, *read)
            return handle
        except Error as error:
            raise ConfigurationUnavailable(f"Stage {key.stage} of API {key.api_id} cannot be read: {error}") from error
        finally:
            del self._loading[key]

    async def _update(self, key: StageKey, handle: StageHandle) -> None:
        current = self._index.get(key)
        if current is None or current.deployment_id is None:
            del self._handles[key]
            handle.deleted = True
            self.on_delete(handle)
        elif current != handle.revision and (read := await self._database.run(_read_stage, key)) is not None:
            if read[0].deployment_id != handle.revision.deployment_id:
                handle.meter.deployed(str(read[0].deployment_id))
            handle.revision, handle.snapshot = read
            self.on_change(handle)


def _read_index() -> dict[StageKey, Revision]:
    rows = Stage.objects.order_by().values_list("api_id", "stage_name", "deployment_id", "revision")
    return {StageKey(row[0], row[1]): Revision(row[2], row[3]) for row in rows.iterator()}


def _read_stage(key: StageKey) -> tuple[Revision, StageSnapshot] | None:
    try:
        stage = Stage.objects.select_related("deployment").filter(api_id=key.api_id, stage_name=key.stage).first()
    except EncryptionKeyMissing as error:
        logger.error("Stage %s of API %s cannot be served. %s", key.stage, key.api_id, error)
        return None
    if stage is None or stage.deployment is None:
        return None
    try:
        snapshot = _compile(stage, stage.deployment)
    except (ValueError, LookupError, TypeError):
        # Deployments and limits are checked when they are created, so another version of Nopal created this one.
        logger.exception("The deployment of stage %s of API %s cannot be used: deploy it again", key.stage, key.api_id)
        return None
    return Revision(stage.deployment_id, stage.revision), snapshot


def _compile(stage: Stage, deployment: Deployment) -> StageSnapshot:
    limits = StageLimits.from_document(stage.limits, StageLimits.from_document(settings.NOPAL_LIMITS))
    data_trace = stage.default_route_settings.get("dataTraceEnabled") is True
    secrets = redactor().secrets(deployment.snapshot, {"stageVariables": stage.stage_variables})
    api = load(deployment.snapshot, stage.stage_name)
    return StageSnapshot(api, stage.stage_name, stage.stage_variables, limits, secrets, data_trace)
