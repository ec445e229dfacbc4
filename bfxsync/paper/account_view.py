"""An account as tests see it, from any thread."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Dict, List, TypeVar

from bfxsync._base.describe import also_half_made
from bfxsync.errors import UsageError
from bfxsync.paper.engine.account_settings import WALLETS, Amount, PaperAccount
from bfxsync.paper.engine.amounts import read_positive
from bfxsync.paper.engine.refusals import Invalid
from bfxsync.paper.text import SCALE

if TYPE_CHECKING:
    from bfxsync.paper.engine.account import Account
    from bfxsync.paper.server.app import Server

T = TypeVar("T")

Balances = Dict[str, Dict[str, float]]
Record = Dict[str, Any]

_ORDER = {
    "id": 0,
    "gid": 1,
    "cid": 2,
    "symbol": 3,
    "mts_create": 4,
    "mts_update": 5,
    "amount": 6,
    "amount_orig": 7,
    "type": 8,
    "flags": 12,
    "status": 13,
    "price": 16,
    "price_avg": 17,
}
_TRADE = {
    "id": 0,
    "symbol": 1,
    "mts": 2,
    "order_id": 3,
    "amount": 4,
    "price": 5,
    "type": 6,
    "maker": 8,
    "fee": 9,
    "fee_currency": 10,
    "cid": 11,
}
_POSITION = {"symbol": 0, "amount": 2, "base_price": 3, "id": 11}


class AccountView:
    """
    One account of a running exchange.

    What it returns is a copy of that moment: plain lists and dicts. All of it raises `UsageError`
    while the exchange does not run; with the next start an account begins anew.

    Attributes
    ----------
    api_key, api_secret : str
        For a client.

    Examples
    --------
    >>> exchange.account.balances["exchange"]["BTC"]  # doctest: +SKIP
    10.0
    """

    def __init__(
        self,
        settings: PaperAccount,
        call: Callable[[Callable[[Server], Any]], Any],
        index: int,
    ) -> None:
        self.api_key = settings.api_key
        self.api_secret = settings.api_secret
        self._call = call
        self._index = index

    @also_half_made
    def __repr__(self) -> str:
        return f"<account {self.api_key}>"

    @property
    def balances(self) -> Balances:
        """All that there is, by wallet and currency; what orders hold back is part of it."""
        return self._ask(lambda account: _by_wallet(account, "balance"))

    @property
    def available(self) -> Balances:
        """What of it may be used now, by wallet and currency."""
        return self._ask(lambda account: _by_wallet(account, "available"))

    @property
    def orders(self) -> List[Record]:
        """The open orders, the oldest first: ``id``, ``cid``, ``symbol``, ``amount``, …"""
        return self._ask(
            lambda account: [
                _record(_ORDER, order.row()) for order in account.orders.values()
            ]
        )

    @property
    def closed_orders(self) -> List[Record]:
        """The orders that are filled, cancelled or refused by the market, the oldest first."""
        return self._ask(
            lambda account: [
                _record(_ORDER, order.row()) for order in account.closed.values()
            ]
        )

    @property
    def trades(self) -> List[Record]:
        """All trades, the oldest first: ``order_id``, ``amount``, ``price``, ``fee``, …"""
        return self._ask(
            lambda account: [_record(_TRADE, row) for row in account.trades]
        )

    @property
    def positions(self) -> List[Record]:
        """The open positions: ``symbol``, ``amount``, ``base_price``, ``id``."""
        return self._ask(
            lambda account: [
                _record(_POSITION, position.row())
                for position in account.positions.open.values()
            ]
        )

    def deposit(self, wallet: str, currency: str, amount: Amount) -> None:
        """
        Let money come in.

        Parameters
        ----------
        wallet : str
            ``"exchange"``, ``"margin"`` or ``"funding"``.
        currency : str
        amount : str, int, Decimal or float
            Above zero; eight decimal places count.

        Raises
        ------
        UsageError
            There is no such wallet, or the amount is impossible.
        """
        if wallet not in WALLETS:
            raise UsageError(f"no wallet {wallet!r}; there are {', '.join(WALLETS)}")
        try:
            read_positive("amount", amount)
        except Invalid:
            raise UsageError(f"amount must be above zero, not {amount!r}") from None
        self._ask(lambda account: account.deposit(wallet, currency, amount))

    def _ask(self, function: Callable[[Account], T]) -> T:
        def ask(server: Server) -> T:
            return function(server.registry.accounts[self._index])

        answer: T = self._call(ask)
        return answer


def _by_wallet(account: Account, name: str) -> Balances:
    found: Balances = {}
    for wallet in account.wallets:
        amount: int = getattr(wallet, name)
        found.setdefault(wallet.kind, {})[wallet.currency] = amount / SCALE
    return found


def _record(fields: Dict[str, int], row: List[Any]) -> Record:
    return {name: row[index] for name, index in fields.items()}
