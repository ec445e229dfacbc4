"""Orders of accounts on a recorded market, which plays on as if they were not there."""

from __future__ import annotations

from typing import Any, Callable, List, Sequence

import pytest

from bfxsync.paper.engine.units import SCALE
from bfxsync.paper.engine.venue import Fill
from bfxsync.paper.markets.captured import CapturedMarket
from bfxsync.paper.markets.recordings import MarketStep, Recording

from .support import MTS, EngineHarness

SYMBOL = "tLTCUSD"
BOOK = [[99, 1, 1], [98, 2, 3], [101, 1, -1], [102, 2, -3]]
TRADE = [1, MTS, 0.1, 100]


class RecordedHarness(EngineHarness):
    """The engine and one recorded market, whose steps the test gives."""

    def __init__(self) -> None:
        super().__init__()
        first = {SYMBOL: {"book": BOOK, "trades": [TRADE]}}
        books = {SYMBOL: ("P0", "F0", 25)}
        self.recorded = CapturedMarket(Recording("", first, books, []), SYMBOL)
        self.market_data.add(self.recorded)
        self.venues[SYMBOL] = self  # type: ignore[assignment]
        self.is_active = False
        self._trade_id = 1

    @property
    def market(self) -> CapturedMarket:
        return self.recorded

    def publish_fills(self, fills: Sequence[Fill] = ()) -> None: ...

    def set_active(self, is_active: bool) -> None:
        self.is_active = is_active

    def play(self, kind: str, *rows: List[Any]) -> None:
        """Play one step of the recording."""
        step = MarketStep(0, SYMBOL, kind, list(rows))
        self.market_data.publish(self.recorded, self.recorded.apply(step))
        self.recorded.end_step()

    def take(self, amount: float, price: float) -> None:
        """Play a trade; a negative amount is that of a seller."""
        self._trade_id += 1
        self.play("te", [self._trade_id, MTS, amount, price])

    def place(self, amount: str, price: object = None, kind: str = "LIMIT") -> Any:
        return self.submit(f"EXCHANGE {kind}", amount, price, SYMBOL)


@pytest.fixture
def harness() -> RecordedHarness:
    return RecordedHarness()


def filled(order: Any) -> list[tuple[float, float]]:
    return [(price / SCALE, amount / SCALE) for price, amount in order.fills]


def levels(harness: RecordedHarness) -> list[list[float]]:
    depth = harness.recorded.book.depth("P0")
    return [
        [level.price / SCALE, level.orders, sign * level.amount / SCALE]
        for side, sign in ((depth.bids, 1), (depth.asks, -1))
        for level in side
    ]


def test_a_market_order_meets_the_recorded_book(harness: RecordedHarness) -> None:
    order = harness.place("2", kind="MARKET")
    assert filled(order) == [(101, 1), (102, 1)]
    assert order.status.startswith("EXECUTED @ 102(1)")
    assert levels(harness) == BOOK
    assert [row[0] for row in harness.recorded.trades] == [1]


def test_what_an_order_has_taken_is_gone_for_the_next(harness: RecordedHarness) -> None:
    harness.place("1.5", kind="MARKET")
    assert filled(harness.place("1", kind="MARKET")) == [(102, 1)]
    # A level that comes again has all of its amount.
    harness.play("book", [101, 0, -1])
    harness.play("book", [101, 1, -2])
    assert filled(harness.place("1", kind="MARKET")) == [(101, 1)]
    assert filled(harness.place("1.2", kind="MARKET")) == [(101, 1), (102, 0.2)]


def test_what_the_book_cannot_fill_of_an_order_rests(harness: RecordedHarness) -> None:
    order = harness.place("2", 101)
    assert filled(order) == [(101, 1)] and order.is_open and harness.is_active
    assert levels(harness) == BOOK
    harness.play("book", [101, 1, -1.5])
    assert filled(order) == [(101, 1), (101, 0.5)]
    harness.engine.cancel(harness.account, [order])
    assert order.status.startswith("CANCELED") and not harness.is_active


@pytest.mark.parametrize("sign", [1, -1], ids=["purchase", "sale"])
def test_an_order_is_filled_by_trades_beyond_its_price(
    harness: RecordedHarness, sign: int
) -> None:
    order = harness.place(str(sign), 100)
    harness.take(-sign * 5, 100)  # recorded orders may have come before it
    harness.take(sign * 5, 100 - sign)  # of its own side
    harness.take(-sign * 0.25, 100 - sign)
    assert filled(order) == [(100, sign * 0.25)]
    # A trade is over when the next event comes.
    harness.play("ticker", [1.0] * 10)
    assert len(order.fills) == 1
    harness.take(-sign * 5, 100 - sign)
    assert filled(order) == [(100, sign * 0.25), (100, sign * 0.75)]
    assert all(trade[8] == 1 for trade in harness.account.trades)


def test_orders_share_the_amount_of_one_trade(harness: RecordedHarness) -> None:
    orders = [harness.place("1", 100), harness.place("1", 100)]
    harness.take(-1.5, 99)
    assert [filled(order) for order in orders] == [[(100, 1)], [(100, 0.5)]]
    late = harness.place("1", 100)
    harness.place("1", 200, kind="STOP")  # after which all are checked again
    assert late.fills == []


def test_a_resting_order_is_filled_at_its_own_price(harness: RecordedHarness) -> None:
    order = harness.place("1", 100)
    harness.play("book", [95, 1, -4])
    assert filled(order) == [(100, 1)]


def test_a_stop_takes_from_the_recorded_book(harness: RecordedHarness) -> None:
    order = harness.place("-1", 99.5, kind="STOP")
    harness.take(-0.1, 99.4)
    assert filled(order) == [(99, -1)]


CLOSED: dict[str, tuple[str, Callable[[RecordedHarness], Any]]] = {
    "post-only": (
        "POSTONLY CANCELED",
        lambda harness: harness.submit("EXCHANGE LIMIT", "1", 101, SYMBOL, flags=4096),
    ),
    "fill or kill": (
        "FILLORKILL CANCELED",
        lambda harness: harness.place("2", 101, "FOK"),
    ),
    "immediate or cancel": (
        "IOC CANCELED was: PARTIALLY FILLED @ 101(1)",
        lambda harness: harness.place("2", 101, "IOC"),
    ),
}


@pytest.mark.parametrize("name", CLOSED)
def test_terms_of_an_order_look_at_the_recorded_book(
    harness: RecordedHarness, name: str
) -> None:
    status, place = CLOSED[name]
    assert place(harness).status == status
