"""
The metrics: names, units, meanings, and how each is read from statistics and health.

Strategy: nothing is counted here. Labels have few values: names of clients, channels, states and
error classes, never symbols.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Callable, Dict, Iterable, Mapping, NamedTuple, Optional, Tuple

from bfxsync._base.enums import ConnectionStatus, SubscriptionStatus

_OF_COPIES = ("alive", "ready")
"""What is known of a copy in a forked child; all else would be counted twice."""

_CHANNELS = ("ticker", "trades", "book", "candles", "status", "account")
_OTHER = "other"


class Reading(NamedTuple):
    """What one client said at one moment."""

    health: Mapping[str, Any]
    wss: Mapping[str, Any]
    rest: Optional[Mapping[str, Any]]
    """None before the first use of REST."""

    @property
    def is_copy(self) -> bool:
        """Whether this is a forked child's copy of a client that the parent uses."""
        return bool(self.health["is_forked"])


Samples = Iterable[Tuple[Tuple[str, ...], float]]
"""Values, each with those of the labels."""


class Metric(NamedTuple):
    """A counter or gauge, and how it is read."""

    name: str
    """Without unit."""
    meaning: str
    read: Callable[[Reading], Samples]
    labels: Tuple[str, ...] = ()
    unit: str = ""
    """``seconds``, ``bytes``, or nothing for a number of things."""
    is_counter: bool = False

    def samples(self, reading: Reading) -> Samples:
        """Return the values of one client."""
        if reading.is_copy and self.name not in _OF_COPIES:
            return ()
        return self.read(reading)

    @property
    def full_name(self) -> str:
        """Name with the unit, as Prometheus has it."""
        unit = f"_{self.unit}" if self.unit else ""
        return f"bfxsync_{self.name}{unit}"


def _one(value: Any) -> Samples:
    return () if value is None else [((), float(value))]


def _wss(key: str) -> Callable[[Reading], Samples]:
    return lambda reading: _one(reading.wss[key])


def _health(key: str) -> Callable[[Reading], Samples]:
    return lambda reading: _one(reading.health[key])


def _rest(key: str) -> Callable[[Reading], Samples]:
    return lambda reading: () if reading.rest is None else _one(reading.rest[key])


def _both(key: str) -> Callable[[Reading], Samples]:
    def read(reading: Reading) -> Samples:
        yield ("wss",), reading.wss[key]
        if reading.rest is not None:
            yield ("rest",), reading.rest[key]

    return read


def _by_label(counts: Mapping[str, int]) -> Samples:
    return [((label,), count) for label, count in counts.items()]


def _connections(reading: Reading) -> Samples:
    counts = Counter(row["status"] for row in reading.wss["connections"])
    return [((each.value,), counts[each.value]) for each in ConnectionStatus]


def _channels(reading: Reading) -> Samples:
    return _one(sum(row["channels"] for row in reading.wss["connections"]))


def _ping(reading: Reading) -> Samples:
    longest: Dict[str, float] = {}
    for row in reading.wss["connections"]:
        host = "account" if row["is_account"] else "public"
        if row["ping_s"] is not None:
            longest[host] = max(row["ping_s"], longest.get(host, 0.0))
    return [((host,), seconds) for host, seconds in longest.items()]


def _channel(row: Mapping[str, Any]) -> str:
    # Raw subscriptions may name any channel.
    name: str = row["channel"]
    return name if name in _CHANNELS else _OTHER


def _subscriptions(reading: Reading) -> Samples:
    rows = reading.wss["subscriptions"]
    counts = Counter((_channel(row), row["status"]) for row in rows)
    # Zeros too, as a series that ends looks like one that stays at its last value.
    for channel in sorted({channel for channel, _ in counts}):
        for status in SubscriptionStatus:
            yield (channel, status.value), counts[channel, status.value]


def _stale(reading: Reading) -> Samples:
    rows = reading.wss["subscriptions"]
    counts = dict.fromkeys(map(_channel, rows), 0)
    for row in rows:
        counts[_channel(row)] += row["is_stale"]
    return _by_label(counts)


def _rest_wait(reading: Reading) -> Samples:
    limits = [] if reading.rest is None else reading.rest["limits"].values()
    return _one(max((limit["wait_s"] for limit in limits), default=0.0))


def _rest_refused(reading: Reading) -> Samples:
    limits = [] if reading.rest is None else reading.rest["limits"].values()
    return _one(sum(limit["is_refused"] for limit in limits))


def _gauge(name: str, meaning: str, read: Any, *labels: str, unit: str = "") -> Metric:
    return Metric(name, meaning, read, labels, unit)


def _counter(
    name: str, meaning: str, read: Any, *labels: str, unit: str = ""
) -> Metric:
    return Metric(name, meaning, read, labels, unit, is_counter=True)


def _errors(reading: Reading) -> Samples:
    return _by_label(reading.wss["errors"])


def _rest_errors(reading: Reading) -> Samples:
    return () if reading.rest is None else _by_label(reading.rest["errors"])


METRICS = (
    _gauge("alive", "1, or 0 after a fatal error: see health().", _health("is_alive")),
    _gauge("ready", "1 if everything is connected and live.", _health("is_ready")),
    _gauge(
        "authenticated",
        "1 if the connection of the account is authenticated.",
        _health("is_authenticated"),
    ),
    _gauge("connections", "WebSocket connections.", _connections, "status"),
    _gauge("channels", "Channels on all connections.", _channels),
    _gauge(
        "connections_left",
        "Connections that may be opened now.",
        _wss("connections_left"),
    ),
    _gauge("subscriptions", "Subscriptions.", _subscriptions, "channel", "status"),
    _gauge(
        "stale_subscriptions",
        "Subscriptions that are not live, or silent.",
        _stale,
        "channel",
    ),
    _counter("frames", "Messages received over WebSockets.", _wss("frames")),
    _counter(
        "received",
        "Bytes received, inside TLS.",
        _both("received_bytes"),
        "transport",
        unit="bytes",
    ),
    _counter(
        "sent",
        "Bytes sent, inside TLS.",
        _both("sent_bytes"),
        "transport",
        unit="bytes",
    ),
    _counter("updates", "Updates of subscriptions.", _wss("updates")),
    _counter("gaps", "Gaps of subscriptions.", _wss("gaps")),
    _counter("heals", "Automatic resubscriptions.", _wss("heals")),
    _counter("dropped_updates", "Dropped for slow consumers.", _wss("drops")),
    _counter(
        "reconnects",
        "Lost connections and failed attempts.",
        lambda reading: _by_label(reading.wss["reconnects"]),
        "cause",
    ),
    _counter("clock_jumps", "Suspends of the machine.", _wss("clock_jumps")),
    _gauge("queued_updates", "Updates queued for consumers.", _wss("queued")),
    _gauge("lag", "Age of the oldest queued update.", _wss("lag_s"), unit="seconds"),
    _gauge(
        "ping",
        "Longest round trip of the latest pings.",
        _ping,
        "host",
        unit="seconds",
    ),
    _counter("errors", "Errors reported to on_error.", _errors, "error"),
    _counter("callback_errors", "Exceptions of callbacks.", _wss("error_count")),
    _counter("rest_requests", "REST requests, with retries.", _rest("requests")),
    _counter("rest_retries", "Repeated REST requests.", _rest("retries")),
    _counter("rest_errors", "Errors raised by REST calls.", _rest_errors, "error"),
    _gauge(
        "rest_wait", "Longest wait for a rate limit now.", _rest_wait, unit="seconds"
    ),
    _gauge(
        "rest_refused_groups",
        "Groups of endpoints that the exchange refuses for their rate.",
        _rest_refused,
    ),
    _gauge(
        "clock_skew",
        "Seconds by which the clock is ahead of the exchange's.",
        _rest("clock_skew_s"),
        unit="seconds",
    ),
)
"""All metrics, in the order in which they are shown."""
