"""
Bounded queues between the I/O thread and the consumers of its updates.

Strategy: the writer never waits and acquires no lock (see `queues`). When a mailbox is full its
policy applies: the writer drains the queue, which determines exactly which items the consumers have
got, and puts back the items to keep. A block is never dropped to make room for itself, so every
item can be read at least for some time: a mailbox holds at most its size and one block. A `Gap`
with their number replaces dropped items.
"""

from __future__ import annotations

import time
from _thread import get_ident
from functools import partial
from typing import Any, Callable, Dict, Iterable, List, Sequence, Tuple

from bfxsync._base.clock import CLOCK
from bfxsync._base.enums import Policy
from bfxsync._base.latch import Latch, WaitList
from bfxsync.errors import BfxError
from bfxsync.models.stream import Gap
from bfxsync.ws.dispatch.claims import Claim, Claimed, handed_over, next_number
from bfxsync.ws.dispatch.queues import LatestQueue, OrderedQueue
from bfxsync.ws.dispatch.update_kinds import KEYS

_TOO_SLOW = "the consumer was too slow"

# At least an eighth of a full mailbox is dropped at a time: draining and refilling it for every
# block would cost too much.
_DROPPED_AT_ONCE = 8

# Minimum timeout of a reader while the writer drops items.
_MOMENT_S = 1.0


class Mailbox:
    """
    A queue that never blocks its writer.

    Parameters
    ----------
    size : int
        Maximum number of items, in addition to one block.
    policy : Policy
    on_ready : callable, optional
        Called when it has items and no dispatch thread serves it; without it readers wait in `get`.
    wake : callable, optional
        Called by `put` after that.
    """

    def __init__(
        self,
        size: int,
        policy: Policy = Policy.RESYNC,
        on_ready: Callable[[], object] | None = None,
        wake: Callable[[], object] | None = None,
    ) -> None:
        self.size = size
        self.policy = policy
        # Updates dropped so far.
        self.dropped_count: int = 0
        # Whether the writer was requested to fill it.
        self.is_asked_for = False
        # Set when the initial state has been put, and when it is closed.
        self.begun: Latch = Latch()
        # Called before each `get`.
        self.on_get: Callable[[], None] | None = None
        self._on_ready = on_ready
        self._wake = wake
        self._queue: OrderedQueue | LatestQueue = OrderedQueue()
        if policy is Policy.LATEST:
            self._queue = LatestQueue()
        # Looked up once, as they are needed for every block.
        self._held = self._queue.held
        self._add = self._queue.add
        # A token: the thread that pops it serves this mailbox, or wakes the thread that will. A
        # flag could be claimed by two threads.
        self._token = [True]
        self._readers = WaitList()
        # By thread; an entry is for an item that was not handed over yet.
        self._claims: Dict[int, Claimed] = {}
        # Between draining and refilling.
        self._is_dropping = False
        self._is_closed = False
        self._error: BfxError | None = None
        self._last_lag_s = 0.0

    def __len__(self) -> int:
        return len(self._queue)

    @property
    def lag_s(self) -> float:
        """
        Waiting time of the oldest item; if empty, of the item read last.

        With ``latest`` a replacement inherits the waiting time.
        """
        since = self._queue.since
        return self._last_lag_s if since is None else time.monotonic() - since

    @property
    def is_crowded(self) -> bool:
        """Whether it is more than half full, so that the writer should yield to the readers."""
        return 2 * len(self._queue) > self.size

    # --- the writer: one thread at a time -----------------------------------------------------

    def put(self, updates: Sequence[Any], restart: Callable[[], Sequence[Any]]) -> None:
        """Add a block that comes now, and wake a dispatch thread; see `add`."""
        self.add(updates, restart, time.monotonic())
        if self._wake is not None:
            self._wake()

    def add(
        self, updates: Sequence[Any], restart: Callable[[], Sequence[Any]], now: float
    ) -> bool:
        """
        Add a block that came at `now` (monotonic time); return whether readers have fallen behind.

        It must not be modified afterwards. `restart` returns the local state as items, for the
        policy ``resync``. Wakes threads in `get`, but no dispatch thread.
        """
        if self._is_closed or not updates:
            return False
        # An empty queue takes any block, so nothing needs to be counted.
        if not self._held:
            is_crowded = 2 * self._add(updates, now) > self.size
        elif self.policy is Policy.RESYNC and len(self._queue) >= self.size:
            self._resync(updates, restart(), now)
            is_crowded = self.is_crowded
        else:
            count = self._add(updates, now)
            if self.policy is not Policy.RESYNC and len(self._queue) > self.size:
                self._drop_oldest(count, now)
            is_crowded = self.is_crowded
        if self._readers.waiting:
            self._readers.wake_all()
        if self._token and self._on_ready is not None and self._claim():
            self._on_ready()
        return is_crowded

    def discard(self) -> None:
        """Close the mailbox and drop its items, as it no longer has a reader."""
        self.close()
        self._queue.drain()

    def _resync(self, updates: Sequence[Any], state: Sequence[Any], now: float) -> None:
        """Replace all items by a gap and the local state."""
        self._is_dropping = True
        dated = [*self._queue.drain(), *((item, now) for item in updates)]
        self._queue.add([self._drop(dated, now), *state], now)
        self._is_dropping = False

    def _drop_oldest(self, count: int, now: float) -> None:
        """Replace the oldest items by a gap, but never the `count` newest."""
        self._is_dropping = True
        left = self._queue.drain()
        # The consumers may have made room. The gap takes one place.
        excess = len(left) + 1 - self.size
        if excess > 1:
            excess = max(excess, self.size // _DROPPED_AT_ONCE)
            excess = max(0, min(excess, len(left) - count))
            if excess:
                rest = left[excess:]
                until = rest[0][1] if rest else now
                left = [(self._drop(left[:excess], until), until), *rest]
        self._queue.refill(left)
        self._is_dropping = False

    def _drop(self, dated: Sequence[Tuple[Any, float]], until: float) -> Gap:
        """Count dropped items, and return the gap that replaces them."""
        items = [item for item, _ in dated]
        dropped = _weigh(items)
        counted = sum(item.dropped for item in items if isinstance(item, Gap))
        self.dropped_count += dropped - counted
        since = [item.since for item in items if isinstance(item, Gap) and item.since]
        since.append(CLOCK.utc(dated[0][1]))
        return Gap(_TOO_SLOW, dropped, min(since), CLOCK.utc(until))

    # --- the dispatch thread ------------------------------------------------------------------

    def next_batch(self, limit: int) -> List[Any]:
        """Remove and return the oldest items, for a dispatch thread; `finish_batch` must follow."""
        items, since = self._queue.pop_many(limit)
        if since is not None:
            self._last_lag_s = time.monotonic() - since
        return items

    def finish_batch(self) -> bool:
        """
        End the handling of a batch; return whether there are more items.

        Until then no other thread may serve the mailbox, so that later items do not overtake it.
        """
        if self._held:
            return True
        self._token.append(True)
        # From now on the writer announces new items, unless this thread claims them first.
        return bool(self._held) and self._claim()

    def _claim(self) -> bool:
        try:
            return self._token.pop()
        except IndexError:
            return False

    # --- any thread ---------------------------------------------------------------------------

    def get(self, timeout_s: float | None = None) -> Any:
        """
        Wait for the oldest item and return it.

        Raises `TimeoutError` if none comes in time. If the mailbox is closed and empty, raises the
        error that closed it, or `StopIteration`.
        """
        # A loop instead of next(): an interrupt after the call would lose its result.
        for item in handed_over(partial(self.claim, timeout_s)):
            return item
        raise StopIteration

    def claim(self, timeout_s: float | None = None) -> Claim:
        """Wait for the oldest item and claim it for this thread; raises as `get` does."""
        if self.on_get is not None:
            self.on_get()
        claimed = self._claims.get(get_ident())
        if claimed is None:
            claimed = self._claims.setdefault(get_ident(), {})
        now = time.monotonic()
        deadline = None if timeout_s is None else now + timeout_s
        while True:
            if claimed:
                # One call, as a signal handler may read as well.
                number = min(claimed, default=0)
                return claimed, number, None
            # Read first: items are put before the mailbox is closed.
            is_closed = self._is_closed
            number = next_number()
            try:
                since = self._queue.claim(claimed, number)
                # The item may have arrived after the clock was read.
                self._last_lag_s = now - since if now > since else 0.0
                return claimed, number, None
            except IndexError:
                pass
            # The length last, as the writer may have refilled the queue in between.
            if is_closed and not self._is_dropping and not len(self._queue):
                if self._error is not None:
                    # Raised by every call, each with its own traceback.
                    raise self._error.with_traceback(None)
                raise StopIteration
            rest_s = None if deadline is None else deadline - now
            if rest_s is not None and self._is_dropping:
                rest_s = max(rest_s, _MOMENT_S)
            if not self._readers.wait(self._has_items, rest_s):
                raise TimeoutError
            now = time.monotonic()

    def close(self, error: BfxError | None = None) -> None:
        """Accept no more items; those queued can still be read."""
        self._error = error
        self._is_closed = True
        self._readers.wake_all()
        self.begun.set()

    def _has_items(self) -> bool:
        return len(self._queue) > 0 or (self._is_closed and not self._is_dropping)


def _weigh(items: Iterable[Any]) -> int:
    """Count the updates among the items; a gap counts as those that it replaced."""
    return sum(
        item.dropped if isinstance(item, Gap) else item.__class__ in KEYS
        for item in items
    )
