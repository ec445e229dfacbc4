"""Notifications: the responses to writes."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any, Callable, ClassVar, Generic, List, Optional, TypeVar

import attrs

from bfxsync._base.aliases import Mts, NumberType, Row
from bfxsync._base.describe import elided_repr
from bfxsync._base.error_codes import error_from_code
from bfxsync._base.html import html_of
from bfxsync.errors import ApiError, OrderRejected, RemoteError
from bfxsync.models.moments import Moment, moment
from bfxsync.models.reference import documented
from bfxsync.models.rows import Kind, Layout, read_rows

T = TypeVar("T")

Read = Callable[[Any, NumberType], T]

SUCCESS = "SUCCESS"

DRY_RUN = "DRY_RUN"
"""Status of the response to a write that a client with ``dry_run=True`` did not send."""

# Types of notifications about orders.
_ABOUT_ORDERS = frozenset(
    ("on-req", "ou-req", "oc-req", "oc_multi-req", "ox_multi-req")
)

# A smaller time is in seconds: in milliseconds it would be in 1973.
_LEAST_MTS = 10**11


@documented
@attrs.define
class Notification(Generic[T]):
    """
    The exchange's response to a write.

    It may report a rejection, which `raise_for_status` raises. Success means accepted, not
    completed: an order was accepted, a cancellation submitted.

    https://docs.bitfinex.com/docs/notifications
    """

    _repr_html_ = html_of

    mts: Optional[Mts] = attrs.field()
    """In milliseconds UTC; seconds, which some responses have, are converted."""
    type: str
    """Kind of the request: ``on-req`` (new order), ``acc_tf`` (transfer), …"""
    message_id: Optional[int]
    data: T = attrs.field(repr=elided_repr)
    """
    Subject of the request: a model, or its partial counterpart (`PartialOrder`, …) if the exchange
    did not send all fields. None if the request failed and the data is unreadable.
    """
    code: Optional[int]
    """Numeric code; rarely sent."""
    status: str
    """
    ``SUCCESS``; anything else (``ERROR``, ``FAILURE``, …) means that nothing was done. ``DRY_RUN``:
    nothing was sent, as the client has ``dry_run=True``.
    """
    text: Optional[str]
    """Human-readable; its wording may change at any time."""
    more: List[T] = attrs.field(repr=elided_repr)
    """Further subjects: the stop order of an OCO order."""
    raw: Row = attrs.field(repr=False, eq=False)
    """The row as received."""
    endpoint: Optional[str] = attrs.field(default=None, repr=False, eq=False)
    """Path of the REST call."""
    call: Optional[str] = attrs.field(default=None, repr=False, eq=False)
    """The call as text, for the error of `raise_for_status`."""

    time: ClassVar[Moment[datetime | None]] = moment(mts)

    @property
    def is_success(self) -> bool:
        """True if the exchange accepted the request."""
        return self.status.upper() == SUCCESS

    def raise_for_status(self) -> Notification[T]:
        """
        Raise an error if the request was rejected; for several operations the first rejection.

        A dry run passes, although `is_success` is False.

        Returns
        -------
        Notification
            Itself, so that ``.data`` can follow.

        Raises
        ------
        ApiError
            The request failed; `OrderRejected` for orders, unless the code means another class.
        """
        if not self.is_success and self.status != DRY_RUN:
            kind = OrderRejected if self.type in _ABOUT_ORDERS else ApiError
            said = self.text or self.status
            error = error_from_code(self.code, said, self.raw, kind)
            error.endpoint, error.call = self.endpoint, self.call
            raise error
        if isinstance(self.data, list):
            for item in self.data:
                if isinstance(item, Notification):
                    item.endpoint = item.endpoint or self.endpoint
                    item.call = item.call or self.call
                    item.raise_for_status()
        return self

    @classmethod
    def from_row(
        cls,
        row: Row,
        number: NumberType,
        read: Read[T],
        read_more: Read[List[T]] | None = None,
    ) -> Notification[T]:
        """Build from a row of 7 or more values; `read` reads the fifth, the data."""
        mts, kind, message_id, data, code, status, text = _LAYOUT.read(row, number)
        if mts is not None:
            mts = round(float(mts) * 1000) if mts < _LEAST_MTS else int(mts)
        value: Any = None
        more: List[T] = []
        try:
            value = read(data, number)
            more = read_more(data, number) if read_more is not None else []
        except RemoteError:
            if status.upper() == SUCCESS:
                raise
        return cls(
            mts,
            kind,
            _integer(message_id),
            value,
            _integer(code),
            status,
            text,
            more,
            row,
        )


_LAYOUT = Layout(
    "Notification",
    ("mts", 0, Kind.OPTIONAL_NUMBER),
    ("type", 1, Kind.TEXT),
    ("message_id", 2, Kind.ANY),
    ("data", 4, Kind.ANY),
    ("code", 5, Kind.ANY),
    ("status", 6, Kind.TEXT),
    ("text", 7, Kind.OPTIONAL_TEXT),
)


def of_one(read: Read[T]) -> Callable[[Row, NumberType], Notification[T]]:
    """Return a reader of notifications about one row, or about a list that begins with it."""

    def read_first(data: Any, number: NumberType) -> T:
        return read(data[0] if _is_list_of_rows(data) else data, number)

    def read_more(data: Any, number: NumberType) -> List[T]:
        return read_rows(read, data[1:], number) if _is_list_of_rows(data) else []

    return partial(Notification.from_row, read=read_first, read_more=read_more)


def of_list(read: Read[T]) -> Callable[[Row, NumberType], Notification[List[T]]]:
    """Return a reader of notifications about a list of rows."""

    def read_list(data: Any, number: NumberType) -> List[T]:
        if not isinstance(data, list):
            raise RemoteError("Notification.data: expected a list of rows", raw=data)
        return read_rows(read, data, number)

    return partial(Notification.from_row, read=read_list)


def of_nothing() -> Callable[[Row, NumberType], Notification[None]]:
    """Return a reader of notifications whose data is ignored; `raw` still has it."""
    return partial(Notification.from_row, read=lambda data, number: None)


def of_anything() -> Callable[[Row, NumberType], Notification[Any]]:
    """Return a reader of notifications whose data is left as it is."""
    return partial(Notification.from_row, read=lambda data, number: data)


def _is_list_of_rows(data: object) -> bool:
    return isinstance(data, list) and bool(data) and isinstance(data[0], list)


def _integer(value: object) -> int | None:
    # The documentation has no other values for these fields.
    return value if isinstance(value, int) and not isinstance(value, bool) else None
