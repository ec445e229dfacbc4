"""The requests that a process has sent lately, for a store that has lost them."""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from typing import Deque, Dict, Iterator, List, Tuple

from bfxsync.shared_limits.window import LATE_S, Limit

# A slot may be claimed late, and the clock of the store may have been set forward by a second.
_MARGIN_S = LATE_S + 1.0

_NOTHING: Tuple[float, Deque[Tuple[str, float]]] = (0.0, deque())


class Sent:
    """Owners and times of the last requests, by key; at most as many as the limit."""

    def __init__(self) -> None:
        self._by_key: Dict[str, Tuple[float, Deque[Tuple[str, float]]]] = {}

    def add(self, key: str, limit: Limit, owner: str, now: float) -> None:
        """Note that a request is sent now."""
        most: Deque[Tuple[str, float]] = deque(maxlen=limit.requests)
        _, sent = self._by_key.setdefault(key, (limit.window_s, most))
        sent.append((owner, now))

    def latest(self, key: str, now: float) -> str:
        """Return the owner of the last request if it is certainly in the window, else nothing."""
        window_s, sent = self._by_key.get(key, _NOTHING)
        last = list(sent)[-1:]
        return next(
            (owner for owner, at in last if now - at < window_s - _MARGIN_S), ""
        )

    def remove(self, key: str, owner: str) -> None:
        """Drop a request that was not sent after all."""
        _, sent = self._by_key.get(key, _NOTHING)
        for each in [each for each in list(sent) if each[0] == owner]:
            with suppress(ValueError):  # dropped meanwhile
                sent.remove(each)

    def recent(
        self, now: float
    ) -> Iterator[Tuple[str, float, List[Tuple[str, float]]]]:
        """Yield keys, their windows in seconds, and owners and ages of requests in the window."""
        for key, (window_s, sent) in list(self._by_key.items()):
            # By owner, as a request whose answer was discarded is sent later.
            ages = {owner: now - at for owner, at in list(sent)}
            recent = [
                (owner, age_s) for owner, age_s in ages.items() if age_s < window_s
            ]
            if recent:
                yield key, window_s, recent

    def forget(self, key: str) -> None:
        """Drop the requests of a key."""
        self._by_key.pop(key, None)
