"""Trades of REST, snapshots and updates as one sequence."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bfxsync.joined.past import PastRange
from bfxsync.joined.trade_seam import KEPT, TradeSeam, key_of
from bfxsync.models import LateTrade, Trade


def trade(identity, mts=None):
    return Trade(identity, 1_000 * identity if mts is None else mts, 1.0, 2.0)


def seam(start=0, until=None, grace_ms=0.0):
    return TradeSeam(start, until, grace_ms)


def test_what_stands_before_a_snapshot_is_missing():
    found = seam(start=2_000)
    assert found.missing([trade(5), trade(6)]) == PastRange(2_000, 5_000)
    assert found.missing([]) == PastRange(2_000, None)


def test_a_snapshot_from_before_the_start_lacks_nothing():
    assert seam(start=2_000).missing([trade(1), trade(6)]) is None


def test_the_first_millisecond_may_have_more_trades_than_a_snapshot():
    assert seam(start=2_000).missing([trade(2), trade(6)]) == PastRange(2_000, 2_000)


def test_a_snapshot_from_well_before_the_last_trade_lacks_nothing():
    found = seam(start=500)
    list(found.add(trade(3), 0.0))
    assert found.missing([trade(1), trade(4)]) is None
    assert found.missing([trade(2), trade(4)]) == PastRange(2_000, 2_000)
    assert found.missing([trade(4), trade(5)]) == PastRange(2_000, 4_000)
    assert found.past() == PastRange(2_000, None)


def test_the_past_must_reach_the_snapshot():
    found = seam()
    rows = [trade(4), trade(5)]
    assert found.has_reached([])
    list(found.add_past([trade(2), trade(3)]))
    assert not found.has_reached(rows)
    list(found.add_past([trade(3), trade(4)]))
    assert found.has_reached(rows)


def test_only_a_trade_after_the_end_proves_that_all_are_there():
    found = seam(until=3_500)
    assert found.past() == PastRange(0, 3_500)
    assert found.missing([trade(5)]) == PastRange(0, 5_000)
    list(found.add_past([trade(3)]))
    assert not found.has_reached([trade(5)])
    assert list(found.add_past([trade(4)])) == []
    assert found.has_reached([trade(5)])
    assert found.is_finished


def test_each_trade_comes_once_and_in_order():
    found = seam()
    items = [
        *found.add_past([trade(1), trade(2), trade(2)]),
        *found.join([trade(2), trade(3)], 0.0),
        *found.add(trade(3), 0.0),
        *found.add(trade(4), 0.0),
    ]
    assert items == [trade(1), trade(2), trade(3), trade(4)]


def test_trades_of_one_millisecond_are_ordered_by_id():
    found = seam(grace_ms=10.0)
    for identity in (3, 1, 2):
        assert list(found.add(trade(identity, 7), 0.0)) == []
    assert [each.id for each in found.tick(10.0)] == [1, 2, 3]


def test_trades_before_the_start_are_left_out():
    found = seam(start=2_000)
    assert list(found.join([trade(1), trade(2)], 0.0)) == [trade(2)]


def test_a_trade_is_held_back_for_a_while():
    found = seam(grace_ms=10.0)
    assert found.due is None
    assert list(found.add(trade(2), 100.0)) == []
    assert list(found.add(trade(2), 105.0)) == []
    assert found.due == 110.0
    assert list(found.tick(109.0)) == []
    assert list(found.tick(110.0)) == [trade(2)]
    assert found.due is None


def test_one_that_is_released_takes_earlier_ones_along():
    found = seam(grace_ms=10.0)
    list(found.add(trade(2), 100.0))
    list(found.add(trade(1), 109.0))
    list(found.add(trade(3), 109.0))
    assert list(found.tick(110.0)) == [trade(1), trade(2)]
    assert found.due == 119.0


def test_one_that_comes_later_than_that_is_late():
    found = seam()
    list(found.add(trade(2), 0.0))
    assert list(found.add(trade(1), 0.0)) == [LateTrade(trade(1))]
    assert list(found.add(trade(1), 0.0)) == []


def test_what_is_held_back_is_dropped_with_a_gap():
    found = seam(grace_ms=10.0)
    list(found.add(trade(2), 0.0))
    found.lose()
    assert list(found.tick(20.0)) == []
    # It is not known, so it is still missing.
    assert found.missing([trade(2)]) == PastRange(0, 2_000)
    assert list(found.add_past([trade(1), trade(2)])) == [trade(1), trade(2)]


def test_a_trade_after_the_end_finishes():
    found = seam(until=2_000)
    assert list(found.join([trade(1), trade(3), trade(4)], 0.0)) == [trade(1)]
    assert found.is_finished
    assert found.due is None


def test_a_quiet_end_finishes_by_time():
    found = seam(until=2_000, grace_ms=10.0)
    list(found.add(trade(1), 1_500.0))
    assert list(found.tick(1_510.0)) == [trade(1)]
    assert found.due == 3_000.0
    assert list(found.tick(2_999.0)) == []
    assert not found.is_finished
    assert list(found.tick(3_000.0)) == []
    assert found.is_finished


def test_a_past_of_its_own_can_be_finished():
    found = seam()
    assert list(found.finish()) == []
    assert found.is_finished


@pytest.mark.parametrize("identity", [0, 1])
def test_forgotten_trades_are_not_taken_for_late_ones(identity):
    found = seam()
    for each in range(KEPT + 2):
        list(found.add(trade(each), 0.0))
    assert list(found.add(trade(identity), 0.0)) == []


class Market:
    """The trades of an exchange; those of one order have the same time."""

    def __init__(self) -> None:
        self.trades: list[Trade] = []
        # Trades that REST does not have yet.
        self.lag = 0

    def trade(self, passed_ms: int) -> Trade:
        last = self.trades[-1].mts if self.trades else 1_000
        made = Trade(len(self.trades), last + passed_ms, 1.0, 2.0)
        self.trades.append(made)
        return made

    def between(self, wanted: PastRange) -> list[Trade]:
        known = self.trades[: len(self.trades) - self.lag]
        end = wanted.end
        return [
            each
            for each in known
            if each.mts >= wanted.start and (end is None or each.mts <= end)
        ]


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("trade"), st.integers(0, 3)),
        st.tuples(st.just("trade"), st.integers(0, 3)),
        st.tuples(st.just("swap"), st.integers(1, 3)),
        st.tuples(st.just("repeat"), st.integers(1, 9)),
        st.tuples(st.just("lag"), st.integers(0, 9)),
        st.tuples(st.just("read"), st.integers(0, 20)),
        st.tuples(st.just("cut"), st.just(0)),
        st.tuples(st.just("connect"), st.integers(1, 5)),
    ),
    max_size=80,
)


class Stream:
    """Follows a market as the worker does."""

    def __init__(self, market: Market, seam: TradeSeam) -> None:
        self.market = market
        self.seam = seam
        self.items: list[Any] = []
        self.is_live = False
        self.queue: list[Trade] = []
        self.now = 0.0

    def step(self, kind: str, value: int) -> None:
        market = self.market
        if kind == "trade":
            self.queue.append(market.trade(value))
        elif kind == "swap":
            self.queue[-value:] = reversed(self.queue[-value:])
        elif kind == "repeat":
            self.queue += market.trades[-value:][:1]
        elif kind == "lag":
            market.lag = min(value, len(market.trades))
        elif kind == "read":
            self.read(value)
        elif kind == "cut":
            self.queue = self.queue[: len(self.queue) // 2]
            self.read(0)
            self.seam.lose()
            self.is_live = False
        else:
            self.connect(value)

    def connect(self, count: int) -> None:
        self.seam.lose()
        self.queue = []
        rows = self.market.trades[-count:]
        while True:
            wanted = self.seam.missing(rows)
            if wanted is None:
                break
            self.items += self.seam.add_past(self.market.between(wanted))
            if self.seam.has_reached(rows):
                break
            self.market.lag -= 1
        self.items += self.seam.join(rows, self.now)
        self.is_live = True

    def read(self, passed_ms: int) -> None:
        for each in self.queue:
            if self.is_live:
                self.items += self.seam.add(each, self.now)
        self.queue = []
        self.now += passed_ms
        if self.is_live:
            self.items += self.seam.tick(self.now)


@given(STEPS, STEPS, st.integers(990, 1_020), st.sampled_from([0.0, 5.0, 30.0]))
def test_any_interleaving_gives_every_trade_once_and_in_order(
    before, steps, start, grace
):
    """Trades out of order and repeated, REST that lags behind, and cuts."""
    market = Market()
    stream = Stream(market, seam(start, grace_ms=grace))
    for step in (*before, ("connect", 3), *steps, ("connect", 3), ("read", 30)):
        stream.step(*step)
    late = [item.trade for item in stream.items if isinstance(item, LateTrade)]
    found = [item for item in stream.items if isinstance(item, Trade)]
    keys = list(map(key_of, found))
    assert keys == sorted(set(keys))
    wanted = [each for each in market.trades if each.mts >= start]
    assert sorted([*found, *late], key=key_of) == wanted


@given(STEPS, st.integers(990, 1_020), st.integers(0, 30))
def test_any_interleaving_ends_with_the_last_trade_in_range(steps, start, length):
    market = Market()
    until = start + length
    stream = Stream(market, seam(start, until))
    for step in (*steps, ("connect", 3)):
        # Without time to hold trades back, none may be out of order at the end.
        if not stream.seam.is_finished and step[0] != "swap":
            stream.step(*step)
    found = [item for item in stream.items if isinstance(item, Trade)]
    assert found == [each for each in market.trades if start <= each.mts <= until]
    assert found == stream.items
