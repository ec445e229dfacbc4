"""Callbacks that users pass: checked at their line, before anything is called with data."""

from __future__ import annotations

import functools
import inspect
import sys
from typing import Any

from bfxsync._base.describe import safe_repr
from bfxsync.errors import UsageError


def check_callback(name: str, function: Any, *takes: str) -> Any:
    """
    Return a function that can be called with so many arguments, or None.

    What cannot be inspected, such as some functions written in C, is taken as it is.

    Parameters
    ----------
    name : str
        Of the parameter that it was passed for.
    function : callable or None
    *takes : str
        What it will be called with, by position; the names are for the message.

    Raises
    ------
    UsageError
        It cannot be called so; or it is a generator function or a coroutine function, and
        calling it would do nothing.
    """
    if function is None:
        return None
    form = f"def {name}({', '.join(takes)}): ..."
    if not callable(function):
        raise UsageError(
            f"{name} must be a function, {form}; not {safe_repr(function)}"
        )
    kind = _kind_of(function)
    if kind is not None:
        raise UsageError(
            f"{name} must be a plain function, {form}; {safe_repr(function)} is {kind}, and to "
            "call it would do nothing"
        )
    signature = _signature_of(function)
    if signature is not None and not _takes(signature, len(takes)):
        count = f"{len(takes)} argument{'' if len(takes) == 1 else 's'}"
        raise UsageError(
            f"{name} is called with {count}, {form}; {safe_repr(function)} takes {signature}"
        )
    return function


def _kind_of(function: Any) -> str | None:
    """Return what a function is whose body does not run when it is called."""
    inner = function
    while True:
        if isinstance(inner, functools.partial):
            inner = inner.func
        elif isinstance(inner, staticmethod):
            inner = inner.__func__
        else:
            break
    # That of its class, as in a call: a class may have such a method for its own instances.
    for candidate in (inner, getattr(type(inner), "__call__", None)):
        try:
            if inspect.isgeneratorfunction(candidate):
                return "a generator function (is there a `yield` in it?)"
            if inspect.isasyncgenfunction(candidate):
                return "an asynchronous generator function"
            if inspect.iscoroutinefunction(candidate) or _is_marked(candidate):
                return "a coroutine function (there is no event loop here)"
        except Exception:
            # Mocks of functions answer what `inspect` does not expect.
            continue
    return None


def _is_marked(function: Any) -> bool:
    """Tell whether asyncio takes it for a coroutine function, as it does an `AsyncMock`."""
    # What has not been imported can have marked nothing.
    coroutines = sys.modules.get("asyncio.coroutines")
    marker = getattr(coroutines, "_is_coroutine", None)
    return marker is not None and getattr(function, "_is_coroutine", None) is marker


def _signature_of(function: Any) -> inspect.Signature | None:
    """Return the signature of what is called itself; None if it cannot be known."""
    try:
        # A decorator that passes more on than it gets says with `functools.wraps` what it wraps:
        # that is not what is called.
        return inspect.signature(function, follow_wrapped=False)
    except Exception:
        return None


def _takes(signature: inspect.Signature, count: int) -> bool:
    try:
        signature.bind(*range(count))
    except TypeError:
        return False
    return True
