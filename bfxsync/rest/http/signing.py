"""
Signed calls: one on the wire at a time per key, so that nonces arrive in order.

Strategy: a call draws its nonce and signs when it acquires the lock of its key, and releases the
lock after the response. All clients of a process with the same key share the lock. It is never held
during rate limit waits or retry delays.
"""

from __future__ import annotations

import time
from functools import partial
from operator import attrgetter
from typing import Any, Callable, Dict, Iterable, NamedTuple, Optional, Tuple, TypeVar

import attrs

from bfxsync._base.atomic import AtomicValue
from bfxsync._base.forks import reset_after_fork
from bfxsync._base.hidden import Hidden
from bfxsync._base.latch import Latch
from bfxsync._base.logs import get_logger
from bfxsync.auth.current_signer import CurrentSigner
from bfxsync.auth.signer import RestSigner
from bfxsync.errors import BfxError, ClosedError, RequestTimeout
from bfxsync.rest.http.rate_limiter import wait_in_naps
from bfxsync.rest.http.response import HttpResponse, read_answer
from bfxsync.rest.http.retry_policy import RequestKind
from bfxsync.wire.codec import Loads

R = TypeVar("R")

MOST_OVERTAKINGS = 10

_USE_FILE = (
    "Pass the same nonce_file= (extra multiprocess) in all processes of this machine that use the "
    "key; each further machine needs its own key"
)
_ALL_WITH_FILE = (
    "Pass the same nonce_file= in every process that uses the key; each further machine needs its "
    "own key"
)

_log = get_logger(__name__)

_BLACKED_OUT = b"***"
# Shorter values are not secret: words such as the kind of a second factor.
_SHORTEST = 4


@attrs.define(eq=False)
class _Turn:
    kind: RequestKind
    # Set when it may have the lock; `_LockQueue` decides.
    latch: Latch = attrs.field(factory=Latch)


class _LockQueue(NamedTuple):
    """
    The holder of the lock and the queue.

    Attributes
    ----------
    holder : _Turn or None
        None only if the queue is empty.
    waiting : tuple of _Turn
        In order of arrival.
    overtakings : int
        How often in a row the first one was overtaken.
    """

    holder: Optional[_Turn] = None
    waiting: Tuple[_Turn, ...] = ()
    overtakings: int = 0

    def with_turn(self, turn: _Turn) -> _LockQueue:
        """Add a call, which gets the lock if it is free."""
        if self.holder is None:
            return self._replace(holder=turn)
        return self._replace(waiting=(*self.waiting, turn))

    def without(self, turn: _Turn) -> _LockQueue:
        """Remove a call; the next one gets its lock."""
        if self.holder is turn:
            return self._next()
        if turn not in self.waiting:
            return self
        return self._replace(waiting=_without(self.waiting, turn))

    def _next(self) -> _LockQueue:
        if not self.waiting:
            return self._replace(holder=None)
        first = self.waiting[0]
        # `min` is stable: the first of the same kind.
        following, overtakings = min(self.waiting, key=attrgetter("kind")), 0
        if following is not first and self.overtakings == MOST_OVERTAKINGS:
            following = first
        elif following is not first:
            overtakings = self.overtakings + 1
        return _LockQueue(following, _without(self.waiting, following), overtakings)


class SignedLock:
    """
    Lock of a key, held by the one signed call that is on the wire.

    Waiting calls are served by kind (orders first), then by arrival; after `MOST_OVERTAKINGS` in a
    row the oldest one is next. The queue is an immutable value replaced atomically, so a thread
    interrupted at any point leaves it consistent.
    """

    def __init__(self) -> None:
        self._queue = AtomicValue(_LockQueue())
        reset_after_fork(self)

    def run(
        self, kind: RequestKind, deadline: float, closed: Latch, work: Callable[[], R]
    ) -> R:
        """
        Do the work while holding the lock.

        Parameters
        ----------
        deadline : float
            Latest end of the wait, by `time.monotonic`.
        closed : Latch
            Ends the wait; call `wake` after setting it.

        Raises
        ------
        RequestTimeout
            Other calls held the lock until the deadline; nothing was sent.
        ClosedError
            The latch was set.
        """
        turn = _Turn(kind)
        try:
            # Not a context manager: Ctrl-C may come between `__enter__` and the block.
            try:
                self._queue.update(lambda queue: (queue.with_turn(turn), None))
                self._wait(turn, deadline, closed)
                return work()
            finally:
                self._leave(turn)
        finally:
            # Again, in case Ctrl-C interrupted the first call; a second call has no effect.
            self._leave(turn)

    def wake(self) -> None:
        """Make waiting calls check `closed`; safe in a signal handler."""
        for turn in self._queue.get().waiting:
            turn.latch.set()

    def _reset_after_fork(self) -> None:
        """Reset in a child process: the call on the wire is the parent's."""
        self._queue = AtomicValue(_LockQueue())

    def _wait(self, turn: _Turn, deadline: float, closed: Latch) -> None:
        while True:
            # Checked first: an order that gets its turn after the client was closed must not be
            # sent.
            if closed.is_set:
                raise ClosedError("the client was closed")
            if self._queue.get().holder is turn:
                return
            rest_s = deadline - time.monotonic()
            if rest_s <= 0:
                raise RequestTimeout(
                    "other calls with the same key were on the wire all the time",
                    phase="connect",
                )
            wait_in_naps(turn.latch, rest_s)
            turn.latch.clear()

    def _leave(self, turn: _Turn) -> None:
        def leave(queue: _LockQueue) -> tuple[_LockQueue, _Turn | None]:
            after = queue.without(turn)
            return after, after.holder

        # Setting the latch of the current holder twice is harmless.
        holder = self._queue.update(leave)
        if holder is not None:
            holder.latch.set()


def _without(turns: Tuple[_Turn, ...], turn: _Turn) -> Tuple[_Turn, ...]:
    return tuple(other for other in turns if other is not turn)


_REPLACED: Any = object()


def with_current_key(
    current: CurrentSigner,
    kind: RequestKind,
    deadline: float,
    closed: Latch,
    send: Callable[[RestSigner], R],
) -> R:
    """
    Call `send` while holding the lock of the key, of the new one if it is replaced meanwhile.

    Orders also wait for the last call with a replaced key: their cancellation must not overtake it.
    """
    while True:
        if kind is RequestKind.ORDER:
            for token, former in list(current.replaced.items()):
                signed_lock(former.identity).run(kind, deadline, closed, _pass)
                if current.signer is not former:
                    current.replaced.pop(token, None)
        signer = current.signer
        assert signer is not None, "it was checked before"
        send_once = partial(_send_if_current, current, signer, send)
        lock = signed_lock(signer.identity)
        result = lock.run(kind, deadline, closed, send_once)
        if result is not _REPLACED:
            return result


def _pass() -> None:
    """Do nothing while holding a lock: the call only waits for it."""


def _send_if_current(
    current: CurrentSigner, signer: RestSigner, send: Callable[[RestSigner], R]
) -> R:
    return send(signer) if current.signer is signer else _REPLACED


_locks: Dict[str, SignedLock] = {}


def signed_lock(identity: str) -> SignedLock:
    """Return the lock that this process shares for a key."""
    # One dict operation is atomic.
    return _locks.setdefault(identity, SignedLock())


_warned: Dict[str, object] = {}


def warn_of_other_process(signer: RestSigner, is_retry: bool) -> None:
    """
    Log once per key what to do about a refused nonce, if only another process can have caused it.

    Nonces from a file, or for a socket of this process, may arrive out of order at the first
    attempt; at the second they cannot.
    """
    if signer.nonce.may_overtake and not is_retry:
        return
    me = object()
    # One dict operation is atomic.
    if _warned.setdefault(signer.identity, me) is me:
        _log.warning(
            "the exchange refused a nonce as too small (10114): another process uses the same "
            "key, or this machine's clock was set back. %s",
            _ALL_WITH_FILE if signer.nonce.is_shared else _USE_FILE,
        )


def without_secrets(
    answer: HttpResponse, sent: Iterable[str], loads: Loads
) -> HttpResponse:
    """
    Mask the secrets of a request in an error response, which may be shown.

    A gateway may echo the request that it refuses. Successful responses are returned unchanged.
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
