"""
The subscriptions of one connection, from the user's call to the data, across reconnects.

Strategy: a subscription lasts from the user's call until the user or the exchange ends it. On each
socket it is requested, acknowledged, and live from its first data. A channel that was acknowledged
too late for its request is unsubscribed.

https://docs.bitfinex.com/docs/ws-public
"""

from __future__ import annotations

from typing import Any, Hashable, Iterator

import attrs

from bfxsync._base.aliases import ChanId
from bfxsync._base.enums import LossCause, SubscriptionStatus
from bfxsync._base.error_codes import error_from_code
from bfxsync.errors import BfxError, RemoteError
from bfxsync.models.stream import Gap, Status
from bfxsync.wire.commands import Subscribe
from bfxsync.wire.frames import read_code
from bfxsync.wire.outputs import (
    Acknowledged,
    Delayed,
    Deliver,
    Displaced,
    Output,
    Reopen,
    Report,
    Resolve,
)
from bfxsync.wire.recovery import WINDOW_S
from bfxsync.wire.routing import RoutingTable
from bfxsync.wire.subscribe_requests import ANSWER_S, UNANSWERED, SubscribeRequests
from bfxsync.wire.subscription_state import SubscriptionState

FAILURES = 3
"""Failed recoveries within `WINDOW_S` after which a channel leaves its socket."""

_DUPLICATE = 10_301
_NO_ROOM = 10_305


@attrs.frozen
class Acknowledgement:
    """The consequences of a response to a request."""

    outputs: list[Output]
    entry: SubscriptionState | None = None
    """The subscription whose channel was acknowledged."""
    frames: list[Any] = attrs.field(factory=list)
    """Frames of the channel that arrived before the acknowledgement."""
    is_known: bool = True
    """False if the response matches no request."""


class Subscriptions:
    """All subscriptions of one connection."""

    def __init__(self, answer_s: float = ANSWER_S) -> None:
        self._wanted: dict[Hashable, SubscriptionState] = {}
        self.requests: SubscribeRequests = SubscribeRequests(answer_s)
        self.routing: RoutingTable = RoutingTable()
        self.routes: dict[ChanId, SubscriptionState] = self.routing.entries
        """The subscription of each channel id in use on this socket."""

    def __len__(self) -> int:
        return len(self._wanted)

    def __iter__(self) -> Iterator[SubscriptionState]:
        return iter(list(self._wanted.values()))

    @property
    def is_requesting(self) -> bool:
        """Whether anything was requested on this socket, answered or not."""
        return bool(self.routes) or self.requests.has_pending

    # --- commands -----------------------------------------------------------------------------

    def add(self, command: Subscribe, now: float, ready: bool) -> list[Output]:
        """Add a subscription; request it if `ready`, else with `request_all`."""
        if command.token in self._wanted:
            return []
        entry = SubscriptionState(command.token, command.channel, command.is_resolved)
        self._wanted[command.token] = entry
        return self.requests.send(entry, now) if ready else []

    def remove(self, token: Hashable) -> list[Output]:
        """End a subscription."""
        entry = self._wanted.get(token)
        return self._forget(entry) if entry is not None else []

    def get(self, token: Hashable) -> SubscriptionState | None:
        """Return the subscription of a token, if there is one."""
        return self._wanted.get(token)

    # --- the connection -----------------------------------------------------------------------

    def open(self, now: float) -> list[Output]:
        """Request all subscriptions on a new socket, provisionally."""
        self.requests.open()
        return self.request_all(now)

    def request_all(self, now: float) -> list[Output]:
        """Request all subscriptions that have neither a channel nor a request."""
        outputs: list[Output] = []
        for entry in self:
            if (
                entry.chan_id is None
                and entry.sub_id is None
                and (entry.retry_at is None or entry.retry_at <= now)
            ):
                outputs += self.requests.send(entry, now)
        return outputs

    def lose(self, reason: str) -> list[Output]:
        """Forget the socket; each live subscription gets one gap."""
        outputs: list[Output] = []
        for entry in self:
            outputs += self._gap(entry, reason)
            entry.channel.lose()
            entry.sub_id = entry.chan_id = entry.retry_at = entry.deadline = None
            entry.refusals = 0
            entry.failures.clear()
        self.routing.clear()
        self.requests.clear()
        return outputs

    def resync(
        self,
        entry: SubscriptionState,
        reason: str,
        now: float,
        ready: bool,
        delay_s: float = 0.0,
    ) -> list[Output]:
        """Subscribe one channel again on the same socket, as soon as requests may be sent."""
        outputs = self._gap(entry, reason)
        outputs += self._release(entry)
        entry.channel.lose()
        if delay_s:
            self.requests.retry_at(entry, now + delay_s)
            return outputs
        return outputs + (self.requests.send(entry, now) if ready else [])

    def note_failure(self, entry: SubscriptionState, now: float) -> list[Output]:
        """
        Count a silent channel or an unanswered request while the socket is open.

        After `FAILURES` the channel leaves the socket: alone if others are live here, else the
        socket is replaced.
        """
        recent = [time for time in entry.failures if time > now - WINDOW_S]
        entry.failures = [*recent, now]
        if len(entry.failures) < FAILURES:
            return []
        if any(e.channel.is_live for e in self.routes.values() if e is not entry):
            outputs = self._gap(entry, "the channel stayed silent")
            outputs += self._forget(entry)
            entry.channel.lose()
            return [*outputs, Displaced(entry.token, None, entry.is_resolved)]
        reason = "all subscribed channels stayed silent"
        return [Reopen(reason, LossCause.STALE)]

    def expire(self, entry: SubscriptionState, now: float) -> list[Output]:
        """Withdraw a request without data, and repeat it on this connection or another one."""
        outputs = self._release(entry)
        entry.channel.lose()
        outputs += self.requests.note_unanswered(entry)
        leaving = self.note_failure(entry, now)
        return outputs + (leaving or self.requests.send(entry, now))

    def note_silence(self, since: float) -> list[Output]:
        """Count all requests sent until `since` as unanswered, as no message arrived after that."""
        outputs: list[Output] = []
        for entry in self.requests.sent_until(since):
            outputs += self.requests.note_unanswered(entry)
        return outputs

    def tick(self, now: float) -> list[Output]:
        """Repeat the requests that are due; only while requests may be sent."""
        outputs: list[Output] = []
        for entry in self.requests.due(now):
            if entry.deadline is not None and now >= entry.deadline:
                outputs += self.expire(entry, now)
            else:
                outputs += self.requests.send(entry, now)
            if isinstance(outputs[-1], Reopen):
                break
        return outputs

    # --- messages of the exchange ---------------------------------------------------------------

    def subscribed(self, body: dict[str, Any]) -> Acknowledgement:
        """Process a `subscribed` event."""
        chan_id = body.get("chanId")
        if type(chan_id) is not int:
            error = RemoteError("an acknowledgement without channel number", raw=body)
            return Acknowledgement([Report(error)])
        is_awaited = self.requests.is_pending(body.get("subId"))
        if chan_id in self.routes or (
            self.routing.is_closing(chan_id) and not is_awaited
        ):
            # A repetition: the channel is bound, or already being unsubscribed.
            return Acknowledgement([])
        entry = self.requests.match_answer(body)
        if entry is None:
            # The request was withdrawn, so no subscription uses the channel.
            return Acknowledgement([self.routing.refuse(chan_id)])
        return self._bind(entry, chan_id)

    def refused(self, body: dict[str, Any], now: float) -> Acknowledgement:
        """Process an `error` event."""
        code, chan_id = read_code(body.get("code")), body.get("chanId")
        entry = self.requests.match_answer(body)
        if entry is None:
            # The response to an unsubscribe: whatever the error, the channel no longer exists.
            is_known = self.requests.was_sent(body.get("subId"))
            if type(chan_id) is int and self.routing.is_closing(chan_id):
                is_known = True
                # A duplicate answers a withdrawn request; the unsubscribe is still under way.
                if code != _DUPLICATE:
                    self.routing.confirm_closed(chan_id)
            return Acknowledgement([], is_known=is_known)
        if self.requests.is_provisional:
            # The exchange answered before its `info` event: the channel is requested again after
            # that.
            self.requests.withdraw(entry)
            return Acknowledgement([])
        # Responses arrive in order: channels with an unconfirmed unsubscribe were still counted.
        occupied = self.routing.channel_count
        if code == _NO_ROOM and occupied:
            outputs = self._forget(entry)
            displaced = Displaced(entry.token, occupied, entry.is_resolved)
            return Acknowledgement([*outputs, displaced])
        error = error_from_code(
            code,
            f"{entry.channel.title}: {error_text(body)}",
            body,
        )
        if code == _DUPLICATE and type(chan_id) is int and chan_id not in self.routes:
            if not self.routing.is_closing(chan_id):
                # The channel of an earlier, withdrawn request: this subscription adopts it.
                return self._bind(entry, chan_id)
            # The unsubscribe is still under way.
            outputs = self._retry_later(entry, error, now)
            if entry.refusals < UNANSWERED:
                return Acknowledgement([])
            # Or the unsubscribe was lost: then this socket cannot have the channel.
            return Acknowledgement([*outputs, *self.note_failure(entry, now)])
        if error.retryable:
            return Acknowledgement(self._retry_later(entry, error, now))
        outputs = self._forget(entry)
        if entry.is_resolved:
            status = Status(SubscriptionStatus.REJECTED)
            outputs += [Deliver(entry.token, [status]), Report(error)]
        return Acknowledgement([*outputs, Resolve(entry.token, error)])

    def unsubscribed(self, body: dict[str, Any]) -> SubscriptionState | None:
        """Process an `unsubscribed` event; return the subscription that still used the channel."""
        chan_id = body.get("chanId")
        return self.routing.confirm_closed(chan_id) if type(chan_id) is int else None

    def went_live(self, entry: SubscriptionState) -> list[Output]:
        """Record the first data on this socket; the first data of all resolves the user's call."""
        entry.deadline = entry.unreadable = None
        entry.refusals = entry.channel.unanswered = 0
        self.requests.forget(entry)
        if entry.is_resolved:
            return []
        entry.is_resolved = True
        return [Resolve(entry.token)]

    # --- within -------------------------------------------------------------------------------

    def _retry_later(
        self, entry: SubscriptionState, error: BfxError, now: float
    ) -> list[Output]:
        self.requests.retry_later(entry, now)
        report = [Report(error)] if entry.refusals == UNANSWERED else []
        return [Delayed(entry.token, error), *report]

    def _bind(self, entry: SubscriptionState, chan_id: ChanId) -> Acknowledgement:
        frames = self.routing.bind(entry, chan_id)
        return Acknowledgement([Acknowledged(entry.token)], entry, frames)

    def _release(self, entry: SubscriptionState) -> list[Output]:
        """Withdraw the request or unsubscribe the channel that the entry has on this socket."""
        self.requests.withdraw(entry)
        return [*self.routing.unsubscribe(entry)]

    def _forget(self, entry: SubscriptionState) -> list[Output]:
        self._wanted.pop(entry.token, None)
        self.requests.forget(entry)
        return self._release(entry)

    def _gap(self, entry: SubscriptionState, reason: str) -> list[Output]:
        # Reported once: until the next snapshot the channel is not live.
        is_live = entry.channel.is_live
        return [Deliver(entry.token, [Gap(reason)])] if is_live else []


def error_text(body: dict[str, Any]) -> str:
    """Return the human-readable text of an error event."""
    text = body.get("msg")
    return text if isinstance(text, str) else "no reason given"
