"""Feeds frames to channels, and delivers their updates to subscriptions."""

from __future__ import annotations

from typing import Any, Callable, Hashable

from bfxsync._base.enums import SubscriptionStatus
from bfxsync.models.stream import Degraded, Gap, Snapshot, Status
from bfxsync.wire.handshake import Handshake
from bfxsync.wire.outputs import Delayed, Deliver, Output, Report
from bfxsync.wire.subscription_state import SubscriptionState
from bfxsync.wire.subscriptions import Subscriptions


class Delivery:
    """Feeds channels, delivers their updates, and resubscribes channels with errors."""

    def __init__(self, subscriptions: Subscriptions, handshake: Handshake) -> None:
        self._subscriptions = subscriptions
        self._handshake = handshake

    def deliver(
        self,
        entry: SubscriptionState,
        feed: Callable[[Any], list[Any]],
        frames: Any,
        outputs: list[Output],
        now: float,
    ) -> bool:
        """
        Feed frames to their channel, by its method, and append the outputs.

        Returns True if they are only updates.
        """
        channel = entry.channel
        was_live = channel.is_live
        channel.seen_at = now
        updates = feed(frames)
        has_news = channel.has_event
        if (
            was_live
            and not has_news
            and not channel.errors
            and channel.resync_reason is None
        ):
            # Nearly always.
            if updates:
                outputs.append(Deliver(entry.token, updates))
            return True
        if has_news:
            channel.has_event = False
            outputs += split_at_events(entry.token, updates)
        elif updates:
            outputs.append(Deliver(entry.token, updates))
        if channel.is_live and not was_live:
            has_news = True
            outputs += self._subscriptions.went_live(entry)
        if has_news and self._handshake.is_paused:
            # Regardless of the channel's own status: during maintenance its data is not current.
            outputs.append(paused(entry))
        if channel.errors:
            outputs += map(Report, channel.errors)
            if not channel.is_live:
                # Its first data could not be read.
                entry.unreadable = channel.errors[-1]
                outputs.append(Delayed(entry.token, entry.unreadable))
            channel.errors = []
        if channel.resync_reason is not None:
            outputs += self.recover(entry, channel.resync_reason, now)
        return False

    def recover(
        self, entry: SubscriptionState, reason: str, now: float
    ) -> list[Output]:
        """Resubscribe a channel with errors, with a delay that grows each time."""
        return self.resync(entry, reason, now, entry.channel.recovery.spend(now))

    def resync(
        self, entry: SubscriptionState, reason: str, now: float, delay_s: float = 0.0
    ) -> list[Output]:
        """Resubscribe a channel, immediately or after a delay."""
        ready = self._handshake.is_ready
        return self._subscriptions.resync(entry, reason, now, ready, delay_s)


def paused(entry: SubscriptionState) -> Deliver:
    """Return the status of a subscription during maintenance."""
    return Deliver(entry.token, [Status(SubscriptionStatus.MAINTENANCE)])


def split_at_events(token: Hashable, updates: list[Any]) -> list[Output]:
    """Deliver updates so that each event is the first in its own output."""
    outputs: list[Output] = []
    start = 0
    for index, update in enumerate(updates):
        if index > start and isinstance(update, (Degraded, Gap, Snapshot, Status)):
            outputs.append(Deliver(token, updates[start:index]))
            start = index
    outputs.append(Deliver(token, updates[start:]))
    return outputs
