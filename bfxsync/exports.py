"""
The account's records of a year as one table, for bookkeeping and tax programs.

Strategy: only the public interface is used, so this module is also an example of reading histories.
Trades and movements are read before the ledger, so that in the current year the ledger has the
entries of every trade and movement in the table.
"""

from __future__ import annotations

import csv
import operator
import os
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Iterable, Iterator, Optional, TextIO, Tuple, cast

import attrs

from bfxsync import Client, UsageError
from bfxsync._base.logs import get_logger

if TYPE_CHECKING:
    import pandas

    from bfxsync.models import AccountTrade, Ledger, Movement

__all__ = ["COLUMNS", "ExportRow", "LedgerExport", "ledger_export"]

_log = get_logger(__name__)

_KEPT_YEARS = 6
_KEPT = timedelta(days=365.25 * _KEPT_YEARS)


@attrs.frozen(kw_only=True)
class ExportRow:
    """
    One ledger entry, trade, or movement (deposit or withdrawal).

    Only ledger entries are changes of balances. Trades and movements are the causes of some of
    them, so their amounts and fees must not be added to those of the ledger.

    Attributes
    ----------
    time : datetime.datetime
        In UTC. Ledger: time of the booking. Trade: time of execution. Movement: time of the last
        change.
    kind : str
        ``ledger``, ``movement`` or ``trade``.
    id : int
        Unique among the rows of its kind, except that both sides of a self-trade share one id.
    wallet : str or None
        Ledger only: ``exchange``, ``margin``, ``funding`` or ``contribution``; None in old rows.
    currency : str
        Currency of the amount; for a trade the base currency.
    amount : decimal.Decimal
        In `currency`. Ledger: positive for a credit, negative for a debit. Movement: positive for
        a deposit, negative for a withdrawal, without its fee. Trade: positive bought, negative
        sold.
    balance : decimal.Decimal or None
        Ledger only: balance of the currency in the wallet after the entry.
    fee : decimal.Decimal or None
        Trades and movements, in `fee_currency`: negative if paid, positive if received. The ledger
        has a separate entry for it.
    fee_currency : str or None
    symbol : str or None
        Trades only: the pair, such as ``tBTCUSD``.
    price : decimal.Decimal or None
        Trades only, in quote currency.
    order_id : int or None
        Trades only.
    status : str or None
        Movements only: ``COMPLETED``, ``CANCELED``, ``PENDING``, … The ledger shows which
        movements changed a balance.
    method, address, transaction_id : str or None
        Movements only: transfer method such as ``BITCOIN``, destination, id on the blockchain.
    description : str or None
        Ledger: the exchange's text, whose wording may change. Withdrawal: your note.
    """

    time: datetime
    kind: str
    id: int
    wallet: Optional[str] = None
    currency: str
    amount: Decimal
    balance: Optional[Decimal] = None
    fee: Optional[Decimal] = None
    fee_currency: Optional[str] = None
    symbol: Optional[str] = None
    price: Optional[Decimal] = None
    order_id: Optional[int] = None
    status: Optional[str] = None
    method: Optional[str] = None
    address: Optional[str] = None
    transaction_id: Optional[str] = None
    description: Optional[str] = None


COLUMNS = tuple(field.name for field in attrs.fields(ExportRow))
"""Names of the columns, in order."""

_DTYPES = {
    "time": "datetime64[ns, UTC]",
    "id": "int64",
    "order_id": "Int64",
    **dict.fromkeys(("amount", "balance", "fee", "price"), "object"),
}


@attrs.frozen
class LedgerExport:
    """
    The rows of a year, sorted by time, kind and id; returned by `ledger_export`.

    Attributes
    ----------
    year : int
    rows : tuple of ExportRow
    """

    year: int
    rows: Tuple[ExportRow, ...] = attrs.field(repr=lambda rows: f"<{len(rows)} rows>")

    def __iter__(self) -> Iterator[ExportRow]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def write_csv(self, file: str | os.PathLike[str] | TextIO) -> None:
        """
        Write the table as CSV in UTF-8, with a header; empty cells stand for None.

        Times are written as ``2026-01-31T12:00:00.000Z``, numbers with all their digits and
        without exponent.

        Parameters
        ----------
        file : str, os.PathLike or text file
            A file that exists is replaced. Open a text file with ``newline=""``.
        """
        if isinstance(file, (str, os.PathLike)):
            with open(file, "w", newline="", encoding="utf-8") as opened:
                self.write_csv(opened)
            return
        if not hasattr(file, "write"):
            raise UsageError(f"file must be a path or a text file, not {file!r}")
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows(
            [_cell(getattr(row, name)) for name in COLUMNS] for row in self
        )

    def to_pandas(self) -> pandas.DataFrame:
        """
        Return a DataFrame with one column per field; needs the extra ``pandas``.

        Numbers are Decimals, in columns of dtype ``object``; ``frame["amount"].astype(float)``
        converts them to floats. Raises `UsageError` if pandas is not installed.
        """
        try:
            from pandas import DataFrame, Series
        except ImportError as exc:
            raise UsageError(
                'to_pandas() needs the extra "pandas": pip install "bfxsync[pandas]"'
            ) from exc
        return DataFrame(
            {
                name: Series(
                    [getattr(row, name) for row in self],
                    dtype=cast(Any, _DTYPES.get(name, "string")),
                )
                for name in COLUMNS
            }
        )


def ledger_export(client: Client, year: int, *, progress: bool = False) -> LedgerExport:
    """
    Return all ledger entries, trades and movements of a year as one table.

    The year is in UTC. Each history is read completely, with 2,500 rows per request and at most 90
    requests per minute; the current year has the rows so far. An unreadable row raises
    `RemoteError`; with ``Client(strict=False)`` it is left out with a warning. Amounts are exact,
    regardless of the client's `numbers`.

    Parameters
    ----------
    client : Client
        Its key needs permission to read the history.
    year : int
        At most six years ago, as the exchange keeps ledger entries for six years. A warning is
        logged if some entries of the year may have expired.
    progress : bool
        Show progress bars; needs the extra ``progress``.

    Raises
    ------
    UsageError
        The year is in the future, or more than six years ago.
    """
    if not isinstance(client, Client):
        raise UsageError(f"client must be a Client, not {client!r}")
    begin = _begin_of(year, datetime.now(timezone.utc))
    end = begin.replace(year=begin.year + 1) - timedelta(milliseconds=1)
    auth = client.rest.auth
    # Trades and movements before the ledger entries that they cause, in every year.
    trades = auth.iter_trades_history(start=begin, end=end, progress=progress)
    rows = [_trade_row(trade) for trade in trades]
    movements = auth.iter_movements(start=begin, end=end, progress=progress)
    rows += [_movement_row(movement) for movement in movements]
    ledgers = auth.iter_ledgers(start=begin, end=end, progress=progress)
    rows += [_ledger_row(entry) for entry in ledgers]
    return LedgerExport(begin.year, tuple(_in_order(rows)))


def _begin_of(year: object, now: datetime) -> datetime:
    """Return the start of a year; raise `UsageError` if it has no ledger entries."""
    kept_since = now - _KEPT
    try:
        number = operator.index(cast(Any, year))
    except TypeError:
        number = 0
    if not kept_since.year <= number <= now.year:
        raise UsageError(
            f"year must be from {kept_since.year} to {now.year}, not {year!r}: "
            f"the exchange keeps ledger entries for {_KEPT_YEARS} years"
        )
    begin = datetime(number, 1, 1, tzinfo=timezone.utc)
    if begin < kept_since:
        _log.warning(
            "ledger entries of %d before %s may be missing: the exchange keeps them for %d years",
            number,
            f"{kept_since:%Y-%m-%d}",
            _KEPT_YEARS,
        )
    return begin


def _in_order(rows: Iterable[ExportRow]) -> list[ExportRow]:
    return sorted(rows, key=lambda row: (row.time, row.kind, row.id))


def _ledger_row(entry: Ledger) -> ExportRow:
    return ExportRow(
        time=entry.time,
        kind="ledger",
        id=entry.id,
        wallet=entry.wallet,
        currency=entry.currency,
        amount=_exact(entry.amount),
        balance=_exact(entry.balance),
        description=entry.description,
    )


def _trade_row(trade: AccountTrade) -> ExportRow:
    base, colon, _ = trade.symbol[1:].partition(":")
    return ExportRow(
        time=trade.created_at,
        kind="trade",
        id=trade.id,
        currency=base if colon else base[:-3],
        amount=_exact(trade.exec_amount),
        fee=None if trade.fee is None else _exact(trade.fee),
        fee_currency=trade.fee_currency,
        symbol=trade.symbol,
        price=_exact(trade.exec_price),
        order_id=trade.order_id,
    )


def _movement_row(movement: Movement) -> ExportRow:
    return ExportRow(
        time=movement.updated_at,
        kind="movement",
        id=movement.id,
        currency=movement.currency,
        amount=_exact(movement.amount),
        fee=None if movement.fees is None else _exact(movement.fees),
        fee_currency=None if movement.fees is None else movement.currency,
        status=movement.status,
        method=movement.currency_name,
        address=movement.destination_address,
        transaction_id=movement.transaction_id,
        description=movement.withdraw_transaction_note,
    )


def _exact(number: object) -> Decimal:
    # The exchange prints doubles in their shortest form, as `str` does.
    return number if isinstance(number, Decimal) else Decimal(str(number))


def _cell(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return f"{value:f}" if isinstance(value, Decimal) else value
