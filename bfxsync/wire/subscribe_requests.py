"""
Subscribe requests: their ids, deadlines and retries.

Strategy: a deadline belongs to a request, not to a subscription. A request without data in time is
withdrawn and sent again with twice the time. Each request has its own `subId`, so a late response
is recognized.

On a new socket requests leave before the exchange has said whether it accepts any; see `handshake`.
Until `info` arrives they are provisional: without a deadline, and not yet reported as `Requested`.

https://docs.bitfinex.com/docs/ws-public
"""

from __future__ import annotations

from typing import Any, Hashable

from bfxsync.errors import RequestTimeout
from bfxsync.wire.codec import dumps
from bfxsync.wire.outputs import Delayed, Output, Report, Requested, Send
from bfxsync.wire.subscription_state import SubscriptionState

ANSWER_S = 10.0
"""Timeout of a request until its first data."""

RETRY_S = 1.0
"""Delay of a request that the exchange was not ready for; doubled each time."""

MAX_RETRY_S = 60.0
"""Maximum delay of a request, and its maximum timeout."""

UNANSWERED = 3
"""Number of consecutive requests without data after which `on_error` is called."""


class SubscribeRequests:
    """The subscribe requests of a connection; `answer_s` is the timeout of the first one."""

    def __init__(self, answer_s: float) -> None:
        self._answer_s = answer_s
        # Without a response, by subId.
        self._pending: dict[int, SubscriptionState] = {}
        # With a deadline or a retry; nearly always empty, so checking it costs nothing.
        self._waiting: dict[Hashable, SubscriptionState] = {}
        # Sent before `info`; None after it.
        self._provisional: dict[Hashable, SubscriptionState] | None = None
        self._last_sub_id = 0

    @property
    def is_provisional(self) -> bool:
        """Whether requests are sent before it is known that the exchange accepts them."""
        return self._provisional is not None

    @property
    def has_pending(self) -> bool:
        """Whether a request has no response yet."""
        return bool(self._pending)

    def clear(self) -> None:
        """Forget all requests, for a new socket; ids stay unique."""
        self._pending.clear()
        self._waiting.clear()
        self._provisional = None

    def open(self) -> None:
        """Send provisional requests until `confirm` or `retract`."""
        self._provisional = {}

    def confirm(self, now: float) -> list[Output]:
        """Confirm the provisional requests: their timeout starts now."""
        sent, self._provisional = self._provisional or {}, None
        return [each for entry in sent.values() for each in self._start(entry, now)]

    def retract(self) -> None:
        """Regard the provisional requests as not sent; answers to them are ignored."""
        sent, self._provisional = self._provisional or {}, None
        for entry in sent.values():
            self.withdraw(entry)

    def send(self, entry: SubscriptionState, now: float) -> list[Output]:
        """Send a request."""
        entry.retry_at = None
        self._last_sub_id += 1
        entry.sub_id = self._last_sub_id
        self._pending[entry.sub_id] = entry
        request = entry.channel.request()
        send = Send(dumps({"event": "subscribe", **request, "subId": entry.sub_id}))
        if self._provisional is not None:
            self._provisional[entry.token] = entry
            return [send]
        return [*self._start(entry, now), send]

    def _start(self, entry: SubscriptionState, now: float) -> list[Output]:
        """Start the timeout of a request."""
        entry.deadline = now + self._patience_s(entry)
        self._waiting[entry.token] = entry
        if entry.was_requested:
            return []
        entry.was_requested = True
        return [Requested(entry.token)]

    def retry_at(self, entry: SubscriptionState, at: float) -> None:
        """Send the next request at this time."""
        entry.retry_at = at
        self._waiting[entry.token] = entry

    def retry_later(self, entry: SubscriptionState, now: float) -> None:
        """Send a request again after the exchange was not ready for it."""
        entry.deadline = None
        delay_s = min(MAX_RETRY_S, RETRY_S * 2.0 ** min(entry.refusals, 10))
        entry.refusals += 1
        self.retry_at(entry, now + delay_s)

    def withdraw(self, entry: SubscriptionState) -> None:
        """Withdraw a request: no longer expect a response or data."""
        self._complete(entry)
        entry.deadline = None
        self._settle(entry)

    def forget(self, entry: SubscriptionState) -> None:
        """Drop the deadline or the scheduled retry of a subscription."""
        self._waiting.pop(entry.token, None)
        self._settle(entry)

    def match_answer(self, body: dict[str, Any]) -> SubscriptionState | None:
        """Complete the request of a response, which is found by `subId` or by the echoed fields."""
        sub_id = body.get("subId")
        if sub_id is None:
            matching = (e for e in self._pending.values() if e.channel.matches(body))
            entry = next(matching, None)
        else:
            entry = self._pending[sub_id] if self.is_pending(sub_id) else None
        if entry is not None:
            self._complete(entry)
        return entry

    def is_pending(self, sub_id: object) -> bool:
        """Return whether a request with this `subId` has no response yet."""
        return type(sub_id) is int and sub_id in self._pending

    def was_sent(self, sub_id: object) -> bool:
        """Return whether a request with this `subId` was ever sent."""
        return type(sub_id) is int and 0 < sub_id <= self._last_sub_id

    def extend(self, now: float) -> None:
        """Restart the timeout of all requests, after maintenance."""
        for entry in self._waiting.values():
            if entry.deadline is not None:
                entry.deadline = now + self._patience_s(entry)

    def sent_until(self, at: float) -> list[SubscriptionState]:
        """Return the subscriptions whose request was sent before or at this time."""
        return [
            entry
            for entry in self._waiting.values()
            if entry.deadline is not None
            and entry.deadline - self._patience_s(entry) <= at
        ]

    def deadline(self) -> float | None:
        """Return the earliest deadline or retry."""
        times = [
            time
            for entry in self._waiting.values()
            for time in (entry.deadline, entry.retry_at)
            if time is not None
        ]
        return min(times) if times else None

    def due(self, now: float) -> list[SubscriptionState]:
        """Return the subscriptions whose deadline or retry has come."""
        return [
            entry
            for entry in self._waiting.values()
            if _has_come(entry.deadline, now) or _has_come(entry.retry_at, now)
        ]

    def note_unanswered(self, entry: SubscriptionState) -> list[Output]:
        """Count a request without data; report the third in a row."""
        channel = entry.channel
        channel.unanswered += 1
        if channel.unanswered != UNANSWERED:
            return []
        error = RequestTimeout(
            f"{channel.title}: unanswered: no data after {UNANSWERED} requests; it is "
            "requested again"
        )
        error.__cause__ = entry.unreadable
        return [Report(error), Delayed(entry.token, error)]

    def _settle(self, entry: SubscriptionState) -> None:
        if self._provisional is not None:
            self._provisional.pop(entry.token, None)

    def _complete(self, entry: SubscriptionState) -> None:
        if entry.sub_id is not None:
            self._pending.pop(entry.sub_id, None)
            entry.sub_id = None

    def _patience_s(self, entry: SubscriptionState) -> float:
        # The exponent is bounded, or the power would overflow after days of failures.
        doubled_s = self._answer_s * 2.0 ** min(entry.channel.unanswered, 10)
        return max(self._answer_s, min(MAX_RETRY_S, doubled_s))


def _has_come(at: float | None, now: float) -> bool:
    return at is not None and now >= at
