"""The entry point of the command ``bfxsync``, which names the extra if it is missing."""

from __future__ import annotations

import sys
from typing import Sequence

from bfxsync.cli.exit_codes import USAGE


def main(argv: Sequence[str] | None = None) -> int:
    """
    Run the command and return its exit code; `argv` replaces the arguments of the process.

    Raises `SystemExit`: 2 for invalid arguments; 0 after ``--help`` and ``--version``.
    """
    try:
        from bfxsync.cli.invoke import invoke
    except ModuleNotFoundError as exc:
        if exc.name != "click":
            raise
        print('bfxsync: click missing: pip install "bfxsync[cli]"', file=sys.stderr)
        return USAGE
    return invoke(sys.argv[1:] if argv is None else argv)
