"""An executed write is never overlooked or mistaken while two of three witnesses are right."""

from __future__ import annotations

import time
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bfxsync.models.orders import Order
from bfxsync.models.wallets import Ledger
from bfxsync.outcome.clocks import Clocks, ExchangeClock, Reading
from bfxsync.outcome.find_orders import _start_of, new_order
from bfxsync.outcome.identify import identify
from bfxsync.outcome.resolve import Attempt, Candidates
from bfxsync.outcome.writes import RecentWrites, WriteRecord

NOW, AT = 1_769_904_030.0, 5_000.0  # 2026-02-01, half a minute after midnight
ABSENCE_S = 60.0

BODY = {"cid": 77, "symbol": "tBTCUSD", "type": "LIMIT", "amount": "0.5"}
ROW: list[Any] = [1, None, 77, "tBTCUSD", 0, 0, 0.5, 0.5, "LIMIT"]
ORDER = Order.from_row([*ROW, None, None, None, 0, "ACTIVE", None, None, 30000, 0])
LEDGER = Ledger.from_row([1, "UST", "exchange", 0, None, -1.5, 7, None, "a transfer"])


class Transport:
    """The parts of a transport that an attempt needs."""

    def __init__(self, readings: list[Reading]) -> None:
        self.absence_s = ABSENCE_S
        self.clock = ExchangeClock()
        self.clock.readings = lambda: readings  # type: ignore[method-assign]
        self.sent = RecentWrites()


def attempt(ahead_s: float, readings: list[Reading]) -> Attempt:
    """Return an attempt sent at `NOW` by the exchange's clock, which failed a second later."""
    sent_s = NOW + ahead_s
    transport: Any = Transport(readings)
    return Attempt(WriteRecord(None, sent_s, AT, sent_s + 1, AT + 1), transport)


@st.composite
def attempts(draw: Any) -> Attempt:
    """Draw an attempt with at most one wrong witness: headers, notification or clock."""
    wrong_s = draw(st.one_of(st.floats(-20, 20), st.floats(-1e6, 1e6)))
    who = draw(st.sampled_from(["nobody", "local", "header", "notification"]))
    ahead_s = wrong_s if who == "local" else 0.0
    readings = []
    kinds = [("header", False)] * draw(st.integers(0, 3))
    if draw(st.booleans()):
        kinds.append(("notification", True))
    for name, is_own in kinds:
        after_s = draw(st.floats(-3600, 3600))
        # Headers have no fraction.
        error_s = wrong_s if who == name else draw(st.floats(-0.6, 0.6))
        moment_s = NOW + after_s
        readings.append(
            Reading(moment_s + error_s, moment_s + ahead_s, AT + after_s, is_own)
        )
    return attempt(ahead_s, readings)


def at(mts: float, id: int, **changes: Any) -> Order:
    return attrs.evolve(ORDER, id=id, mts_create=int(mts), **changes)


OTHERS = st.lists(
    st.tuples(
        st.floats(-1e6, 1e6), st.sampled_from([{}, {"symbol": "tETHUSD"}, {"cid": 5}])
    ),
    max_size=3,
)


@given(
    left=attempts(),
    after_s=st.floats(0, 1 + ABSENCE_S),
    others=OTHERS,
    is_own=st.booleans(),
)
def test_r07_order_that_was_executed_is_found_or_a_candidate(
    left: Attempt, after_s: float, others: Any, is_own: bool
) -> None:
    mine = at((NOW + after_s) * 1000, 1)
    if is_own:
        others = [(when, {**changes, "cid": 5}) for when, changes in others]
    rows = [mine] + [
        at((NOW + when) * 1000, number + 2, **changes)
        for number, (when, changes) in enumerate(others)
    ]
    found = new_order(rows, BODY, is_own, left.span())
    if is_own:
        assert found is mine
    elif isinstance(found, Candidates):
        assert mine in found.values
    else:
        assert found is mine


@pytest.mark.parametrize("after_midnight_s", [-86_000, -601, 0, 30, 599, 3600, 43_200])
@pytest.mark.parametrize("behind_s", [-3600, -600, 600, 3600])
def test_r07_order_by_another_clock_of_the_exchange_is_a_candidate_at_any_time(
    after_midnight_s: float, behind_s: float
) -> None:
    """This machine and the headers agree; the order's record is up to an hour apart."""
    sent_s = NOW - 30 + after_midnight_s
    transport: Any = Transport([Reading(sent_s, sent_s, AT)])
    left = Attempt(WriteRecord(None, sent_s, AT, sent_s + 1, AT + 1), transport)
    assert left.span().clocks is Clocks.KNOWN
    mine = at((sent_s - behind_s) * 1000, 1)
    found = new_order([mine], BODY, False, left.span())
    assert isinstance(found, Candidates) and found.values == [mine]


@given(left=attempts(), others=OTHERS, is_own=st.booleans())
def test_r07_order_that_was_not_executed_is_never_found(
    left: Attempt, others: Any, is_own: bool
) -> None:
    rows = [
        at((NOW + when) * 1000, number, **changes)
        for number, (when, changes) in enumerate(others)
        # Nobody else used the client id just then.
        if not -90 < when < 180 and not (is_own and changes.get("cid") != 5)
    ]
    found = new_order(rows, BODY, is_own, left.span())
    span = left.span()
    if not isinstance(found, Candidates) and found is not None:
        # It is on the same terms, and somebody says that it was made right then.
        assert span.clocks is Clocks.DOUBTFUL
        assert any(
            abs(found.mts_create / 1000 - sent_s) < 60 for sent_s in span.estimates_s
        )
    if is_own:
        assert found is None


@given(left=attempts(), after_s=st.floats(0, 1 + ABSENCE_S))
def test_r07_transfer_that_was_executed_is_found_or_a_candidate(
    left: Attempt, after_s: float
) -> None:
    mine = attrs.evolve(LEDGER, mts=int(NOW + after_s) * 1000)
    found = identify([mine], lambda row: row.mts, left)
    span = left.span()
    if found is None:
        # Nobody concludes from it that it was not executed.
        assert span.clocks is not Clocks.KNOWN
    elif not isinstance(found, Candidates):
        assert found is mine and span.clocks is Clocks.KNOWN


@given(left=attempts(), ago_s=st.floats(120, 1e6), is_later=st.booleans())
def test_r07_transfer_of_another_time_is_never_taken_for_it(
    left: Attempt, ago_s: float, is_later: bool
) -> None:
    other = NOW + (ago_s if is_later else -ago_s)
    row = attrs.evolve(LEDGER, mts=int(other) * 1000)
    found = identify([row], lambda row: row.mts, left)
    assert found is None or isinstance(found, Candidates)


@pytest.mark.parametrize("is_random", [True, False])
@pytest.mark.parametrize("is_over", [True, False])
def test_r07_whole_history_is_read_once_absence_may_count(
    monkeypatch: pytest.MonkeyPatch, is_random: bool, is_over: bool
) -> None:
    left = attempt(0.0, [Reading(NOW, NOW, AT)])
    now_at = AT + 1 + (ABSENCE_S if is_over else 0)
    monkeypatch.setattr(time, "monotonic", lambda: now_at)
    # A random client id excludes no time, but reading everything is costly.
    day_before = int((NOW - 86_400) * 1000)
    wanted = None if is_random and is_over else day_before
    assert _start_of(left, is_random) == wanted


def test_r07_candidates_are_the_rows_that_match_best() -> None:
    left = attempt(0.0, [Reading(NOW, NOW, AT)])
    near = [attrs.evolve(LEDGER, id=id, mts=int(NOW * 1000)) for id in (1, 2)]
    far = attrs.evolve(LEDGER, id=3, mts=int((NOW - 20) * 1000))
    assert identify([*near, far], lambda row: row.mts, left) == Candidates(near)
    assert identify([far], lambda row: row.mts, left) == Candidates([far])


def test_r07_readings_from_before_the_failure_still_count() -> None:
    readings = [Reading(NOW, NOW, AT)]
    left = attempt(0.0, readings)
    # The wall clock was set by ten minutes, and later answers have pushed that reading out.
    readings[:] = [Reading(NOW + 9, NOW + 609, AT + 9)]
    assert left.span().clocks is Clocks.KNOWN


@pytest.mark.parametrize("after_s, is_alone", [(30, False), (ABSENCE_S + 9, True)])
def test_r07_equal_write_within_absence_s_makes_it_uncertain(
    after_s: float, is_alone: bool
) -> None:
    transport: Any = Transport([])
    mine = WriteRecord("a", NOW, AT, NOW + 1, AT + 1)
    other_at = AT + 1 + after_s
    other = WriteRecord("a", NOW, other_at, NOW, other_at + 1)
    transport.sent.add(mine)
    transport.sent.add(other)
    assert Attempt(mine, transport).is_alone(5.0) is is_alone
