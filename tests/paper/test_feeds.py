from __future__ import annotations

import json
from typing import Any, Sequence

import pytest

from bfxsync.paper.engine.book import Entry
from bfxsync.paper.engine.units import to_units
from bfxsync.paper.faults import check_fault
from bfxsync.paper.markets.market import BookChanged, Market, TickerCame, Traded
from bfxsync.paper.server.book_window import checksum_of
from bfxsync.paper.server.feeds import Identity
from bfxsync.paper.server.market_data import MarketData
from bfxsync.paper.server.wire_json import encode

BOOK = Identity("book", "tETHUSD", "P0", "F0", 25)
SLOW_BOOK = BOOK._replace(freq="F1")
TRADES = Identity("trades", "tETHUSD")
TICKER = Identity("ticker", "tETHUSD")


class Listener:
    """A channel that writes down what it gets."""

    def __init__(self) -> None:
        self.got: list[Any] = []

    def frame(self, body: str) -> None:
        self.got.append(json.loads(f"[{body}]"))

    def rows(self, rows: Sequence[str]) -> None:
        self.got.append([json.loads(row) for row in rows])

    def checksum(self, value: int) -> None:
        self.got.append(["cs", value])


class Stage:
    """Market data with one market, whose clock the test sets."""

    def __init__(self, symbol: str = "tETHUSD") -> None:
        self.market = Market(symbol)
        period = [2] if self.market.is_funding else []
        self.market.record([1, 1_700_000_000_000, 0.5, 2500, *period])
        self.market_data = MarketData(checksum_s=2.5, ticker_s=1.0)
        self.market_data.add(self.market)
        self.order_id = 0

    def listen(self, identity: Identity) -> tuple[Listener, Any]:
        listener = Listener()
        return (
            listener,
            json.loads(f"[{self.market_data.subscribe(identity, listener)}]")[0],
        )

    def bid(self, price: float, at: float) -> None:
        self.order_id += 1
        self.market.book.set_order(
            True, Entry(to_units(price), 0, 1, to_units(1), self.order_id)
        )
        self.market.clock = at
        self.market_data.publish(self.market, [BookChanged()])
        self.market_data.tick(self.market)

    def wait(self, at: float) -> None:
        self.market.clock = at
        self.market_data.tick(self.market)


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_a_fast_book_is_sent_at_once(stage: Stage) -> None:
    listener, first = stage.listen(BOOK)
    assert first == []
    stage.bid(2500, at=0.1)
    stage.bid(2499, at=0.2)
    assert listener.got == [[[2500, 1, 1]], [[2499, 1, 1]]]


def test_a_slow_book_is_gathered_for_two_seconds(stage: Stage) -> None:
    listener, _ = stage.listen(SLOW_BOOK)
    stage.bid(2500, at=0.1)
    stage.bid(2500, at=1.9)
    assert listener.got == []
    stage.wait(at=2.0)
    assert listener.got == [[[2500, 2, 2]]]
    stage.wait(at=4.1)
    assert [got for got in listener.got if got[0] != "cs"] == [[[2500, 2, 2]]]


def test_a_late_subscriber_starts_from_the_state_of_the_others(
    stage: Stage,
) -> None:
    early, _ = stage.listen(SLOW_BOOK)
    stage.bid(2500, at=0.1)
    late, first = stage.listen(SLOW_BOOK)
    assert first == []
    stage.wait(at=2.0)
    assert early.got == late.got == [[[2500, 1, 1]]]


def test_checksums_follow_changes_and_keep_their_distance(stage: Stage) -> None:
    listener, _ = stage.listen(BOOK)
    stage.wait(at=10)
    assert listener.got == []  # nothing has changed
    stage.bid(2500, at=11)
    assert [got[0] for got in listener.got] == [[2500, 1, 1], "cs"]
    stage.bid(2499, at=12)
    stage.wait(at=13.4)
    assert listener.got[-1] == [[2499, 1, 1]]
    stage.wait(at=13.5)
    assert listener.got[-1][0] == "cs"
    assert listener.got[-1] != listener.got[1]
    stage.wait(at=60)
    assert len(listener.got) == 4


def test_funding_books_have_no_checksums() -> None:
    stage = Stage("fUSD")
    listener, _ = stage.listen(BOOK._replace(symbol="fUSD"))
    stage.bid(0.0002, at=5)
    assert listener.got == [[[0.0002, 0, 1, -1]]]


def test_captured_rows_are_passed_on_as_they_are(stage: Stage) -> None:
    stage.market.captured_book = ("P0", "F0", 25)
    captured, _ = stage.listen(BOOK)
    other, _ = stage.listen(BOOK._replace(prec="P1"))
    stage.market.book.set_order(True, Entry(to_units(2500.1), 0, 2, to_units(3), 1))
    rows = [[2500.1, 1, 1], [2500.1, 2, 3], [2500.1, 2, 3]]
    stage.market_data.publish(stage.market, [BookChanged(rows)])
    assert captured.got == [rows]
    assert other.got == [[[2500, 2, 3]]]
    assert stage.listen(BOOK)[1] == [[2500.1, 2, 3]]


def lose(stage: Stage, times: int = 1) -> None:
    stage.market_data.faults.arm(
        check_fault("lost_book_update", times, {"symbol": "tETHUSD"})
    )


def test_a_lost_row_is_followed_by_the_checksum_that_finds_it(stage: Stage) -> None:
    one, _ = stage.listen(BOOK)
    two, _ = stage.listen(BOOK)
    lose(stage)
    stage.bid(2500, at=0.1)
    assert one.got == two.got == [["cs", checksum_of("2500:1")]]
    assert not stage.market_data.faults.armed
    stage.bid(2499, at=0.2)
    assert one.got[1:] == [[[2499, 1, 1]]]
    stage.wait(at=2.5)
    assert len(one.got) == 2
    stage.wait(at=2.6)  # counted from the one before
    assert one.got[2:] == [["cs", checksum_of("2500:1:2499:1")]]


def test_a_row_of_a_slow_book_is_lost_when_due(stage: Stage) -> None:
    listener, _ = stage.listen(SLOW_BOOK)
    stage.bid(2500, at=0.1)
    lose(stage)
    stage.bid(2501, at=0.2)
    assert stage.market_data.faults.armed
    stage.wait(at=2.0)
    assert listener.got == [[[2500, 1, 1]], ["cs", checksum_of("2501:1:2500:1")]]


def test_a_lost_row_of_a_funding_book_sends_no_checksum() -> None:
    stage = Stage("fUSD")
    listener, _ = stage.listen(BOOK._replace(symbol="fUSD"))
    stage.market_data.faults.arm(check_fault("lost_book_update", 1, {}))
    stage.bid(0.0002, at=5)
    stage.bid(0.0001, at=6)
    assert listener.got == [[[0.0001, 0, 1, -1]]]


def test_a_row_of_a_captured_book_is_lost_after_a_look(stage: Stage) -> None:
    stage.market.captured_book = ("P0", "F0", 25)

    def put(order_id: int, price: float, at: float, row: list[float]) -> None:
        stage.market.book.set_order(
            True, Entry(to_units(price), 0, 1, to_units(1), order_id)
        )
        stage.market.clock = at
        stage.market_data.publish(stage.market, [BookChanged([row, row])])

    put(1, 2500, 0, [2500, 1, 1])
    listener, _ = stage.listen(BOOK)
    lose(stage, times=2)
    put(2, 2501, 1, [2501, 1, 1])
    assert listener.got == [[[2501, 1, 1]] * 2]
    put(3, 2502, 2, [2502, 1, 1])
    put(4, 2503, 3, [2503, 1, 1])
    put(5, 2504, 4, [2504, 1, 1])
    assert listener.got[1:] == [
        ["cs", checksum_of("2502:1:2501:1:2500:1")],
        ["cs", checksum_of("2503:1:2502:1:2501:1:2500:1")],
        [[2504, 1, 1]] * 2,
    ]


def test_published_rows_add_up_to_the_book_of_market_data(stage: Stage) -> None:
    assert stage.market_data.window(BOOK).sides() == ([], [])
    stage.listen(SLOW_BOOK)
    stage.bid(2500, at=0.1)
    assert stage.market_data.window(SLOW_BOOK).sides() == ([], [])
    assert stage.market_data.window(BOOK).sides() == (["[2500,1,1]"], [])


def test_trades_are_sent_as_they_happen(stage: Stage) -> None:
    listener, first = stage.listen(TRADES)
    assert first == [[1, 1_700_000_000_000, 0.5, 2500]]
    trade = [2, 1_700_000_000_001, -1e-7, 2499.9]
    stage.market_data.publish(
        stage.market, [Traded("te", trade), BookChanged(), Traded("tu", trade)]
    )
    assert listener.got == [["te", trade], ["tu", trade]]


def test_a_ticker_is_sent_when_it_is_due_and_has_changed(stage: Stage) -> None:
    listener, first = stage.listen(TICKER)
    assert first == stage.market.ticker()
    stage.bid(2500, at=0.5)
    assert listener.got == []
    stage.wait(at=1.0)
    assert listener.got == [[stage.market.ticker()]]
    stage.wait(at=9.0)
    assert len(listener.got) == 1


def test_captured_tickers_take_the_place_of_derived_ones(stage: Stage) -> None:
    stage.market.captured_ticker = [1, 2]
    listener, first = stage.listen(TICKER)
    assert first == [1, 2]
    stage.bid(2500, at=50)
    stage.market.captured_ticker = [3, 4]
    stage.market_data.publish(stage.market, [TickerCame([3, 4])])
    assert listener.got == [[[3, 4]]]
    assert stage.listen(TICKER)[1] == [3, 4]


def test_a_removed_subscriber_gets_nothing_more(stage: Stage) -> None:
    early, _ = stage.listen(BOOK)
    late, _ = stage.listen(BOOK)
    assert stage.market_data.is_watched("tETHUSD")
    stage.market_data.unsubscribe(BOOK, early)
    stage.bid(2500, at=0.1)
    assert early.got == [] and late.got == [[[2500, 1, 1]]]
    stage.market_data.unsubscribe(BOOK, late)
    assert not stage.market_data.is_watched("tETHUSD")
    stage.bid(2501, at=0.2)
    assert encode(stage.listen(BOOK)[1]) == "[[2501,1,1],[2500,1,1]]"
