"""
Every error that bfxsync raises, in one tree.

::

    BfxError
    ├─ UsageError (ValueError)       invalid arguments or calls; raised before any I/O
    │  └─ OrderBlocked               refused by an order guard of this client: .guard
    ├─ ClosedError                   the client is closed
    ├─ OrderNotFilled                an order was closed before it was filled: .order
    ├─ NetworkError                  connection problem: .phase is "connect", "send" or "receive"
    │  ├─ RequestTimeout             (TimeoutError) no response in time
    │  ├─ OutcomeUnknown             a write that may or may not have been executed: resolve()
    │  └─ NotExecuted                a write was not executed; .proof is "never_sent", "refused"
    │     └─ OrderNotPlaced          or (inferred) "absent"
    ├─ RemoteError                   unreadable response: .raw
    │  ├─ ChecksumMismatch           .expected .actual .symbol
    │  └─ VersionMismatch            unsupported version of the protocol
    └─ ApiError                      refused by the exchange: .code .message .raw
       ├─ AuthError                  wrong key or signature
       │  └─ NonceTooSmall           the key is also used elsewhere: .clock_skew_s
       ├─ RateLimited                .retry_after_s .is_own_budget
       ├─ SubscriptionRejected       a channel that was refused
       ├─ OrderRejected              an order, update or cancellation that was refused
       └─ NotReady                   try again later

Decisions are made by class and by numeric code only, never by the text of a message.
"""

from __future__ import annotations

from typing import Any, Callable, Literal, Mapping, Sequence

from bfxsync._base.error_bases import BfxError as BfxError
from bfxsync._base.error_bases import ClosedError as ClosedError  # noqa: F401
from bfxsync._base.error_bases import NetworkError as NetworkError
from bfxsync._base.error_bases import OrderBlocked as OrderBlocked  # noqa: F401
from bfxsync._base.error_bases import RequestTimeout as RequestTimeout  # noqa: F401
from bfxsync._base.error_bases import UsageError as UsageError

Proof = Literal["never_sent", "refused", "absent"]
"""Why a write is known not to have been executed; see `NotExecuted`."""

_OWN_KEYS = "use one key per machine, and one nonce_file= for its processes"

WORTH_NAMING_S = 5.0
"""Clock difference above which the error of a refused nonce mentions it."""


class OutcomeUnknown(NetworkError):
    """
    A write that may or may not have been executed: never repeat it before `resolve`.

    A copy, such as one unpickled in another process, has no client and cannot resolve.

    Attributes
    ----------
    cid : int or None
        Client order id.
    cid_date : str or None
        UTC date of the client order id, by this machine's clock: ``"2026-01-31"``.
    known : dict
        The fields of the request, without secrets.
    raw : object
        The response, truncated; None without one.
    hint : str
        How to find out the outcome manually.
    candidates : list
        After `resolve`: possible results, if it is not certain which one; unreadable rows as
        received.
    reason : str
        After `resolve`: why the outcome is still unknown.
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
        """Attach details known only to the caller."""
        self.cid = cid if cid is not None else self.cid
        self.cid_date = cid_date if cid_date is not None else self.cid_date
        self.known.update(known or {})
        self.hint = hint or self.hint
        self._resolver = resolver if resolver is not None else self._resolver

    @property
    def can_resolve(self) -> bool:
        """Whether `resolve` can ask the exchange."""
        return self._resolver is not None

    def resolve(self, timeout: float | None = None) -> Any:
        """
        Query the exchange for the outcome; may be called repeatedly, from any thread.

        Parameters
        ----------
        timeout : float, optional
            Seconds. The default, 30 more than the client's `absence_s`, gives a definite result:
            a write that the exchange does not list counts as not executed only `absence_s` after
            the failed call.

        Returns
        -------
        object
            The result, as documented by the method that raised this: an order, rows of a history.

        Raises
        ------
        NotExecuted
            Inferred that it was not executed (`proof` is ``"absent"``); `OrderNotPlaced` for a new
            order.
        OutcomeUnknown
            This error again, with `reason` and `candidates`.
        UsageError
            The outcome of this call cannot be queried (see `hint`), or this is a copy.
        BfxError
            The query failed.
        """
        if self._is_copy:
            raise UsageError(
                f"a copy of the error about {self.endpoint} cannot resolve: it has no client; call "
                "resolve() of the original error in the process that raised it"
            )
        if self._resolver is None:
            raise UsageError(
                f"cannot query the outcome of {self.endpoint}"
                + (f": {self.hint}" if self.hint else "")
            )
        return self._resolver(self, timeout)

    def _kept(self) -> dict[str, Any]:
        # The resolver refers to the client, and so to the secret of the key.
        is_copy = self._is_copy or self._resolver is not None
        return {**self.__dict__, "_resolver": None, "_is_copy": is_copy}


Resolver = Callable[[OutcomeUnknown, "float | None"], Any]


class NotExecuted(NetworkError):
    """
    A write was not executed.

    Attributes
    ----------
    proof : str
        How that is known. ``"never_sent"``: it never left this machine. ``"refused"``: refused by
        the exchange, as found after `OutcomeUnknown`; a refusal in the response itself is an
        `ApiError`. ``"absent"``: inferred, as the exchange did not list it `absence_s` or more
        after the failed call.
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
    A new order was not placed; see `NotExecuted`.

    Attributes
    ----------
    cid : int or None
        Client order id of the order.
    """

    def __init__(
        self, message: str, *, phase: str, proof: Proof, cid: int | None = None
    ) -> None:
        super().__init__(message, phase=phase, proof=proof)
        self.cid = cid


class OrderNotFilled(BfxError):
    """
    An order was closed before it was executed completely, while a call waited for that.

    Attributes
    ----------
    order : Order
        Its last state; `amount` has what is left of `amount_orig`, and `status` says why.
    """

    def __init__(self, message: str, *, order: Any) -> None:
        super().__init__(message)
        self.order = order


class RemoteError(BfxError):
    """
    Unreadable data from the exchange.

    Attributes
    ----------
    raw : object
        The data, truncated; for a list its first unreadable row.
    rows : list
        The readable rows of a list, in the order of the response.
    unreadable : list of (object, str)
        The unreadable rows as received, each with the reason. With `rows` the whole response.
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
    A local book differs from the exchange's.

    Attributes
    ----------
    symbol : str
    expected, actual : int
        CRC-32 of the exchange's book and of the local one, as signed 32-bit integers.
    """

    def __init__(self, symbol: str, *, expected: int, actual: int) -> None:
        super().__init__(
            f"book of {symbol}: the exchange's checksum is {expected}, the local one {actual}"
        )
        self.symbol = symbol
        self.expected = expected
        self.actual = actual


class VersionMismatch(RemoteError):
    """The exchange uses an unsupported version of the protocol."""


class ApiError(BfxError):
    """
    Refused by the exchange.

    https://docs.bitfinex.com/docs/abbreviations-glossary

    Attributes
    ----------
    code : int or None
        The exchange's numeric code.
    message : str
        The exchange's text, for humans only: it may change at any time.
    raw : object
        The whole response.
    call : str or None
        The refused REST call, ``get_t_ticker("tNOPE")``, or input, ``submit_order of cid 12345``;
        None for anything else.
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
    """Wrong key or signature, or missing permission."""


class NonceTooSmall(AuthError):
    """
    A larger nonce was already used with this key: another program uses the same key.

    The processes of one machine can share a key through a ``nonce_file``; each further machine
    needs its own key.

    Attributes
    ----------
    clock_skew_s : float or None
        Seconds by which this machine's clock is ahead of the exchange's: negative if behind, None
        if unknown.
    """

    retryable = True
    clock_skew_s: float | None = None

    def __str__(self) -> str:
        text, skew_s = super().__str__(), self.clock_skew_s
        if skew_s is None or abs(skew_s) <= WORTH_NAMING_S:
            return f"{text}; {_OWN_KEYS}"
        side = "ahead of" if skew_s > 0 else "behind"
        return (
            f"{text}; this machine's clock is {abs(skew_s):.0f} s {side} the exchange's; "
            + _OWN_KEYS
        )


class RateLimited(ApiError):
    """
    Too many requests.

    Attributes
    ----------
    retry_after_s : float
        Delay before the next request.
    is_own_budget : bool
        True if bfxsync's own count reached the limit and this request was not sent; False if the
        exchange has just refused it, or another request of its group.
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
    """The exchange refused an order, or an update or cancellation of one."""


class NotReady(ApiError):
    """Try again later (codes 11000, 10008, 20060; on REST 408, and 5xx of a gateway)."""

    retryable = True
