"""
The current state of an account, as its channel has sent it.

Strategy: one thread writes, any thread reads. Every message changes each public dict by a single
operation of the interpreter (an item set or removed, or a new dict assigned), so that ``dict(…)``
or ``.copy()`` of any thread is the state after a whole message. After a loss the last state stays
readable; `Table.is_current` tells whether a snapshot of this socket has replaced it.
"""

from __future__ import annotations

from itertools import islice
from typing import Any, Callable, Dict, Generic, Iterator, List, Tuple, TypeVar

from bfxsync._base.aliases import Mts
from bfxsync.models.account_streams import snapshot_update
from bfxsync.models.account_trades import AccountTrade
from bfxsync.models.account_update import AccountUpdate
from bfxsync.models.funding import (
    AccountFundingTrade,
    FundingCredit,
    FundingLoan,
    FundingOffer,
)
from bfxsync.models.funding_info import FundingInfo
from bfxsync.models.margin import BaseMarginInfo, SymbolMarginInfo
from bfxsync.models.orders import Order
from bfxsync.models.positions import Position
from bfxsync.models.rows import integer
from bfxsync.models.wallets import BalanceInfo, Wallet

K = TypeVar("K")
V = TypeVar("V")

REMEMBERED = 10_000
"""Closed orders, fills and unreadable rows that are kept, at most."""


def _by_id(item: Any) -> int:
    found: int = item.id
    return found


def _by_symbol(position: Position) -> str:
    return position.symbol


def _by_wallet(wallet: Wallet) -> Tuple[str, str]:
    return wallet.wallet_type, wallet.currency


def _id_of_row(row: Any) -> Any:
    return integer(row[0])


def _symbol_of_row(row: Any) -> Any:
    return row[0] if isinstance(row[0], str) else None


def _wallet_of_row(row: Any) -> Any:
    kind, currency = row[:2]
    return (kind, currency) if {type(kind), type(currency)} == {str} else None


class Table(Generic[K, V]):
    """
    The open objects of one kind.

    Parameters
    ----------
    code : str
        The code of its snapshots.
    name : str
        For messages: ``orders``.
    key_of, key_of_row : callable
        Return the key of a model, and that of a row; None if a row does not show it.
    stays_closed : bool
        Whether a closed object never opens again, so that late messages must not restore it.
    """

    def __init__(
        self,
        code: str,
        name: str,
        key_of: Callable[[V], K],
        key_of_row: Callable[[Any], Any],
        stays_closed: bool = False,
    ) -> None:
        self.code = code
        self.name = name
        self.items: Dict[K, V] = {}
        """By key."""
        self.has_snapshot: bool = False
        """Whether there has been a snapshot, on any socket."""
        self.is_current: bool = False
        """Whether there has been a snapshot on this socket."""
        self.unreadable: Dict[Any, Tuple[Any, str]] = {}
        """Unreadable rows and their reasons, by key; by an `object` if they show none."""
        self._key_of = key_of
        self._key_of_row = key_of_row
        self._stays_closed = stays_closed
        # Their keys alone: thousands of closed orders would take megabytes.
        self._closed: Dict[K, None] = {}
        # Changes on this socket before its snapshot, which may be older; None for a closed object.
        self._early: Dict[K, V | None] = {}

    @property
    def is_complete(self) -> bool:
        """Whether everything is known: a snapshot of this socket, and no unreadable row."""
        return self.is_current and not self.unreadable

    def lose(self) -> None:
        """Keep the items of the lost socket until the next snapshot."""
        self.is_current = False
        self._early = {}

    def set(self, item: V) -> None:
        """Add or replace an item."""
        key = self._key_of(item)
        self._forget_unreadable(key)
        if key in self._closed:
            return
        if not self.is_current:
            self._early[key] = item
        self.items[key] = item

    def close(self, item: V) -> None:
        """Remove an item."""
        key = self._key_of(item)
        self._forget_unreadable(key)
        if self._stays_closed:
            self._closed[key] = None
            self._closed = _bounded(self._closed)
        if not self.is_current:
            self._early[key] = None
        self.items.pop(key, None)

    def is_closed(self, item: V) -> bool:
        """Return whether an item is known to be closed; False where it may open again."""
        return self._key_of(item) in self._closed

    def replace(self, found: List[V], unreadable: List[Tuple[Any, str]]) -> List[K]:
        """
        Accept a snapshot; return the keys of known items of which it has no readable row.

        They are removed, unless one of the unreadable rows may be theirs.
        """
        items: Dict[K, V] = {}
        for item in found:
            key = self._key_of(item)
            if key not in self._closed:
                items[key] = item
        rows: Dict[Any, Tuple[Any, str]] = {}
        for row, reason in unreadable:
            rows[self._raw_key(row, rows)] = row, reason
        missing = [key for key in self.items if key not in items]
        is_any = any(type(key) is object for key in rows)
        for key in missing:
            if is_any or key in rows:
                items[key] = self.items[key]
        early, self._early = self._early, {}
        for key, newer in early.items():
            if newer is None:
                items.pop(key, None)
            elif key not in items or _mts(items[key]) <= _mts(newer):
                items[key] = newer
        self.items = items
        self.unreadable = _bounded(rows)
        self.has_snapshot = self.is_current = True
        return [key for key in missing if key not in early and key not in self._closed]

    def keep_unreadable(self, row: Any, reason: str) -> None:
        """Keep a row of an update that cannot be read: its item may be outdated or missing."""
        key = self._raw_key(row, self.unreadable)
        self.unreadable = _bounded({**self.unreadable, key: (row, reason)})

    def _forget_unreadable(self, key: K) -> None:
        if key in self.unreadable:
            rows = self.unreadable.copy()
            del rows[key]
            self.unreadable = rows

    def _raw_key(self, row: Any, taken: Dict[Any, Any]) -> Any:
        try:
            key = self._key_of_row(row)
        except (TypeError, LookupError, ValueError):
            key = None
        # An object of its own for a row that does not show its key.
        return object() if key is None or key in taken else key


def _mts(item: Any) -> Mts:
    # Wallets, and positions in rows of older servers, have no time: the later message counts.
    found: Mts | None = getattr(item, "mts_update", None)
    return 0 if found is None else found


T = TypeVar("T", bound="AccountTrade | AccountFundingTrade")


class FillLog(Generic[T]):
    """
    The latest fills, each delivered once, across sockets.

    A fill comes without its fee (`te`) and with it (`tu`), in any order, and again from REST after
    an outage.
    """

    def __init__(self) -> None:
        self.items: Dict[int, T] = {}
        """By id, in the order of arrival; with the fee once it is known."""
        self._confirmed: Dict[int, bool] = {}

    def add(self, trade: T) -> bool:
        """Add a fill; return whether it is new."""
        if trade.id in self.items:
            return False
        self.items[trade.id] = trade
        self.items = _bounded(self.items)
        return True

    def confirm(self, trade: T) -> bool:
        """Add the final form of a fill; return whether it is the first one."""
        if trade.id in self._confirmed:
            return False
        self._confirmed[trade.id] = True
        self._confirmed = _bounded(self._confirmed)
        self.items[trade.id] = trade
        return True

    @property
    def last_mts(self) -> Mts | None:
        """Time of the latest fill; None without any."""
        return max((trade.mts_create for trade in self.items.values()), default=None)


class AccountState:
    """Orders, positions, wallets, funding and fills of an account."""

    def __init__(self) -> None:
        self.orders: Table[int, Order] = Table("os", "orders", _by_id, _id_of_row, True)
        """By id."""
        self.positions: Table[str, Position] = Table(
            "ps", "positions", _by_symbol, _symbol_of_row
        )
        """By symbol."""
        self.wallets: Table[Tuple[str, str], Wallet] = Table(
            "ws", "wallets", _by_wallet, _wallet_of_row
        )
        """By type and currency."""
        self.offers: Table[int, FundingOffer] = Table(
            "fos", "offers", _by_id, _id_of_row, True
        )
        """By id."""
        # The same id returns: a loan that is used in a position becomes a credit, and back.
        self.credits: Table[int, FundingCredit] = Table(
            "fcs", "credits", _by_id, _id_of_row
        )
        """By id."""
        self.loans: Table[int, FundingLoan] = Table("fls", "loans", _by_id, _id_of_row)
        """By id."""
        self.trades: FillLog[AccountTrade] = FillLog()
        self.funding_trades: FillLog[AccountFundingTrade] = FillLog()
        self.balance: BalanceInfo | None = None
        self.margin_base: BaseMarginInfo | None = None
        self.margin: Dict[str, SymbolMarginInfo] = {}
        """By symbol."""
        self.funding_info: Dict[str, FundingInfo] = {}
        """By symbol."""
        self._tables: Dict[str, Table[Any, Any]] = {
            table.code: table
            for table in (
                self.orders,
                self.positions,
                self.wallets,
                self.offers,
                self.credits,
                self.loans,
            )
        }

    @property
    def tables(self) -> List[Table[Any, Any]]:
        """The tables that have snapshots."""
        return list(self._tables.values())

    def table_of(self, code: str) -> Table[Any, Any] | None:
        """Return the table that messages of this code change, if there is one."""
        return self._tables.get(code[:-1] + "s")

    def begin(self) -> None:
        """Forget calculated values, which the exchange does not repeat on a new socket."""
        self.balance = self.margin_base = None
        self.margin, self.funding_info = {}, {}

    def lose(self) -> None:
        """Keep what is known, but not as current."""
        for table in self._tables.values():
            table.lose()

    def apply(self, update: AccountUpdate) -> None:
        """Change the state by an update that is neither a snapshot nor a fill."""
        code, data = update.code, update.data
        table = self.table_of(code)
        if table is not None:
            if code[-1] == "c":
                table.close(data)
            else:
                table.set(data)
        elif isinstance(data, SymbolMarginInfo):
            self.margin[data.symbol] = data
        elif isinstance(data, FundingInfo):
            self.funding_info[data.symbol] = data
        elif isinstance(data, BaseMarginInfo):
            self.margin_base = data
        else:
            assert isinstance(data, BalanceInfo)
            self.balance = data

    def rows(self) -> Iterator[AccountUpdate]:
        """Yield the whole state: a snapshot of each kind, then calculated values."""
        for table in self._tables.values():
            if table.is_current:
                yield snapshot_update(table.code, list(table.items.values()))
        if self.balance is not None:
            yield AccountUpdate("bu", "balance_update", self.balance)
        if self.margin_base is not None:
            yield AccountUpdate("miu", "base_margin_info", self.margin_base)
        for margin in self.margin.values():
            yield AccountUpdate("miu", "symbol_margin_info", margin)
        for info in self.funding_info.values():
            yield AccountUpdate("fiu", "funding_info_update", info)


def _bounded(items: Dict[K, V]) -> Dict[K, V]:
    """Return the newest items if there are too many."""
    if len(items) <= REMEMBERED:
        return items
    return dict(islice(items.items(), len(items) - REMEMBERED // 2, None))
