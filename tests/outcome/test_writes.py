"""Records of writes: when one was sent, and which equal ones were sent then."""

from __future__ import annotations

import time

import pytest

from bfxsync.outcome import writes
from bfxsync.outcome.writes import MOST_KEPT, RecentWrites, WriteRecord, sent_to


def record(fingerprint: object, sent_at: float, ended_at: float) -> WriteRecord:
    return WriteRecord(fingerprint, 1e9 + sent_at, sent_at, 1e9 + ended_at, ended_at)


def test_write_is_on_its_way_until_its_call_ends() -> None:
    before_s, before_at = time.time(), time.monotonic()
    found = WriteRecord("a")
    assert found.sent_s >= before_s and found.sent_at >= before_at
    assert found.ended_s == found.ended_at == float("inf")
    first = found.sent_at
    found.mark_sent()
    found.mark_ended()
    assert first <= found.sent_at <= found.ended_at
    assert 0 <= found.lasted_s < 5


@pytest.mark.parametrize("is_by_wall", [True, False])
def test_write_lasts_as_long_as_the_slower_clock_shows(is_by_wall: bool) -> None:
    found = record("a", 10.0, 12.0)
    if is_by_wall:
        found.ended_s += 60
    else:
        found.ended_at += 60
    assert found.lasted_s == 62


@pytest.mark.parametrize(
    "fingerprint, sent_at, ended_at, is_alone",
    [
        ("b", 100.0, 101.0, True),
        ("a", 100.0, 101.0, False),
        ("a", 80.0, 89.0, True),
        ("a", 80.0, 91.0, False),
        ("a", 80.0, float("inf"), False),
        ("a", 110.9, 120.0, False),
        ("a", 111.1, 120.0, True),
    ],
)
def test_equal_writes_of_about_the_same_time_are_seen(
    fingerprint: str, sent_at: float, ended_at: float, is_alone: bool
) -> None:
    kept, mine = RecentWrites(), record("a", 100.0, 101.0)
    other = record(fingerprint, sent_at, ended_at)
    for item in (other, mine):
        kept.add(item)
    assert kept.is_alone(mine, 10.0) is is_alone
    kept.drop(other)
    kept.drop(other)
    assert kept.is_alone(mine, 10.0)


def test_forgotten_writes_leave_it_uncertain() -> None:
    kept, mine = RecentWrites(), record("a", 100.0, 101.0)
    kept.add(record("x", 95.0, 96.0))
    kept.add(mine)
    for number in range(MOST_KEPT - 2):
        kept.add(record(number, 200.0, 201.0))
    assert not kept.is_alone(mine, 10.0)
    assert kept.is_alone(mine, 3.0)
    kept.add(record("x", 300.0, 301.0))
    assert not kept.is_alone(mine, 3.0)


def test_clients_with_one_key_share_their_writes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(writes, "_sent", {})
    assert sent_to("host", "a") is sent_to("host", "a")
    assert sent_to("host", "a") is not sent_to("host", "b")
    assert sent_to("host", "a") is not sent_to("another", "a")
