"""
``%load_ext bfxsync`` and ``%unload_ext bfxsync``.

Models and other objects have a `_repr_html_`. Plain lists have none, so the extension registers a
formatter for lists, which leaves those without models to the formatter that was there before.
"""

from __future__ import annotations

from typing import Any, Dict

from bfxsync.notebook.cells import CELLS
from bfxsync.notebook.html.shown import list_html

_former: Dict[str, Any] = {}
"""The formatter of lists before, under ``list``, while the extension is loaded."""


def load_ipython_extension(shell: Any) -> None:
    """Watch the cells of a shell of IPython, and show lists of models as tables."""
    CELLS.watch(shell)
    former = _formatter(shell).for_type(list, _list_html)
    if former is not _list_html:
        _former["list"] = former


def unload_ipython_extension(shell: Any) -> None:
    """Watch the cells no more; what they have made goes on."""
    CELLS.unwatch()
    formatter = _formatter(shell)
    if formatter.for_type(list) is _list_html:
        formatter.pop(list)
        if _former.get("list") is not None:
            formatter.for_type(list, _former["list"])
    _former.clear()


def _list_html(values: Any) -> Any:
    # IPython asks a formatter of the base class first.
    own = getattr(type(values), "_repr_html_", None)
    if own is not None:
        return own(values)
    found = list_html(values)
    former = _former.get("list")
    return former(values) if found is None and former is not None else found


def _formatter(shell: Any) -> Any:
    return shell.display_formatter.formatters["text/html"]
