"""Requests for calculations: coalesced, and within the limits of the exchange."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bfxsync.wire.calculations import (
    MOST_NAMES,
    MOST_PER_PERIOD,
    PERIOD_S,
    Calculations,
)


def names(count, prefix="wallet_exchange_"):
    return tuple(f"{prefix}{n}" for n in range(count))


def test_names_are_sent_at_once_and_once():
    queue = Calculations()
    assert queue.deadline() is None and queue.due(0.0) == []
    queue.add(("balance", "margin_base"), "a")
    queue.add(("balance",), "b")
    assert queue.deadline() == float("-inf")
    assert queue.due(5.0) == [(("balance", "margin_base"), ["a", "b"])]
    queue.add(("balance",), "c")
    assert queue.due(5.0) == [(("balance",), ["c"])]


def test_many_names_go_into_several_messages():
    queue, many = Calculations(), names(2 * MOST_NAMES + 1)
    queue.add(many, "many")
    found = queue.due(0.0)
    assert [len(part) for part, _ in found] == [MOST_NAMES, MOST_NAMES, 1]
    assert sum((part for part, _ in found), ()) == many
    # Only the last one completes the request.
    assert [tokens for _, tokens in found] == [[], [], ["many"]]


def test_the_ninth_message_waits_and_takes_all_others_along():
    queue = Calculations()
    for number in range(MOST_PER_PERIOD):
        queue.add((f"wallet_margin_{number}",), number)
        assert len(queue.due(number / 100)) == 1
    for name in names(5):
        queue.add((name,), name)
    assert queue.deadline() == PERIOD_S and queue.due(PERIOD_S - 0.01) == []
    assert queue.due(PERIOD_S) == [(names(5), list(names(5)))]


def test_dropped_requests_are_named():
    queue = Calculations()
    queue.add(names(MOST_NAMES * (MOST_PER_PERIOD + 1)), "long")
    queue.due(0.0)
    queue.add(("balance",), "short")
    assert queue.clear() == ["long", "short"]
    assert queue.deadline() is None and queue.due(9.0) == []


@given(
    st.lists(
        st.tuples(st.floats(0, 0.5), st.lists(st.sampled_from(names(99)), max_size=70)),
        max_size=40,
    )
)
def test_no_limit_is_exceeded_and_no_name_is_lost(steps):
    queue, now, sent, wanted = Calculations(), 0.0, [], set()
    for number, (pause, wanted_now) in enumerate(steps):
        now += pause
        queue.add(wanted_now, number)
        wanted.update(wanted_now)
        sent += [(now, part, tokens) for part, tokens in queue.due(now)]
    while queue.deadline() is not None:
        now = max(now, queue.deadline())
        sent += [(now, part, tokens) for part, tokens in queue.due(now)]
    assert {name for _, part, _ in sent for name in part} == wanted
    assert all(1 <= len(part) <= MOST_NAMES for _, part, _ in sent)
    times = [at for at, _, _ in sent]
    for first, later in zip(times, times[MOST_PER_PERIOD:]):
        assert later >= first + PERIOD_S
    tokens = [token for _, _, tokens in sent for token in tokens]
    assert len(tokens) == len(set(tokens))
    # A request without names has nothing to wait for.
    assert set(tokens) | set(queue.clear()) == set(range(len(steps)))
