"""
Nonces: strictly increasing numbers, one source for each key.

Strategy: one `Nonce` for each key, shared by REST and every socket of the process, as the exchange
compares each nonce with the largest that it has seen for that key anywhere. Several processes
share one through a file (`FileNonce`).

References
----------
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
"""The largest that the exchange accepts; nanoseconds since 1970 are beyond it."""


class Nonce:
    """
    Strictly increasing numbers: microseconds since 1970, or one more than the last.

    A clock that is set back changes nothing: the numbers go on from the last one.

    Parameters
    ----------
    clock : callable
        Seconds since 1970.
    last : int
        Where to go on; the next one is larger.
    """

    def __init__(self, clock: Callable[[], float] = time.time, last: int = 0) -> None:
        self._clock = clock
        # Without a lock: the thread of a socket draws numbers too, and must not wait for one that
        # was interrupted.
        self._last = AtomicValue(last)

    def next(self) -> int:
        """
        Return the next number.

        Raises
        ------
        UsageError
            The largest possible one was used; this key can never be used again.
        """
        now = int(self._clock() * 1_000_000)

        def draw(last: int) -> tuple[int, int]:
            nonce = self._after(last, now)
            return nonce, nonce

        return self._last.update(draw)

    def draw(self, deliver: Callable[[int | Exception], object]) -> None:
        """
        Draw the next number without waiting for anything, as the thread of a socket has to.

        Parameters
        ----------
        deliver : callable
            Takes the number, or the error that `next` would have raised; at once, or later on
            another thread if the number must be waited for.
        """
        try:
            number = self.next()
        except BfxError as error:
            deliver(error)
        else:
            deliver(number)

    def exclusive(self, timeout: float, work: Callable[[], R]) -> R:
        """Call it while nobody else draws a number; threads are kept out elsewhere."""
        return work()

    def _reset_after_fork(self) -> None:
        """Go on in a child process; the numbers of both come from the clock."""

    def _after(self, last: int, now: int) -> int:
        nonce = max(last + 1, now)
        if nonce > MAX_NONCE:
            raise UsageError(f"no nonce is left: the next would be above {MAX_NONCE}")
        return nonce


# Never forgotten: a client that is made anew after the clock was set back goes on behind the
# last one's numbers.
_nonces: Dict[str, Nonce] = {}


def shared_nonce(identity: str) -> Nonce:
    """Return the one source of nonces of this process for a key."""
    # One call of a dict is not interrupted by other threads.
    return _nonces.setdefault(identity, Nonce())
