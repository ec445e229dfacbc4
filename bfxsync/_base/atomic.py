"""
A value that several threads change, without a lock that one of them could keep.

Strategy: each value is a node that names the next one, and `dict.setdefault` says in one call of C
who has named it first; the others begin again with that one's value. Ctrl-C leaves the old value
or the new one, at whatever line it comes, and a fork does too. `with lock:` is not of that kind:
before Python 3.11 an interrupt may come when the lock is taken and the block not yet begun, and
then nobody ever releases it.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Generic, Tuple, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class AtomicValue(Generic[T]):
    """
    A value that is replaced as a whole.

    Parameters
    ----------
    value : object
        Not to be changed by anybody, as all that follow it.
    """

    def __init__(self, value: T) -> None:
        # Where to look from; another thread may have put it back by a few nodes.
        self._newest: Dict[str, Any] = {"value": value}

    def get(self) -> T:
        """Return the value."""
        value: T = self._last()["value"]
        return value

    def update(self, change: Callable[[T], Tuple[T, R]]) -> R:
        """
        Replace the value by what a function makes of it.

        Parameters
        ----------
        change : callable
            Takes the value and returns the new one (or the same, if nothing is to change), and
            what to return. It is called again if another thread was faster, so it must do nothing
            else.
        """
        while True:
            node = self._last()
            value, result = change(node["value"])
            if value is node["value"]:
                return result
            following = {"value": value}
            if node.setdefault("next", following) is following:
                self._newest = following
                return result

    def _last(self) -> Dict[str, Any]:
        node = self._newest
        while "next" in node:
            node = node["next"]
        return node
