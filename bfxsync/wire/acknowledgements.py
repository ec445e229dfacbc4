"""
Finds the operation that a notification responds to.

Strategy: notifications have no request id. A new order is recognised by its client id, updates and
cancellations by the order that they name, the others by their kind alone. So one operation of those
with the same key is in flight at a time: the next one waits for its notification, or ANSWER_S.
After that a notification may be late or lost, and one that may mean either operation means none.
The fate of both is then shown by the orders, or by REST.

https://docs.bitfinex.com/docs/notifications
"""

from __future__ import annotations

from collections import deque
from typing import Any, Deque, Dict, Iterable, List, Sequence, Tuple

from bfxsync._base.aliases import Mts, Row
from bfxsync.errors import BfxError
from bfxsync.models.notification import Notification
from bfxsync.wire.in_flight import Batch, InFlight, Key, rejection
from bfxsync.wire.operations import Operation
from bfxsync.wire.order_terms import may_be_offer

ANSWER_S = 10.0
"""Time after which an operation counts as unanswered."""

LATE_S = 60.0
"""How late a notification may be."""

_KINDS = {f"{name}-req": name for name in ("on", "ou", "oc", "oc_multi", "fon", "foc")}
_MOST_RECENT = 256


class Acknowledgements:
    """The operations of one socket that wait for their notifications."""

    def __init__(self) -> None:
        self._waiting: Dict[Key, List[InFlight]] = {}
        # By time of sending, to forget the keys of notifications that never come.
        self._sent: Dict[InFlight, None] = {}
        self._batches: List[Batch] = []
        # Refusals of batches, while it is not certain of which ones.
        self._refusals: List[BfxError] = []
        # To recognise repetitions: rows by their time, as to compare all would take long.
        self._recent: Dict[Mts | None, Deque[Row]] = {}
        self._times: Deque[Mts | None] = deque()

    def add(self, sent: Sequence[InFlight]) -> None:
        """Expect the notifications about the operations of one message."""
        for entry in sent:
            self._waiting.setdefault(_key_of(entry.operation), []).append(entry)
            self._sent[entry] = None
        if len(sent) > 1:
            self._batches.append(sent[0].batch)

    def sendable(self, operations: Iterable[Operation], now: float) -> int:
        """Return how many of these, from the first, can be sent in one message now."""
        self._expire(now)
        count, keys = 0, set()
        for operation in operations:
            key = _key_of(operation)
            waiting = self._of(key)
            if key in keys or (waiting and now < waiting[-1].sent_at + ANSWER_S):
                break
            keys.add(key)
            count += 1
        return count

    def find(self, notification: Notification[Any], now: float) -> InFlight | None:
        """Return the operation that a notification accepts or refuses; None if in doubt."""
        name = _KINDS.get(notification.type)
        if name is None or not self._is_new(notification):
            return None
        self._expire(now)
        data = notification.data
        found = [entry for key in _keys_of(name, data) for entry in self._of(key)]
        if name == "fon":
            found = [entry for entry in found if may_be_offer(entry.body, data)]
        if len(found) != 1:
            return None
        entry = found[0]
        entry.is_answered = True
        self._remove(entry)
        self.answered(entry)
        return entry

    def refuse(self, notification: Notification[Any], now: float) -> None:
        """Note that the exchange has refused a batch, which one `refused` finds out."""
        error = rejection(notification)
        if error is not None and self._is_new(notification):
            self._expire(now)
            self._refusals.append(error)

    def answered(self, entry: InFlight) -> None:
        """Note that the exchange has read the operations of a message."""
        batch = entry.batch
        batch.is_answered = True
        if batch in self._batches:
            self._batches.remove(batch)

    def refused(self) -> List[Tuple[InFlight, BfxError]]:
        """Return the operations of refused batches, as soon as it is certain which ones."""
        if not self._refusals or len(self._refusals) != len(self._batches):
            return []
        error = self._refusals[0]
        found = [(entry, error) for batch in self._batches for entry in batch.members]
        self._batches, self._refusals = [], []
        for entry, _ in found:
            entry.is_answered = True
            self._remove(entry)
        return found

    def _is_new(self, notification: Notification[Any]) -> bool:
        same = self._recent.setdefault(notification.mts, deque())
        if notification.raw in same:
            return False
        same.append(notification.raw)
        self._times.append(notification.mts)
        if len(self._times) > _MOST_RECENT:
            oldest = self._times.popleft()
            self._recent[oldest].popleft()
            if not self._recent[oldest]:
                del self._recent[oldest]
        return True

    def _of(self, key: Key) -> Sequence[InFlight]:
        return self._waiting.get(key, ())

    def _remove(self, entry: InFlight) -> None:
        # Its reply may have no other reference.
        self._sent.pop(entry, None)
        key = _key_of(entry.operation)
        left = [other for other in self._of(key) if other is not entry]
        self._waiting.pop(key, None)
        if left:
            self._waiting[key] = left

    def _expire(self, now: float) -> None:
        while self._sent:
            entry = next(iter(self._sent))
            if now < entry.sent_at + LATE_S:
                break
            self._remove(entry)
            if entry.batch in self._batches:
                self._batches.remove(entry.batch)
                # One of them may have been of this batch.
                self._refusals = []


def _key_of(operation: Operation) -> Key:
    name, body = operation.name, operation.body
    if name in ("oc_multi", "fon"):
        return (name,)
    return (name, "id", body["id"]) if "id" in body else (name, "cid", body["cid"])


def _keys_of(name: str, data: Any) -> Tuple[Key, ...]:
    # Those of the operations that a notification may be about.
    if name in ("oc_multi", "fon"):
        return ((name,),)
    id, cid = getattr(data, "id", None), getattr(data, "cid", None)
    return (name, "cid", cid), (name, "id", id)
