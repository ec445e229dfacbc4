"""``%load_ext bfxsync`` and ``%unload_ext bfxsync``."""

from __future__ import annotations

from typing import Any

from bfxsync.notebook.cells import CELLS


def load_ipython_extension(shell: Any) -> None:
    """Watch the cells of a shell of IPython."""
    CELLS.watch(shell)


def unload_ipython_extension(shell: Any) -> None:
    """Watch them no more; what they have made goes on."""
    CELLS.unwatch()
