"""Tables of the account: ``bfxsync wallets``, ``orders``, ``positions`` and ``ledgers``."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from itertools import islice
from typing import Any, Callable, Iterable, Sequence

import click

from bfxsync import Client, OrderFlag
from bfxsync.cli.exit_codes import OK
from bfxsync.cli.play_account import furnish, say_play_money
from bfxsync.cli.shared import open_client
from bfxsync.cli.tables import Column, digits, moment, number, show, text
from bfxsync.models import Ledger, Order, Position, Wallet
from bfxsync.valuation.portfolio import PortfolioRow

MOST = 2500
"""Rows per request."""

WALLETS = (
    text("wallet", "wallet_type"),
    text("currency", "currency"),
    number("balance", "balance"),
    number("available", "available_balance"),
    Column("interest", lambda row: digits(row.unsettled_interest or None), 1, True),
    text("last change", "last_change", 2, is_sentence=True),
)

VALUES = (
    *WALLETS[:4],
    Column("value", lambda row: _rounded(row.value), 0, True),
    text("by", "path", 2, is_sentence=True),
)

ORDERS = (
    Column("id", lambda row: str(row.id), 0, True),
    text("symbol", "symbol"),
    text("type", "order_type", 3),
    number("amount", "amount_orig", is_signed=True),
    number("left", "amount", 2),
    Column("price", lambda row: digits(row.price or None), 0, True),
    Column("average", lambda row: digits(row.price_avg or None), 2, True),
    Column("limit", lambda row: digits(row.price_aux_limit or None), 7, True),
    Column("status", lambda row: row.status.word, 1),
    Column("flags", lambda row: _flags(row), 6),
    moment("placed (UTC)", "mts_create", 4),
    Column("cid", lambda row: str(row.cid or "-"), 5, True),
)

POSITIONS = (
    text("symbol", "symbol"),
    number("amount", "amount", is_signed=True),
    number("base price", "base_price"),
    number("profit", "pl", 1, is_signed=True),
    Column("%", lambda row: _percent(row.pl_perc), 2, True, True),
    Column("liquidation", lambda row: digits(row.price_liq or None), 3, True),
    Column("leverage", lambda row: _short(row.leverage), 5, True),
    number("collateral", "collateral", 4),
    moment("opened (UTC)", "mts_create", 6),
)

LEDGERS = (
    moment("time (UTC)", "mts", 1),
    text("currency", "currency"),
    text("wallet", "wallet", 2),
    number("amount", "amount", is_signed=True),
    number("balance", "balance", 3),
    text("description", "description", 4, is_sentence=True),
)


def show_wallets(
    output: str, paper: bool, all_: bool, currency: str | None, quote: str | None
) -> int:
    """Print the balances; those of 0 with `all_` only, and with `quote` their values in it."""
    wanted = None if currency is None else currency.upper()
    portfolio: Any = None

    def rows(bfx: Client) -> Sequence[Any]:
        nonlocal portfolio
        found: Iterable[Any]
        if quote is None:
            found = bfx.rest.auth.get_wallets()
        else:
            found = portfolio = bfx.portfolio(quote.upper())
        return [
            wallet
            for wallet in found
            if (all_ or wallet.balance) and wanted in (None, wallet.currency)
        ]

    columns = WALLETS if quote is None else VALUES
    model: Any = Wallet if quote is None else PortfolioRow
    code = _show("wallets", rows, columns, model, output, paper, "no balances")
    if output == "text" and portfolio is not None and wanted is None:
        total = f"total {portfolio.total:,.2f} {portfolio.currency}"
        others = sorted({row.currency for row in portfolio.unvalued})
        note = f", without {', '.join(others)}" if others else ""
        click.echo(f"{total} as of {portfolio.time:%H:%M:%S} UTC{note}")
    return code


def show_orders(
    output: str,
    paper: bool,
    symbol: str | None,
    history: bool,
    cid: int | None,
    since: datetime | None,
    count: int,
) -> int:
    """Print the open orders, with `history` the latest closed ones, or those with a client id."""

    def rows(bfx: Client) -> Sequence[Order]:
        auth = bfx.rest.auth
        if cid is not None:
            found = [o for o in auth.get_orders(symbol=symbol) if o.cid == cid]
            closed = [] if found else auth.get_orders_history(symbol=symbol, limit=MOST)
            return found or [order for order in closed if order.cid == cid]
        if not history:
            return auth.get_orders(symbol=symbol)
        past = auth.iter_orders_history(
            symbol=symbol, start=since, limit=min(count, MOST)
        )
        return list(islice(past, count))

    empty = "no closed orders" if history else "no open orders"
    if cid is not None:
        empty = f"no order with cid {cid}, open or among the latest {MOST} closed ones"
    return _show("orders", rows, ORDERS, Order, output, paper, empty)


def show_positions(output: str, paper: bool) -> int:
    """Print the open positions."""

    def rows(bfx: Client) -> Sequence[Position]:
        return bfx.rest.auth.get_positions()

    return _show(
        "positions", rows, POSITIONS, Position, output, paper, "no open positions"
    )


def show_ledgers(
    output: str, paper: bool, currency: str | None, since: datetime | None, count: int
) -> int:
    """Print the latest ledger entries, the newest first."""

    def rows(bfx: Client) -> Sequence[Ledger]:
        entries = bfx.rest.auth.iter_ledgers(
            currency, start=since, limit=min(count, MOST)
        )
        return list(islice(entries, count))

    return _show("ledgers", rows, LEDGERS, Ledger, output, paper, "no ledger entries")


def _show(
    command: str,
    rows: Callable[[Client], Sequence[Any]],
    columns: Sequence[Column],
    model: Any,
    output: str,
    paper: bool,
    empty: str,
) -> int:
    with open_client(command, paper=paper, key="needed", numbers=Decimal) as bfx:
        furnish(bfx)
        found = rows(bfx)
        say_play_money(paper)
    show(found, columns, model=model, output=output, empty=empty)
    return OK


def _flags(order: Any) -> str:
    names = [
        name
        for name, flag in OrderFlag.__members__.items()
        if flag & (order.flags or 0)
    ]
    return ",".join(names).lower().replace("_", "-") or "-"


def _rounded(value: Any) -> str:
    return "-" if value is None else f"{value:,.2f}"


def _percent(ratio: float | None) -> str:
    return "-" if ratio is None else f"{ratio * 100:+.2f}"


def _short(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"
