"""
The protocol of one connection as functions over values: no socket, thread, lock or clock.

Strategy: messages arrive in blocks. Normally a block holds only data of known channels in unbroken
sequence: it is decoded at once, its first and last sequence numbers are checked, and each channel
gets its frames in one call. Anything else (an event, a frame of an unknown channel, garbage, a
hole) makes the block be processed frame by frame, which finds the exact place. `feed` never raises,
whatever the exchange sends.

https://docs.bitfinex.com/docs/ws-general
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Hashable

from bfxsync._base.enums import Flag, LossCause
from bfxsync._base.error_codes import error_from_code
from bfxsync.errors import NetworkError, RemoteError
from bfxsync.wire.audit import (
    PING_AFTER_S,
    STALE_AFTER_S,
    ChannelsWatch,
    Liveness,
    Sequence,
)
from bfxsync.wire.blocks import BlockReader
from bfxsync.wire.codec import Loads, loads_for
from bfxsync.wire.commands import Command, Ping, Resubscribe, Subscribe, Unsubscribe
from bfxsync.wire.delivery import Delivery, paused
from bfxsync.wire.frames import (
    ACCOUNT_CHANNEL,
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
from bfxsync.wire.outputs import Output, Reopen, Report, Resolve, Send
from bfxsync.wire.pings import Pings, review_silence
from bfxsync.wire.subscriptions import Acknowledgement, Subscriptions, error_text
from bfxsync.wire.walk import has_end, walk

if TYPE_CHECKING:
    from typing_extensions import assert_never


class Session:
    """
    The protocol state of a connection; it outlives its sockets.

    Parameters
    ----------
    flags : int
        Sum of the `Flag` values to request.
    loads : callable
        JSON decoder; see `codec.loads_for`.
    timeout_s : float
        Timeout of each step of the handshake, and of a subscribe request until its first data.
    ping_after_s, stale_after_s : float
        Silence of the socket after which a ping is sent, and after which the socket is replaced;
        the latter is also the limit for one silent channel among others. While a channel is
        subscribed, only data and heartbeats end a silence.
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
        self.frame_count: int = 0
        """Messages received, over all sockets."""
        self.is_rescheduled: bool = False
        """Set when `next_deadline` may have become earlier; reset by the reader of the flag."""
        self._loads = loads
        self._handshake = Handshake(flags, timeout_s)
        self._subscriptions = Subscriptions(timeout_s)
        self._delivery = Delivery(self._subscriptions, self._handshake)
        # Looked up once, as they are needed for every block.
        self._routes = self._subscriptions.routes
        self._deliver = self._delivery.deliver
        self._pings = Pings()
        self._sequence = Sequence()
        self._read = BlockReader(loads, self._routes, self._sequence).read
        self._liveness = Liveness(ping_after_s, stale_after_s)
        self._channels = ChannelsWatch(stale_after_s)
        self._is_open = False

    @property
    def ping_s(self) -> float | None:
        """Duration of the last ping that was answered, in seconds."""
        return self._pings.duration_s

    @property
    def tokens(self) -> list[Hashable]:
        """Tokens of all subscriptions, in order of subscription."""
        return [entry.token for entry in self._subscriptions]

    @property
    def is_proven(self) -> bool:
        """Whether subscribed data has arrived on this socket, or no channel is subscribed."""
        return self._liveness.was_heard or not self._subscriptions

    # --- the socket ---------------------------------------------------------------------------

    def open(self, now: float) -> list[Output]:
        """Start with a new socket: request the flags and all subscriptions."""
        self._is_open = True
        self._sequence.reset()
        self._liveness.reset(now)
        self._channels.reset(now)
        outputs = self._handshake.open(now) + self._subscriptions.open(now)
        return self._finish(outputs, now)

    def lose(self, reason: str) -> list[Output]:
        """Handle the loss of the socket; subscriptions are kept."""
        self._is_open = False
        self.is_rescheduled = True
        self._handshake.lose()
        return self._subscriptions.lose(reason) + self._pings.lose(reason)

    def next_deadline(self) -> float | None:
        """Return when to call `tick`, or None."""
        times = [self._handshake.deadline(), self._pings.deadline()]
        if self._is_open:
            times.append(self._liveness.deadline(idle=self._is_idle))
            if self._handshake.is_ready:
                times.append(self._subscriptions.requests.deadline())
                times.append(self._channels.deadline(self._routes))
        return min((time for time in times if time is not None), default=None)

    def tick(self, now: float) -> list[Output]:
        """Handle expired deadlines: of the handshake, requests, pings, and silences."""
        self._update_expectation(now)
        outputs = self._handshake.tick(now)
        if self._handshake.is_ready:
            outputs += self._subscriptions.tick(now)
        outputs += self._pings.tick(now)
        if self._is_open and not has_end(outputs):
            liveness = self._liveness
            if liveness.is_stale(now) and liveness.is_pinged:
                if self._pings.is_last_answered:
                    # The peer answers pings, but sends nothing that was requested.
                    outputs += self._subscriptions.note_silence(liveness.alive_at)
            outputs += review_silence(liveness, self._pings, now, idle=self._is_idle)
            if self._handshake.is_ready:
                self._check_silent_channels(outputs, now)
        return self._finish(outputs, now)

    @property
    def _is_idle(self) -> bool:
        # Without a channel only client frames keep a socket open.
        return not self._routes

    def _check_silent_channels(self, outputs: list[Output], now: float) -> None:
        for entry in self._channels.silent(self._routes, now):
            if entry.deadline is not None:
                # The channel never had data on this socket: its request has failed.
                leaving = self._subscriptions.expire(entry, now)
            else:
                leaving = self._subscriptions.note_failure(entry, now)
            outputs += leaving
            if has_end(leaving):
                return
            if not leaving:
                reason = "the channel was silent while others were not"
                outputs += self._delivery.recover(entry, reason, now)

    def suspended(self, jump_s: float, now: float) -> list[Output]:
        """Handle a suspend of the machine: correct all times, and probe the peer."""
        for entry in self._subscriptions:
            entry.channel.suspend(jump_s)
        self._channels.reset(now)
        self._liveness.probe(now)
        return self.tick(now)

    # --- commands -----------------------------------------------------------------------------

    def apply(self, command: Command, now: float) -> list[Output]:
        """Execute a command of the user."""
        outputs: list[Output] = []
        if isinstance(command, Subscribe):
            may_request = (
                self._handshake.accepts_requests
                or self._subscriptions.requests.is_provisional
            )
            outputs = self._subscriptions.add(command, now, may_request)
        elif isinstance(command, Unsubscribe):
            outputs = self._subscriptions.remove(command.token)
        elif isinstance(command, Resubscribe):
            entry = self._subscriptions.get(command.token)
            # One with a delayed request need not wait any longer.
            if entry is not None and (
                entry.chan_id is not None or entry.retry_at is not None
            ):
                outputs = self._delivery.resync(entry, command.reason, now)
        elif isinstance(command, Ping):
            if not self._is_open:
                error = NetworkError("not connected", phase="send")
                return [Resolve(command.token, error)]
            outputs = [self._pings.send(now, command)]
        else:
            assert_never(command)
        return self._finish(outputs, now)

    # --- messages of the exchange -------------------------------------------------------------

    def feed(self, messages: list[bytes], now: float) -> list[Output]:
        """Process a block of messages, in order."""
        if not messages:
            return []
        self.frame_count += len(messages)
        groups = self._read(messages, self._handshake.flags)
        if groups is None:
            self._liveness.received(now)
            return self._finish(walk(self._loads, messages, self._handle, now), now)
        self._heard(now)
        outputs: list[Output] = []
        for entry, feed, frames in groups:
            if not self._deliver(entry, feed, frames, outputs, now):
                self.is_rescheduled = True
        return outputs

    def _handle(self, value: Any, size: int, outputs: list[Output], now: float) -> None:
        flags = self._handshake.flags
        try:
            frame = decode(value, flags)
        except RemoteError:
            if not isinstance(value, list):
                raise
            if flags & SEQ_ALL:
                # If its sequence number is readable, there is no hole.
                self._sequence.accept_unreadable(value, sequence_index(flags))
            if not self._deliver_unreadable(value, outputs, now):
                raise
            return
        if isinstance(frame, Event):
            outputs += self._handle_event(frame, now)
            return
        if flags & SEQ_ALL:
            # Array frames of all channels count, including unknown channels and the account's.
            wrong = self._sequence.accept(frame.seq)
            if wrong is not None:
                outputs.append(Report(RemoteError(wrong, raw=value)))
                reason = f"a frame was lost: {wrong}"
                outputs.append(Reopen(reason, LossCause.SEQUENCE))
                return
        if isinstance(frame, (Heartbeat, ChecksumFrame, ChannelData)):
            entry = self._routes.get(frame.chan_id)
            if entry is not None:
                self._heard(now)
                self._deliver(entry, entry.channel.feed_many, [value], outputs, now)
            elif frame.chan_id != ACCOUNT_CHANNEL:
                routing = self._subscriptions.routing
                routing.keep_unrouted(frame.chan_id, value, size)
        elif not isinstance(frame, AccountData):  # ignored without authentication
            assert_never(frame)

    def _handle_event(self, event: Event, now: float) -> list[Output]:
        name, body = event.name, event.body
        if name == "info":
            return self._handle_info(body, now)
        if name == "conf":
            return self._handle_conf(body, now)
        if name == "subscribed":
            return self._handle_answer(self._subscriptions.subscribed(body), now)
        if name == "unsubscribed":
            entry = self._subscriptions.unsubscribed(body)
            if entry is None:
                return []
            return self._delivery.recover(entry, "the exchange ended the channel", now)
        if name == "error" and self._handshake.is_about_conf(body):
            # Sent by some servers instead of a failed conf.
            return self._handle_conf(body, now)
        if name == "error":
            answer = self._subscriptions.refused(body, now)
            outputs = self._handle_answer(answer, now)
            if not answer.is_known:
                code = read_code(body.get("code"))
                outputs.append(Report(error_from_code(code, error_text(body), body)))
            return outputs
        if name == "pong":
            return self._pings.handle_pong(body, now)
        return [Report(RemoteError(f"unknown event {name[:40]!r}", raw=body))]

    def _handle_info(self, body: dict[str, Any], now: float) -> list[Output]:
        action, outputs = self._handshake.info(body, now)
        requests = self._subscriptions.requests
        if self._handshake.is_paused:
            requests.retract()
        elif self._handshake.is_greeted:
            outputs += requests.confirm(now)
        if action is Action.PAUSE:
            for entry in self._subscriptions:
                if entry.channel.is_live:
                    outputs.append(paused(entry))
        elif action is Action.RESUME:
            requests.extend(now)
            for entry in self._subscriptions:
                if entry.chan_id is not None:
                    outputs += self._delivery.resync(entry, "maintenance ended", now)
        elif action is Action.REOPEN:
            return outputs
        return outputs + self._request_missing(now)

    def _handle_conf(self, body: dict[str, Any], now: float) -> list[Output]:
        outputs = self._handshake.conf(body, now)
        for entry in self._routes.values():
            # Acknowledged before the flags were.
            entry.channel.set_flags(self._handshake.flags)
        return outputs + self._request_missing(now)

    def _request_missing(self, now: float) -> list[Output]:
        accepts = self._handshake.accepts_requests
        return self._subscriptions.request_all(now) if accepts else []

    def _handle_answer(self, answer: Acknowledgement, now: float) -> list[Output]:
        outputs = answer.outputs
        if answer.entry is not None:
            answer.entry.channel.set_flags(self._handshake.flags)
            if answer.frames:
                self._heard(now)
            feed = answer.entry.channel.feed_many
            self._deliver(answer.entry, feed, answer.frames, outputs, now)
        return outputs

    def _deliver_unreadable(
        self, frame: list[Any], outputs: list[Output], now: float
    ) -> bool:
        """Let the channel of an unreadable frame report it; False if it has none."""
        chan_id = frame[0] if frame and type(frame[0]) is int else ACCOUNT_CHANNEL
        entry = self._routes.get(chan_id)
        if entry is not None:
            self._heard(now)
            self._deliver(entry, entry.channel.feed_many, [frame], outputs, now)
        return entry is not None or self._subscriptions.routing.is_closing(chan_id)

    def _heard(self, now: float) -> None:
        """Record data or a heartbeat of a subscription, the sign of life of the socket."""
        if self._liveness.is_pinged:
            # The next ping may be due before the end of the silence was.
            self.is_rescheduled = True
        self._liveness.heard(now)
        if now >= self._channels.refresh_at:
            self._channels.refresh(self._routes, now)
            self.is_rescheduled = True

    def _finish(self, outputs: list[Output], now: float) -> list[Output]:
        if any(isinstance(output, Send) for output in outputs):
            self._liveness.sent(now)
        self._update_expectation(now)
        self.is_rescheduled = True
        return outputs

    def _update_expectation(self, now: float) -> None:
        """Expect data from the first acknowledgement on, as long as a channel is requested."""
        liveness = self._liveness
        is_expecting = bool(self._routes) or (
            liveness.is_expecting and self._subscriptions.is_requesting
        )
        # During maintenance the exchange may be silent.
        liveness.expect(is_expecting and self._handshake.is_ready, now)
