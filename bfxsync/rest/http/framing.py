"""
Where an answer of HTTP ends, as its head says.

Strategy: a connection is used again only when it is certain that the next byte on it begins the
next answer. What the head leaves open (two lengths, a length and chunks, a status whose body some
servers send all the same) may be read, but is the last on its connection.

References
----------
https://www.rfc-editor.org/rfc/rfc9112#section-6.3
"""

from __future__ import annotations

import re
from typing import Sequence

_DIGITS = re.compile(r"[0-9]+", re.ASCII)

SWITCHING_PROTOCOLS = 101

# Without a body by definition: whoever sends one all the same would have it taken for an answer.
_BODILESS = (204, 205, 304)


def is_interim(status: int) -> bool:
    """Tell whether the real answer is still to come: 100, 102, 103 and what may be added."""
    return 100 <= status < 200 and status != SWITCHING_PROTOCOLS


def has_certain_end(
    status: int, lengths: Sequence[str], encodings: Sequence[str]
) -> bool:
    """
    Tell whether the connection may be used again after an answer that was read to its end.

    Parameters
    ----------
    status : int
    lengths, encodings : sequence of str
        Of each ``Content-Length`` and each ``Transfer-Encoding`` of the head.
    """
    if status < 200 or status in _BODILESS:
        return False
    if encodings:
        is_chunked = [text.strip().lower() for text in encodings] == ["chunked"]
        return is_chunked and not lengths
    return len(lengths) == 1 and _DIGITS.fullmatch(lengths[0].strip()) is not None
