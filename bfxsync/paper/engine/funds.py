"""Whether an account has what an order needs, and the position that it may reduce."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Iterator

from bfxsync.paper.engine.account import Account, spot_need
from bfxsync.paper.engine.amounts import cost
from bfxsync.paper.engine.book import Book
from bfxsync.paper.engine.order import REDUCE_ONLY, EngineOrder
from bfxsync.paper.engine.positions import needed_by
from bfxsync.paper.engine.refusals import Declined
from bfxsync.paper.text import SCALE, units_text


def walk(book: Book, amount: int, limit: int | None) -> tuple[int, int]:
    """Return how much of a signed amount a book has up to a limit, and what that costs."""
    is_buy, left, value = amount > 0, abs(amount), 0
    for entry in book.depth("R0").side(not is_buy):
        price = entry.price
        if limit is not None and (price > limit if is_buy else price < limit):
            break
        part = min(left, entry.amount)
        value += cost(part, price)
        left -= part
        if not left:
            break
    return abs(amount) - left, value


def check_funds(account: Account, order: EngineOrder, book: Book) -> None:
    """
    Look whether an order can be paid, whatever of it is filled.

    What it holds back already counts as available. A market order is taken at the book's prices.

    Raises
    ------
    Declined
    """
    size, price = abs(order.amount), order.stop or order.price
    value = 0
    if order.plain_kind == "MARKET":
        size, value = walk(book, order.amount, None)
        price = value * SCALE // size if size else 0
    base, quote = account.place_of(order)
    if order.is_spot:
        wallet = quote if order.is_buy else base
        needed = spot_need(order)
        if order.plain_kind == "MARKET":
            needed = value if order.is_buy else size
        free = wallet.available + wallet.holds.get(order.id, 0)
    else:
        needed = _added_need(account, order, price)
        free = quote.available + quote.holds.get(order.symbol, 0)
    if needed > free:
        kind = "exchange" if order.is_spot else "tradable"
        shown = f"{units_text(order.amount)} {order.symbol[1:]}"
        raise Declined(
            f"Invalid order: not enough {kind} balance for {shown} at {units_text(price)}"
        )


def reduce_only_violation(account: Account, order: EngineOrder) -> str:
    """Say as what an order is closed that may only reduce a position; empty if it does."""
    if not order.has(REDUCE_ONLY) or order.is_spot:
        return ""
    held = account.positions.amount(order.symbol)
    if not held:
        return "RSN_POS_NOTFOUND"
    if (held > 0) == order.is_buy:
        return "RSN_POS_REDUCE_INCR"
    return "RSN_POS_REDUCE_FLIP" if abs(order.amount) > abs(held) else ""


def _added_need(account: Account, order: EngineOrder, price: int) -> int:
    """Return what a position and its orders need with this one, 0 if that is no more."""
    others = [o for o in account.orders_on_margin(order.symbol) if o is not order]
    position = account.position(order.symbol)
    already = needed_by(position, others)
    with _priced(order, price):
        needed = needed_by(position, [*others, order])
    # What only makes a position smaller is always possible.
    return needed if needed > already else 0


@contextmanager
def _priced(order: EngineOrder, price: int) -> Iterator[None]:
    """Give an order a price for a moment, if it has none."""
    has = order.price
    order.price = has or price
    try:
        yield
    finally:
        order.price = has
