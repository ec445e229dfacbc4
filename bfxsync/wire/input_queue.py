"""
The operations that wait to be sent, in the order of their submission.

Strategy: operations are sent in order, with two exceptions. Cancellations by id do not wait behind
others: they name what exists already. And an update or an offer that waits for the notification of
one like it, which may be lost, is overtaken by all that do not concern it. Before the wallet
snapshot of a socket the exchange may refuse orders for lack of balance, so new ones wait for it, or
`SETTLE_S`. What has left the queue is never sent again, whatever happens to the socket.

https://docs.bitfinex.com/reference/ws-auth-input
"""

from __future__ import annotations

from collections import deque
from typing import Any, Deque, Iterable, Optional, Protocol, Sequence, Set, Tuple

import attrs

from bfxsync.errors import BfxError
from bfxsync.wire.codec import dumps
from bfxsync.wire.commands import SendOperations
from bfxsync.wire.operation_buffer import OperationBuffer
from bfxsync.wire.operations import Operation, never_sent
from bfxsync.wire.outputs import AnyOutput, Send, Settle

SETTLE_S = 1.0
"""Time after the authentication from which new orders are sent also without a wallet snapshot."""

MOST_WAITING = 10_000
"""Number of operations that may wait; more are refused."""

MOST_OVERTAKEN = 100
"""Number of waiting commands that others may overtake."""

_NEED_FUNDS = ("on", "fon")
_CANCELLATIONS = ("oc", "foc", "oc_multi")
_OVERTAKEN = ("ou", "fon")


Subject = Tuple[str, Optional[int]]
"""Name and id of an operation; without id it may be about any."""


class Tracker(Protocol):
    """What the queue needs of `OrderTracker`."""

    def sendable(self, operations: Sequence[Operation], now: float) -> int:
        """Return how many of these, from the first, can be sent in one message now."""
        ...

    def sent(self, operations: Sequence[Operation], now: float) -> None:
        """Track the operations of a message that is sent now."""


_NEVER = float("inf")


@attrs.define(eq=False)
class _Waiting:
    """A command, and which of its operations are left."""

    may_queue: bool
    expires: float
    left: Deque[Operation]


class InputQueue:
    """The operations that are not sent yet."""

    def __init__(self, tracker: Tracker) -> None:
        self._tracker = tracker
        self._buffer = OperationBuffer()
        # Cancellations by id, and all others.
        self._urgent: Deque[_Waiting] = deque()
        self._waiting: Deque[_Waiting] = deque()
        self._count = 0
        # When the first of them expires, or earlier.
        self._expires = _NEVER
        self._is_open = False
        # When new orders may be sent; None once they may.
        self._settles_at: float | None = None

    @property
    def is_settling(self) -> bool:
        """Whether new orders wait for the wallet snapshot."""
        return self._settles_at is not None

    def open(self, now: float) -> None:
        """Send operations from now on: the socket is authenticated."""
        self._is_open = True
        self._settles_at = now + SETTLE_S

    def settle(self) -> None:
        """Send new orders from now on: the wallet snapshot has arrived."""
        self._settles_at = None

    def close(self) -> None:
        """Send nothing until `open`."""
        self._is_open = False
        self._settles_at = None

    def add(self, command: SendOperations) -> list[AnyOutput]:
        """Append the operations of a command, at once or after `SendOperations.buffer_until`."""
        return self._append(self._buffer.add(command))

    def _append(self, commands: Iterable[SendOperations]) -> list[AnyOutput]:
        """Append operations, or refuse them if too many are waiting."""
        outputs: list[AnyOutput] = []
        for command in commands:
            operations = command.operations
            if self._count + len(operations) > MOST_WAITING:
                outputs += refuse(operations, f"{self._count} others are waiting")
            elif operations:
                self._count += len(operations)
                self._expires = min(self._expires, command.expires)
                is_urgent = all(map(_is_by_id, operations))
                queue = self._urgent if is_urgent else self._waiting
                left = deque(operations)
                queue.append(_Waiting(command.may_queue, command.expires, left))
        return outputs

    def suspend(self, jump_s: float) -> list[AnyOutput]:
        """Let the duration of a suspend count: a late order is worse than none."""
        outputs = self._append(self._buffer.flush())
        self._expires -= jump_s
        for entry in (*self._urgent, *self._waiting):
            entry.expires -= jump_s
        return outputs

    def deadline(self) -> float | None:
        """Return when to call `tick`, or None."""
        first = self._buffer.deadline()
        if self._count:
            times = (first, self._expires, self._settles_at)
            first = min(time for time in times if time is not None)
        return first

    def tick(self, now: float) -> list[AnyOutput]:
        """Drop operations that have expired, and send what can be sent."""
        if self._settles_at is not None and now >= self._settles_at:
            self._settles_at = None
        due = self._buffer.due(now)
        outputs = self._append(due) if due else []
        return outputs + self._expire(now) + self.send(now)

    def _expire(self, now: float) -> list[AnyOutput]:
        """Drop operations that have expired."""
        if now < self._expires:
            return []
        return self.drop("it expired before it could be sent", expired_by=now)

    def send(self, now: float) -> list[AnyOutput]:
        """Send what can be sent, from the first."""
        if not self._is_open or not self._count:
            return []
        # A message may come before `tick`, as after a callback that has blocked the thread.
        outputs = self._expire(now)
        for queue in (self._waiting, self._urgent):
            if not queue:
                continue
            overtaken: Deque[_Waiting] = deque()
            subjects: Set[Subject] = set()
            while queue and len(overtaken) <= MOST_OVERTAKEN:
                left = queue[0].left
                if not subjects or not _concerns(left, subjects):
                    outputs += self._send_from(left, now)
                if left:
                    # Also later: operations of one message stay together.
                    if self.is_settling or not _may_be_overtaken(left):
                        break
                    subjects.update(map(_subject_of, left))
                    overtaken.append(queue[0])
                queue.popleft()
            queue.extendleft(reversed(overtaken))
        return outputs

    def _send_from(self, left: Deque[Operation], now: float) -> list[AnyOutput]:
        """Send what can be sent of a command, from its first operation."""
        outputs: list[AnyOutput] = []
        while left:
            count = self._sendable(left, now)
            if not count:
                break
            self._count -= count
            outputs += self._send([left.popleft() for _ in range(count)], now)
        return outputs

    def drop(
        self,
        reason: str,
        *,
        cause: BfxError | None = None,
        expired_by: float = _NEVER,
        keeps_queued: bool = False,
    ) -> list[AnyOutput]:
        """Refuse what expires by this time; with `keeps_queued` only what must not wait."""
        outputs: list[AnyOutput] = []
        if expired_by == _NEVER:
            outputs += self._append(self._buffer.flush())
        self._expires = _NEVER
        for queue in (self._urgent, self._waiting):
            for _ in range(len(queue)):
                entry = queue.popleft()
                if entry.expires > expired_by or (keeps_queued and entry.may_queue):
                    queue.append(entry)
                    self._expires = min(self._expires, entry.expires)
                else:
                    self._count -= len(entry.left)
                    outputs += refuse(entry.left, reason, cause)
        return outputs

    def _sendable(self, left: Deque[Operation], now: float) -> int:
        operations = list(left)
        if self.is_settling:
            for index, operation in enumerate(operations):
                if operation.name in _NEED_FUNDS:
                    del operations[index:]
                    break
        return self._tracker.sendable(operations, now)

    def _send(self, operations: list[Operation], now: float) -> list[AnyOutput]:
        outputs: list[AnyOutput] = []
        passed: list[Operation] = []
        for operation in operations:
            try:
                operation.before_send()
            except BfxError as exc:
                outputs.append(Settle(operation.token, error=exc))
            else:
                passed.append(operation)
        if not passed:
            return outputs
        self._tracker.sent(passed, now)
        message: list[Any] = [0, passed[0].name, None, passed[0].body]
        if len(passed) > 1:
            bodies = [[operation.name, operation.body] for operation in passed]
            message = [0, "ox_multi", None, bodies]
        return [*outputs, Send(dumps(message))]


def refuse(
    operations: Iterable[Operation], reason: str, cause: BfxError | None = None
) -> list[AnyOutput]:
    """Settle operations that were not sent, and never will be."""
    return [
        Settle(each.token, error=never_sent(each.name, each.body, reason, cause))
        for each in operations
    ]


def _subject_of(operation: Operation) -> Subject:
    return operation.name, operation.body.get("id")


def _may_be_overtaken(operations: Iterable[Operation]) -> bool:
    return all(operation.name in _OVERTAKEN for operation in operations)


def _concerns(operations: Iterable[Operation], subjects: Set[Subject]) -> bool:
    """Return whether one of these may be about the same as one that waits."""
    for operation in operations:
        name, id = _subject_of(operation)
        if name == "oc_multi" or any(
            name == other and (id == other_id or None in (id, other_id))
            for other, other_id in subjects
        ):
            return True
    return False


def _is_by_id(operation: Operation) -> bool:
    return operation.name in _CANCELLATIONS and operation.body.keys() == {"id"}
