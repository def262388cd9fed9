"""The data plane put together: what it consists of, how it starts, how it follows the configuration, how it drains."""

import asyncio
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import Error as DatabaseError

from gatewayapp import live
from gatewayapp.core.addresses import LOOPBACK, Policy
from gatewayapp.core.ids import ConnectionIds
from gatewayapp.core.masking import Mask
from gatewayapp.core.messages import Message
from gatewayapp.core.traces import MESSAGE, SENT, Steps
from gatewayapp.data_directory import JOURNAL
from gatewayapp.dataplane.access import AccessKeys
from gatewayapp.dataplane.addresses import Addresses
from gatewayapp.dataplane.admission import Admission
from gatewayapp.dataplane.connection_rows import claim_node
from gatewayapp.dataplane.connections import GOING_AWAY, Connections, LiveConnection
from gatewayapp.dataplane.control import Control
from gatewayapp.dataplane.database import DatabaseThread
from gatewayapp.dataplane.disconnects import Disconnects, RetryOptions
from gatewayapp.dataplane.installation import recognize_installation, wait_for_decision
from gatewayapp.dataplane.journal import Journal
from gatewayapp.dataplane.lock import DataDirectoryLock
from gatewayapp.dataplane.memory_guard import MemoryGuard
from gatewayapp.dataplane.metering import Metering
from gatewayapp.dataplane.observation import Recorder
from gatewayapp.dataplane.pipeline import Pipeline
from gatewayapp.dataplane.registry import Registry
from gatewayapp.dataplane.stages import StageHandle, Stages
from gatewayapp.dataplane.work import Work
from gatewayapp.environment import parse_networks
from gatewayapp.integrations import Integrations
from gatewayapp.integrations.fair_shares import ShareLimits
from gatewayapp.integrations.outbound import OutboundOptions
from gatewayapp.memory_budget import MemoryBudget, default_budget
from gatewayapp.models import ConfigurationVersion, configuration_changed

logger = logging.getLogger(__name__)

_SLOT = 0
_POLL_SECONDS = 1.0
_ROUTES_RESERVE = 50
"""The part of NOPAL_OUTBOUND_CONNECTIONS, one fiftieth, that each route may have however many others hang."""
_STOP_SECONDS = 1.0
"""Part of the drain's time that is reserved for writing down undelivered events."""


@dataclass(frozen=True, slots=True)
class GatewayOptions:
    """What depends on where the server listens. On loopback, development is made easy; elsewhere nothing is implied."""

    loopback: bool = False


class Gateway:
    """One process's data plane; belongs to one event loop, started by `start` and ended by `drain` and `stop`."""

    ids: ConnectionIds
    registry: Registry
    pipeline: Pipeline
    disconnects: Disconnects

    def __init__(self, options: GatewayOptions) -> None:
        self._options = options
        self._reading, self._writing = DatabaseThread("nopal-read"), DatabaseThread("nopal-write")
        self._lock = DataDirectoryLock(Path(settings.DATA_DIR))
        self._changed: asyncio.Event | None = None
        self._version = -1
        """Of the configuration that is in force here."""
        self._starting: asyncio.Task[None] | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._decision: asyncio.Task[None] | None = None
        self.work = Work()
        self.mask = Mask(settings.NOPAL_MASK)
        self.recorder = Recorder(self.mask)
        self.memory = MemoryBudget(settings.NOPAL_MEMORY_BUDGET or default_budget())
        self.connections = Connections(self.work, self.recorder, self.memory)
        self.memory_guard = MemoryGuard(self.memory, self.connections)
        self.stages = Stages(self._reading)
        self.metering = Metering(self.stages, self.connections)
        self.access_keys = AccessKeys(self._reading)
        self.admission = Admission(self.connections)
        self.anonymous_callbacks = settings.NOPAL_ANONYMOUS_CALLBACKS and options.loopback
        self.addresses = Addresses(settings.ALLOWED_HOSTS, settings.NOPAL_DOMAIN_NAME)
        self.has_started = False
        self.stopping = False
        """Whether the process was told to stop. Until it drains it serves as before but should get no new clients."""
        self.draining = False
        self._finish_by = 0.0

    async def started(self) -> None:
        """Start the data plane unless it is started: some servers do not speak ASGI's lifespan.

        If the start failed, raises its error each time, because a partial start cannot serve anyone.
        """
        if self.has_started:
            return
        if self._starting is None:
            self._starting = asyncio.get_running_loop().create_task(self._start())
        await asyncio.shield(self._starting)

    async def _start(self) -> None:
        self._lock.acquire()
        owner = await self._writing.run(claim_node, _SLOT)
        self.ids = ConnectionIds(bytes.fromhex(settings.NOPAL_CONNECTION_ID_KEY), owner)
        journal = Journal(Path(settings.DATA_DIR) / JOURNAL, settings.NOPAL_MAX_JOURNALED_CONNECTIONS)
        self.registry = Registry(self._writing, owner, journal)
        await self.registry.load_journal()
        self._integrations = Integrations(_outbound_options(self._options, self.memory), settings.NOPAL_LAMBDA_ENDPOINT)
        self.pipeline = Pipeline(self._integrations)
        self.disconnects = Disconnects(
            options=RetryOptions(
                settings.NOPAL_DISCONNECT_RETRY_DELAY,
                settings.NOPAL_DISCONNECT_RETRY_TIMEOUT,
                settings.NOPAL_MAX_WAITING_DISCONNECTS,
            ),
            owner=owner,
            ids=self.ids,
            database=self._writing,
            registry=self.registry,
            stages=self.stages,
            pipeline=self.pipeline,
            recorder=self.recorder,
            work=self.work,
        )
        self.stages.on_change = self._stage_changed
        self.stages.on_delete = self._stage_deleted
        self._follow_configuration(asyncio.get_running_loop())
        await self.refresh()
        self._watcher = asyncio.get_running_loop().create_task(self._watch())
        is_copy = await self._writing.run(recognize_installation, owner)
        await self.disconnects.report_abandoned()
        if is_copy:
            self._decision = asyncio.get_running_loop().create_task(self._report_once_decided())
        self.metering.start()
        self.memory_guard.start()
        self._control = Control(self, self._integrations)
        live.announce(self._control)
        self.has_started = True

    def announce_stop(self) -> None:
        """Let `/readyz` say that this process is going away."""
        self.stopping = True

    async def drain(self) -> None:
        """Refuse new connections, finish calls in progress, close every connection and deliver its `$disconnect`.

        A `$disconnect` whose backend is away is left to the next start.
        """
        self.draining = True
        self._finish_by = asyncio.get_running_loop().time() + settings.NOPAL_DRAIN_TIMEOUT
        self.recorder.close()
        for connection in self.connections:
            self.work.start(connection.retire())
        await self.work.finish(settings.NOPAL_DRAIN_TIMEOUT)

    async def stop(self) -> None:
        """End for good, after `drain`."""
        if self._starting is None:
            return
        if self._watcher is not None:
            self._watcher.cancel()
            if self._decision is not None:
                self._decision.cancel()
            self.metering.stop()
            self.memory_guard.stop()
            live.withdraw(self._control)
        left = self._finish_by - asyncio.get_running_loop().time() - _STOP_SECONDS
        if left > 0:  # for connections that ended after the drain, such as those that were in their handshake
            await self.work.finish(left)
        self.disconnects.stop()
        await self.registry.stop()
        await self._integrations.close()
        await asyncio.gather(self._reading.close(), self._writing.close())
        self._lock.release()

    # what happens on connections

    async def answer(
        self,
        connection: LiveConnection,
        message: Message,
        charge: int,
        steps: Steps | None = None,
        source: str = "client",
    ) -> None:
        """Handle a message that has begun, and deliver its response; `charge` is what `begin_message` returned."""
        stage, info, delivery = connection.stage.snapshot, connection.info, None
        steps = steps or self.recorder.begin(stage, info)
        is_over = False
        try:
            outcome = await self.pipeline.answer_message(stage, info, message, steps)
            connection.note(outcome, message)
            if outcome.answer is not None:
                is_over = True
                delivery = connection.respond(outcome.answer, charge)
            if steps is not None:
                steps.add(SENT, None if delivery is None else delivery.value)
                self.recorder.end(
                    MESSAGE,
                    stage,
                    info,
                    steps,
                    message.request_id,
                    message.text,
                    outcome,
                    delivery=delivery,
                    source=source,
                )
        finally:
            if not is_over:
                connection.end_message(charge)

    # following the configuration

    def _follow_configuration(self, loop: asyncio.AbstractEventLoop) -> None:
        """Changes made in this process are seen at once; those of others by polling."""
        changed = self._changed = asyncio.Event()

        def wake(**_: Any) -> None:
            loop.call_soon_threadsafe(changed.set)

        self._wake = wake  # signals hold their receivers weakly
        configuration_changed.connect(wake)

    async def _watch(self) -> None:
        assert self._changed is not None
        while True:
            try:
                async with asyncio.timeout(_POLL_SECONDS):
                    await self._changed.wait()
            except TimeoutError:
                pass
            self._changed.clear()
            try:
                await self.refresh()
                self.stages.is_outdated = False
            except DatabaseError as error:
                self.stages.is_outdated = True
                logger.error("Cannot read the configuration, going on with what is known: %s", error)
            except Exception:  # this task ends with the gateway only: without it no change would ever take effect
                logger.exception("Cannot load the configuration, continuing with the one in memory")

    async def refresh(self) -> None:
        """Load what changed since the last time.

        A version counts as seen only after all that depends on it was loaded: what a failure left out the next poll
        loads. It is read first, so that what is loaded is at least as new.
        """
        version = await self._reading.run(ConfigurationVersion.current)
        if version == self._version:
            return
        await self.access_keys.refresh()  # the first, so that nothing keeps a revoked key alive
        await self.stages.refresh()
        self._version = version

    def _stage_changed(self, stage: StageHandle) -> None:
        for connection in self.connections:
            if connection.stage is stage:
                connection.apply_limits()

    def _stage_deleted(self, stage: StageHandle) -> None:
        for connection in self.connections:
            if connection.stage is stage:
                connection.close(GOING_AWAY)

    async def _report_once_decided(self) -> None:
        """Wait for the decision about connections in a copied database, then deliver their `$disconnect`."""
        await wait_for_decision(self._reading)
        await self.disconnects.report_abandoned()


def _outbound_options(options: GatewayOptions, memory: MemoryBudget) -> OutboundOptions:
    allow = settings.NOPAL_OUTBOUND_ALLOW
    networks = (LOOPBACK if options.loopback else ()) if allow == "auto" else parse_networks(allow)
    return OutboundOptions(
        policy=Policy(tuple(networks)),
        ca_file=settings.NOPAL_OUTBOUND_CA_FILE,
        max_body=settings.NOPAL_OUTBOUND_MAX_BODY,
        shares=ShareLimits(
            total=settings.NOPAL_OUTBOUND_CONNECTIONS,
            part=settings.NOPAL_OUTBOUND_ROUTE_SHARE,
            reserved=max(1, settings.NOPAL_OUTBOUND_CONNECTIONS // _ROUTES_RESERVE),
            queue_length=settings.NOPAL_OUTBOUND_QUEUE_LENGTH,
            queue_timeout=settings.NOPAL_OUTBOUND_QUEUE_TIMEOUT,
        ),
        memory=memory,
    )
