"""
The thread that plays a recording.

Strategy: one thread does everything, including callbacks, message by message in the recorded order
and at the recorded times, so that every run makes the same calls in the same order. Commands are
executed between two messages. No updates are dropped for slow readers: the thread waits for them.
"""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack
from typing import Callable

from bfxsync._base.latch import Latch
from bfxsync._base.logs import get_logger
from bfxsync.recording.player import Player
from bfxsync.wire.outputs import Reopen
from bfxsync.ws.core.subscription_table import Owner
from bfxsync.ws.dispatch.mailbox import Mailbox
from bfxsync.ws.io.link import Link

_log = get_logger(__name__)

PATIENCE_S = 5.0
"""Readers that block the replay for longer are reported in the log."""

_LONG_S = 3_600.0


class RecordedConnection:
    """
    The connections of a recording, played as one.

    `on_end` is called at the end of the recording, unless it was closed before.
    """

    def __init__(
        self, number: int, player: Player, owner: Owner, on_end: Callable[[], None]
    ) -> None:
        self.link: Link = Link(
            number,
            player.session,
            owner,
            self,
            clock=player.clock.now,
            limit=sys.maxsize,
            thread_name="bfxsync-replay",
        )
        self._table = self.link.table
        self._owner = owner
        self._player = player
        self._on_end = on_end
        self.is_playing: bool = False
        # Whether the thread waits for slow readers.
        self._is_waiting = False
        # Start of the current outage, in recorded time.
        self._lost_at: float | None = None
        self._has_work = Latch()

    # --- any thread ---------------------------------------------------------------------------

    def play(self) -> None:
        """Start playing; has no effect if already started."""
        self.is_playing = True
        self.wake()

    def wake(self) -> None:
        """Make the thread check its outbox and its readers."""
        self._has_work.set()

    def watch(self, reader: Mailbox) -> None:
        """Start with the first read, and wait for this reader when it falls behind."""
        reader.on_get = lambda: self._note_read(reader)

    def detach_after_fork(self) -> None:
        """Do nothing, as the file belongs to the parent's thread."""

    def _note_read(self, reader: Mailbox) -> None:
        if not self.is_playing:
            # The reader would wait for its first item forever.
            self.play()
        elif self._is_waiting and _is_low(reader):
            self.wake()

    # --- the thread ---------------------------------------------------------------------------

    def run(self) -> None:
        """Wait for the start, and play to the end."""
        while not (self.is_playing or self.link.is_closing):
            self._rest()
        self._play()

    def shut_down(self) -> None:
        """End the subscriptions."""
        with ExitStack() as stack:
            # Called from the last to the first, each even if another one raises.
            if not self.link.is_closing:
                stack.callback(self._on_end)
            stack.callback(self._owner.run_ready)
            stack.callback(self.link.finish)

    def _play(self) -> None:
        link, totals, player = self.link, self._table.totals, self._player
        started_at = time.monotonic()
        for record in player:
            due_s = player.due_s(record)
            if due_s is not None:
                self._rest_until(started_at + due_s)
            self.link.execute()
            if link.is_over:
                return
            link.perform(player.play(record))
            self._owner.run_ready()
            if totals.is_crowded:
                totals.is_crowded = False
                self._await_readers()

    def _rest_until(self, due: float) -> None:
        while not self.link.is_closing:
            left_s = due - time.monotonic()
            if left_s <= 0:
                return
            # Python limits the timeout of a wait.
            self._rest(min(left_s, _LONG_S))

    def _await_readers(self) -> None:
        """Wait until the readers have emptied most of their mailboxes, instead of at each item."""
        self._is_waiting = True
        # None after the warning: then only a command or a reader ends the wait.
        patience_s: float | None = PATIENCE_S
        due = time.monotonic() + PATIENCE_S
        while not self.link.is_closing:
            slow = [
                subscriber.name
                for subscriber, box in self._table.readers
                if subscriber.is_active and not _is_low(box)
            ]
            if not slow:
                break
            if patience_s is not None and time.monotonic() >= due:
                _log.warning("the replay waits for the reader of %s", ", ".join(slow))
                patience_s = None
            self._rest(patience_s)
        self._is_waiting = False

    def _rest(self, timeout_s: float | None = None) -> None:
        """Wait for commands, and execute them."""
        self._has_work.wait(timeout_s)
        # Cleared before the outbox is emptied, or a command in between would have to wait.
        self._has_work.clear()
        self.link.execute()
        self._owner.run_ready()

    # --- outputs ------------------------------------------------------------------------------

    def opened(self) -> None:
        """Publish `open` or `restored`."""
        lost_at, self._lost_at = self._lost_at, None
        gap_s = None if lost_at is None else self.link.clock() - lost_at
        self._owner.publisher.opened(gap_s)

    def send(self, text: str) -> None:
        """Raise `AssertionError`, as a recording sends no messages."""
        raise AssertionError("a recording sends no messages")

    def reopen(self, output: Reopen) -> None:
        """Count and publish a recorded loss, or the recorded client's own close."""
        if not output.is_final:
            self._lost_at = self.link.clock()
            self.link.losses[output.cause.value] += 1
            _log.info("disconnected (%s: %s)", output.code, output.reason)
        self._owner.publisher.disconnected(
            output.code, output.reason, not output.is_final
        )


def _is_low(reader: Mailbox) -> bool:
    return 4 * len(reader) <= reader.size
