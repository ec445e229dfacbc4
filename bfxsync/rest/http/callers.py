"""
The user's method call, for error messages.

Strategy: refusals are rare, so nothing is recorded in advance. The frames of the calling thread
show which public method was called with which arguments.
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

# Optional parameters that identify the subject of a call.
_TELLING = frozenset(("symbol", "currency", "id", "ids", "gid", "cid"))


class NamedInErrors:
    """Base of classes whose public methods are named in errors, with their arguments."""


def current_call() -> str | None:
    """Return the public call of this thread, such as ``get_t_ticker("tNOPE")``, if any."""
    frame: FrameType | None = sys._getframe(1)
    found = None
    while frame is not None and _is_ours(frame):
        # The outermost, as methods may call each other.
        found = _method_in(frame) or found
        frame = frame.f_back
    if found is None:
        return None
    function, values = found
    return f"{function.__name__}({', '.join(_arguments(function.__code__, function, values))})"


def _is_ours(frame: FrameType) -> bool:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0] == "bfxsync"


def _method_in(frame: FrameType) -> tuple[Any, Mapping[str, Any]] | None:
    """Return the public method of a frame and its variables; None for other frames."""
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
    """Yield the required arguments, and those optional ones that identify the subject."""
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
        # One line of bounded length.
        inner = safe_repr(str(value))[1:-1]
        return (
            f'"{inner if len(inner) <= _MAX_CHARS else inner[: _MAX_CHARS - 1] + "…"}"'
        )
    if value is None or isinstance(value, (bool, int, float, Decimal)):
        return str(value)
    return "…"
