"""
The thread of a relay: takes the lease, subscribes, and writes what the connections receive.

Strategy: only the leader has a connection to the exchange. Another relay of the same shard asks
for the lease five times a second, and subscribes when it gets it. While Redis is away the leader
keeps its subscriptions and drops their data; with the next epoch all consumers get a gap and a
snapshot.
"""

from __future__ import annotations

import time
from typing import Callable, Dict, List, Sequence

from bfxsync._base.latch import Latch
from bfxsync._base.logs import get_logger
from bfxsync.errors import BfxError, NetworkError
from bfxsync.relay.feed import RelayFeed
from bfxsync.relay.frame_tap import (
    MAX_ITEMS,
    Dropped,
    FrameTap,
    Item,
    Lost,
    Opened,
    Received,
    Resumed,
)
from bfxsync.relay.stream_store import StreamStore
from bfxsync.streams.entries import GapMark
from bfxsync.streams.keys import LIVE, WANTED, IdentityState
from bfxsync.streams.relayed_channels import Output, RelayedChannels, SnapshotRows

_log = get_logger(__name__)

POLL_S = 0.2
"""Interval at which a relay without the lease asks for it, or looks for Redis."""

REVIEW_S = 0.5
"""Interval at which refused channels are looked for."""

CLOSE_TIMEOUT_S = 1.8

MAX_RENEWAL = 1_000
"""Entries of a stream after which its snapshot is renewed, or half of its length if less."""

MIN_ENTRIES = 2 * MAX_ITEMS
"""
Minimum length of a stream: a snapshot is followed by at most one entry less than half of the
length, and those of one write, before the next snapshot; all of them must have room beside it.
"""

GIVE_WAY_S = 30.0
"""A leader whose channels have all been without data for this time gives the lease away."""

_HOLD_BACK_S = 5.0
_RESUBSCRIBE_APART_S = 5.0

MakeFeed = Callable[[FrameTap], RelayFeed]


class ShardWriter:
    """
    Leads a shard when it can; all methods but those of the thread may be called from anywhere.

    Parameters
    ----------
    identities : sequence of str
    store : StreamStore
    make_feed : callable
        Makes the client of one term as leader.
    max_waiting_bytes : int
        Limit of the queue between connections and this thread.
    renewal : int
        Entries of a stream after which its snapshot is stored again.
    ttl_s : float
        Duration of the lease.
    """

    def __init__(
        self,
        identities: Sequence[str],
        store: StreamStore,
        make_feed: MakeFeed,
        *,
        max_waiting_bytes: int,
        renewal: int,
        ttl_s: float,
    ) -> None:
        self.is_leading: bool = False
        self.is_away: bool = False
        """Whether Redis cannot be used at the moment."""
        self.epoch_count: int = 0
        self.store_error_count: int = 0
        self.gap_count: int = 0
        self.snapshot_count: int = 0
        self.last_error: BfxError | None = None
        self.exception: BaseException | None = None
        """What ended the thread."""
        self.states: Dict[str, IdentityState] = dict.fromkeys(identities, WANTED)
        """Replaced, never changed."""
        self.feed: RelayFeed | None = None
        self.tap: FrameTap = FrameTap(max_waiting_bytes)
        self.ended: Latch = Latch()
        self._stopping = Latch()
        self._identities = list(identities)
        self.store = store
        self._make_feed = make_feed
        self._max_waiting_bytes = max_waiting_bytes
        self._renewal = renewal
        self._ttl_s = ttl_s
        self._channels = RelayedChannels(identities)
        # Entries of each stream since its last snapshot.
        self._since: Dict[str, int] = {}
        self._told_states: Dict[str, IdentityState] = {}
        self._renew_at = self._review_at = self._resubscribe_at = 0.0
        # When a channel was last live in this term, and when the lease may be asked for again.
        self._live_at = self._ask_at = 0.0
        # Whether the tap drops frames.
        self._is_behind = False
        # Whether something was written in this epoch.
        self._is_proven = True

    @property
    def frame_count(self) -> int:
        """Frames of relayed channels that were received in this term."""
        return self._channels.frame_count

    def stop(self) -> None:
        """End the thread soon; lock-free, safe in a signal handler."""
        self._stopping.set()
        self.tap.wake()

    # --- the thread ---------------------------------------------------------------------------

    def run(self) -> None:
        """Take the lease and write, until stopped."""
        try:
            while not self._stopping.is_set:
                if self.store.epoch is None:
                    self._try_to_lead()
                else:
                    self._serve()
                self._catch_up()
                self._check_feed()
                self._give_way()
        except BaseException as exc:
            # Any: an exception would end the thread unnoticed.
            self.exception = exc
            _log.error("the relay has ended: %s", exc)
        finally:
            try:
                self.store.leave()
                self.store.disconnect()
                self._step_down()
            finally:
                self.ended.set()

    def _try_to_lead(self) -> None:
        if time.monotonic() < self._ask_at:
            self._stopping.wait(POLL_S)
            return
        try:
            has_lease = self.store.take(self.states)
        except NetworkError as exc:
            self._note_error(exc)
            self._absorb(POLL_S)
            return
        self._note_return()
        if not has_lease:
            if self.feed is not None:
                _log.warning("another relay has taken over")
                self._step_down()
            self._stopping.wait(POLL_S)
            return
        self.epoch_count += 1
        self._told_states = self.states
        self._renew_at = time.monotonic() + self._ttl_s / 4
        self.is_leading = True
        if self.feed is None:
            _log.info("leading, in epoch %s", self.store.epoch)
            self._live_at = time.monotonic()
            self.feed = self._make_feed(self.tap)
            self.feed.relay(self._identities)
            return
        # Consumers have seen the fence, and wait for these.
        self._write(
            [(name, self._channels.snapshot(name)) for name in self._channels.live]
        )

    def _serve(self) -> None:
        items = self.tap.take(self._renew_at - time.monotonic())
        outputs = self._process(items)
        if outputs or time.monotonic() >= self._renew_at:
            self._write(outputs)

    def _write(self, outputs: List[Output]) -> None:
        self._renew_snapshots(outputs)
        self._review_states()
        changed = {
            name: state
            for name, state in self.states.items()
            if self._told_states.get(name) != state
        }
        now = time.monotonic()
        is_due = now >= self._renew_at
        try:
            self.store.write(outputs, changed, renew=is_due)
        except NetworkError as exc:
            self._note_error(exc)
            if not self._is_proven:
                # Not at once again: nothing at all could be written in this epoch.
                self._absorb(POLL_S)
            self._is_proven = False
            return
        self._is_proven = True
        self._told_states = self.states
        if is_due:
            self._renew_at = now + self._ttl_s / 4

    def _renew_snapshots(self, outputs: List[Output]) -> None:
        """Append snapshots of streams whose last one would soon be older than their first entry."""
        since = self._since
        for name, output in outputs:
            if isinstance(output, SnapshotRows):
                self.snapshot_count += 1
                since[name] = 0
            else:
                self.gap_count += isinstance(output, GapMark)
                since[name] = since.get(name, 0) + 1
        due = {name for name, _ in outputs if since[name] >= self._renewal}
        for name in due.intersection(self._channels.live):
            self.snapshot_count += 1
            since[name] = 0
            snapshot = self._channels.snapshot(name)._replace(is_renewal=True)
            outputs.append((name, snapshot))

    def _review_states(self) -> None:
        live = dict.fromkeys(self._channels.live, LIVE)
        now = time.monotonic()
        if now < self._review_at and len(live) == sum(
            state is LIVE for state in self.states.values()
        ):
            return
        self._review_at = now + REVIEW_S
        refused = {} if self.feed is None else self.feed.refused()
        self.states = {
            name: live.get(name) or refused.get(name) or WANTED
            for name in self._identities
        }

    # --- frames -------------------------------------------------------------------------------

    def _process(self, items: Sequence[Item]) -> List[Output]:
        outputs: List[Output] = []
        channels = self._channels
        for item in items:
            if isinstance(item, Received):
                outputs += channels.received(item.connection, item.messages)
            elif isinstance(item, Opened):
                outputs += channels.opened(item.connection)
            elif isinstance(item, Lost):
                outputs += channels.lost(item.connection, item.reason)
            elif isinstance(item, Dropped):
                outputs += self._handle_dropped()
            elif isinstance(item, Resumed):
                channels.resumed()
                self._subscribe_again()
            else:
                outputs += channels.sent(item.connection, item.text)
        return outputs

    def _handle_dropped(self) -> List[Output]:
        _log.warning("the relay is too slow: frames were dropped")
        self._is_behind = True
        return self._channels.lost_frames("the relay was too slow")

    def _catch_up(self) -> None:
        """After dropped frames let the tap go on, and look for channels without their snapshot."""
        now = time.monotonic()
        # Not more often, as each time all snapshots come again.
        if now < self._resubscribe_at:
            return
        if self._is_behind:
            self._is_behind = False
            self._resubscribe_at = now + _RESUBSCRIBE_APART_S
            self.tap.accept()
        else:
            self._subscribe_again()

    def _subscribe_again(self) -> None:
        """Subscribe again to the channels of which frames are lost."""
        names = self._channels.incomplete
        if names and self.feed is not None:
            self._resubscribe_at = time.monotonic() + _RESUBSCRIBE_APART_S
            self.feed.relay_again(names)

    def _absorb(self, seconds: float) -> None:
        """Keep the state of the channels current for a while, without writing."""
        until = time.monotonic() + seconds
        while not self._stopping.is_set:
            left_s = until - time.monotonic()
            if left_s <= 0:
                return
            self._process(self.tap.take(left_s))

    # --- the term -----------------------------------------------------------------------------

    def _check_feed(self) -> None:
        if self.feed is not None and self.feed.failure is not None:
            raise self.feed.failure

    def _give_way(self) -> None:
        """Let another relay lead if this one cannot reach the exchange."""
        now = time.monotonic()
        if (
            self.feed is None
            or self._channels.live
            or WANTED not in self.states.values()
        ):
            self._live_at = now
        elif self.store.epoch is not None and now - self._live_at >= GIVE_WAY_S:
            _log.warning("no channel has data: another relay may lead")
            self.store.leave()
            self._step_down()
            # Without another relay this one tries again.
            self._ask_at = now + _HOLD_BACK_S

    def _step_down(self) -> None:
        """Close the connections to the exchange."""
        self.is_leading = False
        feed, self.feed = self.feed, None
        if feed is not None:
            feed.end(CLOSE_TIMEOUT_S)
        self.tap = FrameTap(self._max_waiting_bytes)
        if self._stopping.is_set:
            self.tap.wake()
        self._channels = RelayedChannels(self._identities)
        self._since = {}
        self._is_behind = False
        self.states = dict.fromkeys(self._identities, WANTED)

    def _note_error(self, exc: NetworkError) -> None:
        self.store_error_count += 1
        self.last_error = exc
        log = _log.info if self.is_away else _log.warning
        self.is_away = True
        log("%s; consumers get a gap", exc)

    def _note_return(self) -> None:
        if self.is_away:
            self.is_away = False
            _log.info("Redis can be used again")
