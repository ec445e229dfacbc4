"""
Decompression of responses in bounded pieces.

Strategy: urllib3's own decompression is not used. Versions before 2.6 apply any number of nested
encodings, and expand a whole block before its size can be checked (CVE-2025-66418,
CVE-2025-66471), and programs that already have requests cannot be made to upgrade. Only the
requested encoding is decoded, once, in pieces of at most a block.

https://www.rfc-editor.org/rfc/rfc9110#section-8.4
"""

from __future__ import annotations

import zlib
from typing import Iterable, Iterator

from bfxsync.errors import RemoteError

ACCEPTED = "gzip"

_PLAIN = ("", "identity")
_GZIP = ("gzip", "x-gzip")

_BLOCK_SIZE = 64 * 1024


def unpacked(blocks: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """
    Yield a decompressed body in bounded pieces.

    A truncated body ends early; its length or its JSON reveals that.

    Parameters
    ----------
    encoding : str
        The ``Content-Encoding`` header; several values are joined by commas.

    Raises
    ------
    RemoteError
        Another encoding than requested, or nested encodings.
    zlib.error
        Corrupt data.
    """
    name = encoding.strip().lower()
    if name in _PLAIN:
        yield from blocks
        return
    if name not in _GZIP:
        raise RemoteError(
            f"the response is encoded as {name[:100]!r}; {ACCEPTED!r} was requested"
        )
    unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS)
    for data in blocks:
        while data:
            if unpacker.eof:
                data = data.lstrip(b"\0")
                if not data:
                    break
                # Another gzip member follows.
                unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS)
            yield unpacker.decompress(data, _BLOCK_SIZE)
            data = unpacker.unused_data if unpacker.eof else unpacker.unconsumed_tail
    while not unpacker.eof:
        # Output still buffered after a full piece.
        piece = unpacker.decompress(b"", _BLOCK_SIZE)
        if not piece:
            return
        yield piece
