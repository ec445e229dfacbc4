"""
Message framing of HTTP responses: whether their end is unambiguous.

Strategy: a connection is reused only if the next byte on it certainly begins the next response.
A response with ambiguous framing (two lengths, a length and chunks, a status that must not have a
body) is read, but is the last one on its connection.

https://www.rfc-editor.org/rfc/rfc9112#section-6.3
"""

from __future__ import annotations

import re
from typing import Sequence

_DIGITS = re.compile(r"[0-9]+", re.ASCII)

SWITCHING_PROTOCOLS = 101

# Without a body by definition; if a server sends one anyway, it would be read as a response.
_BODILESS = (204, 205, 304)


def is_interim(status: int) -> bool:
    """Return whether a status is informational (1xx), so that the final response follows."""
    return 100 <= status < 200 and status != SWITCHING_PROTOCOLS


def has_certain_end(
    status: int, lengths: Sequence[str], encodings: Sequence[str]
) -> bool:
    """
    Return whether the connection may be reused after the response was read completely.

    Parameters
    ----------
    lengths, encodings : sequence of str
        Values of all ``Content-Length`` and ``Transfer-Encoding`` headers.
    """
    if status < 200 or status in _BODILESS:
        return False
    if encodings:
        is_chunked = [text.strip().lower() for text in encodings] == ["chunked"]
        return is_chunked and not lengths
    return len(lengths) == 1 and _DIGITS.fullmatch(lengths[0].strip()) is not None
