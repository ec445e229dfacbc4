"""The numbers of an authenticated socket: notifications may or may not count, all else does."""

from __future__ import annotations

from typing import Any, List, Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bfxsync._base.enums import Flag
from bfxsync.wire.account_sequence import AccountSequence

SEQ = int(Flag.SEQ_ALL)
SEQ_MTS = SEQ | int(Flag.TIMESTAMP)


def wu(seq: int) -> List[Any]:
    return [0, "wu", [], seq, 1]


def n(*numbers: int) -> List[Any]:
    return [0, "n", [], *numbers]


def hb(*numbers: int) -> List[Any]:
    return [0, "hb", *numbers]


# Frames, and the index of the one with which a gap is noticed.
CASES = [
    pytest.param([wu(5), wu(6), hb(7), wu(8)], None, id="unbroken"),
    pytest.param([wu(5), wu(7)], 1, id="one-missing"),
    pytest.param([wu(5), wu(5)], 1, id="repeated"),
    pytest.param([wu(5), hb(7)], 1, id="heartbeats-count"),
    pytest.param([wu(5), n(12), wu(6)], None, id="one-number-uncounted"),
    pytest.param([wu(5), n(6), wu(7)], None, id="one-number-counted"),
    pytest.param([wu(5), n(12), wu(8)], 2, id="more-than-the-notification"),
    pytest.param([wu(5), n(6), n(7), wu(7)], None, id="one-of-two-counted"),
    pytest.param([wu(5), n(6), n(7), wu(9)], 3, id="more-than-both"),
    pytest.param([wu(5), n(6, 9), wu(7)], None, id="two-numbers-counted"),
    pytest.param([wu(5), n(5, 9), wu(6)], None, id="two-numbers-uncounted"),
    pytest.param([wu(5), n(5, 9), wu(7)], 2, id="gap-after-uncounted"),
    pytest.param([wu(5), n(7, 9)], 1, id="gap-before-a-notification"),
    pytest.param([wu(5), n(6), n(7, 9), wu(8)], None, id="both-kinds"),
    pytest.param([wu(5), n(), wu(6)], None, id="without-number"),
    pytest.param([n(3, 9), n(7), wu(12), wu(13)], None, id="baseline-is-certain"),
    pytest.param([wu(5), hb(), wu(7)], None, id="bare-heartbeat"),
    pytest.param([wu(5), [0, "wu", []]], 1, id="data-without-number"),
    pytest.param([[0, "tu", [], 1, 0], [0, "wu", [], 2, 0]], None, id="auth-seq-0"),
    pytest.param([[0, "tu", [], 1, 9], [0, "wu", [], 2, 3]], None, id="auth-seq-odd"),
]


def place_of_gap(frames: List[Any]) -> Optional[int]:
    sequence = AccountSequence()
    for index, frame in enumerate(frames):
        if not sequence.accept_block([frame], SEQ):
            return index
    return None


@pytest.mark.parametrize("frames, place", CASES)
def test_only_certain_holes_are_gaps(frames, place):
    assert place_of_gap(frames) == place


@pytest.mark.parametrize("frames, place", CASES)
def test_blocks_are_counted_as_their_frames_are(frames, place):
    sequence = AccountSequence()
    assert sequence.accept_block(frames, SEQ) is (place is None)
    # Without effect, if it fails.
    good = frames[:place]
    assert sequence.accept_block(good, SEQ) or place is None


def test_a_new_socket_has_a_new_baseline():
    sequence = AccountSequence()
    assert sequence.accept_block([wu(5), n(6)], SEQ)
    sequence.reset()
    assert sequence.accept_block([wu(1), wu(2)], SEQ)
    assert not sequence.accept_block([wu(4)], SEQ)


def test_times_are_not_numbers():
    sequence = AccountSequence()
    frames = [
        [0, "wu", [], 5, 1, 1_700_000_000_000],
        [0, "n", [], 9, 1_700_000_000_000],
    ]
    assert sequence.accept_block(frames, SEQ_MTS)
    assert sequence.accept_block([[0, "hb", 6, 1_700_000_000_001]], SEQ_MTS)


@pytest.mark.parametrize("frame", [[7, [1.0], 6], [7, "hb", 6]])
def test_frames_of_other_channels_need_a_closer_look(frame):
    sequence = AccountSequence()
    assert sequence.accept_block([wu(5)], SEQ)
    assert not sequence.accept_block([frame], SEQ)
    assert not AccountSequence().accept_block([frame], 0)


def test_without_numbers_only_the_channel_matters():
    assert AccountSequence().accept_block([[0, "wu", []], [0, "hb"]], 0)


def test_unreadable_frames_may_have_counted():
    sequence = AccountSequence()
    assert sequence.accept_block([wu(5)], SEQ)
    sequence.accept_uncertain()
    assert sequence.accept_block([wu(7), wu(8)], SEQ)
    sequence.accept_uncertain()
    assert sequence.accept_block([wu(9)], SEQ)


@given(
    st.lists(
        st.sampled_from(["wu", "hb", "n counted", "n counted 2", "n", "n 2"]),
        max_size=30,
    ),
    st.integers(0, 100),
)
def test_no_server_that_loses_nothing_has_a_gap(kinds, auth_seq):
    sequence, seq = AccountSequence(), 0
    for kind in ["wu", *kinds]:
        if kind not in ("n", "n 2"):
            seq += 1
        frame = {
            "wu": wu(seq),
            "hb": hb(seq),
            "n counted": n(seq),
            "n counted 2": n(seq, auth_seq),
            "n": n(auth_seq),
            "n 2": n(seq, auth_seq),
        }[kind]
        assert sequence.accept_block([frame], SEQ)
