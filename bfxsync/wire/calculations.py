"""
Requests to calculate values, within the limits of the exchange: 30 names per message, 8 messages
per second.

https://docs.bitfinex.com/reference/ws-auth-input-calc
"""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import Deque, Dict, Hashable, List, Sequence, Set, Tuple

MOST_NAMES = 30
MOST_PER_PERIOD = 8
PERIOD_S = 1.1
"""A second, and a margin: messages may arrive closer together than they were sent."""

Calculation = Tuple[Tuple[str, ...], List[Hashable]]
"""The names of one message, and the tokens of the requests that it completes."""


class Calculations:
    """
    Names that are waiting for their turn; one that is requested again meanwhile is sent once.

    Examples
    --------
    >>> queue = Calculations()
    >>> queue.add(["balance", "wallet_margin_BTC"], "first")
    >>> queue.add(["balance"], "second")
    >>> queue.due(now=0.0)
    [(('balance', 'wallet_margin_BTC'), ['first', 'second'])]
    """

    def __init__(self) -> None:
        # In order.
        self._names: Dict[str, None] = {}
        # The requests, with those of their names that have not been sent.
        self._requests: List[Tuple[Hashable, Set[str]]] = []
        self._sent_at: Deque[float] = deque(maxlen=MOST_PER_PERIOD)

    def add(self, names: Sequence[str], token: Hashable = None) -> None:
        """Add the names of a request."""
        self._names.update(dict.fromkeys(names))
        self._requests.append((token, set(names)))

    def due(self, now: float) -> List[Calculation]:
        """Return the messages that may be sent now."""
        found: List[Calculation] = []
        while self._names and now >= self._free_at:
            names = tuple(islice(self._names, MOST_NAMES))
            for name in names:
                del self._names[name]
            self._sent_at.append(now)
            found.append((names, self._complete(names)))
        return found

    def deadline(self) -> float | None:
        """Return when to call `due`, or None."""
        return self._free_at if self._names else None

    def clear(self) -> List[Hashable]:
        """Drop all names; return the tokens of the requests that were not sent completely."""
        tokens = [token for token, _ in self._requests]
        self._names.clear()
        self._requests.clear()
        return tokens

    @property
    def _free_at(self) -> float:
        is_full = len(self._sent_at) == MOST_PER_PERIOD
        return self._sent_at[0] + PERIOD_S if is_full else float("-inf")

    def _complete(self, names: Sequence[str]) -> List[Hashable]:
        for _, left in self._requests:
            left.difference_update(names)
        complete = [token for token, left in self._requests if not left]
        self._requests = [request for request in self._requests if request[1]]
        return complete
