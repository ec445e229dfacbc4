"""Candles of REST, snapshots and updates as one sequence."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bfxsync.joined.candle_seam import CandleSeam
from bfxsync.joined.closing import CandleRules, ClosedCandle
from bfxsync.joined.past import PastRange
from bfxsync.joined.resampling import merged
from bfxsync.joined.timeframes import check_joined_timeframe
from bfxsync.models import Candle, CandleCorrected

MINUTE = 60_000


def candle(minute, price=1.0, volume=1.0):
    return Candle(minute * MINUTE, 1.0, price, price, 1.0, volume, timeframe="1m")


def seam(timeframe="1m", start=0, until=None, **rules):
    until = None if until is None else until * MINUTE
    frame = check_joined_timeframe("timeframe", timeframe)
    return CandleSeam(
        CandleRules(timeframe=frame, start=start * MINUTE, until=until, **rules)
    )


def minutes(start, end):
    return PastRange(start * MINUTE, None if end is None else end * MINUTE - 1)


def test_what_stands_before_a_snapshot_is_missing():
    found = seam(start=10)
    assert found.missing([candle(15), candle(16)]) == minutes(10, 15)
    assert found.missing([]) == minutes(10, None)


@pytest.mark.parametrize("oldest", [9, 10])
def test_a_snapshot_from_before_the_start_lacks_nothing(oldest):
    assert seam(start=10).missing([candle(oldest), candle(16)]) is None


def test_after_a_gap_the_last_two_candles_are_read_again():
    found = seam()
    for minute in (1, 2, 4, 5):
        list(found.add(candle(minute)))
    found.lose()
    assert found.missing([candle(9)]) == minutes(4, 9)
    assert found.missing([candle(5)]) == minutes(4, 5)
    assert found.missing([candle(4)]) is None
    assert found.past() == minutes(4, None)


def test_after_a_gap_with_one_candle_all_is_read_again():
    """A late trade may have made one before it."""
    found = seam(start=1)
    list(found.add(candle(3)))
    assert found.missing([candle(9)]) == minutes(1, 9)
    assert found.missing([candle(3)]) == minutes(1, 3)


def test_a_range_ends_where_the_history_does():
    found = seam(start=10, until=12)
    assert found.missing([candle(15)]) == PastRange(10 * MINUTE, 12 * MINUTE)
    assert found.missing([candle(12)]) == minutes(10, 12)
    assert found.past() == PastRange(10 * MINUTE, 12 * MINUTE)


def test_all_parts_of_the_last_interval_are_read():
    assert seam("2m", start=10, until=13).past() == minutes(10, 14)


def test_an_empty_range_is_finished_at_once():
    found = seam(start=11, until=10)
    assert found.is_finished
    assert found.due is None


def test_nothing_follows_the_end():
    found = seam(until=2)
    assert list(found.join([candle(2), candle(3), candle(4)], 0.0)) == [candle(2)]
    assert found.is_finished


def test_a_past_of_its_own_can_be_finished():
    found = seam(wants_states=False, wants_closes=True)
    assert list(found.add_past([candle(1), candle(2)])) == [candle(1)]
    assert list(found.finish()) == [candle(2)]
    assert found.has_reached([candle(3)])


def test_the_first_candle_may_be_from_before_the_start():
    found = seam(start=3, fills=True)
    found.seed(candle(1, 7.0))
    assert [each.close for each in found.add(candle(4))] == [7.0, 1.0]


def test_longer_candles_are_made_of_what_comes():
    found = seam("2m", wants_closes=True)
    items = [*found.add_past([candle(2), candle(3, 2.0)]), *found.add(candle(4))]
    two = merged([candle(2), candle(3, 2.0)], 2 * MINUTE, "2m")
    assert items == [candle(2), two, ClosedCandle(two), candle(4)]
    assert found.due == 6 * MINUTE + 2_000
    assert list(found.tick(found.due)) == [ClosedCandle(candle(4))]


def test_a_part_of_a_forgotten_interval_is_left_out():
    found = seam("2m")
    for minute in range(0, 602, 2):
        list(found.add(candle(minute)))
    assert list(found.add(candle(1))) == []


class Market:
    """The candles of an exchange by minute: what trades have made of them."""

    def __init__(self) -> None:
        self.minute = 100
        self.candles: dict[int, Candle] = {}

    def trade(self, minute: int, price: float) -> Candle:
        mts = minute * MINUTE
        old = self.candles.get(mts)
        if old is None:
            new = Candle(mts, price, price, price, price, 1.0, timeframe="1m")
        else:
            high, low = max(old.high, price), min(old.low, price)
            new = Candle(
                mts, old.open, price, high, low, old.volume + 1.0, timeframe="1m"
            )
        self.candles[mts] = new
        return new

    def between(self, wanted: PastRange) -> list[Candle]:
        end = wanted.end
        return [
            self.candles[mts]
            for mts in sorted(self.candles)
            if mts >= wanted.start and (end is None or mts <= end)
        ]

    def newest(self, count: int) -> list[Candle]:
        return [self.candles[mts] for mts in sorted(self.candles)[-count:]]


PRICES = st.integers(1, 9).map(float)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("trade"), PRICES),
        st.tuples(st.just("late trade"), PRICES),
        st.tuples(st.just("pass"), st.integers(1, 4)),
        st.tuples(st.just("repeat"), st.integers(0, 1)),
        st.tuples(st.just("cut"), st.just(0)),
        st.tuples(st.just("connect"), st.integers(1, 6)),
        st.tuples(st.just("tick"), st.sampled_from([0, 1, 60_000])),
    ),
    max_size=60,
)


class Stream:
    """Follows a market as the worker does, with cuts and whatever else may come."""

    def __init__(self, market: Market, seam: CandleSeam) -> None:
        self.market = market
        self.seam = seam
        self.items: list[Any] = []
        self.is_live = False
        # Sent, but not yet read from the mailbox.
        self.queue: list[Candle] = []

    def step(self, kind: str, value: Any) -> None:
        market, minute = self.market, self.market.minute
        if kind == "trade":
            self.queue.append(market.trade(minute, value))
        elif kind == "late trade":
            self.queue.append(market.trade(minute - 1, value))
        elif kind == "pass":
            market.minute += value
        elif kind == "repeat":
            self.queue += market.newest(2)[-1 - value :][:1]
        elif kind == "cut":
            self.read()
            self.seam.lose()
            self.is_live = False
        elif kind == "connect":
            self.connect(value)
        elif self.is_live:
            self.read()
            self.items += self.seam.tick(minute * MINUTE + value)

    def connect(self, count: int) -> None:
        self.seam.lose()
        self.queue = []
        rows = self.market.newest(count)
        wanted = self.seam.missing(rows)
        if wanted is not None:
            # A part of the pages, then an error, and the rest.
            self.items += self.seam.add_past(self.market.between(wanted)[:2])
            wanted = self.seam.missing(rows)
        if wanted is not None:
            self.items += self.seam.add_past(self.market.between(wanted))
            assert self.seam.has_reached(rows)
        self.items += self.seam.join(rows, 0.0)
        self.is_live = True

    def read(self) -> None:
        for each in self.queue:
            if self.is_live:
                self.items += self.seam.add(each)
        self.queue = []


def states_of(items: list[Any]) -> dict[int, Candle]:
    """Return what a consumer of states and corrections knows in the end."""
    known: dict[int, Candle] = {}
    for item in items:
        new = item.candle if isinstance(item, CandleCorrected) else item
        if isinstance(item, CandleCorrected):
            assert known.get(new.mts) == item.previous
        elif known:
            assert new.mts >= max(known), "not in order"
        if new.mts in known:
            assert new != known[new.mts], "repeated"
            assert new.volume >= known[new.mts].volume, "backwards"
        known[new.mts] = new
    return known


def expected(market: Market, timeframe: str, start: int) -> dict[int, Candle]:
    frame = check_joined_timeframe("timeframe", timeframe)
    parts: dict[int, list[Candle]] = {}
    for mts in sorted(market.candles):
        parts.setdefault(frame.floor(mts), []).append(market.candles[mts])
    return {
        mts: merged(found, mts, timeframe)
        for mts, found in parts.items()
        if mts >= start * MINUTE
    }


@given(STEPS, STEPS, st.sampled_from(["1m", "3m"]), st.integers(96, 105))
def test_any_interleaving_gives_the_candles_of_the_exchange(before, steps, tf, start):
    """Trades, late ones, quiet minutes, repetitions, cuts, lost pages, and clock ticks."""
    market = Market()
    found = seam(tf, start=start - start % 3)
    stream = Stream(market, found)
    for step in (*before, ("connect", 3), *steps, ("connect", 3), ("pass", 0)):
        stream.step(*step)
    states = states_of(stream.items)
    assert states == expected(market, tf, start - start % 3)


@given(STEPS, st.integers(96, 105))
def test_any_interleaving_closes_each_candle_once_in_order(steps, start):
    market = Market()
    found = seam(start=start, wants_states=False, wants_closes=True)
    stream = Stream(market, found)
    for step in (("connect", 3), *steps, ("connect", 3)):
        stream.step(*step)
    closed: dict[int, Candle] = {}
    for item in stream.items:
        if isinstance(item, CandleCorrected):
            closed[item.candle.mts] = item.candle
        else:
            assert not closed or item.mts > max(closed)
            closed[item.mts] = item
    wanted = expected(market, "1m", start)
    # The newest may not be closed yet.
    for mts in sorted(wanted)[:-1]:
        assert closed.get(mts) == wanted[mts]


@given(STEPS)
def test_any_interleaving_filled_has_every_minute_once(steps):
    market = Market()
    found = seam(start=90, fills=True)
    stream = Stream(market, found)
    for step in (("connect", 3), *steps, ("connect", 3)):
        stream.step(*step)
    states = {
        item.mts: item for item in stream.items if not isinstance(item, CandleCorrected)
    }
    times = sorted(states)
    assert times == [*range(times[0], times[-1] + 1, MINUTE)] if times else True
    order = [item.mts for item in stream.items if isinstance(item, Candle)]
    assert order == sorted(order)
    corrected = [i.candle for i in stream.items if isinstance(i, CandleCorrected)]
    states.update((each.mts, each) for each in corrected)
    wanted = expected(market, "1m", 90)
    assert {mts: states.get(mts) for mts in wanted} == wanted
    assert all(states[mts].volume == 0.0 for mts in set(states) - set(wanted))
