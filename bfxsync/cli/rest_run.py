"""Runs ``bfxsync rest METHOD``: asks before writes, and prints results as JSON."""

from __future__ import annotations

import inspect
from decimal import Decimal
from typing import Any, Callable, Mapping

import click

from bfxsync import OutcomeUnknown
from bfxsync.cli.exit_codes import OK
from bfxsync.cli.play_account import furnish
from bfxsync.cli.rest_arguments import plain_words
from bfxsync.cli.rest_calls import NotSent, ShownRequest, call, json_lines
from bfxsync.cli.shared import confirm, drop_output, open_client, tell
from bfxsync.rest.auth import AuthEndpoints
from bfxsync.rest.merchant import MerchantEndpoints
from bfxsync.rest.public import PublicEndpoints

_OWNERS: dict[str, Any] = {
    "public": PublicEndpoints,
    "auth": AuthEndpoints,
    "merchant": MerchantEndpoints,
}
"""The classes of the attributes of `RestClient`."""


def method_of(group: str, name: str) -> Callable[..., Any]:
    """Return a method of a group of endpoints."""
    found: Callable[..., Any] = getattr(_OWNERS[group], name)
    return found


def help_of(method: Callable[..., Any]) -> str:
    """Return the docstring of a method without its sections, which the options have."""
    text = inspect.getdoc(method) or ""
    head, _, _ = text.partition("\n\nParameters\n")
    for section in ("Raises", "Returns", "Notes"):
        head, _, _ = head.partition(f"\n\n{section}\n")
    return plain_words(head)


def run(
    group: str,
    method: str,
    values: Mapping[str, Any],
    *,
    paper: bool,
    yes: bool,
    dry_run: bool,
) -> int:
    """Call a method, print its result, and return the exit code."""
    key = "none" if group == "public" else "if any" if dry_run else "needed"
    command = f"rest {method}"
    with open_client(command, paper=paper, key=key, numbers=Decimal) as bfx:
        if key == "needed":
            furnish(bfx)

        is_write = False

        def ask(request: ShownRequest) -> None:
            nonlocal is_write
            is_write = request.is_write
            if dry_run:
                click.echo(str(request))
                raise NotSent
            if request.is_write and not yes:
                click.echo(str(request), err=True)
                confirm("Send it?")

        try:
            result = call(bfx.rest, group, method, values, ask)
        except NotSent:
            return OK
        except OutcomeUnknown as unknown:
            result = _resolved(unknown)
        if is_write:
            # An answer that cannot be printed must not look like a failure.
            tell("\n".join(json_lines(result)))
            return OK
        try:
            for line in json_lines(result):
                click.echo(line)
        except BrokenPipeError:
            # Its reader has what it wants: ``| head``.
            drop_output()
    return OK


def _resolved(unknown: OutcomeUnknown) -> Any:
    """Ask the exchange what has become of a write; raises if that stays unknown."""
    if not unknown.can_resolve:
        raise unknown
    click.echo(
        "no answer: it may have been executed; asking the exchange for up to 90 s …",
        err=True,
    )
    return unknown.resolve()
