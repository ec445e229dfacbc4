"""
Workers that share the trades and liquidations of a relay through a consumer group.

Strategy: one thread reads batches for its worker, and has `WorkDelivery` pass them on. What a
worker leaves behind is claimed by another one after `min_idle`.
"""

from __future__ import annotations

import atexit
import os
import socket
import time
import uuid
import weakref
from threading import Thread, current_thread
from typing import Any, Callable, Dict, Iterable, TypeVar

from bfxsync._base.aliases import NumberType
from bfxsync._base.describe import also_half_made, error_text
from bfxsync._base.forks import reset_after_fork
from bfxsync._base.hidden import hide
from bfxsync._base.latch import Latch
from bfxsync._base.redis_urls import redis_url
from bfxsync._base.shield import shielded, start_thread
from bfxsync.checks.callbacks import check_callback
from bfxsync.checks.numbers import check_integer
from bfxsync.checks.texts import check_pattern
from bfxsync.checks.times import check_seconds
from bfxsync.errors import ClosedError, UsageError
from bfxsync.models.stream import Gap
from bfxsync.relay.channels import shared_identities_of
from bfxsync.relay.group_store import FORGOTTEN_S, GroupStore, Pace, WorkFailed
from bfxsync.relay.work_delivery import WorkDelivery
from bfxsync.streams.entries import EntryId
from bfxsync.streams.keys import ShardKeys
from bfxsync.streams.work import SharedWork
from bfxsync.ws.io.backoff import Backoff

W = TypeVar("W", bound="GroupWorker")

POLL_S = 0.05
"""Pause when there was no work."""

CLOSE_TIMEOUT_S = 2.0

_NAME = r"[A-Za-z0-9_.:-]{1,64}"


class GroupWorker:
    """
    One of several workers that share the trades and liquidations of a relay.

    Each entry of a stream (the trades of one moment) goes to one worker of the group, at least
    once: a worker that ends or raises leaves it to another one. So the same trade may come twice,
    and trades come in any order between workers; make what the callback does idempotent by the
    trade's id. After a loss or a hole, trades that may have been missed are delivered from the
    latest snapshot, which repeats up to 250 known ones; without them there is only a `Gap`.

    Books, tickers and candles cannot be shared: they are state, which needs every update in order.

    Parameters
    ----------
    symbols : iterable of str
        Pairs or funding currencies whose trades are wanted.
    redis : str
        URL, as that of a relay; this user must be allowed to write to groups.
    group : str
        Name that the workers have in common.
    callback : callable
        Called with each `Trade`, `FundingTrade` or `Liquidation`, on the thread of the worker. An
        exception leaves the entry to be delivered again after `min_idle`.
    liquidations : bool
        Whether all liquidations are wanted, too.
    on_event : callable, optional
        Called with each `Gap`, in one of the workers.
    on_error : callable, optional
        Called with exceptions of callbacks, `RemoteError` for each unreadable row (the others of
        its entry are delivered), `WorkFailed`, and errors of Redis. None of them ends the worker.
    shard : str
        That of the relay.
    name : str, optional
        Of this worker within the group; default: host, process and a random part.
    from_start : bool
        What a new group begins with: all stored entries, or (default) only new ones.
    min_idle : float
        Seconds after which an entry that was not acknowledged is claimed by another worker: longer
        than the callbacks of one entry of each stream take.
    max_deliveries : int
        Deliveries of one entry after which it is given up with `WorkFailed`.
    numbers : type
        `float` (default) or `decimal.Decimal`.

    Raises
    ------
    UsageError
        Invalid argument, or the extra ``redis`` is not installed.
    """

    def __init__(
        self,
        symbols: Iterable[str] = (),
        *,
        redis: str,
        group: str,
        callback: Callable[[Any], object],
        liquidations: bool = False,
        on_event: Callable[[Gap], object] | None = None,
        on_error: Callable[[BaseException], object] | None = None,
        shard: str = "main",
        name: str | None = None,
        from_start: bool = False,
        min_idle: float = 30.0,
        max_deliveries: int = 5,
        numbers: NumberType = float,
    ) -> None:
        redis = hide(redis)
        self._url = redis_url(redis, name="redis")
        self._keys = ShardKeys(shard)
        expected = "be 1 to 64 letters, digits, or one of _.:-"
        self.group: str = check_pattern("group", group, _NAME, expected)
        own = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"[-64:]
        self.name: str = check_pattern("name", name or own, _NAME, expected)
        check_callback("callback", callback, "update")
        check_callback("on_event", on_event, "event")
        check_callback("on_error", on_error, "error")
        if callback is None:
            raise UsageError("callback must be a function of one argument, not None")
        self._start_id = "0" if from_start else "$"
        self._min_idle_s = check_seconds("min_idle", min_idle)
        self._max_deliveries = check_integer(
            "max_deliveries", max_deliveries, range(1, 1_001)
        )
        self._works: Dict[str, SharedWork] = {}
        for identity in shared_identities_of(symbols, liquidations):
            work = SharedWork(identity, numbers)
            self._works[self._keys.stream(identity)] = work
        self._store = GroupStore(self._url, self.group, self.name)
        # Raises without the extra.
        self._store.open()
        self._pace = Pace(self._min_idle_s, len(self._works))
        self._known_groups: set[str] = set()
        self._claim_at = self._forget_at = 0.0
        self._backoff = Backoff(first_s=0.2, cap_s=10.0)
        self._delivery = WorkDelivery(
            self.name,
            self._store,
            self._keys,
            self._pace,
            callback,
            on_event,
            on_error,
        )
        self._wake, self._ended = Latch(), Latch()
        self._is_closed = False
        self._thread: Thread | None = None
        reset_after_fork(self)
        _open_workers.add(self)

    def __enter__(self: W) -> W:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @also_half_made
    def __repr__(self) -> str:
        return f"<GroupWorker {self.name} of {self.group} at {self._url}>"

    def stats(self) -> Dict[str, Any]:
        """
        Return counters as plain data.

        Returns
        -------
        dict
            ``entries`` (acknowledged), ``updates`` (passed to the callback), ``gaps``,
            ``unreadable`` (rows), ``claimed`` (entries of other workers, or repeated ones),
            ``failed`` (deliveries that ended in an exception), ``given_up`` (entries),
            ``last_error`` (text).
        """
        error = self._delivery.last_error
        return {
            **self._delivery.counts,
            "last_error": None if error is None else error_text(error),
        }

    # --- lifetime -----------------------------------------------------------------------------

    def start(self) -> None:
        """
        Work in the background, and return at once.

        Raises
        ------
        ClosedError
            The worker is closed, or belongs to the parent process.
        NetworkError
            No thread is available.
        """
        if self._is_closed:
            raise ClosedError("the worker is closed")
        if self._thread is None:
            shielded(self._start)

    def _start(self) -> None:
        if self._thread is None:
            thread = Thread(target=self._main, name="bfxsync-worker", daemon=True)
            start_thread(thread)
            self._thread = thread

    def run(self) -> None:
        """Work until `close` is called or Ctrl-C, which closes the worker."""
        try:
            self.start()
            while not self._ended.wait(0.5):
                pass
        finally:
            self.close()

    def close(self) -> None:
        """
        End after the current callback, at most in two seconds; idempotent.

        Entries that were read and not handled yet are claimed by another worker. Without such
        entries the name of this one is removed from the group.
        """
        self._is_closed = True
        self._wake.set()
        thread = self._thread
        if thread is not None and thread is not current_thread():
            thread.join(CLOSE_TIMEOUT_S)
        _open_workers.discard(self)

    def _reset_after_fork(self) -> None:
        if self._thread is not None:
            self._is_closed = True
            self._thread = None
            self._store.detach_after_fork()
            self._ended.set()

    # --- the thread ---------------------------------------------------------------------------

    def _main(self) -> None:
        try:
            while not self._is_closed:
                try:
                    pause_s = 0.0 if self._work() else POLL_S
                    self._backoff = self._backoff.reset()
                except Exception as exc:
                    # Any: an exception would end the thread unnoticed.
                    self._store.disconnect()
                    if self._backoff.failures == 0:
                        self._delivery.report(exc)
                    pause_s = self._backoff.delay_s()
                    self._backoff = self._backoff.failed()
                if pause_s and not self._is_closed:
                    self._wake.wait(pause_s)
        finally:
            self._store.leave(list(self._works))
            self._store.disconnect()
            self._ended.set()

    def _work(self) -> bool:
        """Handle one batch of each stream; return whether there was one."""
        self._store.open()
        has_work = False
        if time.monotonic() >= self._claim_at:
            self._claim_at = time.monotonic() + self._min_idle_s / 2
            self._store.search(self._known_groups)
            if self._known_groups and time.monotonic() >= self._forget_at:
                self._store.forget_killed(list(self._known_groups))
                self._forget_at = time.monotonic() + FORGOTTEN_S
        for key in self._store.searched:
            has_work |= self._claim(key, self._works[key])
        batches = self._store.read(list(self._works), self._pace.count)
        for (key, work), batch in zip(self._works.items(), batches):
            if batch.before is None:
                self._create_group(key, work)
                continue
            self._known_groups.add(key)
            for raw_id, fields in batch.entries:
                if self._is_closed:
                    return False
                self._delivery.handle(key, work, raw_id, fields, is_repeated=False)
            has_work |= bool(batch.entries)
        # Afterwards, so that no entry waits for them until it is claimed by another worker.
        for (key, work), batch in zip(self._works.items(), batches):
            if batch.before is not None and batch.hole is not None:
                self._handle_hole(key, work, batch.before, batch.hole)
                has_work = True
        return has_work

    def _handle_hole(
        self, key: str, work: SharedWork, before: EntryId, hole: EntryId
    ) -> None:
        missing = f"entries between {before} and {hole} are missing"
        self._delivery.report_gap(f"{work.identity}: {missing}")
        if self._delivery.pass_stored(work, lambda: self._is_closed):
            # Otherwise the next worker reports it again.
            self._store.step_over(key, before, hole)

    def _create_group(self, key: str, work: SharedWork) -> None:
        is_lost = key in self._known_groups
        start = "0" if is_lost else self._start_id
        if not self._store.create(key, start):
            # No relay has created the stream yet.
            self._wake.wait(POLL_S)
            return
        self._known_groups.add(key)
        if is_lost:
            self._delivery.report_gap(f"{work.identity}: the stream was deleted")

    def _claim(self, key: str, work: SharedWork) -> bool:
        """Handle entries that some worker has left behind."""
        count = self._pace.count
        entries, missing_count = self._store.claim(key, self._min_idle_s, count)
        if missing_count:
            missing = f"{missing_count} entries were removed before their delivery"
            self._delivery.report_gap(f"{work.identity}: {missing}")
        for raw_id, fields in entries:
            if self._is_closed:
                break
            self._delivery.counts["claimed"] += 1
            deliveries = self._store.deliveries(key, raw_id)
            if deliveries > self._max_deliveries:
                self._delivery.counts["given_up"] += 1
                self._store.acknowledge(key, raw_id)
                text = raw_id.decode()
                self._delivery.report(WorkFailed(work.identity, text, deliveries - 1))
                continue
            self._delivery.handle(key, work, raw_id, fields, is_repeated=True)
        if missing_count:
            self._delivery.pass_stored(work, lambda: self._is_closed)
        return bool(entries) or key in self._store.searched


_open_workers: weakref.WeakSet[GroupWorker] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    """Close all workers: a thread that prints during interpreter shutdown may crash it."""
    for worker in list(_open_workers):
        worker.close()
