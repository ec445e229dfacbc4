"""
What goes to the log of the events that nobody gets.

Without any configuration Python prints warnings to stderr. So one is written for what somebody
should do something about, and not for each time that it happens: a consumer that is too slow is
named at most once a minute. A lost connection has a warning of its own, so gaps have none.
"""

from __future__ import annotations

import time
from typing import Callable

from bfxsync._base.logs import get_logger
from bfxsync.errors import BfxError
from bfxsync.models.stream import Degraded, Gap

logger = get_logger(__name__)

QUIET_S = 60.0

_MANY = 10


class EventLog:
    """
    The events of one consumer that has no `on_event`.

    Parameters
    ----------
    name : str
        Of the subscription.
    clock : callable
    """

    def __init__(self, name: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._name = name
        self._clock = clock
        self._dropped = 0
        self._quiet_until = float("-inf")

    def __call__(self, event: object) -> None:
        """Log a gap or a degradation; other events are of no interest."""
        if isinstance(event, Degraded):
            logger.warning("%s: degraded: %s", self._name, event.reason)
        elif isinstance(event, Gap) and event.dropped:
            self._note_drops(event)
        elif isinstance(event, Gap):
            logger.info("%s: gap: %s", self._name, event.reason)

    def _note_drops(self, gap: Gap) -> None:
        self._dropped += gap.dropped
        now = self._clock()
        if now >= self._quiet_until:
            self._quiet_until = now + QUIET_S
            dropped, self._dropped = self._dropped, 0
            logger.warning(
                "%s: %d updates dropped: %s", self._name, dropped, gap.reason
            )


class ErrorLog:
    """
    Errors that belong to no call, as warnings; when there are many in a minute, the rest as info.

    Parameters
    ----------
    clock : callable
    """

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
            logger.info("%s: %s", type(error).__name__, error)
            return
        logger.warning("%s: %s", type(error).__name__, error)
        if self._count == _MANY:
            logger.warning("more such errors of this minute are logged as info only")
