"""
What is wanted, asked for, acknowledged and gone; which channel number is whose.

Strategy: an entry is *wanted* from the user's call until the user (or the exchange) ends it; on
each socket it is asked for, acknowledged, and live from its first data. Deadlines belong to
requests, not to entries: a request that brings no data in time is withdrawn and repeated, and the
next one has twice the time. Every request carries a `subId` of its own, so an answer that comes too
late is known as such and its channel is unsubscribed. Frames of a channel that nobody knows yet are
parked: the exchange may send them before the acknowledgement.
"""

from __future__ import annotations

from typing import Any, Hashable

import attrs

from bfxsync._base.aliases import ChanId
from bfxsync._base.enums import LossCause, SubscriptionStatus
from bfxsync.errors import BfxError, RemoteError, RequestTimeout, error_from_code
from bfxsync.models.stream import Gap, Status
from bfxsync.wire.channels import Channel
from bfxsync.wire.codec import dumps
from bfxsync.wire.commands import Subscribe
from bfxsync.wire.frames import read_code
from bfxsync.wire.outputs import (
    Acknowledged,
    Asked,
    Delayed,
    Deliver,
    Displaced,
    Output,
    Reopen,
    Report,
    Resolve,
    Send,
)
from bfxsync.wire.recovery import WINDOW_S
from bfxsync.wire.unrouted import UnroutedFrames

ANSWER_S = 10.0
"""How long a request may take to bring data."""

RETRY_S = 1.0
"""Pause before a request is repeated that the exchange was not ready for; it doubles each time."""

MAX_RETRY_S = 60.0
"""The longest that a repeated request waits for its turn or its answer."""

UNANSWERED = 3
"""Requests without data, in a row, after which that is reported."""

FAILURES = 3
"""Failed recoveries of a channel on one socket, within `WINDOW_S`, after which it leaves that."""

_DUPLICATE = 10_301
_NO_ROOM = 10_305


@attrs.define(eq=False)
class SubscriptionState:
    """One subscription and where it stands on this socket."""

    token: Hashable
    channel: Channel
    is_resolved: bool = False
    """It worked once: the user's call has returned."""
    deadline: float | None = None
    """Of the request that has brought no data yet."""
    sub_id: int | None = None
    """Of the request that is not answered yet."""
    chan_id: ChanId | None = None
    was_asked: bool = False
    """A request went out at some time."""
    retry_at: float | None = None
    refusals: int = 0
    """Answers in a row that ask to try again later."""
    unreadable: BfxError | None = None
    """What came instead of the first data."""
    failures: list[float] = attrs.Factory(list)
    """When it was found silent or unanswered on this socket."""


@attrs.frozen
class Acknowledgement:
    """
    What an answer of the exchange leads to.

    Attributes
    ----------
    outputs : list of Output
    entry : Wanted or None
        Whose channel was found by it.
    frames : list
        What had come for that channel before.
    is_known : bool
        False if it belongs to nothing that was asked here.
    """

    outputs: list[Output]
    entry: SubscriptionState | None = None
    frames: list[Any] = attrs.field(factory=list)
    is_known: bool = True


class Subscriptions:
    """
    All subscriptions of one connection.

    Parameters
    ----------
    answer_s : float
        How long the first request of a channel may take to bring data.

    Attributes
    ----------
    routes : dict
        The entry of every channel number that is in use on this socket.
    """

    def __init__(self, answer_s: float = ANSWER_S) -> None:
        self.routes: dict[ChanId, SubscriptionState] = {}
        self._answer_s = answer_s
        self._wanted: dict[Hashable, SubscriptionState] = {}
        self._asked: dict[int, SubscriptionState] = {}
        # Those with a deadline or a retry: nearly always empty, so looking at it costs nothing.
        self._waiting: dict[Hashable, SubscriptionState] = {}
        # Unsubscribed here, and not confirmed there: their frames are still under way.
        self._closing: set[ChanId] = set()
        self._parked = UnroutedFrames()
        self._last_sub_id = 0

    def __len__(self) -> int:
        return len(self._wanted)

    def __iter__(self) -> Any:
        return iter(list(self._wanted.values()))

    @property
    def is_asking(self) -> bool:
        """True if something was requested on this socket, answered or not."""
        return bool(self.routes or self._asked)

    # --- what the user asks -----------------------------------------------------------------

    def add(self, command: Subscribe, now: float, ready: bool) -> list[Output]:
        """Want a channel, and ask for it when requests may be sent."""
        if command.token in self._wanted:
            return []
        entry = SubscriptionState(command.token, command.channel, command.is_resolved)
        self._wanted[command.token] = entry
        return self._ask(entry, now) if ready else []

    def remove(self, token: Hashable) -> list[Output]:
        """Want a channel no more."""
        entry = self._wanted.get(token)
        return self._forget(entry) if entry is not None else []

    def get(self, token: Hashable) -> SubscriptionState | None:
        """Return the entry of a token, if it is wanted."""
        return self._wanted.get(token)

    # --- the connection ---------------------------------------------------------------------

    def ask_all(self, now: float) -> list[Output]:
        """Ask for everything that is wanted and has no channel."""
        outputs: list[Output] = []
        for entry in self:
            if (
                entry.chan_id is None
                and entry.sub_id is None
                and (entry.retry_at is None or entry.retry_at <= now)
            ):
                outputs += self._ask(entry, now)
        return outputs

    def lose(self, reason: str) -> list[Output]:
        """Forget the socket: every live subscription gets one gap."""
        outputs: list[Output] = []
        for entry in self:
            outputs += self._tell_gap(entry, reason)
            entry.channel.lose()
            entry.sub_id = entry.chan_id = entry.retry_at = entry.deadline = None
            entry.refusals = 0
            entry.failures.clear()
        self.routes.clear()
        self._asked.clear()
        self._waiting.clear()
        self._closing.clear()
        self._parked.clear()
        return outputs

    def resync(
        self,
        entry: SubscriptionState,
        reason: str,
        now: float,
        ready: bool,
        delay_s: float = 0.0,
    ) -> list[Output]:
        """Subscribe one channel anew on the same socket, as soon as requests may be sent."""
        outputs = self._tell_gap(entry, reason)
        outputs += self._release(entry)
        entry.channel.lose()
        if delay_s:
            entry.retry_at = now + delay_s
            self._waiting[entry.token] = entry
            return outputs
        return outputs + (self._ask(entry, now) if ready else [])

    def resume(self, now: float) -> None:
        """Give requests that went out before a maintenance all their time again."""
        for entry in self._waiting.values():
            if entry.deadline is not None:
                entry.deadline = now + self._patience_s(entry)

    def failed(self, entry: SubscriptionState, now: float) -> list[Output]:
        """
        Note that a channel was silent, or its request unanswered, although the socket is open.

        When that was tried often enough, return how it leaves this socket: alone if others are
        live here, else with all of them.
        """
        recent = [time for time in entry.failures if time > now - WINDOW_S]
        entry.failures = [*recent, now]
        if len(entry.failures) < FAILURES:
            return []
        if any(e.channel.is_live for e in self.routes.values() if e is not entry):
            outputs = self._tell_gap(entry, "the channel stayed silent")
            outputs += self._forget(entry)
            entry.channel.lose()
            return [*outputs, Displaced(entry.token, None, entry.is_resolved)]
        reason = "what was subscribed stayed silent"
        return [Reopen(reason, LossCause.STALE)]

    def expire(self, entry: SubscriptionState, now: float) -> list[Output]:
        """Withdraw a request that has brought no data, and repeat it here or elsewhere."""
        outputs = self._release(entry)
        entry.channel.lose()
        outputs += self._note_unanswered(entry)
        leaving = self.failed(entry, now)
        return outputs + (leaving or self._ask(entry, now))

    def silent_since(self, since: float) -> list[Output]:
        """Note the requests for which nothing came, as nothing at all did since this moment."""
        outputs: list[Output] = []
        for entry in self._waiting.values():
            if entry.deadline is not None:
                asked_at = entry.deadline - self._patience_s(entry)
                outputs += self._note_unanswered(entry) if asked_at <= since else []
        return outputs

    def deadline(self) -> float | None:
        """Return when to look again, if requests may be sent then."""
        times = [
            time
            for entry in self._waiting.values()
            for time in (entry.deadline, entry.retry_at)
            if time is not None
        ]
        return min(times) if times else None

    def tick(self, now: float) -> list[Output]:
        """Repeat the requests whose time has come; only while requests may be sent."""
        outputs: list[Output] = []
        for entry in list(self._waiting.values()):
            if entry.deadline is not None and now >= entry.deadline:
                outputs += self.expire(entry, now)
            elif entry.retry_at is not None and now >= entry.retry_at:
                outputs += self._ask(entry, now)
            if outputs and isinstance(outputs[-1], Reopen):
                break
        return outputs

    # --- what the exchange says -------------------------------------------------------------

    def subscribed(self, body: dict[str, Any]) -> Acknowledgement:
        """Take an acknowledgement."""
        chan_id = body.get("chanId")
        if type(chan_id) is not int:
            error = RemoteError("an acknowledgement without channel number", raw=body)
            return Acknowledgement([Report(error)])
        is_closing = chan_id in self._closing
        if chan_id in self.routes or (
            is_closing and not self._is_awaited(body.get("subId"))
        ):
            # Once more, or for a channel that was taken over: it has its place, or its end.
            return Acknowledgement([])
        entry = self._answered(body)
        if entry is None:
            # The answer to a request that was given up: nobody may be left listening to it.
            self._parked.take(chan_id)
            self._closing.add(chan_id)
            return Acknowledgement([_unsubscribe(chan_id)])
        return self._bind(entry, chan_id)

    def refused(self, body: dict[str, Any], now: float) -> Acknowledgement:
        """Take an error event."""
        code, chan_id = read_code(body.get("code")), body.get("chanId")
        entry = self._answered(body)
        if entry is None:
            # The answer to an unsubscribe: whatever was wrong, the channel is gone.
            is_known = type(chan_id) is int and chan_id in self._closing
            # A duplicate answers a request that was given up; our unsubscribe is still under way.
            if is_known and code != _DUPLICATE:
                self._closing.discard(chan_id)
            return Acknowledgement([], is_known=is_known or self._was_given_up(body))
        # Answers come in order: a channel whose end is not confirmed yet still took its place.
        taken = len(self.routes) + len(self._closing)
        if code == _NO_ROOM and taken:
            outputs = self._forget(entry)
            displaced = Displaced(entry.token, taken, entry.is_resolved)
            return Acknowledgement([*outputs, displaced])
        error = error_from_code(
            code,
            f"{entry.channel.name} {entry.channel.symbol}: {error_text(body)}",
            body,
        )
        if code == _DUPLICATE and type(chan_id) is int and chan_id not in self.routes:
            if chan_id not in self._closing:
                # We are subscribed already: an earlier request's channel becomes this one's.
                return self._bind(entry, chan_id)
            # Our own unsubscribe is still on its way.
            self._retry(entry, now)
            if entry.refusals < UNANSWERED:
                return Acknowledgement([])
            # Or nobody listens to it: then this socket has no such channel for us any more.
            told = [Report(error)] if entry.refusals == UNANSWERED else []
            leaving = self.failed(entry, now)
            return Acknowledgement([Delayed(entry.token, error), *told, *leaving])
        if error.retryable:
            self._retry(entry, now)
            told = [Report(error)] if entry.refusals == UNANSWERED else []
            return Acknowledgement([Delayed(entry.token, error), *told])
        outputs = self._forget(entry)
        if entry.is_resolved:
            status = Status(SubscriptionStatus.REJECTED)
            outputs += [Deliver(entry.token, [status]), Report(error)]
        return Acknowledgement([*outputs, Resolve(entry.token, error)])

    def unsubscribed(self, body: dict[str, Any]) -> SubscriptionState | None:
        """
        Take the end of a channel: its number may be used again.

        Return the entry that is still wanted although its channel has ended.
        """
        chan_id = body.get("chanId")
        if type(chan_id) is not int:
            return None
        self._closing.discard(chan_id)
        entry = self.routes.pop(chan_id, None)
        if entry is not None:
            entry.chan_id = None
        return entry

    def is_closing(self, chan_id: ChanId) -> bool:
        """Tell whether frames of this channel are only what is still under way."""
        return chan_id in self._closing

    def park(self, chan_id: ChanId, value: Any, size: int) -> None:
        """Keep a frame of an unknown channel; those of a channel being closed are dropped."""
        if chan_id not in self._closing:
            self._parked.put(chan_id, value, size)

    def went_live(self, entry: SubscriptionState) -> list[Output]:
        """Note the first data of a subscription on this socket."""
        entry.deadline = entry.unreadable = None
        entry.refusals = entry.channel.unanswered = 0
        self._waiting.pop(entry.token, None)
        if entry.is_resolved:
            return []
        entry.is_resolved = True
        return [Resolve(entry.token)]

    def could_not_read(self, entry: SubscriptionState, error: BfxError) -> list[Output]:
        """Note what came instead of the first data."""
        entry.unreadable = error
        return [Delayed(entry.token, error)]

    # --- within -----------------------------------------------------------------------------

    def _patience_s(self, entry: SubscriptionState) -> float:
        """Return how long the next request may take: twice the time after each without data."""
        # The exponent is bounded too: after days of failures the power would overflow.
        doubled_s = self._answer_s * 2.0 ** min(entry.channel.unanswered, 10)
        return max(self._answer_s, min(MAX_RETRY_S, doubled_s))

    def _retry(self, entry: SubscriptionState, now: float) -> None:
        """Repeat a request that was answered with "later"."""
        entry.deadline = None
        entry.retry_at = now + min(
            MAX_RETRY_S, RETRY_S * 2.0 ** min(entry.refusals, 10)
        )
        entry.refusals += 1
        self._waiting[entry.token] = entry

    def _ask(self, entry: SubscriptionState, now: float) -> list[Output]:
        entry.retry_at = None
        self._last_sub_id += 1
        entry.sub_id = self._last_sub_id
        self._asked[entry.sub_id] = entry
        entry.deadline = now + self._patience_s(entry)
        outputs: list[Output] = [] if entry.was_asked else [Asked(entry.token)]
        entry.was_asked = True
        self._waiting[entry.token] = entry
        request = entry.channel.request()
        outputs.append(
            Send(dumps({"event": "subscribe", **request, "subId": entry.sub_id}))
        )
        return outputs

    def _answered(self, body: dict[str, Any]) -> SubscriptionState | None:
        """Find the request that is answered, by `subId`, else by the fields that are echoed."""
        sub_id = body.get("subId")
        if sub_id is None:
            matching = (e for e in self._asked.values() if e.channel.matches(body))
            entry = next(matching, None)
        else:
            entry = self._asked[sub_id] if self._is_awaited(sub_id) else None
        if entry is not None:
            self._withdraw(entry)
        return entry

    def _is_awaited(self, sub_id: object) -> bool:
        return type(sub_id) is int and sub_id in self._asked

    def _was_given_up(self, body: dict[str, Any]) -> bool:
        """Tell whether it answers a request of ours for which nobody waits any more."""
        sub_id = body.get("subId")
        return type(sub_id) is int and 0 < sub_id <= self._last_sub_id

    def _bind(self, entry: SubscriptionState, chan_id: ChanId) -> Acknowledgement:
        entry.chan_id = chan_id
        self._closing.discard(chan_id)
        self.routes[chan_id] = entry
        frames = self._parked.take(chan_id)
        if frames is None:
            entry.channel.resync_reason = (
                "too many frames came before the acknowledgement"
            )
        return Acknowledgement([Acknowledged(entry.token)], entry, frames or [])

    def _withdraw(self, entry: SubscriptionState) -> None:
        if entry.sub_id is not None:
            self._asked.pop(entry.sub_id, None)
            entry.sub_id = None

    def _release(self, entry: SubscriptionState) -> list[Output]:
        """Give up the request or the channel that the entry has on this socket."""
        self._withdraw(entry)
        entry.deadline = None
        chan_id = entry.chan_id
        if chan_id is None:
            return []
        entry.chan_id = None
        self.routes.pop(chan_id, None)
        self._closing.add(chan_id)
        return [_unsubscribe(chan_id)]

    def _forget(self, entry: SubscriptionState) -> list[Output]:
        self._wanted.pop(entry.token, None)
        self._waiting.pop(entry.token, None)
        return self._release(entry)

    def _note_unanswered(self, entry: SubscriptionState) -> list[Output]:
        channel = entry.channel
        channel.unanswered += 1
        if channel.unanswered != UNANSWERED:
            return []
        error = RequestTimeout(
            f"{channel.name} {channel.symbol}: unanswered: no data after {UNANSWERED} "
            "requests; it is requested again"
        )
        error.__cause__ = entry.unreadable
        return [Report(error), Delayed(entry.token, error)]

    def _tell_gap(self, entry: SubscriptionState, reason: str) -> list[Output]:
        # Told once: until the snapshot the channel is not live, whatever else is lost meanwhile.
        is_live = entry.channel.is_live
        return [Deliver(entry.token, [Gap(reason)])] if is_live else []


def error_text(body: dict[str, Any]) -> str:
    """Return the text of an error event, for people."""
    text = body.get("msg")
    return text if isinstance(text, str) else "no reason given"


def _unsubscribe(chan_id: ChanId) -> Send:
    return Send(dumps({"event": "unsubscribe", "chanId": chan_id}))
