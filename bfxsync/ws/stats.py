"""The counters of a client, as plain data."""

from __future__ import annotations

from collections import Counter
from typing import Any

from bfxsync._base.describe import error_text
from bfxsync.ws.core.core import Core
from bfxsync.ws.core.subscriber import Home, Subscriber
from bfxsync.ws.io.link import Link


def stats_of(core: Core) -> dict[str, Any]:
    """
    Return the counters of a client; see `WebSocketClient.stats`.

    Subscriptions and connections are those of one moment; their counters are read one after the
    other while threads go on.
    """
    subscribers, links, past = core.placement.account()
    subscriptions = [
        _subscription(subscriber, link) for subscriber, link in subscribers
    ]
    losses = Counter(past.losses)
    for link in links:
        # A copy, made in one step, as its thread may add to it.
        losses.update(dict(link.losses))
    # Subscribers that share a channel share its count of heals.
    channels = {
        id(subscriber.channel): subscriber.channel for subscriber, _ in subscribers
    }
    heals = sum(channel.recovery.count for channel in channels.values())
    connections = [
        _connection(
            link, [subscriber for subscriber, home in subscribers if home is link]
        )
        for link in links
    ]
    listening = [box for link in links for box in link.table.listening]
    drops = past.drops + sum(box.dropped_count for box in listening)
    drops += sum(link.table.drop_count for link in links)
    return {
        "status": core.status.value,
        "frames": past.frames + sum(link.session.frame_count for link in links),
        "updates": past.updates + sum(link.table.update_count for link in links),
        "gaps": past.gaps + sum(link.table.gap_count for link in links),
        "heals": past.heals + heals,
        "drops": drops + sum(row["drops"] for row in subscriptions),
        "queued": sum(row["queued"] for row in connections),
        "lag_s": max((row["lag_s"] for row in connections), default=0.0),
        "reconnects": dict(losses),
        "clock_jumps": past.jumps + sum(link.jump_count for link in links),
        "error_count": core.dispatcher.error_count,
        "last_error": _error(core.dispatcher.last_error),
        "connections": connections,
        "subscriptions": subscriptions,
    }


def _connection(link: Link, subscribers: list[Subscriber]) -> dict[str, Any]:
    error = link.last_error
    boxes = [*link.table.listening, *(b for t in subscribers for b in t.mailboxes)]
    return {
        "number": link.number,
        "status": link.status.value,
        "channels": link.load,
        "limit": link.limit,
        "frames": link.session.frame_count,
        "updates": link.table.update_count,
        "gaps": link.table.gap_count,
        "queued": sum(map(len, boxes)),
        "lag_s": max((box.lag_s for box in boxes), default=0.0),
        "ping_s": link.session.ping_s,
        "reconnects": dict(link.losses),
        "clock_jumps": link.jump_count,
        "last_error": None if error is None else str(error),
    }


def _subscription(subscriber: Subscriber, home: Home) -> dict[str, Any]:
    callback_queue = subscriber.callback_queue
    errors = None if callback_queue is None else callback_queue.errors
    return {
        **subscriber.subscription,
        "connection": home.number,
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
