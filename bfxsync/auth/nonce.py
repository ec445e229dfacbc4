"""
Nonces: strictly increasing numbers, one source per key.

Strategy: REST and all sockets of the process share one `Nonce` per key, as the exchange compares
each nonce with the largest one it has received for that key. Several processes share one through
a file (`FileNonce`).

https://docs.bitfinex.com/docs/rest-auth
https://docs.bitfinex.com/docs/ws-auth
"""

from __future__ import annotations

import time
from typing import Callable, Dict, TypeVar

from bfxsync._base.atomic import AtomicValue
from bfxsync.errors import BfxError, UsageError

R = TypeVar("R")

MAX_NONCE = 2**53 - 1
"""The largest nonce that the exchange accepts; nanoseconds since 1970 exceed it."""


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
        self._last = AtomicValue(last)

    def next(self) -> int:
        """
        Return the next nonce.

        Raises
        ------
        UsageError
            The largest nonce was used; this key can never be used again.
        """
        now = int(self._clock() * 1_000_000)

        def draw(last: int) -> tuple[int, int]:
            nonce = self._after(last, now)
            return nonce, nonce

        return self._last.update(draw)

    def draw(self, deliver: Callable[[int | Exception], object]) -> None:
        """
        Draw the next nonce without blocking, as an I/O thread must.

        `deliver` is called with the nonce, or with the error that `next` would raise: immediately,
        or later on another thread.
        """
        try:
            number = self.next()
        except BfxError as error:
            deliver(error)
        else:
            deliver(number)

    def exclusive(self, timeout: float, work: Callable[[], R]) -> R:
        """Call a function while no other process draws a nonce; `SignedLock` excludes threads."""
        return work()

    def _reset_after_fork(self) -> None:
        """Nothing to reset: parent and child both follow the clock."""

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
