"""
Replies to inputs: results that come later, and never get lost.

Strategy: the I/O thread settles a reply, once, so a callback may wait for the reply of its own
order. Threads wait without a shared lock (see `_base.latch`), and callbacks run on the dispatch
thread. An error that is never read is reported when the reply is garbage collected.
"""

from __future__ import annotations

import time
from functools import partial
from sys import maxsize
from typing import (
    Any,
    Callable,
    Dict,
    Generic,
    Hashable,
    List,
    Optional,
    Protocol,
    TypeVar,
)

import attrs

from bfxsync._base.cells import in_cell
from bfxsync._base.describe import also_half_made
from bfxsync._base.enums import Policy
from bfxsync._base.html import html_of
from bfxsync._base.latch import WaitList
from bfxsync._base.shield import shielded
from bfxsync.checks.callbacks import check_callback
from bfxsync.checks.times import check_seconds_or_zero
from bfxsync.errors import ApiError, BfxError, ClosedError, OutcomeUnknown
from bfxsync.outcome.writes import WriteRecord
from bfxsync.wire.operations import Operation
from bfxsync.ws.core.lifetime import Lifetime
from bfxsync.ws.dispatch.dispatcher import CallbackQueue, Dispatcher

T = TypeVar("T")
Outcome = Callable[[Any, Optional[BfxError]], None]
"""Takes the result and the error of a reply."""

R = TypeVar("R", bound="Reply[Any]")

HINT = "it may or may not have been executed; do not send it again"
_HINT_OPEN = (
    f"{HINT}: resolve() queries the exchange; the reply stays open until it is known"
)
_HINT_CLOSED = f"{HINT} before looking for it with another client"


class ReplyOwner(Protocol):
    """The client of a reply, which must not refer to the user's client object."""

    @property
    def lifetime(self) -> Lifetime: ...

    @property
    def dispatcher(self) -> Dispatcher: ...

    @property
    def timeout_s(self) -> float:
        """Timeout of waiting calls by default."""
        ...

    def check_may_wait(self) -> None:
        """Raise `UsageError` on a thread that would wait for itself."""

    def resolve(
        self, reply: Reply[Any], error: OutcomeUnknown, timeout: float | None
    ) -> Any:
        """Ask the exchange for the outcome of a reply; see `OutcomeUnknown.resolve`."""

    def wake(self) -> None:
        """Make the I/O thread serve callbacks that it has to run itself."""

    def report_unread(self, error: BfxError) -> None:
        """Report the failure of a reply. Acquires no lock: called by a finalizer."""


@attrs.frozen(eq=False)
class _Call:
    """A callback of the user, and its argument."""

    function: Callable[[Any], object]
    argument: Any

    def run(self) -> None:
        self.function(self.argument)


@attrs.frozen
class Request:
    """
    What a reply is about.

    Attributes
    ----------
    name : str
        Method and subject, for messages: ``submit_order of cid 12345``.
    known : dict
        The fields of the request, without None.
    cid, cid_date : int and str, optional
        Client id of the order, and the date of its creation by this machine's clock.
    """

    name: str
    known: Dict[str, Any] = attrs.field(factory=dict, repr=False)
    cid: int | None = None
    cid_date: str | None = None


class Reply(Generic[T]):
    """
    The result of an input, which comes later; returned by the methods of ``bfx.wss.inputs``.

    Safe to use in any thread and in callbacks, where waiting for it works as well. It cannot be
    cancelled, as a sent message cannot be recalled. If it fails and the error is never read, by
    `result`, `exception` or a method that waits, the error is logged and passed to `on_error` once
    the reply is garbage collected.
    """

    def __init__(self, owner: ReplyOwner, request: Request) -> None:
        self._owner = owner
        self._request = request
        # Identifies it without a reference to it.
        self.key: object = object()
        # Marked by the I/O thread, immediately before the operation is sent.
        self.record: WriteRecord = WriteRecord()
        self.operation: Operation | None = None
        # The thread that removes it settles the reply.
        self._is_open = [True]
        self._is_settled = False
        self._value: Any = None
        self._error: BfxError | None = None
        self._was_read = False
        self._changes = WaitList()
        # Called once, before any thread sees the outcome.
        self._on_outcome: Outcome = lambda value, error: None
        self._callbacks: List[Callable[[Any], object]] = []
        # Written by the I/O thread only.
        self._calls: CallbackQueue | None = None

    @also_half_made
    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._request.name}: {self._state()}>"

    _repr_html_ = html_of

    def _state(self) -> str:
        if not self._is_settled:
            return "in flight" if self.record.was_sent else "not sent yet"
        return "done" if self._error is None else f"failed: {self._error}"

    # --- any thread ---------------------------------------------------------------------------

    def done(self) -> bool:
        """Return whether there is a result or an error, so that `result` does not wait."""
        return self._is_settled

    def result(self, timeout: float | None = None) -> T:
        """
        Wait for the result and return it; may be called repeatedly.

        Parameters
        ----------
        timeout : float, optional
            Seconds; 0 does not wait. By default the timeout of the client.

        Raises
        ------
        OutcomeUnknown
            There was no answer in time, or none before the client was closed: it may or may not
            have been executed. In the first case the reply stays open and is completed later.
        NotExecuted
            It was not executed, see `NotExecuted.proof`; `OrderNotPlaced` for a new order.
        OrderRejected, ApiError
            The exchange refused it.
        ClosedError
            The client was closed before it was sent.
        UsageError
            Called on the I/O thread, with ``dispatch_threads=0``.
        """
        error = self.exception(timeout)
        if error is not None:
            # Raised by every call, each with its own traceback.
            raise error.with_traceback(None)
        value: T = self._value
        return value

    def exception(self, timeout: float | None = None) -> BfxError | None:
        """Wait as `result` does, and return the error, or None if there is a result."""
        if not self._wait(lambda: self._is_settled, self._seconds(timeout)):
            raise self._unanswered()
        self._was_read = True
        return self._error

    def wait_sent(self, timeout_s: float) -> bool:
        """Wait until it is being sent or is done; return False after the timeout."""
        return self._wait(lambda: self.record.was_sent or self._is_settled, timeout_s)

    def add_done_callback(self: R, function: Callable[[R], object]) -> None:
        """
        Call a function with this reply once it is done, on the dispatch thread.

        If it is done already, the call follows immediately; after the end of the client it happens
        on the calling thread. An exception of the function is reported to `on_error`.
        """
        check_callback("function", function, "reply")
        self._callbacks.append(in_cell(function))
        if not self._is_settled:
            return
        if self._owner.lifetime.stopped.is_set:
            self._call_late()
        else:
            # Ctrl-C must not lose a function that another thread has added.
            shielded(self._call_late)

    def _seconds(self, timeout: float | None) -> float:
        if timeout is None:
            return self._owner.timeout_s
        return check_seconds_or_zero("timeout", timeout)

    def _wait(self, is_over: Callable[[], bool], timeout_s: float | None) -> bool:
        """Wait until the condition holds; return False after the timeout."""
        if is_over():
            return True
        self._owner.check_may_wait()
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            if self._owner.lifetime.is_forked:
                raise self._owner.lifetime.forked_error()
            rest_s = None if deadline is None else deadline - time.monotonic()
            if is_over():
                return True
            if rest_s is not None and rest_s <= 0:
                return False
            self._changes.wait(is_over, rest_s)

    def _unanswered(self) -> OutcomeUnknown:
        sent = "no answer yet" if self.record.was_sent else "not sent yet"
        return self._unknown(sent, _HINT_OPEN, partial(self._owner.resolve, self))

    def _unknown(
        self, reason: str, hint: str, resolver: Callable[[Any, Any], Any] | None = None
    ) -> OutcomeUnknown:
        request = self._request
        return OutcomeUnknown(
            f"{request.name}: {reason}",
            phase="receive" if self.record.was_sent else "send",
            cid=request.cid,
            cid_date=request.cid_date,
            known=request.known,
            hint=hint,
            resolver=resolver,
        )

    def _call_late(self) -> None:
        """Call the functions that were added after the I/O thread has called the others."""
        owner = self._owner
        while self._callbacks:
            try:
                call = _Call(self._callbacks.pop(0), self)
            except IndexError:
                return
            # A queue has one writer, so each thread makes its own.
            calls = self._new_queue()
            if owner.lifetime.stopped.is_set:
                try:
                    call.run()
                except Exception as exc:
                    owner.dispatcher.report(calls, exc)
                continue
            calls.mailbox.put([call], list)
            owner.wake()

    def _new_queue(self) -> CallbackQueue:
        return CallbackQueue(
            self._request.name,
            {_Call: _Call.run},
            self._owner.dispatcher,
            # As large as the list of fills, which is kept anyway.
            size=maxsize,
            policy=Policy.DROP_OLDEST,
        )

    # --- the I/O thread -----------------------------------------------------------------------

    def follow(
        self,
        operation: Operation,
        on_outcome: Outcome,
        fingerprint: Hashable = None,
    ) -> None:
        """Set its operation, and what is called with the outcome; before it is submitted."""
        self.operation = operation
        self._on_outcome = on_outcome
        self.record.fingerprint = fingerprint

    def mark_sent(self) -> None:
        """Record that it is being sent: from now on its outcome may be unknown."""
        self.record.mark_sent()
        self._changes.wake_all()

    @property
    def has_failed(self) -> bool:
        """Whether there is an error instead of a result."""
        return self._error is not None

    @property
    def needs_nothing(self) -> bool:
        """Whether nothing more is expected from the exchange."""
        return self._is_settled

    def settle(self, value: Any = None, error: BfxError | None = None) -> None:
        """Set the result or the error, unless one is set already."""
        try:
            self._is_open.pop()
        except IndexError:
            return
        if isinstance(error, ApiError) and error.call is None:
            error.call = self._request.name
        self._on_outcome(value, error)
        self._value, self._error = value, error
        # It refers to this reply, whose end must be noticed at once.
        self.operation = None
        self._is_settled = True
        self._changes.wake_all()
        while self._callbacks:
            try:
                self._call(self._callbacks.pop(0), self)
            except IndexError:
                return  # by the thread that has just added it

    def end(self, error: BfxError) -> None:
        """
        Settle it at the end of the client, if it is open.

        `error` applies if it was not sent: otherwise its outcome is unknown.
        """
        if self._is_settled:
            return
        if self.record.was_sent:
            unknown = self._unknown(f"no answer: {error}", _HINT_CLOSED)
            unknown.__cause__ = error
            self.settle(None, unknown)
        elif isinstance(error, ClosedError):
            closed = f"{self._request.name} was not sent: {error}"
            self.settle(None, ClosedError(closed))
        else:
            self.settle(None, error)

    def _call(self, function: Callable[[Any], object], argument: object) -> None:
        """Call a function of the user on the dispatch thread."""
        if self._calls is None:
            self._calls = self._new_queue()
        self._calls.mailbox.add([_Call(function, argument)], list, time.monotonic())

    # --- the end ------------------------------------------------------------------------------

    def __del__(self) -> None:
        # The constructor may have failed.
        error = getattr(self, "_error", None)
        if error is not None and not self._was_read:
            self._owner.report_unread(error)
