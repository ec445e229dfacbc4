"""The command ``bfxsync rest METHOD`` and its subcommands, one for each REST method."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any

import click
from click.shell_completion import CompletionItem

from bfxsync.cli.endpoint_names import GROUPS, METHODS
from bfxsync.cli.group import NamedGroup

_HELP = """\
Call a method of bfx.rest and print its result as JSON.

METHOD is the name of any method of docs/reference/endpoints.rst, and --names are those of its
arguments: bfxsync rest get_t_ticker --symbol tBTCUSD. A write shows the request and asks before it
is sent. An iter_ method reads a history of any length, and prints one object per line.
"""

_EPILOG = "bfxsync rest METHOD --help explains a method and its arguments."

_KINDS = {
    "list": "A,B,...",
    "json": "JSON",
}


class RestGroup(NamedGroup):
    """The methods of the REST client, as commands that are made when they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the methods."""
        return [*METHODS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Make the command of a method; None if there is none of this name."""
        name = cmd_name.replace("-", "_")
        if name not in METHODS:
            return None
        return command_of(METHODS[name][0], name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; an unknown one is an error with similar names."""
        name = args[0].replace("-", "_")
        if name not in METHODS and not ctx.resilient_parsing:
            close = " or ".join(get_close_matches(name, METHODS))
            hint = f"; did you mean {close}?" if close else ""
            ctx.fail(f"there is no method {name!r}{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        """Write the methods by group, from the table: their modules are not imported."""
        for group, title in GROUPS.items():
            rows = [
                (name, text) for name, (part, text) in METHODS.items() if part == group
            ]
            with formatter.section(title):
                formatter.write_dl(rows)

    def shell_complete(
        self, ctx: click.Context, incomplete: str
    ) -> list[CompletionItem]:
        """Return the methods that begin like this."""
        wanted = incomplete.replace("-", "_")
        found = [
            CompletionItem(name, help=text)
            for name, (_, text) in METHODS.items()
            if name.startswith(wanted)
        ]
        return found + click.Command.shell_complete(self, ctx, incomplete)


def command_of(group: str, name: str) -> click.Command:
    """Return the command of a method of ``rest.public``, ``rest.auth`` or ``rest.merchant``."""
    from bfxsync.cli.rest_arguments import Argument, arguments_of
    from bfxsync.cli.rest_run import help_of, method_of, run

    method = method_of(group, name)
    arguments = list(arguments_of(method))

    def call(paper: bool, yes: bool, dry_run: bool, **given: Any) -> int:
        values = {
            argument.name: given[argument.name]
            for argument in arguments
            if given[argument.name] is not None or not argument.has_default
        }
        return run(group, name, values, paper=paper, yes=yes, dry_run=dry_run)

    def option(argument: Argument) -> click.Option:
        return _option(argument)

    return click.Command(
        name,
        params=[*map(option, arguments), *_common()],
        callback=call,
        help=help_of(method),
        context_settings={
            "token_normalize_func": lambda token: token.replace("_", "-")
        },
    )


def _option(argument: Any) -> click.Option:
    from bfxsync.cli.values import Value

    flag = f"--{argument.name.replace('_', '-')}"
    common: dict[str, Any] = {
        "required": not argument.is_optional,
        "help": argument.help,
    }
    if argument.read is None:
        switch = f"{flag}/--no-{flag[2:]}"
        return click.Option([switch, argument.name], default=None, **common)
    kind = argument.kind
    if argument.is_secret:
        # Without a value it is asked for, so that it is neither on the screen nor in a history.
        common.update(
            prompt=argument.name,
            prompt_required=not argument.is_optional,
            hide_input=True,
        )
    if argument.default is not None:
        common["help"] = f"{argument.help} [default: {argument.default}]".strip()
    return click.Option(
        [flag, argument.name],
        type=Value(kind, argument.read, is_secret=argument.is_secret),
        metavar=_KINDS.get(kind, kind.upper()),
        **common,
    )


def _common() -> list[click.Option]:
    return [
        click.Option(
            ["--yes", "-y", "yes"], is_flag=True, help="Send a write without asking."
        ),
        click.Option(
            ["--dry-run", "dry_run"],
            is_flag=True,
            help="Print the request, without key and signature, and send nothing.",
        ),
        click.Option(
            ["--paper", "paper"],
            is_flag=True,
            help="On a local exchange with play money, which ends with the command.",
        ),
    ]


rest = RestGroup(
    "rest", help=_HELP, epilog=_EPILOG, subcommand_metavar="METHOD [OPTIONS]"
)
