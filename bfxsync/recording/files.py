"""
Reads the lines of recordings in pieces of bounded size.

Strategy: a recording may come from an untrusted source, or be truncated by a crash. So it is
decompressed piece by piece, lines have a maximum length, and only regular files are opened.
"""

from __future__ import annotations

import os
import zlib
from contextlib import closing
from io import FileIO
from typing import IO, Iterator

from bfxsync._base.regular_files import open_regular

MAX_LINE_SIZE = 97 * 2**20
"""Maximum size of a line: the longest message (16 MiB), each byte escaped as ``\\u0000``."""

MAX_BESIDE_TEXTS = 2**20
"""Maximum number of bytes of a line outside its strings, quotes included; a message has few."""

GZIP_MAGIC = b"\x1f\x8b"

_BLOCK_SIZE = 64 * 1024
_WINDOW = 16 + zlib.MAX_WBITS


def read_lines(path: str) -> Iterator[bytes]:
    """
    Yield the lines of a file, gzipped or not, with their line ends.

    Raises
    ------
    EOFError
        The gzip data is truncated; all previous lines have been yielded.
    OSError
        The file cannot be read, or is not a regular file.
    ValueError
        The file is neither gzip nor JSON lines, or a line is longer than `MAX_LINE_SIZE` or has
        more than `MAX_BESIDE_TEXTS` outside its strings.
    zlib.error
        The gzip data is damaged.
    """
    with closing(open_regular(path, os.O_RDONLY)) as file:
        yield from lines_in(file)


def lines_in(file: IO[bytes] | FileIO) -> Iterator[bytes]:
    """Yield the lines of an open file; see `read_lines`."""
    return _split(_blocks(file))


def _blocks(file: IO[bytes] | FileIO) -> Iterator[bytes]:
    """Yield the content of a file, decompressed, in pieces of bounded size."""
    data = file.read(_BLOCK_SIZE)
    if not data.startswith(GZIP_MAGIC):
        if data and not data.startswith(b"{"):
            raise ValueError("the file is neither gzipped nor JSON lines")
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
                raise EOFError("it is truncated")
        # Another gzip member may follow, after zero padding.
        data = unpacker.unused_data.lstrip(b"\0")
        while not data:
            more = file.read(_BLOCK_SIZE)
            if not more:
                return
            data = more.lstrip(b"\0")


def _split(blocks: Iterator[bytes]) -> Iterator[bytes]:
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
    Refuse a long line that is not mostly strings.

    Decoded JSON may take thirty times its size: ``[],`` becomes an object of 64 bytes.
    """
    if len(line) <= MAX_BESIDE_TEXTS:
        return
    # Without escapes, so that each quote starts or ends a string.
    line = line.replace(b"\\\\", b"").replace(b'\\"', b"")
    beside = 0
    end = -1
    while end < len(line):
        start = line.find(b'"', end + 1)
        start = len(line) if start < 0 else start
        beside += start - end
        if beside > MAX_BESIDE_TEXTS:
            raise ValueError(
                f"a line has more than {MAX_BESIDE_TEXTS} bytes outside its strings"
            )
        end = line.find(b'"', start + 1)
        end = len(line) if end < 0 else end
        beside += 1
