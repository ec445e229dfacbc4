from __future__ import annotations

from typing import Any, Dict, List

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import JSON_VALUES

from bfxsync.wire.audit import (
    JUMP_S,
    PROBE_S,
    ChannelsWatch,
    ClockWatch,
    Liveness,
    Sequence,
)
from bfxsync.wire.channels import Channel, channel_for


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


# --- the socket ---------------------------------------------------------------------------------


def live(now: float = 100.0, **options: float) -> Liveness:
    liveness = Liveness(**options)
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


def test_only_received_messages_are_signs_of_life() -> None:
    liveness = live()
    liveness.sent(120.0)
    assert liveness.ping_due(125.0, idle=False)
    liveness.received(120.0)
    assert not liveness.ping_due(144.9, idle=False)
    assert not liveness.is_stale(154.9)
    assert liveness.is_stale(155.0)


def test_idle_socket_is_pinged_20_s_after_its_last_frame() -> None:
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


def expecting(now: float = 100.0, **options: float) -> Liveness:
    """Return what is told of a socket on which something was subscribed at once."""
    liveness = live(now, **options)
    liveness.expect(True, now)
    return liveness


def test_r02_answers_are_no_sign_of_life_while_something_is_subscribed() -> None:
    liveness = expecting()
    for now in range(101, 135):
        liveness.received(float(now))
        assert not liveness.is_stale(float(now))
    assert liveness.is_stale(135.0)
    assert not liveness.was_heard


def test_r02_one_ping_is_sent_for_each_silence() -> None:
    liveness = expecting()
    assert liveness.ping_due(125.0, idle=False)
    liveness.pinged()
    liveness.received(125.1)
    assert not liveness.ping_due(134.9, idle=False)
    liveness.heard(126.0)
    assert liveness.was_heard
    assert liveness.deadline(idle=False) == 151.0
    assert not liveness.is_stale(160.9)


def test_only_the_first_subscription_restarts_the_silence() -> None:
    liveness = live()
    liveness.received(110.0)
    liveness.expect(True, 130.0)
    assert liveness.deadline(idle=False) == 155.0
    liveness.received(150.0)
    liveness.expect(True, 150.0)
    assert liveness.is_stale(165.0)


def test_without_subscriptions_pongs_count_again() -> None:
    liveness = expecting()
    liveness.received(120.0)
    liveness.expect(False, 121.0)
    assert liveness.is_stale(135.0)
    liveness.received(122.0)
    assert not liveness.is_stale(156.9)


def test_new_socket_expects_nothing() -> None:
    liveness = expecting()
    liveness.heard(101.0)
    liveness.reset(110.0)
    assert not liveness.is_expecting and not liveness.was_heard
    liveness.received(140.0)
    assert not liveness.is_stale(150.0)


def test_r02_any_answer_ends_the_doubt_and_heartbeats_have_their_time() -> None:
    liveness = expecting()
    liveness.probe(130.0)
    liveness.received(130.2)
    # A pong; the next heartbeat may be 15 s away.
    assert not liveness.is_stale(165.1)
    assert liveness.is_stale(165.2)
    assert liveness.deadline(idle=False) == 155.2


def test_r02_both_times_are_options() -> None:
    liveness = live(ping_after_s=2.0, stale_after_s=3.0)
    assert liveness.deadline(idle=False) == 102.0
    assert liveness.ping_due(102.0, idle=False)
    liveness.pinged()
    assert liveness.deadline(idle=False) == 103.0
    assert not liveness.is_stale(102.9)
    assert liveness.is_stale(103.0)
    liveness.received(102.5)
    assert liveness.deadline(idle=False) == 104.5
    assert not liveness.is_stale(105.4)


def test_r02_probe_pings_at_once_and_expires_after_5_s() -> None:
    assert PROBE_S == 5.0
    liveness = live()
    liveness.probe(110.0)
    assert liveness.ping_due(110.0, idle=False)
    assert liveness.deadline(idle=False) <= 110.0
    liveness.pinged()
    assert not liveness.ping_due(114.9, idle=False)
    assert liveness.deadline(idle=False) == 115.0
    assert not liveness.is_stale(114.9)
    assert liveness.is_stale(115.0)


def test_sign_of_life_ends_the_doubt() -> None:
    liveness = live()
    liveness.probe(110.0)
    liveness.pinged()
    liveness.received(112.0)
    assert not liveness.is_stale(115.0)
    assert liveness.deadline(idle=False) == 137.0
    assert not liveness.ping_due(136.9, idle=False)


def test_probe_extends_no_deadline() -> None:
    liveness = live()
    liveness.pinged()
    liveness.probe(133.0)
    # Another ping, as nobody knows what has become of the first.
    assert liveness.ping_due(133.0, idle=False)
    assert not liveness.is_stale(134.9)
    assert liveness.is_stale(135.0)


def test_new_socket_is_not_doubted() -> None:
    liveness = live()
    liveness.probe(110.0)
    liveness.reset(112.0)
    assert liveness.deadline(idle=False) == 137.0
    assert not liveness.is_stale(146.9)


# --- one channel --------------------------------------------------------------------------------


@attrs.define
class Entry:
    """What a route leads to, as far as the watch looks at it."""

    channel: Channel


class Watched:
    """A watch over made-up channels; the socket was opened at 100."""

    def __init__(self, *chan_ids: int, stale_after_s: float = 35.0) -> None:
        self.watch = ChannelsWatch(stale_after_s)
        self.watch.reset(100.0)
        self.routes: Dict[int, Entry] = {}
        for chan_id in chan_ids:
            self.add(chan_id)

    def add(self, chan_id: int, now: float | None = None) -> None:
        self.routes[chan_id] = Entry(channel_for("ticker", symbol="tBTCUSD"))
        self.routes[chan_id].channel.seen_at = now

    def hear(self, now: float, *chan_ids: int) -> None:
        """A block with frames of these channels, or of none."""
        if now >= self.watch.refresh_at:
            self.watch.refresh(self.routes, now)
        for chan_id in chan_ids:
            self.routes[chan_id].channel.seen_at = now

    def silent(self, now: float) -> List[int]:
        found = self.watch.silent(self.routes, now)
        return [chan_id for chan_id, entry in self.routes.items() if entry in found]

    @property
    def deadline(self) -> float | None:
        return self.watch.deadline(self.routes)


def test_r02_one_channel_is_silent_among_others_after_35_s() -> None:
    watched = Watched(1, 2, 3)
    watched.hear(110.0, 1, 2, 3)
    for now in (115.0, 120.0, 125.0, 130.0, 135.0, 140.0):
        watched.hear(now, 1, 3)
        assert watched.silent(now) == []
    assert watched.deadline == 145.0
    assert watched.silent(144.9) == []
    assert watched.silent(145.0) == [2]


def test_channel_that_was_never_heard_counts_from_the_socket() -> None:
    watched = Watched(1, 2)
    for now in (110.0, 120.0, 130.0):
        watched.hear(now, 1)
    assert watched.deadline == 135.0
    assert watched.silent(135.0) == [2]


def test_without_channels_nothing_is_due() -> None:
    watched = Watched()
    assert watched.deadline is None
    watched.hear(110.0)
    assert watched.silent(1000.0) == []
    assert watched.deadline is None


def test_new_channel_has_all_its_time() -> None:
    watched = Watched(1)
    watched.hear(110.0, 1)
    watched.add(2, 118.0)
    watched.hear(120.0, 1)
    watched.hear(135.0, 1)
    watched.hear(150.0, 1)
    assert watched.silent(152.9) == []
    assert watched.silent(153.0) == [2]


def test_channel_that_is_gone_is_not_silent() -> None:
    watched = Watched(1, 2)
    watched.hear(110.0, 1, 2)
    watched.hear(125.0, 1)
    del watched.routes[2]
    assert watched.deadline == 145.0
    watched.hear(140.0, 1)
    assert watched.silent(145.0) == []
    assert watched.deadline == 160.0


def test_r16_deadline_moves_on_while_all_are_heard_of() -> None:
    watched = Watched(1, 2)
    for now in range(100, 1000, 15):
        watched.hear(now, 1)
        watched.hear(now + 1.0, 2)
        # Never before the next heartbeats: it wakes nobody.
        assert watched.deadline is not None and watched.deadline > now + 16.0
        assert watched.silent(now + 1.0) == []


def test_r02_no_channel_is_judged_while_the_whole_socket_is_quiet() -> None:
    watched = Watched(1, 2)
    watched.hear(100.0, 2)
    watched.hear(114.0, 1)
    # Nothing comes from here on; the second channel's heartbeat was due at 115.
    assert watched.deadline == 135.0
    assert watched.silent(135.0) == []
    # Nobody need look again until something comes.
    assert watched.deadline == float("inf")
    watched.hear(144.0, 1)
    # What is under way may be of any channel: it has 14 s to come.
    assert watched.deadline == 158.0
    assert watched.silent(144.0) == []
    watched.hear(145.0, 2)
    assert watched.silent(158.0) == []


def test_r02_channel_still_silent_after_a_quiet_time_is_found() -> None:
    watched = Watched(1, 2)
    watched.hear(114.0, 1)
    assert watched.silent(135.0) == []
    watched.hear(144.0, 1)
    watched.hear(150.0, 1)
    assert watched.silent(157.9) == []
    assert watched.silent(158.0) == [2]


@pytest.mark.parametrize(
    "pause_s", [1.0, 10.0, 14.0, 17.0, 17.5, 18.0, 20.0, 25.0, 34.9]
)
def test_r02_silent_channel_is_found_out_however_seldom_others_are_heard(
    pause_s: float,
) -> None:
    watched = Watched(1, 2)
    heard_at = 100.0
    while watched.deadline is not None and heard_at < 200.0:
        if watched.deadline < heard_at + pause_s:
            now = watched.deadline
            if 1 in watched.silent(now):
                assert 135.0 <= now < 150.0
                return
        heard_at += pause_s
        watched.hear(heard_at, 2)
    pytest.fail("never found out")


def test_r02_blocked_thread_finds_no_channel_silent() -> None:
    watched = Watched(1, 2)
    watched.hear(110.0, 1, 2)
    # The clock is looked at before what has come meanwhile is read, and after it.
    assert watched.silent(170.0) == []
    watched.hear(170.0, 1)
    assert watched.silent(170.0) == []
    watched.hear(170.1, 2)
    assert watched.silent(184.0) == []
    assert watched.deadline == 205.0


def test_new_socket_restarts_every_silence() -> None:
    watched = Watched(1)
    watched.hear(110.0, 1)
    assert watched.silent(134.9) == []
    watched.watch.reset(134.0)
    assert watched.deadline == 169.0
    assert watched.silent(168.9) == []


FRAMES = st.lists(
    st.tuples(st.floats(0.01, 60.0), st.sets(st.integers(1, 3))), max_size=30
)


@given(FRAMES, st.sampled_from([35.0, 1.0, 0.3]))
def test_r02_judgement_is_never_rash_and_never_a_busy_loop(
    frames: Any, stale_after_s: float
) -> None:
    watched = Watched(1, 2, 3, stale_after_s=stale_after_s)
    now = 100.0

    def look() -> None:
        for chan_id in watched.silent(now):
            seen_at = watched.routes[chan_id].channel.seen_at or 100.0
            assert now - seen_at >= stale_after_s - 1e-9
            watched.add(chan_id, now)
        assert watched.deadline is not None and watched.deadline > now

    for pause_s, chan_ids in frames:
        end = now + pause_s * stale_after_s / 35.0
        while watched.deadline is not None and watched.deadline <= end:
            now = watched.deadline
            look()
        now = end
        watched.hear(now, *chan_ids)
        look()


# --- the clock ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "step_s, jump_s",
    [(0.0, 0.0), (4.9, 0.0), (5.0, 5.0), (3600.0, 3600.0), (-3600.0, 0.0)],
    ids=str,
)
def test_r02_clock_that_gained_5_s_on_the_other_has_jumped(
    step_s: float, jump_s: float
) -> None:
    assert JUMP_S == 5.0
    clocks = ClockWatch()
    assert clocks.observe(100.0, 1_700_000_000.0) == 0.0
    assert clocks.observe(130.0, 1_700_000_030.0) == 0.0
    assert clocks.observe(131.0, 1_700_000_031.0 + step_s) == pytest.approx(jump_s)
    assert clocks.jump_count == bool(jump_s)
    # Once for each.
    assert clocks.observe(132.0, 1_700_000_032.0 + step_s) == 0.0


def test_first_look_at_the_clocks_is_no_jump() -> None:
    clocks = ClockWatch()
    assert clocks.observe(5.0, 1_700_000_000.0) == 0.0
    assert clocks.jump_count == 0


def test_slow_drift_is_no_jump_and_every_jump_is_counted() -> None:
    clocks = ClockWatch()
    wall = 1_700_000_000.0
    for now in range(100):
        wall += 2.0
        assert clocks.observe(float(now), wall) == 0.0
    clocks.observe(100.0, wall + 61.0)
    clocks.observe(101.0, wall - 600.0)
    assert clocks.observe(102.0, wall + 61.0) == pytest.approx(660.0)
    assert clocks.jump_count == 2
