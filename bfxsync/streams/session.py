"""
A session that reads streams of a relay instead of communicating with the exchange.

Strategy: a subscription looks up the stored snapshot of its channel, applies the entries after it,
and continues with each new one. The session says what to look up and what to read; `StreamReader`
applies the entries.

A lost connection to Redis is not a gap: entries stay in their stream, and reading continues where
it ended. Only if Redis has lost entries is there a gap.
"""

from __future__ import annotations

from typing import (
    TYPE_CHECKING,
    Hashable,
    Iterator,
    Mapping,
    Sequence,
    Tuple,
)

from bfxsync._base.enums import ConnectionStatus, SubscriptionStatus
from bfxsync.errors import (
    BfxError,
    NetworkError,
    RemoteError,
    RequestTimeout,
)
from bfxsync.models.stream import Status
from bfxsync.streams.entries import (
    EntryId,
    StoredSnapshot,
)
from bfxsync.streams.keys import ShardKeys
from bfxsync.streams.relay_watch import RelayWatch, refusal_of
from bfxsync.streams.stream_reader import Entries, StreamReader
from bfxsync.streams.stream_state import START, Phase, StreamInfo, StreamState
from bfxsync.wire.codec import Loads, loads_for
from bfxsync.wire.commands import Command, Ping, Resubscribe, Subscribe, Unsubscribe
from bfxsync.wire.outputs import (
    Change,
    Delayed,
    Deliver,
    Output,
    Report,
    Requested,
    Resolve,
)

if TYPE_CHECKING:
    from typing_extensions import assert_never

LOOKUP_S = 0.25
"""First delay between two lookups of a snapshot that is not there; doubled each time."""

MAX_LOOKUP_S = 5.0

REGRESSION_S = 10.0
"""
Time after which the stream of a Redis server that has lost entries is trusted again, although its
ids are smaller than before: its clock is behind.
"""


class StreamSession:
    """
    The relayed subscriptions of one connection to Redis; see `SessionProtocol`.

    A stream has one subscription at a time: the raw form of a channel needs another connection.

    Parameters
    ----------
    keys : ShardKeys
        Keys of the shard.
    loads : callable
        JSON decoder; see `codec.loads_for`.
    """

    def __init__(self, keys: ShardKeys, loads: Loads = loads_for()) -> None:
        self.ping_s: float | None = None
        self.pings: list[Ping] = []
        """Pings for the connection to answer with `ponged`."""
        self.relay: RelayWatch = RelayWatch(keys.shard)
        self._keys = keys
        self._reader = StreamReader(loads)
        self._states: dict[Hashable, StreamState] = {}
        self._streams: dict[bytes, StreamState] = {}
        self._is_open = self._has_stale = False

    @property
    def frame_count(self) -> int:
        """Frames of the exchange that were read."""
        return self._reader.frame_count

    @property
    def tokens(self) -> list[Hashable]:
        """Tokens of all subscriptions, in order of subscription."""
        return list(self._states)

    # --- the connection to Redis --------------------------------------------------------------

    def open(self, now: float) -> list[Output]:
        """Start with a new connection: look up all subscriptions, and compare positions."""
        self._is_open = True
        self.relay.reset(now)
        outputs: list[Output] = [Change(ConnectionStatus.OPEN)]
        for state in self._states.values():
            is_live = state.phase in (Phase.LIVE, Phase.AUDIT)
            state.phase = Phase.AUDIT if is_live else Phase.LOOKUP
            state.retry_at = None
            outputs += self._request(state)
        return outputs

    def lose(self, reason: str) -> list[Output]:
        """Handle the loss of the connection; live subscriptions keep their positions."""
        trouble = NetworkError(reason, phase="receive")
        outputs: list[Output] = []
        if self._is_open:
            outputs.append(Change(ConnectionStatus.RECONNECTING, trouble))
        self._is_open = False
        for state in self._states.values():
            outputs += self._mark_stale(state)
        for ping in self.pings:
            outputs.append(Resolve(ping.token, trouble))
        self.pings = []
        return outputs

    # --- commands -----------------------------------------------------------------------------

    def apply(self, command: Command, now: float) -> list[Output]:
        """Execute a command of the user."""
        if isinstance(command, Subscribe):
            return self._subscribe(command)
        if isinstance(command, Unsubscribe):
            self._forget(self._states.get(command.token))
        elif isinstance(command, Resubscribe):
            state = self._states.get(command.token)
            if state is not None and state.channel.is_live:
                return self._reader.leave(state, command.reason, Phase.LOOKUP, START)
        elif isinstance(command, Ping):
            if not self._is_open:
                error = NetworkError("not connected", phase="send")
                return [Resolve(command.token, error)]
            self.pings.append(command)
        else:
            assert_never(command)
        return []

    def ponged(self, ping: Ping, seconds: float) -> list[Output]:
        """Resolve a ping that Redis has answered."""
        self.ping_s = seconds
        self.pings.remove(ping)
        return [Resolve(ping.token)]

    def _subscribe(self, command: Subscribe) -> list[Output]:
        if command.token in self._states:
            return []
        state = StreamState(command.token, command.channel, command.is_resolved)
        self._states[command.token] = state
        self._streams[self._key(state)] = state
        return self._request(state)

    def _request(self, state: StreamState) -> list[Output]:
        if state.was_requested or not self._is_open:
            return []
        state.was_requested = True
        return [Requested(state.token)]

    def _key(self, state: StreamState) -> bytes:
        return self._keys.stream(state.identity).encode()

    def _forget(self, state: StreamState | None) -> None:
        if state is not None:
            del self._states[state.token]
            self._streams.pop(self._key(state), None)

    # --- what to read -------------------------------------------------------------------------

    def lookups(self, now: float) -> list[str] | None:
        """
        Return the identities to look up now, for `found`; None if there is nothing to ask.

        An empty list asks for the lease alone.
        """
        identities = [
            state.identity
            for state in self._states.values()
            if not state.is_read or state.retry_at is not None
            if state.retry_at is None or state.retry_at <= now
        ]
        if identities:
            return identities
        return [] if self.relay.is_due(now) else None

    @property
    def cursors(self) -> dict[bytes, bytes]:
        """The streams to read, and the id after which to continue in each."""
        return {
            key: str(state.position).encode()
            for key, state in self._streams.items()
            if state.is_read
        }

    @property
    def is_catching_up(self) -> bool:
        """Whether the next entries are there already, so that a read must not wait."""
        return any(s.phase is Phase.CATCHING_UP for s in self._states.values())

    # --- answers of Redis ---------------------------------------------------------------------

    def found(
        self,
        has_relay: bool,
        relayed: Mapping[bytes, bytes],
        infos: Mapping[str, StreamInfo],
        now: float,
    ) -> list[Output]:
        """
        Process the answer to `lookups`.

        Parameters
        ----------
        has_relay : bool
            Whether a relay holds the lease.
        relayed : dict
            The hash of the identities.
        infos : dict of str to StreamInfo
            For each identity.
        now : float
            Time of the answer.
        """
        self.relay.asked(now)
        outputs: list[Output] = []
        if has_relay:
            outputs += self._note_relay(now)
        for state in list(self._states.values()):
            info = infos.get(state.identity)
            if info is None:
                continue
            try:
                outputs += self._found(state, info, has_relay, relayed, now)
            except RemoteError as exc:
                # Something else has written to our keys.
                outputs += [Report(exc), *self._wait(state, START, exc, now)]
        return outputs

    def _found(
        self,
        state: StreamState,
        info: StreamInfo,
        has_relay: bool,
        relayed: Mapping[bytes, bytes],
        now: float,
    ) -> Iterator[Output]:
        last = START if info.last_id is None else EntryId.read(info.last_id)
        if state.phase is Phase.AUDIT:
            if last >= state.position:
                state.phase = Phase.LIVE
                if has_relay:
                    yield from self._mark_current(state)
                return
            position = state.position
            reason = f"Redis has lost entries: its last one is {last}, not {position}"
            yield from self._reader.leave(state, reason, Phase.LOOKUP, position)
            state.floor_until = now + REGRESSION_S
        if state.phase in (Phase.LIVE, Phase.CATCHING_UP):
            return
        if not has_relay:
            # What a relay of the past had, and was refused, may be different with the next one.
            yield from self._wait(state, last, self.relay.error, now)
            return
        refusal = refusal_of(state.channel, self._keys.shard, relayed)
        if refusal is not None:
            if not refusal.retryable:
                yield from self._reject(state, refusal)
                return
            yield from self._wait(state, last, refusal, now)
            return
        if state.floor_until is not None and now >= state.floor_until:
            state.floor = START
        snapshot = StoredSnapshot.read(info.snapshot)
        if (
            snapshot is None
            or snapshot.id.epoch < last.epoch
            or snapshot.id < state.floor
        ):
            error = RequestTimeout("the relay has no current snapshot yet")
            yield from self._wait(state, last, error, now)
            return
        yield from self._reader.begin(state, snapshot, last, now)

    def _reject(self, state: StreamState, error: BfxError) -> list[Output]:
        self._forget(state)
        outputs: list[Output] = []
        if state.is_resolved:
            status = Status(SubscriptionStatus.REJECTED)
            outputs += [Deliver(state.token, [status]), Report(error)]
        return [*outputs, Resolve(state.token, error)]

    def _wait(
        self, state: StreamState, last: EntryId, error: BfxError, now: float
    ) -> list[Output]:
        """Read the stream from its end, for a snapshot, and look it up again after a while."""
        state.phase, state.position = Phase.WAITING, last
        delay_s = min(MAX_LOOKUP_S, LOOKUP_S * 2.0 ** min(state.attempts, 10))
        state.retry_at = now + delay_s
        state.attempts += 1
        return [Delayed(state.token, error)]

    # --- entries ------------------------------------------------------------------------------

    def feed(self, reads: Sequence[Tuple[bytes, Entries]], now: float) -> list[Output]:
        """Process the entries that were read after the cursors."""
        outputs: list[Output] = []
        behind = {
            id(state): state
            for state in self._states.values()
            if state.phase is Phase.CATCHING_UP
        }
        if reads:
            outputs += self._note_relay(now)
        for key, entries in reads:
            state = self._streams.get(key)
            if state is None or not state.is_read:
                continue
            behind.pop(id(state), None)
            try:
                outputs += self._reader.read(state, entries, now)
            except RemoteError as exc:
                outputs += [Report(exc), *self._reader.recover(state, str(exc), now)]
        for state in behind.values():
            # The entries up to its target do not exist any more.
            state.leave(Phase.LOOKUP, state.target)
            state.retry_at = now + LOOKUP_S
        return outputs

    # --- signs of life of a relay -------------------------------------------------------------

    def tick(self, now: float) -> list[Output]:
        """Notice that there is no relay."""
        if not self._is_open or not self.relay.has_gone(now):
            return []
        outputs: list[Output] = [Change(ConnectionStatus.OPEN, self.relay.error)]
        for state in self._states.values():
            outputs += self._mark_stale(state)
        return outputs

    def _note_relay(self, now: float) -> Iterator[Output]:
        if self.relay.heard(now):
            yield Change(ConnectionStatus.OPEN)
        if self._has_stale:
            self._has_stale = False
            for state in self._states.values():
                if state.phase is Phase.LIVE:
                    yield from self._mark_current(state)
                self._has_stale |= state.is_stale

    def _mark_stale(self, state: StreamState) -> list[Output]:
        if state.is_stale or state.phase not in (Phase.LIVE, Phase.AUDIT):
            return []
        state.is_stale = self._has_stale = True
        return [Deliver(state.token, [Status(SubscriptionStatus.STALE)])]

    def _mark_current(self, state: StreamState) -> list[Output]:
        if not state.is_stale:
            return []
        state.is_stale = False
        is_wrong = state.channel.is_degraded
        status = SubscriptionStatus.DEGRADED if is_wrong else SubscriptionStatus.LIVE
        return [Deliver(state.token, [Status(status)])]
