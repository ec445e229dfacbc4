"""Collects the counters of a client as plain data."""

from __future__ import annotations

import time
from typing import Any

from bfxsync._base.describe import error_text
from bfxsync.ws.core.core import Core
from bfxsync.ws.core.subscriber import Home, Subscriber
from bfxsync.ws.io.link import Link


def stats_of(core: Core) -> dict[str, Any]:
    """
    Return the counters of a client; see `WebSocketClient.stats`.

    The lists of subscriptions and connections are consistent; their counters are read one after the
    other while threads keep running.
    """
    subscribers, links, totals = core.placement.overview()
    for link in links:
        totals = totals.with_link(link)
    subscriptions = [
        _subscription(subscriber, link) for subscriber, link in subscribers
    ]
    # Subscribers that share a channel share its count of heals.
    channels = {
        id(subscriber.channel): subscriber.channel for subscriber, _ in subscribers
    }
    connections = [
        {
            "number": link.number,
            "is_account": link is core.placement.account_link,
            **_connection(link, [each for each, home in subscribers if home is link]),
        }
        for link in links
    ]
    listening = [box for link in links for box in link.table.listening]
    return {
        "status": core.status.value,
        "frames": totals.frames,
        "frames_per_s": sum(row["frames_per_s"] for row in connections),
        "received_bytes": totals.received_bytes,
        "received_bytes_per_s": sum(row["received_bytes_per_s"] for row in connections),
        "sent_bytes": totals.sent_bytes,
        "updates": totals.updates,
        "gaps": totals.gaps,
        "heals": totals.heals + sum(each.recovery.count for each in channels.values()),
        "drops": totals.drops
        + sum(box.dropped_count for box in listening)
        + sum(row["drops"] for row in subscriptions),
        "queued": sum(row["queued"] for row in connections),
        "lag_s": max((row["lag_s"] for row in connections), default=0.0),
        "reconnects": dict(totals.losses),
        "clock_jumps": totals.jumps,
        "connections_left": core.settings.pace.left(
            core.settings.url, time.monotonic()
        ),
        "shared_budget": core.settings.pace.stats(),
        "errors": core.publisher.error_counts,
        "error_count": core.dispatcher.error_count,
        "last_error": _error(core.dispatcher.last_error),
        "connections": connections,
        "subscriptions": subscriptions,
    }


def _connection(link: Link, subscribers: list[Subscriber]) -> dict[str, Any]:
    error = link.last_error
    frames, received = link.counts
    frames_per_s, received_per_s = link.meter.rates(link.clock(), frames, received)
    boxes = [*link.table.listening]
    for subscriber in subscribers:
        boxes += subscriber.mailboxes
    return {
        "status": link.status.value,
        "channels": link.load,
        "limit": link.limit,
        "frames": frames,
        "frames_per_s": frames_per_s,
        "received_bytes": received,
        "received_bytes_per_s": received_per_s,
        "sent_bytes": link.traffic.sent,
        "updates": link.table.totals.update_count,
        "gaps": link.table.totals.gap_count,
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
