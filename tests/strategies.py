"""What properties are tried with: JSON, numbers, books and WebSocket frames."""

from __future__ import annotations

import json
from typing import Any, List

from hypothesis import strategies as st

FINITE = st.floats(allow_nan=False, allow_infinity=False)

# What both JSON readers take for the same: 64 bits, and text without lone surrogates.
INTEGERS = st.integers(-(2**63), 2**63 - 1)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)

SCALARS = st.none() | st.booleans() | INTEGERS | FINITE | TEXT

JSON_VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4)
    ),
    max_leaves=12,
)

JSON_TEXTS = st.builds(
    lambda value, ascii_only, indent: json.dumps(
        value, ensure_ascii=ascii_only, indent=indent
    ).encode(),
    JSON_VALUES,
    st.booleans(),
    st.sampled_from([None, 1]),
)

APPENDED = st.lists(JSON_VALUES, min_size=1, max_size=5)
"""Columns that a later version of the exchange might append to a row."""

PRICES = st.sampled_from([1, 2.0, 2, 2.5, 99.9, 1e-7, 0.00001, 7000, 7000.5, 1.7e-8])
"""Few, so that levels meet; whole ones come as `int` or `float`, as on the wire."""

SIZES = st.one_of(
    st.sampled_from([1, 0.5, 1e-7, 43.358118629999986, 1000.0]),
    st.floats(1e-8, 1e8),
    st.integers(1, 10**6),
)

AMOUNTS = st.builds(lambda size, sign: size * sign, SIZES, st.sampled_from([1, -1]))

UNITS = st.sampled_from([1, -1])

IDS = st.integers(1, 40)

PERIODS = st.integers(2, 5)

COUNTS = st.integers(0, 3)

LEVELS = st.tuples(PRICES, COUNTS, AMOUNTS)
"""Aggregated: price, count, amount."""

FUNDING_LEVELS = st.tuples(PRICES, PERIODS, COUNTS, AMOUNTS)
"""Aggregated: rate, period, count, amount."""

ORDERS = st.one_of(st.tuples(IDS, PRICES, AMOUNTS), st.tuples(IDS, st.just(0), UNITS))
"""Raw: id, price, amount."""

OFFERS = st.one_of(
    st.tuples(IDS, PERIODS, PRICES, AMOUNTS),
    st.tuples(IDS, PERIODS, st.just(0), UNITS),
)
"""Raw: id, period, rate, amount."""


def server_frame(
    opcode: int, payload: bytes = b"", *, final: bool = True, length_bytes: int = 0
) -> bytes:
    """Return an unmasked frame; `length_bytes` (2 or 8) forces a longer length field."""
    size = len(payload)
    first = bytes([opcode | (0x80 if final else 0)])
    if length_bytes == 8 or size > 0xFFFF:
        return first + b"\x7f" + size.to_bytes(8, "big") + payload
    if length_bytes == 2 or size > 125:
        return first + b"\x7e" + size.to_bytes(2, "big") + payload
    return first + bytes([size]) + payload


@st.composite
def cuts(draw: Any, data: bytes) -> List[bytes]:
    """Cut the bytes anywhere, also beside the ends of what is written there."""
    places = draw(st.lists(st.integers(0, len(data)), max_size=12).map(sorted))
    return [data[start:stop] for start, stop in zip([0, *places], [*places, len(data)])]


def blocks(items: List[Any]) -> st.SearchStrategy[List[List[Any]]]:
    """Part a list into blocks that are not empty."""

    def part(ends: List[bool]) -> List[List[Any]]:
        parted: List[List[Any]] = [[]]
        for item, is_end in zip(items, ends):
            parted[-1].append(item)
            if is_end:
                parted.append([])
        return [block for block in parted if block]

    return st.lists(st.booleans(), min_size=len(items), max_size=len(items)).map(part)
