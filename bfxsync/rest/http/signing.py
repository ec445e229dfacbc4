"""
Signed calls: one on the wire at a time for each key, so that nonces arrive in order.

Strategy: a call gets its nonce and its signature at the last moment, when it is its turn, and the
next one's turn comes when its answer is there. Turns belong to the key, not to the client: all
clients of a process with the same key share them. Limits and pauses are waited for before a turn,
never during one.
"""

from __future__ import annotations

import time
from typing import Callable, Dict, Iterable, NamedTuple, Optional, Tuple, TypeVar

import attrs

from bfxsync._base.atomic import AtomicValue
from bfxsync._base.forks import reset_after_fork
from bfxsync._base.hidden import Hidden
from bfxsync._base.latch import Latch
from bfxsync.errors import BfxError, ClosedError, RequestTimeout
from bfxsync.rest.http.rate_limiter import wait_in_naps
from bfxsync.rest.http.response import HttpResponse, read_answer
from bfxsync.rest.http.retry_policy import RequestKind
from bfxsync.wire.codec import Loads

R = TypeVar("R")

MOST_OVERTAKINGS = 10

_BLACKED_OUT = b"***"
# Shorter ones are words, such as the name of a kind of second factor.
_SHORTEST = 4


@attrs.define(eq=False)
class _Turn:
    kind: RequestKind
    # Opened when it may be its turn; what counts is the line.
    latch: Latch = attrs.field(factory=Latch)


class _Line(NamedTuple):
    """
    Who has the turn, and who waits for it.

    Attributes
    ----------
    holder : _Turn or None
        None only while nobody waits.
    waiting : tuple of _Turn
        In the order in which they came.
    overtakings : int
        How often in a row the first of these was overtaken.
    """

    holder: Optional[_Turn] = None
    waiting: Tuple[_Turn, ...] = ()
    overtakings: int = 0

    def with_turn(self, turn: _Turn) -> _Line:
        """Return it with one more call, whose turn it is if there is no other."""
        if self.holder is None:
            return self._replace(holder=turn)
        return self._replace(waiting=(*self.waiting, turn))

    def without(self, turn: _Turn) -> _Line:
        """Return it without that call, whose turn is the next one's."""
        if self.holder is turn:
            return self._next()
        if turn not in self.waiting:
            return self
        return self._replace(waiting=_without(self.waiting, turn))

    def _next(self) -> _Line:
        if not self.waiting:
            return self._replace(holder=None)
        first = self.waiting[0]
        # Of those that are alike `min` gives the one that came first.
        following, overtakings = min(self.waiting, key=_kind), 0
        if following is not first and self.overtakings == MOST_OVERTAKINGS:
            following = first
        elif following is not first:
            overtakings = self.overtakings + 1
        return _Line(following, _without(self.waiting, following), overtakings)


class SignedLock:
    """
    Held by the one signed call of a key that is on the wire.

    The most urgent of those that wait comes next, and of the same kind the one that has waited
    for longest; but after `MOST_OVERTAKINGS` in a row it is the turn of the one that came first.
    It is held during I/O: that is what it is for. The line is one value that is replaced as a
    whole, so a thread that is interrupted at any moment leaves it as it should be.
    """

    def __init__(self) -> None:
        self._line = AtomicValue(_Line())
        reset_after_fork(self)

    def run(
        self, kind: RequestKind, deadline: float, closed: Latch, work: Callable[[], R]
    ) -> R:
        """
        Wait for the turn of a call, and keep it until the function is over.

        Parameters
        ----------
        kind : Kind
        deadline : float
            By `time.monotonic`.
        closed : Latch
            Ends the wait; who sets it has to call `wake`.
        work : callable
            Makes the call; what it returns is returned.

        Raises
        ------
        RequestTimeout
            Others have had their turns until then; nothing was sent.
        ClosedError
            The latch was set.
        """
        turn = _Turn(kind)
        try:
            # A context manager would not do: Ctrl-C may come between its begin and the block's.
            try:
                self._line.update(lambda line: (line.with_turn(turn), None))
                self._wait(turn, deadline, closed)
                return work()
            finally:
                self._leave(turn)
        finally:
            # Once more, for a Ctrl-C that has come in the first; of a turn that is left already
            # nothing is there.
            self._leave(turn)

    def wake(self) -> None:
        """Let those that wait look at their latches; a signal handler may do this."""
        for turn in self._line.get().waiting:
            turn.latch.set()

    def _reset_after_fork(self) -> None:
        """Start anew in a child process: the call on the wire is the parent's."""
        self._line = AtomicValue(_Line())

    def _wait(self, turn: _Turn, deadline: float, closed: Latch) -> None:
        while self._line.get().holder is not turn:
            if closed.is_set:
                raise ClosedError("the client was closed")
            rest_s = deadline - time.monotonic()
            if rest_s <= 0:
                raise RequestTimeout(
                    "other calls with the same key were on the wire all the time",
                    phase="connect",
                )
            wait_in_naps(turn.latch, rest_s)
            turn.latch.clear()

    def _leave(self, turn: _Turn) -> None:
        def leave(line: _Line) -> tuple[_Line, _Turn | None]:
            after = line.without(turn)
            return after, after.holder

        # Whoever has the turn now: to open its latch twice does no harm.
        holder = self._line.update(leave)
        if holder is not None:
            holder.latch.set()


def _kind(turn: _Turn) -> RequestKind:
    return turn.kind


def _without(turns: Tuple[_Turn, ...], turn: _Turn) -> Tuple[_Turn, ...]:
    return tuple(other for other in turns if other is not turn)


_locks: Dict[str, SignedLock] = {}


def signed_lock(identity: str) -> SignedLock:
    """Return the one lock of this process for a key."""
    # One call of a dict is not interrupted by other threads.
    return _locks.setdefault(identity, SignedLock())


def without_secrets(
    answer: HttpResponse, sent: Iterable[str], loads: Loads
) -> HttpResponse:
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
