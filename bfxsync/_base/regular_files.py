"""
Opening files whose paths come from users.

Strategy: only regular files are opened: opening a named pipe would block, and opening a device may
have effects.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from io import FileIO

_FLAGS = (
    getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_BINARY", 0)
)


def open_regular(path: str, flags: int, mode: int = 0o600) -> FileIO:
    """
    Open a regular file, unbuffered; by its default `mode` a new file is readable by its owner only.

    Raises `OSError` if it is not a regular file, and `ValueError` if the path is invalid.
    """
    with suppress(FileNotFoundError):
        # Before opening, which may have effects on a device.
        _check_regular(os.stat(path))

    def opened(path: str, _: int) -> int:
        return os.open(path, flags | _FLAGS, mode)

    # It owns the descriptor from the beginning: after an interrupt two owners would both close it,
    # the second one when another thread may have got its number. "r+" truncates nothing.
    file = FileIO(path, "r" if flags == os.O_RDONLY else "r+", opener=opened)
    try:
        _check_regular(os.fstat(file.fileno()))
    except BaseException:
        file.close()
        raise
    return file


def _check_regular(found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise OSError("it is not a regular file")
