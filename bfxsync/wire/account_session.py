"""
The protocol of the socket of an account as functions over values, as `Session` is for public ones.

Strategy: after the handshake each socket authenticates, and channel 0 is there without a request.
A block that has only frames of channel 0 in sequence goes to the channel as a whole; any other is
processed frame by frame. Nothing that was sent is ever sent again: after a loss the order tracker
asks REST.

https://docs.bitfinex.com/docs/ws-auth
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bfxsync._base.enums import ConnectionStatus, Flag, LossCause
from bfxsync._base.error_codes import error_from_code
from bfxsync.errors import NetworkError, RemoteError
from bfxsync.wire.account_delivery import AccountDelivery
from bfxsync.wire.account_messages import AccountMessages
from bfxsync.wire.account_sequence import AccountSequence
from bfxsync.wire.audit import PING_AFTER_S, STALE_AFTER_S, Liveness
from bfxsync.wire.authentication import Authentication
from bfxsync.wire.channels.account import AccountChannel
from bfxsync.wire.codec import LOADS_ERRORS, Loads, loads_for, loads_many
from bfxsync.wire.commands import (
    AnyCommand,
    AuthUnavailable,
    Ping,
    Reconciled,
    RestoreOrders,
    RestoreTrades,
    Resubscribe,
    SendAuth,
    SendCalc,
    SendMessage,
    SendOperations,
    Subscribe,
    Unsubscribe,
)
from bfxsync.wire.frames import (
    ACCOUNT_CHANNEL,
    HEARTBEAT,
    SEQ_ALL,
    AccountData,
    Event,
    Heartbeat,
    decode,
    read_code,
)
from bfxsync.wire.handshake import Action, Handshake
from bfxsync.wire.input_queue import InputQueue, refuse
from bfxsync.wire.orders import OrderTracker, SeeOrder
from bfxsync.wire.outputs import (
    AnyOutput,
    Change,
    Fail,
    Reopen,
    Report,
    Resolve,
    Send,
)
from bfxsync.wire.pings import Pings, review_silence
from bfxsync.wire.subscriptions import error_text
from bfxsync.wire.walk import has_end, walk

if TYPE_CHECKING:
    from typing_extensions import assert_never

# Raised by frames that are not those of channel 0.
_UNUSUAL = (TypeError, LookupError, *LOADS_ERRORS)


MAINTENANCE = "the exchange is in maintenance"


class AccountSession:
    """
    The protocol state of the account's connection; it outlives its sockets. See `Session`.

    Parameters
    ----------
    channel : AccountChannel
        Channel 0; its token is that of `Subscribe`.
    filters, dms
        See `Authentication`.
    see_order
        See `OrderTracker`.
    """

    def __init__(
        self,
        channel: AccountChannel,
        *,
        flags: int = Flag.SEQ_ALL,
        filters: tuple[str, ...] = (),
        dms: bool = False,
        see_order: SeeOrder = lambda order, is_closed: None,
        loads: Loads = loads_for(),
        timeout_s: float = 10.0,
        ping_after_s: float = PING_AFTER_S,
        stale_after_s: float = STALE_AFTER_S,
    ) -> None:
        self.frame_count: int = 0
        """Messages received, over all sockets."""
        self.is_rescheduled: bool = False
        """Set when `next_deadline` may have become earlier; reset by the reader of the flag."""
        self.channel = channel
        self._loads = loads
        self._timeout_s = timeout_s
        self._handshake = Handshake(flags, timeout_s)
        self._authentication = Authentication(timeout_s, filters=filters, dms=dms)
        self._tracker = OrderTracker(see_order)
        self._delivery = AccountDelivery(channel, self._tracker, filters)
        self._inputs = InputQueue(self._tracker)
        self._messages = AccountMessages()
        self._pings = Pings()
        self._sequence = AccountSequence()
        self._liveness = Liveness(ping_after_s, stale_after_s)
        self._is_open = False
        # The socket is about to be replaced.
        self._is_ending = False
        # Held back until the socket is authenticated.
        self._opened = Change(ConnectionStatus.OPEN)
        # The latest time that a caller passed.
        self._now = 0.0

    @property
    def ping_s(self) -> float | None:
        """Duration of the last ping that was answered, in seconds."""
        return self._pings.duration_s

    @property
    def is_proven(self) -> bool:
        """Whether data of the account has arrived on this socket."""
        return self._liveness.was_heard

    # --- the socket ---------------------------------------------------------------------------

    def open(self, now: float) -> list[AnyOutput]:
        """Start with a new socket: request the flags."""
        self._now = now
        self._is_open = True
        self._is_ending = False
        self._sequence.reset()
        self._liveness.reset(now)
        return self._finish(list(self._handshake.open(now)), now)

    def lose(self, reason: str) -> list[AnyOutput]:
        """Handle the loss of the socket; the state of the account and the queue are kept."""
        self._is_open = False
        self.is_rescheduled = True
        self._handshake.lose()
        self._authentication.lose()
        outputs = self._delivery.lose(reason)
        outputs += self._tracker.lose()
        outputs += self._messages.drop(reason)
        self._inputs.close()
        if self._authentication.has_succeeded:
            outputs += self._inputs.drop(reason, keeps_queued=True)
        return outputs + list(self._pings.lose(reason))

    def next_deadline(self) -> float | None:
        """Return when to call `tick`, or None."""
        first = self._tracker.deadline()
        if self._is_open:
            silent = self._liveness.deadline(idle=self._is_idle)
            first = silent if first is None or silent < first else first
        steps = self._handshake, self._authentication, self._pings
        for part in (*steps, self._inputs, self._messages, self._delivery):
            time = part.deadline()
            if time is not None and (first is None or time < first):
                first = time
        return first

    def tick(self, now: float) -> list[AnyOutput]:
        """Handle expired deadlines: of the handshake, pings, silences, and operations."""
        self._now = now
        outputs: list[AnyOutput] = [*self._handshake.tick(now)]
        outputs += self._authentication.tick(now)
        outputs += self._pings.tick(now)
        if self._is_open and not has_end(outputs):
            idle = self._is_idle
            outputs += review_silence(self._liveness, self._pings, now, idle=idle)
        outputs += self._delivery.tick(now)
        outputs += self._tracker.tick(now)
        outputs = self._finish(outputs, now) + self._inputs.tick(now)
        return outputs + self._messages.tick(now, self._trouble)

    def start_without_rest(self, now: float) -> list[AnyOutput]:
        """Start without the snapshots that do not come: the part of `tick` for a replay."""
        return self._delivery.tick(now)

    @property
    def _is_idle(self) -> bool:
        # Without the account's heartbeats only client frames keep a socket open.
        return not self._authentication.is_done

    def suspended(self, jump_s: float, now: float) -> list[AnyOutput]:
        """Handle a suspend of the machine: correct all times, and probe the peer."""
        self.channel.suspend(jump_s)
        refused = self._inputs.suspend(jump_s)
        self._liveness.probe(now)
        return refused + self.tick(now)

    # --- commands -----------------------------------------------------------------------------

    def apply(self, command: AnyCommand, now: float) -> list[AnyOutput]:
        """Execute a command of the user, or the result of an output."""
        self._now = now
        return self._finish(self._apply(command, now), now)

    def _apply(self, command: AnyCommand, now: float) -> list[AnyOutput]:
        if isinstance(command, SendOperations):
            return self._add(command, now)
        if isinstance(command, SendAuth):
            outputs = self._authentication.send(command, now)
            return outputs + self._delivery.requested() if outputs else []
        if isinstance(command, AuthUnavailable):
            return self._authentication.unavailable(command.error)
        if isinstance(command, (SendCalc, SendMessage)):
            return self._messages.apply(command, now, self._trouble)
        if isinstance(command, Reconciled):
            return [*self._tracker.reconciled(command, now)]
        if isinstance(command, (RestoreTrades, RestoreOrders)):
            return self._delivery.restore(command, now)
        if isinstance(command, Ping):
            if not self._is_open:
                error = NetworkError("not connected", phase="send")
                return [Resolve(command.token, error)]
            return [self._pings.send(now, command)]
        if isinstance(command, Subscribe):
            return self._delivery.subscribe(command, self._authentication.is_done)
        if isinstance(command, Unsubscribe):
            self._delivery.unsubscribe()
        elif isinstance(command, Resubscribe):
            # Only another authentication brings the snapshots again.
            if self._is_open:
                return [Reopen(command.reason, LossCause.AUTHENTICATION)]
        else:
            assert_never(command)
        return []

    def _add(self, command: SendOperations, now: float) -> list[AnyOutput]:
        trouble = self._trouble
        if trouble is not None and self._authentication.has_succeeded:
            if not command.may_queue:
                return refuse(command.operations, trouble)
        return self._inputs.add(command) + self._inputs.tick(now)

    @property
    def _trouble(self) -> str | None:
        """Why nothing can be sent now, or None."""
        if self._handshake.is_paused:
            return MAINTENANCE
        if self._is_ending or not self._authentication.is_done:
            return "the connection of the account is down"
        return None

    # --- messages of the exchange -------------------------------------------------------------

    def feed(self, messages: list[bytes], now: float) -> list[AnyOutput]:
        """Process a block of messages, in order."""
        if not messages:
            return []
        self._now = now
        self.frame_count += len(messages)
        frames = self._read(messages)
        if frames is None:
            self._liveness.received(now)
            return self._finish(walk(self._loads, messages, self._handle, now), now)
        outputs: list[AnyOutput] = []
        self._feed(frames, outputs, now)
        return self._finish(outputs, now)

    def _read(self, messages: list[bytes]) -> list[Any] | None:
        """Decode a block; None, without effect, if it has other frames than those of channel 0."""
        if not self._authentication.is_done:
            return None
        try:
            frames = loads_many(self._loads, messages)
            is_usual = self._sequence.accept_block(frames, self._handshake.flags)
        except _UNUSUAL:
            return None
        return frames if is_usual else None

    def _feed(self, frames: list[Any], outputs: list[AnyOutput], now: float) -> None:
        self._liveness.heard(now)
        outputs += self._delivery.feed(frames, now)
        if self._delivery.has_wallets:
            self._inputs.settle()
        outputs += self._inputs.send(now)

    def _handle(
        self, value: Any, size: int, outputs: list[AnyOutput], now: float
    ) -> None:
        flags = self._handshake.flags
        try:
            frame = decode(value, flags)
        except RemoteError:
            if isinstance(value, list):
                self._sequence.accept_uncertain()
            raise
        if isinstance(frame, Event):
            outputs += self._handle_event(frame, now)
            return
        if flags & SEQ_ALL:
            wrong = self._count(frame)
            if wrong is not None:
                outputs.append(Report(RemoteError(wrong, raw=value)))
                reason = f"a frame was lost: {wrong}"
                outputs.append(Reopen(reason, LossCause.SEQUENCE))
                return
        is_account = isinstance(frame, (AccountData, Heartbeat)) and (
            value[0] == ACCOUNT_CHANNEL
        )
        if is_account and self._authentication.is_done:
            self._feed([value], outputs, now)

    def _count(self, frame: Any) -> str | None:
        if isinstance(frame, AccountData):
            return self._sequence.accept(frame.code, frame.seq, frame.auth_seq)
        code = HEARTBEAT if isinstance(frame, Heartbeat) else None
        return self._sequence.accept(code, frame.seq, None)

    def _handle_event(self, event: Event, now: float) -> list[AnyOutput]:
        name, body = event.name, event.body
        if name == "info":
            return self._handle_info(body, now)
        if name == "conf" or (name == "error" and self._handshake.is_about_conf(body)):
            return self._handshaken([*self._handshake.conf(body, now)], now)
        if name == "auth":
            return self._handle_auth(body, now)
        if name == "error":
            if self._authentication.is_about_auth(body):
                return self._handle_auth(body, now)
            code = read_code(body.get("code"))
            return [Report(error_from_code(code, error_text(body), body))]
        if name == "unauth" and self._authentication.is_done:
            return [Reopen("the exchange has logged out", LossCause.AUTHENTICATION)]
        if name == "pong":
            if self._authentication.is_done:
                self._delivery.follow_from(body.get("ts"))
            return [*self._pings.handle_pong(body, now)]
        return [Report(RemoteError(f"unknown event {name[:40]!r}", raw=body))]

    def _handle_info(self, body: dict[str, Any], now: float) -> list[AnyOutput]:
        action, changes = self._handshake.info(body, now)
        outputs: list[AnyOutput] = [*changes]
        if action is Action.PAUSE and self._authentication.is_done:
            return outputs + self._pause()
        if action is Action.RESUME and self._authentication.is_done:
            # Its snapshots are those of before, and there are new ones only on another socket.
            return [Reopen("maintenance ended", LossCause.MAINTENANCE)]
        return self._handshaken(outputs, now)

    def _pause(self) -> list[AnyOutput]:
        self._inputs.close()
        dropped = self._inputs.drop(MAINTENANCE, keeps_queued=True)
        dropped += self._messages.drop(MAINTENANCE)
        return dropped + self._delivery.pause()

    def _handshaken(self, outputs: list[AnyOutput], now: float) -> list[AnyOutput]:
        """Authenticate after the handshake; only then the connection counts as open."""
        self.channel.set_flags(self._handshake.flags)
        if not self._handshake.is_ready:
            return outputs
        for change in [output for output in outputs if isinstance(output, Change)]:
            self._opened = change
            outputs.remove(change)
        return outputs + self._authentication.start(now)

    def _handle_auth(self, body: dict[str, Any], now: float) -> list[AnyOutput]:
        outputs = self._authentication.handle(body)
        if not self._authentication.is_done or not outputs:
            return self._delivery.announce([body]) + outputs
        if not self._handshake.is_paused:
            # After the permissions of the key: they check whoever waits until it is open.
            outputs.insert(-1, self._opened)
        # The pong has the time of the exchange.
        outputs.append(self._pings.send(now))
        outputs += self._delivery.begin(body, self._inputs, now)
        if self._handshake.is_paused:
            return outputs
        self._inputs.open(now)
        return outputs + self._inputs.send(now)

    def _finish(self, outputs: list[AnyOutput], now: float) -> list[AnyOutput]:
        for output in outputs[:]:
            if isinstance(output, Send):
                self._liveness.sent(now)
            elif isinstance(output, (Reopen, Fail)):
                self._is_ending = True
                self._inputs.close()
                if isinstance(output, Fail):
                    outputs += self._inputs.drop(str(output.error), cause=output.error)
        # During maintenance the exchange may be silent.
        self._liveness.expect(self._trouble is None, now)
        self.is_rescheduled = True
        return outputs
