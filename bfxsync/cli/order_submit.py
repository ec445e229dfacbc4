"""Sends a new order, at most once, and says what became of it: ``bfxsync order submit``."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Mapping

import click

from bfxsync import BfxError, Client, OrderReply, OutcomeUnknown, UsageError
from bfxsync._base.hosts import hostname_of
from bfxsync.checks.hosts import signed_wss_host, wss_host_of
from bfxsync.cli.exit_codes import OK, code_of
from bfxsync.cli.order_fates import Fate, fate_of_error, fate_of_order, unknown
from bfxsync.cli.order_terms import Terms, terms_of
from bfxsync.cli.play_account import say_play_money
from bfxsync.cli.shared import (
    confirm,
    open_client,
    sigterm_as_interrupt,
    tell,
    text_of,
)
from bfxsync.cli.tables import digits, terminal_text

CONNECT_S = 15.0
"""For the connection and the authentication."""

_FIRST_S = 10.0
"""After this time without an answer a line says so."""

_LONGEST_S = 150.0
"""Longer than the search for a lost order takes; see `bfxsync.outcome.resolve`."""


def submit(
    *,
    output: str,
    paper: bool,
    yes: bool,
    dry_run: bool,
    watch: bool,
    max_value: Mapping[str, str],
    max_open_orders: int | None,
    check_funds: bool,
    **terms: Any,
) -> int:
    """Check, show, ask, send, and print the fate; return the exit code."""
    order = terms_of(**terms)
    if dry_run:
        click.echo(order.sentence, err=True)
        click.echo(order.message)
        return OK
    # Also with --yes: the client id finds the order, whatever becomes of this process.
    click.echo(order.sentence, err=True)
    click.echo(order.message, err=True)
    say_play_money(paper)
    if not yes:
        host = hostname_of(signed_wss_host(wss_host_of()))
        confirm(f"Send it to {'the local exchange' if paper else host}?")
    cid = order.body["cid"]
    with open_client(
        "order submit",
        paper=paper,
        key="needed",
        numbers=Decimal,
        check_funds=check_funds,
        max_order_value=max_value or None,
        max_open_orders=max_open_orders,
    ) as bfx:
        with sigterm_as_interrupt():
            fate = _send(bfx, order, watch and output == "text")
    tell(fate.json(cid) if output == "json" else terminal_text(fate.text))
    return fate.code


def _send(bfx: Client, order: Terms, watch: bool) -> Fate:
    cid: int = order.body["cid"]
    try:
        # An interrupt until here leaves no doubt.
        bfx.wss.wait_authenticated(CONNECT_S)
    except BfxError as error:
        return Fate("not sent", f"nothing was sent: {text_of(error)}", code_of(error))
    try:
        on_fill = _show_fill if watch else None
        reply = bfx.wss.inputs.submit_order(**order.arguments, on_fill=on_fill)
        fate = _fate(reply, cid)
    except UsageError:
        # Of a guard, too.
        raise
    except BfxError as error:
        return fate_of_error(error, cid)
    except KeyboardInterrupt:
        return unknown(cid, "interrupted before the answer")
    if not (watch and fate.word == "placed"):
        return fate
    tell(f"{fate.text}; Ctrl-C ends the watch, the order stays")
    try:
        return fate_of_order(reply.wait_done())
    except KeyboardInterrupt:
        return fate_of_order(reply.order)


def _fate(reply: OrderReply, cid: int) -> Fate:
    try:
        return fate_of_order(reply.result(_FIRST_S))
    except OutcomeUnknown:
        click.echo(
            f"no answer yet: the order with cid {cid} may exist; waiting for certainty, up to "
            f"{_LONGEST_S:.0f} s",
            err=True,
        )
        return fate_of_order(reply.result(_LONGEST_S))


def _show_fill(trade: Any) -> None:
    click.echo(f"filled {digits(trade.exec_amount)} at {digits(trade.exec_price)}")
