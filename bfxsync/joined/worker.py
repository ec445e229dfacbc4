"""
The thread of one history: reads pages, follows the subscription, and joins the two.

Strategy: the mailbox of the subscription is the buffer of live data while pages are read; when it
overflows it has a gap and a snapshot, like after a reconnect. So there is one way to join: after
each snapshot, what is missing before it is read from REST, then the snapshot and the updates after
it follow. No thread refers to the client or to the handle of the user.
"""

from __future__ import annotations

import random
import time
from itertools import count
from threading import Thread
from typing import Any, Callable, Iterable, Iterator, List, Sequence

from bfxsync._base.enums import SubscriptionStatus
from bfxsync._base.latch import Latch
from bfxsync._base.logs import get_logger
from bfxsync._base.shield import shielded, start_thread
from bfxsync.errors import BfxError, ClosedError, NetworkError, RateLimited
from bfxsync.joined.access import PastAccess
from bfxsync.joined.outlet import LIMIT, Outlet
from bfxsync.joined.plans import Plan
from bfxsync.models.stream import Degraded, Gap, Snapshot, Status
from bfxsync.ws.core.lifetime import Lifetime
from bfxsync.ws.subscription import Subscription

_log = get_logger(__name__)

_LAG_S = 10.0
"""REST may lag behind the stream by this, until trades count as missing there."""

_FIRST_DELAY_S = 0.1
_LONGEST_DELAY_S = 60.0

_numbers = count(1)


class _Stopped(Exception):
    """The history was closed."""


class HistoryWorker:
    """
    Produces the items of one history.

    Parameters
    ----------
    subscription : Subscription, optional
        Without a client, and with no other reader; None if the whole range is past.
    report : callable, optional
        Receives errors that are tried again; without it the consumer raises them.
    lifetime : Lifetime
        That of the client, which has its running workers.
    """

    def __init__(
        self,
        plan: Plan,
        access: PastAccess,
        outlet: Outlet,
        subscription: Subscription[Any] | None,
        report: Callable[[BfxError], object] | None,
        lifetime: Lifetime,
    ) -> None:
        self.plan = plan
        self.outlet = outlet
        self.is_live: bool = False
        """Whether the past was joined, and nothing is missing now."""
        self.exception: BfxError | None = None
        """The error that ended it."""
        self._access = access
        self._public = access.endpoints(plan.is_strict)
        self._subscription = subscription
        # From here on nothing is missed.
        self._reader = None if subscription is None else subscription._reader()
        self._report = report
        self._lifetime = lifetime
        self._seam: Any = plan.make_seam()
        self._stopped = Latch()
        self._number = next(_numbers)
        self._token = [True]
        self._thread: Thread | None = None

    def start(self) -> None:
        """Start the thread, once; raises `NetworkError` if that fails."""
        if self._thread is None:
            shielded(self._start)

    def _start(self) -> None:
        try:
            self._token.pop()
        except IndexError:
            return
        name = f"bfxsync-history-{self._number}"
        thread = Thread(target=self._main, name=name, daemon=True)
        self._lifetime.workers[self._number] = self
        try:
            start_thread(thread)
        except NetworkError:
            self._lifetime.workers.pop(self._number, None)
            self._token.append(True)
            raise
        self._thread = thread
        if self._lifetime.is_closing:
            # Closed concurrently: this one may have been missed.
            self.stop(self._lifetime.exception)

    def stop(self, error: BfxError | None = None) -> None:
        """End without waiting, from any thread or a finalizer; the consumer raises the error."""
        self.exception = self.exception or error
        self._stopped.set()
        self.outlet.stop(error)
        if self._reader is not None:
            self._reader.close()

    def join(self, timeout_s: float) -> bool:
        """Wait for the end of the thread; return whether it has ended."""
        thread = self._thread
        if thread is None:
            return True
        shielded(thread.join, timeout_s)
        return not thread.is_alive()

    def _main(self) -> None:
        error: BfxError | None = None
        status = SubscriptionStatus.CLOSED
        try:
            if self._subscription is None:
                self._read_past()
            else:
                self._follow()
        except (StopIteration, _Stopped):
            pass
        except BfxError as exc:
            error = exc
        except BaseException as exc:
            _log.error("%s ended", self.plan.title, exc_info=exc)
            error = BfxError(f"{self.plan.title} ended: {exc!r}")
            error.__cause__ = exc
        if self._stopped.is_set:
            error = self.exception
        elif error is not None and not isinstance(error, ClosedError):
            status = SubscriptionStatus.FAILED
            self.exception = error
            if self._report is not None:
                self._report(error)
        self.is_live = False
        if self._subscription is not None:
            self._subscription.unsubscribe()
        self.outlet.mailbox.put([Status(status)], list)
        self.outlet.close(error)
        self._lifetime.workers.pop(self._number, None)

    def _read_past(self) -> None:
        """Read a range without a stream."""
        self._seed()
        self._patiently(lambda: self._read(self._seam.past()))
        self._patiently(self._set_clock)
        self._emit(self._seam.tick(self._access.clock.now_mts()))
        self._emit(self._seam.finish())

    def _follow(self) -> None:
        """Join the past and the stream until the end of the range, or until stopped."""
        subscription, reader, seam = self._subscription, self._reader, self._seam
        assert subscription is not None and reader is not None
        clock = self._access.clock
        self._seed()
        while not seam.is_finished:
            timeout_s = None
            if self.is_live and seam.due is not None:
                timeout_s = max(0.0, (seam.due - clock.now_mts()) / 1000)
            try:
                item: Any = subscription._next_item(reader, timeout_s)
            except TimeoutError:
                item = None
            kind = item.__class__
            if kind is Snapshot:
                self._join(item.rows)
            elif kind is Gap:
                self.is_live = False
                seam.lose()
                self._emit([item])
            elif kind in (Status, Degraded):
                self._emit([item])
            elif self.is_live and item is not None:
                self._emit(seam.add(item, clock.now_mts()))
            if self.is_live and seam.due is not None:
                now_mts = clock.now_mts()
                if now_mts >= seam.due:
                    self._emit(seam.tick(now_mts))

    def _join(self, rows: Sequence[Any]) -> None:
        """Read what is missing before a snapshot, then add it."""
        seam = self._seam

        def read() -> None:
            wanted = seam.missing(rows)
            if wanted is not None:
                self._read(wanted)

        deadline = time.monotonic() + _LAG_S
        delay_s = _FIRST_DELAY_S
        while seam.missing(rows) is not None:
            self._patiently(read)
            if seam.has_reached(rows):
                break
            if time.monotonic() >= deadline:
                reason = (
                    "the exchange's REST history does not have what its stream has sent"
                )
                self._emit([Degraded(f"{self.plan.title}: {reason}")])
                break
            self._pause(delay_s)
            delay_s = min(2 * delay_s, 1.0)
        self._patiently(self._set_clock)
        self._emit(seam.join(rows, self._access.clock.now_mts()))
        if not seam.is_finished:
            self.is_live = True
            self._emit([Status(SubscriptionStatus.LIVE)])

    def _seed(self) -> None:
        before = self.plan.before
        if before is not None:
            found: List[Any] = []
            self._patiently(lambda: found.append(before(self._public)))
            if found[0] is not None:
                self._seam.seed(found[0])

    def _set_clock(self) -> None:
        clock = self._access.clock
        if self.plan.wants_clock and not clock.is_known:
            self._public.get_platform_status()
        clock.set()

    def _read(self, wanted: Any) -> None:
        for chunk in in_chunks(self.plan.read(self._public, wanted), LIMIT):
            self._emit(self._seam.add_past(chunk))
            if self._seam.is_finished:
                return

    def _emit(self, items: Iterable[object]) -> None:
        for chunk in in_chunks(items, LIMIT):
            self.outlet.put(chunk)
            if self._stopped.is_set:
                raise _Stopped

    def _patiently(self, call: Callable[[], object]) -> None:
        """Call until it succeeds; errors that may pass are reported, or raised by the consumer."""
        failures = 0
        while True:
            if self._stopped.is_set:
                raise _Stopped
            try:
                call()
                return
            except BfxError as error:
                if not error.retryable or self._stopped.is_set:
                    raise
                if self._report is None:
                    self.outlet.fail(error)
                    continue
                failures += 1
                if failures == 1:
                    self._report(error)
                delay_s = random.uniform(0.5, 1.0) * min(
                    2.0**failures, _LONGEST_DELAY_S
                )
                if isinstance(error, RateLimited):
                    delay_s = max(delay_s, error.retry_after_s or 0.0)
            self._pause(delay_s)

    def _pause(self, seconds: float) -> None:
        if self._stopped.wait(seconds):
            raise _Stopped


def past_items(plan: Plan, access: PastAccess) -> Iterator[Any]:
    """Yield a range that is over, on the caller's thread; an error ends it."""
    public = access.endpoints(plan.is_strict)
    seam: Any = plan.make_seam()
    rows = plan.read(public, seam.past())
    if plan.is_plain:
        yield from rows
        return
    before = None if plan.before is None else plan.before(public)
    if before is not None:
        seam.seed(before)
    yield from seam.add_past(rows)
    access.clock.set()
    yield from seam.tick(access.clock.now_mts())
    yield from seam.finish()


def in_chunks(items: Iterable[Any], size: int) -> Iterator[List[Any]]:
    """Yield items as lists of at most `size`, and those before an error as well."""
    chunk: List[Any] = []
    try:
        for item in items:
            chunk.append(item)
            if len(chunk) >= size:
                yield chunk
                chunk = []
    except BfxError:
        if chunk:
            yield chunk
        raise
    if chunk:
        yield chunk
