"""The base of all signed endpoints: reads, writes and histories."""

from __future__ import annotations

import copy
import warnings
from functools import partial
from typing import Any, Callable, Generic, Hashable, Mapping, Optional, TypeVar, cast

import attrs

from bfxsync._base.aliases import NumberType
from bfxsync._base.hidden import PRIVATE, hide_private
from bfxsync._base.logs import get_logger
from bfxsync.checks.symbols import check_optional_symbol
from bfxsync.errors import (
    BfxError,
    NetworkError,
    NotExecuted,
    OutcomeUnknown,
    RemoteError,
)
from bfxsync.guards.dry_run import has_subject
from bfxsync.guards.guard import OrderGuard
from bfxsync.models.model_list import ModelList, model_of
from bfxsync.models.notification import Notification, of_nothing
from bfxsync.models.rows import read_rows
from bfxsync.outcome.resolve import Attempt, Search, resolve
from bfxsync.outcome.unread import UnreadRows
from bfxsync.outcome.writes import RecentWrites, WriteRecord
from bfxsync.rest.history.unreadable import Skip, must_raise
from bfxsync.rest.http.callers import current_call
from bfxsync.rest.http.retry_policy import RequestKind, unknown_outcome
from bfxsync.rest.order_queries import AccountQueries
from bfxsync.rest.public.base import Budget, Endpoints

__all__ = ["Budget", "SignedEndpoints", "Write", "deprecated", "path_for"]

T = TypeVar("T")
E = TypeVar("E", bound="SignedEndpoints")

_log = get_logger(__name__)

Body = Mapping[str, Any]
Read = Callable[[Any, NumberType], T]

# The time in a slower notification does not show the exchange's current time.
_QUICK_S = 2.0

_MAYBE = "it may or may not have been executed"
_HINT_LOOK = "check the account before sending it again"
_HINT_RESOLVE = "resolve() queries the exchange; do not send it again before that"


@attrs.frozen
class Write(Generic[T]):
    """
    A write request, and how to find its outcome.

    Attributes
    ----------
    read : callable
        Builds the result from the response. If it cannot read the response, the outcome is unknown.
    path : str
        Path of the request; default: the group of the budget.
    search : Search, optional
        Finds the outcome for `OutcomeUnknown.resolve`; None if it cannot be queried.
    fingerprint : object, optional
        Equal for all writes that the search cannot distinguish; None if it can.
    hint : str
        Advice for an unknown outcome.
    not_executed : callable
        Builds the error for a write that was not executed; takes the arguments of `NotExecuted`.
    cid, cid_date : int and str, optional
        Client id of the order, for errors.
    """

    budget: Budget
    read: Read[T]
    body: Optional[Body] = attrs.field(default=None, converter=hide_private, repr=False)
    path: str = attrs.field(
        default=attrs.Factory(lambda self: self.budget.group, takes_self=True),
        kw_only=True,
    )
    search: Optional[Search[Any]] = attrs.field(default=None, kw_only=True)
    fingerprint: Hashable = attrs.field(default=None, kw_only=True)
    hint: str = attrs.field(
        default=attrs.Factory(
            lambda self: _HINT_LOOK if self.search is None else _HINT_RESOLVE,
            takes_self=True,
        ),
        kw_only=True,
    )
    not_executed: Callable[..., NotExecuted] = attrs.field(
        default=NotExecuted, kw_only=True
    )
    cid: Optional[int] = attrs.field(default=None, kw_only=True)
    cid_date: Optional[str] = attrs.field(default=None, kw_only=True)


class SignedEndpoints(Endpoints):
    """A group of endpoints that need a key; parameters as for `Endpoints`."""

    # Checks orders; None for endpoints without orders.
    _guard: OrderGuard | None = None

    # Collects unreadable rows; if None, they raise an error.
    _unread: Optional[UnreadRows] = None

    def _copy_collecting(self: E) -> tuple[E, UnreadRows]:
        """Return a copy whose lists leave out unreadable rows, and the collection of those rows."""
        found, unread = copy.copy(self), UnreadRows()
        found._unread, found._skip = unread, None
        return found, unread

    def _read(
        self, budget: Budget, read: Read[T], body: Body | None = None, path: str = ""
    ) -> T:
        """Return the result of `read` for the response; the default path is the budget's group."""
        path = path or budget.group
        return self._build(path, read, self._ask(path, budget, body, RequestKind.READ))

    def _read_many(
        self, budget: Budget, read: Read[T], body: Body | None = None, path: str = ""
    ) -> ModelList[T]:
        """Request a list, and return the results of `read` for its rows."""
        read_all = partial(read_rows, read)
        try:
            rows = self._rows(partial(self._read, budget, read_all, body, path=path))
        except RemoteError as error:
            # An iterator requests further pages and reports skipped rows itself.
            if self._unread is None or must_raise() or not error.unreadable:
                raise
            self._unread.add(error, (body or {}).get("limit"))
            rows = error.rows
        return ModelList(rows, model_of(read), self._numbers)

    def _read_raw(self, budget: Budget, body: Body | None = None) -> Any:
        """Return the response of a request unchanged, as it is undocumented."""
        return self._ask(budget.group, budget, body, RequestKind.READ)

    def _write(
        self,
        write: Write[T],
        kind: RequestKind = RequestKind.WRITE,
        before_send: Callable[[], None] = lambda: None,
    ) -> T:
        """
        Send a write at most once, and return the result of its `read` for the response.

        `before_send` is called before each attempt is sent.
        """
        if self._guard is None:
            return self._write_admitted(write, kind, before_send)
        queries = AccountQueries(self._transport)
        with self._guard.admit(write.path, write.body, queries) as admission:
            write = attrs.evolve(write, body=admission.body)

            def confirm() -> None:
                admission.confirm()
                before_send()

            value = self._write_admitted(write, kind, confirm)
            admission.record(value)
            return value

    def _write_admitted(
        self, write: Write[T], kind: RequestKind, confirm: Callable[[], None]
    ) -> T:
        path, cid, cid_date = write.path, write.cid, write.cid_date
        record, identity = WriteRecord(write.fingerprint), self._transport.identity
        sent = RecentWrites() if write.fingerprint is None else self._transport.sent
        sent.add(record)
        try:
            try:
                return self._send(write, kind, record, sent, confirm)
            except OutcomeUnknown as error:
                record.mark_ended()
                known = {
                    name: value
                    for name, value in (write.body or {}).items()
                    if value is not None and name not in PRIVATE
                }
                error.add(cid=cid, cid_date=cid_date, known=known, hint=write.hint)
                if write.search is not None:
                    attempt = Attempt(record, self._transport, identity=identity)
                    absent = write.not_executed
                    error.add(resolver=partial(resolve, attempt, write.search, absent))
                raise
            except NetworkError as error:
                # Except for `OutcomeUnknown`, these mean that nothing was sent.
                sent.drop(record)
                not_sent = write.not_executed(
                    f"{path} was not sent: {error}",
                    phase=error.phase,
                    proof="never_sent",
                )
                not_sent.endpoint = path
                raise not_sent from error
            except BfxError:
                sent.drop(record)
                raise
        except BfxError:
            raise
        except BaseException:
            # Ctrl-C, or a bug in this package, which can only be reported in the log.
            record.mark_ended()
            if record.was_sent:
                which = "" if cid is None else f" (cid {cid} of {cid_date})"
                _log.warning("%s%s was interrupted: %s", path, which, _MAYBE)
            raise

    def _send(
        self,
        write: Write[T],
        kind: RequestKind,
        record: WriteRecord,
        sent: RecentWrites,
        confirm: Callable[[], None],
    ) -> T:
        """Send a write, read its response, and keep its record."""

        def before_send() -> None:
            confirm()
            record.mark_sent()

        answer = self._ask(write.path, write.budget, write.body, kind, before_send)
        if self._transport.is_dry_run:
            sent.drop(record)
            return self._pretended(write, answer)
        try:
            value = self._build(write.path, write.read, answer)
        except RemoteError as error:
            raise unknown_outcome(error) from error
        record.mark_ended()
        if isinstance(value, Notification):
            value.endpoint = write.path
            if not value.is_success or isinstance(value.data, list):
                # Each of several operations may have been rejected.
                value.call = current_call()
            if not value.is_success:
                sent.drop(record)
            elif value.mts is not None and record.lasted_s <= _QUICK_S:
                self._transport.clock.see_own(
                    value.mts / 1000, record.ended_s, record.ended_at
                )
        return value

    def _pretended(self, write: Write[T], answer: Any) -> T:
        """Return the notification of a dry run, regardless of the method's usual result."""
        read: Read[Any] = write.read if has_subject(write.path) else of_nothing()
        value = self._build(write.path, read, answer)
        value.endpoint = write.path
        return cast(T, value)

    def _skip_in_pages(self) -> Skip | None:
        return self._skip if self._unread is None else self._unread.add

    def _build(self, path: str, read: Read[T], answer: Any) -> T:
        try:
            return read(answer, self._numbers)
        except BfxError as error:
            error.endpoint = path
            raise

    def _ask(
        self,
        path: str,
        budget: Budget,
        body: Body | None,
        kind: RequestKind,
        before_send: Callable[[], None] | None = None,
    ) -> Any:
        return self._request(
            "POST", path, budget, body=body, kind=kind, before_send=before_send
        )


def deprecated(name: str, instead: str = "the exchange no longer documents it") -> None:
    """Issue a deprecation warning at the caller of the calling method."""
    warnings.warn(f"{name} is deprecated: {instead}", DeprecationWarning, stacklevel=3)


def path_for(budget: Budget, symbol: object, check: Callable[[object], str]) -> str:
    """Return the path of a list, for one symbol or for all."""
    checked = check_optional_symbol(symbol, check)
    if checked is None:
        return budget.group
    start, end, _ = budget.group.partition("/hist")
    return f"{start}/{checked}{end}"
