"""Describes the activity on a local exchange as text: markets, accounts, orders and trades."""

from __future__ import annotations

import time
from collections import deque
from typing import Any, Deque, Dict, Mapping

import attrs

from bfxsync import Ticker
from bfxsync.cli.text import amount_text, price_text, time_text
from bfxsync.paper import PaperExchange

_KEPT = 100
"""Lines kept for the display, and number of closed orders and trades compared each time."""

State = Dict[str, Any]
Seen = Dict[Any, Any]


@attrs.frozen
class ExchangeView:
    """A local exchange at one moment."""

    mts: int
    connections: int
    """Open WebSocket connections, without that of the view."""
    frames_sent: int
    rest_requests: int
    tickers: tuple[tuple[str, Ticker | None], ...]
    """By symbol; None before the first."""
    accounts: tuple[str, ...]
    """One line for each account."""
    news: tuple[str, ...]
    """Changes of orders since the previous view, oldest first."""
    latest: tuple[str, ...]
    """The latest changes, oldest first."""


class Activity:
    """Compares the accounts of an exchange from view to view."""

    def __init__(self, exchange: PaperExchange) -> None:
        self._exchange = exchange
        self._latest: Deque[str] = deque(maxlen=_KEPT)
        self._seen: list[Seen] = [{} for _ in exchange.accounts]

    def view(self, tickers: Mapping[str, Ticker | None]) -> ExchangeView:
        """Return the current state, and the changes since the last call."""
        accounts, news = [], []
        for index, account in enumerate(self._exchange.accounts):
            state = account.state(last=_KEPT)
            accounts.append(account_text(account.api_key, state))
            happened, self._seen[index] = _changes(state, self._seen[index])
            news += [(mts, f"{account.api_key}  {text}") for mts, text in happened]
        lines = [f"{time_text(mts)}  {text}" for mts, text in sorted(news)]
        self._latest.extend(lines)
        return ExchangeView(
            mts=round(time.time() * 1000),
            connections=max(0, self._exchange.connections - 1),
            frames_sent=self._exchange.frames_sent,
            rest_requests=self._exchange.rest_requests,
            tickers=tuple(tickers.items()),
            accounts=tuple(accounts),
            news=tuple(lines),
            latest=tuple(self._latest),
        )


def _changes(state: State, seen: Seen) -> tuple[list[tuple[int, str]], Seen]:
    """Return the changes since an earlier state, with their times, and the new state."""
    now: Seen = {}
    happened = []
    for order in [*state["closed_orders"], *state["orders"]]:
        # Also an update of price or amount, which may keep the status.
        now["order", order["id"]] = key = order["mts_update"], order["status"]
        if seen.get(("order", order["id"])) != key:
            happened.append((order["mts_update"], order_text(order)))
    for trade in state["trades"]:
        now["trade", trade["id"], trade["order_id"]] = True
        if ("trade", trade["id"], trade["order_id"]) not in seen:
            happened.append((trade["mts"], trade_text(trade)))
    return happened, now


def account_text(name: str, state: State) -> str:
    """Return a line with the numbers of orders and positions of an account, and its wallets."""
    counts = [_count(len(state["orders"]), "open order")]
    if state["positions"]:
        counts.append(_count(len(state["positions"]), "position"))
    wallets = []
    for kind, amounts in state["balances"].items():
        # The part that is cut off at the edge of the screen is the least important.
        items = sorted(amounts.items(), key=lambda item: item[0] != "USD")
        held = [f"{amount:,.8g} {currency}" for currency, amount in items if amount]
        wallets.append(f"{kind} {' '.join(held) or 'empty'}")
    return "  ".join(filter(None, (name, ", ".join(counts), "; ".join(wallets))))


def order_text(order: State) -> str:
    """Return an order and its status."""
    side, price = "buy" if order["amount_orig"] > 0 else "sell", ""
    if order["price"] and "MARKET" not in order["type"]:
        price = f" at {price_text(order['price'])}"
    amount = amount_text(order["amount_orig"])
    status = order["status"]
    return f"{order['type']} {side} {amount} {order['symbol']}{price}: {status}"


def trade_text(trade: State) -> str:
    """Return a trade with its fee."""
    side = "bought" if trade["amount"] > 0 else "sold"
    fee = f"{abs(trade['fee']):.8f}".rstrip("0").rstrip(".")
    return (
        f"{side} {amount_text(trade['amount'])} {trade['symbol']} at"
        f" {price_text(trade['price'])}, fee {fee} {trade['fee_currency']}"
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
