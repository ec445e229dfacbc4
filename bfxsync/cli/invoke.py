"""Runs a command: completion, exit codes, and errors as one line on stderr."""

from __future__ import annotations

import errno
import os
import sys
from typing import Sequence

import click
from click.shell_completion import shell_complete

from bfxsync import AuthError, BfxError
from bfxsync.cli.exit_codes import (
    FAILED,
    INTERRUPTED,
    NO_NETWORK,
    OK,
    UNKNOWN,
    USAGE,
    code_of,
)
from bfxsync.cli.group import PATH, root
from bfxsync.cli.shared import drop_output, fail, text_of

NAME = "bfxsync"
COMPLETE = "_BFXSYNC_COMPLETE"

_KEY_HINT = "bfxsync doctor shows what the key may do"
_HINTS = {
    UNKNOWN: "look at the account before you send it again",
    NO_NETWORK: "bfxsync doctor checks the connection; --paper needs none",
}
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}


def invoke(argv: Sequence[str]) -> int:
    """Run the command with these arguments; see `bfxsync.cli.main.main`."""
    instruction = os.environ.get(COMPLETE)
    if instruction is not None:
        return shell_complete(root, {}, NAME, COMPLETE, instruction)
    name = NAME
    try:
        with root.make_context(NAME, list(argv)) as context:
            try:
                code = root.invoke(context)
            finally:
                name = context.meta.get(PATH, NAME)
        return code if isinstance(code, int) else OK
    except click.exceptions.Exit as exc:
        sys.exit(exc.exit_code)
    except click.UsageError as exc:
        name = NAME if exc.ctx is None else exc.ctx.command_path
        # That of a missing choice has a line for each of them.
        text = " ".join(exc.format_message().split()).rstrip(".")
        fail(name, f"{text} (see {name} --help)")
        sys.exit(USAGE)
    except click.ClickException as exc:
        return fail(name, exc.format_message())
    except BfxError as exc:
        code = code_of(exc)
        hint = _KEY_HINT if isinstance(exc, AuthError) else _HINTS.get(code)
        return fail(name, "; ".join(filter(None, [text_of(exc), hint])), code)
    except (KeyboardInterrupt, click.Abort):
        return INTERRUPTED
    except BrokenPipeError:
        drop_output()
        return FAILED
    except OSError as exc:
        if exc.errno not in _FULL:
            raise
        drop_output()
        return fail(name, f"cannot write the output: {exc.strerror}")
