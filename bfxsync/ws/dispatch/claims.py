"""
Items on their way from a queue to the thread that reads it.

Strategy: Ctrl-C may be raised between any two steps of Python code, and an item that only a local
variable or a return value holds then is lost. So no Python code holds an item alone. One call in C
moves it from the queue into the claims of the thread, where it can be looked at; iterators written
in C remove it from there and hand it to the caller. An interrupt before that leaves it claimed, and
the next call of the thread finds it.
"""

from __future__ import annotations

from functools import partial
from itertools import count, filterfalse, starmap
from operator import is_
from typing import Any, Callable, Dict, Iterator, Tuple

Claimed = Dict[int, Any]
"""The items that a thread has claimed, in order; its keys are those of `next_number`."""

Claim = Tuple[Claimed, int, None]
"""Arguments of `dict.pop` that remove an item; None if a signal handler has removed it."""

next_number: Callable[[], int] = count().__next__
"""Return a key that no claim has had."""

_is_none = partial(is_, None)


def handed_over(claim: Callable[[], Claim]) -> Iterator[Any]:
    """
    Iterate over claimed items.

    `claim` waits for the next one. What it raises leaves the iterator intact, except
    `StopIteration`, which ends it. Several threads may share it.
    """
    return filterfalse(_is_none, starmap(dict.pop, iter(claim, None)))
