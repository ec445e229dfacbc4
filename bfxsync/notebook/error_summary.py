"""One line about the errors since the last cell."""

from __future__ import annotations

from threading import get_ident
from typing import Dict, Tuple

from bfxsync._base.describe import error_text, printable, type_name

_MAX_KINDS = 1_000
_MAX_SHOWN = 3
_MAX_CHARS = 120

Kind = Tuple[str, str]
"""Name of what failed, and the class of the error."""


class ErrorSummary:
    """
    Counts errors, on any thread, and describes those since the last time.

    Strategy: no lock, as the main thread can be interrupted. Each thread counts in entries of its
    own, and the reader compares them with what it has shown.
    """

    def __init__(self) -> None:
        self._counts: Dict[Tuple[int, Kind], int] = {}
        self._texts: Dict[Kind, str] = {}
        self._shown: Dict[Tuple[int, Kind], int] = {}

    def add(self, name: str, error: BaseException) -> None:
        """Count an error of something with this name."""
        kind = (name, type_name(error))
        if kind not in self._texts and len(self._texts) >= _MAX_KINDS:
            kind = ("others", "")
        text = printable(error_text(error))
        if len(text) > _MAX_CHARS:
            text = text[: _MAX_CHARS - 1] + "…"
        self._texts[kind] = text
        entry = (get_ident(), kind)
        self._counts[entry] = self._counts.get(entry, 0) + 1

    def take(self) -> str:
        """Return a line about the errors since the last call; empty without any."""
        counts = self._counts.copy()
        new: Dict[Kind, int] = {}
        for entry, count in counts.items():
            more = count - self._shown.get(entry, 0)
            if more:
                new[entry[1]] = new.get(entry[1], 0) + more
        self._shown = counts
        if not new:
            return ""
        total = sum(new.values())
        parts = [self._part(kind, count) for kind, count in new.items()]
        if len(parts) > _MAX_SHOWN:
            parts = [
                *parts[: _MAX_SHOWN - 1],
                f"{len(parts) - _MAX_SHOWN + 1} more kinds",
            ]
        errors = "1 error" if total == 1 else f"{total} errors"
        return f"bfxsync: {errors} in the background since the last cell: {'; '.join(parts)}"

    def _part(self, kind: Kind, count: int) -> str:
        times = f" ({count} times)" if count > 1 else ""
        return f"{kind[0]}: {self._texts[kind]}{times}"
