"""The command ``bfxsync board``."""

from __future__ import annotations

import click

from bfxsync.cli.commands.options import seconds_option, timeframe_option
from bfxsync.cli.shared import paper_option

_EPILOG = """\
\b
keys:
  q          end
  tab, right next symbol
  left       previous symbol
  1-9        symbol of this number

\b
Open orders are shown with a key in BFX_API_KEY and
BFX_API_SECRET or in the keyring. A pipe, TERM=dumb and ASCII
get plain lines of tickers, trades and orders.
"""


@click.command(epilog=_EPILOG)
@click.argument("symbols", nargs=-1, required=True, metavar="SYMBOL...")
@timeframe_option()
@seconds_option
@paper_option
@click.option("--plain", is_flag=True, help="Lines also at a terminal.")
def board(
    symbols: tuple[str, ...],
    timeframe: str,
    seconds: float | None,
    paper: bool,
    plain: bool,
) -> None:
    """Show markets on the whole screen: tickers, book, candles, trades, own orders."""
    from bfxsync.cli.live.board import run

    run(symbols, timeframe, is_paper=paper, is_plain=plain, seconds=seconds)
