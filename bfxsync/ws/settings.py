"""The options of a client."""

from __future__ import annotations

import os
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import attrs

from bfxsync._base.aliases import NumberType
from bfxsync._base.clock import CLOCK, Clock
from bfxsync._base.describe import also_half_made
from bfxsync._base.enums import Flag
from bfxsync._base.forks import lazily
from bfxsync._base.hosts import hostname_of, is_loopback, shown
from bfxsync._base.plain import plain_integer
from bfxsync._base.proxies import Proxy, proxy_for
from bfxsync.checks.files import check_ca_bundle
from bfxsync.checks.hosts import check_wss_host
from bfxsync.checks.options import check_bool, check_flags, check_mailbox_size
from bfxsync.checks.times import check_seconds
from bfxsync.errors import UsageError
from bfxsync.wire.audit import HEARTBEAT_S, PING_AFTER_S, STALE_AFTER_S
from bfxsync.wire.codec import loads_for
from bfxsync.ws.io.backoff import Backoff
from bfxsync.ws.io.rate_limiter import SHARED, ConnectionRateLimiter

if TYPE_CHECKING:
    from bfxsync.recording.recorder import Recorder
    from bfxsync.recording.tap import Tap
    from bfxsync.shared_limits.budget import SharedBudget
    from bfxsync.streams.source import RelaySource

FLAGS = int(Flag.SEQ_ALL | Flag.OB_CHECKSUM)
"""The default flags of a connection."""

_MAX_THREADS = 64


def _number_type(value: object) -> Any:
    if value is float or value is Decimal:
        return value
    raise UsageError(f"numbers must be float or decimal.Decimal, not {value!r}")


def _channel_count(value: object) -> int:
    count = plain_integer(value)
    if count is None or count < 1:
        raise UsageError(
            f"channels_per_connection must be a positive integer, not {value!r}"
        )
    return count


def _timeout(value: object) -> float:
    return check_seconds("timeout", value)


def _ping_after(value: object) -> float:
    return check_seconds("ping_after", value)


def _stale_after(value: object) -> float:
    return check_seconds("stale_after", value)


def _source(value: object) -> RelaySource | None:
    if value is None:
        return None
    source: RelaySource = lazily(_relay_source)(value)
    return source


def _relay_source() -> Any:
    # Imported lazily: most clients get their data from the exchange.
    from bfxsync.streams.source import relay_source

    return relay_source


def _thread_count(value: object) -> int:
    count = plain_integer(value)
    if count is None or not 0 <= count <= _MAX_THREADS:
        raise UsageError(
            f"dispatch_threads must be an integer from 0 to {_MAX_THREADS}, not {value!r}"
        )
    return count


@attrs.frozen(kw_only=True, repr=False)
class ConnectionSettings:
    """The options of `WebSocketClient`, checked as they are set; for all its connections."""

    url: str = attrs.field(converter=check_wss_host)
    numbers: NumberType = attrs.field(default=float, converter=_number_type)
    channels_per_connection: int = attrs.field(default=25, converter=_channel_count)
    backoff: Backoff = Backoff()
    pace: ConnectionRateLimiter = SHARED
    dispatch_threads: int = attrs.field(default=1, converter=_thread_count)
    ping_after_s: float = attrs.field(default=PING_AFTER_S, converter=_ping_after)
    stale_after_s: float = attrs.field(default=STALE_AFTER_S, converter=_stale_after)
    flags: int = attrs.field(default=FLAGS, converter=check_flags)
    timeout_s: float = attrs.field(default=10.0, converter=_timeout)
    ca_bundle: str | None = attrs.field(default=None, converter=check_ca_bundle)
    mailbox_size: int = attrs.field(default=10_000, converter=check_mailbox_size)
    proxy: Proxy | None = None
    proxy_problem: str | None = None
    """Why the proxy of the environment cannot be used; raised when a connection is opened."""
    recorder: Tap | None = None
    """Gets all that is received and sent: a recorder, or the tap of a relay."""
    source: RelaySource | None = attrs.field(default=None, converter=_source)
    """Where to get market data from, instead of the exchange."""
    clock: Clock = CLOCK
    """Clock of the data, by which `age` and `verified_at` are measured."""

    @also_half_made
    def __repr__(self) -> str:
        return f"<ConnectionSettings {self.place}>"

    @property
    def place(self) -> str:
        """Where market data comes from, for messages."""
        return shown(self.url) if self.source is None else str(self.source)

    @property
    def session_options(self) -> dict[str, Any]:
        """The options of the sessions of all connections."""
        return {
            "loads": loads_for(self.numbers),
            "timeout_s": self.timeout_s,
            "ping_after_s": self.ping_after_s,
            "stale_after_s": self.stale_after_s,
        }

    def timeout_or(self, timeout: float | None) -> float:
        """Return the timeout of a call, checked; by default that of the client."""
        return self.timeout_s if timeout is None else check_seconds("timeout", timeout)

    def __attrs_post_init__(self) -> None:
        for name, kind in (("backoff", Backoff), ("pace", ConnectionRateLimiter)):
            value = getattr(self, name)
            if not isinstance(value, kind):
                raise UsageError(f"{name} must be a {kind.__name__}, not {value!r}")
        if self.source is not None and self.flags != FLAGS:
            raise UsageError("flags are those of the relay if there is a source")
        stale_after_s = self.stale_after_s
        if stale_after_s <= self.ping_after_s:
            raise UsageError(
                f"stale_after must be longer than ping_after, not {stale_after_s!r} and "
                f"{self.ping_after_s!r}"
            )
        if stale_after_s <= HEARTBEAT_S and not is_loopback(hostname_of(self.url)):
            # Every quiet channel would count as silent and be resubscribed without end. A local
            # exchange may send heartbeats more often.
            raise UsageError(
                f"stale_after must be longer than the {HEARTBEAT_S:g} s between two heartbeats "
                f"of a channel, not {stale_after_s!r}"
            )


def proxy_options(host: str, proxy: str | None) -> dict[str, Any]:
    """Return the settings for a host: its proxy, or why that of the environment cannot be used."""
    try:
        return {"proxy": proxy_for(check_wss_host(host), proxy)}
    except UsageError as exc:
        if proxy is not None:
            # The argument itself is invalid.
            raise
        # Not raised here: a program that uses only REST on this machine needs no proxy.
        return {"proxy_problem": str(exc)}


def pace_of(
    pace: ConnectionRateLimiter,
    shared_budget: str | os.PathLike[str] | SharedBudget | None,
) -> ConnectionRateLimiter:
    """Return the limiter of connections: that of a shared budget, if there is one."""
    if shared_budget is None:
        return pace
    if pace is not SHARED:
        raise UsageError("pass pace or shared_budget, not both")
    make_budget, shared_limiter = lazily(_shared)
    limiter: ConnectionRateLimiter = shared_limiter(make_budget(shared_budget))
    return limiter


def _shared() -> Any:
    # Imported lazily: most programs are alone.
    from bfxsync.shared_limits.registry import budget_of
    from bfxsync.ws.io.shared_rate_limiter import SharedConnectionLimiter

    return budget_of, SharedConnectionLimiter


def with_recording(
    settings: ConnectionSettings,
    record: str | os.PathLike[str] | None,
    record_append: object,
) -> ConnectionSettings:
    """Return the settings with a recorder, if there is a file to record to; it is opened here."""
    append = check_bool("record_append", record_append)
    if record is None:
        return settings
    if settings.source is not None:
        raise UsageError("relayed data cannot be recorded; record the relay instead")
    recorder = lazily(_recorder)(record, append=append)
    return attrs.evolve(settings, recorder=recorder)


def _recorder() -> type[Recorder]:
    # Imported lazily: few programs record.
    from bfxsync.recording.recorder import Recorder

    return Recorder
