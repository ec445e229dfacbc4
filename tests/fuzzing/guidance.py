"""
Tells whether a call has reached lines of bfxsync that no call before it has reached.

Strategy: Python 3.12 can call back at each line and switch that off for the line at once. So only
new lines cost anything, and inputs can be guided by coverage nearly for free. Before 3.12 there is
no guidance.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import Any, Iterator

_TOOL = 4
"""One of the identifiers that Python leaves to others than debuggers, profilers and coverage."""


class Lines:
    """The lines reached so far."""

    def __init__(self) -> None:
        self.count = 0
        self._seen = 0

    def are_new(self) -> bool:
        """Return whether there are lines since the last call."""
        found, self._seen = self.count > self._seen, self.count
        return found


@contextmanager
def watched() -> Iterator[Lines]:
    """Count new lines; none before Python 3.12."""
    lines = Lines()
    monitoring: Any = getattr(sys, "monitoring", None)
    if monitoring is None:
        yield lines
        return

    def note(code: Any, line: int) -> Any:
        if "bfxsync" in code.co_filename:
            lines.count += 1
        return monitoring.DISABLE

    monitoring.use_tool_id(_TOOL, "fuzzing")
    monitoring.register_callback(_TOOL, monitoring.events.LINE, note)
    monitoring.set_events(_TOOL, monitoring.events.LINE)
    # What was switched off before stays so otherwise, whoever used the identifier.
    monitoring.restart_events()
    try:
        yield lines
    finally:
        monitoring.set_events(_TOOL, 0)
        monitoring.register_callback(_TOOL, monitoring.events.LINE, None)
        monitoring.free_tool_id(_TOOL)
