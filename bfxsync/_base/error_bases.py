"""
The errors that most modules raise; public as `bfxsync.errors`, which has the whole tree.

Their `__module__` is the public one, as shown in tracebacks and pickles.
"""

from __future__ import annotations

from typing import Any, Mapping

from bfxsync._base.describe import printable
from bfxsync._base.html import html_of


class BfxError(Exception):
    """
    Base of every error that bfxsync raises.

    Attributes
    ----------
    retryable : bool
        True if the same call may succeed later without any change.
    endpoint : str or None
        Path of the REST call; None on a WebSocket.
    http_status : int or None
        HTTP status of the REST response; None without a response.
    """

    __module__ = "bfxsync.errors"

    retryable: bool = False
    endpoint: str | None = None
    http_status: int | None = None

    def __str__(self) -> str:
        # The message may contain a peer's text, and is printed and logged.
        return printable(super().__str__())

    _repr_html_ = html_of

    # By default unpickling would call the class with the message alone.
    def __reduce__(self) -> tuple[Any, ...]:
        return _made_again, (type(self), self.args, self._kept())

    def _kept(self) -> dict[str, Any]:
        return self.__dict__


class UsageError(BfxError, ValueError):
    """Invalid argument or call; raised before anything is sent."""

    __module__ = "bfxsync.errors"


class OrderBlocked(UsageError):
    """
    An order guard of this client refused an order or an update; nothing was sent.

    Attributes
    ----------
    guard : str
        The option that refused it: ``"post_only"``, ``"max_order_value"``,
        ``"max_orders_per_minute"``, ``"max_open_orders"``, ``"cancel_on_exit"``,
        ``"check_funds"``; ``"halt"`` after `Client.halt`; ``"unreadable"`` for a request whose
        orders cannot be checked.
    retry_after_s : float or None
        With ``"max_orders_per_minute"``: seconds until the next order is allowed.
    """

    __module__ = "bfxsync.errors"

    def __init__(
        self, message: str, *, guard: str, retry_after_s: float | None = None
    ) -> None:
        super().__init__(message)
        self.guard = guard
        self.retry_after_s = retry_after_s


class ClosedError(BfxError):
    """The client or subscription is closed; also raised in waiting calls."""

    __module__ = "bfxsync.errors"


class NetworkError(BfxError):
    """
    The connection failed.

    Attributes
    ----------
    phase : str
        ``"connect"``, ``"send"`` or ``"receive"``.
    code : int or None
        Close code of the WebSocket (1006 without a close frame), or HTTP status of a refused
        handshake.
    retry_after_s : float or None
        Delay requested by the exchange when it refused a handshake.
    """

    __module__ = "bfxsync.errors"

    retryable = True

    def __init__(
        self,
        message: str,
        *,
        phase: str,
        code: int | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.phase = phase
        self.code = code
        self.retry_after_s = retry_after_s


class RequestTimeout(NetworkError, TimeoutError):
    """No response within the timeout."""

    __module__ = "bfxsync.errors"

    def __init__(self, message: str, *, phase: str = "receive") -> None:
        super().__init__(message, phase=phase)


def _made_again(
    kind: type[BfxError], args: tuple[Any, ...], kept: Mapping[str, Any]
) -> BfxError:
    error = kind.__new__(kind)
    error.args = args
    error.__dict__.update(kept)
    return error
