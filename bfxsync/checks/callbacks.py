"""Checks that callbacks accept the arguments they will be called with."""

from __future__ import annotations

import functools
import inspect
import sys
from typing import Any, Callable

from bfxsync._base.describe import safe_repr
from bfxsync.errors import UsageError


def check_callback(
    name: str, function: Any, *takes: str, extra: str | None = None
) -> Any:
    """
    Check that a function accepts the positional arguments named in `takes`; None is allowed.

    A wrong number of parameters is refused, and so are generator and coroutine functions, which do
    nothing when called. Callables that cannot be inspected, such as some written in C, are
    accepted. The function may have one more parameter, `extra`; see `with_extra`.
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
            f"{name} must be a plain function, {form}; {safe_repr(function)} is {kind}: calling it "
            "would do nothing"
        )
    called = with_extra(function, len(takes), extra, None) if extra else function
    signature = _signature_of(called)
    if signature is not None and not _takes(signature, len(takes)):
        count = f"{len(takes)} argument{'' if len(takes) == 1 else 's'}"
        raise UsageError(
            f"{name} is called with {count}, {form}; {safe_repr(function)} takes {signature}"
        )
    return function


def with_extra(
    function: Callable[..., object], count: int, extra: str, value: object
) -> Callable[..., object]:
    """
    Bind one more argument to a function that takes it; other functions are returned unchanged.

    A function takes it if it has a parameter of that name, or requires `count` + 1 arguments.
    """
    signature = _signature_of(function)
    if signature is None:
        return function
    parameter = signature.parameters.get(extra)
    if parameter is not None and parameter.kind in (
        parameter.POSITIONAL_OR_KEYWORD,
        parameter.KEYWORD_ONLY,
    ):
        return functools.partial(function, **{extra: value})
    if not _takes(signature, count) and _takes(signature, count + 1):
        return lambda *arguments: function(*arguments, value)
    return function


def _kind_of(function: Any) -> str | None:
    """Return the kind of a function whose body does not run when called; None for others."""
    inner = function
    while True:
        if isinstance(inner, functools.partial):
            inner = inner.func
        elif isinstance(inner, staticmethod):
            inner = inner.__func__
        else:
            break
    # `__call__` of the type, as in a call: a class may define one for its instances.
    for candidate in (inner, getattr(type(inner), "__call__", None)):
        try:
            if inspect.isgeneratorfunction(candidate):
                return "a generator function (is there a `yield` in it?)"
            if inspect.isasyncgenfunction(candidate):
                return "an asynchronous generator function"
            if inspect.iscoroutinefunction(candidate) or _is_marked(candidate):
                return "a coroutine function (there is no event loop here)"
        except Exception:
            # Mocks may have attributes that `inspect` does not expect.
            continue
    return None


def _is_marked(function: Any) -> bool:
    """Return whether asyncio treats it as a coroutine function, as it does an `AsyncMock`."""
    # If asyncio was never imported, nothing is marked.
    coroutines = sys.modules.get("asyncio.coroutines")
    marker = getattr(coroutines, "_is_coroutine", None)
    return marker is not None and getattr(function, "_is_coroutine", None) is marker


def _signature_of(function: Any) -> inspect.Signature | None:
    """Return the signature of the callable itself; None if unknown."""
    try:
        # Not following `functools.wraps`: a decorator may add parameters.
        return inspect.signature(function, follow_wrapped=False)
    except Exception:
        return None


def _takes(signature: inspect.Signature, count: int) -> bool:
    try:
        signature.bind(*range(count))
    except TypeError:
        return False
    return True
