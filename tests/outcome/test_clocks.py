"""The time of a write by the exchange's clock, from witnesses that may be wrong."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bfxsync.outcome.clocks import (
    AGREE_S,
    Clocks,
    ExchangeClock,
    Reading,
    Span,
    creation_dates,
    date_of,
    span_of,
)

NOW = 1_769_904_000.0  # 2026-02-01
AT = 5_000.0
DAY = 86_400.0

KNOWN, DOUBTFUL, UNKNOWN = Clocks.KNOWN, Clocks.DOUBTFUL, Clocks.UNKNOWN


def date(ahead_s: float, after_s: float = 1.0, set_s: float = 0.0) -> Reading:
    """Return a header so long after the write; the local clock was set forward between."""
    return Reading(NOW + ahead_s + after_s, NOW + after_s + set_s, AT + after_s)


def own(ahead_s: float, after_s: float = -1.0, set_s: float = 0.0) -> Reading:
    """The same for a notification."""
    found = date(ahead_s, after_s, set_s)
    return Reading(found.exchange_s, found.local_s, found.at, is_own=True)


# Readings of witnesses, ahead of this machine's clock: how well the time is known then, and the
# earliest and latest time of sending.
WITNESSES: list[tuple[str, list[Reading], Clocks, float, float]] = [
    ("nobody", [], UNKNOWN, -DAY, DAY),
    ("header fits", [date(0)], KNOWN, 0, 0),
    ("header fits about", [date(4.5), date(-0.5)], KNOWN, -0.5, 4.5),
    ("header of before fits", [date(0, -3600)], KNOWN, 0, 0),
    ("header is off", [date(600)], DOUBTFUL, 0, 600),
    ("header is behind", [date(-7200)], DOUBTFUL, -7200, 0),
    ("header is a day off", [date(90_000)], UNKNOWN, 90_000 - DAY, 90_000 + DAY),
    ("two gateways differ", [date(600), date(0)], DOUBTFUL, 0, 600),
    ("two gateways agree", [date(600), date(600)], DOUBTFUL, 0, 600),
    ("clock set after", [date(0, 9, 600)], DOUBTFUL, -600, 0),
    ("clock set before", [date(0, -9, -600)], DOUBTFUL, 0, 600),
    ("suspended after", [date(600, 9, 600)], DOUBTFUL, 0, 600),
    ("clock set, known before", [date(0, -9), date(0, 9, 600)], KNOWN, 0, 0),
    ("suspended, known before", [date(0, -9), date(3600, 9, 3600)], KNOWN, 0, 0),
    ("only a notification", [own(0)], KNOWN, 0, 0),
    ("notification is off", [own(600)], DOUBTFUL, 0, 600),
    ("notification confirms header", [own(600), date(600)], KNOWN, 600, 600),
    ("notification confirms local", [own(0), date(600)], KNOWN, 0, 0),
    ("notification is another", [own(300), date(0)], DOUBTFUL, 0, 300),
    ("notification of nonsense", [own(-1.7e9), date(0)], UNKNOWN, -DAY, DAY),
    ("notification, clock set", [own(0, -9, -600), date(0)], KNOWN, 0, 0),
]


@pytest.mark.parametrize(
    "readings, clocks, first_s, last_s",
    [row[1:] for row in WITNESSES],
    ids=[row[0] for row in WITNESSES],
)
def test_r07_witnesses_show_when_a_write_was_sent(
    readings: list[Reading], clocks: Clocks, first_s: float, last_s: float
) -> None:
    span = span_of(NOW, AT, 2.0, 60.0, readings)
    assert span.clocks is clocks
    assert span.first_s - NOW == pytest.approx(first_s, abs=0.01)
    assert span.last_s - NOW == pytest.approx(last_s, abs=0.01)
    assert (span.lasted_s, span.absence_s) == (2.0, 60.0)


OFFSETS = st.one_of(st.floats(-8, 8), st.floats(-2 * DAY, 2 * DAY))
READINGS = st.lists(
    st.builds(date, OFFSETS, st.floats(-1000, 1000), st.just(0.0) | OFFSETS), max_size=4
)


@given(readings=READINGS, owns=st.lists(st.builds(own, OFFSETS), max_size=1))
def test_r07_time_is_known_only_where_two_witnesses_agree(
    readings: list[Reading], owns: list[Reading]
) -> None:
    span = span_of(NOW, AT, 1.0, 60.0, [*owns, *readings])
    headers = [time for reading in readings for time in reading.estimates(NOW, AT)]
    notes = [time for reading in owns for time in reading.estimates(NOW, AT)]
    kinds = [kind for kind in ([NOW], headers, notes) if kind]
    agreeing = [
        kind
        for kind in kinds
        if any(
            abs(time - span.first_s) <= 2 * AGREE_S
            and abs(time - span.last_s) <= 2 * AGREE_S
            for time in kind
        )
    ]
    if span.clocks is KNOWN:
        assert len(agreeing) >= 2
        assert span.apart_s <= 2 * AGREE_S
    elif span.clocks is DOUBTFUL:
        # Whoever of them is right: it is not overlooked.
        assert span.first_s <= min([NOW, *headers, *notes])
        assert span.last_s >= max([NOW, *headers, *notes])
    # Reading the dates takes no years, whatever came.
    assert 1 <= len(span.dates()) <= 4


@pytest.mark.parametrize(
    "clocks, likely", [(KNOWN, True), (DOUBTFUL, True), (UNKNOWN, False)]
)
def test_r07_unknown_clock_makes_no_time_likely(clocks: Clocks, likely: bool) -> None:
    span = Span(clocks, NOW, NOW + 600, (NOW, NOW + 600), 2.0, 60.0, 600.0)
    for after_s, is_near in (
        (-5.1, False),
        (-5.0, True),
        (2.0, True),
        (17.0, True),  # on its way for two seconds, and ten more
        (17.1, False),
        (300.0, False),  # between two witnesses, of whom one is right
        (600.0, True),
        (618.0, False),
    ):
        mts = int((NOW + after_s) * 1000)
        assert span.is_likely(mts, 5.0) is (is_near and likely)
    assert span.since_mts(5.0) == (NOW - 5) * 1000
    assert span.until_mts(5.0) == (NOW + 600 + 2 + 60 + 5) * 1000
    assert span.is_possible(span.since_mts(5.0), 5.0)
    assert span.is_possible(span.until_mts(5.0), 5.0)
    assert not span.is_possible(span.since_mts(5.0) - 1, 5.0)
    assert not span.is_possible(span.until_mts(5.0) + 1, 5.0)


@pytest.mark.parametrize(
    "first_s, last_s, lasted_s, dates",
    [
        (-3600, -3600, 1, ["2026-01-31"]),
        (-62, -62, 1, ["2026-01-31", "2026-02-01"]),
        (2, 2, 1, ["2026-01-31", "2026-02-01"]),
        (60, 60, 1, ["2026-02-01"]),
        (-3600, 2 * DAY, 1, ["2026-01-31", "2026-02-01", "2026-02-02", "2026-02-03"]),
        (-NOW - 9, -NOW, 0, ["1970-01-01"]),
    ],
)
def test_r07_dates_are_all_possible_dates_of_execution(
    first_s: float, last_s: float, lasted_s: float, dates: list[str]
) -> None:
    span = Span(KNOWN, NOW + first_s, NOW + last_s, (), lasted_s, 60.0, 0.0)
    assert span.dates() == dates
    assert date_of(NOW * 1000 - 1) == "2026-01-31"


def test_unreadable_headers_hide_no_others() -> None:
    clock = ExchangeClock()
    assert clock.readings() == [] and clock.skew_s is None
    clock.see_date("Wed, 21 Oct 2015 07:28:00 GMT", 1e9, 7.0)
    right = Reading(1445412480.5, 1e9, 7.0)
    for header in ("", "soon", "Thu, 01 Jan 9998 00:00:00 GMT", "Fri, 01 Jan 1900"):
        clock.see_date(header, 1e9, 7.0)
    clock.see_own(1e9 + 3, 1e9, 8.0)
    clock.see_own(float("nan"), 1e9, 8.0)
    assert clock.readings() == [Reading(1e9 + 3, 1e9, 8.0, is_own=True), right]
    assert clock.skew_s == 1e9 - 1445412480.5


def test_only_the_last_headers_count() -> None:
    clock = ExchangeClock()
    for second in range(20):
        clock.see_date(f"Wed, 21 Oct 2015 07:28:{second:02} GMT", 1e9, 7.0)
    seconds: list[Any] = [reading.exchange_s % 60 for reading in clock.readings()]
    assert seconds == [second + 0.5 for second in range(12, 20)]


@pytest.mark.parametrize(
    "after_s, dates",
    [
        (-3600, ["2026-01-31"]),
        (-61, ["2026-01-31"]),
        (-59, ["2026-01-31", "2026-02-01"]),
        (4, ["2026-01-31", "2026-02-01"]),
        (6, ["2026-02-01"]),
    ],
)
def test_order_sent_around_midnight_may_have_either_date(
    after_s: float, dates: list[str]
) -> None:
    assert creation_dates(NOW + after_s, 60.0) == dates
    assert creation_dates(-5.0, 60.0) == ["1970-01-01"]
