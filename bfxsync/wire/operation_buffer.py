"""
Operations that are held back for a moment, so that several are sent in one message.

Strategy: only operations of users who asked for that wait (`SendOperations.buffer_until`). Any
other operation takes those that wait along, ahead of itself, so the order of a thread's operations
never changes.
"""

from __future__ import annotations

from itertools import groupby
from operator import attrgetter
from typing import List

from bfxsync.wire.commands import SendOperations
from bfxsync.wire.inputs import MOST_OPERATIONS


class OperationBuffer:
    """The operations that wait for others."""

    def __init__(self) -> None:
        self._held: List[SendOperations] = []
        self._deadline: float | None = None

    def add(self, command: SendOperations) -> List[SendOperations]:
        """Add operations, or pass them on; return the commands to execute now, in order."""
        if command.buffer_until is None:
            return [*self.flush(), command] if self._held else [command]
        ready = []
        if self._count + len(command.operations) > MOST_OPERATIONS:
            ready = self.flush()
        self._held.append(command)
        if self._deadline is None or command.buffer_until < self._deadline:
            self._deadline = command.buffer_until
        return [*ready, *self.flush()] if self._count == MOST_OPERATIONS else ready

    def due(self, now: float) -> List[SendOperations]:
        """Return the commands to execute, if the time is up."""
        if self._deadline is None or now < self._deadline:
            return []
        return self.flush()

    def deadline(self) -> float | None:
        """Return when to call `due`, or None."""
        return self._deadline

    def flush(self) -> List[SendOperations]:
        """Return the commands to execute, and hold none back."""
        held, self._held, self._deadline = self._held, [], None
        merged = []
        for may_queue, group in groupby(held, attrgetter("may_queue")):
            commands = list(group)
            operations = tuple(op for each in commands for op in each.operations)
            expires = min(each.expires for each in commands)
            merged.append(SendOperations(operations, expires, may_queue))
        return merged

    @property
    def _count(self) -> int:
        return sum(len(command.operations) for command in self._held)
