"""The command ``bfxsync backtest``."""

from __future__ import annotations

from typing import Any

import click

from bfxsync.cli import shared

_HELP = """\
\b
Run a strategy over a recording, in the recording's time, on
the local exchange. STRATEGY is a file with a function
main(bfx), the same that runs live. Nothing leaves this
machine, and no key is needed.
"""

_EPILOG = """\
\b
  bfxsync backtest mine.py --recording day.jsonl.gz
  bfxsync backtest mine.py --recording day.jsonl.gz \\
      --balance USD=5000 --balance margin:USD=1000 \\
      --set edge=0.002 --plot equity.svg

\b
--json prints one object with the numbers, the fills and the
equity curve, --csv the fills, or with --equity the curve.
The same strategy and recording give the same output, byte
for byte. docs/howto/backtests.rst says what it can tell.

\b
exit codes:
  0    the strategy ran until its end, or the recording's
  1    it, or one of its callbacks, raised an exception; the
       traceback and what happened until then are printed
  2    invalid command line, strategy or recording
  130  ended with Ctrl-C; what happened until then is printed
"""


@click.command(help=_HELP, epilog=_EPILOG)
@click.argument("strategy", type=click.Path())
@click.option(
    "--recording",
    required=True,
    metavar="FILE",
    help="Made by Client(record=FILE) or bfxsync record.",
)
@click.option(
    "--balance",
    "balances",
    multiple=True,
    metavar="[WALLET:]CURRENCY=AMOUNT",
    help="At the start (default: 100000 of --currency).",
)
@click.option(
    "--currency",
    metavar="CODE",
    help="Of the equity (default: that of the first pair's price).",
)
@click.option(
    "--set",
    "parameters",
    multiple=True,
    metavar="NAME=VALUE",
    help="An argument of the strategy.",
)
@click.option("--every", type=float, metavar="S", help="Interval of the equity curve.")
@click.option(
    "--step",
    type=float,
    metavar="S",
    help="React only every S seconds: faster (default: to each message).",
)
@click.option("--plot", metavar="FILE.svg", help="Write the equity curve as SVG.")
@click.option("--equity", is_flag=True, help="With --csv: the curve, not the fills.")
@shared.output_options
def backtest(output: str, equity: bool, **options: Any) -> int:
    """Run a strategy over a recording."""
    if equity and output != "csv":
        raise click.UsageError("--equity needs --csv")
    shared.require("aiohttp")
    from bfxsync.cli import backtest
    from bfxsync.cli.log_lines import LogLines

    with LogLines("backtest", is_held=False):
        return backtest.run(output=output, is_equity=equity, **options)
