"""
The state of a channel in rows as on the wire, from which new subscribers start.

Strategy: a relay cannot keep the first frame for later subscribers, as it ages. So each channel
keeps the rows that the exchange would send now, with the digits of their numbers. An unreadable
row is ignored here: the client of the relay has the same frames, reports it, and resubscribes.

https://docs.bitfinex.com/docs/ws-public
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from typing import Any, Dict, List, Tuple

from bfxsync.wire.channels import Channel, LiquidationsChannel
from bfxsync.wire.frames import BULK_UPDATES

KEPT_TRADES = 250
"""Rows of a snapshot of trades: more than the 30 of the exchange, to bridge a fail-over."""

_KEPT_CANDLES = 240

Row = List[Any]


class WireNumber(str):
    """A number with its digits on the wire."""

    __slots__ = ()


def _refuse_constant(text: str) -> Any:
    raise ValueError(f"{text} is not JSON")


_decode = json.JSONDecoder(
    parse_float=WireNumber, parse_int=WireNumber, parse_constant=_refuse_constant
).decode
_quote = json.JSONEncoder().encode


def loads_wire(message: bytes) -> Any:
    """Decode a message; numbers are `WireNumber`. Raises `ValueError` or `RecursionError`."""
    if type(message) is not bytes:
        raise ValueError("a binary message")
    return _decode(message.decode())


def dumps_wire(value: Any) -> str:
    """Encode what `loads_wire` returned, with the same digits."""
    if value.__class__ is WireNumber:
        return str.__str__(value)
    if value.__class__ is list:
        return f"[{','.join(map(dumps_wire, value))}]"
    if value.__class__ is dict:
        items = (f"{_quote(key)}:{dumps_wire(item)}" for key, item in value.items())
        return f"{{{','.join(items)}}}"
    return _quote(value)


def _check_rows(content: Row) -> None:
    """Refuse the single row of an update where a snapshot is expected."""
    if not all(row.__class__ is list for row in content):
        raise ValueError("not a list of rows")


class WireRows(ABC):
    """The rows of one channel; `is_live` after its first data."""

    def __init__(self) -> None:
        self.is_live: bool = False

    def begin(self) -> None:
        """Start again: the next frame of data is a snapshot."""
        self.is_live = False
        self._clear()

    def acknowledged(self) -> bool:
        """Handle the acknowledgement; return whether the channel is live without data."""
        return False

    def feed(self, frame: Row, flags: int) -> bool:
        """
        Apply a frame of the channel.

        Returns
        -------
        bool
            Whether it is the snapshot that makes the channel live.
        """
        try:
            if not self.is_live:
                if frame[1].__class__ is not list:
                    return False
                self._start(frame[1])
                self.is_live = True
                return True
            self._apply(frame, flags)
        except (ArithmeticError, LookupError, TypeError, ValueError):
            pass  # see the head of this module
        return False

    def text(self) -> bytes:
        """Return the content of the frame that the exchange would send now, as JSON."""
        return dumps_wire(self._rows()).encode()

    @abstractmethod
    def _clear(self) -> None:
        """Forget everything."""

    @abstractmethod
    def _start(self, content: Row) -> None:
        """Start from the content of a snapshot."""

    @abstractmethod
    def _apply(self, frame: Row, flags: int) -> None:
        """Apply an update."""

    @abstractmethod
    def _rows(self) -> Row:
        """Return the content of a snapshot."""


class _FlatRows(WireRows):
    """A ticker or the status of a derivative: one row, replaced by each frame."""

    def __init__(self) -> None:
        super().__init__()
        self._row: Row = []

    def _clear(self) -> None:
        self._row = []

    def _start(self, content: Row) -> None:
        if not content or content[0].__class__ is list:
            raise ValueError("not a single row")
        self._row = content

    def _apply(self, frame: Row, flags: int) -> None:
        if frame[1].__class__ is list:
            self._start(frame[1])

    def _rows(self) -> Row:
        return self._row


class _LiquidationRows(WireRows):
    """Liquidations: there is no snapshot."""

    def acknowledged(self) -> bool:
        """Handle the acknowledgement: the channel is live."""
        self.is_live = True
        return True

    def _clear(self) -> None:
        pass

    def _start(self, content: Row) -> None:
        pass

    def _apply(self, frame: Row, flags: int) -> None:
        pass

    def _rows(self) -> Row:
        return []


class _TradeRows(WireRows):
    """The latest trades; a confirmation replaces its execution."""

    def __init__(self) -> None:
        super().__init__()
        # By id, oldest first.
        self._trades: Dict[WireNumber, Row] = {}

    def _clear(self) -> None:
        # Kept: a later snapshot has 30 rows only, and the trades before it are still known.
        pass

    def _start(self, content: Row) -> None:
        _check_rows(content)
        # If trades in between may have been missed, the earlier ones would hide that.
        if not any(row[0] in self._trades for row in content):
            self._trades.clear()
        self._add_all(content)

    def _apply(self, frame: Row, flags: int) -> None:
        if frame[1].__class__ is not list:
            if frame[1] not in ("hb", "cs"):
                self._add(frame[2])
        elif frame[1] and frame[1][0].__class__ is list:
            self._add_all(frame[1])
        else:
            self._add(frame[1])

    def _add_all(self, rows: Row) -> None:
        # Newest first on the wire.
        for row in reversed(rows):
            self._add(row)

    def _add(self, row: Row) -> None:
        if row[0].__class__ is not WireNumber:
            raise ValueError("a trade without an id")
        self._trades[row[0]] = row
        if len(self._trades) > KEPT_TRADES:
            del self._trades[next(iter(self._trades))]

    def _rows(self) -> Row:
        return list(self._trades.values())[::-1]


class _CandleRows(WireRows):
    """The latest candles, by time."""

    def __init__(self) -> None:
        super().__init__()
        self._candles: Dict[int, Row] = {}

    def _clear(self) -> None:
        self._candles = {}

    def _start(self, content: Row) -> None:
        _check_rows(content)
        self._candles = {int(row[0]): row for row in content}

    def _apply(self, frame: Row, flags: int) -> None:
        rows = frame[1]
        if rows.__class__ is not list:
            return
        rows = rows if rows and rows[0].__class__ is list else [rows]
        _check_rows(rows)
        for row in rows:
            self._candles[int(row[0])] = row
        if len(self._candles) > _KEPT_CANDLES:
            del self._candles[min(self._candles)]

    def _rows(self) -> Row:
        return [self._candles[mts] for mts in sorted(self._candles, reverse=True)]


Key = Tuple[float, ...]


class _BookRows(WireRows):
    """
    The levels or orders of a book: bids, then asks, each best first.

    Parameters
    ----------
    is_raw, is_funding : bool
        Rows of single orders (R0), and of a funding currency, have other columns.
    """

    def __init__(self, is_raw: bool, is_funding: bool) -> None:
        super().__init__()
        self._is_raw = is_raw
        self._is_funding = is_funding
        # By price, by rate and period, or by the id of an order; the same price may be on both
        # sides for a moment. The second element sorts: from the best of each side.
        self._levels: Dict[Tuple[Any, ...], Tuple[Key, Row]] = {}

    def _clear(self) -> None:
        self._levels = {}

    def _start(self, content: Row) -> None:
        _check_rows(content)
        self._levels = {}
        for row in content:
            self._set(row)

    def _apply(self, frame: Row, flags: int) -> None:
        rows = frame[1]
        if rows.__class__ is not list:
            return
        if rows and rows[0].__class__ is not list:
            self._set(rows)
        elif flags & BULK_UPDATES or not rows:
            for row in rows:
                self._set(row)
        else:
            # Another snapshot; consumers treat it as such, too.
            self._start(rows)

    def _set(self, row: Row) -> None:
        amount = float(row[3 if self._is_funding else 2])
        is_bid = (amount < 0) is self._is_funding and amount != 0
        if self._is_raw:
            self._set_order(row, amount, is_bid)
        else:
            self._set_level(row, amount, is_bid)

    def _set_level(self, row: Row, amount: float, is_bid: bool) -> None:
        price = float(row[0])
        order: Key = (not is_bid, -price if is_bid else price)
        place: Key = (price,)
        count = row[2 if self._is_funding else 1]
        if self._is_funding:
            period = float(row[1])
            order, place = (*order, period), (price, period)
        if amount and float(count):
            self._levels[(is_bid, place)] = (order, row)
            return
        # The sign of a delete need not show the side.
        if self._levels.pop((is_bid, place), None) is None or not amount:
            self._levels.pop((not is_bid, place), None)

    def _set_order(self, row: Row, amount: float, is_bid: bool) -> None:
        order_id = int(row[0])
        price = float(row[2 if self._is_funding else 1])
        if not (price and amount):
            self._levels.pop((order_id,), None)
            return
        order = (not is_bid, -price if is_bid else price, order_id)
        self._levels[(order_id,)] = (order, row)

    def _rows(self) -> Row:
        return [row for _, row in sorted(self._levels.values(), key=_order)]


def _order(level: Tuple[Key, Row]) -> Key:
    return level[0]


def wire_rows_of(channel: Channel) -> WireRows:
    """Return the empty state of a channel."""
    if channel.name == "book":
        return _BookRows(channel.arguments["prec"] == "R0", channel.is_funding)
    if channel.name == "trades":
        return _TradeRows()
    if channel.name == "candles":
        return _CandleRows()
    if isinstance(channel, LiquidationsChannel):
        return _LiquidationRows()
    return _FlatRows()
