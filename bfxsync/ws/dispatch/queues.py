"""
The two queues of a mailbox: all items in order, or the newest of each key.

Strategy: no locks. One thread at a time writes, and every step that it shares with the consumers
is one call in C, which no other thread or signal can interrupt. So each item goes to one consumer,
in order, and an interrupted reader leaves the queue intact and its own item claimed.
"""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from itertools import groupby, islice
from operator import itemgetter, length_hint
from typing import Any, Deque, Iterator, List, Sequence, Tuple

from bfxsync.ws.dispatch.claims import Claimed
from bfxsync.ws.dispatch.update_kinds import KEYS

_Block = Tuple[Iterator[Any], float, int]
"""The remaining items of a block, its arrival time, and the count of items added up to its end."""

_Dated = List[Tuple[Any, float]]
"""Items with their times of arrival."""

_ITEM, _DATED = itemgetter(0), itemgetter(1)


class OrderedQueue:
    """Keeps all items, in order of arrival."""

    def __init__(self) -> None:
        self._blocks: Deque[_Block] = deque()
        self.held: Deque[_Block] = self._blocks
        """Empty when the queue is empty, except for a block that a consumer has just finished."""
        # Used by the writer only.
        self._end = 0

    def __len__(self) -> int:
        blocks = self._blocks
        if not blocks:
            return 0
        try:
            items, _, first_end = blocks[0]
            return blocks[-1][2] - first_end + length_hint(items)
        except IndexError:
            return 0

    @property
    def since(self) -> float | None:
        """Arrival time of the oldest item."""
        try:
            items, since, _ = self._blocks[0]
            # The last consumer may have left an empty block.
            return since if length_hint(items) else self._blocks[1][1]
        except IndexError:
            return None

    # --- the writer ---------------------------------------------------------------------------

    def add(self, updates: Sequence[Any], now: float) -> int:
        """Add a block; return the number of queued items."""
        self._end += len(updates)
        self._blocks.append((iter(updates), now, self._end))
        return len(updates)

    def drain(self) -> _Dated:
        """Remove and return all items that no consumer has removed yet."""
        parts: List[_Dated] = []
        # From the newest, each block in one step. If it began with the oldest, a consumer could get
        # a newer block in between, and the older ones would be put back behind it.
        while True:
            try:
                items, since, _ = self._blocks.pop()
            except IndexError:
                break
            parts.append([(item, since) for item in list(items)])
        return [dated for part in reversed(parts) for dated in part]

    def refill(self, items: _Dated) -> None:
        """Put items back, keeping their arrival times."""
        for since, group in groupby(items, key=itemgetter(1)):
            self.add([item for item, _ in group], since)

    # --- consumers ----------------------------------------------------------------------------

    def pop_many(self, limit: int) -> Tuple[List[Any], float | None]:
        """Remove the oldest items; return them and the arrival time of the first."""
        taken: List[Any] = []
        first: float | None = None
        while self._blocks and len(taken) < limit:
            try:
                block = self._blocks[0]
                is_part = length_hint(block[0]) > limit - len(taken)
                if not is_part:
                    block = self._blocks.popleft()
            except IndexError:
                break  # removed by the writer
            # After a part the block stays in place: the other items count, and may be dropped.
            taken += islice(block[0], limit - len(taken)) if is_part else block[0]
            if first is None and taken:
                first = block[1]
        return taken, first

    def claim(self, claimed: Claimed, number: int) -> float:
        """
        Move the oldest item into the claims of a thread; return its time of arrival.

        Raises IndexError if the queue is empty.
        """
        while True:
            block = self._blocks[0]
            # One call; `zip` ends at the only number before it removes a second item.
            claimed.update(zip((number,), block[0]))
            if number in claimed:
                return block[1]
            # Not empty if a signal handler has read what was claimed here.
            if not length_hint(block[0]):
                self._forget(block)

    def _forget(self, block: _Block) -> None:
        try:
            self._blocks.remove(block)
        except ValueError:
            pass  # removed by another reader or the writer


class LatestQueue:
    """
    Keeps the newest item of each key; an item never replaces one from before an event.

    It has the methods of `OrderedQueue`; a replacement keeps the arrival time of the first item.
    """

    def __init__(self) -> None:
        # By key: the item and its arrival time. Implemented in C, so each method is one step.
        self._items: OrderedDict[Any, Tuple[Any, float]] = OrderedDict()
        self.held: OrderedDict[Any, Tuple[Any, float]] = self._items
        # Used by the writer only.
        self._events = 0

    def __len__(self) -> int:
        return len(self._items)

    @property
    def since(self) -> float | None:
        while True:
            try:
                return min((since for _, since in self._items.values()), default=None)
            except RuntimeError:
                pass  # changed by another thread

    # --- the writer ---------------------------------------------------------------------------

    def add(self, updates: Sequence[Any], now: float) -> int:
        keys = set()
        for item in updates:
            key_of = KEYS.get(item.__class__)
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
        left: _Dated = []
        try:
            while True:
                # From the newest, as above.
                left.append(self._items.popitem()[1])
        except KeyError:
            return left[::-1]

    def refill(self, items: _Dated) -> None:
        for item, since in items:
            self.add([item], since)

    # --- consumers ----------------------------------------------------------------------------

    def pop_many(self, limit: int) -> Tuple[List[Any], float | None]:
        taken: _Dated = []
        try:
            while len(taken) < limit:
                taken.append(self._items.popitem(last=False)[1])
        except KeyError:
            pass
        return [item for item, _ in taken], taken[0][1] if taken else None

    def claim(self, claimed: Claimed, number: int) -> float:
        now = time.monotonic()
        try:
            # Another thread may take this one first, which only makes the lag inexact.
            since = next(iter(self._items.values()), (None, now))[1]
        except RuntimeError:
            since = now  # changed by another thread
        oldest = map(self._items.popitem, (False,))
        try:
            claimed.update(zip((number,), map(_ITEM, map(_DATED, oldest))))
        except KeyError:
            raise IndexError from None
        return since
