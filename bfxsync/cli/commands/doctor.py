"""The command ``bfxsync doctor``."""

from __future__ import annotations

import click

from bfxsync.cli.shared import json_option, paper_option

_EPILOG = """\
\b
ok: fine; warn: works, but look at it; fail: what to do follows.
skip: not checked, as something else failed.

\b
exit codes:
  0    nothing failed
  1    something of this machine failed: a package, the clock, a setting
  3    the exchange refused the key
  4    no network
"""


@click.command(epilog=_EPILOG)
@json_option
@paper_option
def doctor(output: str, paper: bool) -> int:
    """
    Check packages, proxy, DNS, TLS, REST, clock, rate limits, WebSocket and key.

    No secret is printed. Without a key the account is not checked.
    """
    from bfxsync.cli.doctor import run

    return run(output, paper)
