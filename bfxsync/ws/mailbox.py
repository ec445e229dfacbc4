"""
Bounded queues between the I/O thread and whoever consumes.

Strategy: the I/O thread puts a whole block at a time under one lock and never waits; what happens
when a mailbox is full is its policy. Nothing disappears silently: what is dropped is counted in
a `Gap` that stands where it was.
"""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from enum import Enum
from threading import Condition, Lock
from typing import Any, Callable, Deque, Iterable, Iterator, List, Sequence, Tuple

from bfxsync.errors import BfxError, UsageError
from bfxsync.models.market import (
    BookUpdate,
    FundingBookUpdate,
    FundingRawBookUpdate,
    FundingTicker,
    FundingTrade,
    FundingTradeUpdate,
    RawBookUpdate,
    Ticker,
    Trade,
    TradeUpdate,
)
from bfxsync.models.status import Candle, DerivativesStatus, Liquidation
from bfxsync.models.stream import Gap

MIN_SIZE = 3

_SAME_TIME_S = 0.01

_TOO_SLOW = "the consumer was too slow"


class Policy(str, Enum):
    """What happens when a mailbox is full."""

    RESYNC = "resync"
    """Drop what is queued; a gap and a snapshot from local state take its place."""
    LATEST = "latest"
    """Keep the newest update for each key (ticker, price level, order)."""
    DROP_OLDEST = "drop_oldest"
    """Drop the oldest; a gap stands in their place."""


# What `latest` takes for the same thing: the newer one replaces the older.
_KEYS: dict[type, Callable[[Any], Any]] = {
    Ticker: lambda update: None,
    FundingTicker: lambda update: None,
    Trade: lambda update: update.id,
    TradeUpdate: lambda update: update.id,
    FundingTrade: lambda update: update.id,
    FundingTradeUpdate: lambda update: update.id,
    BookUpdate: lambda update: (update.price, update.amount > 0),
    FundingBookUpdate: lambda update: (update.rate, update.period, update.amount > 0),
    RawBookUpdate: lambda update: update.order_id,
    FundingRawBookUpdate: lambda update: update.offer_id,
    Candle: lambda update: update.mts,
    DerivativesStatus: lambda update: None,
    Liquidation: lambda update: (update.pos_id, update.mts),
}


class _Newest:
    """
    As much of a deque as `Mailbox` uses, with one item for each key: the newest.

    An event keeps apart what stands before and after it.
    """

    def __init__(self) -> None:
        self._items: OrderedDict[Any, Any] = OrderedDict()
        self._events = 0

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._items.values())

    def extend(self, items: Iterable[Any]) -> None:
        for item in items:
            key_of = _KEYS.get(item.__class__)
            if key_of is None:
                self._events += 1
                self._items["event", self._events] = item
            else:
                key = item.__class__, self._events, key_of(item)
                self._items.pop(key, None)
                self._items[key] = item

    def appendleft(self, item: Any) -> None:
        # Nothing stands before it, so it keeps nothing apart. There is never a second one: the
        # first to go is the last one.
        self._items["first"] = item
        self._items.move_to_end("first", last=False)

    def popleft(self) -> Any:
        return self._items.popitem(last=False)[1]

    def clear(self) -> None:
        self._items.clear()


class Mailbox:
    """
    A queue that never blocks its writer.

    Parameters
    ----------
    size : int
        Items it holds at the most.
    policy : Policy
    on_ready : callable, optional
        Called with the mailbox when it has something and nobody was told yet; without it
        readers wait in `get`.

    Attributes
    ----------
    dropped_count : int
        Updates thrown away so far.
    """

    def __init__(
        self,
        size: int,
        policy: Policy = Policy.RESYNC,
        on_ready: Callable[[Mailbox], None] | None = None,
    ) -> None:
        self.size = size
        self.policy = policy
        self.dropped_count = 0
        self._on_ready = on_ready
        self.on_get: Callable[[], None] | None = None
        # Protects everything below.
        self._lock = Lock()
        # Readers without `on_ready` wait on this; who does not wait takes the lock itself, which
        # is faster.
        self._changed = Condition(self._lock)
        self._items: Deque[Any] | _Newest = deque()
        if policy is Policy.LATEST:
            self._items = _Newest()
        self._is_scheduled = False
        self._is_closed = False
        self._error: BfxError | None = None
        # Items taken since the start; and what that number will be, with the time of arrival,
        # when the items of each put have been taken.
        self._taken = 0
        self._arrivals: Deque[Tuple[int, float]] = deque()
        self._last_lag_s = 0.0

    def __len__(self) -> int:
        return len(self._items)

    @property
    def lag_s(self) -> float:
        """
        How long the oldest item has waited; if none is there, the last one that was taken.

        With ``latest`` one that takes the place of an older one has waited as long as that.
        """
        try:
            _, since = self._arrivals[0]
        except IndexError:
            return self._last_lag_s
        return time.monotonic() - since

    @property
    def is_crowded(self) -> bool:
        """True past half of the size: the writer may give the readers a moment."""
        return 2 * len(self._items) > self.size

    def put(self, updates: Sequence[Any], restart: Callable[[], Iterable[Any]]) -> None:
        """
        Add a block.

        Parameters
        ----------
        updates : sequence
        restart : callable
            Returns the local state as items, for the policy ``resync``.
        """
        state: Iterable[Any] = ()
        if self.policy is Policy.RESYNC and not self._has_room(updates):
            # Before the lock is taken, as it may take one itself. Readers only make room.
            state = restart()
        with self._lock:
            if self._is_closed:
                return
            if self._has_room(updates):
                self._items.extend(updates)
            elif self.policy is Policy.RESYNC:
                self._resync(updates, state)
            else:
                self._items.extend(updates)
                self._drop_oldest()
            self._note_arrival()
            if self._on_ready is None:
                self._changed.notify_all()
                return
            if self._is_scheduled or not self._items:
                return
            self._is_scheduled = True
        self._on_ready(self)

    def take(self, limit: int) -> List[Any]:
        """Return the oldest items, for a dispatch thread; `leave` must follow."""
        with self._lock:
            items = self._items
            if len(items) <= limit:
                batch = list(items)
                items.clear()
            else:
                batch = [items.popleft() for _ in range(limit)]
            self._note_taken(len(batch))
            return batch

    def leave(self) -> bool:
        """
        Say that what was taken is done with; return whether more has come.

        Only now may another thread be told: what comes later must not overtake what is under way.
        """
        with self._lock:
            self._is_scheduled = bool(self._items)
            return self._is_scheduled

    def get(self, timeout_s: float | None = None) -> Any:
        """
        Wait for the oldest item and return it.

        Raises
        ------
        StopIteration
            The mailbox is closed and empty.
        BfxError
            The same, after an error.
        TimeoutError
            Nothing came in time.
        """
        if self.on_get is not None:
            self.on_get()
        with self._changed:
            if not self._changed.wait_for(
                lambda: self._items or self._is_closed, timeout_s
            ):
                raise TimeoutError
            if self._items:
                self._note_taken(1)
                return self._items.popleft()
            if self._error is not None:
                # Raised each time that somebody asks: the traceback is each one's own.
                raise self._error.with_traceback(None)
            raise StopIteration

    def close(self, error: BfxError | None = None) -> None:
        """Take nothing more; what is there can still be read."""
        with self._changed:
            self._is_closed = True
            self._error = error
            self._changed.notify_all()

    def _has_room(self, updates: Sequence[Any]) -> bool:
        return len(self._items) + len(updates) <= self.size

    def _note_arrival(self) -> None:
        arrivals = self._arrivals
        now = time.monotonic()
        total = self._taken + len(self._items)
        if arrivals and now - arrivals[-1][1] < _SAME_TIME_S:
            # Kept short: a consumer that does not come must not make it grow with every block.
            arrivals[-1] = total, arrivals[-1][1]
        elif not arrivals or total > arrivals[-1][0]:
            # Not for items that only replaced others, or it would grow for ever.
            arrivals.append((total, now))

    def _note_taken(self, count: int) -> None:
        self._taken += count
        arrivals = self._arrivals
        if arrivals:
            self._last_lag_s = time.monotonic() - arrivals[0][1]
        while arrivals and arrivals[0][0] <= self._taken:
            arrivals.popleft()

    def _resync(self, updates: Sequence[Any], items: Iterable[Any]) -> None:
        dropped = _weigh(self._items) + _weigh(updates)
        counted = sum(item.dropped for item in self._items if isinstance(item, Gap))
        self.dropped_count += dropped - counted
        self._items.clear()
        self._arrivals.clear()
        self._items.extend([Gap(_TOO_SLOW, dropped), *items])

    def _drop_oldest(self) -> None:
        excess = len(self._items) - self.size
        if excess <= 0:
            return
        # One more, for the gap that takes their place.
        gone = [self._items.popleft() for _ in range(excess + 1)]
        self._note_taken(excess)
        dropped = _weigh(gone)
        counted = sum(item.dropped for item in gone if isinstance(item, Gap))
        self.dropped_count += dropped - counted
        self._items.appendleft(Gap(_TOO_SLOW, dropped))


def _weigh(items: Iterable[Any]) -> int:
    """Count the updates among the items; a gap stands for those that it counted."""
    total = 0
    for item in items:
        if isinstance(item, Gap):
            total += item.dropped
        elif item.__class__ in _KEYS:
            total += 1
    return total


def check_size(size: object) -> int:
    """
    Return the size of a mailbox.

    Raises
    ------
    UsageError
        It is no integer, or too small for a gap and what follows it.
    """
    if type(size) is not int or size < MIN_SIZE:
        raise UsageError(
            f"mailbox_size must be an integer of at least {MIN_SIZE}, not {size!r}"
        )
    return size


def check_policy(policy: object) -> Policy:
    """
    Return the policy of a mailbox.

    Raises
    ------
    UsageError
        There is no such policy.
    """
    try:
        return Policy(policy)
    except ValueError:
        names = ", ".join(repr(item.value) for item in Policy)
        raise UsageError(f"policy must be one of {names}, not {policy!r}") from None
