"""Books without checksums: given up when bids stay above asks, and at last called degraded."""

from __future__ import annotations

from typing import Any, Dict, List

import pytest
from peer import Peer, ack

from bfxsync._base.enums import Flag
from bfxsync.models import Degraded, Gap, Snapshot
from bfxsync.wire.channels import BookChannel, channel_for
from bfxsync.wire.channels.book import CROSSED_S
from bfxsync.wire.commands import Subscribe
from bfxsync.wire.outputs import Deliver, Output, Report, Send
from bfxsync.wire.recovery import BUDGET

REASON = "bids of the book were above asks"
SEQ = int(Flag.SEQ_ALL)
CHECKED = SEQ | int(Flag.OB_CHECKSUM)

# Arguments, flags, a snapshot, a level that crosses it, and its removal.
BOOKS: Dict[str, Any] = {
    "pair": (
        {"symbol": "tBTCUSD"},
        SEQ,
        [[100.0, 1, 1.0], [101.0, 1, -1.0]],
        [102.0, 1, 1.0],
        [102.0, 0, 1],
    ),
    "raw": (
        {"symbol": "tBTCUSD", "prec": "R0"},
        SEQ,
        [[1, 100.0, 1.0], [2, 101.0, -1.0]],
        [3, 102.0, 1.0],
        [3, 0, 1],
    ),
    "funding": (
        {"symbol": "fUSD"},
        CHECKED,
        [[0.0002, 2, 1, -5.0], [0.0003, 30, 1, 5.0]],
        [0.0004, 30, 1, -5.0],
        [0.0004, 30, 0, -1],
    ),
    "raw funding": (
        {"symbol": "fUSD", "prec": "R0"},
        CHECKED,
        [[1, 2, 0.0002, -5.0], [2, 30, 0.0003, 5.0]],
        [3, 30, 0.0004, -5.0],
        [3, 30, 0, -1],
    ),
}
EVERY_BOOK = pytest.mark.parametrize("name", BOOKS)


def live(name: str, flags: int | None = None) -> Peer:
    """Return a peer with a live book on channel 5."""
    arguments, usual, snapshot, *_ = BOOKS[name]
    peer = Peer(usual if flags is None else flags)
    peer.ready()
    channel = peer.channels["a"] = channel_for("book", **arguments)
    peer.session.apply(Subscribe("a", channel), peer.now)
    peer.feed(ack(1, 5), peer.frame(5, snapshot))
    return peer


def book(peer: Peer) -> BookChannel:
    channel = peer.channels["a"]
    assert isinstance(channel, BookChannel)
    return channel


def kinds(outputs: List[Output], *wanted: type) -> List[Any]:
    updates = [u for out in outputs if isinstance(out, Deliver) for u in out.updates]
    return [update for update in updates if isinstance(update, wanted)]


def cross(peer: Peer, name: str, seconds: float = CROSSED_S) -> List[Output]:
    """Cross the book, and send a heartbeat after that time."""
    outputs = peer.feed(peer.frame(5, BOOKS[name][3]))
    assert not kinds(outputs, Gap, Degraded)
    peer.now += seconds
    return outputs + peer.feed(peer.frame(5, "hb"))


@EVERY_BOOK
def test_book_that_stays_crossed_is_subscribed_again(name: str) -> None:
    peer = live(name)
    outputs = cross(peer, name)
    assert kinds(outputs, Gap) == [Gap(REASON)]
    (report,) = [out for out in outputs if isinstance(out, Report)]
    assert "the book is crossed" in str(report.error)
    assert [out for out in outputs if isinstance(out, Send)]
    assert len(book(peer).book) == 0 and book(peer).version % 2 == 0
    after = peer.feed(ack(2, 6), peer.frame(6, BOOKS[name][2]))
    assert kinds(after, Snapshot) and not book(peer).is_degraded
    assert book(peer).recovery.count == 1


@EVERY_BOOK
def test_book_may_be_crossed_between_two_messages(name: str) -> None:
    peer = live(name)
    outputs = cross(peer, name, CROSSED_S - 0.1)
    outputs += peer.feed(peer.frame(5, BOOKS[name][4]))
    peer.now += 0.2
    outputs += cross(peer, name, CROSSED_S - 0.1)
    assert not kinds(outputs, Gap, Degraded)


@EVERY_BOOK
def test_unhealed_crossed_book_is_degraded_once(name: str) -> None:
    peer = live(name)
    for _ in range(BUDGET):
        book(peer).recovery.spend(peer.now)
    outputs = cross(peer, name)
    peer.now += CROSSED_S
    outputs += peer.feed(peer.frame(5, "hb"))
    peer.now += CROSSED_S
    outputs += peer.feed(peer.frame(5, "hb"))
    (degraded,) = kinds(outputs, Gap, Degraded)
    assert degraded == Degraded(f"{REASON}, and subscribing again did not help")
    assert len(book(peer).book) == 3


@pytest.mark.parametrize("name", ["pair", "raw"])
def test_checksums_are_left_to_judge_where_they_exist(name: str) -> None:
    assert not kinds(cross(live(name, CHECKED), name), Gap, Degraded)


@EVERY_BOOK
def test_time_of_a_suspend_does_not_count(name: str) -> None:
    peer = live(name)
    peer.feed(peer.frame(5, BOOKS[name][3]))
    peer.session.suspended(10 * CROSSED_S, peer.now)
    assert not kinds(peer.feed(peer.frame(5, "hb")), Gap, Degraded)


@EVERY_BOOK
def test_next_socket_starts_uncrossed(name: str) -> None:
    peer = live(name)
    peer.feed(peer.frame(5, BOOKS[name][3]))
    peer.session.lose("gone")
    peer.now += CROSSED_S
    peer.ready()
    outputs = peer.feed(ack(2, 6), peer.frame(6, [*BOOKS[name][2], BOOKS[name][3]]))
    assert kinds(outputs, Snapshot) and not kinds(outputs, Gap)


def test_funding_crosses_only_where_the_period_fits() -> None:
    peer = live("funding")
    # A demand for 120 days is not served by an offer for 30.
    outputs = peer.feed(peer.frame(5, [0.0004, 120, 1, -5.0]))
    peer.now += CROSSED_S
    assert not kinds(outputs + peer.feed(peer.frame(5, "hb")), Gap)
    assert book(peer).book.crossing() is None
    # Nor by one that is long enough, at a higher rate.
    peer.feed(peer.frame(5, [0.0005, 120, 1, 5.0]))
    assert book(peer).book.crossing() is None
    peer.feed(peer.frame(5, [0.00035, 120, 1, 5.0]))
    bid, ask = book(peer).book.crossing() or (None, None)
    assert (bid.rate, ask.rate) == (0.0004, 0.00035)  # type: ignore[union-attr]


@EVERY_BOOK
def test_book_with_one_side_or_none_is_not_crossed(name: str) -> None:
    for levels in ([], BOOKS[name][2][:1], BOOKS[name][2][1:]):
        channel = channel_for("book", **BOOKS[name][0])
        assert isinstance(channel, BookChannel)
        channel.feed_many([[5, levels]])
        assert channel.book.crossing() is None
