"""Draws the open orders and the fills of an account."""

from __future__ import annotations

from typing import Iterable, List, Sequence

from bfxsync.models.account_trades import AccountTrade
from bfxsync.models.orders import Order
from bfxsync.notebook.drawing.numbers import (
    NONE,
    amount_text,
    price_text,
    utc_of,
)
from bfxsync.notebook.drawing.svg import DOWN, UP
from bfxsync.notebook.drawing.tables import Cell, Row, Table

_MOST = 20
_TIME = "%d %b %H:%M:%S"
_ROLES = {1: "maker", -1: "taker"}


def orders_table(orders: Iterable[Order]) -> Table:
    """Return open orders as a table, the newest first."""
    newest = sorted(orders, key=lambda order: (-order.mts_create, -order.id))
    rows: List[Row] = [
        [
            f"{utc_of(order.mts_create):{_TIME}}",
            order.symbol,
            _side(order.amount_orig or order.amount),
            order.order_type,
            price_text(order.price) if order.price else NONE,
            amount_text(abs(float(order.amount_orig)), 4),
            _filled(order),
            order.status.word,
            str(order.id),
        ]
        for order in newest[:_MOST]
    ]
    titles = ["<created", "<symbol", "<side", "<type", "price", "amount", "filled"]
    titles += ["<status", "id"]
    return Table(titles, rows, _title("Open orders", newest), _note(newest))


def fills_table(trades: Sequence[AccountTrade]) -> Table:
    """Return the latest fills as a table, the newest first."""
    newest = sorted(trades, key=lambda trade: (-trade.mts_create, -trade.id))
    rows: List[Row] = [
        [
            f"{utc_of(trade.mts_create):{_TIME}}",
            trade.symbol,
            _side(trade.exec_amount),
            price_text(trade.exec_price),
            amount_text(abs(float(trade.exec_amount)), 4),
            _fee(trade),
            _ROLES.get(trade.maker or 0, NONE),
            str(trade.order_id),
        ]
        for trade in newest[:_MOST]
    ]
    titles = ["<time", "<symbol", "<side", "price", "amount", "fee", "<", "order id"]
    return Table(titles, rows, _title("Fills", newest), _note(newest))


def _side(amount: float) -> Cell:
    return Cell("buy", UP) if amount > 0 else Cell("sell", DOWN)


def _filled(order: Order) -> str:
    """Return how much of the original amount is filled."""
    original = abs(float(order.amount_orig))
    filled = original - abs(float(order.amount))
    return f"{filled / original:.0%}" if original else NONE


def _fee(trade: AccountTrade) -> str:
    if trade.fee is None:
        return NONE
    return f"{amount_text(trade.fee, 6)} {trade.fee_currency or ''}".rstrip()


def _title(name: str, items: Sequence[object]) -> str:
    return f"{name}: {len(items)}" if items else f"{name}: none"


def _note(items: Sequence[object]) -> str:
    """Return how many were left out."""
    more = len(items) - _MOST
    return f"and {more} more" if more > 0 else ""
