"""The view of an account for tests, usable from any thread."""

from __future__ import annotations

from itertools import islice
from typing import (
    Any,
    Callable,
    Dict,
    Iterable,
    List,
    Reversible,
    Tuple,
    TypeVar,
    Union,
)

from bfxsync._base.describe import also_half_made
from bfxsync.errors import UsageError
from bfxsync.paper.engine.account import Account
from bfxsync.paper.engine.amounts import read_positive
from bfxsync.paper.engine.errors import Invalid
from bfxsync.paper.engine.order import EngineOrder
from bfxsync.paper.engine.positions import EnginePosition
from bfxsync.paper.engine.units import SCALE
from bfxsync.paper.engine.wallets import WALLETS
from bfxsync.paper.server_thread import ServerThread
from bfxsync.paper.settings import Amount, PaperAccount

T = TypeVar("T")

Balances = Dict[str, Dict[str, float]]
Record = Dict[str, Any]

# Names of the values of a row, in order; values named by a dash are left out.
_ORDER = (
    "id gid cid symbol mts_create mts_update amount amount_orig type - - - flags status"
    " - - price price_avg"
)
_TRADE = "id symbol mts order_id amount price type - maker fee fee_currency cid"
_OFFER = (
    "id symbol mts_create mts_update amount amount_orig type - - flags status - - - rate"
    " period notify hidden - renew"
)
_LOAN = (
    "id symbol side mts_create mts_update amount - status rate_type - - rate period"
    " mts_opening mts_last_payout - hidden - renew - no_close position_pair"
)
_POSITION = "symbol - amount base_price - - - - - - - id"


class AccountView:
    """
    One account of a running exchange.

    Properties return copies of the current state as plain lists and dicts. They raise `UsageError`
    while the exchange is not running; each start resets the account.

    Attributes
    ----------
    api_key, api_secret : str
        The credentials for a client.

    Examples
    --------
    >>> exchange.account.balances["exchange"]["BTC"]  # doctest: +SKIP
    10.0
    """

    def __init__(
        self, settings: PaperAccount, thread: ServerThread, index: int
    ) -> None:
        self.api_key: str = settings.api_key
        self.api_secret: str = settings.api_secret
        self._thread = thread
        self._index = index

    @also_half_made
    def __repr__(self) -> str:
        return f"<account {self.api_key}>"

    @property
    def balances(self) -> Balances:
        """Total balances by wallet and currency, including the holds of orders."""
        return self._ask(lambda account: _by_wallet(account, "balance"))

    @property
    def available(self) -> Balances:
        """Balances without holds, by wallet and currency."""
        return self._ask(lambda account: _by_wallet(account, "available"))

    @property
    def orders(self) -> List[Record]:
        """Open orders, oldest first: ``id``, ``cid``, ``symbol``, ``amount``, …"""
        return self._ask(lambda account: _records(_ORDER, account.orders.values()))

    @property
    def closed_orders(self) -> List[Record]:
        """Orders that were filled, cancelled or closed by the market, oldest first."""
        return self._ask(lambda account: _records(_ORDER, account.closed.values()))

    @property
    def trades(self) -> List[Record]:
        """Trades, oldest first: ``order_id``, ``amount``, ``price``, ``fee``, …"""
        return self._ask(
            lambda account: [_record(_TRADE, row) for row in account.trades]
        )

    @property
    def positions(self) -> List[Record]:
        """Open positions: ``symbol``, ``amount``, ``base_price``, ``id``."""
        return self._ask(
            lambda account: _records(_POSITION, account.positions.open.values())
        )

    def state(self, last: int | None = None) -> Record:
        """
        Return all of the above at one moment.

        Parameters
        ----------
        last : int, optional
            Maximum number of closed orders and of trades, the newest; by default all.

        Returns
        -------
        dict
            ``balances``, ``available``, ``orders``, ``closed_orders``, ``trades``, ``positions``.

        Raises
        ------
        UsageError
            `last` is negative or not an integer, or the exchange is not running.
        """
        if last is not None and not (type(last) is int and last >= 0):
            raise UsageError(f"last must be an integer from 0, not {last!r}")
        return self._ask(
            lambda account: {
                "balances": _by_wallet(account, "balance"),
                "available": _by_wallet(account, "available"),
                "orders": _records(_ORDER, account.orders.values()),
                "closed_orders": _records(
                    _ORDER, _newest(account.closed.values(), last)
                ),
                "trades": [
                    _record(_TRADE, row) for row in _newest(account.trades, last)
                ],
                "positions": _records(_POSITION, account.positions.open.values()),
            }
        )

    @property
    def offers(self) -> List[Record]:
        """Open funding offers, and bids, oldest first: ``amount``, ``rate``, ``period``, …"""
        rows = self._thread.call(
            lambda server: server.registry.funding.offers(
                server.registry.accounts[self._index]
            )
        )
        return [_record(_OFFER, row) for row in rows]

    @property
    def loans(self) -> List[Record]:
        """
        Funding lent (``side`` 1) and borrowed (-1), by id: ``amount``, ``rate``, ``period``, …

        That which a position uses has a ``position_pair``.
        """
        rows = self._thread.call(
            lambda server: [
                row
                for is_used in (False, True)
                for row in server.registry.funding.loans(
                    server.registry.accounts[self._index], is_used
                )
            ]
        )
        return sorted((_record(_LOAN, row) for row in rows), key=lambda row: row["id"])

    def deposit(self, wallet: str, currency: str, amount: Amount) -> None:
        """
        Deposit money, rounded to eight decimal places.

        Parameters
        ----------
        wallet : str
            ``"exchange"``, ``"margin"`` or ``"funding"``.

        Raises
        ------
        UsageError
            Unknown wallet, or an amount that is not positive.
        """
        if wallet not in WALLETS:
            raise UsageError(
                f"wallet must be one of {', '.join(WALLETS)}, not {wallet!r}"
            )
        try:
            read_positive("amount", amount)
        except Invalid:
            raise UsageError(f"amount must be positive, not {amount!r}") from None
        self._ask(lambda account: account.deposit(wallet, currency, amount))

    def _ask(self, function: Callable[[Account], T]) -> T:
        return self._thread.call(
            lambda server: function(server.registry.accounts[self._index])
        )


def account_views(
    accounts: Iterable[PaperAccount], thread: ServerThread
) -> Tuple[AccountView, ...]:
    """Return the views of all accounts of an exchange."""
    return tuple(
        AccountView(account, thread, index) for index, account in enumerate(accounts)
    )


def _by_wallet(account: Account, name: str) -> Balances:
    found: Balances = {}
    for wallet in account.wallets:
        amount: int = getattr(wallet, name)
        found.setdefault(wallet.kind, {})[wallet.currency] = amount / SCALE
    return found


def _records(
    names: str, items: Iterable[Union[EngineOrder, EnginePosition]]
) -> List[Record]:
    return [_record(names, item.row()) for item in items]


def _newest(items: Reversible[T], count: int | None) -> List[T]:
    """Return the last items, oldest first."""
    return list(islice(reversed(items), count))[::-1]


def _record(names: str, row: List[Any]) -> Record:
    return {name: value for name, value in zip(names.split(), row) if name != "-"}
