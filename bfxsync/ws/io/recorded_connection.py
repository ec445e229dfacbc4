"""
The thread that plays a recording.

Strategy: one thread does everything, callbacks included: message by message, in the order and with
the times of the file, so that two runs give the same in the same order. What users ask meanwhile
is done between two messages. It never drops what somebody reads: when a reader falls behind, the
player waits for it.
"""

from __future__ import annotations

import sys
import time
import zlib
from contextlib import ExitStack
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Callable, Iterator

from bfxsync._base.clock import Clock
from bfxsync._base.latch import Latch
from bfxsync._base.logs import get_logger
from bfxsync.errors import RemoteError, UsageError
from bfxsync.recording.files import read_lines
from bfxsync.recording.format import is_line, read_line
from bfxsync.recording.session import Contents, RecordedSession
from bfxsync.types import ConnectionStatus
from bfxsync.wire.codec import loads_for
from bfxsync.wire.outputs import Change, Fail, Reopen, Send
from bfxsync.ws.core.shared_subscription import Subscriber
from bfxsync.ws.dispatch.mailbox import Mailbox
from bfxsync.ws.io.connection import ConnectionSettings
from bfxsync.ws.io.link import Link

if TYPE_CHECKING:
    from typing_extensions import assert_never

    from bfxsync.ws.core.subscription_table import Owner, SocketOutput

logger = get_logger(__name__)

PATIENCE_S = 5.0
"""Who holds the recording up for longer is named in the log."""

_LONG_S = 3_600.0


def lines_of(path: str) -> Iterator[bytes]:
    """
    Yield the lines of a recording; those of one that was cut off up to there.

    Raises
    ------
    UsageError
        There is no such file, or it is neither gzipped nor JSON lines.
    RemoteError
        It is broken in the middle.
    """
    is_begun = False
    try:
        for line in read_lines(path):
            if not line.endswith(b"\n") and not is_line(line):
                raise EOFError
            is_begun = True
            yield line
    except EOFError:
        logger.info("%s was cut off; it is good up to there", path)
    except (OSError, ValueError, zlib.error) as exc:
        message = f"cannot read the recording {path!r}: {exc}"
        if is_begun:
            raise RemoteError(message) from exc
        raise UsageError(message) from exc


class RecordedClock(Clock):
    """
    The time in a recording; it stands still between two messages.

    Attributes
    ----------
    time : float
        Seconds since 1970.
    """

    def __init__(self, time: float) -> None:
        self.time = time

    def now(self) -> float:
        """Return when the message that is played was recorded."""
        return self.time

    def utc(self, at: float) -> datetime:
        """Return the time of day at one of its moments."""
        return datetime.fromtimestamp(at, timezone.utc)


class Player(Link):
    """
    All connections of a recording, played as one.

    Parameters
    ----------
    path : str
    contents : Contents
    clock : RecordedClock
        Goes with the recording.
    speed : float or None
        1 is as fast as it was; None as fast as the consumers take it.
    on_end : callable
        Called when the recording has come to its end by itself.
    """

    def __init__(
        self,
        number: int,
        settings: ConnectionSettings,
        owner: Owner,
        *,
        path: str,
        contents: Contents,
        clock: RecordedClock,
        speed: float | None,
        on_end: Callable[[], None],
    ) -> None:
        super().__init__(
            number,
            RecordedSession(contents, loads_for(settings.numbers)),
            owner,
            clock=clock.now,
            limit=sys.maxsize,
            name="bfxsync-replay",
        )
        self._begin = clock.time = contents.begin or 0.0
        self._time = clock
        self._path = path
        self._speed = speed
        self._on_end = on_end
        self.is_playing = False
        # For readers.
        self._is_waiting = False
        self._has_work = Latch()
        self._readers: list[tuple[Subscriber, Mailbox]] = []

    # --- any thread ---------------------------------------------------------------------------

    def play(self) -> None:
        """Begin, unless that has happened."""
        self.is_playing = True
        self._wake()

    def detach(self, subscriber: Subscriber) -> None:
        """Give a share up."""
        self._submit(self._detach, subscriber)

    def read(self, subscriber: Subscriber, reader: Mailbox) -> None:
        """Fill a reader from now on, and wait for it when it falls behind."""
        reader.on_get = lambda: self._note_read(reader)
        self._submit(self._read, subscriber, reader)

    def detach_after_fork(self) -> None:
        """Let go of everything in the child of a fork: the file is the thread's alone."""
        self._is_closing = self._is_finished = True
        self.status = ConnectionStatus.CLOSED
        self._outbox.clear()

    def _note_read(self, reader: Mailbox) -> None:
        if not self.is_playing:
            # Who wants the first item would wait for ever.
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
        session, streams, clock = self.session, self.streams, self._time
        assert isinstance(session, RecordedSession)
        began_at = time.monotonic()
        for line in lines_of(self._path):
            record = read_line(line)
            if record is None:
                continue
            if self._speed is not None:
                self._rest_until(began_at + (record.at - self._begin) / self._speed)
            self._drain()
            if self._is_closing or self.exception is not None:
                return
            # The clock of the machine may have been set back.
            clock.time = max(clock.time, record.at)
            streams.perform(session.take(record, clock.time))
            self._owner.run_ready()
            if streams.is_crowded:
                streams.is_crowded = False
                self._await_readers()

    def _rest_until(self, due: float) -> None:
        while not self._is_closing:
            left_s = due - time.monotonic()
            if left_s <= 0:
                return
            # The longest time that a thread may wait has an end.
            self._rest(min(left_s, _LONG_S))

    def _await_readers(self) -> None:
        """Wait until they have read most of what they have, not for each item."""
        self._is_waiting = True
        # Once it was said, until somebody asks for something.
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
                logger.warning("the replay waits for who reads %s", ", ".join(slow))
                patience_s = None
            self._rest(patience_s)
        self._is_waiting = False

    def _rest(self, timeout_s: float | None = None) -> None:
        """Wait for what users ask, and do it."""
        self._has_work.wait(timeout_s)
        # Before the outbox is emptied and anything is looked at, or what comes then would wait.
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
