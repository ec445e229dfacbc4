"""Runs the checks and prints a line about each: ``bfxsync doctor``."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from functools import partial
from typing import Iterator

import attrs
import click

from bfxsync import Client, UsageError
from bfxsync._base.hosts import hostname_of
from bfxsync.checks.hosts import (
    rest_host_of,
    signed_rest_host,
    signed_wss_host,
    wss_host_of,
)
from bfxsync.cli import checkup
from bfxsync.cli.checkup import FAIL, SKIP, Finding, guarded
from bfxsync.cli.exit_codes import FAILED, NO_NETWORK, OK, REFUSED
from bfxsync.cli.rows import json_text
from bfxsync.cli.shared import key_source, open_client

_COLORS = {"ok": "green", "warn": "yellow", "fail": "red", "skip": "bright_black"}
_CODES = {"network": NO_NETWORK, "refused": REFUSED}
_STATE_WIDTH, _NAME_WIDTH = 6, 13

# Each attempt of a call that finds no network takes a while.
_TOTAL_S = 15.0


def run(output: str, paper: bool) -> int:
    """Print the findings and return the exit code: that of the first failure."""
    code = OK
    for finding in findings(paper):
        if output == "json":
            click.echo(json_text(attrs.asdict(finding)))
        else:
            _print(finding)
        if finding.state == FAIL and code == OK:
            code = _CODES.get(finding.cause, FAILED)
    return code


def findings(paper: bool) -> Iterator[Finding]:
    """Check everything, from this machine to the account."""
    yield from guarded("packages", checkup.versions)
    if not paper:
        yield from guarded("environment", checkup.settings)
    try:
        with open_client(
            "doctor", paper=paper, key="if any", is_held=True, rest_timeout=_TOTAL_S
        ) as bfx:
            yield from _of_client(bfx)
    except UsageError as error:
        # With paper, nothing is read from there, and the error says what to install.
        todo = "correct the environment variable, or the entry of the keyring"
        yield checkup.failed("client", error, "" if paper else todo)


def _of_client(bfx: Client) -> Iterator[Finding]:
    rest, wss = _public_hosts(bfx)
    signed_rest, signed_wss = signed_rest_host(rest), signed_wss_host(wss)
    hosts = [rest, wss, signed_rest, signed_wss]
    lost: set[str] = set()
    yield from guarded("proxy", partial(checkup.proxies, hosts))
    yield from guarded("dns", partial(checkup.connections, hosts, lost))
    for name, needed, check in (
        ("rest", [rest], partial(checkup.rest, bfx)),
        ("websocket", [wss], partial(checkup.websocket, bfx)),
        ("key", [signed_rest, signed_wss], partial(checkup.key, bfx, _source(bfx))),
    ):
        if lost.isdisjoint(map(hostname_of, needed)):
            yield from guarded(name, check)
        else:
            yield Finding(name, SKIP, "needs the address of its server")


def _public_hosts(bfx: Client) -> tuple[str, str]:
    if bfx.exchange is not None:
        return bfx.exchange.rest_url, bfx.exchange.url
    return rest_host_of(), wss_host_of()


def _source(bfx: Client) -> str:
    """Return where the key is from; empty if there is none."""
    if bfx.exchange is not None:
        return "the local exchange"
    if os.environ.get("BFX_API_KEY"):
        return "the environment"
    return "the keyring" if key_source("if any") is not None else ""


def _print(finding: Finding) -> None:
    todo = f": {finding.todo}" if finding.todo else ""
    head = finding.state.ljust(_STATE_WIDTH)
    line = f"{head}{finding.name:<{_NAME_WIDTH}}{finding.text}{todo}"
    if sys.stdout.isatty():
        width = shutil.get_terminal_size().columns
        indent = " " * (_STATE_WIDTH + _NAME_WIDTH)
        line = "\n".join(textwrap.wrap(line, width, subsequent_indent=indent))
        styled = click.style(head, fg=_COLORS[finding.state])
        line = styled + line[len(head) :]
    click.echo(line)
