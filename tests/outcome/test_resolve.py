"""Decisions about writes with an unknown outcome: the table of ``docs/reference/accounts.rst``."""

from __future__ import annotations

import re
import time
from functools import partial
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest

from bfxsync.errors import (
    NotExecuted,
    OrderNotPlaced,
    OutcomeUnknown,
    RemoteError,
    UsageError,
)
from bfxsync.outcome.clocks import Clocks, ExchangeClock
from bfxsync.outcome.resolve import (
    Attempt,
    Candidates,
    Pending,
    Resolution,
    Search,
    Verdict,
    decide,
    resolve,
)
from bfxsync.outcome.unread import UnreadRows, may_match, with_unread
from bfxsync.outcome.writes import RecentWrites, WriteRecord

ACCOUNTS = Path(__file__).parents[2] / "docs" / "reference" / "accounts.rst"

KNOWN, DOUBTFUL, UNKNOWN = Clocks.KNOWN, Clocks.DOUBTFUL, Clocks.UNKNOWN
WAIT = Verdict.WAIT

ENOUGH = [
    (KNOWN, KNOWN),
    (KNOWN, DOUBTFUL),
    (DOUBTFUL, DOUBTFUL),
    (KNOWN, UNKNOWN),
    (DOUBTFUL, UNKNOWN),
    (UNKNOWN, UNKNOWN),
]
TOO_LITTLE = [(DOUBTFUL, KNOWN), (UNKNOWN, KNOWN), (UNKNOWN, DOUBTFUL)]

FOUND: dict[str, list[Any]] = {
    "a certain match": [7, [], ["row"], "row", 0, False],
    "a state that may change": [Pending(7), Pending([]), Pending(None)],
    "candidates only": [Candidates([7]), Candidates([7, 8]), Candidates([])],
    "nothing": [None],
}
TIME = {"not yet over": False, "over": True}
CLOCKS = {
    "any": ENOUGH + TOO_LITTLE,
    "known well enough": ENOUGH,
    "not known well enough": TOO_LITTLE,
}
RESULT = {
    "returned": Verdict.FOUND,
    "asked again": Verdict.WAIT,
    "``OutcomeUnknown``, with ``candidates``": Verdict.CANDIDATES,
    '``NotExecuted``, ``proof == "absent"``': Verdict.ABSENT,
    "``OutcomeUnknown``, without ``candidates``": Verdict.CLOCKS,
}


def documented() -> list[list[str]]:
    """Return the rows of the table of decisions."""
    lines = ACCOUNTS.read_text(encoding="utf-8").splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith("Found  "))
    rows = []
    for line in lines[start + 2 :]:
        if line.startswith("==="):
            return rows
        rows.append(re.split(r" {2,}", line))
    raise AssertionError("the table has no end")


@pytest.mark.parametrize("row", documented(), ids=" - ".join)
def test_r07_decisions_are_the_documented_ones(row: list[str]) -> None:
    found, passed, clocks, result = row
    for value in FOUND[found]:
        for known, needed in CLOCKS[clocks]:
            is_last = TIME[passed]
            verdict = decide(value, is_last=is_last, clocks=known, needs=needed)
            assert verdict is RESULT[result]


def test_r07_documented_table_is_complete() -> None:
    rows = documented()
    assert {row[0] for row in rows} == set(FOUND)
    for found in FOUND:
        for passed in TIME:
            pairs = [
                pair
                for row in rows
                if row[:2] == [found, passed]
                for pair in CLOCKS[row[2]]
            ]
            assert sorted(pairs) == sorted(ENOUGH + TOO_LITTLE)


@pytest.mark.parametrize("known, needed", ENOUGH + TOO_LITTLE)
def test_r07_absence_of_a_part_needs_known_clocks(
    known: Clocks, needed: Clocks
) -> None:
    found = Pending([7, None], infers_absence=True)
    wanted = Verdict.FOUND if (known, needed) in ENOUGH else Verdict.CLOCKS
    assert decide(found, is_last=True, clocks=known, needs=needed) is wanted
    wait = decide(found, is_last=False, clocks=known, needs=needed)
    assert wait is Verdict.WAIT


# --- asking -----------------------------------------------------------------------------------


class Transport:
    """The parts of a transport that an attempt needs."""

    def __init__(self, absence_s: float, pause: Callable[[float], None]) -> None:
        self.absence_s = absence_s
        self.clock = ExchangeClock()
        self.sent = RecentWrites()
        self.pause = pause


class Clockwork:
    """
    A wall clock and a monotonic clock that move only with pauses.

    Attributes
    ----------
    pauses : list of float
    looks : list of float
        Times of searches, in seconds since the call failed.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, absence_s: float) -> None:
        self.at = 5_000.0
        self.pauses: list[float] = []
        self.looks: list[float] = []
        self.transport = Transport(absence_s, self.pause)
        monkeypatch.setattr(time, "monotonic", lambda: self.at)
        monkeypatch.setattr(time, "time", lambda: 1e9 + self.at)
        record = WriteRecord()
        record.mark_sent()
        record.mark_ended()
        self.see_date()
        self.attempt = Attempt(record, self.transport)
        self.failed_at = self.at

    def see_date(self) -> None:
        moment = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time()))
        self.transport.clock.see_date(moment, time.time(), time.monotonic())

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.at += seconds

    def ask(
        self,
        error: OutcomeUnknown,
        found: Iterator[Any],
        timeout: Any = None,
        needs: Clocks = Clocks.UNKNOWN,
        absent: Callable[..., NotExecuted] = NotExecuted,
        kept_s: float = float("inf"),
    ) -> Any:
        def look(_: Attempt) -> Any:
            self.looks.append(self.at - self.failed_at)
            return next(found)

        search = Search(look, "the books", needs, kept_s)
        return resolve(self.attempt, search, absent, error, timeout)


def always(value: Any) -> Iterator[Any]:
    while True:
        yield value


@pytest.fixture
def unknown() -> OutcomeUnknown:
    error = OutcomeUnknown("it may have been executed", phase="send")
    error.endpoint = "auth/w/x"
    return error


@pytest.mark.parametrize("absence_s", [0.5, 60.0, 3600.0])
def test_r07_absence_counts_when_absence_s_is_over(
    monkeypatch: pytest.MonkeyPatch, unknown: OutcomeUnknown, absence_s: float
) -> None:
    clockwork = Clockwork(monkeypatch, absence_s)
    absent = partial(OrderNotPlaced, cid=7)
    with pytest.raises(OrderNotPlaced, match="can be inferred") as caught:
        clockwork.ask(unknown, always(None), absent=absent)
    error = caught.value
    assert (error.proof, error.cid, error.phase) == ("absent", 7, "send")
    assert error.endpoint == "auth/w/x" and not error.retryable
    assert f"{absence_s:.0f} s after the call failed, the books" in str(error)
    assert "not a proof" in str(error)
    # Seldom, and the last time not before it counts.
    looks = clockwork.looks
    assert looks[0] == 0 and looks[-1] == pytest.approx(absence_s)
    assert 2 <= len(looks) <= 12


def test_r07_time_for_asking_exceeds_absence_s_by_default(
    monkeypatch: pytest.MonkeyPatch, unknown: OutcomeUnknown
) -> None:
    clockwork = Clockwork(monkeypatch, 60.0)
    slow = (clockwork.pause(5.0) or None for _ in range(99))
    with pytest.raises(NotExecuted):
        clockwork.ask(unknown, slow)


@pytest.mark.parametrize("timeout", [0, 0.5, 59.0])
def test_r07_too_short_a_time_leaves_it_unknown(
    monkeypatch: pytest.MonkeyPatch, unknown: OutcomeUnknown, timeout: float
) -> None:
    clockwork = Clockwork(monkeypatch, 60.0)
    with pytest.raises(OutcomeUnknown, match="proves nothing before 60 s") as caught:
        clockwork.ask(unknown, always(None), timeout)
    assert caught.value is unknown and unknown.candidates == []
    assert sum(clockwork.pauses) <= timeout
    # It may be asked again, then with more time.
    with pytest.raises(NotExecuted):
        clockwork.ask(unknown, always(None), 61)
    assert (unknown.reason, unknown.candidates) == ("", [])


def test_r07_one_look_says_nothing_however_late_it_is(
    monkeypatch: pytest.MonkeyPatch, unknown: OutcomeUnknown
) -> None:
    clockwork = Clockwork(monkeypatch, 60.0)
    clockwork.at += 3600
    with pytest.raises(OutcomeUnknown, match="two searches"):
        clockwork.ask(unknown, iter([None]), timeout=1)
    clockwork.attempt.was_searched = False
    assert clockwork.ask(unknown, iter([None, 5])) == 5


def test_r07_looks_of_several_calls_count_together(
    monkeypatch: pytest.MonkeyPatch, unknown: OutcomeUnknown
) -> None:
    clockwork = Clockwork(monkeypatch, 60.0)
    for _ in range(3):
        with pytest.raises(OutcomeUnknown):
            clockwork.ask(unknown, iter([None]), timeout=0)
        clockwork.at += 20
    with pytest.raises(NotExecuted):
        clockwork.ask(unknown, iter([None]), timeout=0)
    assert clockwork.pauses == []


def test_r07_failed_look_does_not_count(
    monkeypatch: pytest.MonkeyPatch, unknown: OutcomeUnknown
) -> None:
    clockwork = Clockwork(monkeypatch, 60.0)
    clockwork.at += 3600
    with pytest.raises(StopIteration):
        clockwork.ask(unknown, iter([]), timeout=0)
    with pytest.raises(OutcomeUnknown, match="two searches"):
        clockwork.ask(unknown, iter([None]), timeout=0)


@pytest.mark.parametrize("is_asleep", [False, True], ids=["awake", "asleep"])
@pytest.mark.parametrize("nothing", [None, Pending([1, None], infers_absence=True)])
def test_r07_what_the_exchange_may_have_dropped_is_not_absent(
    monkeypatch: pytest.MonkeyPatch,
    unknown: OutcomeUnknown,
    nothing: Any,
    is_asleep: bool,
) -> None:
    clockwork = Clockwork(monkeypatch, 60.0)
    week_s = 7 * 86_400.0
    if is_asleep:
        # The monotonic clock stands still meanwhile.
        monkeypatch.setattr(time, "time", lambda: 1e9 + clockwork.at + 3 * week_s)
    clockwork.at += 120 if is_asleep else 3 * week_s
    with pytest.raises(OutcomeUnknown, match="the books do not contain it 21 days"):
        clockwork.ask(unknown, always(nothing), kept_s=2 * week_s)
    assert clockwork.ask(unknown, iter([5]), kept_s=2 * week_s) == 5
    assert clockwork.ask(unknown, iter([Pending(6)]), kept_s=2 * week_s) == 6


@pytest.mark.parametrize("is_early", [True, False])
def test_r07_candidates_stay_visible_and_settle_nothing(
    monkeypatch: pytest.MonkeyPatch, unknown: OutcomeUnknown, is_early: bool
) -> None:
    clockwork = Clockwork(monkeypatch, 60.0)
    with pytest.raises(OutcomeUnknown, match="see candidates") as caught:
        clockwork.ask(unknown, always(Candidates([1])), 1 if is_early else None)
    assert caught.value is unknown and unknown.candidates == [1]
    # It was on its way all the while.
    clockwork.at = clockwork.failed_at
    assert clockwork.ask(unknown, iter([Candidates([1]), 2])) == 2


def test_r07_pending_state_counts_once_the_write_is_over(
    monkeypatch: pytest.MonkeyPatch, unknown: OutcomeUnknown
) -> None:
    clockwork = Clockwork(monkeypatch, 4.0)
    ask = clockwork.ask
    assert ask(unknown, iter([Pending(1), 3])) == 3
    clockwork.at = clockwork.failed_at
    assert ask(unknown, iter([Pending(1), Pending(2)])) == 2
    clockwork.at = clockwork.failed_at
    assert ask(unknown, iter([None, Pending(4)])) == 4
    clockwork.at = clockwork.failed_at
    with pytest.raises(NotExecuted):
        ask(unknown, iter([Pending(1), None]))


@pytest.mark.parametrize("needs", [KNOWN, DOUBTFUL])
def test_r07_unknown_clocks_let_nothing_be_absent(
    monkeypatch: pytest.MonkeyPatch, unknown: OutcomeUnknown, needs: Clocks
) -> None:
    clockwork = Clockwork(monkeypatch, 60.0)
    clockwork.attempt._before = ()
    clockwork.transport.clock = ExchangeClock()
    with pytest.raises(OutcomeUnknown, match="no response .* readable Date"):
        clockwork.ask(unknown, always(None), needs=needs)
    # Another answer came, and says it.
    clockwork.see_date()
    with pytest.raises(NotExecuted):
        clockwork.ask(unknown, always(None), needs=needs)


def test_r07_clock_set_afterwards_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, unknown: OutcomeUnknown
) -> None:
    clockwork = Clockwork(monkeypatch, 60.0)
    monkeypatch.setattr(time, "time", lambda: 1e9 + clockwork.at + 600)
    moment = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(1e9 + clockwork.at))
    clockwork.transport.clock.see_date(moment, time.time(), clockwork.at)
    with pytest.raises(NotExecuted):
        clockwork.ask(unknown, always(None), needs=KNOWN)


def test_r07_clock_set_by_years_is_not_time_in_transit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clockwork = Clockwork(monkeypatch, 60.0)
    clockwork.attempt.record.sent_s = 0.0
    span = clockwork.attempt.span()
    assert span.clocks is UNKNOWN and len(span.dates()) < 6


def test_r07_resolution_searches_once_per_step_and_never_waits(
    monkeypatch: pytest.MonkeyPatch, unknown: OutcomeUnknown
) -> None:
    clockwork = Clockwork(monkeypatch, 60.0)
    found = iter([None, Candidates([1]), None])
    search = Search(lambda attempt: next(found), "the books", UNKNOWN)
    resolution = Resolution(clockwork.attempt, search, NotExecuted, unknown)
    verdicts, pauses = [], []
    for _ in range(2):
        verdicts.append(resolution.step())
        pauses.append(resolution.next_pause_s())
        with pytest.raises(OutcomeUnknown) as caught:
            resolution.result()
        assert caught.value is unknown and unknown.reason
        clockwork.at += pauses[-1]
    assert pauses == [5.0, 10.0] and unknown.candidates == [1]
    clockwork.at = resolution.settled_at - 1.5
    assert resolution.next_pause_s() == pytest.approx(1.5)
    clockwork.at += 1.5
    assert [*verdicts, resolution.step()] == [WAIT, WAIT, Verdict.ABSENT]
    with pytest.raises(NotExecuted):
        resolution.result()
    # A search that fails is no step.
    with pytest.raises(StopIteration):
        resolution.step()
    assert resolution.verdict is Verdict.ABSENT and clockwork.pauses == []


@pytest.mark.parametrize("timeout", [-1, float("nan"), 86_401, "5", True, [1]])
def test_invalid_timeout_is_refused(
    monkeypatch: pytest.MonkeyPatch, unknown: OutcomeUnknown, timeout: Any
) -> None:
    clockwork = Clockwork(monkeypatch, 60.0)
    with pytest.raises(UsageError, match="timeout must be a number of seconds"):
        clockwork.ask(unknown, always(None), timeout)
    assert clockwork.looks == []


# --- unreadable rows --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "row, answer",
    [
        ([5, None, 77, "tBTCUSD"], True),
        ([5, None, 78, "tBTCUSD"], False),
        ([5, None, 77, "tETHUSD"], False),
        ([5, None, None, None], True),
        ([5, None, "77", "tBTCUSD"], True),
        ([5, None, 77.5, 8], True),
        ([5], True),
        ([], True),
        (None, True),
        ("a row", True),
        ({"cid": 78}, True),
    ],
    ids=str,
)
def test_r07_unreadable_row_may_be_the_outcome(row: Any, answer: bool) -> None:
    assert may_match(row, {2: 77, 3: "tBTCUSD"}) is answer
    unread = UnreadRows()
    unread.add(RemoteError("odd", rows=[1], unreadable=[(row, "odd")]), 3)
    assert unread.matching({2: 77, 3: "tBTCUSD"}) == ([row] if answer else [])
    # A full page: the next one may not have been requested.
    unread.add(RemoteError("odd", rows=[1, 2], unreadable=[([0], "odd")]), 3)
    assert unread.matching({2: 77, 3: "tBTCUSD"}) == [row, [0]]


def test_r07_unreadable_row_is_never_absence() -> None:
    assert with_unread(None, []) is None
    assert with_unread(7, []) == 7
    assert with_unread(None, [[0]]) == Candidates([[0]])
    assert with_unread(7, [[0]]) == Candidates([7, [0]])
    assert with_unread(Candidates([7]), [[0]]) == Candidates([7, [0]])
