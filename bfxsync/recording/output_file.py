"""
The output file of a recorder: private, locked, and appended to only if it is a recording.

Strategy: all writes go to the end of an unbuffered file, as a forked child would write the content
of a buffer a second time.
"""

from __future__ import annotations

import os
import tempfile
import zlib
from contextlib import suppress
from io import FileIO
from typing import NamedTuple

from bfxsync._base.regular_files import open_regular
from bfxsync.recording.files import GZIP_MAGIC, lines_in
from bfxsync.recording.format import is_line, is_ours

try:
    import fcntl
except ImportError:  # on Windows
    fcntl = None  # type: ignore[assignment]

# The fastest: higher levels save a fifth of the bytes and take twice the time.
_LEVEL = 1

_WINDOW = 16 + zlib.MAX_WBITS


class OutputFile(NamedTuple):
    """An open file, and whether data appended to it must be compressed."""

    file: FileIO
    is_gzip: bool


def open_for_recording(path: str, append: bool) -> OutputFile:
    """
    Create a file, or open an empty one or, with `append`, a recording to continue.

    An incomplete last line of a recording is removed. While the file is open, no other recorder can
    open it.

    Raises
    ------
    OSError
        The file cannot be written, or is not a regular file.
    UsageError
        It is a recording of a later format version.
    ValueError
        The file is neither empty nor a recording, or it is damaged.
    """
    try:
        file = open_regular(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND)
    except FileExistsError:
        file = open_regular(path, os.O_RDWR | os.O_APPEND)
    try:
        found = os.fstat(file.fileno())
        if found.st_size and not append:
            raise ValueError("the file is not empty")
        lock_exclusively(file, "recorder")
        if found.st_mode & 0o077 and hasattr(os, "fchmod"):
            # An existing file, readable by others.
            os.fchmod(file.fileno(), 0o600)
        if not found.st_size:
            return OutputFile(file, True)
        return _prepare_to_append(path, file)
    except BaseException:
        file.close()
        raise


def compressor() -> zlib._Compress:
    """Return a compressor for one gzip member of a recording."""
    return zlib.compressobj(_LEVEL, zlib.DEFLATED, _WINDOW)


def write_all(file: FileIO, data: bytes) -> None:
    """Write all of the data, in as many system calls as it takes."""
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) or 0 :]


def _prepare_to_append(path: str, file: FileIO) -> OutputFile:
    is_gzip = file.read(len(GZIP_MAGIC)) == GZIP_MAGIC
    file.seek(0)
    first, last, is_truncated = _ends(file)
    # Other programs may have written lines of unknown kinds first, but not exclusively.
    if first and not (is_ours(first) or (is_line(first) and is_ours(last))):
        raise ValueError("the file is not a recording")
    is_whole = last.endswith(b"\n") or not last
    if is_truncated or not (is_whole or is_line(last)):
        if is_gzip:
            file = _without_last_line(path, file)
        else:
            os.ftruncate(file.fileno(), os.fstat(file.fileno()).st_size - len(last))
    elif not is_whole:
        packer = compressor()
        file.write(packer.compress(b"\n") + packer.flush() if is_gzip else b"\n")
    return OutputFile(file, is_gzip)


def _ends(file: FileIO) -> tuple[bytes, bytes, bool]:
    """Return the first and last line of a file, and whether it is truncated gzip data."""
    first = last = b""
    try:
        for last in lines_in(file):
            first = first or last
    except EOFError:
        return first, last, True
    except zlib.error as exc:
        raise ValueError(f"the file is damaged: {exc}") from exc
    return first, last, False


def _without_last_line(path: str, file: FileIO) -> FileIO:
    """
    Replace a gzipped file by a copy that ends with its last complete line.

    Data appended to truncated gzip data would be read as a part of it.
    """
    path = os.path.realpath(path)
    number, name = tempfile.mkstemp(dir=os.path.dirname(path))
    whole = FileIO(number, "r+")
    try:
        packer = compressor()
        file.seek(0)
        with suppress(EOFError):
            for line in lines_in(file):
                if line.endswith(b"\n"):
                    write_all(whole, packer.compress(line))
        write_all(whole, packer.flush())
        os.fsync(number)
        lock_exclusively(whole, "recorder")
        os.replace(name, path)
    except BaseException:
        whole.close()
        with suppress(OSError):
            os.unlink(name)
        raise
    file.close()
    return whole


def lock_exclusively(file: FileIO, user: str) -> None:
    """Lock a file until it is closed; raise `ValueError` if another `user` has locked it."""
    if fcntl is None:
        return
    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise ValueError(f"another {user} is using the file") from None
    except OSError:
        # Not all file systems support locks.
        pass
