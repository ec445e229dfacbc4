"""
The protocol of one connection as plain functions over values: no socket, thread, lock or clock.

Strategy: messages come in as whole blocks. In the everyday case a block holds nothing but data
of known channels in unbroken sequence: it is decoded at once, audited by its ends, grouped by
channel, and each channel gets its frames in one call. Whatever is unusual (an event, a frame of
an unknown channel, garbage, a hole) makes the block be walked frame by frame, which finds the
exact place. Nothing that the exchange sends makes `feed` raise.

References
----------
https://docs.bitfinex.com/docs/ws-general
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Hashable

from bfxsync._base.aliases import ChanId
from bfxsync._base.enums import Flag, LossCause, SubscriptionStatus
from bfxsync.errors import (
    NetworkError,
    RemoteError,
    RequestTimeout,
    error_from_code,
)
from bfxsync.models.stream import Degraded, Gap, Snapshot, Status
from bfxsync.wire.audit import (
    PING_AFTER_S,
    STALE_AFTER_S,
    ChannelsWatch,
    Liveness,
    Sequence,
)
from bfxsync.wire.codec import LOADS_ERRORS, Loads, dumps, loads_for, parse
from bfxsync.wire.commands import Command, Ping, Resubscribe, Subscribe, Unsubscribe
from bfxsync.wire.frames import (
    ACCOUNT_CHANNEL,
    BULK_UPDATES,
    SEQ_ALL,
    AccountData,
    ChannelData,
    ChecksumFrame,
    Event,
    Heartbeat,
    decode,
    read_code,
    sequence_index,
)
from bfxsync.wire.handshake import Action, Handshake
from bfxsync.wire.outputs import (
    Deliver,
    Fail,
    Output,
    Reopen,
    Report,
    Resolve,
    Send,
)
from bfxsync.wire.subscriptions import (
    Acknowledgement,
    Subscriptions,
    SubscriptionState,
    error_text,
)
from bfxsync.wire.websocket import Binary

if TYPE_CHECKING:
    from typing_extensions import assert_never

# What grouping a block can raise when a frame is not what it is in the everyday case.
_UNUSUAL = (TypeError, LookupError, *LOADS_ERRORS)


class Session:
    """
    All that a connection knows of the protocol; it outlives its sockets.

    Parameters
    ----------
    flags : int
        Sum of the `Flag` values to ask for.
    loads : callable
        Reads one JSON text, see `codec.loads_for`.
    timeout_s : float
        For each step of the handshake, and for a request to bring data.
    ping_after_s, stale_after_s : float
        Silence of the whole socket after which a ping is sent, and after which it is given up;
        the latter is also how long one channel may be silent among others that are not. While
        something is subscribed, only its data and heartbeats end a silence.

    Attributes
    ----------
    frame_count : int
        Messages taken, over all sockets.
    ping_s : float or None
        Between the last ping and its pong.
    """

    def __init__(
        self,
        *,
        flags: int = Flag.SEQ_ALL | Flag.OB_CHECKSUM,
        loads: Loads = loads_for(),
        timeout_s: float = 10.0,
        ping_after_s: float = PING_AFTER_S,
        stale_after_s: float = STALE_AFTER_S,
    ) -> None:
        self.frame_count = 0
        self.ping_s: float | None = None
        self._loads = loads
        self._handshake = Handshake(flags, timeout_s)
        self._subscriptions = Subscriptions(timeout_s)
        self._sequence = Sequence()
        self._liveness = Liveness(ping_after_s, stale_after_s)
        self._channels = ChannelsWatch(stale_after_s)
        self._is_open = False
        self._pings: dict[int, Ping] = {}
        self._last_cid = 0
        self._pinged_at: float | None = None

    @property
    def is_proven(self) -> bool:
        """True if this socket has brought some of what is wanted, or nothing is wanted."""
        return self._liveness.was_heard or not self._subscriptions

    # --- the socket ---------------------------------------------------------------------------

    def open(self, now: float) -> list[Output]:
        """Take a socket that was just opened; the exchange speaks first."""
        self._is_open = True
        self._handshake.open(now)
        self._sequence.reset()
        self._liveness.reset(now)
        self._channels.reset(now)
        return []

    def lose(self, reason: str) -> list[Output]:
        """Take the loss of the socket; what is wanted stays wanted."""
        self._is_open = False
        self._handshake.lose()
        outputs = self._subscriptions.lose(reason)
        for ping in self._pings.values():
            error = NetworkError(f"no pong: {reason}", phase="receive")
            outputs.append(Resolve(ping.token, error))
        self._pings.clear()
        return outputs

    def next_deadline(self) -> float | None:
        """Return when `tick` has something to do, or None."""
        times = [self._handshake.deadline()]
        times += [ping.expires for ping in self._pings.values()]
        if self._is_open:
            times.append(self._liveness.deadline(idle=self._is_idle))
            if self._handshake.is_ready:
                times.append(self._subscriptions.deadline())
                times.append(self._channels.deadline(self._subscriptions.routes))
        return min((time for time in times if time is not None), default=None)

    def tick(self, now: float) -> list[Output]:
        """Do what is due."""
        self._look_what_is_expected(now)
        outputs = self._handshake.tick(now)
        if self._handshake.is_ready:
            outputs += self._subscriptions.tick(now)
        for cid in [cid for cid, ping in self._pings.items() if now >= ping.expires]:
            error = RequestTimeout("no pong in time")
            outputs.append(Resolve(self._pings.pop(cid).token, error))
        if self._is_open and not _is_reopened(outputs):
            if self._liveness.is_stale(now):
                if self._liveness.is_pinged and self._pinged_at is None:
                    # The peer is there, and sends none of what was requested.
                    since = self._liveness.alive_at
                    outputs += self._subscriptions.silent_since(since)
                reason = "the exchange was silent for too long"
                outputs.append(Reopen(reason, LossCause.STALE))
            elif self._liveness.ping_due(now, idle=self._is_idle):
                self._liveness.pinged()
                outputs.append(self._ping(now))
            if self._handshake.is_ready:
                self._look_for_silence(outputs, now)
        return self._note_sent(outputs, now)

    @property
    def _is_idle(self) -> bool:
        """True without a channel: only client frames keep such a socket open."""
        return not self._subscriptions.routes

    def _look_for_silence(self, outputs: list[Output], now: float) -> None:
        for entry in self._channels.silent(self._subscriptions.routes, now):
            if entry.deadline is not None:
                # It has never brought data here: that is what its request waits for.
                leaving = self._subscriptions.expire(entry, now)
            else:
                leaving = self._subscriptions.failed(entry, now)
            outputs += leaving
            if _is_reopened(leaving):
                return
            if not leaving:
                reason = "the channel was silent while others were not"
                self._recover(entry, reason, outputs, now)

    def suspended(self, jump_s: float, now: float) -> list[Output]:
        """Take that time has passed which the clock did not count: is the exchange still there?"""
        for entry in self._subscriptions:
            entry.channel.suspend(jump_s)
        self._channels.reset(now)
        self._liveness.probe(now)
        return self.tick(now)

    # --- the user -----------------------------------------------------------------------------

    def apply(self, command: Command, now: float) -> list[Output]:
        """Do what a user asks."""
        if isinstance(command, Subscribe):
            outputs = self._subscriptions.add(command, now, self._handshake.is_ready)
        elif isinstance(command, Unsubscribe):
            outputs = self._subscriptions.remove(command.token)
        elif isinstance(command, Resubscribe):
            outputs = []
            entry = self._subscriptions.get(command.token)
            # One that waits for its turn after a mishap need not wait any longer.
            if entry is not None and (
                entry.chan_id is not None or entry.retry_at is not None
            ):
                self._resync(entry, command.reason, outputs, now)
        elif isinstance(command, Ping):
            if not self._is_open:
                error = NetworkError("not connected", phase="send")
                return [Resolve(command.token, error)]
            outputs = [self._ping(now)]
            self._pings[self._last_cid] = command
        else:
            assert_never(command)
        return self._note_sent(outputs, now)

    # --- the exchange -------------------------------------------------------------------------

    def feed(self, messages: list[bytes], now: float) -> list[Output]:
        """Take a block of messages, in order."""
        if not messages:
            return []
        self.frame_count += len(messages)
        self._liveness.received(now)
        groups = self._group(messages)
        if groups is None:
            return self._note_sent(self._walk(messages, now), now)
        self._heard(now)
        outputs: list[Output] = []
        for entry, frames in groups:
            self._deliver(entry, frames, outputs, now)
        return outputs

    def _group(
        self, messages: list[bytes]
    ) -> list[tuple[SubscriptionState, list[Any]]] | None:
        """Sort a block of ordinary frames by channel; None if anything is unusual."""
        routes = self._subscriptions.routes
        groups: dict[ChanId, list[Any]] = {}
        try:
            frames = list(map(self._loads, messages))
            for frame in frames:
                group = groups.get(frame[0])
                if group is None:
                    groups[frame[0]] = [frame]
                else:
                    group.append(frame)
            grouped = [(routes[chan_id], group) for chan_id, group in groups.items()]
            flags = self._handshake.flags
            if flags & SEQ_ALL:
                index = sequence_index(flags)
                first, last = frames[0][index], frames[-1][index]
                if not self._sequence.accept_block(first, last, len(frames)):
                    return None
        except _UNUSUAL:
            return None
        return grouped

    def _walk(self, messages: list[bytes], now: float) -> list[Output]:
        outputs: list[Output] = []
        for message in messages:
            before = len(outputs)
            try:
                if isinstance(message, Binary):
                    raise RemoteError("a binary message", raw=message[:1000])
                value = parse(self._loads, message)
                self._take(value, len(message), outputs, now)
            except RemoteError as exc:
                outputs.append(Report(exc))
            except RecursionError:
                error = RemoteError("nested too deeply", raw=message[:1000])
                outputs.append(Report(error))
            if any(isinstance(output, (Reopen, Fail)) for output in outputs[before:]):
                break
        return outputs

    def _take(self, value: Any, size: int, outputs: list[Output], now: float) -> None:
        flags = self._handshake.flags
        try:
            frame = decode(value, flags)
        except RemoteError:
            if not isinstance(value, list):
                raise
            if flags & SEQ_ALL:
                self._count_unreadable(value, flags)
            if not self._give_unreadable(value, outputs, now):
                raise
            return
        if isinstance(frame, Event):
            self._take_event(frame, outputs, now)
            return
        if flags & SEQ_ALL:
            # Every array frame counts, whoever it is for.
            wrong = self._sequence.accept(frame.seq)
            if wrong is not None:
                outputs.append(Report(RemoteError(wrong, raw=value)))
                reason = f"something was lost: {wrong}"
                outputs.append(Reopen(reason, LossCause.SEQUENCE))
                return
        if isinstance(frame, (Heartbeat, ChecksumFrame, ChannelData)):
            entry = self._subscriptions.routes.get(frame.chan_id)
            if entry is not None:
                # Channel 0 will count here too, once it has been asked for.
                self._heard(now)
                self._deliver(entry, [value], outputs, now)
            elif frame.chan_id != ACCOUNT_CHANNEL:
                self._subscriptions.park(frame.chan_id, value, size)
        elif not isinstance(
            frame, AccountData
        ):  # nobody asked for the account's messages
            assert_never(frame)

    def _take_event(self, event: Event, outputs: list[Output], now: float) -> None:
        body = event.body
        if event.name == "info":
            action, done = self._handshake.info(body, now)
            outputs += done
            self._after_info(action, outputs, now)
        elif event.name == "conf":
            self._take_conf(body, outputs, now)
        elif event.name == "subscribed":
            self._take_answer(self._subscriptions.subscribed(body), outputs, now)
        elif event.name == "unsubscribed":
            entry = self._subscriptions.unsubscribed(body)
            if entry is not None:
                reason = "the exchange ended the channel"
                self._recover(entry, reason, outputs, now)
        elif event.name == "error" and self._handshake.is_about_conf(event.body):
            # Some answer with an error instead of a failed conf.
            self._take_conf(body, outputs, now)
        elif event.name == "error":
            answer = self._subscriptions.refused(body, now)
            self._take_answer(answer, outputs, now)
            if not answer.is_known:
                error = error_from_code(
                    read_code(body.get("code")), error_text(body), body
                )
                outputs.append(Report(error))
        elif event.name == "pong":
            cid = body.get("cid")
            if cid == self._last_cid and self._pinged_at is not None:
                self.ping_s = now - self._pinged_at
                self._pinged_at = None
            ping = self._pings.pop(cid, None) if type(cid) is int else None
            if ping is not None:
                outputs.append(Resolve(ping.token))
        else:
            outputs.append(
                Report(RemoteError(f"unknown event {event.name[:40]!r}", raw=body))
            )

    def _take_conf(
        self, body: dict[str, Any], outputs: list[Output], now: float
    ) -> None:
        outputs += self._handshake.conf(body, now)
        if self._handshake.is_ready:
            outputs += self._subscriptions.ask_all(now)

    def _take_answer(
        self, answer: Acknowledgement, outputs: list[Output], now: float
    ) -> None:
        outputs += answer.outputs
        if answer.entry is not None:
            answer.entry.channel.is_bulk = bool(self._handshake.flags & BULK_UPDATES)
            if answer.frames:
                self._heard(now)
            self._deliver(answer.entry, answer.frames, outputs, now)

    def _after_info(
        self, action: Action | None, outputs: list[Output], now: float
    ) -> None:
        if action is Action.PAUSE:
            for entry in self._subscriptions:
                if entry.channel.is_live:
                    outputs.append(_paused(entry))
        elif action is Action.RESUME:
            self._subscriptions.resume(now)
            for entry in self._subscriptions:
                if entry.chan_id is not None:
                    self._resync(entry, "maintenance ended", outputs, now)
        elif action is Action.REOPEN:
            return
        if self._handshake.is_ready:
            outputs += self._subscriptions.ask_all(now)

    def _deliver(
        self,
        entry: SubscriptionState,
        frames: list[Any],
        outputs: list[Output],
        now: float,
    ) -> None:
        """Hand frames to their channel, and say what came of it."""
        channel = entry.channel
        was_live = channel.is_live
        channel.seen_at = now
        updates = channel.feed_many(frames)
        has_news = channel.has_event
        if has_news:
            channel.has_event = False
            outputs += _apart(entry.token, updates)
        elif updates:
            outputs.append(Deliver(entry.token, updates))
        if channel.is_live and not was_live:
            has_news = True
            outputs += self._subscriptions.went_live(entry)
        if has_news and self._handshake.is_paused:
            # Whatever it says of itself: the exchange is refreshing what it comes from.
            outputs.append(_paused(entry))
        if channel.errors:
            outputs += map(Report, channel.errors)
            if not channel.is_live:
                error = channel.errors[-1]
                outputs += self._subscriptions.could_not_read(entry, error)
            channel.errors = []
        if channel.resync_reason is not None:
            self._recover(entry, channel.resync_reason, outputs, now)

    def _recover(
        self, entry: SubscriptionState, reason: str, outputs: list[Output], now: float
    ) -> None:
        """Subscribe a channel anew that went wrong by itself; the more often, the later."""
        delay_s = entry.channel.recovery.take(now)
        ready = self._handshake.is_ready
        outputs += self._subscriptions.resync(entry, reason, now, ready, delay_s)

    def _resync(
        self, entry: SubscriptionState, reason: str, outputs: list[Output], now: float
    ) -> None:
        ready = self._handshake.is_ready
        outputs += self._subscriptions.resync(entry, reason, now, ready)

    def _count_unreadable(self, frame: list[Any], flags: int) -> None:
        """Count a frame that cannot be read, if its number can: it is no hole."""
        try:
            number = frame[sequence_index(flags)]
        except IndexError:
            return
        self._sequence.accept_block(number, number, 1)

    def _give_unreadable(
        self, frame: list[Any], outputs: list[Output], now: float
    ) -> bool:
        """Let a channel say what is wrong, and whether it can go on; False if it is nobody's."""
        chan_id = frame[0] if frame and type(frame[0]) is int else ACCOUNT_CHANNEL
        entry = self._subscriptions.routes.get(chan_id)
        if entry is not None:
            self._heard(now)
            self._deliver(entry, [frame], outputs, now)
        return entry is not None or self._subscriptions.is_closing(chan_id)

    def _ping(self, now: float) -> Send:
        self._last_cid += 1
        self._pinged_at = now
        return Send(dumps({"event": "ping", "cid": self._last_cid}))

    def _heard(self, now: float) -> None:
        """Note a frame of what is subscribed: the sign of life of the whole socket."""
        self._liveness.heard(now)
        if now >= self._channels.refresh_at:
            self._channels.refresh(self._subscriptions.routes, now)

    def _note_sent(self, outputs: list[Output], now: float) -> list[Output]:
        if any(isinstance(output, Send) for output in outputs):
            self._liveness.sent(now)
        self._look_what_is_expected(now)
        return outputs

    def _look_what_is_expected(self, now: float) -> None:
        """Expect data from the first acknowledgement on, for as long as something is asked for."""
        subscriptions, liveness = self._subscriptions, self._liveness
        is_expecting = bool(subscriptions.routes) or (
            liveness.is_expecting and subscriptions.is_asking
        )
        # In a maintenance the exchange need not send anything.
        liveness.expect(is_expecting and self._handshake.is_ready, now)

    @property
    def tokens(self) -> list[Hashable]:
        """What is wanted, in the order in which it was asked for."""
        return [entry.token for entry in self._subscriptions]


def _is_reopened(outputs: list[Output]) -> bool:
    return any(isinstance(output, Reopen) for output in outputs)


def _paused(entry: SubscriptionState) -> Deliver:
    return Deliver(entry.token, [Status(SubscriptionStatus.MAINTENANCE)])


def _apart(token: Hashable, updates: list[Any]) -> list[Output]:
    """Deliver updates so that every event stands at the beginning of its own output."""
    outputs: list[Output] = []
    start = 0
    for index, update in enumerate(updates):
        if index > start and isinstance(update, (Degraded, Gap, Snapshot, Status)):
            outputs.append(Deliver(token, updates[start:index]))
            start = index
    outputs.append(Deliver(token, updates[start:]))
    return outputs
