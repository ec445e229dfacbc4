"""The grammar of an order's status."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bfxsync.models.order_status import Fill, OrderStatus

# Text, word, fills, words of the history, note. Of the exchange's documentation, of rows that
# other clients have logged; the last ones are constructed.
STATUSES: list[tuple[str, str, list[tuple[str, str]], list[str], Any]] = [
    ("ACTIVE", "ACTIVE", [], [], None),
    ("CANCELED", "CANCELED", [], [], None),
    ("POSTONLY CANCELED", "POSTONLY CANCELED", [], [], None),
    ("FILLORKILL CANCELED", "FILLORKILL CANCELED", [], [], None),
    ("IOC CANCELED", "IOC CANCELED", [], [], None),
    ("INSUFFICIENT MARGIN", "INSUFFICIENT MARGIN", [], [], None),
    ("INSUFFICIENT BALANCE (G1)", "INSUFFICIENT BALANCE (G1)", [], [], None),
    ("INSUFFICIENT BALANCE (U1)", "INSUFFICIENT BALANCE (U1)", [], [], None),
    ("RSN_POS_REDUCE_FLIP", "RSN_POS_REDUCE_FLIP", [], [], None),
    ("EXECUTED @ 107.6(-0.2)", "EXECUTED", [("107.6", "-0.2")], [], None),
    ("FORCED EXECUTED @ 8900.0(1)", "FORCED EXECUTED", [("8900.0", "1")], [], None),
    (
        "PARTIALLY FILLED @ 578.81(-0.1)",
        "PARTIALLY FILLED",
        [("578.81", "-0.1")],
        [],
        None,
    ),
    (
        "EXECUTED @ 916.2(0.78): was PARTIALLY FILLED @ 915.9(0.22)",
        "EXECUTED",
        [("916.2", "0.78"), ("915.9", "0.22")],
        ["PARTIALLY FILLED"],
        None,
    ),
    (
        "CANCELED was: PARTIALLY FILLED @ 107.6(-0.2)",
        "CANCELED",
        [("107.6", "-0.2")],
        ["PARTIALLY FILLED"],
        None,
    ),
    ("RSN_DUST was: ACTIVE (note: POSCLOSE)", "RSN_DUST", [], ["ACTIVE"], "POSCLOSE"),
    ("INSUFFICIENT MARGIN was: ACTIVE", "INSUFFICIENT MARGIN", [], ["ACTIVE"], None),
    (
        "PARTIALLY FILLED @ 1.5(2),1.6(3)",
        "PARTIALLY FILLED",
        [("1.5", "2"), ("1.6", "3")],
        [],
        None,
    ),
    (
        "EXECUTED @ 1.0(2.0): was PARTIALLY FILLED @ 1.1(1.0), PARTIALLY FILLED @ 1.2(1)",
        "EXECUTED",
        [("1.0", "2.0"), ("1.1", "1.0"), ("1.2", "1")],
        ["PARTIALLY FILLED", "PARTIALLY FILLED"],
        None,
    ),
    (
        "INSUFFICIENT BALANCE (G1) was: PARTIALLY FILLED @ 1e-7(20)",
        "INSUFFICIENT BALANCE (G1)",
        [("1e-7", "20")],
        ["PARTIALLY FILLED"],
        None,
    ),
    ("EXECUTED at 0.0368% (57.9)", "EXECUTED", [("0.000368", "57.9")], [], None),
    ("EXECUTED @ Infinity(NaN)", "EXECUTED", [], [], None),
    ("EXECUTED @ 1.5(NaN)", "EXECUTED", [], [], None),
    ("EXECUTED @ Infinity(2)", "EXECUTED", [], [], None),
    ("", "", [], [], None),
    ("something new", "SOMETHING NEW", [], [], None),
    ("1 something", "1 SOMETHING", [], [], None),
    # As users of other clients quote them.
    ("Executed @ 12.0(1.0)", "EXECUTED", [("12.0", "1.0")], [], None),
    ("executed at 0.0368% (57.9)", "EXECUTED", [("0.000368", "57.9")], [], None),
    (
        "Insufficient Funds (G1) was: Partially Filled @ 1.5(2.0)",
        "INSUFFICIENT FUNDS (G1)",
        [("1.5", "2.0")],
        ["PARTIALLY FILLED"],
        None,
    ),
    (
        "insufficient balance (g1) was: partially filled @ 2.5(3.0)",
        "INSUFFICIENT BALANCE (G1)",
        [("2.5", "3.0")],
        ["PARTIALLY FILLED"],
        None,
    ),
    ("Cancelled", "CANCELED", [], [], None),
    (
        "PostOnly Cancelled Was: Active (Note: posclose)",
        "POSTONLY CANCELED",
        [],
        ["ACTIVE"],
        "posclose",
    ),
]


@pytest.mark.parametrize("number", [float, Decimal])
@pytest.mark.parametrize(
    "text, word, fills, history, note", STATUSES, ids=[s[0] for s in STATUSES]
)
def test_status_is_taken_apart(
    text: str, word: str, fills: Any, history: list[str], note: Any, number: Any
) -> None:
    status = OrderStatus.parse(text, number)
    assert (status.text, status.word, status.note) == (text, word, note)
    wanted = [Fill(number(price), number(amount)) for price, amount in fills]
    assert list(status.fills) == wanted
    assert all(type(fill.price) is number for fill in status.fills)
    assert [before.word for before in status.history] == history


def test_status_before_has_its_own_fills_only() -> None:
    text = "EXECUTED @ 3(1): was PARTIALLY FILLED @ 2(1), PARTIALLY FILLED @ 1(1)"
    status = OrderStatus.parse(text)
    assert [len(before.fills) for before in status.history] == [1, 1]
    assert [before.text for before in status.history] == [
        "PARTIALLY FILLED @ 2(1)",
        "PARTIALLY FILLED @ 1(1)",
    ]
    assert sum(fill.amount for fill in status.fills) == 3


@pytest.mark.parametrize(
    "text, is_open, is_executed",
    [
        ("ACTIVE", True, False),
        ("PARTIALLY FILLED @ 578.81(-0.1)", True, False),
        ("EXECUTED @ 107.6(-0.2)", False, True),
        ("FORCED EXECUTED", False, True),
        ("CANCELED was: PARTIALLY FILLED @ 107.6(-0.2)", False, False),
        ("IOC CANCELED", False, False),
        ("RSN_DUST was: ACTIVE", False, False),
        ("", False, False),
    ],
)
def test_first_word_decides(text: str, is_open: bool, is_executed: bool) -> None:
    status = OrderStatus.parse(text)
    assert (status.is_open, status.is_executed) == (is_open, is_executed)


PARTS = st.sampled_from(
    ["EXECUTED", " @ ", "1.5", "(", ")", "-2", ":", " was", ": ", ", ", "note: ", "%"]
)


@given(st.text(max_size=60) | st.lists(PARTS, max_size=40).map("".join))
def test_r14_any_text_is_a_status(text: str) -> None:
    status = OrderStatus.parse(text)
    assert status.text == text
    assert isinstance(repr(status), str)
    assert status == OrderStatus.parse(text)
