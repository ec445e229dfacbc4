"""
Options that several commands have, and what they do.

Strategy: imports click and nothing heavy, as completion imports this module. The rest is imported
inside the functions.
"""

from __future__ import annotations

import functools
import os
import signal
import sys
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Callable, Iterator, TextIO, TypeVar

import click

from bfxsync import BfxError, UsageError
from bfxsync.cli.exit_codes import FAILED

if TYPE_CHECKING:
    from bfxsync import Client
    from bfxsync.credentials import CredentialSource

F = TypeVar("F", bound=Callable[..., Any])

MAX_SECONDS = 86_400

_NO_KEY = """\
no API key: set BFX_API_KEY and BFX_API_SECRET, or store it with "keyring set bfxsync api_key" and \
"keyring set bfxsync api_secret" (extra keyring), or try --paper"""


class Seconds(click.ParamType):
    """A duration from `least` to a day."""

    name = "seconds"

    def __init__(self, least: float = 1) -> None:
        self._least = least

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the number, or fail."""
        try:
            seconds = float(value)
        except ValueError:
            seconds = -1.0
        # NaN is not within the bounds either.
        if not self._least <= seconds <= MAX_SECONDS:
            self.fail(
                f"expected a number from {self._least:g} to {MAX_SECONDS}, not {value!r}",
                param,
                ctx,
            )
        return seconds


def paper_option(function: F) -> F:
    """Add ``--paper``, the argument `paper`."""
    return click.option(
        "--paper",
        is_flag=True,
        help="On a local exchange with play money, which ends with the command.",
    )(function)


def output_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--json`` and ``--csv``: the argument `output`, "text", "json" or "csv"."""

    @functools.wraps(function)
    def call(*args: Any, as_json: bool, as_csv: bool, **more: Any) -> Any:
        if as_json and as_csv:
            raise click.UsageError("--json and --csv exclude each other")
        output = "json" if as_json else "csv" if as_csv else "text"
        return function(*args, output=output, **more)

    csv = click.option("--csv", "as_csv", is_flag=True, help="CSV with a header.")
    json = click.option(
        "--json", "as_json", is_flag=True, help="One JSON object per line."
    )
    return json(csv(call))


def json_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--json`` alone: the argument `output`, "text" or "json"."""

    @functools.wraps(function)
    def call(*args: Any, as_json: bool, **more: Any) -> Any:
        return function(*args, output="json" if as_json else "text", **more)

    return click.option(
        "--json", "as_json", is_flag=True, help="One JSON object per line."
    )(call)


@contextmanager
def open_client(
    command: str,
    *,
    paper: bool,
    key: str = "none",
    is_held: bool = False,
    **options: Any,
) -> Iterator[Client]:
    """
    Provide a client to a command; warnings of the library are lines on stderr.

    Parameters
    ----------
    command : str
        Name for the lines.
    paper : bool
        Of a local exchange, which ends with it.
    key : str
        ``"needed"``: from the environment, the keyring or a prompt, else `UsageError`.
        ``"if any"``: from the environment or the keyring. ``"none"``: market data only.
    is_held : bool
        Print the warnings at the end, as there is a screen until then.
    **options
        Those of `Client`.
    """
    from bfxsync import Client
    from bfxsync.cli.log_lines import LogLines

    with ExitStack() as stack:
        stack.enter_context(LogLines(command, is_held=is_held))
        if paper:
            require("aiohttp")
            client = Client.paper(**options)
        else:
            client = Client(**{"credentials": key_source(key), **options})
        yield stack.enter_context(client)


def key_source(key: str) -> CredentialSource | None:
    """Return the source of the key for `open_client`; None for that of `Client`."""
    if key == "none" or os.environ.get("BFX_API_KEY"):
        return None
    if find_spec("keyring") is not None:
        from bfxsync.credentials import from_keyring

        source = from_keyring()
        try:
            found = source()
        except UsageError:
            pass  # there is none in it
        else:
            return lambda: found
    if key != "needed":
        return None
    if not sys.stdin.isatty():
        raise UsageError(_NO_KEY)
    return _ask_for_key


def _ask_for_key() -> tuple[str, str]:
    ask = functools.partial(click.prompt, hide_input=True, err=True)
    return ask("API key"), ask("API secret")


def require(*packages: str, extra: str = "cli,paper") -> None:
    """Raise `UsageError`, which names the extra, if a package is missing."""
    missing = [name for name in packages if find_spec(name) is None]
    if missing:
        names = " and ".join(missing)
        raise UsageError(f'{names} missing: pip install "bfxsync[{extra}]"')


def is_terminal(stream: TextIO) -> bool:
    """Return whether a stream is a terminal that can display the screen."""
    is_utf = (stream.encoding or "").lower().startswith("utf")
    is_dumb = os.environ.get("TERM") in ("dumb", "unknown")
    return stream.isatty() and is_utf and not is_dumb


def confirm(question: str) -> None:
    """Ask on stderr before something is sent; raise `click.Abort` unless the answer is yes."""
    # Not by `click.confirm`, which writes to the standard output before click 8.2.
    click.echo(f"{question} [y/N]: ", err=True, nl=False)
    told = "nothing was sent"
    try:
        answer = sys.stdin.readline()
    except KeyboardInterrupt:
        answer = ""
    if answer.strip().lower() in ("y", "yes"):
        return
    if not answer:
        # The line of the question ends here.
        told = f"\n{told}; --yes sends it without asking"
    click.echo(told, err=True)
    raise click.Abort


@contextmanager
def sigterm_as_interrupt() -> Iterator[None]:
    """Let SIGTERM raise `KeyboardInterrupt`, so that what was begun is brought to an end."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def fail(name: str, reason: str, code: int = FAILED) -> int:
    """Print why a command failed, and return its exit code."""
    print(f"{name}: {reason}", file=sys.stderr, flush=True)
    return code


def text_of(error: BfxError) -> str:
    """Return the message of an error, with its cause, as one line."""
    text, cause = str(error), str(error.__cause__ or "")
    # Many errors name their cause themselves, or its end.
    is_told = cause in text or text.rpartition(": ")[2] in cause
    return " ".join((text if is_told else f"{text} ({cause})").split())


def tell(text: str) -> None:
    """Print what became of a write, on stderr if the disk is full or the reader has gone."""
    try:
        click.echo(text)
    except OSError:
        drop_output()
        click.echo(text, err=True)


def drop_output() -> None:
    """Drop what is left to print: it cannot be written, and the last flush must not fail."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
