"""The commands ``bfxsync wallets``, ``orders``, ``positions`` and ``ledgers``."""

from __future__ import annotations

from typing import Any

import click

from bfxsync.cli.shared import output_options, paper_option
from bfxsync.cli.values import TIME

_count = click.option(
    "--count",
    type=click.IntRange(1),
    default=25,
    metavar="N",
    help="At most N, the newest (default: 25).",
)
_since = click.option("--since", type=TIME, help="First time, or an age such as 7d.")


@click.command()
@click.argument("currency", required=False)
@click.option("--all", "all_", is_flag=True, help="Balances of 0, too.")
@click.option(
    "--value",
    "quote",
    metavar="CURRENCY",
    help="Their value in this currency, such as USD, and the total.",
)
@output_options
@paper_option
def wallets(**options: Any) -> int:
    """Show the balances of the account, of all currencies or of CURRENCY."""
    from bfxsync.cli.account import show_wallets

    return show_wallets(**options)


@click.command()
@click.argument("symbol", required=False)
@click.option("--history", is_flag=True, help="Closed orders instead, newest first.")
@click.option("--cid", type=int, metavar="ID", help="The order with this client id.")
@_since
@_count
@output_options
@paper_option
def orders(**options: Any) -> int:
    """
    Show the open orders, of all pairs or of SYMBOL.

    An amount above 0 buys, one below 0 sells. --since and --count are for --history.
    --cid looks among the open orders, then among the latest closed ones.
    """
    from bfxsync.cli.account import show_orders

    return show_orders(**options)


@click.command()
@output_options
@paper_option
def positions(**options: Any) -> int:
    """
    Show the open positions: above 0 long, below 0 short.

    Profit and loss are in quote currency, after the fee for closing.
    """
    from bfxsync.cli.account import show_positions

    return show_positions(**options)


@click.command()
@click.argument("currency", required=False)
@_since
@_count
@output_options
@paper_option
def ledgers(**options: Any) -> int:
    """Show the latest changes of balances, of all currencies or of CURRENCY."""
    from bfxsync.cli.account import show_ledgers

    return show_ledgers(**options)
