"""
Waiting for the sockets of one connection.

Strategy: `selectors` costs more than the call of the system that it wraps, and live data make one
such call per message. So this is `select.poll`, which needs no descriptor of its own, or a selector
where there is none (Windows).
"""

from __future__ import annotations

import select
import selectors
import sys
from typing import List, Tuple

# More than the system's limit would be an error.
_LONGEST_S = 1_000_000.0

Ready = List[Tuple[int, int]]
"""Descriptors, and what they are ready for; see `WRITE`."""

if sys.platform == "win32":
    WRITE = selectors.EVENT_WRITE

    class Poller:
        """The descriptors of interest, with what they are waited for, as a selector's mask."""

        def __init__(self) -> None:
            self._selector = selectors.SelectSelector()

        def register(self, descriptor: int, mask: int) -> None:
            """Wait for a descriptor from now on, or for something else of it."""
            self.unregister(descriptor)
            self._selector.register(descriptor, mask)

        def unregister(self, descriptor: int) -> None:
            """Wait for it no longer."""
            if descriptor in self._selector.get_map():
                self._selector.unregister(descriptor)

        def poll(self, timeout_s: float | None) -> Ready:
            """Wait until something is ready; a descriptor that has failed is."""
            if timeout_s is not None:
                timeout_s = min(timeout_s, _LONGEST_S)
            return [(key.fd, mask) for key, mask in self._selector.select(timeout_s)]

else:
    WRITE = select.POLLOUT

    class Poller:
        """The descriptors of interest, with what they are waited for, as a selector's mask."""

        def __init__(self) -> None:
            self._poll = select.poll()

        def register(self, descriptor: int, mask: int) -> None:
            """Wait for a descriptor from now on, or for something else of it."""
            read = select.POLLIN if mask & selectors.EVENT_READ else 0
            write = select.POLLOUT if mask & selectors.EVENT_WRITE else 0
            self._poll.register(descriptor, read | write)

        def unregister(self, descriptor: int) -> None:
            """Wait for it no longer."""
            self._poll.unregister(descriptor)

        def poll(self, timeout_s: float | None) -> Ready:
            """Wait until something is ready; a descriptor that has failed is."""
            if timeout_s is None:
                return self._poll.poll()
            return self._poll.poll(min(timeout_s, _LONGEST_S) * 1_000)
