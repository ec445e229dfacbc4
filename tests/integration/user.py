"""A client, and everything that its user is told, in the order in which it is told."""

from __future__ import annotations

import re
import threading
import time
from types import TracebackType
from typing import Any, Callable, Optional

from bfxsync import Backoff, Degraded, Gap, Snapshot, Status, WebSocketClient

from .bare_server import DEADLINE_S
from .support import Collector

TICKER = {"channel": "ticker", "symbol": "tBTCUSD"}
TRADES = {"channel": "trades", "symbol": "tBTCUSD"}
BOOK = {"channel": "book", "symbol": "tBTCUSD", "prec": "P0", "len": "25"}

SOON = Backoff(first_s=0.02, cap_s=0.1)

_LETTERS = {Snapshot: "S", Gap: "G", Status: "s", Degraded: "D"}

CONTRACT = re.compile(r"(S[.s]*)(G[.s]*S[.s]*)*")
"""What a subscription may be told: a snapshot, its updates, and the same after each gap."""


class Seen(Collector):
    """
    What one subscription's callback and `on_event` get, in one list.

    Attributes
    ----------
    request : dict
    """

    def __init__(self, request: dict[str, Any]) -> None:
        super().__init__()
        self.request = request

    @property
    def events(self) -> list[Any]:
        """All but the data."""
        return [item for item in list(self.items) if item.__class__ in _LETTERS]

    @property
    def data(self) -> list[Any]:
        """The data alone."""
        return [item for item in list(self.items) if item.__class__ not in _LETTERS]

    @property
    def shape(self) -> str:
        """A letter for each event (S, G, s, D), and a dot for each update."""
        items = list(self.items)
        return "".join(_LETTERS.get(item.__class__, ".") for item in items)

    @property
    def story(self) -> str:
        """The letters alone, as `shape` without the updates."""
        return self.shape.replace(".", "")

    def until(
        self, is_there: Callable[[Seen], bool], timeout_s: float = DEADLINE_S
    ) -> None:
        """Wait until this holds."""
        with self._changed:
            came = self._changed.wait_for(lambda: is_there(self), timeout_s)
        assert came, f"{self.request}: only {self.shape[-100:]} within {timeout_s} s"

    def until_story(self, story: str, timeout_s: float = DEADLINE_S) -> None:
        """Wait until as many events have come as this has letters."""
        self.until(lambda seen: len(seen.story) >= len(story), timeout_s)

    def until_updated(self, timeout_s: float = DEADLINE_S) -> None:
        """Wait until an update has come after the last event, which must be a snapshot."""
        self.until(lambda seen: re.search(r"S\.+$", seen.shape) is not None, timeout_s)

    def assert_in_order(self) -> None:
        """Check that it kept the contract of gap, snapshot, updates."""
        assert CONTRACT.fullmatch(self.shape), self.shape


class User:
    """
    Somebody with a client.

    Parameters
    ----------
    url : str
    *requests : dict
        What is subscribed to, one after the other; a timeout of theirs is not the client's.
    wait : bool
        False does not wait for the first data.
    **options
        Of the client.

    Attributes
    ----------
    client : WebSocketClient
    subscriptions : list of Subscription
    seen : list of Seen
        Of each subscription.
    closes, opens, errors : Collector
        What `disconnected`, `open` and `on_error` were called with.
    """

    def __init__(
        self, url: str, *requests: dict[str, Any], wait: bool = True, **options: Any
    ) -> None:
        self.closes, self.opens, self.errors = Collector(), Collector(), Collector()
        options = {"backoff": SOON, "timeout": DEADLINE_S, **options}
        self.client = WebSocketClient(url, on_error=self.errors, **options)
        self.client.on("disconnected", self.closes)
        self.client.on("open", lambda: self.opens(None))
        self.seen = [Seen(request) for request in requests]
        try:
            self.subscriptions: list[Any] = self.client.subscribe_many(
                [
                    {
                        "timeout": DEADLINE_S,
                        **seen.request,
                        "callback": seen,
                        "on_event": seen,
                    }
                    for seen in self.seen
                ],
                wait=wait,
            )
        except BaseException:
            self.client.close()
            raise

    def __enter__(self) -> User:
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.client.close()

    @property
    def stories(self) -> list[str]:
        """The story of each subscription."""
        return [seen.story for seen in self.seen]

    @property
    def reconnects(self) -> dict[str, int]:
        """How often the connection had to be made anew, by the cause."""
        counts: dict[str, int] = self.client.stats()["reconnects"]
        return counts

    def until_stories(self, story: str, timeout_s: float = DEADLINE_S) -> None:
        """Wait until every subscription has that many events, and check that it is these."""
        for seen in self.seen:
            seen.until_story(story, timeout_s)
        assert self.stories == [story] * len(self.seen)

    def assert_in_order(self) -> None:
        """Check the order of every subscription."""
        for seen in self.seen:
            seen.assert_in_order()


def wait_until(is_there: Callable[[], object], timeout_s: float = DEADLINE_S) -> None:
    """Wait for what tells nobody that it is there: the clock is asked again and again."""
    deadline = time.monotonic() + timeout_s
    pause = threading.Event()
    while not is_there():
        assert time.monotonic() < deadline, f"not within {timeout_s} s"
        pause.wait(0.002)
