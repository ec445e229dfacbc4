"""
One account: its wallets, orders, positions and trades, and their settlement.

Strategy: an order never has more to fill than its wallet can pay, since a hold covers it while it
rests. So a fill is only arithmetic, and cannot fail.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Callable, Deque, Dict, Mapping

from bfxsync.paper.engine.amounts import cost, cost_at_most, read_amount, share
from bfxsync.paper.engine.funding_loan import AccountFunding
from bfxsync.paper.engine.ids import IdSequences
from bfxsync.paper.engine.order import HIDDEN, NO_VAR_RATES, EngineOrder, legs
from bfxsync.paper.engine.positions import Positions, required_margin_with
from bfxsync.paper.engine.stored_data import StoredData
from bfxsync.paper.engine.units import SCALE, Row, units_text
from bfxsync.paper.engine.wallets import (
    DEPOSIT,
    EXCHANGE,
    KEPT,
    SETTLEMENT,
    TRADING_FEE,
    EngineWallet,
    Wallets,
)

Listener = Callable[[str, Row], None]
Meta = Dict[str, Any]

MAKER_FEE, TAKER_FEE = 1_000, 2_000
"""Fees in millionths of the received amount; on margin, of the value of the trade."""
DERIVATIVE_TAKER_FEE = 650
"""Fee in millionths of the value; makers pay none."""


class Account:
    """
    The state of one account.

    Parameters
    ----------
    balances : mapping
        Initial deposits, by wallet and currency.

    Attributes
    ----------
    orders, closed : dict of EngineOrder
        By id: the open orders, and the last `KEPT` closed ones.
    trades : collections.deque of list
        Rows as in ``tu`` events: the last `KEPT`, oldest first.
    movements : collections.deque of list
        Deposits and withdrawals: the last `KEPT`, oldest first.
    listeners : list of callable
        Called with code and row of each event of the account channel:
        ``on``, ``ou``, ``oc``, ``te``, ``tu``, ``wu``, ``pn``, ``pu``, ``pc``, of funding ``fon``,
        ``fou``, ``foc``, ``fln``, ``flu``, ``flc``, ``fcn``, ``fcu``, ``fcc``, ``fte``, ``ftu``.
    on_silent_change : callable
        Called with an order that has changed without an event: a trailing stop whose trigger price
        moved.
    """

    def __init__(
        self,
        balances: Mapping[str, Mapping[str, object]],
        user_id: int,
        ids: IdSequences,
        now_mts: Callable[[], int],
    ) -> None:
        self.user_id = user_id
        self.ids = ids
        self.now_mts = now_mts
        self.created_mts: int = now_mts()
        self.listeners: list[Listener] = []
        self.on_silent_change: Callable[[EngineOrder], None] = lambda order: None
        self.orders: dict[int, EngineOrder] = {}
        self.closed: dict[int, EngineOrder] = {}
        self.trades: Deque[Row] = deque(maxlen=KEPT)
        self.movements: Deque[Row] = deque(maxlen=KEPT)
        self.addresses: dict[tuple[str, str], list[str]] = {}
        self.stored: StoredData = StoredData()
        self.funding: AccountFunding = AccountFunding()
        self.wallets: Wallets = Wallets(
            lambda: next(ids.booking),
            now_mts,
            lambda wallet: self.emit("wu", wallet.row()),
        )
        self.positions: Positions = Positions(
            lambda: next(ids.position), now_mts, self.emit
        )
        for kind, amounts in balances.items():
            for currency, amount in amounts.items():
                self.deposit(kind, currency, amount)

    def emit(self, code: str, row: Row) -> None:
        """Notify the listeners."""
        for listener in list(self.listeners):
            listener(code, row)

    def deposit(self, kind: str, currency: str, amount: object) -> None:
        """Book a deposit."""
        units = read_amount("amount", amount)
        id, now = next(self.ids.movement), self.now_mts()
        note = f"Deposit of {units_text(units)} {currency} to wallet {kind}"
        self.emit("n", [now, "deposit_new", *[None] * 4, "SUCCESS", note])
        text = f"Deposit (PAPER) #{id}"
        self.wallets.book(kind, currency, units, DEPOSIT, text)
        self.movements.append(movement_row(id, currency, "PAPER", now, units))

    def remember(self, order: EngineOrder) -> None:
        """Keep a closed order for histories."""
        self.closed[order.id] = order
        if len(self.closed) > KEPT:
            del self.closed[next(iter(self.closed))]

    def wallets_of(self, order: EngineOrder) -> tuple[EngineWallet, EngineWallet]:
        """Return the wallets of base and quote currency that an order uses."""
        kind = "exchange" if order.is_spot else "margin"
        base, quote = legs(order.symbol[1:])
        return self.wallets.get(kind, base), self.wallets.get(kind, quote)

    def orders_on_margin(self, symbol: str) -> list[EngineOrder]:
        """Return the open orders that may change the position of a symbol."""
        orders = self.orders.values()
        found = [o for o in orders if o.symbol == symbol and not o.is_spot]
        # Only one order of a pair is filled.
        return [o for o in found if o is max(o.with_pair, key=_dearness)]

    def hold_for(self, order: EngineOrder) -> None:
        """Update the hold for an order; a closed one needs none."""
        base, quote = self.wallets_of(order)
        if order.is_spot:
            needed = spot_need(order) if order.is_open else 0
            if order.pair is not None and order.placed_id is not None:
                # The first order of a pair has the hold of both.
                self.hold_for(order.pair)
                needed = 0
            wallet = quote if order.is_buy else base
            self.wallets.hold(order.id, "exchange", wallet.currency, needed)
        else:
            self.hold_margin(order.symbol)

    def hold_margin(self, symbol: str) -> None:
        """Update the hold for a position and its orders."""
        orders = self.orders_on_margin(symbol)
        needed = required_margin_with(self.positions.open.get(symbol), orders)
        self.wallets.hold(symbol, "margin", legs(symbol[1:])[1], needed)

    def fill(
        self, order: EngineOrder, amount: int, trade: Row, price: int, is_maker: bool
    ) -> None:
        """
        Execute a part of an order.

        Parameters
        ----------
        amount : int
            The executed amount, always positive.
        trade : list
            Row of the public trade, for its id and time.
        """
        signed = amount if order.is_buy else -amount
        order.amount -= signed
        order.fills.append((price, signed))
        order.mts_update = self.now_mts()
        meta = _meta(order, signed, price)
        settle = self._exchange if order.is_spot else self._settle
        # A hidden order always pays as a taker.
        pays_less = is_maker and not order.has(HIDDEN)
        fee, wallet = settle(order, signed, price, pays_less, meta)
        base, _ = legs(order.symbol[1:])
        text = f"Trading fees for {units_text(amount)} {base} @ {units_text(price)}"
        self.wallets.book(wallet.kind, wallet.currency, -fee, TRADING_FEE, text, meta)
        self.hold_for(order)
        if not order.amount:
            order.closed_as = "FORCED EXECUTED" if order.is_forced else "EXECUTED"
        # fmt: off
        row: Row = [
            trade[0], order.symbol, trade[1], order.id, signed / SCALE, price / SCALE,
            order.kind, order.price / SCALE, 1 if is_maker else -1,
        ]
        # fmt: on
        confirmed = [*row, -fee / SCALE, wallet.currency, order.cid]
        self.trades.append(confirmed)
        self.emit("te", [*row, None, None, order.cid])
        self.emit("tu", confirmed)

    def _exchange(
        self, order: EngineOrder, amount: int, price: int, is_maker: bool, meta: Meta
    ) -> tuple[int, EngineWallet]:
        """Exchange base and quote, and return the fee, in the received currency."""
        base, quote = self.wallets_of(order)
        value = cost(abs(amount), price)
        shown = f"{units_text(abs(amount))} {base.currency} for {quote.currency}"
        text = f"Exchange {shown} @ {units_text(price)}"
        paid = -value if order.is_buy else value
        self.wallets.book("exchange", base.currency, amount, EXCHANGE, text, meta)
        self.wallets.book("exchange", quote.currency, paid, EXCHANGE, text, meta)
        received, wallet = (amount, base) if order.is_buy else (value, quote)
        return share(received, MAKER_FEE if is_maker else TAKER_FEE), wallet

    def _settle(
        self, order: EngineOrder, amount: int, price: int, is_maker: bool, meta: Meta
    ) -> tuple[int, EngineWallet]:
        """Change a position, book the profit, and return the fee, both in the quote currency."""
        _, quote = self.wallets_of(order)
        rate = MAKER_FEE if is_maker else TAKER_FEE
        if order.lev is not None:
            rate = 0 if is_maker else DERIVATIVE_TAKER_FEE
        only_fixed = order.has(NO_VAR_RATES)
        cause = {
            "reason": "LIQUIDATION" if order.is_forced else "TRADE",
            "order_id": order.id,
            "liq_stage": None,
            "trade_price": meta["trade_price"],
            "trade_amount": meta["trade_amount"],
        }
        profit = self.positions.trade(
            order.symbol, amount, price, order.lev, only_fixed, cause
        )
        text = f"Settlement @ {units_text(price)}"
        self.wallets.book("margin", quote.currency, profit, SETTLEMENT, text, meta)
        return share(cost(abs(amount), price), rate), quote


def spot_need(order: EngineOrder) -> int:
    """Return the amount that a spot order, or an OCO pair, must hold, in the currency it pays."""
    if not order.is_buy:
        return max(abs(each.amount) for each in order.with_pair)
    return max(
        cost_at_most(abs(each.amount), each.reserved_price) for each in order.with_pair
    )


def _dearness(order: EngineOrder) -> tuple[int, int]:
    return abs(order.amount) * order.reserved_price, -order.id


def movement_row(
    id: int,
    currency: str,
    method: str,
    mts: int,
    amount: int,
    fee: int = 0,
    address: str | None = None,
    payment_id: str | None = None,
    note: str | None = None,
) -> Row:
    """Return the row of a deposit or, with a negative amount, of a withdrawal."""
    # fmt: off
    return [
        id, currency, method, None, None, mts, mts, None, None, "COMPLETED", None, None,
        amount / SCALE, -fee / SCALE, None, None, address, payment_id, None, None, None,
        note,
    ]
    # fmt: on


def _meta(order: EngineOrder, amount: int, price: int) -> Meta:
    return {
        "reason": "TRADE",
        "order_id": order.id,
        "order_cid": order.cid,
        "order_gid": order.gid,
        "trade_price": units_text(price),
        "trade_amount": units_text(amount),
    }
