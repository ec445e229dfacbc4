from __future__ import annotations

from typing import List

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bfxsync.wire.recovery import BUDGET, MAX_DELAY_S, WINDOW_S, RecoveryBudget


def test_r11_recoveries_have_doubling_delays_after_the_first() -> None:
    recovery = RecoveryBudget()
    delays = [recovery.spend(100.0) for _ in range(12)]
    assert delays == [0, 1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60]
    assert recovery.count == 12


def test_r11_budget_is_5_within_300_s() -> None:
    assert (BUDGET, WINDOW_S, MAX_DELAY_S) == (5, 300.0, 60.0)
    recovery = RecoveryBudget()
    for number in range(5):
        assert not recovery.is_spent(100.0 + number)
        recovery.spend(100.0 + number)
    assert recovery.is_spent(104.0)
    assert recovery.is_spent(399.9)
    # The first of them was 300 s ago.
    assert not recovery.is_spent(400.0)
    assert recovery.count == 5


@pytest.mark.parametrize(
    "later_s, delay_s", [(0.0, 4.0), (299.9, 4.0), (300.0, 0.0), (1e9, 0.0)]
)
def test_only_what_was_lately_counts(later_s: float, delay_s: float) -> None:
    recovery = RecoveryBudget()
    for _ in range(3):
        recovery.spend(100.0)
    assert recovery.spend(100.0 + later_s) == delay_s
    assert recovery.count == 4


def test_very_many_recoveries_are_no_overflow() -> None:
    recovery = RecoveryBudget()
    assert {recovery.spend(0.0) for _ in range(5_000)} >= {0.0, 1.0, 60.0}
    assert recovery.spend(0.0) == MAX_DELAY_S


@given(st.lists(st.sampled_from([0.0, 0.0, 0.5, 20.0, 100.0, 301.0]), max_size=60))
def test_r11_obeyed_pace_is_no_storm(pauses_s: List[float]) -> None:
    recovery = RecoveryBudget()
    now, times = 0.0, []
    for pause_s in pauses_s:
        now += pause_s
        now += recovery.spend(now)
        times.append(now)
    for index, time in enumerate(times):
        lately = [other for other in times[: index + 1] if other > time - WINDOW_S]
        assert len(lately) <= 10
        assert len([other for other in lately if other > time - 10.0]) <= 5
