"""The relay."""

from __future__ import annotations

import atexit
import time
import weakref
from functools import partial
from threading import Thread
from typing import Any, Callable, Dict, Iterable, List, Mapping, TypeVar

from bfxsync._base.cells import in_cell
from bfxsync._base.describe import also_half_made
from bfxsync._base.enums import Flag
from bfxsync._base.forks import reset_after_fork
from bfxsync._base.hidden import hide
from bfxsync._base.hosts import shown
from bfxsync._base.redis_urls import redis_url
from bfxsync._base.shield import shielded, start_thread
from bfxsync.checks.callbacks import check_callback
from bfxsync.checks.containers import optional
from bfxsync.checks.hosts import wss_host_of
from bfxsync.checks.numbers import check_integer
from bfxsync.checks.options import check_bool
from bfxsync.checks.times import check_seconds
from bfxsync.errors import ClosedError, RequestTimeout, UsageError
from bfxsync.relay.channels import CHANNELS, identities_of
from bfxsync.relay.feed import RelayFeed
from bfxsync.relay.frame_tap import MAX_WAITING_BYTES, FrameTap
from bfxsync.relay.shard_writer import MAX_RENEWAL, MIN_ENTRIES, ShardWriter
from bfxsync.relay.stream_store import StreamStore
from bfxsync.streams.keys import ShardKeys
from bfxsync.ws.io.rate_limiter import SHARED, ConnectionRateLimiter
from bfxsync.ws.settings import ConnectionSettings, proxy_options

R = TypeVar("R", bound="Relay")

CLOSE_TIMEOUT_S = 2.0
REDIS_TIMEOUT_S = 1.0
_NAP_S = 0.02


class Relay:
    """
    Subscribes once and publishes to Redis, for any number of consumers.

    Consumers use ``Client(source="redis://…")``. Two relays of the same shard, on two machines,
    are one feed: the one that holds the lease is connected to the exchange and writes; the other
    one takes over within the lease, with one gap for each subscription.

    Parameters
    ----------
    symbols : iterable of str, optional
        Pairs or funding currencies, each with all `channels`.
    channels : iterable of str
        ``book``, ``trades`` and ``ticker``; books have the precision P0 and 25 levels.
    requests : iterable of mapping, optional
        Further channels by the exchange's fields: ``{"channel": "candles", "key":
        "trade:1m:tBTCUSD"}``, ``{"channel": "book", "symbol": "tBTCUSD", "prec": "R0"}``.
    redis : str
        URL: ``redis://user:password@host:6379/0``, ``rediss://…`` or ``unix:///path``.
    shard : str
        Name of the set of channels. Relays of one shard must have the same channels.
    wss_host : str, optional
        URL of the exchange; default: ``BFX_WSS_HOST`` if set, else `PUB_WSS_HOST`.
    timestamps : bool
        Request the exchange's time of each frame (`Flag.TIMESTAMP`), 20 bytes more each.
    lease_ttl : float
        Seconds after which another relay takes over, from 0.5 to 60.
    max_entries : int
        Approximate length of each stream, at least 128. A consumer that falls behind by more gets a
        gap and the latest snapshot.
    timeout : float
        Seconds for each step of connecting to the exchange.
    redis_timeout : float, optional
        Seconds for each command to Redis, at most half of `lease_ttl`: otherwise one slow command
        would cost the lease. Default: 1 second, or half of `lease_ttl` if that is less.
    max_waiting_bytes : int
        Frames that may wait for Redis; when more arrive, all channels get a gap.
    proxy, ca_bundle, pace, on_error
        See `WebSocketClient`.

    Raises
    ------
    UsageError
        Invalid argument.
    """

    def __init__(
        self,
        symbols: Iterable[str] = (),
        *,
        redis: str,
        channels: Iterable[str] = CHANNELS,
        requests: Iterable[Mapping[str, Any]] = (),
        shard: str = "main",
        wss_host: str | None = None,
        timestamps: bool = False,
        lease_ttl: float = 2.0,
        max_entries: int = 10_000,
        timeout: float = 10.0,
        redis_timeout: float | None = None,
        max_waiting_bytes: int = MAX_WAITING_BYTES,
        proxy: str | None = None,
        ca_bundle: str | None = None,
        pace: ConnectionRateLimiter = SHARED,
        on_error: Callable[[BaseException], object] | None = None,
    ) -> None:
        redis, proxy = hide(redis), hide(proxy)
        url = redis_url(redis, name="redis")
        keys = ShardKeys(shard)
        identities = identities_of(symbols, channels, requests)
        flags = int(Flag.SEQ_ALL | Flag.OB_CHECKSUM)
        if check_bool("timestamps", timestamps):
            flags |= int(Flag.TIMESTAMP)
        host = wss_host_of(wss_host)
        settings = ConnectionSettings(
            url=host,
            flags=flags,
            timeout_s=timeout,
            ca_bundle=ca_bundle,
            pace=pace,
            **proxy_options(host, proxy),
        )
        ttl_s = check_seconds("lease_ttl", lease_ttl)
        if not 0.5 <= ttl_s <= 60:
            raise UsageError(f"lease_ttl must be from 0.5 to 60 seconds, not {ttl_s!r}")
        timeout_s = optional(check_seconds, "redis_timeout", redis_timeout)
        if timeout_s is not None and timeout_s > ttl_s / 2:
            raise UsageError(
                f"redis_timeout must be at most half of lease_ttl, {ttl_s / 2:g} seconds, not "
                f"{timeout_s!r}"
            )
        lengths = range(MIN_ENTRIES, 10_000_001)
        length = check_integer("max_entries", max_entries, lengths)
        waiting = check_integer("max_waiting_bytes", max_waiting_bytes, range(1, 2**31))
        check_callback("on_error", on_error, "error")
        store = StreamStore(
            url,
            keys,
            identities,
            ttl_s=ttl_s,
            max_entries=length,
            timeout_s=min(REDIS_TIMEOUT_S, ttl_s / 2)
            if timeout_s is None
            else timeout_s,
        )
        self.shard: str = keys.shard
        self.identities: List[str] = identities
        """The channels, as in the names of their streams: ``book|tBTCUSD|P0|F0|25``."""
        self._text = f"{keys.shard} of {shown(settings.url)} to {url}"
        self._writer = ShardWriter(
            identities,
            store,
            partial(_make_feed, settings, in_cell(on_error)),
            max_waiting_bytes=waiting,
            renewal=min(MAX_RENEWAL, length // 2),
            ttl_s=ttl_s,
        )
        self._thread: Thread | None = None
        self._is_closed = False
        self._is_forked = False
        reset_after_fork(self)
        finalizer = weakref.finalize(self, self._writer.stop)
        finalizer.atexit = False  # type: ignore[misc]  # a property without a slot
        _open_relays.add(self)

    def __enter__(self: R) -> R:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @also_half_made
    def __repr__(self) -> str:
        return f"<Relay {self._text}: {self.status}>"

    # --- state --------------------------------------------------------------------------------

    @property
    def is_leader(self) -> bool:
        """Whether this relay is the one that writes."""
        return self.status == "leading"

    @property
    def status(self) -> str:
        """``new``, ``leading``, ``standby``, ``away`` (Redis cannot be used) or ``closed``."""
        writer = self._writer
        if self._is_closed or writer.ended.is_set:
            return "closed"
        if self._thread is None:
            return "new"
        if writer.is_away:
            return "away"
        return "leading" if writer.is_leading else "standby"

    @property
    def states(self) -> Dict[str, str]:
        """By identity: ``wanted``, ``live``, or ``refused`` with the exchange's code."""
        return {name: state.text for name, state in self._writer.states.items()}

    def stats(self) -> Dict[str, Any]:
        """
        Return state and counters as plain data.

        Returns
        -------
        dict
            ``shard``, ``status``, ``channels`` (number by state: ``wanted``, ``live``,
            ``refused``), ``epoch`` (None for a standby), ``epochs`` (begun by this relay),
            ``frames`` (relayed in this term), ``entries``, ``bytes`` and ``snapshots`` (written),
            ``gaps`` (written, fences not included), ``store_errors``, ``last_error`` (text),
            ``dropped`` (frames) and ``waiting_bytes`` (of the queue before Redis).
        """
        writer = self._writer
        store, tap = writer.store, writer.tap
        counts = {"wanted": 0, "live": 0, "refused": 0}
        for state in writer.states.values():
            counts[state.status] += 1
        return {
            "shard": self.shard,
            "status": self.status,
            "channels": counts,
            "epoch": store.epoch,
            "epochs": writer.epoch_count,
            "frames": writer.frame_count,
            "entries": store.entry_count,
            "bytes": store.byte_count,
            "snapshots": writer.snapshot_count,
            "gaps": writer.gap_count,
            "store_errors": writer.store_error_count,
            "last_error": None if writer.last_error is None else str(writer.last_error),
            "dropped": tap.dropped_count,
            "waiting_bytes": tap.waiting_bytes,
        }

    # --- lifetime -----------------------------------------------------------------------------

    def start(self) -> None:
        """
        Begin in the background, and return at once.

        Raises
        ------
        ClosedError
            The relay is closed.
        NetworkError
            No thread is available.
        UsageError
            The relay belongs to the parent process, or the extra ``redis`` is not installed.
        """
        if self._is_forked:
            raise UsageError("a relay must be made in the process that uses it")
        if self._is_closed:
            raise ClosedError("the relay is closed")
        if self._thread is None:
            shielded(self._start)

    def _start(self) -> None:
        if self._thread is not None:
            return
        self._writer.store.prepare()
        thread = Thread(target=self._writer.run, name="bfxsync-relay", daemon=True)
        start_thread(thread)
        self._thread = thread

    def wait_leader(self, timeout: float | None = None) -> bool:
        """Wait until this relay leads; False after the timeout (seconds; None: no limit)."""
        return self._wait(lambda: self.is_leader, timeout)

    def wait_ready(self, timeout: float | None = None) -> None:
        """
        Wait until this relay leads, and every channel is live or refused.

        Raises
        ------
        RequestTimeout
            Not within `timeout` seconds (None: no limit).
        ClosedError
            The relay is closed.
        """

        def is_ready() -> bool:
            states = self._writer.states.values()
            return self.is_leader and all(s.status != "wanted" for s in states)

        if not self._wait(is_ready, timeout):
            raise RequestTimeout(
                f"the relay is {self.status}, its channels {self.states}"
            )

    def _wait(self, is_true: Callable[[], bool], timeout: float | None) -> bool:
        seconds = optional(check_seconds, "timeout", timeout)
        until = float("inf") if seconds is None else time.monotonic() + seconds
        self.start()
        while not is_true():
            self._check_alive()
            left_s = until - time.monotonic()
            if left_s <= 0:
                return False
            self._writer.ended.wait(min(_NAP_S, left_s))
        return True

    def _check_alive(self) -> None:
        if self._writer.exception is not None:
            raise self._writer.exception
        if self._is_closed or self._writer.ended.is_set:
            raise ClosedError("the relay is closed")

    def run(self) -> None:
        """
        Relay until `close` is called or Ctrl-C.

        Raises
        ------
        KeyboardInterrupt
            Ctrl-C; the relay is closed first.
        BfxError
            What ended the relay.
        """
        try:
            self.start()
            self._writer.ended.wait_in_naps()
        except BaseException:
            self.close()
            raise
        self.close()
        if self._writer.exception is not None:
            raise self._writer.exception

    def wait_closed(self, timeout: float | None = None) -> bool:
        """
        Wait until the relay has ended; False after the timeout (seconds; None: no limit).

        Raises the error that ended it, such as `VersionMismatch`.
        """
        seconds = optional(check_seconds, "timeout", timeout)
        has_ended = self._writer.ended.wait(seconds)
        if self._writer.exception is not None:
            raise self._writer.exception
        return has_ended

    def close(self) -> None:
        """
        Give the lease back and close all connections, within two seconds. Idempotent.

        Another relay of the shard takes over at once.
        """
        if self._is_forked:
            return
        self._is_closed = True
        self._writer.stop()
        _open_relays.discard(self)
        if self._thread is not None:
            # Not a join, which Ctrl-C can interrupt in a way that loses locks.
            self._writer.ended.wait(CLOSE_TIMEOUT_S)

    def _reset_after_fork(self) -> None:
        """Leave everything to the parent."""
        self._is_forked = self._is_closed = True


def _make_feed(settings: ConnectionSettings, on_error: Any, tap: FrameTap) -> RelayFeed:
    return RelayFeed(settings, tap, on_error)


_open_relays: "weakref.WeakSet[Relay]" = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    """Give leases back at the end of the program."""
    for relay in list(_open_relays):
        relay.close()
