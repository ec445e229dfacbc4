"""What a sink needs of a file."""

from __future__ import annotations

from typing import List

from bfxsync.sinks.row_format import Values

KEPT = 20_000
"""Rows whose keys are remembered, so that none is stored twice."""


class Storage:
    """
    A file with rows. Its methods are called by one thread at a time, and never interrupted.

    `append` stores all rows or none: what an earlier call has left half-done is discarded.
    """

    def tail(self) -> List[Values]:
        """Return the last rows, at most `KEPT`."""
        raise NotImplementedError

    def append(self, rows: List[Values]) -> None:
        """Store rows."""
        raise NotImplementedError

    def close(self) -> None:
        """Close the file."""
        raise NotImplementedError
