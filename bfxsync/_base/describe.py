"""
Safe descriptions of foreign objects: exceptions, callbacks, partly initialized instances.

Strategy: any code of such an object may raise: `repr`, `str`, `bool`, a property named
``__class__``, the hash of its class. Everything here is either read from the interpreter's own
slots or guarded.
"""

from __future__ import annotations

import functools
import traceback
from types import FunctionType, TracebackType
from typing import Any, Callable, Optional, Tuple, TypeVar

C = TypeVar("C", bound=type)
T = TypeVar("T")

_GET_QUALNAME: Callable[[type], str] = type.__dict__["__qualname__"].__get__
_GET_TRACEBACK: Callable[[BaseException], Optional[TracebackType]] = (
    BaseException.__dict__["__traceback__"].__get__
)

_MAX_CHARS = 200
_FEW = 3


def type_name(value: object) -> str:
    """Return the name of an object's class, whatever its metaclass does."""
    return _GET_QUALNAME(type(value))


def printable(text: str) -> str:
    """
    Escape a peer's text so that a terminal prints it as one line.

    Escapes what `repr` does: control characters, line breaks, bidirectional marks.
    """
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii")
        for char in text
    )


def safe_repr(value: object) -> str:
    """Return ``repr(value)`` truncated to one line, or the class name if it raises."""
    try:
        text = repr(value)
    except Exception:
        return f"<{type_name(value)} object>"
    return text if len(text) <= _MAX_CHARS else text[: _MAX_CHARS - 1] + "…"


def elided_repr(value: object) -> str:
    """Return ``repr(value)``, with the middle of a long list or tuple elided."""
    if not isinstance(value, (list, tuple)) or len(value) <= _FEW:
        return repr(value)
    begin, end = ("[", "]") if isinstance(value, list) else ("(", ")")
    between = f"… {len(value) - 2} more …"
    return f"{begin}{value[0]!r}, {between}, {value[-1]!r}{end}"


def error_text(exc: BaseException) -> str:
    """Return the class and message of an exception."""
    try:
        text = str(exc)
    except Exception:
        text = "<str() raised an exception>"
    return f"{type_name(exc)}: {text}" if text else type_name(exc)


def traceback_of(exc: BaseException) -> TracebackType | None:
    """Return the traceback of an exception, even if its class overrides the attribute."""
    return _GET_TRACEBACK(exc)


def has_printable_traceback(exc: BaseException) -> bool:
    """Return whether `traceback`, and so `logging`, can print an exception and its causes."""
    try:
        traceback.format_exception(type(exc), exc, traceback_of(exc))
    except Exception:
        return False
    return True


def traceback_text(exc: BaseException) -> str:
    """Return the traceback of an exception that `traceback` cannot print."""
    frames = "".join(traceback.format_tb(traceback_of(exc)))
    return f"Traceback (most recent call last):\n{frames}{error_text(exc)}"


def raised_at(exc: BaseException) -> Tuple[str, int]:
    """Return the file and line where an exception was raised; ``("", 0)`` if unknown."""
    last = traceback_of(exc)
    if last is None:
        return ("", 0)
    while last.tb_next is not None:
        last = last.tb_next
    return (last.tb_frame.f_code.co_filename, last.tb_lineno)


def also_half_made(method: Callable[[T], str]) -> Callable[[T], str]:
    """
    Return a `__repr__` that also works for objects whose `__init__` has not finished or has raised.

    Debuggers and error reports print the variables of every frame, including `self`.
    """

    @functools.wraps(method)
    def __repr__(self: T) -> str:
        try:
            return method(self)
        except AttributeError:
            return f"<{type(self).__name__}: not initialized>"

    return __repr__


def with_parts_named_publicly(cls: C) -> C:
    """
    Set the qualified names of methods inherited within this package to those of the class.

    A `TypeError` for wrong arguments then shows the documented class.
    """
    for part in cls.__mro__:
        if part.__module__.partition(".")[0] != "bfxsync":
            continue
        for name, member in vars(part).items():
            # Not under a second name of the same function.
            is_own = isinstance(member, FunctionType) and member.__name__ == name
            if is_own and not name.startswith("_"):
                member.__qualname__ = f"{cls.__qualname__}.{name}"
    return cls


def without_our_frames(exc: BaseException, package: str = "bfxsync") -> None:
    """
    Remove the leading frames of this package from a traceback.

    It then begins with the user's function and keeps none of our objects alive. Exceptions raised
    by the package keep their traceback.
    """
    rest = traceback_of(exc)
    while rest is not None and _is_of(rest.tb_frame.f_globals, package):
        rest = rest.tb_next
    if rest is not None:
        BaseException.with_traceback(exc, rest)


def cut_before(exc: BaseException, earlier: TracebackType) -> None:
    """
    Remove an earlier traceback from the end of the current one.

    An exception object that is raised repeatedly would otherwise accumulate frames.
    """
    part = traceback_of(exc)
    while part is not None:
        if part.tb_next is earlier:
            part.tb_next = None
            return
        part = part.tb_next


def _is_of(names: dict[str, Any], package: str) -> bool:
    name = names.get("__name__")
    return isinstance(name, str) and f"{name}.".startswith(f"{package}.")
