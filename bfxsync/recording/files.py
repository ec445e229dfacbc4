"""
The files of recordings: read in bounded pieces, and opened for nobody else to read.

Strategy: a recording may come from somebody else, and may have been cut off by a crash. So it is
unpacked piece by piece, a line has a longest length, and nothing but a regular file is opened: a
named pipe would wait for its other end, and a device may do anything.
"""

from __future__ import annotations

import os
import stat
import tempfile
import zlib
from contextlib import closing, suppress
from io import FileIO
from typing import IO, Callable, Iterator, NamedTuple

try:
    import fcntl
except ImportError:  # on Windows
    fcntl = None  # type: ignore[assignment]

MAX_LINE_SIZE = 97 * 2**20
"""Bytes of a line: the longest message (16 MiB), each byte of it escaped as ``\\u0000``."""

MAX_BESIDE_TEXTS = 2**20
"""Bytes of a line that are in none of its texts, quotes included; of a message it has few."""

_BLOCK_SIZE = 64 * 1024
_MAGIC = b"\x1f\x8b"
_WINDOW = 16 + zlib.MAX_WBITS

# The fastest: higher ones save a fifth of the bytes for twice the time.
LEVEL = 1

_FLAGS = (
    getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_BINARY", 0)
)


class OpenedFile(NamedTuple):
    """
    A file to write to the end of.

    Attributes
    ----------
    file : FileIO
        Without a buffer, which the child of a fork would write once more.
    is_gzip : bool
        Whether what is written to it is to be packed.
    """

    file: FileIO
    is_gzip: bool


def read_lines(path: str) -> Iterator[bytes]:
    """
    Yield the lines of a file, gzipped or not, each with its end.

    Raises
    ------
    EOFError
        It is gzipped and was cut off; up to there it is good.
    OSError
        It cannot be read, or is no regular file.
    ValueError
        It is neither gzipped nor JSON lines, or a line is longer than `MAX_LINE_SIZE`, or has more
        than `MAX_BESIDE_TEXTS` beside its texts.
    zlib.error
        It is broken.
    """
    with closing(_open(path, os.O_RDONLY)) as file:
        yield from lines_in(file)


def lines_in(file: IO[bytes] | FileIO) -> Iterator[bytes]:
    """Yield the lines of a file that is open; see `read_lines`."""
    return _lines(_blocks(file))


def open_for_recording(
    path: str,
    append: bool,
    is_line: Callable[[bytes], bool],
    is_ours: Callable[[bytes], bool],
) -> OpenedFile:
    """
    Open a file that is not there yet or empty; or a recording, to continue it.

    A last line that was cut off is taken away from it. While it is open no other process can
    open it in this way.

    Parameters
    ----------
    path : str
    append : bool
        Something may stand in it.
    is_line : callable
        Tells whether something may be a line of a recording.
    is_ours : callable
        Tells whether it can be nothing else.

    Raises
    ------
    OSError
        It cannot be used, or is no regular file.
    ValueError
        Something stands in it, or not a recording; or it is broken.
    """
    try:
        file = _open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND)
    except FileExistsError:
        file = _open(path, os.O_RDWR | os.O_APPEND)
    try:
        found = os.fstat(file.fileno())
        if found.st_size and not append:
            raise ValueError("something stands in it already")
        _lock(file)
        if found.st_mode & 0o077 and hasattr(os, "fchmod"):
            # It was there before, for others to read.
            os.fchmod(file.fileno(), 0o600)
        if not found.st_size:
            return OpenedFile(file, True)
        return _at_its_end(path, file, is_line, is_ours)
    except BaseException:
        file.close()
        raise


def _at_its_end(
    path: str,
    file: FileIO,
    is_line: Callable[[bytes], bool],
    is_ours: Callable[[bytes], bool],
) -> OpenedFile:
    """Prepare a recording in which something stands for more of it."""
    is_gzip = file.read(len(_MAGIC)) == _MAGIC
    file.seek(0)
    first, last, is_cut = _ends(file)
    # Other programs may have written something before it, but not all of it.
    if first and not (is_ours(first) or (is_line(first) and is_ours(last))):
        raise ValueError("what stands in it is no recording")
    is_whole = last.endswith(b"\n") or not last
    if is_cut or not (is_whole or is_line(last)):
        if is_gzip:
            file = _without_last_line(path, file)
        else:
            os.ftruncate(file.fileno(), os.fstat(file.fileno()).st_size - len(last))
    elif not is_whole:
        file.write(_packed(b"\n") if is_gzip else b"\n")
    return OpenedFile(file, is_gzip)


def _ends(file: FileIO) -> tuple[bytes, bytes, bool]:
    """Return the first and the last line, and whether it is gzip that was cut off."""
    first = last = b""
    try:
        for last in lines_in(file):
            first = first or last
    except EOFError:
        return first, last, True
    except zlib.error as exc:
        raise ValueError(f"what stands in it is broken: {exc}") from exc
    return first, last, False


def _without_last_line(path: str, file: FileIO) -> FileIO:
    """
    Replace a gzipped file by one that ends with its last whole line.

    Nothing can follow gzip that was cut off: it would be read as the rest of it.
    """
    path = os.path.realpath(path)
    number, name = tempfile.mkstemp(dir=os.path.dirname(path))
    whole = FileIO(number, "r+")
    try:
        packer = zlib.compressobj(LEVEL, zlib.DEFLATED, _WINDOW)
        file.seek(0)
        with suppress(EOFError):
            for line in lines_in(file):
                if line.endswith(b"\n"):
                    write_all(whole, packer.compress(line))
        write_all(whole, packer.flush())
        os.fsync(number)
        _lock(whole)
        os.replace(name, path)
    except BaseException:
        whole.close()
        with suppress(OSError):
            os.unlink(name)
        raise
    file.close()
    return whole


def write_all(file: FileIO, data: bytes) -> None:
    """Write all of it, however many turns the system takes for that."""
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) or 0 :]


def _packed(data: bytes) -> bytes:
    packer = zlib.compressobj(LEVEL, zlib.DEFLATED, _WINDOW)
    return packer.compress(data) + packer.flush()


def _lock(file: FileIO) -> None:
    if fcntl is None:
        return
    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise ValueError("something else is recording to it") from None
    except OSError:
        # Some file systems know no locks.
        pass


def _open(path: str, flags: int) -> FileIO:
    with suppress(FileNotFoundError):
        # First, as to open a device may have effects.
        _check(os.stat(path))
    number = os.open(path, flags | _FLAGS, 0o600)
    try:
        _check(os.fstat(number))
        # The mode says what may be done, and cuts nothing off.
        return FileIO(number, "r" if flags == os.O_RDONLY else "r+")
    except BaseException:
        os.close(number)
        raise


def _check(found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise OSError("it is not a regular file")


def _blocks(file: IO[bytes] | FileIO) -> Iterator[bytes]:
    """Yield what stands in a file, gzipped or not, in pieces of a bounded size."""
    data = file.read(_BLOCK_SIZE)
    if not data.startswith(_MAGIC):
        if data and not data.startswith(b"{"):
            raise ValueError("it is neither gzipped nor JSON lines")
        while data:
            yield data
            data = file.read(_BLOCK_SIZE)
        return
    while data:
        unpacker = zlib.decompressobj(_WINDOW)
        while not unpacker.eof:
            block = unpacker.decompress(data, _BLOCK_SIZE)
            if block:
                yield block
            if unpacker.eof:
                break
            data = unpacker.unconsumed_tail or file.read(_BLOCK_SIZE)
            if not data and not block:
                raise EOFError("it was cut off")
        # Another one may follow, behind zeros.
        data = unpacker.unused_data.lstrip(b"\0")
        while not data:
            more = file.read(_BLOCK_SIZE)
            if not more:
                return
            data = more.lstrip(b"\0")


def _lines(blocks: Iterator[bytes]) -> Iterator[bytes]:
    parts: list[bytes] = []
    size = 0
    for block in blocks:
        *ended, rest = block.split(b"\n")
        for line in ended:
            if parts:
                line = b"".join((*parts, line))
                parts.clear()
                size = 0
            _check_size(len(line))
            _check_texts(line)
            yield line + b"\n"
        if rest:
            parts.append(rest)
            size += len(rest)
            _check_size(size)
    if parts:
        line = b"".join(parts)
        _check_texts(line)
        yield line


def _check_size(size: int) -> None:
    if size > MAX_LINE_SIZE:
        raise ValueError(f"a line has more than {MAX_LINE_SIZE} bytes")


def _check_texts(line: bytes) -> None:
    """
    Refuse a long line that is not mostly text.

    Read as JSON it could take thirty times its size: ``[],`` is an object of 64 bytes.
    """
    if len(line) <= MAX_BESIDE_TEXTS:
        return
    # Without escapes, so that each quote begins or ends a text.
    line = line.replace(b"\\\\", b"").replace(b'\\"', b"")
    beside = 0
    end = -1
    while end < len(line):
        begin = line.find(b'"', end + 1)
        begin = len(line) if begin < 0 else begin
        beside += begin - end
        if beside > MAX_BESIDE_TEXTS:
            raise ValueError(
                f"a line has more than {MAX_BESIDE_TEXTS} bytes beside its texts"
            )
        end = line.find(b'"', begin + 1)
        end = len(line) if end < 0 else end
        beside += 1
