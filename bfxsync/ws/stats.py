"""What a client counted, as plain data."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Mapping

import attrs

from bfxsync._base.describe import error_text

if TYPE_CHECKING:
    from bfxsync.ws.core.core import Core
    from bfxsync.ws.core.shared_subscription import Subscriber
    from bfxsync.ws.io.link import Link


@attrs.frozen
class Past:
    """What connections and subscriptions counted that are no more."""

    frames: int = 0
    updates: int = 0
    gaps: int = 0
    heals: int = 0
    drops: int = 0
    jumps: int = 0
    losses: Mapping[str, int] = attrs.field(factory=dict)

    def with_line(self, line: Link) -> Past:
        """Return one with those of one more connection."""
        return Past(
            frames=self.frames + line.session.frame_count,
            updates=self.updates + line.streams.update_count,
            gaps=self.gaps + line.streams.gap_count,
            heals=self.heals,
            drops=self.drops + line.streams.drop_count,
            jumps=self.jumps + line.jump_count,
            losses=Counter(self.losses) + line.losses,
        )


def stats_of(core: Core) -> dict[str, Any]:
    """
    Return the counters of a client; see `WebSocketClient.stats`.

    What there is is of one moment; its counters are read one after the other while threads go on.
    """
    subscribers, lines, past = core.account()
    subscriptions = [
        _subscription(subscriber, line) for subscriber, line in subscribers
    ]
    losses = Counter(past.losses)
    for line in lines:
        # A copy, made at once, as its thread may add to it.
        losses.update(dict(line.losses))
    # Handles that share a channel share its healing.
    channels = {
        id(subscriber.channel): subscriber.channel for subscriber, _ in subscribers
    }
    heals = sum(channel.recovery.count for channel in channels.values())
    connections = [
        _connection(
            line, [subscriber for subscriber, home in subscribers if home is line]
        )
        for line in lines
    ]
    listening = [box for line in lines for box in line.streams.listening]
    drops = past.drops + sum(box.dropped_count for box in listening)
    drops += sum(line.streams.drop_count for line in lines)
    return {
        "status": _status(core),
        "frames": past.frames + sum(line.session.frame_count for line in lines),
        "updates": past.updates + sum(line.streams.update_count for line in lines),
        "gaps": past.gaps + sum(line.streams.gap_count for line in lines),
        "heals": past.heals + heals,
        "drops": drops + sum(row["drops"] for row in subscriptions),
        "queued": sum(row["queued"] for row in connections),
        "lag_s": max((row["lag_s"] for row in connections), default=0.0),
        "reconnects": dict(losses),
        "clock_jumps": past.jumps + sum(line.jump_count for line in lines),
        "error_count": core.dispatcher.error_count,
        "last_error": _error(core.dispatcher.last_error),
        "connections": connections,
        "subscriptions": subscriptions,
    }


def _status(core: Core) -> str:
    name: str = core.status.value
    return name


def _connection(line: Link, subscribers: list[Subscriber]) -> dict[str, Any]:
    error = line.last_error
    boxes = [*line.streams.listening, *(b for t in subscribers for b in t.mailboxes)]
    return {
        "number": line.number,
        "status": line.status.value,
        "channels": line.load,
        "limit": line.limit,
        "frames": line.session.frame_count,
        "updates": line.streams.update_count,
        "gaps": line.streams.gap_count,
        "queued": sum(map(len, boxes)),
        "lag_s": max((box.lag_s for box in boxes), default=0.0),
        "ping_s": line.session.ping_s,
        "reconnects": dict(line.losses),
        "clock_jumps": line.jump_count,
        "last_error": None if error is None else str(error),
    }


def _subscription(subscriber: Subscriber, line: Link) -> dict[str, Any]:
    callback_queue = subscriber.callback_queue
    errors = None if callback_queue is None else callback_queue.errors
    return {
        **subscriber.subscription,
        "connection": line.number,
        "status": subscriber.status.value,
        "is_stale": subscriber.is_stale,
        "age_s": subscriber.age_s,
        "updates": subscriber.update_count,
        "gaps": subscriber.gap_count,
        "heals": subscriber.channel.recovery.count,
        "drops": subscriber.dropped_count,
        "queued": subscriber.queued_count,
        "lag_s": subscriber.lag_s,
        "error_count": 0 if errors is None else errors.count,
        "last_error": None if errors is None else _error(errors.last),
    }


def _error(exc: BaseException | None) -> str | None:
    return None if exc is None else error_text(exc)
