"""Windows of shared budgets: who may send when, and how a file keeps them."""

from __future__ import annotations

import json
from typing import Any, List, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bfxsync.shared_limits.fraction import UNKNOWN_PROCESSES, Fraction
from bfxsync.shared_limits.outage import SETTLE_S, Outage
from bfxsync.shared_limits.redis_scripts import BLOCK, REQUEST, RESTORE, SEEN
from bfxsync.shared_limits.sent import Sent
from bfxsync.shared_limits.state import FORMAT, SEEN_S, Now, State, decode
from bfxsync.shared_limits.window import (
    LATE_S,
    LONGEST_WINDOW_S,
    Answer,
    Limit,
    Slot,
    Window,
)

LIMIT = Limit(3, 10.0)
FOREVER = float("inf")


def ask(
    window: Window, owner: str, now: float, longest_s: float = FOREVER
) -> Tuple[Window, Answer]:
    return window.request(owner, LIMIT, now, longest_s)


def full(now: float = 100.0) -> Window:
    window = Window()
    for owner in "abc":
        window, answer = ask(window, owner, now)
        assert answer.wait_s == 0
    return window


def test_a_full_window_makes_the_next_one_wait() -> None:
    window, answer = ask(full(), "d", 104.0)
    assert answer == Answer(6.0, used=4)
    window, again = ask(window, "d", 107.0)
    assert again.wait_s == 3.0 and again.used == 4
    window, due = ask(window, "d", 110.0)
    assert due.wait_s == 0 and due.used == 1


def test_waiting_requests_keep_their_order() -> None:
    window = full()
    window, first = ask(window, "d", 101.0)
    window, second = ask(window.without("b"), "e", 102.0)
    assert first.wait_s == 9.0 and second.wait_s == 8.0


def test_a_wait_that_is_too_long_books_nothing() -> None:
    before = full()
    window, answer = ask(before, "d", 101.0, longest_s=8.9)
    assert window == before and answer == Answer(9.0, is_booked=False, used=3)


def test_a_late_claim_goes_to_the_end() -> None:
    window, _ = ask(full(), "d", 104.0)
    window, late = ask(window, "d", 110.0 + LATE_S + 0.1)
    assert late.wait_s == 0
    assert window.slots == (Slot(110.0 + LATE_S + 0.1, "d"),)


def test_a_slot_that_was_given_back_is_free() -> None:
    window, answer = ask(full().without("c"), "d", 101.0)
    assert answer.wait_s == 0 and window.slots[-1] == Slot(101.0, "d")


def test_a_block_moves_waiting_slots_behind_it() -> None:
    window, _ = ask(full(), "d", 101.0)
    window, _ = ask(window, "e", 101.0)
    window = window.blocked(102.0, 150.0)
    assert [slot.at for slot in window.slots] == [100.0, 100.0, 100.0, 150.0, 150.0]
    assert window.blocked(103.0, 120.0) == window
    _, answer = ask(window, "d", 120.0, longest_s=29.0)
    assert answer == Answer(30.0, is_booked=False, used=1, blocked_s=30.0)
    _, answer = ask(window, "d", 150.0)
    assert answer.wait_s == 0


def test_a_slot_that_is_due_waits_for_a_block() -> None:
    window, _ = ask(full(), "d", 101.0)
    window, answer = ask(window.blocked(110.0, 115.0), "d", 110.2)
    assert answer.wait_s == pytest.approx(4.8)
    assert Window().blocked(1.0, 2.0) == Window(blocked_until=2.0)


def test_owners_have_one_slot_each() -> None:
    window = full().with_slots(Slot(90.0, "a"), Slot(95.0, "z"))
    assert [slot.owner for slot in window.slots] == ["z", "a", "b", "c"]


@given(
    st.lists(
        st.tuples(st.floats(0.0, 8.0), st.sampled_from(["ask", "leave", "block"])),
        max_size=60,
    )
)
def test_no_window_has_more_than_the_limit(steps: List[Tuple[float, str]]) -> None:
    now, window, waiting, sent = 1_000.0, Window(), {}, []

    def settle(until: float, delay_s: float) -> None:
        nonlocal window
        for owner, at in sorted(waiting.items(), key=lambda item: item[1]):
            if at > until:
                continue
            del waiting[owner]
            window, answer = ask(window, owner, max(at + delay_s, at))
            if answer.wait_s <= 0:
                sent.append(at + delay_s)
            else:
                waiting[owner] = at + delay_s + answer.wait_s

    for number, (pause_s, step) in enumerate(steps):
        now += pause_s
        settle(now, 0.0)
        if step == "block":
            window = window.blocked(now, now + 5.0)
        elif step == "leave" and waiting:
            window = window.without(min(waiting))
            del waiting[min(waiting)]
        else:
            window, answer = ask(window, f"{number:03}", now)
            if answer.wait_s <= 0:
                sent.append(now)
            else:
                waiting[f"{number:03}"] = now + answer.wait_s
    for first in sent:
        # A hundred microseconds, as sums of floats differ in their last digits.
        inside = [at for at in sent if first <= at < first + LIMIT.window_s - 1e-4]
        assert len(inside) <= LIMIT.requests


def test_a_part_begins_one_window_after_its_outage() -> None:
    part = Fraction(100.0, 2)
    limit = Limit(4, 10.0)
    waits = [part.request("a", owner, limit, 101.0, FOREVER) for owner in "pqr"]
    assert [answer.wait_s for answer in waits] == [9.0, 9.0, 19.0]
    assert {answer.blocked_s for answer in waits} == {0.0}
    part.give_back("a", "r")
    part.give_back("b", "r")
    assert part.request("a", "p", limit, 110.0, FOREVER).wait_s == 0
    assert part.request("a", "s", limit, 110.0, 5.0) == Answer(
        10.0, is_booked=False, used=2, processes=2
    )


def test_a_part_is_at_least_one_request() -> None:
    part = Fraction(100.0, 0)
    assert part.parts == UNKNOWN_PROCESSES
    for at in (110.0, 120.0):
        assert part.request("a", str(at), Limit(3, 10.0), at, FOREVER).wait_s == 0
    answer = part.request("a", "b", Limit(3, 10.0), 121.0, FOREVER)
    assert answer.wait_s == 9.0


def test_a_refusal_blocks_a_part() -> None:
    part = Fraction(100.0, 2)
    part.block("a", 101.0, 130.0)
    answer = part.request("a", "p", Limit(4, 10.0), 120.0, FOREVER)
    assert answer.wait_s == answer.blocked_s == 10.0


def test_an_outage_ends_after_a_pause() -> None:
    limit, part = Limit(4, 10.0), Fraction(100.0, 2)
    away = Outage(100.0, part, "gone")
    assert away.is_away and not away.is_over(1e9)
    answer = away.request("a", "p", limit, 110.0, FOREVER)
    assert answer.wait_s == 0 and answer.is_away
    restoring = Outage(100.0, part, "gone", FOREVER)
    assert not restoring.is_away and not restoring.is_over(1e9)
    answer = restoring.request("a", "p", limit, 111.0, FOREVER)
    assert answer == Answer(SETTLE_S, processes=2)
    back = Outage(100.0, part, "gone", 112.0)
    assert not back.is_over(111.9) and back.is_over(112.0)
    answer = back.request("a", "p", limit, 111.0, 0.5)
    assert answer == Answer(1.0, is_booked=False, processes=2)


def test_recent_requests_are_kept_up_to_the_limit() -> None:
    sent = Sent()
    for owner, at in (("x", 90.0), ("a", 95.0), ("b", 96.0), ("a", 97.0), ("c", 99.0)):
        sent.add("a", LIMIT, owner, at)
    sent.add("b", LIMIT, "d", 80.0)
    assert list(sent.recent(100.0)) == [
        ("a", 10.0, [("b", 4.0), ("a", 3.0), ("c", 1.0)])
    ]
    sent.forget("a")
    assert list(sent.recent(100.0)) == []


def test_the_last_request_is_looked_for_while_it_is_surely_in_the_window() -> None:
    sent = Sent()
    assert sent.latest("a", 0.0) == ""
    sent.remove("a", "x")
    sent.add("a", LIMIT, "x", 0.0)
    sent.add("a", LIMIT, "y", 1.0)
    # Less by the time that a slot may be claimed late, and by the steps of a clock.
    assert [sent.latest("a", at) for at in (1.0, 9.4, 9.5)] == ["y", "y", ""]
    sent.remove("a", "y")
    assert sent.latest("a", 1.0) == "x"


THEN = Now(1_000_000.0, 500.0)


def state_of(window: Window) -> State:
    return State().seen("p", THEN.wall).with_window("a", window, THEN.wall)


def test_a_state_survives_its_file() -> None:
    state = state_of(Window((Slot(999_990.5, "x"), Slot(1_000_003.0, "y")), 7.0))
    assert decode(state.encode(THEN), Now(1_000_002.0, 502.0)) == state
    assert decode(state._replace(id="x").encode(THEN), THEN).id == "x"


@pytest.mark.parametrize("step_s", [-3600.0, 3600.0])
def test_times_move_with_a_clock_that_is_set(step_s: float) -> None:
    data = state_of(Window((Slot(999_990.0, "x"),), 1_000_005.0)).encode(THEN)
    found = decode(data, Now(1_000_002.0 + step_s, 502.0))
    assert found.windows["a"].slots == (Slot(999_990.0 + step_s, "x"),)
    assert found.windows["a"].blocked_until == 1_000_005.0 + step_s
    assert found.processes == {"p": 1_000_000.0 + step_s}


@pytest.mark.parametrize("wall, moved_s", [(1_000_030.0, 0.0), (999_000.0, -1_000.0)])
def test_times_survive_a_restart_of_the_machine(wall: float, moved_s: float) -> None:
    data = state_of(Window((Slot(999_990.0, "x"),))).encode(THEN)
    found = decode(data, Now(wall, 20.0))
    assert found.windows["a"].slots == (Slot(999_990.0 + moved_s, "x"),)


def test_what_is_not_used_is_forgotten() -> None:
    state = state_of(Window((Slot(THEN.wall, "x"),)))
    later = THEN.wall + LONGEST_WINDOW_S
    assert set(state.with_window("b", Window(), later).windows) == set()
    assert set(state.with_window("b", Window((), later + 1), later).windows) == {"b"}
    assert set(state.seen("q", THEN.wall + SEEN_S).processes) == {"q"}


def content(**changes: Any) -> bytes:
    good = json.loads(state_of(Window((Slot(1.0, "x"),))).encode(THEN))
    return json.dumps({**good, **changes}).encode()


@pytest.mark.parametrize(
    "data",
    [
        b"\0",
        b"1764547200000000\n",
        b"{}",
        b"[]",
        b"[" * 100_000,
        content(format=f"{FORMAT}0"),
        content(wall=None),
        content(wall=float("nan")),
        content(processes=[]),
        content(windows={"a": {"slots": [[1.0]], "blocked_until": 0}}),
        content(windows={"a": {"slots": [["x", "y"]], "blocked_until": 0}}),
        content(windows={"a": {"slots": 1, "blocked_until": 0}}),
        content(wall=10**400),
        content(wall=1e300),
        content(running=-1e300),
        content(processes={"p": 1e300}),
        content(windows={"a": {"slots": [[1e15, "x"]], "blocked_until": 0}}),
        content(windows={"a": {"slots": [["inf", "x"]], "blocked_until": 0}}),
        content(windows={"a": {"slots": [], "blocked_until": 1e15}}),
        content(wall=12345).replace(b"12345", b"1e999"),
        content(running=12345).replace(b"12345", b"-1e999"),
        content(processes={"p": 12345}).replace(b"12345", b"1e999"),
    ],
)
def test_other_contents_are_no_state(data: bytes) -> None:
    with pytest.raises(ValueError):
        decode(data, THEN)


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_any_content_is_read_or_refused(data: bytes) -> None:
    try:
        decode(data, THEN)
    except ValueError:
        pass


@pytest.mark.parametrize("script", [REQUEST, SEEN, BLOCK, RESTORE])
def test_scripts_have_no_placeholder_left(script: str) -> None:
    assert "RECENT" not in script and "LATE" not in script
