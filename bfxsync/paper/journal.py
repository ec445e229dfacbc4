"""
The journal of the local exchange: requests of its accounts, responses and events.

Strategy: an entry is added before its response or event is sent. So a test can compare the journal
with the state of a client.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Deque, Iterable, Iterator, Sequence

import attrs

from bfxsync._base.describe import also_half_made
from bfxsync.errors import UsageError

KEPT = 20_000
"""Entries kept in memory; a file has all of them."""

REQUEST, ANSWER, EVENT = "request", "answer", "event"
KINDS = (REQUEST, ANSWER, EVENT)

_ORDER_EVENTS = ("on", "ou", "oc")
_TRADE_EVENTS = ("te", "tu")
_FIELDS = "number mts account kind via name data cause".split()


@attrs.frozen(kw_only=True)
class JournalEntry:
    """
    One entry of the journal.

    Attributes
    ----------
    number : int
        1 for the first, without gaps.
    mts : int
        Time of the exchange in ms.
    account : str
        The ``api_key`` of the account.
    kind : str
        ``"request"``, ``"answer"`` or ``"event"``.
    via : str
        ``"rest"`` or ``"ws"`` for requests and answers, empty for events.
    name : str
        The path of a REST request (``"auth/w/order/submit"``), the input of the account channel
        (``"on"``), or the code of the event (``"te"``).
    data : object
        The body of a request, the JSON of a response or the row of an event. None for a response
        with data that was only read, and for a request that was not authentic. Tokens are left out.
    cause : int
        Number of the request of this response, or that caused this event, maybe of another account;
        0 without a request: a trade of the market itself, a deposit, a restart.
    order_ids, cids : tuple of int
        Ids of the orders that the entry names.
    """

    number: int
    mts: int
    account: str
    kind: str
    via: str
    name: str
    data: Any
    cause: int
    order_ids: tuple[int, ...] = attrs.field(init=False, repr=False)
    cids: tuple[int, ...] = attrs.field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        named = list(_named(self.kind, self.name, self.data))
        for field, at in (("order_ids", 0), ("cids", 1)):
            found = dict.fromkeys(pair[at] for pair in named if type(pair[at]) is int)
            object.__setattr__(self, field, tuple(found))

    @classmethod
    def from_row(cls, row: list[Any]) -> JournalEntry:
        """Create an entry from its row in a file."""
        return cls(**dict(zip(_FIELDS, row)))

    def row(self) -> list[Any]:
        """Return its row in a file."""
        return [getattr(self, name) for name in _FIELDS]


class Journal(Sequence[JournalEntry]):
    """
    The newest entries of an exchange, oldest first; usable from any thread.

    It is a sequence, and may be read while the exchange runs and after it has stopped.

    Attributes
    ----------
    last_number : int
        Number of the newest entry, 0 without any.

    Examples
    --------
    >>> [entry.name for entry in exchange.journal.find(cid=7)]  # doctest: +SKIP
    ['auth/w/order/submit', 'on', 'auth/w/order/submit', 'te', 'tu', 'oc']
    """

    def __init__(self) -> None:
        self._entries: Deque[JournalEntry] = deque(maxlen=KEPT)
        self.last_number: int = 0

    def __len__(self) -> int:
        return len(self._entries)

    def __getitem__(self, index: Any) -> Any:
        return self._copy()[index]

    def __iter__(self) -> Iterator[JournalEntry]:
        return iter(self._copy())

    @also_half_made
    def __repr__(self) -> str:
        return f"<journal of {self.last_number} entries>"

    def find(
        self,
        *,
        account: object = None,
        kind: str | None = None,
        name: str | None = None,
        cid: int | None = None,
        order_id: int | None = None,
        cause: int | None = None,
        after: int = 0,
    ) -> list[JournalEntry]:
        """
        Return the entries that match all given arguments, oldest first.

        Parameters
        ----------
        account : str or AccountView, optional
            An account, or its ``api_key``.
        kind : str, optional
            ``"request"``, ``"answer"`` or ``"event"``.
        name : str, optional
            Path, input or code of an event, see `JournalEntry`.
        cid, order_id : int, optional
            Entries that name this order.
        cause : int, optional
            Number of a request.
        after : int, optional
            Number of an entry: only later ones.

        Raises
        ------
        UsageError
            Invalid account, kind or number.
        """
        key = getattr(account, "api_key", account)
        if not (key is None or isinstance(key, str)):
            raise UsageError(f"account must be an account or its key, not {account!r}")
        if kind not in (None, *KINDS):
            raise UsageError(f"kind must be one of {', '.join(KINDS)}, not {kind!r}")
        if not (name is None or isinstance(name, str)):
            raise UsageError(f"name must be a text, not {name!r}")
        numbers = {"cid": cid, "order_id": order_id, "cause": cause, "after": after}
        for argument, number in numbers.items():
            if not (number is None or type(number) is int) or (number or 0) < 0:
                raise UsageError(f"{argument} must be an integer, not {number!r}")
        return [
            entry
            for entry in self._copy()
            if entry.number > after
            and key in (None, entry.account)
            and kind in (None, entry.kind)
            and name in (None, entry.name)
            and cause in (None, entry.cause)
            and (cid is None or cid in entry.cids)
            and (order_id is None or order_id in entry.order_ids)
        ]

    def add(self, entries: Iterable[JournalEntry]) -> None:
        """Add entries; for the exchange's thread."""
        for entry in entries:
            self._entries.append(entry)
            self.last_number = entry.number

    def restart(self, entries: Iterable[JournalEntry]) -> None:
        """Replace all entries by these; for the exchange's thread."""
        self._entries.clear()
        self.last_number = 0
        self.add(entries)

    def _copy(self) -> list[JournalEntry]:
        # In one step of the interpreter, so the exchange's thread cannot append meanwhile.
        return list(self._entries)


def _named(kind: str, name: str, data: Any) -> Iterator[tuple[Any, Any]]:
    """Yield order id and client order id of the orders that an entry names."""
    if kind == REQUEST:
        yield from _asked(data)
    elif kind == ANSWER:
        yield from _answered(data)
    elif name in _ORDER_EVENTS:
        yield data[0], data[2]
    elif name in _TRADE_EVENTS:
        yield data[3], data[11]
    elif name == "n":
        yield from _answered(data)


def _asked(body: Any) -> Iterator[tuple[Any, Any]]:
    """Yield the ids in a request: single ones, lists, and those of several operations."""
    if isinstance(body, list):
        for operation in body:
            if isinstance(operation, list) and operation:
                yield from _asked(operation[-1])
    if not isinstance(body, dict):
        return
    yield from _asked(body.get("ops"))
    for id in _items(body.get("id")):
        yield id, None
    for name in ("cid", "cid_oco"):
        for cid in _items(body.get(name)):
            yield None, cid[0] if isinstance(cid, list) and cid else cid


def _answered(note: Any) -> Iterator[tuple[Any, Any]]:
    """Yield the ids of the orders in a notification, or in those nested in it."""
    if not (isinstance(note, list) and len(note) > 4 and isinstance(note[1], str)):
        return
    rows = note[4] if isinstance(note[4], list) else []
    for row in [rows] if rows and not isinstance(rows[0], list) else rows:
        if len(row) > 4 and isinstance(row[1], str) and row[1].endswith("-req"):
            yield from _answered(row)
        elif len(row) > 3 and note[1].startswith("o"):
            yield row[0] or None, row[2]


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def plain(value: Any) -> Any:
    """Return a deep copy of a JSON value."""
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    return value
