"""The commands ``bfxsync order submit``, ``cancel`` and ``watch``."""

from __future__ import annotations

from typing import Any, Callable, TypeVar

import click

from bfxsync.cli.group import NamedGroup
from bfxsync.cli.shared import json_option, paper_option
from bfxsync.cli.values import FUTURE, NUMBER

F = TypeVar("F", bound=Callable[..., Any])

_SUBMIT = """\
Submit an order: buy or sell AMOUNT, in base currency, of SYMBOL.

It shows what will be sent, and asks. With EXCHANGE in its type an order uses the exchange wallet;
that is added unless --margin is given or SYMBOL is a derivative.

\b
bfxsync order submit buy 0.1 tBTCUSD --price 60000
bfxsync order submit sell 0.1 tBTCUSD --market --max-value USD=10000
"""

_SUBMIT_END = """\
\b
what became of it, and the exit code:
  0    placed: it is in the book; executed, or executed in part
  1    absent: no trace of it; look at the account before you send it again
  2    invalid arguments, or a guard refused it; nothing was sent
  3    refused by the exchange, or cancelled by it with nothing executed
  4    no network; nothing was sent
  5    UNKNOWN: it may or may not be placed; never send it again before you
       know. Its client id (cid) finds it
  130  interrupted before anything was sent
"""

_CANCEL_END = """\
\b
exit codes:
  0    all are cancelled
  1    one was executed before that
  3    refused by the exchange, or not open
  4    no network
  5    UNKNOWN: one may or may not be cancelled
"""

_WATCH_END = """\
\b
exit codes:
  0    ended with Ctrl-C; with IDs: all were executed, at least in part
  1    with IDs: ended with Ctrl-C before they were closed
  3    with IDs: one was cancelled, with nothing executed
"""


def _value_limit(
    ctx: click.Context, param: click.Parameter, values: tuple[str, ...]
) -> dict[str, str]:
    found = {}
    for value in values:
        currency, equals, amount = value.partition("=")
        if not (currency and equals and amount):
            raise click.BadParameter(f"expected such as USD=1000, not {value!r}")
        found[currency] = NUMBER.convert(amount, param, ctx)
    return found


def _write_options(function: F) -> F:
    yes = click.option("--yes", "-y", is_flag=True, help="Do not ask.")
    dry = click.option("--dry-run", is_flag=True, help="Show it, and send nothing.")
    return dry(yes(function))


def _number_option(name: str, text: str) -> Callable[[F], F]:
    return click.option(name, type=NUMBER, metavar="NUMBER", help=text)


@click.group(cls=NamedGroup)
def order() -> None:
    """Submit, cancel or watch orders."""


@order.command(help=_SUBMIT, epilog=_SUBMIT_END, short_help="Submit an order.")
@click.argument("side", type=click.Choice(["buy", "sell"]), metavar="buy|sell")
@click.argument("amount", type=NUMBER)
@click.argument("symbol")
@_number_option("--price", "In quote currency.")
@click.option("--market", is_flag=True, help="At any price, at once.")
@click.option(
    "--type",
    "kind",
    metavar="TYPE",
    help='Another type: "STOP", "STOP LIMIT", "TRAILING STOP", "FOK", "IOC".',
)
@click.option("--margin", is_flag=True, help="On margin, not from the exchange wallet.")
@click.option("--lev", type=click.IntRange(1, 100), help="Leverage of a derivative.")
@_number_option("--price-aux-limit", "Limit price of a stop limit order.")
@_number_option("--price-trailing", "Distance of a trailing stop.")
@click.option("--post-only", is_flag=True, help="Cancel it if it would match at once.")
@click.option("--hidden", is_flag=True, help="Do not show it in the book.")
@click.option("--reduce-only", is_flag=True, help="Never increase a position.")
@click.option("--close", is_flag=True, help="Close the position.")
@click.option("--tif", type=FUTURE, help="Expiry: a time, or a duration such as 12h.")
@click.option("--cid", type=int, metavar="ID", help="Client id (default: random).")
@click.option("--gid", type=int, metavar="ID", help="Id of a group of orders.")
@click.option("--round-price", is_flag=True, help="Round the price to 5 digits.")
@click.option(
    "--max-value",
    multiple=True,
    callback=_value_limit,
    metavar="USD=1000",
    envvar="BFX_MAX_ORDER_VALUE",
    help="Guard: refuse a greater value, and other quote currencies. Also from the variable "
    "BFX_MAX_ORDER_VALUE.",
)
@click.option(
    "--max-open-orders",
    type=click.IntRange(1),
    metavar="N",
    help="Guard: refuse it if the account had more open orders then.",
)
@click.option(
    "--check-funds",
    is_flag=True,
    help="Guard: refuse what is beyond the size limits or the balance.",
)
@click.option("--watch", is_flag=True, help="Print its fills until it is closed.")
@_write_options
@json_option
@paper_option
def submit(**options: Any) -> int:
    from bfxsync.cli.order_submit import submit

    return submit(**options)


@order.command(epilog=_CANCEL_END, short_help="Cancel orders.")
@click.argument("ids", type=click.IntRange(1), nargs=-1, metavar="[ID]...")
@click.option("--symbol", help="All open orders of this pair.")
@click.option("--all", "all_", is_flag=True, help="All open orders of the account.")
@_write_options
@json_option
@paper_option
def cancel(**options: Any) -> int:
    """Cancel the orders with these IDs; shows them first, and asks."""
    from bfxsync.cli.order_cancel import cancel

    return cancel(**options)


@order.command(epilog=_WATCH_END, short_help="Print what happens to orders.")
@click.argument("ids", type=click.IntRange(1), nargs=-1, metavar="[ID]...")
@click.option("--symbol", help="Orders of this pair only.")
@json_option
@paper_option
def watch(**options: Any) -> int:
    """Print what happens to all orders until Ctrl-C, or to those with these IDs until they end."""
    from bfxsync.cli.order_watch import watch

    return watch(**options)
