"""Rows that the compiled reader accepts are read as the loop over the fields reads them."""

from __future__ import annotations

from itertools import product
from math import inf
from typing import Any, List

from hypothesis import given
from hypothesis import strategies as st

from bfxsync.errors import RemoteError
from bfxsync.models.objects import flags, texts
from bfxsync.models.orders import Order
from bfxsync.models.rows import Kind, Layout

FIELDS = [(kind.name, place, kind) for place, kind in enumerate(Kind)]
LAYOUT = Layout("Model", *FIELDS, ("flags", 12, flags), ("texts", 10, texts))
USUAL: List[Any] = [0.5, None, 1, None, 0, None, "a", None, None, {}, [], None, 64]

values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 5),
    st.integers(),
    st.sampled_from((2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 10**400)),
    st.floats(),
    st.sampled_from(("", "1", "1.5", "{}", "x")),
    st.sampled_from(([], ["a"], [1], {}, {"a": 1})),
)


def read(layout: Layout, row: Any) -> Any:
    try:
        return [(type(value), value) for value in layout.read(row, float)]
    except RemoteError as exc:
        return str(exc)


def by_loop(layout: Layout, row: Any) -> Any:
    other = Layout(layout.name, *layout.fields)
    other._read_usual = lambda row: None
    return read(other, row)


@given(
    st.dictionaries(st.integers(0, len(USUAL) - 1), values, max_size=4),
    st.integers(0, 14),
)
def test_any_row_is_read_as_by_the_loop(changes: Any, length: int) -> None:
    row = [changes.get(place, value) for place, value in enumerate(USUAL)]
    for each in (row, row[:length], [*row, "new"]):
        assert read(LAYOUT, each) == by_loop(LAYOUT, each)


def test_any_row_of_an_order_is_read_as_by_the_loop() -> None:
    for place, value in product(range(32), (None, 1, 0.5, "a", True, [], 2**63, inf)):
        row: List[Any] = [1, None, 2, "tBTCUSD", 3, 4, 0.5, 1, "LIMIT", *[None] * 23]
        row[12:14] = 0, "ACTIVE"
        row[place] = value
        assert read(Order._layout, row) == by_loop(Order._layout, row), place


def test_usual_rows_are_read_without_the_loop() -> None:
    layout = Layout("Model", *FIELDS)
    assert layout.read(USUAL, float) == USUAL[: len(FIELDS)]
    read_usual = layout._read_usual
    assert read_usual is not None and read_usual(USUAL) == USUAL[: len(FIELDS)]
    layout.read(USUAL, float)
    assert layout._read_usual is read_usual
