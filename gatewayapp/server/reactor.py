"""Twisted's asyncio reactor on uvloop, with durations taken from the monotonic clock.

Twisted allows one reactor per process and Daphne installs its own on import, so whatever needs Twisted here
imports `reactor` and `loop` from this module first.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import uvloop
from twisted.internet import asyncioreactor


def _install() -> Any:
    if "twisted.internet.reactor" not in sys.modules:
        asyncioreactor.install(uvloop.new_event_loop())
    from twisted.internet import reactor

    if not isinstance(reactor, asyncioreactor.AsyncioSelectorReactor):
        raise RuntimeError(
            "another Twisted reactor is installed already: import gatewayapp.server before anything that "
            "imports twisted.internet.reactor"
        )
    return reactor


reactor: Any = _install()
loop: asyncio.AbstractEventLoop = reactor._asyncioEventloop
reactor.seconds = loop.time  # Twisted reads the wall clock, and a clock that is set back would stop its timers
asyncio.set_event_loop(loop)
