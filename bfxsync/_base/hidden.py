"""Text that hides itself, and errors that are cut off from what their frames held."""

from __future__ import annotations

from typing import Any, Iterator, Mapping, TypeVar

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
"""Fields of requests that are as secret as a key, or that are about people."""

E = TypeVar("E", bound=BaseException)


class Hidden(str):
    """
    Text whose `repr`, as tracebacks with variables show it, is blacked out.

    A parameter is bound to it anew at the first line of a public function, so that no frame of
    ours has the plain one.
    """

    def __repr__(self) -> str:
        return f"'{HIDDEN}'"


class HiddenBytes(bytes):
    """The same for bytes."""

    def __repr__(self) -> str:
        return f"b'{HIDDEN}'"


class HiddenInt(int):
    """The same for an integer."""

    def __repr__(self) -> str:
        return HIDDEN

    # What `str` and formats take, and so JSON.
    __str__ = int.__repr__


def hide(value: Any) -> Any:
    """Return a text or an integer, or all of them in dicts and lists, hidden."""
    if isinstance(value, (Hidden, HiddenBytes, HiddenInt)):
        return value
    # As it is sent: a class of the user's own, or of NumPy, may show it in its own way.
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
    """Return the body of a request with the values hidden that errors must not show."""
    if not isinstance(body, Mapping):
        return body
    return {
        name: hide(value) if name in PRIVATE else value for name, value in body.items()
    }


def hidden_in(value: Any) -> Iterator[str]:
    """Yield the texts of what is hidden in dicts and lists."""
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
    Return an error of another package, cut off from the frames that it went through.

    Their variables, which some reports of errors show, hold a proxy's password or the head of a
    signed request. What a peer said in it can be printed afterwards.
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
