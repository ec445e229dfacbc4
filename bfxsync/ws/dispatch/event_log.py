"""
Logs the events of subscriptions without `on_event`.

Without configuration Python prints warnings to stderr. So warnings are logged only where the user
should act, and not every time: a slow consumer at most once a minute. A lost connection logs one
warning, and its gaps are logged as info.
"""

from __future__ import annotations

import time
from typing import Callable

from bfxsync._base.logs import get_logger
from bfxsync.errors import BfxError
from bfxsync.models.stream import Degraded, Gap

_log = get_logger(__name__)

QUIET_S = 60.0

_MANY = 10


class EventLog:
    """Logs the events of one consumer that has no `on_event`."""

    def __init__(self, name: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._name = name
        self._clock = clock
        self._dropped = 0
        self._quiet_until = float("-inf")

    def __call__(self, event: object) -> None:
        """Log a gap or a degradation; ignore other events."""
        if isinstance(event, Degraded):
            _log.warning("%s: degraded: %s", self._name, event.reason)
        elif isinstance(event, Gap) and event.dropped:
            self._note_drops(event)
        elif isinstance(event, Gap):
            _log.info("%s: gap: %s", self._name, event.reason)

    def _note_drops(self, gap: Gap) -> None:
        self._dropped += gap.dropped
        now = self._clock()
        if now >= self._quiet_until:
            self._quiet_until = now + QUIET_S
            dropped, self._dropped = self._dropped, 0
            _log.warning("%s: %d updates dropped: %s", self._name, dropped, gap.reason)


class ErrorLog:
    """Logs errors that belong to no call: ten a minute as warnings, the rest as info."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until = float("-inf")
        self._count = 0

    def __call__(self, error: BfxError) -> None:
        """Log an error."""
        now = self._clock()
        if now >= self._until:
            self._until = now + QUIET_S
            self._count = 0
        self._count += 1
        if self._count > _MANY:
            _log.info("%s: %s", type(error).__name__, error)
            return
        _log.warning("%s: %s", type(error).__name__, error)
        if self._count == _MANY:
            _log.warning("more such errors of this minute are logged as info only")
