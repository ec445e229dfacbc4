"""
The cells of a notebook: which one a function belongs to, and what the notebook is told.

Strategy: IPython's kernel sends output to the cell in whose context it is printed. So in a notebook
a callback is called in a copy of the context in which it was registered. Everywhere else `in_cell`
returns the function itself, and calls cost nothing more.

`bfxsync.notebook` sets the hooks; no other module here knows it, nor IPython.
"""

from __future__ import annotations

import decimal
import sys
from _thread import get_ident
from contextvars import Context, copy_context
from typing import Any, Callable, Dict, Protocol, Tuple, TypeVar

from bfxsync._base.describe import also_half_made

F = TypeVar("F")


class Hooks(Protocol):
    """What a notebook is told."""

    def made(self, stop: Callable[[], object], is_over: Callable[[], bool]) -> None:
        """Something was made that the cell's next run must stop."""

    def failed(self, name: str, error: BaseException) -> None:
        """An error belongs to no call; called by any thread."""


_hooks: Dict[str, Hooks] = {}

# By thread: the id of the latest exception of a function, and the context of its cell.
_raised: Dict[int, Tuple[int, Context]] = {}


def set_hooks(hooks: Hooks | None) -> None:
    """Set what the notebook is told from now on; None: nothing."""
    if hooks is None:
        _hooks.pop("notebook", None)
    else:
        _hooks["notebook"] = hooks


def shell() -> Any:
    """Return the shell of IPython that runs the program; None without one."""
    module = sys.modules.get("IPython.core.getipython")
    return None if module is None else module.get_ipython()


def is_notebook() -> bool:
    """Whether the program runs in cells: in a kernel, or in a shell with the extension."""
    return bool(_hooks) or getattr(shell(), "kernel", None) is not None


def made_in_cell(stop: Callable[[], object], is_over: Callable[[], bool]) -> None:
    """Let the next run of the present cell, if there is one, call `stop`."""
    for hooks in _hooks.copy().values():
        hooks.made(stop, is_over)


def failed_in_cell(name: str, error: BaseException) -> None:
    """Tell the notebook, if there is one, of an error that belongs to no call."""
    for hooks in _hooks.copy().values():
        hooks.failed(name, error)


def in_cell(function: F) -> F:
    """Return a function whose calls belong to the present cell of a notebook; None stays None."""
    if function is None or not is_notebook():
        return function
    context = copy_context()
    # The copy has the same decimal context as the cell, which the function may change.
    context.run(lambda: decimal.setcontext(decimal.getcontext().copy()))
    found: Any = CellFunction(function, context)
    return found  # type: ignore[no-any-return]


def call_where_raised(
    error: BaseException, call: Callable[..., object], *arguments: Any
) -> None:
    """Call a function in the cell of the function that has just raised an error on this thread."""
    key, context = _raised.pop(get_ident(), (None, None))
    if context is None or key != id(error):
        call(*arguments)
    else:
        context.copy().run(call, *arguments)


class CellFunction:
    """
    A function that is called in the context of its cell.

    It equals the function, so that handlers can be removed by it.
    """

    __slots__ = ("_context", "_function")

    def __init__(self, function: Any, context: Context) -> None:
        self._function = function
        self._context = context

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        try:
            # A context can be entered once at a time, and calls may be nested or concurrent.
            return self._context.copy().run(self._function, *arguments, **named)
        except BaseException as exc:
            _raised[get_ident()] = id(exc), self._context
            raise

    def __eq__(self, other: object) -> bool:
        if isinstance(other, CellFunction):
            return self is other
        return bool(self._function == other)

    @also_half_made
    def __repr__(self) -> str:
        return repr(self._function)

    @property
    def __signature__(self) -> Any:
        import inspect

        return inspect.signature(self._function, follow_wrapped=False)
