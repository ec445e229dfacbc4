"""
Bodies of answers, unpacked piece by piece.

Strategy: urllib3 is not asked to unpack. Its versions before 2.6 follow any number of encodings one
after the other, and unpack all that a block of some bytes makes before anybody can count it
(CVE-2025-66418, CVE-2025-66471); and a newer one can be demanded of no program that has requests
already. Only what was asked for is read here, once, and no piece is larger than a block.

References
----------
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
    Yield a body in pieces of a bounded size.

    A body that was cut off ends early: its length, or its JSON, tells.

    Parameters
    ----------
    blocks : iterable of bytes
        As they came.
    encoding : str
        The header ``Content-Encoding``; all of them, if there are several, with commas.

    Raises
    ------
    RemoteError
        It is packed in another way than was asked for, or more than once.
    zlib.error
        It is broken.
    """
    name = encoding.strip().lower()
    if name in _PLAIN:
        return iter(blocks)
    if name not in _GZIP:
        raise RemoteError(
            f"the answer is encoded as {name[:100]!r}; {ACCEPTED!r} was asked for"
        )
    return _unpacked(blocks)


def _unpacked(blocks: Iterable[bytes]) -> Iterator[bytes]:
    unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS)
    for data in blocks:
        while data:
            if unpacker.eof:
                data = data.lstrip(b"\0")
                if not data:
                    break
                # Another one follows.
                unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS)
            yield unpacker.decompress(data, _BLOCK_SIZE)
            data = unpacker.unused_data if unpacker.eof else unpacker.unconsumed_tail
    while not unpacker.eof:
        # What it still holds back, as the last piece was full.
        piece = unpacker.decompress(b"", _BLOCK_SIZE)
        if not piece:
            return
        yield piece
