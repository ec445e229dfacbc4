"""A book that is wrong: given up, subscribed anew, and at last only called degraded."""

from __future__ import annotations

from typing import Any, List

import pytest

from bfxsync._base.enums import SubscriptionStatus
from bfxsync.book.checksums import checksum
from bfxsync.errors import ChecksumMismatch, RemoteError
from bfxsync.models import (
    BookUpdate,
    Checksum,
    Degraded,
    Snapshot,
    Status,
)
from bfxsync.wire.channels import BookChannel, channel_for
from bfxsync.wire.recovery import BUDGET, WINDOW_S

LEVELS = [[100.0, 1, 1.0], [99.0, 2, 2.0], [101.0, 1, -1.0], [102.0, 1, -3.0]]
BOOK = Snapshot([BookUpdate.from_row(row) for row in LEVELS])
GOOD = checksum([(100.0, 1.0), (99.0, 2.0)], [(101.0, -1.0), (102.0, -3.0)])

LIVE = Status(SubscriptionStatus.LIVE)
MISMATCH = "the checksum of the book did not match"
UNREADABLE_FRAME = "a frame of the book could not be read"
UNREADABLE_LEVELS = "levels of the book could not be read"


def book(now: float = 1000.0, **options: Any) -> BookChannel:
    channel = channel_for("book", **{"symbol": "tBTCUSD", **options})
    assert isinstance(channel, BookChannel)
    channel.seen_at = now
    return channel


def feed(channel: BookChannel, *contents: Any) -> List[Any]:
    return channel.feed_many([[5, *content] for content in contents])


def live(now: float = 1000.0, **options: Any) -> BookChannel:
    channel = book(now, **options)
    assert feed(channel, [LEVELS]) == [BOOK]
    return channel


def spent(now: float = 1000.0, **options: Any) -> BookChannel:
    """Return a live book that was subscribed anew so often lately that it does not help."""
    channel = live(now, **options)
    for _ in range(BUDGET):
        channel.recovery.spend(now)
    return channel


# --- given up -----------------------------------------------------------------------------------


def test_r11_mismatch_is_an_error_and_gives_the_book_up() -> None:
    channel = live()
    # What follows in the block belongs to a book that is wrong.
    updates = feed(channel, [[98.0, 1, 1.0]], ["cs", 7], [[97.0, 1, 1.0]], ["cs", 8])
    assert updates == [BookUpdate(98.0, 1, 1.0)]
    assert channel.resync_reason == MISMATCH
    (error,) = channel.errors
    assert isinstance(error, ChecksumMismatch)
    assert (error.symbol, error.expected) == ("tBTCUSD", 7)
    assert error.actual != 7
    assert (channel.verified_count, channel.mismatch_count) == (0, 1)


@pytest.mark.parametrize(
    "content",
    [["cs"], ["cs", "7"], ["te", LEVELS[0]], [None], [7], [{}], [], [[100.0, 1]]]
    + [[["x", 1, 1]], [[100.0, None, 1.0]], [[None, 1, 1.0]], [[100.0, 1, None]]],
    ids=str,
)
def test_r11_frame_that_cannot_be_read_gives_the_book_up(content: Any) -> None:
    channel = live()
    updates = feed(channel, [[98.0, 1, 1.0]], content, [[97.0, 1, 1.0]], content)
    assert updates == [BookUpdate(98.0, 1, 1.0)]
    assert channel.resync_reason == UNREADABLE_FRAME
    assert [type(error) for error in channel.errors] == [RemoteError]
    assert channel.mismatch_count == 0


@pytest.mark.parametrize("row", [["x", 1, 1], None, 7, [], [100.0, 1]], ids=str)
def test_r11_level_that_cannot_be_read_gives_the_book_up(row: Any) -> None:
    channel = live()
    channel.is_bulk = True
    level = [98.0, 1, 1.0]
    # Those that could be read are handed out: a gap follows, and then all of them.
    assert feed(channel, [[level, row]], [level]) == [BookUpdate.from_row(level)]
    assert channel.resync_reason == UNREADABLE_LEVELS
    assert [type(error) for error in channel.errors] == [RemoteError]


def test_r11_unreadable_snapshot_level_resubscribes_the_book() -> None:
    channel = book()
    assert feed(channel, [[*LEVELS, None, ["x"]]], [LEVELS[0]]) == [BOOK]
    assert channel.resync_reason == UNREADABLE_LEVELS
    assert [type(error) for error in channel.errors] == [RemoteError] * 2


def test_r11_first_frame_that_cannot_be_read_gives_the_book_up() -> None:
    channel = book()
    assert feed(channel, [None], [LEVELS]) == []
    assert channel.resync_reason == UNREADABLE_FRAME
    assert not channel.is_live


@pytest.mark.parametrize(
    "content",
    [["cs", 7], [None], [[[98.0, 1, 1.0], [97.0]]]],
    ids=["checksum", "frame", "half of a frame"],
)
def test_r11_no_reader_sees_a_book_that_is_given_up(content: Any) -> None:
    """Neither within a block, when the version is odd, nor after it."""
    channel = live()
    channel.is_bulk = True
    sizes: List[int] = []
    reset = channel.book.reset

    def note(levels: Any = ()) -> None:
        assert channel.version % 2 == 1
        reset(levels)
        sizes.append(len(channel.book))

    channel.book.reset = note  # type: ignore[method-assign]
    feed(channel, [[98.0, 1, 1.0]], content)
    channel.lose()
    assert sizes == [0, 0] and channel.version % 2 == 0


def test_r11_resubscribed_book_starts_from_its_snapshot() -> None:
    channel = live()
    feed(channel, ["cs", 7])
    channel.lose()
    assert channel.resync_reason is None
    assert feed(channel, [LEVELS], ["cs", GOOD]) == [BOOK]
    assert (channel.verified_count, channel.mismatch_count) == (1, 1)


def test_mismatch_follows_the_checksum_with_extras() -> None:
    channel = live()
    channel.extras = True
    assert feed(channel, ["cs", GOOD], ["cs", 7]) == [Checksum(GOOD), Checksum(7)]
    assert channel.resync_reason == MISMATCH


def test_checksum_of_a_funding_book_never_gives_it_up() -> None:
    channel = book(symbol="fUSD")
    feed(channel, [[[0.001, 30, 1, -1.0]]], ["cs", 7], ["cs", 8])
    assert channel.resync_reason is None
    assert channel.errors == []


# --- verified -----------------------------------------------------------------------------------


def test_r11_equal_checksum_tells_when_the_book_was_right() -> None:
    channel = live(1000.0)
    assert channel.verified_at is None
    channel.seen_at = 1003.0
    feed(channel, ["cs", GOOD])
    assert channel.verified_at == 1003.0
    channel.seen_at = 1004.0
    feed(channel, [[98.0, 1, 1.0]])
    assert channel.verified_at == 1003.0
    channel.lose()
    assert channel.verified_at is None


def test_suspend_makes_all_times_older() -> None:
    channel = live(1000.0)
    channel.suspend(50.0)
    assert (channel.seen_at, channel.verified_at) == (950.0, None)
    feed(channel, ["cs", GOOD])
    channel.suspend(50.0)
    assert (channel.seen_at, channel.verified_at) == (900.0, 900.0)
    channel.lose()
    channel.suspend(50.0)
    assert (channel.seen_at, channel.verified_at) == (None, None)


# --- degraded -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content, reason, errors",
    [
        (["cs", 7], MISMATCH, 1),
        ([None], UNREADABLE_FRAME, 1),
        ([[["x"], [98.0, 1, 1.0], ["y"]]], UNREADABLE_LEVELS, 2),
    ],
    ids=["checksum", "frame", "levels"],
)
def test_r11_unhealed_book_continues_and_is_degraded_once(
    content: Any, reason: str, errors: int
) -> None:
    channel = spent()
    channel.is_bulk = True
    level = [97.0, 1, 1.0]
    updates = feed(channel, content, [level], content)
    updates = [u for u in updates if u != BookUpdate(98.0, 1, 1.0)]
    degraded = Degraded(f"{reason}, and subscribing again did not help")
    assert updates == [degraded, BookUpdate.from_row(level)]
    assert channel.resync_reason is None
    assert channel.is_degraded and channel.has_event
    # Each one is reported all the same.
    assert len(channel.errors) == 2 * errors
    assert len(channel.book) >= 5


def test_r11_equal_checksum_ends_the_degradation() -> None:
    channel = spent()
    updates = feed(
        channel,
        ["cs", 7],
        ["cs", 8],
        ["cs", GOOD],
        ["cs", GOOD],
        ["cs", 9],
    )
    text = f"{MISMATCH}, and subscribing again did not help"
    assert updates == [Degraded(text), LIVE, Degraded(text)]
    assert channel.is_degraded
    assert (channel.verified_count, channel.mismatch_count) == (2, 3)


def test_r11_next_snapshot_ends_the_degradation() -> None:
    channel = spent()
    feed(channel, ["cs", 7])
    channel.lose()
    assert channel.is_degraded
    assert feed(channel, [LEVELS], ["cs", GOOD]) == [BOOK]
    assert not channel.is_degraded


def test_r11_snapshot_of_an_unhealed_book_precedes_its_degradation() -> None:
    channel = spent()
    channel.lose()
    snapshot, degraded = feed(channel, [[*LEVELS, None]])
    assert (snapshot, type(degraded)) == (BOOK, Degraded)


def test_r03_book_without_a_snapshot_is_never_called_degraded() -> None:
    channel = spent()
    channel.lose()
    assert feed(channel, [None], ["cs", 7], [None]) == []
    assert channel.resync_reason is None
    assert not channel.is_degraded
    assert feed(channel, [LEVELS]) == [BOOK]


def test_r11_book_is_healed_again_when_the_tries_are_long_ago() -> None:
    channel = spent(1000.0)
    feed(channel, ["cs", 7])
    channel.seen_at = 1000.0 + WINDOW_S
    assert feed(channel, ["cs", 7]) == []
    assert channel.resync_reason == MISMATCH


@pytest.mark.parametrize("symbol", ["tBTCUSD", "fUSD"])
def test_r11_degraded_book_needs_no_checksum_to_be_tried_again(symbol: str) -> None:
    row = [0.001, 30, 1, 1.0] if symbol == "fUSD" else LEVELS[0]
    channel = book(1000.0, symbol=symbol)
    feed(channel, [[row]])
    for _ in range(BUDGET):
        channel.recovery.spend(1000.0)
    (degraded,) = feed(channel, [[["x"]]], ["hb"])
    assert isinstance(degraded, Degraded)
    channel.seen_at = 1000.0 + WINDOW_S - 0.1
    assert len(feed(channel, ["hb"], [row], ["hb"])) == 1
    assert channel.resync_reason is None
    channel.seen_at = 1000.0 + WINDOW_S
    # What follows in the block belongs to the book that is given up.
    assert feed(channel, ["hb"], [row]) == []
    assert channel.resync_reason == "the data has been wrong for some time"
    channel.lose()
    # A heartbeat before the snapshot is none of a book that is wrong.
    assert feed(channel, ["hb"]) == []
    assert channel.resync_reason is None
    assert isinstance(feed(channel, [[row]], ["hb"])[0], Snapshot)
    assert not channel.is_degraded


def test_book_that_was_never_wrong_has_no_status() -> None:
    channel = live()
    assert feed(channel, ["cs", GOOD], ["cs", GOOD]) == []
    assert not channel.has_event
