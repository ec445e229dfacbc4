"""
A value that several threads can replace without a lock.

Strategy: values are nodes of a linked list, and `dict.setdefault`, one atomic call into C, appends
the next node; a thread that loses the race retries with the winner's value. An interrupt (Ctrl-C)
or a fork at any line leaves either the old value or the new one. `with lock:` does not guarantee
that: before Python 3.11 an interrupt between acquiring the lock and entering the block leaves it
locked forever.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Generic, Tuple, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class AtomicValue(Generic[T]):
    """A value that is replaced as a whole and never mutated."""

    def __init__(self, value: T) -> None:
        # Where to start looking; a race may set it back by a few nodes.
        self._newest: Dict[str, Any] = {"value": value}

    def get(self) -> T:
        """Return the value."""
        value: T = self._last()["value"]
        return value

    def update(self, change: Callable[[T], Tuple[T, R]]) -> R:
        """
        Replace the value by the result of a function.

        The function takes the value and returns a tuple: the new value (or the same object for no
        change) and the result of `update`. It must have no side effects, as it is called again
        after a lost race.
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
