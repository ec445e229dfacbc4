"""
Every error that bfxsync raises, in one tree: who is to blame.

::

    BfxError
    ├─ UsageError (ValueError)       you: impossible arguments, raised before any I/O
    ├─ ClosedError                   you: the client is closed
    ├─ NetworkError                  nobody: .phase is "connect", "send" or "receive"
    │  ├─ RequestTimeout             (TimeoutError) no answer in time
    │  ├─ OutcomeUnknown             a write that may or may not have been executed: resolve()
    │  └─ NotExecuted                a write was not executed: .proof says how that is known,
    │     └─ OrderNotPlaced          "never_sent", "refused" or (inferred) "absent"
    ├─ RemoteError                   them, unreadable: .raw
    │  ├─ ChecksumMismatch           .expected .actual .symbol
    │  └─ VersionMismatch            the exchange speaks another version of the protocol
    └─ ApiError                      them, saying no: .code .message .raw
       ├─ AuthError                  wrong key or signature
       │  └─ NonceTooSmall           someone else uses this key: .clock_skew_s
       ├─ RateLimited                .retry_after_s .is_own_budget
       ├─ SubscriptionRejected       a channel that was refused
       ├─ OrderRejected              an order, or a change of one, that was refused
       └─ NotReady                   the exchange asks to try again later

Decisions are made by class and by numeric code only, never by the text of a message.
"""

from __future__ import annotations

from typing import Any, Callable, Literal, Mapping, Sequence

from bfxsync._base.describe import printable

Proof = Literal["never_sent", "refused", "absent"]
"""How it is known that a write was not executed; see `NotExecuted`."""

WORTH_NAMING_S = 5.0
"""Clocks that differ by more than this are named where a nonce is refused."""


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

    retryable: bool = False
    endpoint: str | None = None
    http_status: int | None = None

    def __str__(self) -> str:
        # What a peer said is in it, and it is printed and logged.
        return printable(super().__str__())

    # Python would call the class with nothing but the message, in another process too.
    def __reduce__(self) -> tuple[Any, ...]:
        return _made_again, (type(self), self.args, self._kept())

    def _kept(self) -> dict[str, Any]:
        return self.__dict__


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
    retry_after_s : float or None
        How long a refused handshake is to wait, if the exchange has said so.
    """

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
    """No answer within the time allowed for it."""

    def __init__(self, message: str, *, phase: str = "receive") -> None:
        super().__init__(message, phase=phase)


class OutcomeUnknown(NetworkError):
    """
    A write that may or may not have been executed: never send it again before that is known.

    A copy, such as one that has come from another process, cannot ask: it knows no client.

    Attributes
    ----------
    cid : int or None
        The client's id of the order that it is about.
    cid_date : str or None
        The UTC date to which that id belongs, by this machine's clock: ``"2026-01-31"``.
    known : dict
        What was sent, by the names of the request; without anything secret.
    raw : object
        What came back, cut to a sensible length; None if nothing did.
    hint : str
        How to find out by hand.
    candidates : list
        After `resolve`: what may have come of it, where that is not certain. A row that could
        not be read stands there as it came.
    reason : str
        After `resolve`: why it still is not known.
    """

    retryable = False

    def __init__(
        self,
        message: str,
        *,
        phase: str = "receive",
        cid: int | None = None,
        cid_date: str | None = None,
        known: Mapping[str, Any] | None = None,
        raw: object = None,
        hint: str = "",
        resolver: Resolver | None = None,
    ) -> None:
        super().__init__(message, phase=phase)
        self.cid = cid
        self.cid_date = cid_date
        self.known: dict[str, Any] = dict(known or {})
        self.raw = raw
        self.hint: str = hint
        self.candidates: list[Any] = []
        self.reason = ""
        self._resolver = resolver
        self._is_copy = False

    def __str__(self) -> str:
        return "; ".join(filter(None, (super().__str__(), self.reason, self.hint)))

    def add(
        self,
        *,
        cid: int | None = None,
        cid_date: str | None = None,
        known: Mapping[str, Any] | None = None,
        hint: str = "",
        resolver: Resolver | None = None,
    ) -> None:
        """Tell it what only the caller of the one who raised it knows."""
        self.cid = cid if cid is not None else self.cid
        self.cid_date = cid_date if cid_date is not None else self.cid_date
        self.known.update(known or {})
        self.hint = hint or self.hint
        self._resolver = resolver if resolver is not None else self._resolver

    @property
    def can_resolve(self) -> bool:
        """True if the exchange can be asked what became of it."""
        return self._resolver is not None

    def resolve(self, timeout: float | None = None) -> Any:
        """
        Ask the exchange what became of it; may be called again, from any thread.

        Parameters
        ----------
        timeout : float, optional
            Seconds. By default 30 more than the client's `absence_s`, so that it ends with an
            answer: only when so much time has passed since the call failed, what the exchange
            does not list counts as not executed.

        Returns
        -------
        object
            What has come of it, as the page of the method that raised this says: an order, the
            rows of a history.

        Raises
        ------
        NotExecuted
            Nothing did, as far as can be inferred (`proof` is ``"absent"``); `OrderNotPlaced`
            for a new order.
        OutcomeUnknown
            This error again: its `reason` says why, and `candidates` has what may be it.
        UsageError
            There is nothing to ask the exchange for; `hint` says what to look at. Or this is a
            copy.
        BfxError
            Asking failed.
        """
        if self._is_copy:
            raise UsageError(
                f"a copy of the error about {self.endpoint} cannot ask the exchange: it knows no "
                "client; call resolve() of the error itself, where it was raised"
            )
        if self._resolver is None:
            raise UsageError(
                f"the exchange cannot be asked what became of {self.endpoint}"
                + (f": {self.hint}" if self.hint else "")
            )
        return self._resolver(self, timeout)

    def _kept(self) -> dict[str, Any]:
        # What asks holds the client, and with it the key's secret.
        is_copy = self._is_copy or self._resolver is not None
        return {**self.__dict__, "_resolver": None, "_is_copy": is_copy}


Resolver = Callable[[OutcomeUnknown, "float | None"], Any]


class NotExecuted(NetworkError):
    """
    A write was not executed.

    Attributes
    ----------
    proof : str
        How that is known. ``"never_sent"``: it has not left this machine. ``"refused"``: the
        exchange refused it, which became known only after `OutcomeUnknown`; a refusal that
        answers the call itself is an `ApiError`. ``"absent"``: an inference and no proof; the
        exchange was asked `absence_s` or more after the call had failed, and lists no trace
        of it.
    retryable : bool
        True only for ``"never_sent"``.
    """

    retryable: bool = False

    def __init__(self, message: str, *, phase: str, proof: Proof) -> None:
        super().__init__(message, phase=phase)
        self.proof = proof
        self.retryable = proof == "never_sent"


class OrderNotPlaced(NotExecuted):
    """
    A new order was not placed; `NotExecuted` says how that is known.

    Attributes
    ----------
    cid : int or None
        The client's id that it would have had.
    """

    def __init__(
        self, message: str, *, phase: str, proof: Proof, cid: int | None = None
    ) -> None:
        super().__init__(message, phase=phase, proof=proof)
        self.cid = cid


class RemoteError(BfxError):
    """
    Something that could not be read came from the exchange.

    Attributes
    ----------
    raw : object
        What came, cut to a sensible length. For a list: the first row that could not be read.
    rows : list
        The rows of a list that could be read, in the order of the answer; empty if it is not
        about a list.
    unreadable : list of (object, str)
        The other rows of the list, as they came, each with the reason; together with `rows`
        they are the whole answer. Empty if it is not about a list.
    """

    def __init__(
        self,
        message: str,
        *,
        raw: object = None,
        rows: Sequence[Any] = (),
        unreadable: Sequence[tuple[Any, str]] = (),
    ) -> None:
        super().__init__(message)
        self.raw = raw
        self.rows: list[Any] = list(rows)
        self.unreadable: list[tuple[Any, str]] = list(unreadable)


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
    call : str or None
        The call of REST that was refused, as text: ``get_t_ticker("tNOPE")``; None on a
        WebSocket.

    References
    ----------
    https://docs.bitfinex.com/docs/abbreviations-glossary
    """

    call: str | None = None

    def __init__(
        self, message: str, *, code: int | None = None, raw: object = None
    ) -> None:
        super().__init__(f"{message} (code {code})" if code is not None else message)
        self.code = code
        self.message = message
        self.raw = raw

    def __str__(self) -> str:
        text = super().__str__()
        return text if self.call is None else f"{self.call}: {text}"


class AuthError(ApiError):
    """The key, the signature or the permission is wrong."""


class NonceTooSmall(AuthError):
    """
    A larger nonce was used with this key before: another program uses the same key.

    Attributes
    ----------
    clock_skew_s : float or None
        How far this machine's clock is ahead of the exchange's, in seconds; negative if it is
        behind; None if that is not known.
    """

    retryable = True
    clock_skew_s: float | None = None

    def __str__(self) -> str:
        text, skew_s = super().__str__(), self.clock_skew_s
        if skew_s is None or abs(skew_s) <= WORTH_NAMING_S:
            return text
        side = "ahead of" if skew_s > 0 else "behind"
        return (
            f"{text}; this machine's clock is {abs(skew_s):.0f} s {side} the exchange's"
        )


class RateLimited(ApiError):
    """
    Too many requests.

    Attributes
    ----------
    retry_after_s : float
        How long to wait before the next one.
    is_own_budget : bool
        True if bfxsync has counted so many that it sends no more, and this one was not sent;
        False if the exchange has refused it, or one like it a moment before.
    """

    retryable = True

    def __init__(
        self,
        message: str,
        *,
        code: int | None = None,
        raw: object = None,
        retry_after_s: float = 60.0,
        is_own_budget: bool = False,
    ) -> None:
        super().__init__(message, code=code, raw=raw)
        self.retry_after_s = retry_after_s
        self.is_own_budget = is_own_budget

    def __str__(self) -> str:
        wait_s = self.retry_after_s
        time = f"{wait_s:.1f} s" if wait_s < 7200 else f"{wait_s / 3600:.1f} h"
        who = "bfxsync's own count" if self.is_own_budget else "refused by the exchange"
        return f"{super().__str__()} ({who}); try again in {time}"


class SubscriptionRejected(ApiError):
    """The exchange refused a channel: an unknown symbol, or too many channels (10305)."""


class OrderRejected(ApiError):
    """The exchange refused an order, or a change or the cancellation of one."""


class NotReady(ApiError):
    """The exchange asks to try again later (11000, 10008, 20060; on REST 408, 5xx of a gateway)."""

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


def _made_again(
    kind: type[BfxError], args: tuple[Any, ...], kept: Mapping[str, Any]
) -> BfxError:
    error = kind.__new__(kind)
    error.args = args
    error.__dict__.update(kept)
    return error


def error_from_code(
    code: int | None,
    message: str,
    raw: object = None,
    default: type[ApiError] = ApiError,
) -> ApiError:
    """Build the error whose class belongs to `code`; `default` for an unknown one."""
    return _CLASS_OF_CODE.get(code or 0, default)(message, code=code, raw=raw)
