"""
A client in a process of its own, whose threads subscribe and unsubscribe without end.

Its input is a command per line, its output a JSON line for each: ``churn SECONDS`` lets the threads
work, ``settle`` ends what they have left and tells what the client still holds.
"""

from __future__ import annotations

import ctypes
import gc
import json
import logging
import os
import random
import sys
import threading
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any, Callable

from bfxsync import Backoff, BfxError, WebSocketClient
from bfxsync.wire import audit
from bfxsync.ws.io import connection

sys.path.insert(0, str(Path(__file__).parent))

from leftovers import object_counts, package_modules, table_sizes
from pool import REQUESTS

THREADS = 6

# Few enough that threads meet at the same channels, and more than two connections can have.
WANTED = REQUESTS[::4]

PATIENCE_S = 60.0

OPTIONS: dict[str, Any] = {
    "backoff": Backoff(first_s=0.02, cap_s=0.2),
    "ping_after": 2.0,
    "stale_after": 5.0,
    "timeout": 5.0,
    "dispatch_threads": 2,
    "mailbox_size": 200,
    "channels_per_connection": 20,
}


CHANCE = random.Random(1)


def take(item: object) -> None:
    """Take an update; a function, as the client keeps the last traceback of a callback."""
    if CHANCE.random() < 0.001:
        raise ValueError("a callback that raises now and then")


class Churn:
    """One of the threads: does what comes to its mind with handles of its own."""

    def __init__(self, client: WebSocketClient, seed: int, acts: Counter[str]) -> None:
        self.client = client
        self.random = random.Random(seed)
        self.handles: list[Any] = []
        self.acts = acts

    def run(self, over: threading.Event) -> None:
        acts: dict[Callable[[], object], int] = {
            self.subscribe: 10,
            self.subscribe_and_wait: 2,
            self.subscribe_many: 2,
            self.unsubscribe: 10,
            self.unsubscribe_by_name: 2,
            self.drop: 4,
            self.read: 4,
            self.resubscribe: 2,
            self.listen: 1,
            self.come_and_close: 1,
        }
        while not over.is_set():
            (act,) = self.random.choices([*acts], [*acts.values()])
            name = getattr(act, "__name__")
            try:
                act()
            except BfxError as exc:
                name = f"{name}: {type(exc).__name__}"
            self.acts[name] += 1
            while len(self.handles) > 30:
                self.unsubscribe()
            over.wait(self.random.uniform(0.0, 0.02))

    def request(self, **more: Any) -> dict[str, Any]:
        request = {**self.random.choice(WANTED), **more}
        if self.random.random() < 0.5:
            request["callback"] = take
        if self.random.random() < 0.3:
            request["on_event"] = take
        request["policy"] = self.random.choice(("resync", "latest", "drop_oldest"))
        return request

    def subscribe(self) -> None:
        self.handles.append(self.client.subscribe(**self.request(), wait=False))

    def subscribe_and_wait(self) -> None:
        self.handles.append(self.client.subscribe(**self.request(timeout=0.3)))

    def subscribe_many(self) -> None:
        wait = self.random.random() < 0.3
        requests = [self.request(timeout=0.3) for _ in range(5)]
        self.handles += self.client.subscribe_many(requests, wait=wait)

    def unsubscribe(self) -> None:
        if self.handles:
            self._pop().unsubscribe()

    def unsubscribe_by_name(self) -> None:
        if self.handles:
            self.client.unsubscribe(self._pop().sub_id)

    def drop(self) -> None:
        """Forget a handle: without a callback, once it was read, that ends the subscription."""
        if self.handles:
            self._pop()

    def read(self) -> None:
        if self.handles:
            handle = self.random.choice(self.handles)
            for _ in range(3):
                handle.get(0.05)

    def resubscribe(self) -> None:
        if self.handles:
            self.client.resubscribe(self.random.choice(self.handles).sub_id)

    def listen(self) -> None:
        handler = self.client.on("t_book_update", self.take_event)
        self.client.on("candles_update", self.take_event)
        self.client.off("t_book_update", handler)
        self.client.off("candles_update", handler)

    def take_event(self, *_: object) -> None:
        pass

    def come_and_close(self) -> None:
        """Be another client for a moment."""
        with WebSocketClient(self.client._settings.url, **OPTIONS) as other:
            for _ in range(self.random.randrange(4)):
                other.subscribe(**self.request(), wait=False)

    def _pop(self) -> Any:
        return self.handles.pop(self.random.randrange(len(self.handles)))


class Client:
    """The client of all threads."""

    def __init__(self, url: str) -> None:
        self.client = WebSocketClient(url, **OPTIONS)
        self.client.start()
        self.client.wait_ready(PATIENCE_S)
        self.acts: Counter[str] = Counter()
        self.seed = 0

    def churn(self, seconds: float) -> dict[str, Any]:
        """Let the threads work for a while."""
        over = threading.Event()
        churns = []
        for _ in range(THREADS):
            self.seed += 1
            churns.append(Churn(self.client, self.seed, self.acts))
        threads = [
            threading.Thread(target=each.run, args=(over,), name=f"churn-{n}")
            for n, each in enumerate(churns)
        ]
        for thread in threads:
            thread.start()
        over.wait(seconds)
        over.set()
        for thread in threads:
            thread.join()
        stats = self.client.stats()
        # Or the load, and the memory for it, would grow with the time.
        self._end_all()
        return {
            "acts": dict(self.acts),
            "reconnects": stats["reconnects"],
            "gaps": stats["gaps"],
            "connections": len(stats["connections"]),
            "subscriptions": len(stats["subscriptions"]),
        }

    def settle(self) -> dict[str, Any]:
        """End what is left, and return what the client holds."""
        self._end_all()
        pause, deadline = threading.Event(), time.monotonic() + PATIENCE_S
        while not self._flush() and time.monotonic() < deadline:
            pause.wait(0.05)
        while self._remaining() and time.monotonic() < deadline:
            pause.wait(0.05)
        # By its traceback the last exception of a callback has a whole batch of items.
        self.client._core.dispatcher.last_error = None
        # First, as it collects the garbage.
        objects = object_counts()
        return {
            "threads": sorted(thread.name for thread in threading.enumerate()),
            "descriptors": len(os.listdir("/proc/self/fd")),
            "blocks": sys.getallocatedblocks(),
            "rss_kb": _rss_kb(),
            "objects": objects,
            "tables": table_sizes(self.client._core, *package_modules()),
            "remaining": self._remaining(),
        }

    def _end_all(self) -> None:
        """End all subscriptions, also those with a callback whose handle was dropped."""
        gc.collect()
        for row in self.client.stats()["subscriptions"]:
            with suppress(BfxError):
                self.client.unsubscribe(row["sub_id"])

    def _flush(self) -> bool:
        """Subscribe once more: an acknowledgement that was held for the next one comes now."""
        try:
            self.client.subscribe_ticker("fUSD", timeout=5.0).unsubscribe()
        except BfxError:
            return False
        return True

    def _remaining(self) -> str:
        """Name what has not ended yet; empty if nothing is left but one idle connection."""
        stats = self.client.stats()
        if stats["subscriptions"] or stats["queued"]:
            return (
                f"{len(stats['subscriptions'])} subscriptions, {stats['queued']} items"
            )
        if [row["channels"] for row in stats["connections"]] != [0]:
            return f"connections: {stats['connections']}"
        try:
            # All that was asked for before has been answered.
            self.client.ping(2.0)
        except BfxError as exc:
            return f"no connection: {exc}"
        return ""


def _rss_kb() -> int:
    """Return the resident memory, without what only the allocator of C still keeps."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
    status = Path("/proc/self/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1])


def main(url: str) -> None:
    # Empty connections end soon.
    connection.RETIRE_AFTER_S = 0.2
    audit.IDLE_PING_S = 0.1
    client = Client(url)
    for line in sys.stdin:
        command, *arguments = line.split()
        answer = getattr(client, command)(*map(float, arguments))
        print(json.dumps(answer), flush=True)
    client.client.close()
    left = [t.name for t in threading.enumerate() if "bfxsync" in t.name]
    print(json.dumps({"left": left}), flush=True)


if __name__ == "__main__":
    logging.basicConfig(level=logging.CRITICAL)
    main(sys.argv[1])
