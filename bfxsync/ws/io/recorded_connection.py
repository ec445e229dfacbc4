"""
The thread that plays a recording.

Strategy: one thread does everything, callbacks included, message by message in the recorded order
and at the recorded times, so that two runs give the same calls in the same order. Commands are
executed between two messages. Nothing is dropped for slow readers: the thread waits for them.
"""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Callable

from bfxsync._base.enums import ConnectionStatus
from bfxsync._base.latch import Latch
from bfxsync._base.logs import get_logger
from bfxsync.errors import BfxError
from bfxsync.recording.player import Player
from bfxsync.wire.outputs import Change, Fail, Reopen, Send
from bfxsync.ws.core.shared_subscription import Subscriber
from bfxsync.ws.dispatch.mailbox import Mailbox
from bfxsync.ws.io.link import Link

if TYPE_CHECKING:
    from typing_extensions import assert_never

    from bfxsync.ws.core.subscription_table import Owner, SocketOutput

logger = get_logger(__name__)

PATIENCE_S = 5.0
"""Readers that block the replay for longer are named in the log."""

_LONG_S = 3_600.0


class RecordedConnection(Link):
    """
    The connections of a recording, played as one.

    Parameters
    ----------
    player : Player
    on_end : callable
        Called at the end of the recording, unless it was closed before.
    """

    exception: BfxError | None
    status: ConnectionStatus

    def __init__(
        self, number: int, player: Player, owner: Owner, on_end: Callable[[], None]
    ) -> None:
        super().__init__(
            number,
            player.session,
            owner,
            clock=player.clock.now,
            limit=sys.maxsize,
            name="bfxsync-replay",
        )
        self._player = player
        self._on_end = on_end
        self.is_playing: bool = False
        # Whether the thread waits for slow readers.
        self._is_waiting = False
        self._has_work = Latch()
        self._readers: list[tuple[Subscriber, Mailbox]] = []

    # --- any thread ---------------------------------------------------------------------------

    def play(self) -> None:
        """Start to play; has no effect afterwards."""
        self.is_playing = True
        self._wake()

    def detach(self, subscriber: Subscriber) -> None:
        """Detach a subscriber, and no longer wait for its reader."""
        self._submit(self._detach, subscriber)

    def read(self, subscriber: Subscriber, reader: Mailbox) -> None:
        """Fill a reader from now on, and wait for it when it falls behind."""
        reader.on_get = lambda: self._note_read(reader)
        self._submit(self._read, subscriber, reader)

    def detach_after_fork(self) -> None:
        """Release everything in the child of a fork: the file belongs to the parent's thread."""
        self._is_closing = self._is_finished = True
        self.status = ConnectionStatus.CLOSED
        self._outbox.clear()

    def _note_read(self, reader: Mailbox) -> None:
        if not self.is_playing:
            # The reader would wait for its first item forever.
            self.play()
        elif self._is_waiting and _is_low(reader):
            self._wake()

    def _wake(self) -> None:
        self._has_work.set()

    # --- the thread ---------------------------------------------------------------------------

    def _run(self) -> None:
        while not (self.is_playing or self._is_closing):
            self._rest()
        self._play()

    def _end(self) -> None:
        with ExitStack() as stack:
            # Called from the last to the first, each even if another one raises.
            if not self._is_closing:
                stack.callback(self._on_end)
            stack.callback(self._owner.run_ready)
            stack.callback(self._finish)

    def _play(self) -> None:
        player, streams = self._player, self.streams
        started_at = time.monotonic()
        for record in player:
            due_s = player.due_s(record)
            if due_s is not None:
                self._rest_until(started_at + due_s)
            self._drain()
            if self._is_closing or self.exception is not None:
                return
            streams.perform(player.play(record))
            self._owner.run_ready()
            if streams.is_crowded:
                streams.is_crowded = False
                self._await_readers()

    def _rest_until(self, due: float) -> None:
        while not self._is_closing:
            left_s = due - time.monotonic()
            if left_s <= 0:
                return
            # Python limits the timeout of a wait.
            self._rest(min(left_s, _LONG_S))

    def _await_readers(self) -> None:
        """Wait until the readers have emptied most of their mailboxes, not for each item."""
        self._is_waiting = True
        # None after the warning: then only a command or a reader ends the wait.
        patience_s: float | None = PATIENCE_S
        due = time.monotonic() + PATIENCE_S
        while not self._is_closing:
            slow = [
                subscriber.name
                for subscriber, box in self._readers
                if subscriber.is_active and not _is_low(box)
            ]
            if not slow:
                break
            if patience_s is not None and time.monotonic() >= due:
                logger.warning("the replay waits for the reader of %s", ", ".join(slow))
                patience_s = None
            self._rest(patience_s)
        self._is_waiting = False

    def _rest(self, timeout_s: float | None = None) -> None:
        """Wait for commands, and execute them."""
        self._has_work.wait(timeout_s)
        # Cleared before the outbox is emptied, or a command in between would have to wait.
        self._has_work.clear()
        self._drain()
        self._owner.run_ready()

    def _read(self, subscriber: Subscriber, reader: Mailbox) -> None:
        self._readers.append((subscriber, reader))
        self.streams.read(subscriber, reader)

    def _detach(self, subscriber: Subscriber) -> None:
        self._readers = [pair for pair in self._readers if pair[0] is not subscriber]
        self.streams.detach(subscriber)

    def _take(self, output: SocketOutput) -> None:
        if isinstance(output, Change):
            self.status = output.status
            if output.status is ConnectionStatus.OPEN:
                self.is_open.set()
                self._owner.opened()
            else:
                self.is_open.clear()
        elif isinstance(output, Reopen):
            if output.reason or output.code != 1000:
                self.losses[output.cause.value] += 1
                logger.info("disconnected (%s: %s)", output.code, output.reason)
            self._owner.disconnected(output.code, output.reason)
        elif isinstance(output, Fail):
            self.exception = output.error
        elif isinstance(output, Send):
            raise AssertionError("a recording sends nothing")
        else:
            assert_never(output)


def _is_low(reader: Mailbox) -> bool:
    return 4 * len(reader) <= reader.size
