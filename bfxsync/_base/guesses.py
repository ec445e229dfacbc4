"""
Suggestions for attributes that do not exist, and for unknown names.

Strategy: people guess verb and subject (`get_ticker`, `on_ticker`, `fetchOrderBook`), so a table
maps subjects to methods, on whichever object of the client they were looked up. Names of another
object of the client are found there; others are compared with those of the object itself. All of
this takes time only when an error is raised.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Callable, Dict, Iterable, List

_READING = ("get", "fetch", "load", "query", "read", "request")
_LISTENING = ("on", "subscribe", "watch", "stream", "listen", "sub")

# By subject: the methods of a `Client` that read once and that subscribe.
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
    (
        *("derivatives", "derivative", "derivative_status", "derivatives_status"),
        *("mark_price", "mark_prices", "funding_rate", "funding_rates"),
    ): ("rest.public.get_derivatives_status", "wss.subscribe_derivatives_status"),
    ("funding_rate_history", "mark_price_history"): (
        "rest.public.get_derivatives_status_history",
    ),
    ("open_interest",): (
        "rest.public.get_open_interest",
        "wss.subscribe_derivatives_status",
    ),
    ("liquidations", "liquidation"): (
        "rest.public.get_liquidations",
        "wss.subscribe_liquidations",
    ),
    ("status", "platform_status"): ("rest.public.get_platform_status",),
    ("symbols", "markets", "pairs", "instruments"): ("symbols.exchange_pairs",),
    ("currencies", "coins"): ("symbols.currencies",),
    ("orders", "order_status", "open_orders", "open_order", "active_orders"): (
        "rest.auth.get_orders",
        "wss.subscribe_account",
    ),
    (
        *("order_history", "orders_history", "closed_order", "closed_orders"),
        *("canceled_orders", "canceled_and_closed_orders"),
    ): ("rest.auth.get_orders_history",),
    ("my_trades", "user_trades", "fills"): (
        "rest.auth.get_trades_history",
        "wss.subscribe_account",
    ),
    ("balance", "balances", "wallet", "wallets", "account"): (
        "rest.auth.get_wallets",
        "wss.subscribe_account",
    ),
    ("position", "positions", "active_position", "active_positions"): (
        "rest.auth.get_positions",
        "wss.subscribe_account",
    ),
    ("position_history",): ("rest.auth.get_positions_history",),
    ("ledger", "ledgers", "ledger_entry"): ("rest.auth.get_ledgers",),
    ("deposits", "withdrawals", "movements", "deposits_withdrawals"): (
        "rest.auth.get_movements",
    ),
    ("deposit_address", "create_deposit_address"): ("rest.auth.get_deposit_address",),
    ("fees", "trading_fee", "trading_fees"): ("rest.auth.get_summary",),
    (
        *("buy", "sell", "order", "create_order", "place_order", "new_order"),
        *("add_order", "send_order", "post_order", "market_order", "limit_order"),
        *("create_market_order", "create_limit_order"),
    ): ("rest.auth.submit_order", "wss.inputs.submit_order"),
    ("create_orders", "place_orders", "submit_orders"): (
        "rest.auth.submit_order_multi",
        "wss.inputs.submit_order_multi",
    ),
    (
        *("edit_order", "amend_order", "modify_order", "change_order"),
        *("submit_update_order", "replace_order"),
    ): ("rest.auth.update_order", "wss.inputs.update_order"),
    ("cancel", "delete_order", "remove_order", "submit_cancel_order"): (
        "rest.auth.cancel_order",
        "wss.inputs.cancel_order",
    ),
    ("cancel_orders", "submit_cancel_order_multi"): (
        "rest.auth.cancel_order_multi",
        "wss.inputs.cancel_order_multi",
    ),
    ("cancel_all", "cancel_everything", "submit_cancel_all_orders"): (
        "rest.auth.cancel_all_orders",
    ),
    ("withdraw", "withdrawal"): ("rest.auth.submit_wallet_withdrawal",),
    ("transfer",): ("rest.auth.transfer_between_wallets",),
}
_METHODS = {name: paths for names, paths in _SUBJECTS.items() for name in names}

PARTS: Dict[str, Callable[[], type]] = {}
"""The classes of a `Client`'s parts, by their path; registered by the modules that define them."""


class ProposesNames:
    """An object whose `AttributeError` suggests similar names."""

    if TYPE_CHECKING:
        pass  # with this method, type checkers would accept any name as an attribute
    else:

        def __getattr__(self, name: str) -> object:
            kind = type(self)
            text = f"{kind.__name__!r} object has no attribute {name!r}"
            # Not for existing names: a property may raise `AttributeError` itself, and an object
            # may be partly initialized. Not for private names, which programs probe.
            if not name.startswith("_") and name not in dir(kind):
                own = [*dir(kind), *vars(self)]
                text += did_you_mean(*methods_like(name, own))
            error = AttributeError(text)
            # Prevents Python's own suggestion, which considers this object only.
            error.name = name
            raise error


def methods_like(name: str, own: Iterable[str]) -> List[str]:
    """Return the methods that were probably meant, most likely first."""
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    verb, _, subject = snake.partition("_")
    if verb in _READING or verb in _LISTENING:
        paths = _METHODS.get(re.sub(r"^([tf]|public)_", "", subject), ())
    else:
        paths = _METHODS.get(snake, ())
    if verb in _LISTENING:
        paths = paths[::-1]
    if not paths:
        usual = f"get_{subject}" if verb in _READING else snake
        names = dict.fromkeys((snake, usual))
        paths = tuple(f"{p}.{n}" for p in PARTS for n in names if _has(p, n))
    if paths:
        return [f"client.{path}" for path in paths]
    return names_like(snake, [each for each in own if not each.startswith("_")])


def _has(part: str, name: str) -> bool:
    return f"{part}.{name}" in PARTS or hasattr(PARTS[part](), name)


def names_like(name: str, known: Iterable[str], cutoff: float = 0.6) -> List[str]:
    """Return up to three known names that resemble this one, most likely first."""
    # Slow to import, and rarely needed.
    from difflib import get_close_matches

    return get_close_matches(name, sorted(set(known)), 3, cutoff)


def did_you_mean(*names: str | None) -> str:
    """Return the end of an error message that suggests the names; None values are ignored."""
    proposals = " or ".join(name for name in names if name is not None)
    return f"; did you mean {proposals}?" if proposals else ""


def unexpected_argument(name: str, known: Iterable[str]) -> TypeError:
    """Return the error for an unknown keyword argument, with similar arguments or all of them."""
    known = list(known)
    hint = did_you_mean(*names_like(name, known)) or f": there are {', '.join(known)}"
    return TypeError(f"unexpected keyword argument {name!r}{hint}")
