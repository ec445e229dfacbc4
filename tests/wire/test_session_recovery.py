"""
What a session does when something goes wrong with one channel, or with the clock.

One channel is subscribed anew with its own first request, alone, and the more often that happens
the later; whole sockets are the matter of `test_session`.
"""

from __future__ import annotations

import json
from typing import Any, Iterable, List

import pytest
from peer import (
    BOOK,
    BTC,
    ETH,
    GOOD,
    LEVELS,
    PAUSE,
    PAUSED,
    RESUME,
    SEQ,
    TICKER,
    TICKER_ROW,
    Peer,
    ack,
    failure,
    reopens,
    reports,
    resolved,
    sent,
    trade,
    trade_row,
    updates,
    with_book,
)

from bfxsync._base.enums import LossCause, SubscriptionStatus
from bfxsync.errors import ChecksumMismatch, RemoteError, SubscriptionRejected
from bfxsync.models import BookUpdate, Degraded, Gap, Snapshot, Status
from bfxsync.wire.channels import channel_for
from bfxsync.wire.commands import Subscribe
from bfxsync.wire.outputs import (
    Acknowledged,
    Deliver,
    Displaced,
    Output,
    Reopen,
    Report,
    Requested,
    Resolve,
    Send,
)

LIVE = Status(SubscriptionStatus.LIVE)
MISMATCH = Gap("the checksum of the book did not match")
SILENT = Gap("the channel was silent while others were not")
ENDED = Gap("the exchange ended the channel")
ANEW = [("unsubscribe", 5), ("subscribe", BTC)]

LEVEL = [99.0, 1, 1.0]
UPDATE = BookUpdate.from_row(LEVEL)

PONG = {"event": "pong", "ts": 1}


def requests(outputs: Iterable[Output]) -> List[Any]:
    """Return what is asked for, without the requests' numbers."""
    bodies = [json.loads(output.text) for output in outputs if isinstance(output, Send)]
    found = [body for body in bodies if body["event"] == "subscribe"]
    for body in found:
        del body["subId"]
    return found


def with_two(name: str = "trades") -> Peer:
    """Return a peer with a book "a" on channel 5, and another channel "b" on 6."""
    peer = with_book()
    peer.subscribe("b", name, ETH)
    first = {"ticker": TICKER_ROW, "trades": [], "book": LEVELS}[name]
    peer.feed(ack(2, 6), peer.frame(6, first))
    return peer


def heal(peer: Peer, sub_id: int, chan_id: int) -> List[Any]:
    """Let the exchange answer a request for the book, and return what its user gets."""
    outputs = peer.feed(ack(sub_id, chan_id), peer.frame(chan_id, LEVELS))
    return updates(outputs)


# --- books --------------------------------------------------------------------------------------


def test_r11_mismatch_costs_that_book_one_gap_and_snapshot() -> None:
    peer = with_two()
    outputs = peer.feed(
        peer.frame(5, LEVEL),
        peer.frame(5, "cs", 7),
        peer.frame(6, "te", trade_row(1)),
        peer.frame(5, [98.0, 1, 1.0]),
        peer.frame(5, "cs", 8),
        peer.frame(6, "te", trade_row(2)),
    )
    update, report, gap, *asked, others = outputs
    assert update == Deliver("a", [UPDATE])
    assert isinstance(report, Report)
    assert isinstance(report.error, ChecksumMismatch)
    assert gap == Deliver("a", [MISMATCH])
    assert sent(asked) == ANEW
    assert others == Deliver("b", [trade(1), trade(2)])
    # Of the old channel, still under way.
    assert peer.feed(peer.frame(5, LEVEL), peer.frame(5, "cs", 9)) == []
    peer.feed({"event": "unsubscribed", "status": "OK", "chanId": 5})
    outputs = peer.feed(
        ack(3, 7),
        peer.frame(7, LEVELS),
        peer.frame(7, "cs", GOOD),
        peer.frame(7, LEVEL),
    )
    assert updates(outputs) == [BOOK, UPDATE]
    assert reports(outputs) == []
    assert resolved(outputs) == []


def test_r11_mismatch_is_the_same_whatever_is_in_its_block() -> None:
    found = []
    for beside in ([], [PONG]):
        peer = with_two()
        outputs = peer.feed(
            *beside,
            peer.frame(5, LEVEL),
            peer.frame(5, "cs", 7),
            peer.frame(5, LEVEL),
            peer.frame(5, "cs", GOOD),
            *beside,
        )
        found.append((updates(outputs), reports(outputs), sent(outputs)))
    assert found[0] == found[1] == ([UPDATE, MISMATCH], [ChecksumMismatch], ANEW)


@pytest.mark.parametrize(
    "options",
    [
        {"symbol": BTC},
        {"symbol": BTC, "prec": "R0", "len": 100},
        {"symbol": "tDOGE:USD", "prec": "P4", "freq": "F1", "len": "250"},
    ],
    ids=str,
)
def test_r03_book_is_asked_for_with_its_first_arguments(options: Any) -> None:
    peer = Peer()
    peer.ready()
    channel = channel_for("book", **options)
    outputs = peer.session.apply(Subscribe("a", channel), peer.now)
    for sub_id in range(1, 4):
        outputs += peer.feed(ack(sub_id, sub_id), peer.frame(sub_id, []))
        outputs += peer.feed(peer.frame(sub_id, "cs", 7))
        outputs += peer.after(5.0)
    first, *others = requests(outputs)
    assert first == {"event": "subscribe", **channel.request()}
    assert others == [first] * 3


def test_r11_resubscriptions_have_delays_and_a_budget() -> None:
    peer = with_book()
    outputs = peer.feed(peer.frame(5, "cs", 7))
    assert sent(outputs) == ANEW
    for number, delay_s in enumerate([1.0, 2.0, 4.0, 8.0], start=1):
        chan_id = 5 + number
        assert heal(peer, number + 1, chan_id) == [BOOK]
        outputs = peer.feed(peer.frame(chan_id, "cs", 7))
        assert updates(outputs) == [MISMATCH]
        assert sent(outputs) == [("unsubscribe", chan_id)]
        assert peer.session.next_deadline() == peer.now + delay_s
        peer.feed(PONG)
        assert peer.after(delay_s - 0.1) == []
        assert sent(peer.after(0.1)) == [("subscribe", BTC)]
    assert heal(peer, 6, 10) == [BOOK]
    # That was the budget: from here on it is said, once, and the data goes on.
    outputs = peer.feed(
        peer.frame(10, LEVEL), peer.frame(10, "cs", 7), peer.frame(10, LEVEL)
    )
    outputs += peer.feed(peer.frame(10, "cs", 8), peer.frame(10, LEVEL))
    assert sent(outputs) == []
    assert reports(outputs) == [ChecksumMismatch] * 2
    _, degraded, *others = updates(outputs)
    assert isinstance(degraded, Degraded)
    assert others == [UPDATE, UPDATE]


def with_degraded_book() -> Peer:
    """Return a peer whose book "a", on channel 10, is degraded; 15 s have passed."""
    peer = with_book()
    for number in range(5):
        peer.feed(peer.frame(5 + number, "cs", 7))
        peer.after([0.0, 1.0, 2.0, 4.0, 8.0][number])
        heal(peer, number + 2, 6 + number)
    (degraded,) = updates(peer.feed(peer.frame(10, "cs", 7)))
    assert isinstance(degraded, Degraded)
    return peer


def test_r11_every_event_stands_at_the_beginning_of_its_own_output() -> None:
    peer = with_degraded_book()
    good = peer.frame(10, "cs", GOOD)
    outputs = peer.feed(
        good, peer.frame(10, LEVEL), peer.frame(10, "cs", 7), peer.frame(10, LEVEL)
    )
    live, degraded = [o for o in outputs if isinstance(o, Deliver)]
    assert live == Deliver("a", [LIVE, UPDATE])
    assert isinstance(degraded.updates[0], Degraded)
    assert degraded.updates[1:] == [UPDATE]
    # In the next blocks nothing is left of that.
    assert peer.feed(peer.frame(10, "hb")) == []
    assert peer.feed(peer.frame(10, LEVEL)) == [Deliver("a", [UPDATE])]


def test_r11_degraded_book_is_healed_when_the_budget_is_back() -> None:
    peer = with_degraded_book()
    outputs: List[Output] = []
    while not sent(outputs):
        peer.now += 5.0
        outputs = peer.feed(peer.frame(10, LEVEL), peer.frame(10, "cs", 7))
        assert peer.now < 1400.0
    assert 1300.0 <= peer.now
    assert updates(outputs) == [UPDATE, MISMATCH]
    peer.after(8.0)
    assert heal(peer, 7, 11) == [BOOK]


def test_r11_quiet_degraded_book_heals_when_the_budget_returns() -> None:
    peer = with_degraded_book()
    outputs: List[Output] = []
    while not sent(outputs):
        outputs = beat(peer, 15.0, 10)
        assert peer.now < 1400.0
    assert 1300.0 <= peer.now <= 1315.0
    assert updates(outputs) == [Gap("the data has been wrong for some time")]
    # Four times lately: that is still the pace.
    assert sent(outputs) == [("unsubscribe", 10)]
    assert sent(peer.after(8.0))[0] == ("subscribe", BTC)
    assert heal(peer, 7, 11) == [BOOK]
    assert updates(beat(peer, 600.0, 11)) == []


def test_r11_two_books_that_are_wrong_at_once_are_both_healed() -> None:
    peer = with_two("book")
    outputs = peer.feed(peer.frame(6, "cs", 7), peer.frame(5, "cs", 7))
    assert updates(outputs, "a") == updates(outputs, "b") == [MISMATCH]
    assert sorted(sent(outputs)) == [
        ("subscribe", BTC),
        ("subscribe", ETH),
        ("unsubscribe", 5),
        ("unsubscribe", 6),
    ]


def test_unreadable_snapshot_is_reported_and_requested_again() -> None:
    peer = Peer()
    peer.ready()
    peer.subscribe("a", "book")
    outputs = peer.feed(ack(1, 5), peer.frame(5, [*LEVELS, ["x", 1, 1]]))
    gap = Gap("levels of the book could not be read")
    assert updates(outputs) == [BOOK, gap]
    assert resolved(outputs) == [None]
    assert reports(outputs) == [RemoteError]
    assert sent(outputs) == ANEW
    assert heal(peer, 2, 6) == [BOOK]


def test_r11_mismatch_during_maintenance_waits_for_its_end() -> None:
    peer = with_book()
    peer.feed(PAUSE)
    outputs = peer.feed(peer.frame(5, "cs", 7))
    assert updates(outputs) == [MISMATCH]
    assert sent(outputs) == [("unsubscribe", 5)]
    assert sent(peer.after(30.0)) == [("ping", 1)]
    assert sent(peer.feed(RESUME)) == [("subscribe", BTC)]


def test_r11_equal_checksum_during_maintenance_does_not_make_the_book_live() -> None:
    peer = with_degraded_book()
    assert updates(peer.feed(PAUSE)) == [PAUSED]
    good = peer.frame(10, "cs", GOOD)
    outputs = peer.feed(good, peer.frame(10, LEVEL))
    assert updates(outputs) == [LIVE, UPDATE, PAUSED]


def test_end_of_maintenance_costs_no_budget() -> None:
    peer = with_book()
    for number in range(10):
        outputs = peer.feed(PAUSE, RESUME)
        assert sent(outputs) == [("unsubscribe", 5 + number), ("subscribe", BTC)]
        assert heal(peer, 2 + number, 6 + number) == [BOOK]
    assert sent(peer.feed(peer.frame(15, "cs", 7)))[1:] == [("subscribe", BTC)]


def test_user_need_not_wait_for_the_pace() -> None:
    peer = with_book()
    for number in range(10):
        outputs = peer.resubscribe("a")
        assert sent(outputs) == [("unsubscribe", 5 + number), ("subscribe", BTC)]
        assert heal(peer, 2 + number, 6 + number) == [BOOK]
    assert sent(peer.feed(peer.frame(15, "cs", 7)))[1:] == [("subscribe", BTC)]
    assert heal(peer, 12, 16) == [BOOK]
    assert sent(peer.feed(peer.frame(16, "cs", 7))) == [("unsubscribe", 16)]
    # The channel waits for its turn.
    assert sent(peer.resubscribe("a")) == [("subscribe", BTC)]
    assert sent(peer.after(1.0)) == []
    assert heal(peer, 13, 17) == [BOOK]


def test_pace_goes_on_over_a_reconnect() -> None:
    peer = with_book()
    peer.feed(peer.frame(5, "cs", 7))
    peer.session.lose("gone")
    assert sent(peer.ready())[1:] == [("subscribe", BTC)]
    assert heal(peer, 3, 5) == [BOOK]
    assert sent(peer.feed(peer.frame(5, "cs", 7))) == [("unsubscribe", 5)]


def test_channel_ended_repeatedly_is_requested_with_growing_delays() -> None:
    peer = Peer()
    peer.ready()
    peer.subscribe("a", "ticker")
    outputs: List[Output] = []
    for number in range(8):
        chan_id = 5 + number
        outputs += peer.feed(
            ack(number + 1, chan_id),
            peer.frame(chan_id, TICKER_ROW),
            {"event": "unsubscribed", "status": "OK", "chanId": chan_id},
        )
        delay_s = [0, 1, 2, 4, 8, 16, 32, 60][number]
        if delay_s:
            assert requests(peer.after(delay_s - 0.1)) == []
            peer.feed(PONG)
            outputs += peer.after(0.1)
    assert requests(outputs) == [requests(outputs)[0]] * 8
    assert updates(outputs) == [Snapshot([TICKER]), TICKER, ENDED] * 8


# --- silent channels ----------------------------------------------------------------------------


def beat(peer: Peer, seconds: float, *chan_ids: int) -> List[Output]:
    """Let time pass as it does on a connection, with these channels' heartbeats each 15 s."""
    outputs: List[Output] = []
    end = peer.now + seconds
    beat_at = peer.now + 15.0 if chan_ids else end
    while True:
        due = peer.session.next_deadline()
        peer.now = min(end, beat_at, end if due is None else due)
        if peer.now == beat_at and chan_ids:
            outputs += peer.feed(*[peer.frame(chan_id, "hb") for chan_id in chan_ids])
            beat_at += 15.0
        if due is not None and peer.now >= due:
            ticked = peer.session.tick(peer.now)
            outputs += ticked
            for kind, cid in sent(ticked):
                if kind == "ping":
                    outputs += peer.feed({**PONG, "cid": cid})
        if peer.now == end:
            return outputs


@pytest.mark.parametrize("name", ["ticker", "trades", "book"])
def test_r02_one_silent_channel_is_resubscribed_alone(name: str) -> None:
    peer = with_two(name)
    assert beat(peer, 34.9, 5) == []
    outputs = beat(peer, 0.1, 5)
    assert updates(outputs, "b") == [SILENT]
    assert updates(outputs, "a") == []
    assert sent(outputs) == [("unsubscribe", 6), ("subscribe", ETH)]
    first = {"ticker": TICKER_ROW, "trades": [], "book": LEVELS}[name]
    outputs = peer.feed(ack(3, 7), peer.frame(7, first))
    assert isinstance(updates(outputs, "b")[0], Snapshot)
    assert beat(peer, 100.0, 5, 7) == []


def test_r02_silence_of_a_channel_is_its_stale_after_option() -> None:
    peer = with_book(ping_after_s=5.0, stale_after_s=8.0)
    peer.subscribe("b", "trades", ETH)
    peer.feed(ack(2, 6), peer.frame(6, []))
    for _ in range(7):
        peer.after(1.0)
        peer.feed(peer.frame(6, "hb"))
    assert peer.session.next_deadline() == peer.now + 1.0
    assert sent(peer.after(1.0)) == ANEW


def test_r02_socket_has_both_times_as_options() -> None:
    peer = with_book(ping_after_s=3.0, stale_after_s=8.0)
    assert peer.session.next_deadline() == peer.now + 3.0
    assert sent(peer.after(3.0)) == [("ping", 1)]
    assert peer.after(4.9) == []
    (reopen,) = peer.after(0.1)
    assert isinstance(reopen, Reopen)
    assert reopen.cause is LossCause.STALE


@pytest.mark.parametrize("content", [["hb"], ["cs", GOOD], [LEVEL]], ids=str)
def test_r02_whatever_comes_of_a_channel_is_its_sign_of_life(content: Any) -> None:
    peer = with_two()
    for _ in range(4):
        assert sent(beat(peer, 15.0, 6)) == []
        peer.feed(peer.frame(5, *content))


def test_r02_channel_that_is_alone_leaves_its_socket_although_pongs_come() -> None:
    peer = with_book()
    outputs = beat(peer, 34.9)
    assert sent(outputs) == [("ping", 1)]
    assert reopens(outputs) == []
    assert len(reopens(peer.after(0.1))) == 1


def test_r02_no_channel_is_resubscribed_on_an_abandoned_socket() -> None:
    peer = with_two()
    peer.session.next_deadline()
    outputs: List[Output] = []
    while not reopens(outputs):
        due = peer.session.next_deadline()
        assert due is not None and due > peer.now
        outputs += peer.after(due - peer.now)
    assert sent(outputs) == [("ping", 1)]
    assert updates(outputs) == []
    assert updates(peer.session.lose("gone")) == [Gap("gone")]


def test_r02_outage_that_the_socket_survives_causes_no_gap() -> None:
    peer = with_two()
    beat(peer, 10.0, 5, 6)
    peer.feed(peer.frame(5, "hb"))
    outputs: List[Output] = []
    for _ in range(34):
        outputs += peer.after(1.0)
        peer.session.next_deadline()
    assert sent(outputs) == [("ping", 1)]
    # What was held up comes now, and not all of it at once.
    outputs = peer.feed(peer.frame(5, "hb"))
    outputs += peer.after(0.2)
    outputs += peer.feed(peer.frame(6, "hb"), peer.frame(5, "hb"))
    outputs += beat(peer, 60.0, 5, 6)
    assert outputs == []


def test_r02_no_channel_is_judged_during_maintenance() -> None:
    peer = with_two()
    peer.feed(PAUSE)
    outputs = beat(peer, 60.0, 5)
    assert updates(outputs, "b") == []
    assert sent(outputs) == []
    outputs = peer.feed(RESUME)
    assert len(requests(outputs)) == 2


def test_r02_heartbeats_keep_liquidations_alive() -> None:
    peer = with_book()
    channel = channel_for("status", key="liq:global")
    peer.session.apply(Subscribe("liq", channel), peer.now)
    peer.feed(ack(2, 6))
    assert beat(peer, 100.0, 5, 6) == []
    outputs = beat(peer, 36.0, 5)
    assert updates(outputs, "liq") == [SILENT]
    assert len(requests(outputs)) == 1


def test_r02_channel_that_falls_silent_again_and_again_moves_alone() -> None:
    peer = with_two()
    asked_at: List[float] = []
    begin = peer.now
    outputs: List[Output] = []
    while Displaced("b", None, True) not in outputs:
        assert peer.now < begin + 200.0
        outputs = beat(peer, 0.5, 5) + peer.feed(peer.frame(5, "hb"))
        if requests(outputs):
            asked_at.append(peer.now - begin)
            chan_id = 6 + len(asked_at)
            # It is acknowledged and has its snapshot, and then it is silent again.
            peer.feed(ack(len(asked_at) + 2, chan_id), peer.frame(chan_id, []))
    assert asked_at == pytest.approx([35.0, 71.0], abs=1.0)
    assert peer.now - begin == pytest.approx(106.0, abs=1.5)
    # One gap, as for any other recovery, and no socket that others are on is given up.
    assert updates(outputs, "b") == [Gap("the channel stayed silent")]
    assert sent(outputs) == [("unsubscribe", 8)]
    assert peer.session.tokens == ["a"]


# --- clocks that jump ---------------------------------------------------------------------------


def test_r02_suspended_machine_asks_for_a_sign_of_life_at_once() -> None:
    peer = with_two()
    peer.now += 3.0
    assert sent(peer.session.suspended(3600.0, peer.now)) == [("ping", 1)]
    assert peer.session.next_deadline() == peer.now + 5.0
    assert peer.after(4.9) == []
    (reopen,) = peer.after(0.1)
    assert isinstance(reopen, Reopen)
    assert reopen.cause is LossCause.STALE


def test_r02_socket_that_outlived_the_suspension_goes_on() -> None:
    peer = with_two()
    peer.session.suspended(3600.0, peer.now)
    outputs = peer.after(4.0)
    outputs += peer.feed({**PONG, "cid": 1})
    outputs += beat(peer, 100.0, 5, 6)
    assert outputs == []


def test_r02_channels_have_all_their_time_after_a_suspension() -> None:
    peer = with_two()
    assert beat(peer, 34.0, 5) == []
    peer.session.suspended(3600.0, peer.now)
    peer.feed({**PONG, "cid": 1})
    assert beat(peer, 34.9, 5) == []
    assert sent(beat(peer, 0.2, 5)) == [("unsubscribe", 6), ("subscribe", ETH)]


def test_suspend_makes_all_recorded_times_older() -> None:
    peer = Peer()
    peer.ready()
    channel: Any = channel_for("book", symbol=BTC)
    peer.session.apply(Subscribe("a", channel), peer.now)
    peer.subscribe("b", "ticker")  # nothing has come for this one
    peer.feed(ack(1, 5), peer.frame(5, LEVELS), peer.frame(5, "cs", GOOD))
    assert (channel.seen_at, channel.verified_at) == (1000.0, 1000.0)
    peer.session.suspended(60.0, peer.now)
    assert (channel.seen_at, channel.verified_at) == (940.0, 940.0)
    peer.now += 1.0
    peer.feed(peer.frame(5, "hb"))
    assert (channel.seen_at, channel.verified_at) == (1001.0, 940.0)


def test_r02_suspension_without_a_socket_is_no_matter() -> None:
    peer = Peer()
    peer.subscribe("a", "book")
    assert peer.session.suspended(3600.0, peer.now) == []
    assert sent(peer.ready()) == [("conf", SEQ), ("subscribe", BTC)]
    assert peer.session.next_deadline() == peer.now + 10.0


def test_r02_suspension_during_the_handshake_asks_too() -> None:
    peer = Peer()
    peer.open()
    assert sent(peer.session.suspended(60.0, peer.now)) == [("ping", 1)]
    (reopen,) = peer.after(5.0)
    assert isinstance(reopen, Reopen)


# --- no room ------------------------------------------------------------------------------------


def test_r05_channel_without_room_is_displaced_and_not_refused() -> None:
    peer = with_two()
    peer.subscribe("c", "ticker")
    outputs = peer.feed(failure(10305, subId=3))
    assert outputs == [Displaced("c", 2, False)]
    assert peer.session.tokens == ["a", "b"]
    assert updates(peer.feed(peer.frame(5, LEVEL))) == [UPDATE]
    peer.session.lose("gone")
    assert len(requests(peer.ready())) == 2


def test_r05_after_a_reconnect_it_is_known_that_the_channel_worked() -> None:
    peer = with_two()
    outputs = peer.session.lose("gone")
    outputs += peer.ready()
    outputs += peer.feed(ack(3, 5), failure(10305, subId=4))
    assert updates(outputs, "b") == [Gap("gone")]
    assert outputs[-1] == Displaced("b", 1, True)


def test_r05_displaced_channel_goes_on_elsewhere_behind_its_gap() -> None:
    peer = with_two("book")
    channel = peer.channels["b"]
    outputs = peer.session.lose("gone")
    peer.ready()
    outputs += peer.feed(ack(3, 5), failure(10305, subId=4))
    other = Peer()
    command = Subscribe("b", channel, is_resolved=True)
    assert other.session.apply(command, other.now) == []
    outputs += other.ready()
    assert outputs[-2] == Requested("b")
    outputs += other.feed(ack(1, 9), other.frame(9, LEVELS), other.frame(9, LEVEL))
    # One gap, one snapshot; nobody waits for it, so nothing is resolved.
    assert updates(outputs, "b") == [Gap("gone"), BOOK, UPDATE]
    assert resolved(outputs, "b") == []
    assert Acknowledged("b") in outputs


def test_r05_displaced_channel_is_asked_for_until_it_works() -> None:
    peer = Peer()
    peer.ready()
    channel = channel_for("book", symbol=BTC)
    outputs = peer.session.apply(Subscribe("a", channel, is_resolved=True), peer.now)
    for _ in range(4):
        peer.feed(PONG)
        outputs += peer.after(10.0)
    assert resolved(outputs) == []
    assert len(requests(outputs)) == 3
    assert heal(peer, 3, 5) == [BOOK]


def test_r05_first_channel_without_room_is_refused() -> None:
    peer = Peer()
    peer.ready()
    peer.subscribe("a", "ticker")
    (resolve,) = peer.feed(failure(10305, subId=1))
    assert isinstance(resolve, Resolve)
    assert isinstance(resolve.error, SubscriptionRejected)
    assert resolve.error.code == 10305


# --- the time of a ping -------------------------------------------------------------------------


def test_pong_tells_how_long_the_way_is() -> None:
    peer = with_book()
    assert peer.session.ping_s is None
    peer.ping("x")
    peer.now += 0.25
    peer.feed({**PONG, "cid": 1})
    assert peer.session.ping_s == 0.25
    # Not the answer to the last ping, or to none.
    peer.now += 1.0
    peer.feed({**PONG, "cid": 1}, {**PONG, "cid": 7}, PONG, {**PONG, "cid": [1]})
    assert peer.session.ping_s == 0.25
    peer.ping("y")
    peer.ping("z")
    peer.now += 0.5
    peer.feed({**PONG, "cid": 2})
    assert peer.session.ping_s == 0.25
    peer.feed({**PONG, "cid": 3})
    assert peer.session.ping_s == 0.5


def test_pong_before_any_ping_tells_nothing() -> None:
    peer = with_book()
    peer.feed({**PONG, "cid": 0})
    assert peer.session.ping_s is None
