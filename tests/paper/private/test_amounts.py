from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bfxsync.paper.engine.amounts import (
    QUANTUM,
    cost,
    cost_at_most,
    read_amount,
    read_positive,
    read_price,
    share,
)
from bfxsync.paper.engine.errors import Invalid
from bfxsync.paper.engine.units import SCALE


@pytest.mark.parametrize("text", ["2", "+2.0", " 2. ", "20e-1", ".2E1", "0.02e+2"])
def test_numbers_are_read_as_javascript_reads_them(text: str) -> None:
    assert read_amount("amount", text) == 2 * SCALE


OTHERS = [*"1_000 ２ ٢ 0x2 . e1 2e nan inf 1e99".split(), "", "1e" + "9" * 30]


@pytest.mark.parametrize("text", OTHERS)
def test_other_texts_are_no_numbers(text: str) -> None:
    with pytest.raises(Invalid, match="^amount: invalid$"):
        read_amount("amount", text)


amounts = st.integers(1, 10**13).map(lambda n: n * QUANTUM)
prices = st.integers(1, 10**13).map(lambda n: n * QUANTUM)


@given(st.lists(amounts, min_size=1, max_size=6), prices)
def test_what_is_held_back_is_enough_for_any_parts(
    parts: list[int], price: int
) -> None:
    whole = sum(parts)
    held = cost_at_most(whole, price)
    exact = Fraction(whole * price, SCALE)
    assert exact <= held < exact + QUANTUM
    paid = 0
    for part in parts:
        paid += cost(part, price)
        whole -= part
        assert paid + cost_at_most(whole, price) <= held
    assert exact - len(parts) * QUANTUM < paid <= exact
    assert paid % QUANTUM == held % QUANTUM == 0


@given(amounts, st.integers(0, 10_000))
def test_a_share_is_rounded_and_never_more_than_the_whole(
    amount: int, rate: int
) -> None:
    part = share(amount, rate)
    assert part % QUANTUM == 0 and part <= amount
    assert abs(part - Fraction(amount * rate, 10**6)) <= Fraction(QUANTUM, 2) + 1


@pytest.mark.parametrize(
    ("value", "found"),
    [("1", 1.0), (1, 1.0), (-0.5, -0.5), ("1e-8", 1e-8), ("0.000000015", 2e-8)],
)
def test_amounts_are_rounded_to_eight_places(value: object, found: float) -> None:
    assert read_amount("amount", value) == round(found * SCALE)


@pytest.mark.parametrize(
    ("value", "found"),
    [("64259.9", 64259), (0.00214567, 0.0021456), ("1e-8", 1e-8), (999_999, 999_990)],
)
def test_prices_are_cut_to_five_digits(value: object, found: float) -> None:
    assert read_price("price", value) == round(found * SCALE)


@pytest.mark.parametrize(
    "value",
    [None, "", "x", [], {}, True, "NaN", "sNaN", "inf", "-Infinity", "1e12", "1e-9"]
    + ["1e9999999", "-1e9999999", "1e-9999999", float("inf"), "0", 0],
)
def test_what_is_no_amount_is_refused(value: object) -> None:
    for read in (read_amount, read_positive, read_price):
        with pytest.raises(Invalid, match="amount: invalid"):
            read("amount", value)


@pytest.mark.parametrize("value", ["-1", -0.5])
def test_some_must_be_above_zero(value: object) -> None:
    for read in (read_positive, read_price):
        with pytest.raises(Invalid):
            read("amount", value)
