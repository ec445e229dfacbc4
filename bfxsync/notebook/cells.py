"""
What each cell of a notebook has made: a cell that is run again stops it first.

Strategy: a hook before each cell notes which cell runs, in a context variable. So callbacks, which
are called in the context of their cell, register for the same cell from other threads. A cell is
known by its id, or by its text where there is no id, as under nbclient.
"""

from __future__ import annotations

import sys
import threading
from contextvars import ContextVar
from typing import Any, Callable, Dict, List, Protocol, Tuple

from bfxsync._base import cells as base
from bfxsync._base.logs import get_logger
from bfxsync.notebook.error_summary import ErrorSummary

_log = get_logger(__name__)

Key = Tuple[str, str]


# Number of things from which on those that have ended are forgotten without another cell.
_MANY = 100


class Stoppable(Protocol):
    """What a cell can make: a subscription, a view."""

    def stop(self) -> object:
        """Stop it; called on the main thread, also if it has stopped already."""


def register(stoppable: Stoppable) -> None:
    """
    Let the next run of the present cell stop something first.

    Does nothing outside of IPython. A property `is_stopped`, if there is one, tells when it can be
    forgotten.
    """
    CELLS.watch(base.shell())
    CELLS.made(stoppable.stop, lambda: bool(getattr(stoppable, "is_stopped", False)))


class Cell:
    """One run of a cell, and what it has made."""

    def __init__(self, key: Key, outer: Cell | None = None) -> None:
        self.key = key
        self.outer = outer
        """The cell whose code runs this one."""
        self._made: List[Tuple[Callable[[], object], Callable[[], bool]]] = []
        self._is_over = False
        self._limit = _MANY

    def __len__(self) -> int:
        return len(self._made)

    def add(self, stop: Callable[[], object], is_over: Callable[[], bool]) -> None:
        """Add something, from any thread; what comes after the end is stopped immediately."""
        self._made.append((stop, is_over))
        if self._is_over:
            self.end()
        elif len(self._made) > self._limit:
            # A callback may subscribe and unsubscribe for days without another cell.
            self.prune()
            self._limit = max(_MANY, 2 * len(self._made))

    def end(self) -> None:
        """Stop everything."""
        self._is_over = True
        # Each is removed after its end, as Ctrl-C may interrupt this.
        for made in self._made[:]:
            stop, _ = made
            try:
                stop()
            except Exception as exc:
                _log.error("could not stop what a cell has made", exc_info=exc)
            self._remove(made)

    def prune(self) -> None:
        """Forget what has ended."""
        for made in self._made[:]:
            _, is_over = made
            if is_over():
                self._remove(made)

    def _remove(self, made: Any) -> None:
        try:
            self._made.remove(made)
        except ValueError:
            pass  # by another thread


class Cells:
    """The cells of a shell that have made something, each with its latest run."""

    def __init__(self) -> None:
        self._shell: Any = None
        self._by_key: Dict[Key, Cell] = {}
        self._present: ContextVar[Cell | None] = ContextVar(
            "bfxsync_cell", default=None
        )
        self._errors = ErrorSummary()

    @property
    def is_watching(self) -> bool:
        """Whether the hooks are registered."""
        return self._shell is not None

    def watch(self, shell: Any) -> None:
        """Register the hooks in a shell, once; None does nothing."""
        if shell is None or shell is self._shell:
            return
        self.unwatch()
        self._shell = shell
        shell.events.register("pre_run_cell", self._begin)
        shell.events.register("post_run_cell", self._finish)
        base.set_hooks(self)
        if threading.current_thread() is threading.main_thread():
            # The cell that calls this.
            self._present.set(_running_cell(shell))

    def unwatch(self) -> None:
        """Remove the hooks; what the cells have made goes on, and ends when they are back."""
        base.set_hooks(None)
        shell, self._shell = self._shell, None
        if shell is not None:
            shell.events.unregister("pre_run_cell", self._begin)
            shell.events.unregister("post_run_cell", self._finish)
        self._errors = ErrorSummary()

    # --- hooks of the library -----------------------------------------------------------------

    def made(self, stop: Callable[[], object], is_over: Callable[[], bool]) -> None:
        """Register something of the present cell; nothing without one."""
        cell = self._present.get()
        # What is made below `%%capture` also belongs to the cell with the magic.
        while cell is not None:
            self._by_key.setdefault(cell.key, cell)
            cell.add(stop, is_over)
            cell = cell.outer

    def failed(self, name: str, error: BaseException) -> None:
        """Count an error for the summary after the next cell."""
        self._errors.add(name, error)

    # --- hooks of the shell -------------------------------------------------------------------

    def _begin(self, info: Any) -> None:
        cell = Cell(_key(info.cell_id, info.raw_cell), self._present.get())
        self._present.set(cell)
        earlier = self._by_key.get(cell.key)
        if earlier is not None:
            earlier.end()
        for other in list(self._by_key.values()):
            other.prune()
            if not len(other):
                del self._by_key[other.key]

    def _finish(self, result: Any) -> None:
        cell = self._present.get()
        self._present.set(None if cell is None else cell.outer)
        text = self._errors.take()
        if text:
            print(text, file=sys.stderr)


def _key(cell_id: Any, text: str) -> Key:
    return ("id", str(cell_id)) if cell_id is not None else ("text", text.strip())


def _running_cell(shell: Any) -> Cell | None:
    """Return the cell that a shell runs without the hook before it."""
    if hasattr(shell, "get_parent"):
        request = shell.get_parent()
        text = request.get("content", {}).get("code", "")
        return Cell(_key(request.get("metadata", {}).get("cellId"), text))
    history = shell.history_manager
    texts = [] if history is None else history.input_hist_raw
    return Cell(_key(None, texts[-1])) if texts else None


CELLS = Cells()
