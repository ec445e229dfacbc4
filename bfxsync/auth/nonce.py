"""
Nonces: strictly increasing numbers, one source per key.

Strategy: REST and all sockets of the process share one `Nonce` per key, as the exchange compares
each nonce with the largest one it has received for that key. A nonce may be overtaken by a later
one on another connection, and is then refused. REST calls of a key are sent one by one; the retry
of a refused one also excludes sockets, whose nonces wait until it is over. Several processes share
one source through a file (`FileNonce`).

https://docs.bitfinex.com/docs/rest-auth
https://docs.bitfinex.com/docs/ws-auth
"""

from __future__ import annotations

import time
from collections import deque
from typing import Callable, Deque, Dict, NamedTuple, Optional, TypeVar

from bfxsync._base.atomic import AtomicValue
from bfxsync.errors import BfxError, UsageError

R = TypeVar("R")

MAX_NONCE = 2**53 - 1
"""The largest nonce that the exchange accepts; nanoseconds since 1970 exceed it."""

OVERTAKING_S = 10.0
"""Maximum age of a nonce that was drawn for a socket and may still be in flight."""

Deliver = Callable[["int | Exception"], object]


class _State(NamedTuple):
    last: int
    # The call that excludes those that draw without blocking.
    holder: Optional[object] = None


class Nonce:
    """
    Strictly increasing numbers: microseconds since 1970, or one more than the last.

    After the clock was set back, the numbers continue from the last one.

    Parameters
    ----------
    clock : callable
        Seconds since 1970.
    last : int
        The last nonce used; the next one is larger.
    """

    is_shared: bool = False
    """Whether other processes can draw from the same source."""

    def __init__(self, clock: Callable[[], float] = time.time, last: int = 0) -> None:
        self._clock = clock
        # Lock-free: an I/O thread draws nonces too and must not wait for an interrupted thread.
        self._state = AtomicValue(_State(last))
        self._waiting: Deque[Deliver] = deque()
        self._drawn_at = -OVERTAKING_S

    def next(self) -> int:
        """
        Return the next nonce.

        Raises
        ------
        UsageError
            The largest nonce was used; this key can never be used again.
        """
        now = int(self._clock() * 1_000_000)

        def draw(state: _State) -> tuple[_State, int]:
            nonce = self._after(state.last, now)
            return state._replace(last=nonce), nonce

        return self._state.update(draw)

    def draw(self, deliver: Deliver) -> None:
        """
        Draw the next nonce without blocking, as an I/O thread must.

        `deliver` is called with the nonce, or with the error that `next` would raise: immediately,
        or later on another thread.
        """
        self._waiting.append(deliver)
        self._serve()

    @property
    def may_overtake(self) -> bool:
        """Whether a socket, or another process, may just be using a nonce of this source."""
        return self.is_shared or time.monotonic() - self._drawn_at < OVERTAKING_S

    def exclusive(self, timeout: float, work: Callable[[], R]) -> R:
        """
        Call a function while nothing else draws a nonce.

        Other threads that call `next` are excluded by `SignedLock`.
        """
        me = object()
        try:
            # Ended twice, as Ctrl-C may interrupt the first call.
            try:
                self._state.update(lambda state: (state._replace(holder=me), None))
                return work()
            finally:
                self._release(me)
        finally:
            self._release(me)

    def _release(self, me: object) -> None:
        def release(state: _State) -> tuple[_State, None]:
            return state._replace(holder=None) if state.holder is me else state, None

        self._state.update(release)
        self._serve()

    def _serve(self) -> None:
        """Serve the queued requests for nonces, unless they are excluded now."""

        def draw(state: _State) -> tuple[_State, int | None]:
            if state.holder is not None:
                return state, None
            nonce = self._after(state.last, now)
            return state._replace(last=nonce), nonce

        # Until the queue is empty, as another thread may have returned while it was excluded.
        while self._waiting:
            now = int(self._clock() * 1_000_000)
            result: int | BfxError | None
            try:
                result = self._state.update(draw)
            except BfxError as error:
                result = error
            if result is None:
                return
            self._drawn_at = time.monotonic()
            try:
                deliver = self._waiting.popleft()
            except IndexError:
                return  # another thread has served it; a nonce that is left out does no harm
            deliver(result)

    def _reset_after_fork(self) -> None:
        """Reset in a child process: parent and child both follow the clock."""
        self._waiting.clear()
        self._state.update(lambda state: (state._replace(holder=None), None))

    def _after(self, last: int, now: int) -> int:
        nonce = max(last + 1, now)
        if nonce > MAX_NONCE:
            raise UsageError(f"no nonce is left: the next one would exceed {MAX_NONCE}")
        return nonce


# Never removed: a new client continues after the nonces of an old one, even if the clock has been
# set back.
_nonces: Dict[str, Nonce] = {}


def shared_nonce(identity: str) -> Nonce:
    """Return the nonce source that this process shares for a key."""
    # One dict operation is atomic.
    return _nonces.setdefault(identity, Nonce())
