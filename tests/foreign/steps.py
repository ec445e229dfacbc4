"""
What the programs of other clients share: events in their order, waits for them, and steps.

They run in environments that have their client but not bfxsync, so this imports the standard
library only.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import zlib
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, Callable, Iterable, Iterator, List, Tuple

WSS_HOST = os.environ.get("FOREIGN_WSS_HOST", "")
REST_HOST = os.environ.get("FOREIGN_REST_HOST", "")
KEY = os.environ.get("FOREIGN_KEY", "")
CONNECT = os.environ.get("FOREIGN_CONNECT", "")
"""What ``bfxsync paper`` prints on how to connect."""

WAIT_S = 60.0
"""Only ends waits that would not end otherwise."""


@contextmanager
def step(name: str) -> Iterator[None]:
    """Print the name of a part of the program when it has succeeded."""
    try:
        yield
    except BaseException:
        print(f"FAILED: {name}", file=sys.stderr, flush=True)
        raise
    print(f"ok: {name}", flush=True)


def finish(**beliefs: Any) -> None:
    """Print what the client believes at the end, which is compared with the exchange."""
    print("beliefs: " + json.dumps(beliefs, sort_keys=True), flush=True)


class Seen:
    """Events in their order; `client` is a task that must not end."""

    def __init__(self) -> None:
        self.client: asyncio.Future[Any] | None = None
        self.events: List[Tuple[str, Any]] = []
        self._changed = asyncio.Event()

    def add(self, name: str, value: Any) -> None:
        """Remember an event."""
        self.events.append((name, value))
        self._changed.set()

    def mark(self) -> int:
        """Return the place of the next event, from which `wait` can look."""
        return len(self.events)

    def named(self, name: str, since: int = 0) -> List[Any]:
        """Return the values of the events of a name."""
        return [value for each, value in self.events[since:] if each == name]

    async def wait(
        self,
        name: str,
        matches: Callable[[Any], bool] = lambda value: True,
        since: int = 0,
    ) -> Any:
        """Return the first event of a name that matches, as soon as there is one."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + WAIT_S
        while True:
            for value in self.named(name, since):
                if matches(value):
                    return value
            if self.client is not None and self.client.done():
                self.client.result()
                raise AssertionError(f"the client ended before {name}")
            left_s = deadline - loop.time()
            found = self.named(name, since)
            assert left_s > 0, f"no {name} in time; such events: {found}"
            self._changed.clear()
            changed = asyncio.ensure_future(self._changed.wait())
            both = {changed} if self.client is None else {changed, self.client}
            await asyncio.wait(
                both, timeout=left_s, return_when=asyncio.FIRST_COMPLETED
            )
            changed.cancel()


def javascript(number: float) -> str:
    """Write a number as JavaScript does."""
    if float(number).is_integer() and abs(number) < 1e21:
        return str(int(number))
    mantissa, is_small, exponent = repr(float(number)).partition("e-")
    if not is_small:
        return mantissa
    if int(exponent) < 7:
        return format(Decimal(repr(float(number))), "f")
    return f"{mantissa}e-{int(exponent)}"


def checksum(
    bids: Iterable[Tuple[float, float]], asks: Iterable[Tuple[float, float]]
) -> int:
    """Return the unsigned checksum of the 25 best levels, with signed amounts."""
    sides = list(bids)[:25], list(asks)[:25]
    parts = [
        javascript(number)
        for at in range(25)
        for side in sides
        for number in (side[at] if at < len(side) else ())
    ]
    return zlib.crc32(":".join(parts).encode())
