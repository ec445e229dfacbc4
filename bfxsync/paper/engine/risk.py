"""Pre-trade checks: sufficient balance, and reduce-only orders."""

from __future__ import annotations

import attrs

from bfxsync.paper.engine.account import Account, spot_need
from bfxsync.paper.engine.errors import Declined
from bfxsync.paper.engine.match import fillable, reached
from bfxsync.paper.engine.order import REDUCE_ONLY, EngineOrder
from bfxsync.paper.engine.positions import required_margin_with
from bfxsync.paper.engine.units import SCALE, units_text
from bfxsync.paper.engine.venue import TradedMarket


def check_funds(account: Account, order: EngineOrder, market: TradedMarket) -> None:
    """
    Check that the balance covers an order, whether it is filled in part or completely.

    If it does not, raise `Declined`. Its own hold counts as available. A market order is valued at
    the prices of the book.
    """
    size, price = abs(order.amount), order.stop or order.price
    value = 0
    if order.plain_kind == "MARKET":
        size, value = fillable(market.offers(order.is_buy), order.amount, None)
        price = value * SCALE // size if size else 0
    base, quote = account.wallets_of(order)
    if order.is_spot:
        wallet = quote if order.is_buy else base
        needed = spot_need(order)
        if order.plain_kind == "MARKET":
            needed = value if order.is_buy else size
        free = wallet.available
        free += sum(wallet.holds.get(each.id, 0) for each in order.with_pair)
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
    """Return the status that closes an order violating reduce-only; empty if it does not."""
    if not order.has(REDUCE_ONLY) or order.is_spot:
        return ""
    held = account.positions.amount(order.symbol)
    if not held:
        return "RSN_POS_NOTFOUND"
    if (held > 0) == order.is_buy:
        return "RSN_POS_REDUCE_INCR"
    return "RSN_POS_REDUCE_FLIP" if abs(order.amount) > abs(held) else ""


def would_match_itself(
    account: Account, order: EngineOrder, limit: int | None, market: TradedMarket
) -> bool:
    """Return whether an order with self-match protection would match another of its account."""
    return order.wants("protect_selfmatch") and any(
        entry.order_id in account.orders
        for entry in reached(market.offers(order.is_buy), order.amount, limit)
    )


def _added_need(account: Account, order: EngineOrder, price: int) -> int:
    """Return the margin of a position and all its orders including this one; 0 if it adds none."""
    pair = order.with_pair
    others = [o for o in account.orders_on_margin(order.symbol) if o not in pair]
    position = account.positions.open.get(order.symbol)
    already = required_margin_with(position, others)
    # A market order has no price of its own.
    priced = attrs.evolve(order, price=order.price or price)
    needed = max(
        required_margin_with(position, [*others, each]) for each in (priced, *pair[1:])
    )
    # Reducing a position is always possible.
    return needed if needed > already else 0
