"""
Waits until the sockets of one connection are ready.

Strategy: `selectors` takes longer than the system call that it wraps, and live data need one such
call per message. So this uses `select.poll`, which needs no descriptor of its own, or a selector
where there is no `poll` (Windows).
"""

from __future__ import annotations

import select
import selectors
import sys
from typing import List, Tuple

# A timeout above the system's limit would be an error.
_LONGEST_S = 1_000_000.0

Ready = List[Tuple[int, int]]
"""Ready descriptors, each with the mask of its events; see `WRITE`."""

if sys.platform == "win32":
    WRITE = selectors.EVENT_WRITE

    class Poller:
        """Registered descriptors, each with the mask of its awaited events, as in `selectors`."""

        def __init__(self) -> None:
            self._selector = selectors.SelectSelector()

        def register(self, descriptor: int, mask: int) -> None:
            """Register a descriptor, or change the mask of a registered one."""
            self.unregister(descriptor)
            self._selector.register(descriptor, mask)

        def unregister(self, descriptor: int) -> None:
            """Remove a descriptor."""
            if descriptor in self._selector.get_map():
                self._selector.unregister(descriptor)

        def poll(self, timeout_s: float | None) -> Ready:
            """Wait until a descriptor is ready or has failed; an empty list after the timeout."""
            if timeout_s is not None:
                timeout_s = min(timeout_s, _LONGEST_S)
            return [(key.fd, mask) for key, mask in self._selector.select(timeout_s)]

else:
    WRITE = select.POLLOUT

    class Poller:
        """Registered descriptors, each with the mask of its awaited events, as in `selectors`."""

        def __init__(self) -> None:
            self._poll = select.poll()

        def register(self, descriptor: int, mask: int) -> None:
            """Register a descriptor, or change the mask of a registered one."""
            read = select.POLLIN if mask & selectors.EVENT_READ else 0
            write = select.POLLOUT if mask & selectors.EVENT_WRITE else 0
            self._poll.register(descriptor, read | write)

        def unregister(self, descriptor: int) -> None:
            """Remove a descriptor."""
            self._poll.unregister(descriptor)

        def poll(self, timeout_s: float | None) -> Ready:
            """Wait until a descriptor is ready or has failed; an empty list after the timeout."""
            if timeout_s is None:
                return self._poll.poll()
            return self._poll.poll(min(timeout_s, _LONGEST_S) * 1_000)
