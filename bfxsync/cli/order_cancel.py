"""Cancels orders, and says what became of each: ``bfxsync order cancel``."""

from __future__ import annotations

import shutil
import sys
from decimal import Decimal
from typing import Any, List, Sequence

import click

from bfxsync import BfxError, Client, OutcomeUnknown, Reply
from bfxsync.cli.account import ORDERS
from bfxsync.cli.exit_codes import FAILED, OK, REFUSED, UNKNOWN, code_of
from bfxsync.cli.order_fates import Fate, fate_of_order
from bfxsync.cli.play_account import furnish, say_play_money
from bfxsync.cli.rows import json_text
from bfxsync.cli.shared import confirm, open_client, tell
from bfxsync.cli.tables import fitting, plain_lines, terminal_text
from bfxsync.models import Order

CONNECT_S = 15.0
_ANSWER_S = 150.0


def cancel(
    *,
    ids: Sequence[int],
    all_: bool,
    symbol: str | None,
    output: str,
    paper: bool,
    yes: bool,
    dry_run: bool,
) -> int:
    """Show the orders, ask, cancel them, and print what became of them; return the exit code."""
    if bool(ids) == (all_ or symbol is not None):
        raise click.UsageError("give ids of orders, or --symbol, or --all")
    with open_client("order cancel", paper=paper, key="needed", numbers=Decimal) as bfx:
        say_play_money(paper)
        furnish(bfx)
        orders = list(bfx.rest.auth.get_orders(symbol=symbol, ids=list(ids) or None))
        for id in sorted({*ids} - {order.id for order in orders}):
            click.echo(f"order {id} is not open", err=True)
        if not orders:
            click.echo("no open orders to cancel", err=True)
            return REFUSED if ids else OK
        if dry_run or not yes:
            stream = sys.stdout if dry_run else sys.stderr
            width = shutil.get_terminal_size().columns if stream.isatty() else None
            for line in plain_lines(orders, fitting(orders, ORDERS, width)):
                click.echo(line, file=stream)
        if dry_run:
            return OK
        if not yes:
            what = "this order" if len(orders) == 1 else f"these {len(orders)} orders"
            confirm(f"Cancel {what}?")
        code = OK if len(orders) >= len({*ids}) else REFUSED
        return max(_cancelled(bfx, orders, output), code)


def _cancelled(bfx: Client, orders: Sequence[Order], output: str) -> int:
    """Cancel orders, print the fate of each, and return the exit code of the worst."""
    # An interrupt, or an error, until here leaves no doubt.
    bfx.wss.wait_authenticated(CONNECT_S)
    cancellations: List[tuple[Order, Reply[Any] | BfxError]] = []
    wait_s, code = _ANSWER_S, OK
    try:
        # Each has an answer of its own: one of them may have been executed meanwhile.
        for order in orders:
            cancellations.append((order, _cancellation(bfx, order)))
    except KeyboardInterrupt:
        wait_s = 0.0
    left = orders[len(cancellations) :]
    for order, cancellation in cancellations:
        try:
            fate = _fate_of(order, cancellation, wait_s)
        except KeyboardInterrupt:
            # Once is enough: what has not been answered yet is unknown.
            wait_s = 0.0
            fate = _fate_of(order, cancellation, wait_s)
        text = terminal_text(fate.text)
        tell(_line(fate, order) if output == "json" else text)
        code = max(code, fate.code)
    for order in left:
        click.echo(f"interrupted before order {order.id}", err=True)
    return max(code, FAILED) if left else code


def _cancellation(bfx: Client, order: Order) -> Reply[Any] | BfxError:
    try:
        return bfx.wss.inputs.cancel_order(id=order.id)
    except BfxError as error:
        return error


def _fate_of(order: Order, cancellation: Reply[Any] | BfxError, wait_s: float) -> Fate:
    if isinstance(cancellation, BfxError):
        return _failed(order, cancellation)
    try:
        return _fate(cancellation.result(wait_s))
    except BfxError as error:
        return _failed(order, error)


def _fate(order: Any) -> Fate:
    fate = fate_of_order(order)
    if fate.word == "executed":
        return Fate("executed", f"too late: {fate.text}", FAILED, order)
    return Fate("cancelled", fate.text, OK, order)


def _failed(order: Order, error: BfxError) -> Fate:
    if isinstance(error, OutcomeUnknown):
        text = f"UNKNOWN: order {order.id} may or may not be cancelled: {error}"
        return Fate("unknown", text, UNKNOWN, order)
    text = f"order {order.id} was not cancelled: {error}"
    return Fate("not cancelled", text, code_of(error), order)


def _line(fate: Fate, order: Order) -> str:
    fields = {"fate": fate.word, "text": fate.text, "id": order.id}
    return json_text(fields)
