"""The command ``python -m bfxsync.compat.migrate``."""

from __future__ import annotations

import argparse
import difflib
import os
import sys
import tempfile
import tokenize
import warnings
from io import BytesIO
from typing import Dict, List, Optional, Sequence, Tuple

from bfxsync.compat.migrate import migrate
from bfxsync.compat.migrate.source import SourceText

OK, LEFT, FAILED = 0, 1, 2

_DESCRIPTION = """\
Change programs for bitfinex-api-py, the official client, into
programs for bfxsync: delete async and await, replace imports.
What must be changed by hand is listed with file and line.
Files of one program are given together, as they may await
functions of each other."""

_END = """\
Without --write nothing is changed. A file whose new text
would not compile is never written.

exit codes:
  0  nothing is left to change by hand
  1  something is; each place is printed
  2  invalid command line, or a file that cannot be read,
     understood or written"""

_NOT_UNDERSTOOD = (OSError, SyntaxError, ValueError)


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Run the command and return its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m bfxsync.compat.migrate",
        description=_DESCRIPTION,
        epilog=_END,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("files", nargs="+", metavar="FILE", help="a Python program")
    parser.add_argument("-w", "--write", action="store_true", help="change the files")
    parser.add_argument(
        "-d",
        "--diff",
        action="store_true",
        help="print the changes (default without --write)",
    )
    given = parser.parse_args(arguments)
    texts: Dict[str, str] = {}
    encodings: Dict[str, str] = {}
    is_failed = False
    for path in dict.fromkeys(given.files):
        try:
            texts[path], encodings[path] = _read(path)
            SourceText(path, texts[path])
        except _NOT_UNDERSTOOD as error:
            texts.pop(path, None)
            is_failed = _fail(path, error)
    is_left = False
    for source, new in migrate(texts):
        try:
            _check(source.path, new)
            if given.diff or not given.write:
                sys.stdout.writelines(_diff(source.path, source.text, new))
            if given.write and new != source.text:
                _write(source.path, new.encode(encodings[source.path]))
        except _NOT_UNDERSTOOD as error:
            is_failed = _fail(source.path, error)
            continue
        for line, text, must_change in source.findings(is_after=given.write):
            word = "" if must_change else "check: "
            print(f"{source.path}:{line}: {word}{text}", file=sys.stderr)
            is_left = is_left or must_change
    return FAILED if is_failed else LEFT if is_left else OK


def _read(path: str) -> Tuple[str, str]:
    with open(path, "rb") as file:
        data = file.read()
    encoding, _ = tokenize.detect_encoding(BytesIO(data).readline)
    return data.decode(encoding), encoding


def _check(path: str, text: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        compile(text, path, "exec", dont_inherit=True)


def _write(path: str, data: bytes) -> None:
    """Replace a file as a whole, with its permissions, also where its name is a link."""
    path = os.path.realpath(path)
    descriptor, new = tempfile.mkstemp(dir=os.path.dirname(path), prefix=".migrate-")
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
        os.chmod(new, os.stat(path).st_mode & 0o7777)
        os.replace(new, path)
    except BaseException:
        os.unlink(new)
        raise


def _diff(path: str, old: str, new: str) -> List[str]:
    lines = difflib.unified_diff(
        old.splitlines(keepends=True), new.splitlines(keepends=True), path, path
    )
    ended = (
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
        for line in lines
    )
    return list(ended)


def _fail(path: str, error: Exception) -> bool:
    line = f":{error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    if isinstance(error, OSError):
        text = error.strerror or text
    print(f"{path}{line}: not changed: {text}", file=sys.stderr)
    return True


if __name__ == "__main__":
    sys.exit(main())
