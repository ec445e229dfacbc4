from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import JSON_VALUES

from bfxsync.wire.audit import Liveness, Sequence


def after(last: int) -> Sequence:
    sequence = Sequence()
    assert sequence.accept(last) is None
    return sequence


@pytest.mark.parametrize("first", [1, 0, 17, 2**40])
def test_first_number_is_the_baseline(first: int) -> None:
    sequence = Sequence()
    assert sequence.accept(first) is None
    assert sequence.accept(first + 1) is None
    assert sequence.last == first + 1


@pytest.mark.parametrize(
    "seq, wrong",
    [
        (9, "sequence number 9 after 7"),
        (7, "sequence number 7 after 7"),
        (6, "sequence number 6 after 7"),
        (None, "a frame without sequence number"),
    ],
    ids=["hole", "repeated", "back", "missing"],
)
def test_what_is_not_the_next_number_is_wrong(seq: int | None, wrong: str) -> None:
    sequence = after(7)
    assert sequence.accept(seq) == wrong
    assert sequence.last == 7


def test_frame_without_a_number_is_wrong_before_the_baseline_too() -> None:
    assert Sequence().accept(None) == "a frame without sequence number"


def test_new_socket_has_a_new_baseline() -> None:
    sequence = after(7)
    sequence.reset()
    assert sequence.last is None
    assert sequence.accept(1) is None


@pytest.mark.parametrize(
    "first, last, count",
    [(8, 8, 1), (8, 10, 3)],
    ids=["one frame", "three frames"],
)
def test_block_in_unbroken_sequence_is_accepted(
    first: int, last: int, count: int
) -> None:
    sequence = after(7)
    assert sequence.accept_block(first, last, count)
    assert sequence.last == last


@pytest.mark.parametrize(
    "first, last, count",
    [
        (9, 10, 2),
        (7, 8, 2),
        (8, 10, 2),
        (8, 9, 3),
        (8, 8, 2),
        ("8", 8, 1),
        (8, "8", 1),
        (8, None, 1),
        (8.0, 8, 1),
        (8, 8.0, 1),
        (True, True, 1),
        ([], [], 1),
    ],
    ids=str,
)
def test_block_that_is_anything_else_leaves_all_as_it_was(
    first: object, last: object, count: int
) -> None:
    sequence = after(7)
    assert not sequence.accept_block(first, last, count)
    assert sequence.last == 7


@given(
    st.integers(0, 20),
    st.lists(st.integers(1, 25), min_size=1, max_size=4),
    JSON_VALUES,
)
def test_block_that_is_accepted_is_one_whose_ends_are_accepted(
    last: int, numbers: list[int], other: object
) -> None:
    sequence = after(last)
    accepted = sequence.accept_block(numbers[0], numbers[-1], len(numbers))
    assert accepted == (numbers[0] == last + 1 and numbers[-1] == last + len(numbers))
    if type(other) is not int:
        assert not sequence.accept_block(other, other, 1)


def live(now: float = 100.0) -> Liveness:
    liveness = Liveness()
    liveness.reset(now)
    return liveness


def test_r02_ping_is_due_after_25_s_of_silence() -> None:
    liveness = live()
    assert not liveness.ping_due(124.9, idle=False)
    assert liveness.ping_due(125.0, idle=False)
    assert liveness.deadline(idle=False) == 125.0


def test_r02_socket_is_stale_after_35_s_of_silence() -> None:
    liveness = live()
    assert not liveness.is_stale(134.9)
    assert liveness.is_stale(135.0)


def test_one_ping_is_sent_for_one_silence() -> None:
    liveness = live()
    liveness.pinged()
    assert not liveness.ping_due(1000.0, idle=False)
    assert liveness.deadline(idle=False) == 135.0
    liveness.received(130.0)
    assert liveness.ping_due(155.0, idle=False)
    assert liveness.deadline(idle=False) == 155.0


def test_what_comes_is_a_sign_of_life_and_what_goes_is_none() -> None:
    liveness = live()
    liveness.sent(120.0)
    assert liveness.ping_due(125.0, idle=False)
    liveness.received(120.0)
    assert not liveness.ping_due(144.9, idle=False)
    assert not liveness.is_stale(154.9)
    assert liveness.is_stale(155.0)


def test_idle_socket_is_pinged_20_s_after_the_last_frame_sent() -> None:
    liveness = live()
    liveness.received(119.0)
    assert not liveness.ping_due(119.9, idle=True)
    assert liveness.ping_due(120.0, idle=True)
    assert liveness.deadline(idle=True) == 120.0
    liveness.pinged()
    liveness.sent(120.0)
    assert not liveness.ping_due(139.9, idle=True)
    assert liveness.deadline(idle=True) == 140.0


def test_new_socket_has_all_its_time() -> None:
    liveness = live()
    liveness.pinged()
    liveness.reset(200.0)
    assert liveness.deadline(idle=False) == 225.0
    assert liveness.deadline(idle=True) == 220.0
    assert not liveness.is_stale(234.9)
