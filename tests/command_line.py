"""Runs the command ``bfxsync`` in this process, with click's runner."""

from __future__ import annotations

from typing import Any, NamedTuple

from click.testing import CliRunner

from bfxsync.cli.main import main


class Ended(NamedTuple):
    code: int
    out: str
    err: str


class _Command:
    """As the process runs it: with its exit codes and its errors."""

    name = "bfxsync"

    def main(self, args: Any, prog_name: str, **_: Any) -> None:
        raise SystemExit(main(list(args)))


def run(*arguments: str, input: str | None = None) -> Ended:
    """Run with these arguments, or with the words of a single one."""
    words = arguments[0].split() if len(arguments) == 1 else arguments
    options: dict[str, Any] = {"mix_stderr": False}
    try:
        runner = CliRunner(**options)
    except TypeError:  # not before click 8.2
        runner = CliRunner()
    command: Any = _Command()
    result = runner.invoke(command, words, input)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Ended(result.exit_code, result.stdout, result.stderr)
