"""The command ``bfxsync paper``."""

from __future__ import annotations

import sys
from typing import Any, Callable, TypeVar

import click

from bfxsync.cli import shared

T = TypeVar("T")

_HELP = """\
\b
Run a local exchange with markets, accounts and play money
until Ctrl-C or SIGTERM. It prints how to connect, then what
the accounts do. It answers programs of this machine only,
and no web pages.
"""

_EPILOG = """\
\b
A file of accounts is a JSON list of objects with api_key,
api_secret, balances and permissions, each optional:
[{"balances": {"exchange": {"USD": 1000, "BTC": "0.5"}}}]

\b
A fault is a name with its options, as those of
PaperExchange.inject (docs/howto/testing.rst); --fault may be
given several times.

\b
exit codes:
  0    stopped by Ctrl-C or SIGTERM
  1    it could not start, such as on a port in use
  2    invalid command line, or a missing package
"""

PORT = 8420
"""The default port, always the same, so that the settings of programs stay valid."""


def _parsed(name: str) -> Callable[[click.Context, click.Parameter, Any], Any]:
    """Return a callback that reads the text of an option by a function of `bfxsync.cli.paper`."""

    def parse(ctx: click.Context, param: click.Parameter, value: Any) -> Any:
        if ctx.resilient_parsing:
            return None
        from bfxsync.cli import paper

        read = getattr(paper, name)
        try:
            return [*map(read, value)] if param.multiple else read(value)
        except (OSError, ValueError) as exc:
            raise click.BadParameter(str(exc), ctx, param) from None

    return parse


@click.command(help=_HELP, epilog=_EPILOG)
@click.option(
    "--port",
    type=int,
    metavar="N",
    default=PORT,
    help="0: any free port (default: 8420).",
)
@click.option(
    "--seed",
    type=int,
    metavar="N",
    default=1,
    help="Of the simulated markets (default: 1).",
)
@click.option(
    "--speed",
    type=float,
    metavar="X",
    default=1.0,
    help="60: a minute passes in a second (default: 1).",
)
@click.option(
    "--rate",
    type=float,
    metavar="X",
    help="Events per second of each market (default: as in recordings).",
)
@click.option(
    "--accounts",
    callback=_parsed("accounts_of"),
    metavar="N|FILE",
    default="1",
    help="Number of accounts, or a JSON file of them (default: 1).",
)
@click.option(
    "--recording",
    "captures",
    metavar="NAME",
    multiple=True,
    help="Play it: btcusd-20181112, public-20210417, or a file.",
)
@click.option(
    "--fault",
    "faults",
    callback=_parsed("fault_of"),
    metavar="TEXT",
    multiple=True,
    help='Such as "lost_answer path=auth/w/order/submit times=2".',
)
@click.option(
    "--journal",
    "journal_path",
    metavar="FILE",
    help="Journal, and what it continues from.",
)
@click.option(
    "--host", metavar="NAME", default="127.0.0.1", help="Address to listen on."
)
@click.option(
    "--allow-host",
    "allowed_hosts",
    metavar="NAME",
    multiple=True,
    help="Answer to this host name, too, such as that of a container.",
)
@click.option(
    "--plain",
    is_flag=True,
    help="Lines of text instead of a live view, as without a terminal.",
)
def paper(plain: bool, faults: Any, **options: Any) -> int:
    """Run the exchange."""
    from bfxsync import NetworkError
    from bfxsync.cli import paper
    from bfxsync.cli.exit_codes import FAILED, OK
    from bfxsync.cli.log_lines import LogLines

    is_plain = plain or not shared.is_terminal(sys.stdout)
    shared.require(*([] if is_plain else ["rich"]), "aiohttp")
    try:
        with LogLines("paper", is_held=not is_plain):
            paper.run(options, faults, is_plain=is_plain)
    except NetworkError as exc:
        # The port is in use.
        return shared.fail("bfxsync paper", shared.text_of(exc), FAILED)
    return OK
