"""
Signed calls: one on the wire at a time for each key, so that nonces arrive in order.

Strategy: a call gets its nonce and its signature at the last moment, when it is its turn, and the
next one's turn comes when its answer is there. Turns belong to the key, not to the client: all
clients of a process with the same key share them. Limits and pauses are waited for before a turn,
never during one.
"""

from __future__ import annotations

import heapq
import threading
import time
from contextlib import contextmanager
from typing import Dict, Iterable, Iterator, List

import attrs

from bfxsync.errors import BfxError, ClosedError, RequestTimeout
from bfxsync.forks import renew_after_fork
from bfxsync.hidden import Hidden
from bfxsync.rest.answers import Answer, read_answer
from bfxsync.rest.limits import wait_in_naps
from bfxsync.rest.outcomes import Kind
from bfxsync.wire.codec import Loads

MOST_OVERTAKINGS = 10

_BLACKED_OUT = b"***"
# Shorter ones are words, such as the name of a kind of second factor.
_SHORTEST = 4


@attrs.define(order=True)
class _Turn:
    kind: Kind
    number: int = 0
    is_here: bool = attrs.field(default=False, order=False)
    event: threading.Event = attrs.field(factory=threading.Event, order=False)


class SignedLock:
    """
    Held by the one signed call of a key that is on the wire.

    The most urgent of those that wait comes next, and of the same kind the one that has waited
    for longest; but after `MOST_OVERTAKINGS` in a row it is the turn of the one that came first.
    Unlike every other lock here it is held during I/O: that is what it is for.
    """

    def __init__(self) -> None:
        # Protects all below, for moments only.
        self._lock = threading.Lock()
        self._is_held = False
        self._waiting: List[_Turn] = []
        self._count = 0
        self._overtakings = 0
        renew_after_fork(self)

    @contextmanager
    def turn(
        self, kind: Kind, deadline: float, closed: threading.Event
    ) -> Iterator[None]:
        """
        Wait for the turn of a call, and keep it until the end of the block.

        Parameters
        ----------
        kind : Kind
        deadline : float
            By `time.monotonic`.
        closed : threading.Event
            Ends the wait; who sets it has to call `wake`.

        Raises
        ------
        RequestTimeout
            Others have had their turns until then; nothing was sent.
        ClosedError
            The event was set.
        """
        turn = _Turn(kind)
        try:
            # In here, as Ctrl-C may come as soon as it is the turn.
            with self._lock:
                self._count += 1
                turn.number = self._count
                if self._is_held:
                    heapq.heappush(self._waiting, turn)
                else:
                    self._is_held = turn.is_here = True
            while not turn.is_here:
                if closed.is_set():
                    raise ClosedError("the client was closed")
                rest_s = deadline - time.monotonic()
                if rest_s <= 0:
                    raise RequestTimeout(
                        "other calls with the same key were on the wire all the time",
                        phase="connect",
                    )
                wait_in_naps(turn.event, rest_s)
                turn.event.clear()
            yield
        finally:
            self._leave(turn)

    def wake(self) -> None:
        """Let those that wait look at their events; without a lock, as a signal may do this."""
        for turn in list(self._waiting):
            turn.event.set()

    def _reset_after_fork(self) -> None:
        """Start anew in a child process: the call on the wire is the parent's."""
        self._lock = threading.Lock()
        self._is_held = False
        self._waiting = []

    def _leave(self, turn: _Turn) -> None:
        with self._lock:
            if not turn.is_here:
                if turn in self._waiting:
                    self._waiting.remove(turn)
                    heapq.heapify(self._waiting)
                return
            if not self._waiting:
                self._is_held = False
                return
            following = self._next()
            following.is_here = True
        following.event.set()

    def _next(self) -> _Turn:
        assert self._lock.locked()
        first = min(self._waiting, key=_number)
        if first is not self._waiting[0] and self._overtakings < MOST_OVERTAKINGS:
            self._overtakings += 1
            return heapq.heappop(self._waiting)
        self._overtakings = 0
        self._waiting.remove(first)
        heapq.heapify(self._waiting)
        return first


def _number(turn: _Turn) -> int:
    return turn.number


_locks: Dict[str, SignedLock] = {}


def signed_lock(identity: str) -> SignedLock:
    """Return the one lock of this process for a key."""
    # One call of a dict is not interrupted by other threads.
    return _locks.setdefault(identity, SignedLock())


def without_secrets(answer: Answer, sent: Iterable[str], loads: Loads) -> Answer:
    """
    Return an answer that may be kept in an error and shown.

    A gateway may show the request that it refuses: of what was sent, all that is `Hidden` is
    blacked out. What is no error stays as it is.
    """
    body = answer.body
    for value in sent:
        if isinstance(value, Hidden) and len(value) >= _SHORTEST:
            body = body.replace(value.encode(), _BLACKED_OUT)
    if body != answer.body:
        try:
            read_answer(answer, loads, 0.0)
        except BfxError:
            return answer._replace(body=body)
    return answer
