"""Values with a masked `repr`, and removal of frames that hold secrets from errors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Iterator, TypeVar

from bfxsync._base.describe import printable
from bfxsync._base.hosts import HIDDEN
from bfxsync._base.plain import plain_integer, plain_text

PRIVATE = frozenset(
    (
        "token",
        "tfaToken",
        "customerInfo",
        "dest_firstname",
        "dest_lastname",
        "dest_corp_name",
    )
)
"""Request fields that hold secrets or personal data."""

E = TypeVar("E", bound=BaseException)


class Hidden(str):
    """
    Text with a masked `repr`, which is what tracebacks with variables show.

    Public functions wrap a secret parameter in their first line, so that none of our frames holds
    the plain text.
    """

    def __repr__(self) -> str:
        return f"'{HIDDEN}'"


class HiddenBytes(bytes):
    """Bytes whose `repr` is masked."""

    def __repr__(self) -> str:
        return f"b'{HIDDEN}'"


class HiddenInt(int):
    """An integer whose `repr` is masked."""

    def __repr__(self) -> str:
        return HIDDEN

    # `str`, formats and JSON still get the number.
    __str__ = int.__repr__


def hide(value: Any) -> Any:
    """Mask a text or an integer, or all of them inside dicts and lists."""
    if isinstance(value, (Hidden, HiddenBytes, HiddenInt)):
        return value
    # As plain types: a class of the user or of NumPy may have its own `repr`.
    text = plain_text(value)
    if text is not None:
        return Hidden(text)
    if type(value) is bytes:
        return HiddenBytes(value)
    whole = plain_integer(value)
    if whole is not None:
        return HiddenInt(whole)
    if isinstance(value, Mapping):
        return {key: hide(item) for key, item in value.items()}
    if type(value) is list or type(value) is tuple:
        return type(value)(map(hide, value))
    return value


def hide_private(body: Any) -> Any:
    """Return the body of a request with its private values masked."""
    if not isinstance(body, Mapping):
        return body
    return {
        name: hide(value) if name in PRIVATE else value for name, value in body.items()
    }


def hidden_in(value: Any) -> Iterator[str]:
    """Yield the masked texts inside dicts and lists."""
    if isinstance(value, (Hidden, HiddenInt)):
        yield Hidden(str(value))
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from hidden_in(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from hidden_in(item)


def without_frames(exc: E) -> E:
    """
    Strip the tracebacks from another package's error and its causes.

    Their frames, whose variables some error reports show, hold a proxy's password or the head of
    a signed request. A peer's text in the error is made printable.
    """
    found: list[BaseException] = [exc]
    for inner in found:
        inner.__traceback__ = None
        inner.args = tuple(
            printable(value) if isinstance(value, str) else value
            for value in inner.args
        )
        for other in (inner.__cause__, inner.__context__):
            if other is not None and all(other is not known for known in found):
                found.append(other)
    return exc
