"""Rates of counters, by tables and for any course of time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bfxsync._base.rates import WINDOW_S, RateMeter


@pytest.mark.parametrize(
    "now, count, rate",
    [(100.0, 0, 0.0), (100.1, 5, 5.0), (102.0, 5, 2.5), (160.0, 120, 2.0)],
    ids=["at once", "first second", "two seconds", "a minute"],
)
def test_rate_since_the_start(now: float, count: int, rate: float) -> None:
    meter = RateMeter(100.0, 1)
    assert meter.rates(now, count) == (rate,)


def test_only_the_last_minute_counts() -> None:
    meter = RateMeter(0.0, 2)
    for second in range(5, 205, 5):
        meter.observe(float(second), 1000 * second, 7 * second)
    # A burst that is over a minute old shows no more.
    meter.observe(205.0, 200_000, 1_435)
    assert meter.rates(265.0, 200_000, 1_435) == (0.0, 0.0)
    assert meter.rates(205.0 + 30.0, 200_000, 1_435)[0] == pytest.approx(
        (200_000 - 175_000) / 60.0
    )


def test_rate_after_a_long_silence_is_the_average() -> None:
    meter = RateMeter(0.0, 1)
    meter.observe(5.0, 100)
    assert meter.rates(1_005.0, 200) == (0.1,)


@given(st.lists(st.tuples(st.floats(0.01, 30.0), st.integers(0, 1_000)), max_size=60))
def test_rate_of_steady_growth_is_within_its_extremes(
    steps: list[tuple[float, int]],
) -> None:
    meter, now, count, fastest = RateMeter(0.0, 1), 0.0, 0, 0.0
    for seconds, more in steps:
        now, count = now + seconds, count + more
        fastest = max(fastest, more / seconds)
        if now >= meter.due:
            meter.observe(now, count)
            assert meter.due > now
        (rate,) = meter.rates(now, count)
        assert 0.0 <= rate <= fastest + 1e-6
        if now <= WINDOW_S:
            assert rate == pytest.approx(count / max(now, 1.0))
