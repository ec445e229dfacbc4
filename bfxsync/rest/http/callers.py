"""
The user's call, named in the errors that it raises.

Strategy: a refusal is rare, so nothing is noted in advance. Where one comes, the frames of the
calling thread tell which public method was called, and with what.
"""

from __future__ import annotations

import inspect
import sys
from decimal import Decimal
from types import CodeType, FrameType
from typing import Any, Iterator, Mapping

from bfxsync._base.describe import safe_repr
from bfxsync._base.hidden import PRIVATE, Hidden
from bfxsync._base.hosts import HIDDEN

_MAX_CHARS = 40

# Of the parameters that may be left out, those that say what a call is about.
_TELLING = frozenset(("symbol", "currency", "id", "ids", "gid", "cid"))


class NamedInErrors:
    """Base of classes whose public methods are what users call."""


def current_call() -> str | None:
    """Return the call that this thread is in, such as ``get_t_ticker("tNOPE")``, if any."""
    frame: FrameType | None = sys._getframe(1)
    found = None
    while frame is not None and _is_ours(frame):
        # The outermost, as one method may call another.
        found = _method_in(frame) or found
        frame = frame.f_back
    if found is None:
        return None
    function, values = found
    return f"{function.__name__}({', '.join(_arguments(function.__code__, function, values))})"


def _is_ours(frame: FrameType) -> bool:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0] == "bfxsync"


def _method_in(frame: FrameType) -> tuple[Any, Mapping[str, Any]] | None:
    """Return the public method that runs in a frame, and its variables."""
    code = frame.f_code
    if code.co_name.startswith("_") or code.co_varnames[:1] != ("self",):
        return None
    values = frame.f_locals
    owner = values.get("self")
    if not isinstance(owner, NamedInErrors):
        return None
    method: Any = getattr(type(owner), code.co_name, None)
    function = inspect.unwrap(method)
    if getattr(function, "__code__", None) is not code:
        return None
    return function, values


def _arguments(
    code: CodeType, function: Any, values: Mapping[str, Any]
) -> Iterator[str]:
    """Yield what it was called with: all that is required, and of the rest what tells most."""
    positional = code.co_varnames[1 : code.co_argcount]
    required = len(positional) - len(function.__defaults__ or ())
    for name in positional[:required]:
        yield _shown(name, values.get(name))
    count = code.co_argcount + code.co_kwonlyargcount
    for name in (*positional[required:], *code.co_varnames[code.co_argcount : count]):
        if name in _TELLING and values.get(name) is not None:
            yield f"{name}={_shown(name, values[name])}"


def _shown(name: str, value: Any) -> str:
    if name in PRIVATE or isinstance(value, Hidden):
        return HIDDEN
    if isinstance(value, str):
        # One line of bounded length, whatever it is.
        inner = safe_repr(str(value))[1:-1]
        return (
            f'"{inner if len(inner) <= _MAX_CHARS else inner[: _MAX_CHARS - 1] + "…"}"'
        )
    if value is None or isinstance(value, (bool, int, float, Decimal)):
        return str(value)
    return "…"
