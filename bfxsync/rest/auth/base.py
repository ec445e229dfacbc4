"""What every group of signed endpoints is made of: reads, writes, and pages of histories."""

from __future__ import annotations

import copy
import warnings
from functools import partial
from typing import Any, Callable, Hashable, Iterator, Mapping, Optional, TypeVar

from bfxsync._base.aliases import NumberType
from bfxsync._base.hidden import PRIVATE, hide_private
from bfxsync._base.logs import get_logger
from bfxsync.checks.arguments import Time
from bfxsync.errors import (
    ApiError,
    BfxError,
    NetworkError,
    NotExecuted,
    OrderRejected,
    OutcomeUnknown,
    RemoteError,
    error_from_code,
)
from bfxsync.models.notification import Notification
from bfxsync.models.rows import read_rows
from bfxsync.outcome.resolve import Attempt, Search
from bfxsync.outcome.unread import UnreadRows
from bfxsync.outcome.writes import RecentWrites, WriteRecord
from bfxsync.rest.history.history import History
from bfxsync.rest.history.unreadable import Skip, must_raise
from bfxsync.rest.http.callers import current_call
from bfxsync.rest.http.retry_policy import RequestKind, unknown_outcome
from bfxsync.rest.public.base import Budget, Endpoints, check_rows

__all__ = ["Budget", "RequestKind", "SignedEndpoints", "check_rows", "deprecated"]

T = TypeVar("T")
E = TypeVar("E", bound="SignedEndpoints")

_log = get_logger(__name__)

Body = Mapping[str, Any]
Read = Callable[[Any, NumberType], T]

# A notification that took longer does not tell what the exchange's clock shows now.
_QUICK_S = 2.0

_MAYBE = "it may or may not have been executed"
_HINT = "look at the account before it is sent again"


class SignedEndpoints(Endpoints):
    """
    A group of endpoints that need a key.

    Parameters
    ----------
    transport : RestTransport
        Made with a signer.
    numbers : type
        What the number fields of the models are: `float` or `decimal.Decimal`; the same that
        the transport was made with.
    strict : bool
        False: rows of a list that cannot be read are left out with a warning.
    """

    # Where rows go that cannot be read; None: they are an error.
    _unread: Optional[UnreadRows] = None

    def _around(self: E, unread: UnreadRows) -> E:
        """Return a copy whose lists leave out the rows that cannot be read, and keep them there."""
        found = copy.copy(self)
        found._unread, found._skip = unread, None
        return found

    def _read(
        self, path: str, budget: Budget, read: Read[T], body: Body | None = None
    ) -> T:
        """Ask, and return what `read` makes of the answer."""
        answer = self._ask(path, budget, body, RequestKind.READ)
        try:
            return read(answer, self._numbers)
        except BfxError as error:
            error.endpoint = path
            raise

    def _read_many(
        self, path: str, budget: Budget, read: Read[T], body: Body | None = None
    ) -> list[T]:
        """Ask, and return what `read` makes of each row of the answer."""
        try:
            return self._rows(
                partial(self._read, path, budget, partial(read_rows, read), body)
            )
        except RemoteError as error:
            # An iterator asks for other pages, and tells by itself what it skips.
            if self._unread is None or must_raise() or not error.unreadable:
                raise
            self._unread.add(error, (body or {}).get("limit"))
            return error.rows

    def _read_raw(self, path: str, budget: Budget, body: Body | None = None) -> Any:
        """Ask, and return the answer as it is: nobody has written down what it means."""
        return self._ask(path, budget, body, RequestKind.READ)

    def _write(
        self,
        path: str,
        budget: Budget,
        read: Read[T],
        body: Body | None = None,
        *,
        search: Search[Any] | None = None,
        fingerprint: Hashable = None,
        hint: str = _HINT,
        not_executed: Callable[..., NotExecuted] = NotExecuted,
        cid: int | None = None,
        cid_date: str | None = None,
        kind: RequestKind = RequestKind.WRITE,
    ) -> T:
        """
        Have something changed, and return what `read` makes of the answer.

        Parameters
        ----------
        path, budget, read, body
            As for `_read`. An answer that cannot be read leaves the outcome unknown.
        search : Search, optional
            Looks for what came of it, for `OutcomeUnknown.resolve`. None: the exchange cannot be
            asked.
        fingerprint : object, optional
            What the search goes by, if others may be the same in that.
        hint : str
            What users can do if it is not known whether it was executed.
        not_executed : callable
            Makes the error that says that it was not executed; takes what `NotExecuted` takes.
        cid, cid_date : int and str, optional
            For the error.
        kind : Kind
        """
        body = hide_private(body)
        record = WriteRecord(fingerprint)
        sent = RecentWrites() if fingerprint is None else self._transport.sent
        sent.add(record)
        try:
            try:
                return self._pass(record, sent, path, budget, read, body, kind)
            except OutcomeUnknown as error:
                record.mark_over()
                attempt = Attempt(record, self._transport)
                known = {
                    name: value
                    for name, value in (body or {}).items()
                    if value is not None and name not in PRIVATE
                }
                error.add(cid=cid, cid_date=cid_date, known=known, hint=hint)
                if search is not None:
                    error.add(resolver=attempt.resolver(search, not_executed))
                raise
            except NetworkError as error:
                # Of those that leave nothing open.
                sent.drop(record)
                absent = not_executed(
                    f"{path} was not sent: {error}",
                    phase=error.phase,
                    proof="never_sent",
                )
                absent.endpoint = path
                raise absent from error
            except BfxError:
                sent.drop(record)
                raise
        except BfxError:
            raise
        except BaseException:
            # Ctrl-C, or a mistake of ours: the caller cannot be told in any other way.
            record.mark_over()
            if record.has_left:
                which = "" if cid is None else f" (cid {cid} of {cid_date})"
                _log.warning("%s%s was interrupted: %s", path, which, _MAYBE)
            raise

    def _pass(
        self,
        record: WriteRecord,
        sent: RecentWrites,
        path: str,
        budget: Budget,
        read: Read[T],
        body: Body | None,
        kind: RequestKind,
    ) -> T:
        """Send a write and read its answer, as its passage is told."""
        answer = self._ask(path, budget, body, kind, record.mark_sent)
        try:
            value = read(answer, self._numbers)
        except RemoteError as error:
            error.endpoint = path
            raise unknown_outcome(error) from error
        except BfxError as error:
            error.endpoint = path
            raise
        record.mark_over()
        if isinstance(value, Notification):
            value.endpoint = path
            if not value.is_success or isinstance(value.data, list):
                # Of several operations each may have been refused.
                value.call = current_call()
            if not value.is_success:
                sent.drop(record)
            elif value.mts is not None and record.lasted_s <= _QUICK_S:
                self._transport.clock.see_own(
                    value.mts / 1000, record.over_s, record.over_at
                )
        return value

    def _write_order(
        self, path: str, budget: Budget, read: Read[T], body: Body, **options: Any
    ) -> T:
        """Do as `_write` does, before all reads; a refusal is an `OrderRejected`."""
        try:
            return self._write(
                path, budget, read, body, kind=RequestKind.ORDER, **options
            )
        except ApiError as error:
            if type(error) is not ApiError:
                raise
            rejected = error_from_code(
                error.code, error.message, error.raw, OrderRejected
            )
            rejected.endpoint, rejected.http_status = path, error.http_status
            rejected.call = error.call
        raise rejected

    def _iterate(
        self,
        get: Callable[..., list[T]],
        model: type[T],
        title: str,
        max_limit: int,
        *,
        mts_of: Callable[[T], Any],
        identity_of: Callable[[T], Any] | None,
        start: Time,
        end: Time,
        limit: int | None,
        resume_after: T | None,
        progress: bool,
        sort: int | None = None,
    ) -> Iterator[T]:
        """
        Return the rows of a history of any length; see `Endpoints._history`.

        Parameters
        ----------
        get : callable
            Asks for one page; takes `start`, `end` and `limit` by name, and `sort` if that is
            given here.
        mts_of : callable
            Returns the time of a row by which the exchange filters.
        identity_of : callable
            Returns by what the rows of one time are sorted; a true key if `sort` is given.
        sort : int, optional
            None where the exchange knows no order but the newest first.
        """
        history = History(
            model,
            max_limit,
            mts_of,
            identity_of,
            # Of these, only rows with a key can be asked for in both directions.
            from_both_ends=sort is not None,
            is_sortable=sort is not None,
        )
        options: Any = dict(
            start=start,
            end=end,
            limit=limit,
            resume_after=resume_after,
            progress=progress,
        )
        if sort is not None:
            options["sort"] = sort
        return self._history(history, get, title, options)

    def _skip_in_pages(self) -> Skip | None:
        return self._skip if self._unread is None else self._unread.add

    def _ask(
        self,
        path: str,
        budget: Budget,
        body: Body | None,
        kind: RequestKind,
        leave: Callable[[], None] | None = None,
    ) -> Any:
        return self._transport.request(
            "POST",
            path,
            body=body,
            group=budget.group,
            per_minute=budget.per_minute,
            kind=kind,
            leave=leave,
        )


def deprecated(name: str, instead: str = "the exchange no longer documents it") -> None:
    """Warn the caller of the method that calls this."""
    warnings.warn(f"{name} is deprecated: {instead}", DeprecationWarning, stacklevel=3)
