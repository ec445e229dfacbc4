"""
What was probably meant by an attribute that does not exist, or by an unknown name.

Strategy: people guess verb and subject (`get_ticker`, `on_ticker`, `fetchOrderBook`), so a table
leads from subjects to methods, whichever part of the client they were looked for in. Other names
are compared with those of the object itself. Only errors pay for this.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Iterable, List

_READING = ("get", "fetch", "load", "query", "read", "request")
_LISTENING = ("on", "subscribe", "watch", "stream", "listen", "sub")

# By subject: the method that reads once, and the one that subscribes, of a `Client`.
_SUBJECTS = {
    ("ticker", "price", "quote"): (
        "rest.public.get_t_ticker",
        "wss.subscribe_ticker",
    ),
    ("tickers", "prices", "all_tickers"): (
        "rest.public.get_t_tickers",
        "wss.subscribe_ticker",
    ),
    ("trades", "trade", "public_trades", "recent_trades"): (
        "rest.public.get_t_trades",
        "wss.subscribe_trades",
    ),
    ("book", "order_book", "orderbook", "depth", "books", "order_books"): (
        "rest.public.get_t_book",
        "wss.subscribe_book",
    ),
    ("candles", "candle", "ohlcv", "ohlc", "klines", "kline", "bars"): (
        "rest.public.get_candles_hist",
        "wss.subscribe_candles",
    ),
    ("derivatives", "derivative", "mark_price", "funding_rate", "open_interest"): (
        "rest.public.get_derivatives_status",
        "wss.subscribe_status",
    ),
    ("liquidations", "liquidation"): (
        "rest.public.get_liquidations",
        "wss.subscribe_status",
    ),
    ("status", "platform_status"): ("rest.public.get_platform_status",),
    ("symbols", "markets", "pairs", "instruments"): ("symbols.exchange_pairs",),
    ("orders", "open_orders"): ("rest.auth.get_orders",),
    ("order_history", "orders_history", "closed_orders"): (
        "rest.auth.get_orders_history",
    ),
    ("my_trades", "user_trades", "fills"): ("rest.auth.get_trades_history",),
    ("balance", "balances", "wallet", "wallets", "account"): ("rest.auth.get_wallets",),
    ("position", "positions"): ("rest.auth.get_positions",),
    ("ledger", "ledgers"): ("rest.auth.get_ledgers",),
    ("deposits", "withdrawals", "movements"): ("rest.auth.get_movements",),
    (
        *("buy", "sell", "order", "create_order", "place_order", "new_order"),
        *("add_order", "send_order", "post_order", "market_order", "limit_order"),
        *("create_market_order", "create_limit_order", "submit_order"),
    ): ("rest.auth.submit_order",),
    ("edit_order", "amend_order", "modify_order", "change_order", "update_order"): (
        "rest.auth.update_order",
    ),
    ("cancel", "delete_order", "remove_order", "cancel_order"): (
        "rest.auth.cancel_order",
    ),
    ("cancel_all", "cancel_orders", "cancel_all_orders"): (
        "rest.auth.cancel_all_orders",
    ),
    ("withdraw", "withdrawal"): ("rest.auth.submit_wallet_withdrawal",),
    ("transfer",): ("rest.auth.transfer_between_wallets",),
}
_METHODS = {name: paths for names, paths in _SUBJECTS.items() for name in names}


class ProposesNames:
    """An object whose `AttributeError` says what was probably meant."""

    if TYPE_CHECKING:
        pass  # with this method, type checkers would take any name for an attribute
    else:

        def __getattr__(self, name: str) -> object:
            kind = type(self)
            text = f"{kind.__name__!r} object has no attribute {name!r}"
            # Not for names that exist: a property may raise `AttributeError` itself, and an object
            # may be half made. Not for private ones, for which programs probe.
            if not name.startswith("_") and name not in dir(kind):
                own = [*dir(kind), *vars(self)]
                text += did_you_mean(methods_like(name, own))
            error = AttributeError(text)
            # Python would add a guess of its own, which knows this one object only.
            error.name = name
            raise error


def methods_like(name: str, own: Iterable[str]) -> List[str]:
    """Return the methods that were probably meant, the likeliest first."""
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    verb, _, subject = snake.partition("_")
    if verb in _READING or verb in _LISTENING:
        paths = _METHODS.get(re.sub(r"^[tf]_", "", subject), ())
    else:
        paths = _METHODS.get(snake, ())
    if verb in _LISTENING:
        paths = paths[::-1]
    if paths:
        return [f"client.{path}" for path in paths]
    return names_like(snake, [each for each in own if not each.startswith("_")])


def names_like(name: str, known: Iterable[str], cutoff: float = 0.6) -> List[str]:
    """Return up to three of the known names that resemble this one, the likeliest first."""
    # Takes long to import, and is rarely needed.
    from difflib import get_close_matches

    return get_close_matches(name, sorted(set(known)), 3, cutoff)


def did_you_mean(names: Iterable[str]) -> str:
    """Return the end of an error message that proposes these names; empty without any."""
    proposals = " or ".join(names)
    return f"; did you mean {proposals}?" if proposals else ""
