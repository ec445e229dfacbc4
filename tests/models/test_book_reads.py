"""
What is read from a book, against sorted dicts of exact fractions.

Strategy: the reference adds up fractions, so it knows nothing of rounding. Answers in Decimals must
be equal to it (an average: to the last of 28 digits); floats may differ by their noise, and a level
that lies on the border within the noise may be on either side of it.
"""

from __future__ import annotations

import decimal
import pickle
from datetime import datetime, timezone
from decimal import Decimal
from fractions import Fraction
from typing import Any, List, Optional, Tuple

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import PRICES, SIZES

from bfxsync.book.queries import Depth
from bfxsync.book.snapshots import BookSnapshot
from bfxsync.errors import UsageError
from bfxsync.models import (
    BookUpdate,
    FundingBookUpdate,
    FundingRawBookUpdate,
    RawBookUpdate,
)

Side = List[Tuple[Any, Any]]
"""Price (or rate) and size, which is never negative."""

NOISE = 1e-9

FULL_SIDES = st.lists(st.tuples(PRICES, SIZES), min_size=1, max_size=8)

# Symbol, precision, and the level at this place of the book; an amount has the wire's sign.
KINDS = {
    "aggregated": ("tBTCUSD", "P0", lambda i, price, amount: [price, 1, amount]),
    "funding": ("fUSD", "P0", lambda i, rate, amount: [rate, 2 + i % 3, 1, amount]),
    "raw": ("tBTCUSD", "R0", lambda i, price, amount: [i + 1, price, amount]),
    "funding raw": ("fUSD", "R0", lambda i, rate, amount: [i + 1, 2, rate, amount]),
}
MODELS = {
    "aggregated": BookUpdate,
    "funding": FundingBookUpdate,
    "raw": RawBookUpdate,
    "funding raw": FundingRawBookUpdate,
}

ANY_KIND = st.sampled_from(list(KINDS))
NUMBERS = st.sampled_from([float, Decimal])


def frozen(kind: str, number: Any, bids: Side, asks: Side) -> BookSnapshot:
    """Make a book out of the texts of the numbers, as they would be read."""
    symbol, prec, row = KINDS[kind]
    model: Any = MODELS[kind]

    def read(value: Any) -> Any:
        if number is Decimal and isinstance(value, float):
            return Decimal(repr(value))
        return value

    def levels(side: Side, sign: int, ascending: bool) -> tuple[Any, ...]:
        ordered = sorted(side, key=lambda level: level[0], reverse=not ascending)
        return tuple(
            model.from_row(row(i, read(price), read(sign * size)), number)
            for i, (price, size) in enumerate(ordered)
        )

    sign = -1 if symbol.startswith("f") else 1
    return BookSnapshot(
        symbol,
        prec,
        levels(bids, sign, ascending=False),
        levels(asks, -sign, ascending=True),
        True,
        None,
    )


def exact(value: Any) -> Fraction:
    """Return what the number means: a float its shortest text."""
    return Fraction(str(value))


class Naive:
    """A book as two dicts of sizes by price."""

    def __init__(self, bids: Side, asks: Side) -> None:
        self.bids, self.asks = self.sizes(bids), self.sizes(asks)

    @staticmethod
    def sizes(side: Side) -> dict[Fraction, Fraction]:
        sizes: dict[Fraction, Fraction] = {}
        for price, size in side:
            price = exact(price)
            sizes[price] = sizes.get(price, Fraction(0)) + exact(size)
        return sizes

    def mid(self) -> Fraction:
        return (max(self.bids) + min(self.asks)) / 2

    def spread(self) -> Fraction:
        return min(self.asks) - max(self.bids)

    def depth(self, distance: Fraction) -> tuple[Fraction, Fraction]:
        bids = [s for price, s in self.bids.items() if price >= self.mid() - distance]
        asks = [s for price, s in self.asks.items() if price <= self.mid() + distance]
        return sum(bids, Fraction(0)), sum(asks, Fraction(0))

    def vwap(self, amount: Fraction, from_asks: bool) -> Optional[Fraction]:
        left, cost = abs(amount), Fraction(0)
        side = self.asks if from_asks else self.bids
        for price in sorted(side, reverse=not from_asks):
            taken = min(left, side[price])
            left, cost = left - taken, cost + taken * price
        return None if left else cost / abs(amount)


def is_near(value: Any, wanted: Fraction, number: Any, scale: Any = 0) -> bool:
    """Compare exactly or, for floats, up to the noise of numbers of this scale."""
    assert type(value) is number
    if number is Decimal:
        return exact(value) == wanted
    return abs(Fraction(value) - wanted) <= NOISE * max(abs(wanted), abs(scale))


# --- the middle ---------------------------------------------------------------------------------


@given(ANY_KIND, FULL_SIDES, FULL_SIDES, NUMBERS)
def test_mid_and_spread_are_those_of_the_best_prices(
    kind: str, bids: Side, asks: Side, number: Any
) -> None:
    book, naive = frozen(kind, number, bids, asks), Naive(bids, asks)
    assert is_near(book.mid, naive.mid(), number)
    assert (book.best_bid, book.best_ask) == (book.bids[0], book.asks[0])
    spread = book.spread
    # The difference of two whole prices is whole.
    spread = float(spread) if type(spread) is int else spread  # type: ignore[arg-type]
    assert is_near(spread, naive.spread(), number, scale=naive.mid())


@given(ANY_KIND, FULL_SIDES, NUMBERS, st.booleans())
def test_a_side_that_is_empty_gives_none(
    kind: str, side: Side, number: Any, is_bid: bool
) -> None:
    book = frozen(kind, number, side if is_bid else [], [] if is_bid else side)
    assert (book.mid, book.spread, book.microprice) == (None, None, None)
    assert book.imbalance() is book.imbalance(within=1) is None
    assert book.depth(within=1) is book.depth(within_ratio=1) is None
    assert (book.best_bid is None, book.best_ask is None) == (not is_bid, is_bid)
    for query in (book.vwap, book.cost):
        answers = {query(sign * 1e-9) is None for sign in (1, -1)}
        assert answers == {True, False}


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_book_gives_none(kind: str) -> None:
    book = frozen(kind, float, [], [])
    assert (book.best_bid, book.best_ask, book.mid, book.spread) == (None,) * 4
    assert book.depth(within=0) is None
    assert book.vwap(1) is None and book.vwap(-1) is None
    assert len(book) == 0


def test_a_crossed_book_has_a_negative_spread() -> None:
    book = frozen("aggregated", float, [(101, 1)], [(100, 1)])
    assert (book.mid, book.spread) == (100.5, -1)


@given(ANY_KIND, FULL_SIDES, FULL_SIDES, NUMBERS)
def test_microprice_weighs_the_best_prices(
    kind: str, bids: Side, asks: Side, number: Any
) -> None:
    book, naive = frozen(kind, number, bids, asks), Naive(bids, asks)
    bid, ask = max(naive.bids), min(naive.asks)
    buy, sell = naive.bids[bid], naive.asks[ask]
    wanted = (bid * sell + ask * buy) / (buy + sell)
    found: Any = book.microprice
    if number is Decimal:
        assert abs(exact(found) - wanted) <= abs(wanted) * Fraction(1, 10**27)
    assert is_near(float(found), wanted, float, scale=max(bid, ask))


def test_microprice_is_closer_to_the_smaller_amount() -> None:
    for kind in KINDS:
        book = frozen(kind, Decimal, [(100, 1), (100, 2), (99, 9)], [(104, 1)])
        assert book.microprice == 103, kind
    book = frozen("aggregated", Decimal, [(100, 1)], [(101, 2)])
    assert book.microprice == Decimal("100.3333333333333333333333333")


# --- imbalance ----------------------------------------------------------------------------------


@given(ANY_KIND, FULL_SIDES, FULL_SIDES, NUMBERS)
def test_imbalance_compares_the_amounts(
    kind: str, bids: Side, asks: Side, number: Any
) -> None:
    book, naive = frozen(kind, number, bids, asks), Naive(bids, asks)
    buy, sell = sum(naive.bids.values()), sum(naive.asks.values())
    found: Any = book.imbalance()
    assert type(found) is number and -1 < found < 1
    wanted = (buy - sell) / Fraction(buy + sell)
    assert is_near(float(found), wanted, float, scale=1)


def test_imbalance_counts_what_it_is_asked_for() -> None:
    for kind in KINDS:
        book = frozen(kind, Decimal, [(99, 3), (98, 4)], [(101, 1), (104, 1)])
        assert book.imbalance() == Decimal("0.5555555555555555555555555556"), kind
        assert book.imbalance(1) == book.imbalance(within=1) == Decimal("0.5")
        assert book.imbalance(within_ratio="0.02") == Decimal("0.75")
        assert book.imbalance(within=0) is book.imbalance(0) is None
    wide = frozen("aggregated", float, [(98, 1)], [(100, 1), (101, 3)])
    assert wide.imbalance(1) == 0.0 and wide.imbalance(2) == -0.6


@pytest.mark.parametrize(
    "arguments",
    [
        {"count": 1, "within": 1},
        {"count": 1, "within_ratio": 1},
        {"within": 1, "within_ratio": 1},
        {"count": -1},
        {"count": "3"},
        {"within": -1},
        {"within_ratio": "near"},
    ],
    ids=str,
)
def test_imbalance_refuses_what_counts_nothing(arguments: Any) -> None:
    for name in arguments:
        with pytest.raises(UsageError, match=rf"\b{name}\b"):
            frozen("aggregated", float, [], []).imbalance(**arguments)


# --- depth --------------------------------------------------------------------------------------


@given(
    ANY_KIND,
    FULL_SIDES,
    FULL_SIDES,
    NUMBERS,
    st.one_of(PRICES, st.sampled_from([0, "0.5", Decimal("48.5")])),
    st.booleans(),
)
def test_depth_adds_up_what_is_near_the_middle(
    kind: str, bids: Side, asks: Side, number: Any, distance: Any, as_ratio: bool
) -> None:
    book, naive = frozen(kind, number, bids, asks), Naive(bids, asks)
    reach = exact(distance)
    if as_ratio:
        reach *= naive.mid()
        depth = book.depth(within_ratio=distance)
    else:
        depth = book.depth(within=distance)
    assert isinstance(depth, Depth)
    # Half a noise on both sides of the border; none for Decimals.
    noise = 0 if number is Decimal else Fraction(NOISE) * (naive.mid() + reach)
    least, most = naive.depth(reach - noise), naive.depth(reach + noise)
    for total, low, high in zip(depth, least, most):
        assert type(total) is number
        slack = 0 if number is Decimal else Fraction(NOISE)
        assert low * (1 - slack) <= Fraction(total) <= high * (1 + slack)


def test_depth_is_the_size_of_both_sides_whatever_their_signs() -> None:
    sides: Any = [(99, 1), (98, 2.5), (90, 4)], [(101, 3), (103, 0.5)]
    for kind in KINDS:
        book = frozen(kind, float, *sides)
        assert book.depth(within=2) == (3.5, 3.0)
        assert book.depth(within_ratio=0.1) == (7.5, 3.5)
        assert book.depth(within=0) == Depth(bids=0.0, asks=0.0)


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"within": 1, "within_ratio": 1},
        {"within": -1},
        {"within_ratio": "-0.01"},
        {"within": "near"},
        {"within": float("nan")},
        {"within_ratio": True},
    ],
    ids=str,
)
def test_depth_refuses_what_is_no_distance(arguments: Any) -> None:
    # Also where there is nothing to add up.
    name = " or ".join(arguments) or "within"
    with pytest.raises(UsageError, match=rf"\b{name}\b"):
        frozen("aggregated", float, [], []).depth(**arguments)


# --- the average price --------------------------------------------------------------------------


@given(ANY_KIND, FULL_SIDES, FULL_SIDES, NUMBERS, SIZES, st.booleans())
def test_vwap_is_the_cost_over_the_amount(
    kind: str, bids: Side, asks: Side, number: Any, size: Any, from_asks: bool
) -> None:
    book, naive = frozen(kind, number, bids, asks), Naive(bids, asks)
    sign = 1 if from_asks is not book.is_funding else -1
    average = book.vwap(sign * size)
    wanted = naive.vwap(exact(size), from_asks)
    if number is Decimal:
        assert (average is None) is (wanted is None)
        if wanted is not None:
            assert type(average) is Decimal
            assert abs(exact(average) - wanted) <= abs(wanted) * Fraction(1, 10**27)
        return
    if average is None:
        assert naive.vwap(exact(size) * Fraction(1 + NOISE), from_asks) is None
    else:
        wanted = naive.vwap(exact(size) * Fraction(1 - NOISE), from_asks)
        assert wanted is not None
        assert type(average) in (int, float)
        assert is_near(float(average), wanted, float, scale=7001)


@given(ANY_KIND, FULL_SIDES, FULL_SIDES, NUMBERS, SIZES, st.booleans())
def test_cost_is_the_average_price_of_the_amount(
    kind: str, bids: Side, asks: Side, number: Any, size: Any, from_asks: bool
) -> None:
    book, naive = frozen(kind, number, bids, asks), Naive(bids, asks)
    sign = 1 if from_asks is not book.is_funding else -1
    cost: Any = book.cost(sign * size)
    average: Any = book.vwap(sign * size)
    assert (cost is None) is (average is None)
    if cost is None:
        return
    if number is Decimal:
        wanted = naive.vwap(exact(size), from_asks)
        assert wanted is not None
        assert exact(cost) == wanted * exact(size) * sign
    else:
        assert cost == pytest.approx(float(average) * sign * float(size))


def test_cost_is_paid_if_positive() -> None:
    for kind in ("aggregated", "raw"):
        book = frozen(kind, Decimal, [(99, 1), (98, 1)], [(101, 1), (102, 3)])
        costs = [book.cost(amount) for amount in ("3", "-1.5", "4.1", -3)]
        assert costs == [305, -148, None, None]
    lent = frozen("funding", Decimal, [(0.0002, 500)], [(0.0003, 100)])
    assert (lent.cost(500), lent.cost(-100)) == (Decimal("0.1"), Decimal("-0.03"))


@given(ANY_KIND, FULL_SIDES, FULL_SIDES, NUMBERS)
def test_what_depth_counts_can_be_traded(
    kind: str, bids: Side, asks: Side, number: Any
) -> None:
    """Also in floats, whose sums depend on the order in which they are added."""
    book = frozen(kind, number, bids, asks)
    depth = book.depth(within=10_000)
    assert depth is not None
    for total, is_bid in zip(depth, (True, False)):
        # As text, since even a minus would round a Decimal to 28 digits.
        sign = "-" if is_bid is not book.is_funding else ""
        assert book.vwap(f"{sign}{total}") is not None
        assert book.vwap(f"{sign}{total * 2}") is None


@given(ANY_KIND, FULL_SIDES, NUMBERS, st.sampled_from([1, 3, 7]))
def test_what_one_level_holds_costs_exactly_its_price(
    kind: str, asks: Side, number: Any, part: int
) -> None:
    book = frozen(kind, number, [], asks)
    best = book.best_ask
    size = abs(best.amount) / part
    average = book.vwap(size if book.is_funding is False else -size)
    assert average == (best.rate if book.is_funding else best.price)


def test_vwap_buys_from_the_asks_and_sells_to_the_bids() -> None:
    book = frozen("raw", float, [(99, 1), (98, 1)], [(101, 1), (102, 3)])
    assert book.vwap(0.5) == 101
    assert book.vwap(2) == 101.5
    assert book.vwap("4") == 101.75
    assert book.vwap(4.1) is None
    assert book.vwap(-2) == 98.5
    assert book.vwap(Decimal("-2.1")) is None


def test_vwap_lends_to_the_bids_and_borrows_from_the_asks() -> None:
    bids, asks = [(0.0002, 500), (0.0001, 500)], [(0.0003, 100)]
    book = frozen("funding", Decimal, bids, asks)
    assert book.vwap(1000) == Decimal("0.00015")
    assert book.vwap(-100) == Decimal("0.0003")
    assert book.vwap(-101) is None


@pytest.mark.parametrize("amount", [0, "0", -0.0, Decimal("0E-8"), None, "x", True])
def test_vwap_refuses_what_is_no_amount(amount: Any) -> None:
    book = frozen("aggregated", float, [], [])
    for query in (book.vwap, book.cost):
        with pytest.raises(UsageError, match="amount"):
            query(amount)


# --- numbers ------------------------------------------------------------------------------------


def test_an_applications_decimal_context_changes_nothing() -> None:
    bids: Side = [(64250.12345, 0.123456789012345), (64249, 1.5)]
    asks: Side = [(64251.98765, 0.987654321098765), (64253, 2)]
    book = frozen("aggregated", Decimal, bids, asks)

    def answers() -> list[Any]:
        depth = book.depth(within="5"), book.depth(within_ratio=Decimal("0.5"))
        of_amounts = book.vwap(2), book.vwap("-1.5"), book.cost("-1.5")
        of_tops = book.microprice, book.imbalance(), book.imbalance(within=5)
        return [book.mid, book.spread, *depth, *of_amounts, *of_tops]

    before = answers()
    traps = [decimal.Inexact, decimal.Rounded, decimal.FloatOperation]
    with decimal.localcontext(decimal.Context(prec=3, traps=traps)):
        assert answers() == before
    assert before[0] == Decimal("64251.05555")


def test_an_average_has_28_digits_at_most() -> None:
    book = frozen("aggregated", Decimal, [], [(100, 1), (101, 2)])
    assert book.vwap(3) == Decimal("100.6666666666666666666666667")


# --- the copy -----------------------------------------------------------------------------------


def copy() -> BookSnapshot:
    return frozen("aggregated", float, [(99, 1), (98, 1)], [(101, 1), (102, 3)])


def test_a_snapshot_cannot_be_changed() -> None:
    book = copy()
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        book.bids = ()  # type: ignore[misc]
    with pytest.raises((AttributeError, TypeError)):
        book.more = 1  # type: ignore[attr-defined]
    assert not hasattr(book, "__dict__")


def test_a_snapshot_shows_itself_in_a_line() -> None:
    assert repr(copy()) == "<BookSnapshot tBTCUSD P0: 2 bids, 2 asks>"
    assert len(copy()) == 4


def test_snapshots_of_the_same_state_are_equal_and_survive_pickling() -> None:
    book = attrs.evolve(copy(), verified_at=datetime.now(timezone.utc))
    assert book == pickle.loads(pickle.dumps(book))
    assert copy() == copy() != book


@pytest.mark.parametrize("count", [None, 0, 1, 2, 9])
def test_levels_of_a_snapshot_are_its_best(count: Optional[int]) -> None:
    book = copy()
    assert book.levels(count) == (book.bids[:count], book.asks[:count])


@pytest.mark.parametrize("count", [-1, 1.0, "1", True])
def test_a_count_of_levels_must_be_one(count: Any) -> None:
    with pytest.raises(UsageError, match="count"):
        copy().levels(count)


def test_frame_of_a_copy_has_the_types_of_its_levels() -> None:
    levels = (BookUpdate(Decimal("1.5"), 2, Decimal("0.1")),)
    frame = BookSnapshot("tBTCUSD", "P0", levels, (), True, None).df()
    assert list(frame.columns) == ["side", "price", "count", "amount"]
    assert frame["amount"].iloc[0] == Decimal("0.1")
    with pytest.raises(UsageError, match="^there are no rows: pass their class"):
        BookSnapshot("tBTCUSD", "P0", (), (), True, None).df()
