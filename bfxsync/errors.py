"""
Every error that bfxsync raises, in one tree: who is to blame.

::

    BfxError
    ├─ UsageError (ValueError)       you: impossible arguments, raised before any I/O
    ├─ ClosedError                   you: the client is closed
    ├─ NetworkError                  nobody: .phase is "connect", "send" or "receive"
    │  └─ RequestTimeout             (TimeoutError) no answer in time
    ├─ RemoteError                   them, unreadable: .raw
    │  ├─ ChecksumMismatch           .expected .actual .symbol
    │  └─ VersionMismatch            the exchange speaks another version of the protocol
    └─ ApiError                      them, saying no: .code .message .raw
       ├─ AuthError                  wrong key or signature
       │  └─ NonceTooSmall           someone else uses this key
       ├─ RateLimited                .retry_after_s
       ├─ SubscriptionRejected       a channel that was refused
       └─ NotReady                   the exchange asks to try again later

Decisions are made by class and by numeric code only, never by the text of a message.
"""

from __future__ import annotations

from typing import ClassVar


class BfxError(Exception):
    """
    Base of every error that bfxsync raises.

    Attributes
    ----------
    retryable : bool
        True if the same call may succeed later without any change.
    endpoint : str or None
        The path of the REST call that it is about; None on a WebSocket.
    http_status : int or None
        The status of the answer of REST; None if there was none.
    """

    retryable: ClassVar[bool] = False
    endpoint: str | None = None
    http_status: int | None = None


class UsageError(BfxError, ValueError):
    """An argument or a call that can never work; raised before anything is sent."""


class ClosedError(BfxError):
    """The client (or the subscription) is closed; waiting calls get this too."""


class NetworkError(BfxError):
    """
    The link failed.

    Attributes
    ----------
    phase : str
        ``"connect"``, ``"send"`` or ``"receive"``: how far it had come.
    code : int or None
        Close code of the WebSocket, 1006 without a close frame; or the HTTP status with
        which the handshake was refused; None if there is neither.
    """

    retryable = True

    def __init__(self, message: str, *, phase: str, code: int | None = None) -> None:
        super().__init__(message)
        self.phase = phase
        self.code = code


class RequestTimeout(NetworkError, TimeoutError):
    """No answer within the time allowed for it."""

    def __init__(self, message: str, *, phase: str = "receive") -> None:
        super().__init__(message, phase=phase)


class RemoteError(BfxError):
    """
    Something that could not be read came from the exchange.

    Attributes
    ----------
    raw : object
        What came, cut to a sensible length.
    """

    def __init__(self, message: str, *, raw: object = None) -> None:
        super().__init__(message)
        self.raw = raw


class ChecksumMismatch(RemoteError):
    """
    A book differs from the exchange's.

    Attributes
    ----------
    symbol : str
    expected, actual : int
        The exchange's CRC-32 and that of the local book, as signed 32-bit integers.
    """

    def __init__(self, symbol: str, *, expected: int, actual: int) -> None:
        super().__init__(
            f"book of {symbol}: the exchange's checksum is {expected}, the local one {actual}"
        )
        self.symbol = symbol
        self.expected = expected
        self.actual = actual


class VersionMismatch(RemoteError):
    """The exchange speaks another version of the protocol; nothing can be done with it."""


class ApiError(BfxError):
    """
    The exchange said no.

    Attributes
    ----------
    code : int or None
        The exchange's numeric code.
    message : str
        Its text, for people only: it may change at any time.
    raw : object
        The whole answer.

    References
    ----------
    https://docs.bitfinex.com/docs/abbreviations-glossary
    """

    def __init__(
        self, message: str, *, code: int | None = None, raw: object = None
    ) -> None:
        super().__init__(f"{message} (code {code})" if code is not None else message)
        self.code = code
        self.message = message
        self.raw = raw


class AuthError(ApiError):
    """The key, the signature or the permission is wrong."""


class NonceTooSmall(AuthError):
    """A larger nonce was used with this key before: another program uses the same key."""

    retryable = True


class RateLimited(ApiError):
    """
    Too many requests.

    Attributes
    ----------
    retry_after_s : float
        How long to wait before the next one.
    """

    retryable = True

    def __init__(
        self,
        message: str,
        *,
        code: int | None = None,
        raw: object = None,
        retry_after_s: float = 60.0,
    ) -> None:
        super().__init__(message, code=code, raw=raw)
        self.retry_after_s = retry_after_s


class SubscriptionRejected(ApiError):
    """The exchange refused a channel: an unknown symbol, or too many channels (10305)."""


class NotReady(ApiError):
    """The exchange asks to try again later (11000, 10008, 20060; on REST 502, 503 and 504 too)."""

    retryable = True


# What each numeric code means; the codes of one class share its treatment everywhere.
# Subscription codes: the live exchange answers 10300 to nearly everything, the others are listed.
_CLASS_OF_CODE: dict[int, type[ApiError]] = {
    10008: NotReady,
    10011: SubscriptionRejected,
    10012: SubscriptionRejected,
    10100: AuthError,
    10101: AuthError,
    10102: AuthError,
    10103: AuthError,
    10104: AuthError,
    10111: AuthError,
    10112: AuthError,
    10113: AuthError,
    10114: NonceTooSmall,
    10200: AuthError,
    10201: AuthError,
    10300: SubscriptionRejected,
    10301: SubscriptionRejected,
    10302: SubscriptionRejected,
    10303: SubscriptionRejected,
    10304: SubscriptionRejected,
    10305: SubscriptionRejected,
    10400: SubscriptionRejected,
    10401: SubscriptionRejected,
    11000: NotReady,
    11010: RateLimited,
    20060: NotReady,
}


def error_from_code(code: int | None, message: str, raw: object = None) -> ApiError:
    """Build the error whose class belongs to `code`; `ApiError` for an unknown one."""
    return _CLASS_OF_CODE.get(code or 0, ApiError)(message, code=code, raw=raw)
