"""
The thread of a client that reads a relay's streams from Redis.

Strategy: one connection to Redis, on which the thread looks up snapshots, then waits for entries of
all its streams in one command. Commands of users are executed between two reads. A read waits
briefly, as nothing else can end it: BLOCK_S, or BUSY_BLOCK_S while commands come in. After each
read with entries there is a pause, in which further ones collect, as wake-ups cost most.

redis-py would reconnect between two commands without an error, which hides that Redis was restarted
and has lost entries. So its connection is used directly, and a new one is made after each error.
"""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack
from typing import Any, List, Sequence, Tuple

from bfxsync._base.enums import ConnectionStatus, LossCause
from bfxsync._base.latch import Latch
from bfxsync._base.logs import get_logger
from bfxsync._base.redis_urls import RedisRefused, open_redis, translated
from bfxsync.errors import BfxError, NetworkError, RemoteError
from bfxsync.streams.replies import (
    Command,
    lookup_commands,
    lookup_replies,
    read_command,
    read_reply,
)
from bfxsync.streams.session import StreamSession
from bfxsync.streams.stream_reader import Entries
from bfxsync.wire.codec import loads_for
from bfxsync.wire.outputs import Reopen
from bfxsync.ws.core.subscription_table import Owner
from bfxsync.ws.dispatch.mailbox import Mailbox
from bfxsync.ws.io.link import RETIRE_AFTER_S, Link
from bfxsync.ws.settings import ConnectionSettings

_log = get_logger(__name__)

BLOCK_S = 0.1
"""How long a read waits for entries, and a command of a user for the end of a read."""

BUSY_BLOCK_S = 0.005
BUSY_S = 1.0
"""Time after a command in which reads wait for `BUSY_BLOCK_S` only: often more commands follow."""

REPLY_S = 1.5
"""Timeout of each command, so that a client closes in two seconds although Redis hangs."""

_YIELD_S = 0.0005
_CLOSED_ABNORMALLY = 1006


class RelayedConnection:
    """One connection to Redis, kept open until its link closes."""

    def __init__(self, number: int, settings: ConnectionSettings, owner: Owner) -> None:
        source = settings.source
        assert source is not None
        self._source = source
        self._session = StreamSession(source.keys, loads_for(settings.numbers))
        self.link: Link = Link(
            number,
            self._session,
            owner,
            self,
            limit=sys.maxsize,
            thread_name=f"bfxsync-io-{number}",
        )
        self._table = self.link.table
        self._owner = owner
        self._clock = self.link.clock
        self._backoff = settings.backoff
        self._connect_s = min(settings.timeout_s, REPLY_S)
        self._has_work = Latch()
        # The client and the connection of redis-py.
        self._redis: Any = None
        self._connection: Any = None
        self._lost: BfxError | None = None
        self._submit_count = 0
        self._busy_until = 0.0
        self._was_warned = False
        # Start of the current outage; None while connected.
        self._lost_at: float | None = None

    # --- any thread ---------------------------------------------------------------------------

    def wake(self) -> None:
        """End a pause; a read ends within `BLOCK_S`."""
        self._has_work.set()

    def watch(self, reader: Mailbox) -> None:
        """Do nothing, as a connection does not wait for its readers."""

    def detach_after_fork(self) -> None:
        """Close the child's copy of the socket without sending anything."""
        if self._connection is not None:
            self._connection.disconnect()

    # --- the I/O thread -----------------------------------------------------------------------

    def run(self) -> None:
        """Connect, read and reconnect, until the link is closed."""
        link = self.link
        while not link.is_over:
            if self._connect():
                self._serve()
                self._disconnect()
                self._owner.run_ready()
            if not link.is_over:
                self._pause()

    def shut_down(self) -> None:
        """Close the connection, and end the subscriptions."""
        with ExitStack() as stack:
            # Called from the last to the first, each even if another one raises.
            stack.callback(self._owner.run_ready)
            stack.callback(self.link.finish)
            stack.callback(self._hang_up)

    def _connect(self) -> bool:
        first = self.link.status is ConnectionStatus.NEW
        self.link.status = (
            ConnectionStatus.CONNECTING if first else ConnectionStatus.RECONNECTING
        )
        url = self._source.url
        try:
            with translated(url):
                self._redis = open_redis(
                    url, timeout_s=REPLY_S, connect_timeout_s=self._connect_s
                )
                self._connection = self._redis.client().connection
                self._connection.connect()
            self._ask([("PING",)])
        except NetworkError as exc:
            self._hang_up()
            self.link.last_error = exc
            self.link.losses[LossCause.UNREACHABLE.value] += 1
            self._log_outage(f"{exc}; trying again")
            return False
        return True

    def _serve(self) -> None:
        link, session = self.link, self._session
        connected_at = self._clock()
        link.perform(session.open(connected_at))
        self._lost = None
        while self._lost is None and not link.is_over:
            self._execute()
            try:
                self._answer_pings()
                self._look_up()
                has_news = self._read()
            except (NetworkError, RemoteError) as exc:
                self._lost = exc
                return
            now = self._clock()
            link.perform(session.tick(now))
            if now >= link.meter.due:
                link.meter.observe(now, *link.counts)
            # As late as possible: earlier, dispatch threads would only compete for the GIL.
            self._owner.run_ready()
            if self._was_warned and now - connected_at >= self._backoff.stable_s:
                self._was_warned = False
            if now - connected_at >= self._backoff.stable_s:
                self._backoff = self._backoff.reset()
            if self._table.totals.is_crowded:
                self._table.totals.is_crowded = False
                time.sleep(_YIELD_S)
            self.link.retire_if_empty(RETIRE_AFTER_S)
            if has_news and not session.is_catching_up:
                self._rest(self._source.pause_s)

    def _execute(self) -> None:
        """Execute commands; after one, further ones are expected soon."""
        count = self.link.submit_count
        if count != self._submit_count:
            self._submit_count = count
            self._busy_until = self._clock() + BUSY_S
        self._has_work.clear()
        self.link.execute()

    def _answer_pings(self) -> None:
        for ping in list(self._session.pings):
            start = self._clock()
            self._ask([("PING",)])
            self.link.perform(self._session.ponged(ping, self._clock() - start))

    def _look_up(self) -> None:
        identities = self._session.lookups(self._clock())
        if identities is None:
            return
        replies = self._ask(lookup_commands(self._source.keys, identities))
        found = lookup_replies(identities, replies)
        now = self._clock()
        self.link.perform(self._session.found(*found, now), now)

    def _read(self) -> bool:
        """Read the streams; return whether there were entries."""
        session = self._session
        cursors = session.cursors
        if not cursors:
            self._rest(BLOCK_S)
            return False
        block_ms = None
        if not session.is_catching_up:
            is_busy = self._clock() < self._busy_until
            block_ms = int((BUSY_BLOCK_S if is_busy else BLOCK_S) * 1_000)
        (reply,) = self._ask([read_command(cursors, block_ms)])
        reads = read_reply(reply)
        self.link.traffic.received += _size(reads)
        now = self._clock()
        self.link.perform(session.feed(reads, now), now)
        return bool(reads)

    def _ask(self, commands: Sequence[Command]) -> List[Any]:
        """Send commands together, and return their replies; None for a stream without keys."""
        connection, url = self._connection, self._source.url
        with translated(url):
            connection.send_packed_command(connection.pack_commands(commands))
        replies = []
        refusal: RedisRefused | None = None
        for command in commands:
            try:
                with translated(url):
                    replies.append(connection.read_response())
            except RedisRefused as exc:
                replies.append(None)
                # XINFO has no other way to say that there is no such key.
                if command[0] != "XINFO" or exc.reply != "ERR":
                    refusal = refusal or exc
        if refusal is not None:
            raise refusal
        return replies

    def _rest(self, seconds: float) -> None:
        if seconds and not self.link.is_over:
            self._has_work.wait(seconds)

    # --- losses -------------------------------------------------------------------------------

    def _disconnect(self) -> None:
        if self.link.is_finished:
            # Detached: a callback on this thread has forked, and the socket belongs to the parent.
            return
        self._hang_up()
        self.link.is_open.clear()
        lost, link = self._lost, self.link
        code, reason = self._owner.lifetime.farewell
        if lost is not None and not link.is_over:
            code, reason = _CLOSED_ABNORMALLY, str(lost)
            self._lost_at = self._clock() if self._lost_at is None else self._lost_at
            link.losses[LossCause.BROKEN.value] += 1
            self._log_outage(f"disconnected: {lost}")
            link.perform(self._session.lose(reason))
            link.last_error = lost
        if not self.link.is_retired:
            self._owner.publisher.disconnected(code, reason, not link.is_over)

    def _hang_up(self) -> None:
        redis, self._redis, self._connection = self._redis, None, None
        if redis is not None:
            redis.connection_pool.disconnect()

    def _log_outage(self, message: str) -> None:
        """Log the first message of an outage as a warning, and the others as info."""
        log = _log.info if self._was_warned else _log.warning
        self._was_warned = True
        log("%s", message)

    def _pause(self) -> None:
        """Wait before the next attempt, executing commands."""
        delay_s = self._backoff.delay_s()
        self._backoff = self._backoff.failed()
        until = self._clock() + delay_s
        _log.info("connecting again in %.2f s", delay_s)
        while not self.link.is_over and self._clock() < until:
            self._rest(until - self._clock())
            self._execute()
            self._owner.run_ready()
            # Without channels an attempt would only cost time.
            self.link.retire_if_empty()

    # --- outputs ------------------------------------------------------------------------------

    def opened(self) -> None:
        """Log the connection, and publish `open` or `restored`."""
        _log.info("connected to %s", self._source)
        lost_at, self._lost_at = self._lost_at, None
        gap_s = None if lost_at is None else self._clock() - lost_at
        self._owner.publisher.opened(gap_s)

    def send(self, text: str) -> None:
        """Raise `AssertionError`, as a consumer sends nothing to the exchange."""
        raise AssertionError("a consumer sends no messages")

    def reopen(self, output: Reopen) -> None:
        """Raise `AssertionError`, as the relay replaces sockets."""
        raise AssertionError("a consumer has no socket to replace")


def _size(reads: List[Tuple[bytes, Entries]]) -> int:
    return sum(
        len(fields.get(b"f", b"")) for _, entries in reads for _, fields in entries
    )
