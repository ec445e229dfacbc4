"""
Bounded queues between the I/O thread and whoever consumes.

Strategy: no locks. One thread at a time puts, whole blocks, and never waits; every step that it
shares with the consumers is one call into C, which no other thread and no signal can divide: to
append a block, to take the next item of one, to take out one that is empty. So whoever gets an
item has it alone, in order, and an interrupted reader leaves nothing behind.

What happens when a mailbox is full is its policy. The writer then takes out what is left, which
settles exactly what the consumers had taken until then, and puts back what is to stay. What has
just come is never dropped to make room for itself, so that nothing is lost that nobody had a
chance to take: a mailbox holds at the most its size and one block. What is dropped is counted in
a `Gap` that stands where it was.
"""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from itertools import groupby, islice
from operator import itemgetter, length_hint
from typing import Any, Callable, Deque, Iterable, Iterator, List, Sequence, Tuple

from bfxsync._base.enums import Policy
from bfxsync._base.latch import Bells, Latch
from bfxsync.errors import BfxError
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

_TOO_SLOW = "the consumer was too slow"

# At least this part of a full mailbox goes at once: taking out all and putting the rest back for
# every further block would cost too much.
_DROPPED_AT_ONCE = 8

# How long a reader that does not want to wait does so all the same while the writer drops items.
_MOMENT_S = 1.0


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


_Block = Tuple[Iterator[Any], float, int]
"""What is left of a block, when it came, and the number of items put up to its end."""

_Dated = List[Tuple[Any, float]]
"""Items, and when each came."""


class _Queue:
    """All items, in the order in which they came."""

    def __init__(self) -> None:
        self._blocks: Deque[_Block] = deque()
        # The writer's own.
        self._end = 0

    def __len__(self) -> int:
        blocks = self._blocks
        try:
            items, _, first_end = blocks[0]
            return blocks[-1][2] - first_end + length_hint(items)
        except IndexError:
            return 0

    @property
    def since(self) -> float | None:
        """When the oldest item came."""
        try:
            items, since, _ = self._blocks[0]
            # What was taken last may have left an empty block.
            return since if length_hint(items) else self._blocks[1][1]
        except IndexError:
            return None

    # --- the writer ---------------------------------------------------------------------------

    def add(self, updates: Sequence[Any], now: float) -> int:
        """Add a block, and return how many items it takes."""
        self._end += len(updates)
        self._blocks.append((iter(updates), now, self._end))
        return len(updates)

    def drain(self) -> _Dated:
        """Take out all that the consumers have not taken until now."""
        parts: List[_Dated] = []
        # The newest first, and each block in one step: were the oldest taken out first, a consumer
        # could go on with a younger block meanwhile, and the rest would come back behind that.
        while True:
            try:
                items, since, _ = self._blocks.pop()
            except IndexError:
                break
            parts.append([(item, since) for item in list(items)])
        return [dated for part in reversed(parts) for dated in part]

    def refill(self, items: _Dated) -> None:
        """Put back items that came at several times."""
        for since, group in groupby(items, key=itemgetter(1)):
            self.add([item for item, _ in group], since)

    # --- consumers ----------------------------------------------------------------------------

    def take(self, limit: int) -> Tuple[List[Any], float | None]:
        """Take the oldest items, and tell when the first of them came."""
        taken: List[Any] = []
        first: float | None = None
        while len(taken) < limit:
            try:
                block = self._blocks[0]
            except IndexError:
                break
            # The block stays in its place: what is left of it counts, and may be dropped.
            taken += islice(block[0], limit - len(taken))
            if first is None and taken:
                first = block[1]
            if not length_hint(block[0]):
                self._forget(block)
        return taken, first

    def pop(self) -> Tuple[Any, float]:
        """Take the oldest item, and tell when it came; IndexError if there is none."""
        while True:
            block = self._blocks[0]
            # A loop, as a call might be followed by an interrupt that loses what it returned.
            for item in block[0]:
                return item, block[1]
            self._forget(block)

    def _forget(self, block: _Block) -> None:
        try:
            self._blocks.remove(block)
        except ValueError:
            pass  # another reader was quicker, or the writer has taken it out


class _Newest:
    """
    One item for each key: the newest.

    An event keeps apart what stands before and after it.
    """

    def __init__(self) -> None:
        # By key: the item, and since when one for this key has waited. Written in C, each of its
        # methods is one step.
        self._items: OrderedDict[Any, Tuple[Any, float]] = OrderedDict()
        # The writer's own.
        self._events = 0

    def __len__(self) -> int:
        return len(self._items)

    @property
    def since(self) -> float | None:
        """When the oldest item came, or the first of those that it has replaced."""
        while True:
            try:
                return min((since for _, since in self._items.values()), default=None)
            except RuntimeError:
                pass  # changed meanwhile

    # --- the writer ---------------------------------------------------------------------------

    def add(self, updates: Sequence[Any], now: float) -> int:
        """Add a block, and return how many items it takes."""
        keys = set()
        for item in updates:
            key_of = _KEYS.get(item.__class__)
            if key_of is None:
                self._events += 1
                key: Any = self._events
            else:
                key = item.__class__, self._events, key_of(item)
            _, since = self._items.pop(key, (None, now))
            self._items[key] = item, since
            keys.add(key)
        return len(keys)

    def drain(self) -> _Dated:
        """Take out all that the consumers have not taken until now."""
        left: _Dated = []
        try:
            while True:
                # The newest first, as above.
                left.append(self._items.popitem()[1])
        except KeyError:
            return left[::-1]

    def refill(self, items: _Dated) -> None:
        """Put back items that came at several times."""
        for item, since in items:
            self.add([item], since)

    # --- consumers ----------------------------------------------------------------------------

    def take(self, limit: int) -> Tuple[List[Any], float | None]:
        """Take the oldest items, and tell when the first of them came."""
        taken: _Dated = []
        try:
            while len(taken) < limit:
                taken.append(self.pop())
        except IndexError:
            pass
        return [item for item, _ in taken], taken[0][1] if taken else None

    def pop(self) -> Tuple[Any, float]:
        """Take the oldest item, and tell when it came; IndexError if there is none."""
        try:
            return self._items.popitem(last=False)[1]
        except KeyError:
            raise IndexError from None


class Mailbox:
    """
    A queue that never blocks its writer.

    Parameters
    ----------
    size : int
        Items it holds at the most, beside one block.
    policy : Policy
    on_ready : callable, optional
        Called with the mailbox when it has something and nobody was told yet; without it
        readers wait in `get`.

    Attributes
    ----------
    dropped_count : int
        Updates thrown away so far.
    is_asked_for : bool
        Somebody has asked the writer to fill it.
    begun : Latch
        Set when what there was to begin with has been put, and when it is closed.
    """

    def __init__(
        self,
        size: int,
        policy: Policy = Policy.RESYNC,
        on_ready: Callable[[Mailbox], None] | None = None,
    ) -> None:
        self.size = size
        self.policy = policy
        self.dropped_count: int = 0
        self.is_asked_for = False
        self.begun: Latch = Latch()
        self.on_get: Callable[[], None] | None = None
        self._on_ready = on_ready
        self._queue: _Queue | _Newest = _Queue()
        if policy is Policy.LATEST:
            self._queue = _Newest()
        # Whoever takes it out tells, or is, the one thread that serves this mailbox; two could
        # claim a flag at once.
        self._token = [True]
        self._readers = Bells()
        # Between taking items out and putting the rest back.
        self._is_dropping = False
        self._is_closed = False
        self._error: BfxError | None = None
        self._last_lag_s = 0.0

    def __len__(self) -> int:
        return len(self._queue)

    @property
    def lag_s(self) -> float:
        """
        How long the oldest item has waited; if none is there, the last one that was taken.

        With ``latest`` one that takes the place of an older one has waited as long as that.
        """
        since = self._queue.since
        return self._last_lag_s if since is None else time.monotonic() - since

    @property
    def is_crowded(self) -> bool:
        """True past half of the size: the writer may give the readers a moment."""
        return 2 * len(self._queue) > self.size

    # --- the writer: one thread at a time -----------------------------------------------------

    def put(self, updates: Sequence[Any], restart: Callable[[], Sequence[Any]]) -> None:
        """
        Add a block.

        Parameters
        ----------
        updates : sequence
            Not changed any more by anybody.
        restart : callable
            Returns the local state as items, for the policy ``resync``.
        """
        if self._is_closed or not updates:
            return
        now = time.monotonic()
        if self.policy is Policy.RESYNC and len(self._queue) >= self.size:
            self._resync(updates, restart(), now)
        else:
            count = self._queue.add(updates, now)
            if self.policy is not Policy.RESYNC and len(self._queue) > self.size:
                self._drop_oldest(count, now)
        if self._readers:
            self._readers.ring()
        if self._on_ready is not None and self._takes_token():
            self._on_ready(self)

    def discard(self) -> None:
        """Take nothing more, and throw away what is there: nobody can read it."""
        self.close()
        self._queue.drain()

    def _resync(self, updates: Sequence[Any], state: Sequence[Any], now: float) -> None:
        """Put a gap and the local state in the place of everything."""
        self._is_dropping = True
        queued = [item for item, _ in self._queue.drain()]
        self._queue.add([self._drop([*queued, *updates]), *state], now)
        self._is_dropping = False

    def _drop_oldest(self, count: int, now: float) -> None:
        """Put a gap in the place of the oldest items, but not of so many that have just come."""
        self._is_dropping = True
        left = self._queue.drain()
        # The consumers may have made room. One more for the gap.
        excess = len(left) + 1 - self.size
        if excess > 1:
            excess = max(excess, self.size // _DROPPED_AT_ONCE)
            excess = max(0, min(excess, len(left) - count))
            if excess:
                gap = self._drop([item for item, _ in left[:excess]])
                rest = left[excess:]
                left = [(gap, rest[0][1] if rest else now), *rest]
        self._queue.refill(left)
        self._is_dropping = False

    def _drop(self, items: Sequence[Any]) -> Gap:
        """Count what is dropped, and return the gap that says so."""
        dropped = _weigh(items)
        counted = sum(item.dropped for item in items if isinstance(item, Gap))
        self.dropped_count += dropped - counted
        return Gap(_TOO_SLOW, dropped)

    # --- the dispatch thread ------------------------------------------------------------------

    def take(self, limit: int) -> List[Any]:
        """Return the oldest items, for a dispatch thread; `leave` must follow."""
        items, since = self._queue.take(limit)
        if since is not None:
            self._last_lag_s = time.monotonic() - since
        return items

    def leave(self) -> bool:
        """
        Say that what was taken is done with; return whether more has come.

        Only now may another thread be told: what comes later must not overtake what is under way.
        """
        if len(self._queue):
            return True
        self._token.append(True)
        # What comes from here on is announced by the writer, unless this thread is quicker.
        return len(self._queue) > 0 and self._takes_token()

    def _takes_token(self) -> bool:
        try:
            return self._token.pop()
        except IndexError:
            return False

    # --- any thread ---------------------------------------------------------------------------

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
        now = time.monotonic()
        deadline = None if timeout_s is None else now + timeout_s
        while True:
            # First, as what is there was put before that.
            is_closed = self._is_closed
            try:
                item, since = self._queue.pop()
                # Nothing is called from here on, or an interrupt might lose the item.
                # It may have come after the clock was read.
                self._last_lag_s = now - since if now > since else 0.0
                return item
            except IndexError:
                pass
            # The length last: meanwhile the writer may have put back what it had taken out.
            if is_closed and not self._is_dropping and not len(self._queue):
                if self._error is not None:
                    # Raised each time that somebody asks: the traceback is each one's own.
                    raise self._error.with_traceback(None)
                raise StopIteration
            rest_s = None if deadline is None else deadline - now
            if rest_s is not None and self._is_dropping:
                rest_s = max(rest_s, _MOMENT_S)
            if not self._readers.wait(self._has_news, rest_s):
                raise TimeoutError
            now = time.monotonic()

    def close(self, error: BfxError | None = None) -> None:
        """Take nothing more; what is there can still be read."""
        self._error = error
        self._is_closed = True
        self._readers.ring()
        self.begun.set()

    def _has_news(self) -> bool:
        return len(self._queue) > 0 or (self._is_closed and not self._is_dropping)


def _weigh(items: Iterable[Any]) -> int:
    """Count the updates among the items; a gap stands for those that it counted."""
    total = 0
    for item in items:
        if isinstance(item, Gap):
            total += item.dropped
        elif item.__class__ in _KEYS:
            total += 1
    return total
