"""
The command ``bfxsync`` and the table of its subcommands.

Strategy: the table has a line about each, so that neither the help nor the completion of a shell
imports their modules. A module of `bfxsync.cli.commands` only declares arguments; what the command
uses is imported when it runs.
"""

from __future__ import annotations

from difflib import get_close_matches
from importlib import import_module
from typing import Any

import click
from click.shell_completion import CompletionItem

from bfxsync._version import __version__

Table = dict[str, dict[str, tuple[str, str]]]

SECTIONS: Table = {
    "Market data": {
        "ticker": ("market:ticker", "Live best prices and 24-hour figures."),
        "trades": ("market:trades", "Live trades."),
        "book": ("market:book", "Live order books."),
        "candles": ("market:candles", "Live candles."),
        "board": ("board:board", "Markets and own orders on the whole screen."),
    },
    "Your account": {
        "wallets": ("account:wallets", "Balances."),
        "orders": ("account:orders", "Open orders."),
        "positions": ("account:positions", "Open positions."),
        "ledgers": ("account:ledgers", "Changes of balances."),
        "order": ("order:order", "Submit, cancel or watch orders."),
    },
    "Tools": {
        "history": ("history:history", "Download candles or trades into a file."),
        "rest": ("rest:rest", "Call any method of REST."),
        "relay": ("relay:relay", "Share market data through Redis."),
        "doctor": ("doctor:doctor", "Check connection, clock, key and versions."),
    },
    "Recordings": {
        "record": ("recordings:record", "Record market data into a file."),
        "replay": ("recordings:replay", "Print the updates of a recording."),
        "backtest": ("backtest:backtest", "Run a strategy over a recording."),
    },
    "Try it": {
        "demo": ("demo:demo", "Trade on a local exchange, or show live markets."),
        "paper": ("paper:paper", "Run a local exchange for programs of yours."),
    },
}
"""By section and name: module and object in `bfxsync.cli.commands`, and the line of the help."""


PATH = "bfxsync.path"
"""Key of `click.Context.meta`: the command that was called, such as ``bfxsync order submit``."""


class NamedGroup(click.Group):
    """A group that requires a command, and tells which one was called; see `PATH`."""

    def __init__(self, *args: Any, **more: Any) -> None:
        # With the help as an error, or as success in click 8.1, a program would not know.
        super().__init__(*args, **{"no_args_is_help": False, **more})

    def invoke(self, ctx: click.Context) -> Any:
        """Call the command; the innermost group knows its whole name."""
        try:
            return super().invoke(ctx)
        finally:
            name = ctx.invoked_subcommand
            if name is not None:
                ctx.meta.setdefault(PATH, f"{ctx.command_path} {name}")


class LazyGroup(NamedGroup):
    """
    A group whose commands are imported when they are used.

    Parameters
    ----------
    sections : dict
        The commands by section of the help; see `SECTIONS`.
    """

    def __init__(self, *args: Any, sections: Table | None = None, **more: Any) -> None:
        super().__init__(*args, **more)
        self._sections = sections or {}
        self._places = {
            name: place
            for commands in self._sections.values()
            for name, place in commands.items()
        }

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands, in the order of the table."""
        return [*self._places]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command; None if there is none of this name."""
        if cmd_name not in self._places:
            return None
        module, _, name = self._places[cmd_name][0].partition(":")
        found = getattr(import_module(f"bfxsync.cli.commands.{module}"), name)
        assert isinstance(found, click.Command)
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; an unknown one is an error with similar names."""
        name = args[0]
        if name not in self._places and not ctx.resilient_parsing:
            close = " or ".join(get_close_matches(name, self._places))
            hint = f"; did you mean {close}?" if close else ""
            ctx.fail(f"there is no command {name!r}{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        """Write the commands by section."""
        width = max(map(len, self._places))
        for section, commands in self._sections.items():
            with formatter.section(section):
                rows = [
                    (name.ljust(width), text) for name, (_, text) in commands.items()
                ]
                formatter.write_dl(rows)

    def shell_complete(
        self, ctx: click.Context, incomplete: str
    ) -> list[CompletionItem]:
        """Return the commands that begin like this; nothing is imported for them."""
        found = [
            CompletionItem(name, help=text)
            for name, (_, text) in self._places.items()
            if name.startswith(incomplete)
        ]
        return found + click.Command.shell_complete(self, ctx, incomplete)


_HELP = """\
Synchronous client for the Bitfinex API v2.

Market data needs no key. The key of an account comes from BFX_API_KEY and BFX_API_SECRET, the
keyring, or a prompt, never from an argument. With --paper a command runs on a local exchange with
play money.
"""

_EPILOG = """\
\b
exit codes:
  0    done; a live command also ends so with Ctrl-C or "| head"
  1    failed
  2    invalid command line, or a missing package
  3    refused by the exchange
  4    no network
  5    the outcome of an order or another write is unknown
  130  interrupted
"""


@click.group(
    "bfxsync",
    cls=LazyGroup,
    sections=SECTIONS,
    help=_HELP,
    epilog=_EPILOG,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
)
@click.version_option(__version__, message="%(prog)s %(version)s")
@click.pass_context
def root(ctx: click.Context) -> None:
    """Print the help if there is no command."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())
