"""What the exchange answers to a write."""

from __future__ import annotations

from functools import partial
from typing import Any, Callable, Generic, List, Optional, TypeVar

import attrs

from bfxsync._base.aliases import Mts, NumberType, Row
from bfxsync._base.describe import few
from bfxsync.errors import ApiError, OrderRejected, RemoteError, error_from_code
from bfxsync.models.rows import Kind, Layout, read_rows

T = TypeVar("T")

Read = Callable[[Any, NumberType], T]

SUCCESS = "SUCCESS"

# Of the exchange's kinds of requests, those about orders.
_ABOUT_ORDERS = frozenset(
    ("on-req", "ou-req", "oc-req", "oc_multi-req", "ox_multi-req")
)

# Below this a time is in seconds: as milliseconds it would be in 1973.
_LEAST_MTS = 10**11


@attrs.define
class Notification(Generic[T]):
    """
    What the exchange says to a write: whether it will do it, and what it is about.

    That it succeeded means that it was accepted, not that it is done: an order was taken, a
    cancellation submitted. `raise_for_status` makes an error of a refusal.

    Attributes
    ----------
    mts : int or None
        When, in milliseconds UTC; the exchange sends seconds to some requests, which is undone.
    type : str
        What it answers: ``on-req`` (new order), ``acc_tf`` (transfer), …
    message_id : int or None
    data : T
        What it is about. Its fields are None where the exchange does not (yet) have them. Of a
        request that did not succeed it is None where what came cannot be read.
    code : int or None
        Numeric, rarely there.
    status : str
        ``SUCCESS``; anything else (``ERROR``, ``FAILURE``, …) means that it did not do it.
    text : str or None
        For people: it may change at any time.
    more : list of T
        What else it is about: the stop order of an OCO order.
    raw : list
        The row as it came.
    endpoint : str or None
        The path of the REST call that it answers.
    call : str or None
        That call as text, where it may have been refused.

    References
    ----------
    https://docs.bitfinex.com/docs/notifications
    """

    mts: Optional[Mts]
    type: str
    message_id: Optional[int]
    data: T = attrs.field(repr=few)
    code: Optional[int]
    status: str
    text: Optional[str]
    more: List[T] = attrs.field(repr=few)
    raw: Row = attrs.field(repr=False, eq=False)
    endpoint: Optional[str] = attrs.field(default=None, repr=False, eq=False)
    call: Optional[str] = attrs.field(default=None, repr=False, eq=False)

    @property
    def is_success(self) -> bool:
        """True if the exchange has accepted it."""
        return self.status.upper() == SUCCESS

    def raise_for_status(self) -> Notification[T]:
        """
        Raise what the exchange refused; of several operations, what it refused first.

        Returns
        -------
        Notification
            Itself, so that ``.data`` can follow.

        Raises
        ------
        ApiError
            It did not succeed; `OrderRejected` if it is about an order and the code does not
            say anything else.
        """
        if not self.is_success:
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
        """Build from a row of 7 or more values, the fifth of which `read` reads."""
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
    """Return what reads a notification about one row, or about a list that begins with it."""

    def read_first(data: Any, number: NumberType) -> T:
        return read(data[0] if _is_list_of_rows(data) else data, number)

    def read_more(data: Any, number: NumberType) -> List[T]:
        return read_rows(read, data[1:] if _is_list_of_rows(data) else [], number)

    return partial(Notification.from_row, read=read_first, read_more=read_more)


def of_list(read: Read[T]) -> Callable[[Row, NumberType], Notification[List[T]]]:
    """Return what reads a notification about a list of rows."""

    def read_list(data: Any, number: NumberType) -> List[T]:
        if not isinstance(data, list):
            raise RemoteError("Notification.data: expected a list of rows", raw=data)
        return read_rows(read, data, number)

    return partial(Notification.from_row, read=read_list)


def of_nothing() -> Callable[[Row, NumberType], Notification[None]]:
    """Return what reads a notification whose data says nothing; `raw` has it all the same."""
    return partial(Notification.from_row, read=lambda data, number: None)


def _is_list_of_rows(data: object) -> bool:
    return isinstance(data, list) and bool(data) and isinstance(data[0], list)


def _integer(value: object) -> int | None:
    """Return an integer, or None for whatever else stands where nothing is documented."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None
