"""
A file that rows are added to, each once.

Strategy: rows wait in a dict by key until the next flush, so one operation both accepts a row and
marks it. Flushes run on a thread that Ctrl-C cannot reach, and only they hold the lock: an
interrupt leaves a row either accepted or not.
"""

from __future__ import annotations

import re
import time
from _thread import get_ident
from itertools import islice
from threading import Lock
from typing import Any, Callable, Dict, Generic, Iterable, List, TypeVar

from bfxsync._base.aliases import Mts
from bfxsync._base.describe import also_half_made
from bfxsync._base.shield import shielded
from bfxsync.checks.times import Time, check_time
from bfxsync.errors import ClosedError, UsageError
from bfxsync.models.account_trades import AccountTrade, OrderTrade
from bfxsync.models.funding import AccountFundingTrade
from bfxsync.models.market import FundingTrade, Trade
from bfxsync.models.status import Candle
from bfxsync.models.wallets import Ledger
from bfxsync.sinks.row_format import RowFormat, Values
from bfxsync.sinks.storage import KEPT, Storage

M = TypeVar("M")

_BATCH = 10_000

_KEYS: Dict[Any, tuple[str, ...]] = {
    Candle: ("mts",),
    Trade: ("id",),
    FundingTrade: ("id",),
    # Both sides of a self-trade have one id.
    AccountTrade: ("id", "order_id"),
    OrderTrade: ("id", "order_id"),
    AccountFundingTrade: ("id", "offer_id"),
    Ledger: ("id",),
}
"""What tells the rows of a model apart; by default everything, if they have a time."""

_GRACE_MS = 2_000

# Live trades may come out of order, also between the two last ones that were stored.
_OVERLAP_MS = 10_000

# Months at their longest.
_UNITS_MS = {"m": 60_000, "h": 3_600_000, "D": 86_400_000}
_UNITS_MS.update({"W": 7 * _UNITS_MS["D"], "M": 31 * _UNITS_MS["D"]})
_TIMEFRAME = re.compile(r"(\d+)([mhDWM])")


class Sink(Generic[M]):
    """
    A file that rows are added to, each once; returned by `open_sink`.

    A context manager. `write` may be the callback of a subscription.

    Attributes
    ----------
    path : str
    model : type
    skipped_count : int
        Rows that were not accepted, as the file has them already.
    """

    def __init__(
        self,
        path: str,
        storage: Storage,
        row_format: RowFormat,
        flush_s: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.path: str = path
        self.model: Any = row_format.model
        self.skipped_count: int = 0
        self._storage = storage
        self._format = row_format
        self._flush_s = flush_s
        self._clock = clock
        self._key_names = next(
            (names for kind, names in _KEYS.items() if issubclass(self.model, kind)),
            None,
        )
        tail = [row_format.row(values) for values in storage.tail()]
        self._stored: Dict[object, None] = dict.fromkeys(map(self._key_of, tail))
        self._waiting: Dict[object, Values] = {}
        self._stored_count = 0
        # By thread: the row of an interrupted `write_all`.
        self._taken: Dict[int, List[M]] = {}
        self._last: M | None = tail[-1] if tail else None
        self._origin: Any = row_format.origin(tail[-1]) if tail else None
        # The newest candle, while it may still change.
        self._current: Any = None
        self._flushed_at = time.monotonic()
        # Held by calls on threads that no signal reaches.
        self._lock = Lock()
        self._is_closed = False

    @also_half_made
    def __repr__(self) -> str:
        return f"<Sink {self.path!r} of {self.model.__name__}>"

    def __enter__(self) -> Sink[M]:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def count(self) -> int:
        """Rows that were added to this object."""
        return self._stored_count + len(self._waiting)

    @property
    def last(self) -> M | None:
        """The row that was added last, also by an earlier program; None if there is none."""
        return self._last

    def since(self, start: Time) -> Mts | None:
        """
        Return the time from which rows may be missing: `start`, if the file has none yet.

        That is ten seconds before `last`, as live trades may come out of order; for candles the
        start of the last one. For sources that yield the oldest row first:
        ``bfx.trades("tBTCUSD", since=sink.since(start))``.
        """
        start = check_time("start", start)
        last: Any = self._last
        if last is None:
            return start
        if not self._format.has_own_time:
            raise UsageError(f"rows of {self.model.__name__} have no time")
        mts = int(getattr(last, self._format.columns[0].field))
        if not isinstance(last, Candle):
            mts -= _OVERLAP_MS
        return mts if start is None else max(mts, start)

    def write(self, row: M) -> bool:
        """
        Add a row; return False if the file has it already.

        It is stored at once if the last flush was `flush_s` ago, otherwise by the next call after
        that time, by `flush` or by `close`. A candle may change until it is over: it is added when
        another one comes, or by `close`.

        Raises
        ------
        UsageError
            The row is of another model, of another symbol or timeframe, or has other numbers.
        OSError, sqlite3.Error
            Rows could not be stored. They are kept, and stored by the next call that can.
        """
        self._check(row)
        is_new = self._accept(row)
        is_due = time.monotonic() - self._flushed_at >= self._flush_s
        if self._waiting and (is_due or len(self._waiting) >= _BATCH):
            self.flush()
        return is_new

    def write_all(self, rows: Iterable[M]) -> int:
        """
        Add rows, such as a history; return how many were new.

        If Ctrl-C interrupts it, another call for the same iterator goes on without a loss.
        """
        rows, count = iter(rows), 0
        taken = self._taken.setdefault(get_ident(), [])
        while True:
            if not taken:
                # One call: an interrupt leaves the row in the iterator, or here.
                taken.extend(islice(rows, 1))
            if not taken:
                return count
            try:
                count += self.write(taken[0])
            except Exception:
                # It was refused, or accepted and not stored.
                del taken[:]
                raise
            del taken[:]

    def flush(self) -> None:
        """Store all rows that were added."""
        shielded(self._flush)

    def close(self) -> None:
        """Store all rows that were added, and close the file. Idempotent."""
        shielded(self._close)

    def _check(self, row: M) -> None:
        if self._is_closed:
            raise ClosedError(f"{self!r} is closed")
        if not isinstance(row, self.model):
            raise UsageError(f"row must be a {self.model.__name__}, not {row!r}")
        origin = self._format.origin(row)
        if self._origin is None:
            self._origin = origin
        elif origin != self._origin:
            raise UsageError(
                f"{self.path!r} has rows of {_name(self._origin)}, not of {_name(origin)}"
            )
        self._format.check_numbers(row)

    def _accept(self, row: Any) -> bool:
        if not isinstance(row, Candle):
            return self._add(row)
        if self._is_known(row):
            return False
        current = self._current
        if current is not None and (
            row.mts > current.mts or (row.mts < current.mts and self._is_over(current))
        ):
            self._add(current)
        self._current = row
        return current is None or row.mts != current.mts

    def _add(self, row: Any) -> bool:
        if self._is_known(row):
            return False
        self._waiting[self._key_of(row)] = self._format.values(
            row, int(self._clock() * 1000)
        )
        self._last = row
        return True

    def _is_known(self, row: Any) -> bool:
        key = self._key_of(row)
        is_known = key in self._stored or key in self._waiting
        self.skipped_count += is_known
        return is_known

    def _key_of(self, row: Any) -> object:
        if self._key_names is None:
            has_time = self._format.has_own_time
            return self._format.values(row, 0) if has_time else object()
        return tuple(getattr(row, name) for name in self._key_names)

    def _is_over(self, candle: Candle) -> bool:
        match = _TIMEFRAME.fullmatch(candle.timeframe or "")
        length = int(match[1]) * _UNITS_MS[match[2]] if match else 0
        return candle.mts + length + _GRACE_MS <= self._clock() * 1000

    def _flush(self) -> None:
        with self._lock:
            self._store()

    def _store(self) -> None:
        rows = list(self._waiting.items())
        self._flushed_at = time.monotonic()
        if not rows:
            return
        self._storage.append([values for _, values in rows])
        self._stored.update((key, None) for key, _ in rows)
        self._stored_count += len(rows)
        for key, _ in rows:
            del self._waiting[key]
        extra = len(self._stored) - KEPT
        if extra > KEPT:
            self._stored = dict(islice(self._stored.items(), extra, None))

    def _close(self) -> None:
        with self._lock:
            if self._is_closed:
                return
            current, self._current = self._current, None
            if current is not None and self._is_over(current):
                self._add(current)
            try:
                self._store()
            finally:
                self._is_closed = True
                self._storage.close()


def _name(origin: Values) -> str:
    return " ".join(str(part) for part in origin)
