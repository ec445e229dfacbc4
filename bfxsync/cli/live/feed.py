"""
Data of several subscriptions in one queue, and how a live command ends.

Strategy: callbacks put items into a `SimpleQueue`, which Ctrl-C cannot leave locked, and the main
thread prints them. While much is queued a callback waits, so that the client, whose queues are
bounded, drops data with a gap instead of filling the memory.
"""

from __future__ import annotations

import signal
import sys
import time
from contextlib import contextmanager
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, Iterator, Mapping, Sequence

from bfxsync import (
    CandleCorrected,
    Client,
    ConnectionStatus,
    Degraded,
    Gap,
    Snapshot,
    Status,
    Subscription,
    SubscriptionRejected,
    SubscriptionStatus,
    WebSocketClient,
)
from bfxsync.cli.live.lines import line_of
from bfxsync.cli.rows import iso_text
from bfxsync.cli.shared import drop_output

_MOST_QUEUED = 10_000
_NAP_S = 0.25
_EVENTS = (Gap, Snapshot, Status, Degraded)


class Feed:
    """
    Updates and events of subscriptions; a context manager that subscribes.

    Parameters
    ----------
    wss : WebSocketClient
        Also a `Replay`, which then has to be started.
    requests : sequence of dict
        As for `WebSocketClient.subscribe_many`; none for items of other sources only.
    """

    def __init__(
        self, wss: WebSocketClient, requests: Sequence[Mapping[str, Any]]
    ) -> None:
        self._wss = wss
        self._requests = requests
        self._queue: SimpleQueue[tuple[int, Any]] = SimpleQueue()
        self._is_over = False
        self.subscriptions: list[Subscription[Any]] = []

    def __enter__(self) -> Feed:
        requests = [
            {
                "callback": partial(self.add, at),
                "on_event": partial(self.add, at),
                **request,
            }
            for at, request in enumerate(self._requests)
        ]
        if requests:
            self.subscriptions = list(self._wss.subscribe_many(requests))
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over = True

    def add(self, at: int, item: Any) -> None:
        """Put an item into the queue, in the place of a subscription, or of -1 for others."""
        while self._queue.qsize() >= _MOST_QUEUED and not self._is_over:
            time.sleep(_NAP_S / 10)
        self._queue.put((at, item))

    def items(self, seconds: float | None = None) -> Iterator[tuple[int, Any] | None]:
        """
        Yield the index of a subscription with an update or event; None after a quarter of a second.

        Ends after `seconds`, or with the client; raises the error that ended the client.
        """
        end = float("inf") if seconds is None else time.monotonic() + seconds
        while True:
            is_closed = self._wss.status is ConnectionStatus.CLOSED
            left_s = end - time.monotonic()
            if left_s <= 0:
                return
            try:
                yield self._queue.get(
                    timeout=min(left_s, 0.01 if is_closed else _NAP_S)
                )
            except Empty:
                if self._wss.exception is not None:
                    raise self._wss.exception from None
                if is_closed:
                    return
                yield None


def is_event(item: Any) -> bool:
    """Return whether an item of a feed is an event rather than data."""
    return isinstance(item, _EVENTS)


@contextmanager
def ends_well() -> Iterator[None]:
    """End a live command with success: on Ctrl-C, SIGTERM, or when its reader has left."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        pass
    except BrokenPipeError:
        drop_output()
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def known_symbols(bfx: Client, symbols: Sequence[str]) -> Iterator[None]:
    """Replace a rejection of unknown symbols by an error that proposes similar ones."""
    try:
        yield
    except SubscriptionRejected:
        for symbol in symbols:
            bfx.symbols.check(symbol)
        raise


class Notices:
    """Prints gaps, and when data has come again, as lines on stderr."""

    def __init__(self, command: str) -> None:
        self._command = command
        self._gaps: dict[str, Gap] = {}

    def tell(self, name: str, event: Any) -> None:
        """Print an event of a subscription, unless it is its first snapshot."""
        if isinstance(event, Gap):
            # With a time only if it has not been told yet: the object is completed later.
            self._gaps.setdefault(name, event)
            self._print(name, f"gap: {event.reason}")
        elif isinstance(event, Snapshot) and name in self._gaps:
            gap = self._gaps.pop(name)
            text = "data again"
            if gap.since is not None and gap.until is not None:
                text += f" after {(gap.until - gap.since).total_seconds():.1f} s"
            if event.has_hole:
                text += "; older trades may be missing: bfxsync history trades has them"
            self._print(name, text)
        elif isinstance(event, Degraded):
            self._print(name, f"degraded: {event.reason}")
        elif isinstance(event, CandleCorrected):
            text = f"the candle of {iso_text(event.candle.mts)} has been corrected: "
            self._print(name, text + line_of(event.candle))
        elif isinstance(event, Status) and event.status is not SubscriptionStatus.LIVE:
            self._print(name, event.status.value)

    def _print(self, name: str, text: str) -> None:
        print(f"bfxsync {self._command}: {name}: {text}", file=sys.stderr, flush=True)
