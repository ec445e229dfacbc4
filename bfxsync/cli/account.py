"""Tables of the account: ``bfxsync wallets``, ``orders``, ``positions`` and ``ledgers``."""

from __future__ import annotations

import sys
from datetime import datetime
from decimal import Decimal
from itertools import islice
from typing import Any, Callable, Sequence

import click

from bfxsync import Client, OrderFlag
from bfxsync.cli.exit_codes import OK
from bfxsync.cli.play_account import furnish
from bfxsync.cli.shared import is_terminal, open_client
from bfxsync.cli.tables import Column, digits, moment, number, show, text
from bfxsync.models import Ledger, Order, Position, Wallet

_PLAY_MONEY = "play money, on a local exchange that ends with this command"

WALLETS = (
    text("wallet", "wallet_type"),
    text("currency", "currency"),
    number("balance", "balance"),
    number("available", "available_balance"),
    Column("interest", lambda row: digits(row.unsettled_interest or None), 1, True),
    text("last change", "last_change", 2, is_sentence=True),
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


def show_wallets(output: str, paper: bool, all_: bool, currency: str | None) -> int:
    """Print the balances; those of 0 with `all_` only."""

    def rows(bfx: Client) -> Sequence[Wallet]:
        return [
            wallet
            for wallet in bfx.rest.auth.get_wallets()
            if (all_ or wallet.balance) and currency in (None, wallet.currency)
        ]

    return _show("wallets", rows, WALLETS, Wallet, output, paper, "no balances")


def show_orders(
    output: str,
    paper: bool,
    symbol: str | None,
    history: bool,
    since: datetime | None,
    count: int,
) -> int:
    """Print the open orders, or with `history` the latest closed ones."""

    def rows(bfx: Client) -> Sequence[Order]:
        if not history:
            return bfx.rest.auth.get_orders(symbol=symbol)
        closed = bfx.rest.auth.iter_orders_history(
            symbol=symbol, start=since, limit=min(count, 2500)
        )
        return list(islice(closed, count))

    empty = "no closed orders" if history else "no open orders"
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
            currency, start=since, limit=min(count, 2500)
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
        if paper and is_terminal(sys.stdout):
            click.secho(_PLAY_MONEY, dim=True, err=True)
    show(found, columns, model=model, output=output, empty=empty)
    return OK


def _flags(order: Any) -> str:
    names = [
        name
        for name, flag in OrderFlag.__members__.items()
        if flag & (order.flags or 0)
    ]
    return ",".join(names).lower().replace("_", "-") or "-"


def _percent(ratio: float | None) -> str:
    return "-" if ratio is None else f"{ratio * 100:+.2f}"


def _short(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"
