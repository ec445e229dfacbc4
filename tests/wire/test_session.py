"""
A whole connection, driven with bytes and a made-up clock: see `peer`.

What it does when something goes wrong with one channel is in `test_session_recovery`, what it
makes of nonsense in `test_session_hostile`.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, List

import pytest
from peer import (
    BOOK,
    BTC,
    ETH,
    GOOD,
    INFO,
    LEVELS,
    MAINTENANCE,
    OPEN,
    PAUSE,
    PAUSED,
    RESUME,
    SEQ,
    SEQ_MTS,
    STOP,
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
    with_trades,
)

from bfxsync._base.enums import Flag, LossCause, SubscriptionStatus
from bfxsync.book.checksums import checksum
from bfxsync.errors import (
    ApiError,
    NetworkError,
    NotReady,
    RemoteError,
    RequestTimeout,
    SubscriptionRejected,
    VersionMismatch,
)
from bfxsync.models import BookUpdate, Gap, Snapshot, Status
from bfxsync.wire.channels import channel_for
from bfxsync.wire.codec import loads_for
from bfxsync.wire.commands import Subscribe
from bfxsync.wire.outputs import (
    Acknowledged,
    Delayed,
    Deliver,
    Displaced,
    Fail,
    Output,
    Reopen,
    Report,
    Requested,
    Resolve,
    Send,
)
from bfxsync.wire.routing import MAX_FRAMES

# --- from the open socket to the first data ------------------------------------------------------


def test_order_is_info_conf_subscribe_data() -> None:
    peer = Peer()
    assert peer.subscribe("a", "ticker") == []
    assert peer.open() == [
        Send('{"event":"conf","flags":196608}'),
        Send('{"event":"subscribe","channel":"ticker","symbol":"tBTCUSD","subId":1}'),
    ]
    assert peer.feed(INFO) == [Requested("a")]
    assert peer.feed({"event": "conf", "status": "OK", "flags": SEQ}) == [OPEN]
    assert peer.feed(ack(1, 5)) == [Acknowledged("a")]
    assert peer.feed(peer.frame(5, TICKER_ROW)) == [
        Deliver("a", [Snapshot([TICKER]), TICKER]),
        Resolve("a"),
    ]
    assert peer.feed(peer.frame(5, "hb")) == []
    assert peer.feed(peer.frame(5, TICKER_ROW)) == [Deliver("a", [TICKER])]


def test_channel_is_asked_for_at_once_on_an_open_connection() -> None:
    peer = Peer()
    peer.ready()
    assert sent(peer.subscribe("a", "ticker")) == [("subscribe", BTC)]


def test_without_flags_there_is_no_conf() -> None:
    peer = Peer(flags=0)
    peer.subscribe("a", "book")
    assert sent(peer.open()) == [("subscribe", BTC)]
    assert peer.feed(INFO) == [OPEN, Requested("a")]
    assert updates(peer.feed(ack(1, 5), b"[5,[[100,1,1]]]", b"[5,[99,1,1]]")) == [
        Snapshot([BookUpdate(100, 1, 1)]),
        BookUpdate(99, 1, 1),
    ]


def test_r04_another_version_is_the_end() -> None:
    peer = Peer()
    peer.open()
    (fail,) = peer.feed(
        {"event": "info", "version": 3}, {"event": "info", "code": 20051}
    )
    assert isinstance(fail, Fail)
    assert isinstance(fail.error, VersionMismatch)


def test_exchange_in_maintenance_is_asked_for_nothing_until_20061() -> None:
    peer = Peer()
    peer.subscribe("a", "ticker")
    peer.open()
    peer.feed({"event": "info", "version": 2, "platform": {"status": 0}})
    conf = {"event": "conf", "status": "OK", "flags": SEQ}
    assert peer.feed(conf) == [MAINTENANCE]
    assert peer.subscribe("b", "book") == []
    outputs = peer.feed(RESUME)
    assert outputs[0] == OPEN
    assert sent(outputs) == [("subscribe", BTC)] * 2


@pytest.mark.parametrize("event", ["conf", "error"])
def test_refused_flags_are_reported_and_nothing_is_counted(event: str) -> None:
    peer = Peer()
    peer.subscribe("a", "book")
    peer.open()
    peer.feed(INFO)
    answer = {"event": event, "status": "FAILED", "code": 10050, "msg": "any text"}
    outputs = peer.feed(answer)
    assert reports(outputs) == [ApiError]
    peer.feed(ack(1, 5), b"[5,[]]")
    # Neither a missing number nor one that looks like a hole means anything now.
    assert peer.feed(b'[5,"hb"]', b'[5,"hb",9]', b'[5,"hb",3]') == []
    assert updates(peer.feed(b"[5,[99,1,1]]")) == [BookUpdate(99, 1, 1)]


@pytest.mark.parametrize("step", ["info", "conf"])
def test_handshake_that_stops_asks_for_another_socket(step: str) -> None:
    peer = Peer()
    peer.open()
    if step == "conf":
        peer.feed(INFO)
    assert peer.session.next_deadline() == peer.now + 10.0
    assert peer.after(9.9) == []
    assert peer.after(0.1) == [Reopen(f"no {step} within 10 s", LossCause.HANDSHAKE)]


# --- acknowledgements ----------------------------------------------------------------------------


def test_answers_may_come_in_any_order() -> None:
    peer = Peer()
    peer.ready()
    peer.subscribe("a", "ticker")
    peer.subscribe("b", "ticker", ETH)
    assert peer.feed(ack(2, 7), ack(1, 5)) == [Acknowledged("b"), Acknowledged("a")]
    outputs = peer.feed(peer.frame(5, TICKER_ROW))
    assert updates(outputs, "a") and not updates(outputs, "b")


@pytest.mark.parametrize("length", ["25", 25], ids=["text", "number"])
def test_answer_without_sub_id_is_matched_by_its_fields(length: Any) -> None:
    peer = Peer()
    peer.ready()
    peer.subscribe("eth", "book", ETH)
    peer.subscribe("trades", "trades")
    peer.subscribe("a", "book")
    body = {
        "event": "subscribed",
        "channel": "book",
        "chanId": 5,
        "symbol": BTC,
        "prec": "P0",
        "freq": "F0",
        "len": length,
        "pair": "BTCUSD",
    }
    assert peer.feed(body) == [Acknowledged("a")]
    assert updates(peer.feed(peer.frame(5, LEVELS))) == [BOOK]


def test_frames_before_the_answer_are_replayed_in_order() -> None:
    peer = Peer()
    peer.ready()
    peer.subscribe("a", "book")
    block = [
        peer.frame(5, "hb"),
        peer.frame(5, LEVELS),
        peer.frame(5, [99.0, 1, 2.0]),
        peer.frame(5, "hb"),
    ]
    assert peer.feed(*block) == []
    outputs = peer.feed(ack(1, 5))
    assert outputs == [
        Acknowledged("a"),
        Deliver("a", [BOOK, BookUpdate(99.0, 1, 2.0)]),
        Resolve("a"),
    ]


def test_heartbeat_before_ack_is_ignored() -> None:
    peer = Peer()
    peer.ready()
    peer.subscribe("a", "ticker")
    assert peer.feed(peer.frame(5, "hb"), ack(1, 5)) == [Acknowledged("a")]


def test_too_many_frames_before_the_answer_cost_a_second_subscription() -> None:
    peer = Peer()
    peer.ready()
    peer.subscribe("a", "book")
    peer.feed(peer.frame(5, LEVELS))
    peer.feed(*[peer.frame(5, [99.0, 1, 2.0]) for _ in range(MAX_FRAMES)])
    outputs = peer.feed(ack(1, 5))
    assert sent(outputs) == [("unsubscribe", 5), ("subscribe", BTC)]
    assert updates(outputs) == []
    outputs = peer.feed(
        peer.frame(5, [98.0, 1, 2.0]),  # of the old channel, still under way
        {"event": "unsubscribed", "status": "OK", "chanId": 5},
        ack(2, 6),
        peer.frame(6, LEVELS),
    )
    assert updates(outputs) == [BOOK]


def test_frames_of_a_stranger_are_counted_and_kept_from_everybody() -> None:
    peer = with_book()
    assert peer.feed(peer.frame(99, LEVELS), peer.frame(98, "hb")) == []
    assert updates(peer.feed(peer.frame(5, [99.0, 1, 2.0]))) == [
        BookUpdate(99.0, 1, 2.0)
    ]


def test_account_frames_are_counted_and_ignored() -> None:
    peer = with_book()
    assert (
        peer.feed(peer.frame(0, "wu", ["exchange", "USD", 1]), peer.frame(0, "hb"))
        == []
    )
    assert peer.feed(peer.frame(5, "hb")) == []


def test_late_answer_is_given_back_and_its_data_dropped() -> None:
    peer = Peer()
    peer.ready()
    peer.subscribe("a", "book")
    assert sent(peer.after(10.0)) == [("subscribe", BTC)]
    peer.feed(peer.frame(5, LEVELS))
    assert peer.feed(ack(1, 5)) == [Send('{"event":"unsubscribe","chanId":5}')]
    assert peer.feed(peer.frame(5, [99.0, 1, 2.0]), peer.frame(5, "hb")) == []
    assert peer.feed({"event": "unsubscribed", "status": "OK", "chanId": 5}) == []


def test_late_answer_that_comes_twice_is_given_back_once() -> None:
    peer = Peer()
    peer.ready()
    peer.subscribe("a", "book")
    peer.unsubscribe("a")
    outputs = peer.feed(ack(1, 5), ack(1, 5))
    assert outputs == [Send('{"event":"unsubscribe","chanId":5}')]


@pytest.mark.parametrize("fields", [{"subId": 1}, {}, {"subId": [1]}], ids=str)
def test_r03_repeated_answer_of_a_closing_channel_is_ignored(
    fields: Any,
) -> None:
    peer = with_book()
    peer.resubscribe("a")
    body = {"event": "subscribed", "channel": "book", "symbol": BTC, "chanId": 5}
    assert peer.feed({**body, **fields}, peer.frame(5, [99.0, 1, 1.0])) == []
    outputs = peer.feed({"event": "unsubscribed", "status": "OK", "chanId": 5})
    outputs += peer.feed(ack(2, 6), peer.frame(6, LEVELS))
    assert outputs == [Acknowledged("a"), Deliver("a", [BOOK])]


@pytest.mark.parametrize("fields", [{"subId": 1}, {}], ids=str)
def test_r03_repeated_answer_of_a_live_channel_answers_no_other_request(
    fields: Any,
) -> None:
    peer = with_book()
    channel = channel_for("book", symbol=BTC, prec="P1")
    peer.session.apply(Subscribe("b", channel), peer.now)
    body = {"event": "subscribed", "channel": "book", "symbol": BTC, "chanId": 5}
    assert peer.feed({**body, **fields}) == []
    outputs = peer.feed(ack(2, 6), peer.frame(6, LEVELS))
    assert updates(outputs, "b") == [BOOK]


# --- refusals ------------------------------------------------------------------------------------


def test_refusal_is_the_answer_of_its_subscription() -> None:
    peer = Peer()
    peer.ready()
    peer.subscribe("a", "ticker")
    peer.subscribe("b", "ticker", ETH)
    outputs = peer.feed(failure(10300, subId=2))
    (error,) = resolved(outputs, "b")
    assert isinstance(error, SubscriptionRejected)
    assert error.code == 10300
    assert peer.session.tokens == ["a"]
    assert reports(outputs) == []


def test_refusal_without_sub_id_is_matched_by_its_fields() -> None:
    peer = Peer()
    peer.ready()
    peer.subscribe("a", "ticker")
    peer.subscribe("b", "ticker", ETH)
    outputs = peer.feed(failure(10300, channel="ticker", symbol=ETH, pair="ETHUSD"))
    assert len(resolved(outputs, "b")) == 1
    assert peer.session.tokens == ["a"]


@pytest.mark.parametrize(
    "body, code",
    [
        (failure(10000), 10000),
        (failure(10300, channel="ticker", symbol="tXRPUSD"), 10300),
        (failure(10300, subId=77), 10300),
        (failure("10300"), 10300),
        (failure(None), None),
        (failure([1]), None),
    ],
    ids=str,
)
def test_error_without_a_request_is_reported(body: Any, code: int | None) -> None:
    peer = Peer()
    peer.ready()
    peer.subscribe("a", "ticker")
    (report,) = peer.feed(body)
    assert isinstance(report, Report)
    assert isinstance(report.error, ApiError)
    assert report.error.code == code
    assert report.error.message == "any text"
    assert report.error.raw == body
    assert peer.session.tokens == ["a"]


def test_refused_subscription_is_not_requested_on_the_next_socket() -> None:
    peer = Peer()
    peer.ready()
    peer.subscribe("a", "ticker")
    peer.feed(failure(10300, subId=1))
    peer.session.lose("gone")
    assert sent(peer.ready()) == [("conf", SEQ)]


def test_refusal_after_a_reconnect_is_delivered_and_reported() -> None:
    peer = with_book()
    peer.session.lose("gone")
    peer.ready()
    outputs = peer.feed(failure(10300, subId=2))
    assert updates(outputs) == [Status(SubscriptionStatus.REJECTED)]
    assert reports(outputs) == [SubscriptionRejected]
    assert [type(error) for error in resolved(outputs)] == [SubscriptionRejected]


def test_request_is_repeated_a_second_after_not_ready() -> None:
    peer = Peer()
    peer.ready()
    peer.subscribe("a", "ticker")
    (delayed,) = peer.feed(failure(11000, subId=1))
    assert isinstance(delayed, Delayed) and isinstance(delayed.error, NotReady)
    assert peer.session.next_deadline() == peer.now + 1.0
    assert peer.after(0.9) == []
    assert sent(peer.after(0.1)) == [("subscribe", BTC)]
    assert peer.feed(ack(2, 5)) == [Acknowledged("a")]


def test_request_is_repeated_once_whatever_else_happens() -> None:
    peer = Peer()
    peer.ready()
    peer.subscribe("a", "ticker")
    peer.feed(failure(11000, subId=1))
    outputs = peer.feed({"event": "info", "code": 20000}, PAUSE)
    outputs += peer.after(0.5)
    outputs += peer.feed(RESUME)
    outputs += peer.after(0.5)
    outputs += peer.after(2.0)
    assert sent(outputs) == [("subscribe", BTC)]


def test_exchange_never_ready_is_reported_once_and_requested_on() -> None:
    peer = Peer()
    peer.ready()
    outputs = peer.subscribe("a", "ticker")
    for sub_id, pause_s in enumerate([1.0, 2.0, 4.0, 8.0, 16.0], start=1):
        outputs += peer.feed(failure(11000, subId=sub_id))
        outputs += peer.after(pause_s - 0.1)
        outputs += peer.after(0.1)
        assert sent(outputs) == [("subscribe", BTC)] * (1 + sub_id)
    assert reports(outputs) == [NotReady]
    assert resolved(outputs) == reopens(outputs) == []


# --- 10301: subscribed already -------------------------------------------------------------------


def duplicate(sub_id: int, chan_id: int) -> dict[str, Any]:
    return failure(10301, subId=sub_id, chanId=chan_id, channel="book", symbol=BTC)


def given_up_and_wanted_again() -> Peer:
    """Return a peer that asked twice for one book; nobody waits for the first answer."""
    peer = Peer()
    peer.ready()
    peer.subscribe("old", "book")
    peer.unsubscribe("old")
    peer.subscribe("a", "book")
    return peer


def test_duplicate_adopts_the_earlier_requests_channel_before_its_answer() -> None:
    peer = given_up_and_wanted_again()
    assert peer.feed(duplicate(2, 5)) == [Acknowledged("a")]
    assert updates(peer.feed(peer.frame(5, LEVELS))) == [BOOK]
    # The answer to the first request comes late; nothing may be ended by it.
    assert peer.feed(ack(1, 5, channel="book", symbol=BTC)) == []
    assert updates(peer.feed(peer.frame(5, [99.0, 1, 2.0]))) == [
        BookUpdate(99.0, 1, 2.0)
    ]


def test_channel_that_is_taken_over_brings_what_came_before() -> None:
    peer = given_up_and_wanted_again()
    peer.feed(peer.frame(5, "hb"), peer.frame(5, LEVELS))
    outputs = peer.feed(duplicate(2, 5))
    assert outputs[0] == Acknowledged("a")
    assert updates(outputs) == [BOOK]
    assert resolved(outputs) == [None]


def test_adopted_channel_with_too_many_frames_is_subscribed_again() -> None:
    peer = given_up_and_wanted_again()
    peer.feed(*[peer.frame(5, "hb") for _ in range(MAX_FRAMES + 1)])
    outputs = peer.feed(duplicate(2, 5))
    assert sent(outputs) == [("unsubscribe", 5), ("subscribe", BTC)]


def test_closing_channel_of_the_earlier_request_is_requested_again() -> None:
    peer = given_up_and_wanted_again()
    assert sent(peer.feed(ack(1, 5))) == [("unsubscribe", 5)]
    outputs = peer.feed(duplicate(2, 5), peer.frame(5, LEVELS))
    outputs += peer.feed({"event": "unsubscribed", "status": "OK", "chanId": 5})
    outputs += peer.after(1.0)
    assert sent(outputs) == [("subscribe", BTC)]
    outputs = peer.feed(ack(3, 6), peer.frame(6, LEVELS))
    assert updates(outputs) == [BOOK]
    assert resolved(outputs) == [None]


def test_late_duplicate_of_a_withdrawn_request_ends_no_live_channel() -> None:
    peer = with_book()
    assert sent(peer.feed(duplicate(77, 5))) == []
    assert updates(peer.feed(peer.frame(5, [99.0, 1, 2.0]))) == [
        BookUpdate(99.0, 1, 2.0)
    ]


def test_adopted_channel_without_snapshot_is_subscribed_again() -> None:
    peer = given_up_and_wanted_again()
    peer.feed(duplicate(2, 5))
    outputs = peer.feed(peer.frame(5, [99.0, 1, 2.0]))
    assert outputs == [
        Send('{"event":"unsubscribe","chanId":5}'),
        Send(
            '{"event":"subscribe","channel":"book","symbol":"tBTCUSD","prec":"P0",'
            '"freq":"F0","len":"25","subId":3}'
        ),
    ]


# --- deadlines -----------------------------------------------------------------------------------


def test_request_waits_for_a_socket_as_long_as_it_takes() -> None:
    peer = Peer()
    peer.subscribe("a", "ticker")
    assert peer.session.next_deadline() is None
    assert peer.after(1e6) == []
    assert sent(peer.ready())[1:] == [("subscribe", BTC)]


@pytest.mark.parametrize(
    "is_acknowledged", [False, True], ids=["asked", "acknowledged"]
)
def test_request_without_data_in_time_is_repeated(is_acknowledged: bool) -> None:
    peer = Peer()
    peer.ready()
    peer.subscribe("a", "ticker")
    if is_acknowledged:
        peer.feed(ack(1, 5))
    outputs = peer.after(10.0)
    gone = [("unsubscribe", 5)] if is_acknowledged else []
    assert sent(outputs) == [*gone, ("subscribe", BTC)]
    assert resolved(outputs) == reports(outputs) == []
    assert peer.session.tokens == ["a"]


def with_live(token: str, chan_id: int, sub_id: int) -> Peer:
    """Return a peer with a live ticker."""
    peer = Peer()
    peer.ready()
    peer.subscribe(token, "ticker", ETH)
    peer.feed(ack(sub_id, chan_id), peer.frame(chan_id, TICKER_ROW))
    return peer


def test_unanswered_request_among_live_channels_is_reported_and_moves() -> None:
    peer = with_live("b", 5, 1)
    peer.subscribe("a", "book")
    outputs: List[Output] = []
    for _ in range(7):
        peer.feed(peer.frame(5, "hb"))
        outputs += peer.after(10.0)
    assert sent(outputs) == [("subscribe", BTC)] * 2
    report, delayed, displaced = outputs[-3:]
    assert isinstance(report, Report) and isinstance(delayed, Delayed)
    assert report.error is delayed.error
    assert displaced == Displaced("a", None, False)
    assert resolved(outputs) == reopens(outputs) == []
    assert peer.session.tokens == ["b"]
    # Its late answers are nobody's.
    assert sent(peer.feed(ack(2, 6), ack(3, 7))) == [
        ("unsubscribe", 6),
        ("unsubscribe", 7),
    ]


def test_r02_requests_that_stay_unanswered_lead_to_another_socket() -> None:
    peer = Peer()
    peer.ready()
    peer.subscribe("a", "book")
    outputs: List[Output] = []
    # Pongs do not say that anybody listens to requests; nor is the socket given up rashly.
    for _ in range(7):
        assert reopens(outputs) == []
        peer.feed({"event": "pong", "ts": 1})
        outputs += peer.after(10.0)
    (reopen,) = reopens(outputs)
    assert reopen == outputs[-1]
    assert isinstance(reopen, Reopen) and reopen.cause is LossCause.STALE
    peer.session.lose("gone")
    # There it has the patience that it has come to.
    assert sent(peer.ready())[1:] == [("subscribe", BTC)]
    outputs = []
    for _ in range(6):
        assert ("subscribe", BTC) not in sent(outputs)
        peer.feed({"event": "pong", "ts": 1})
        outputs = peer.after(10.0)
    assert ("subscribe", BTC) in sent(outputs)


# --- sequence numbers ----------------------------------------------------------------------------


@pytest.mark.parametrize("flags", [SEQ, SEQ_MTS], ids=["seq", "seq+mts"])
@pytest.mark.parametrize(
    "lost",
    [
        (5, [98.0, 1, 1.0]),
        (5, "hb"),
        (5, "cs", 7),
        (77, "hb"),
        (77, [[1, 2, 3]]),
        (0, "hb"),
    ],
    ids=[
        "update",
        "heartbeat",
        "checksum",
        "stranger's hb",
        "stranger's",
        "account's hb",
    ],
)
def test_r03_every_lost_frame_asks_for_another_socket(lost: Any, flags: int) -> None:
    peer = with_book(flags)
    before, _, after = (
        peer.frame(5, [99.0, 1, 1.0]),
        peer.frame(*lost),
        peer.frame(5, [97.0, 1, 1.0]),
    )
    outputs = peer.feed(before, after, peer.frame(5, [96.0, 1, 1.0]))
    assert updates(outputs) == [BookUpdate(99.0, 1, 1.0)]
    assert reports(outputs) == [RemoteError]
    reason = "a frame was lost: sequence number 4 after 2"
    assert outputs[-1] == Reopen(reason, LossCause.SEQUENCE)


@pytest.mark.parametrize("flags", [SEQ, SEQ_MTS], ids=["seq", "seq+mts"])
@pytest.mark.parametrize("is_one_block", [True, False], ids=["one block", "two blocks"])
def test_repeated_frame_asks_for_another_socket(is_one_block: bool, flags: int) -> None:
    peer = with_book(flags)
    frame = peer.frame(5, [99.0, 1, 1.0])
    if is_one_block:
        outputs = peer.feed(frame, frame)
    else:
        outputs = peer.feed(frame) + peer.feed(frame)
    assert updates(outputs) == [BookUpdate(99.0, 1, 1.0)]
    reason = "a frame was lost: sequence number 2 after 2"
    assert outputs[-1] == Reopen(reason, LossCause.SEQUENCE)


def test_nothing_behind_a_hole_is_delivered_not_even_events() -> None:
    peer = Peer()
    peer.ready()
    peer.subscribe("a", "book")
    peer.feed(ack(1, 5), peer.frame(5, LEVELS))
    peer.subscribe("b", "ticker")
    next(peer.seq)
    outputs = peer.feed(peer.frame(5, "hb"), ack(2, 6), peer.frame(6, TICKER_ROW))
    reason = "a frame was lost: sequence number 3 after 1"
    assert outputs[1:] == [Reopen(reason, LossCause.SEQUENCE)]


def test_frame_without_its_number_asks_for_another_socket() -> None:
    peer = with_book()
    outputs = peer.feed(b'[5,"hb"]')
    assert reports(outputs) == [RemoteError]
    reason = "a frame was lost: a frame without sequence number"
    assert outputs[-1] == Reopen(reason, LossCause.SEQUENCE)


def test_every_array_frame_counts_and_no_event_does() -> None:
    peer = with_book()
    outputs = peer.feed(
        peer.frame(5, "hb"),
        {"event": "pong", "ts": 1},
        peer.frame(5, "cs", GOOD),
        {"event": "info", "code": 1},
        peer.frame(77, "hb"),
        peer.frame(0, "hb"),
        peer.frame(5, [99.0, 1, 1.0]),
    )
    assert outputs == [Deliver("a", [BookUpdate(99.0, 1, 1.0)])]


def test_each_socket_has_its_own_sequence() -> None:
    peer = with_book()
    peer.session.lose("gone")
    peer.ready()
    outputs = peer.feed(ack(2, 6), peer.frame(6, LEVELS))
    assert reopens(outputs) == []
    assert updates(outputs) == [BOOK]


# --- loss and recovery ---------------------------------------------------------------------------


def test_r03_loss_is_one_gap_then_snapshot_then_updates() -> None:
    peer = with_book()
    peer.subscribe("b", "ticker", ETH)
    peer.feed(ack(2, 6), peer.frame(6, TICKER_ROW))
    peer.subscribe("c", "trades", ETH)  # nothing has come for this one
    assert peer.session.lose("gone") == [
        Deliver("a", [Gap("gone")]),
        Deliver("b", [Gap("gone")]),
    ]
    assert peer.session.lose("gone") == []
    asked = [("subscribe", symbol) for symbol in (BTC, ETH, ETH)]
    assert sent(peer.ready()) == [("conf", SEQ), *asked]
    outputs = peer.feed(ack(4, 1), ack(5, 2), ack(6, 3))
    outputs += peer.feed(peer.frame(1, LEVELS), peer.frame(2, TICKER_ROW))
    outputs += peer.feed(peer.frame(1, [99.0, 1, 1.0]), peer.frame(2, TICKER_ROW))
    assert updates(outputs, "a") == [BOOK, BookUpdate(99.0, 1, 1.0)]
    assert updates(outputs, "b") == [Snapshot([TICKER]), TICKER, TICKER]
    assert updates(outputs, "c") == []
    assert resolved(outputs, "a") == []


def test_r03_id_of_a_closing_channel_may_be_reused() -> None:
    peer = with_book()
    peer.unsubscribe("a")
    peer.session.lose("gone")
    peer.ready()
    peer.subscribe("b", "book", ETH)
    # The first data before the answer, on the number whose end was never confirmed.
    outputs = peer.feed(peer.frame(5, LEVELS), ack(2, 5), peer.frame(5, [99.0, 1, 1.0]))
    assert updates(outputs, "b") == [BOOK, BookUpdate(99.0, 1, 1.0)]


def test_r03_each_socket_has_room_for_frames_before_their_answer() -> None:
    peer = with_book()
    peer.feed(*[peer.frame(number, "hb") for number in range(1000, 1101)])
    peer.session.lose("gone")
    peer.ready()
    outputs = peer.feed(ack(2, 5), peer.frame(5, LEVELS))
    assert updates(outputs) == [BOOK]
    assert sent(outputs) == []


def test_r03_each_socket_has_all_the_time_for_an_answer() -> None:
    peer = with_book()
    peer.session.lose("gone")
    peer.ready()
    peer.after(9.0)
    peer.session.lose("gone again")
    assert peer.session.next_deadline() is None
    assert peer.after(2.0) == []
    peer.ready()
    assert peer.after(9.9) == []
    assert sent(peer.after(0.1)) == [("subscribe", BTC)]


def test_r03_several_losses_before_a_snapshot_are_one_gap() -> None:
    peer = with_book()
    outputs = peer.session.lose("gone")
    for sub_id in (2, 3):
        peer.ready()
        outputs += peer.feed(ack(sub_id, 6))
        outputs += peer.session.lose("gone again")
    assert updates(outputs) == [Gap("gone")]


def test_book_is_empty_from_the_loss_to_the_snapshot() -> None:
    peer = Peer()
    peer.ready()
    channel: Any = channel_for("book", symbol=BTC)
    peer.session.apply(Subscribe("a", channel), peer.now)
    peer.feed(ack(1, 5), peer.frame(5, LEVELS))
    assert len(channel.book) == 2
    peer.session.lose("gone")
    assert len(channel.book) == 0
    peer.ready()
    peer.feed(ack(2, 6), peer.frame(6, LEVELS[:1]))
    assert len(channel.book) == 1


def test_r03_missed_trades_follow_the_snapshot_once_by_id() -> None:
    peer = with_trades()
    assert updates(peer.feed(peer.frame(5, "te", trade_row(3)))) == [trade(3)]
    peer.session.lose("gone")
    peer.ready()
    rows = [trade_row(i) for i in (6, 4, 5, 3, 2)]
    outputs = peer.feed(
        ack(2, 9), peer.frame(9, rows), peer.frame(9, "tu", trade_row(6))
    )
    snapshot = Snapshot([trade(i) for i in (2, 3, 5, 4, 6)])
    assert updates(outputs) == [snapshot, trade(4), trade(5), trade(6)]


def test_trade_comes_once_whether_te_or_tu_is_first() -> None:
    peer = with_trades()
    outputs = peer.feed(
        peer.frame(5, "te", trade_row(3)),
        peer.frame(5, "tu", trade_row(3)),
        peer.frame(5, "tu", trade_row(4)),
        peer.frame(5, "te", trade_row(4)),
        peer.frame(5, "te", trade_row(2)),
    )
    assert updates(outputs) == [trade(3), trade(4)]


def test_frames_of_the_old_socket_are_unrouted_on_the_new() -> None:
    peer = with_book()
    peer.session.lose("gone")
    peer.ready()
    assert peer.feed(peer.frame(5, [99.0, 1, 1.0])) == []


def test_channel_ended_by_the_exchange_is_subscribed_again() -> None:
    peer = with_book()
    outputs = peer.feed({"event": "unsubscribed", "status": "OK", "chanId": 5})
    assert updates(outputs) == [Gap("the exchange ended the channel")]
    assert sent(outputs) == [("subscribe", BTC)]
    outputs = peer.feed(ack(2, 6), peer.frame(6, LEVELS))
    assert updates(outputs) == [BOOK]


# --- checksums -----------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [float, Decimal])
def test_r11_equal_checksum_says_nothing(number: Any) -> None:
    peer = Peer(loads=loads_for(number))
    peer.ready()
    channel: Any = channel_for("book", symbol=BTC, number=number)
    peer.session.apply(Subscribe("a", channel), peer.now)
    peer.feed(ack(1, 5), peer.frame(5, LEVELS))
    assert peer.feed(peer.frame(5, "cs", GOOD)) == []
    assert channel.verified_count == 1


def rows_of(prec: str, step: int) -> List[Any]:
    """Return what happens to a book: of P0 levels, of R0 orders."""
    if prec == "R0":
        return [[[7, 100.5, 1.5], [8, 101, -2]], [7, 100.5, 2], [8, 0, -1]][step]
    return [[[100.5, 1, 1.5], [101, 1, -2]], [100.5, 2, 2], [101, 0, -1]][step]


@pytest.mark.parametrize("prec, bid, ask", [("P0", 100.5, 101), ("R0", 7, 8)])
@pytest.mark.parametrize("has_bulk", [False, True], ids=["single", "bulk"])
@pytest.mark.parametrize("has_mts", [False, True], ids=["no mts", "mts"])
@pytest.mark.parametrize("has_seq", [False, True], ids=["no seq", "seq"])
@pytest.mark.parametrize("length", [1, 25, 100, 250])
def test_r11_checksums_are_compared_under_all_flags(
    prec: str,
    bid: Any,
    ask: Any,
    has_bulk: bool,
    has_mts: bool,
    has_seq: bool,
    length: int,
) -> None:
    flags = Flag.OB_CHECKSUM | has_mts * Flag.TIMESTAMP | has_seq * Flag.SEQ_ALL
    peer = Peer(int(flags | has_bulk * Flag.BULK_UPDATES))
    peer.ready()
    channel: Any = channel_for("book", symbol=BTC, prec=prec, len=length, freq="F1")
    peer.session.apply(Subscribe("a", channel), peer.now)
    first, *changes = (rows_of(prec, step) for step in range(3))
    # Before the snapshot it speaks of no book.
    outputs = peer.feed(ack(1, 5), peer.frame(5, "cs", 7), peer.frame(5, first))
    sums = [
        checksum([(bid, 1.5)], [(ask, -2)]),
        checksum([(bid, 2)], [(ask, -2)]),
        checksum([(bid, 2)], []),
    ]
    if has_bulk:
        # One iteration is one frame: there is nothing to speak of between its rows.
        contents = [["cs", sums[0]], [changes], ["cs", sums[2]]]
    else:
        one, other = ([change] for change in changes)
        contents = [["cs", sums[0]], one, ["cs", sums[1]], other, ["cs", sums[2]]]
    outputs += peer.feed(*[peer.frame(5, *content) for content in contents])
    assert reports(outputs) == []
    assert channel.verified_count == (2 if has_bulk else 3)
    assert len(updates(outputs)) == 3
    outputs = peer.feed(peer.frame(5, "cs", sums[0]))
    assert updates(outputs) == [Gap("the checksum of the book did not match")]


# --- info codes ----------------------------------------------------------------------------------


def test_r04_20051_asks_for_another_socket_and_ends_the_block() -> None:
    peer = with_book()
    outputs = peer.feed(peer.frame(5, "hb"), STOP, STOP, peer.frame(5, [99.0, 1, 1.0]))
    (reopen,) = outputs
    assert isinstance(reopen, Reopen)
    assert reopen.code == 1012


def test_r04_20051_ends_the_block_even_while_a_request_waits() -> None:
    peer = Peer()
    peer.ready()
    peer.subscribe("a", "ticker")
    outputs = peer.feed(failure(11000, subId=1), STOP, {"event": "nonsense"})
    assert [type(output) for output in outputs] == [Delayed, Reopen]


def test_r04_20060_pauses_and_20061_subscribes_everything_again() -> None:
    peer = with_book()
    peer.subscribe("b", "ticker", ETH)  # asked for, nothing has come
    assert peer.feed(PAUSE) == [MAINTENANCE, Deliver("a", [PAUSED])]
    assert peer.subscribe("c", "trades") == []
    assert updates(peer.feed(peer.frame(5, [99.0, 1, 1.0]))) == [
        BookUpdate(99.0, 1, 1.0)
    ]
    outputs = peer.feed(RESUME)
    assert outputs[0] == OPEN
    assert updates(outputs) == [Gap("maintenance ended")]
    assert sent(outputs) == [
        ("unsubscribe", 5),
        ("subscribe", BTC),
        ("subscribe", BTC),
    ]
    outputs = peer.feed({"event": "unsubscribed", "chanId": 5}, ack(3, 6))
    assert updates(peer.feed(peer.frame(6, LEVELS))) == [BOOK]


def test_r04_snapshot_that_comes_during_maintenance_may_be_old() -> None:
    peer = Peer()
    peer.ready()
    peer.subscribe("a", "book")
    peer.subscribe("b", "ticker", ETH)
    peer.feed(ack(1, 5), PAUSE)
    assert peer.feed(peer.frame(5, LEVELS)) == [
        Deliver("a", [BOOK]),
        Resolve("a"),
        Deliver("a", [PAUSED]),
    ]
    # Said once.
    assert updates(peer.feed(peer.frame(5, [98.0, 1, 1.0]))) == [
        BookUpdate(98.0, 1, 1.0)
    ]
    outputs = peer.feed(ack(2, 6), peer.frame(6, TICKER_ROW))
    assert updates(outputs, "b") == [Snapshot([TICKER]), TICKER, PAUSED]
    outputs = peer.feed(RESUME)
    assert updates(outputs) == [Gap("maintenance ended")]


def test_r04_nothing_is_asked_for_during_maintenance() -> None:
    peer = given_up_and_wanted_again()
    peer.feed(duplicate(2, 5), PAUSE)
    outputs = peer.feed(peer.frame(5, [99.0, 1, 1.0]))
    assert sent(outputs) == [("unsubscribe", 5)]
    assert sent(peer.after(1.0)) == []
    assert sent(peer.feed(RESUME)) == [("subscribe", BTC)]


def test_r04_missing_20061_replaces_the_socket_after_120_s() -> None:
    peer = with_book()
    peer.feed(PAUSE)
    for _ in range(119):
        outputs = peer.feed(peer.frame(5, "hb")) + peer.after(1.0)
        assert reopens(outputs) == []
    outputs = peer.after(1.0)
    reason = "maintenance did not end within 120 s"
    assert reopens(outputs) == [Reopen(reason, LossCause.MAINTENANCE)]


@pytest.mark.parametrize("code", [20000, 5000, "x", None, [], {}], ids=repr)
def test_any_other_info_event_changes_nothing(code: Any) -> None:
    peer = with_book()
    assert peer.feed({"event": "info", "code": code, "msg": "hello"}) == []


# --- signs of life -------------------------------------------------------------------------------


def test_r02_silence_is_answered_with_a_ping_and_then_another_socket() -> None:
    peer = with_book()
    assert peer.session.next_deadline() == peer.now + 25.0
    assert peer.after(24.9) == []
    assert sent(peer.after(0.1)) == [("ping", 1)]
    assert peer.session.next_deadline() == peer.now + 10.0
    assert peer.after(9.9) == []
    # Only the socket: no channel is subscribed anew on one that is given up.
    (reopen,) = peer.after(0.1)
    assert isinstance(reopen, Reopen)
    assert (reopen.cause, reopen.code) == (LossCause.STALE, 1006)


@pytest.mark.parametrize("kind", ["pong", "stranger's heartbeat", "garbage"])
def test_r02_without_subscriptions_whatever_comes_is_a_sign_of_life(kind: str) -> None:
    peer = Peer()
    peer.ready()
    outputs: List[Output] = []
    for _ in range(5):
        outputs += peer.after(24.0)
        outputs += peer.feed(a_message(peer, kind))
    assert reopens(outputs) == []


def a_message(peer: Peer, kind: str) -> Any:
    """Return the next message of a kind; channel 5 is live."""
    if kind in ("heartbeat", "update"):
        return peer.frame(5, "hb" if kind == "heartbeat" else [98.0, 1, 1.0])
    return {
        "pong": {"event": "pong", "ts": 1},
        "acknowledgement": ack(77, 88),
        "refusal": failure(10300, subId=99),
        "stranger's heartbeat": peer.frame(77, "hb") if "stranger" in kind else b"",
        "account's heartbeat": peer.frame(0, "hb") if "account" in kind else b"",
        "garbage": b"garbage",
    }[kind]


@pytest.mark.parametrize("kind", ["heartbeat", "update"])
def test_r02_what_was_asked_for_is_the_sign_of_life(kind: str) -> None:
    peer = with_book()
    outputs: List[Output] = []
    for _ in range(5):
        outputs += peer.after(24.0)
        outputs += peer.feed(a_message(peer, kind))
    assert sent(outputs) == reopens(outputs) == []
    assert sent(peer.after(25.0)) == [("ping", 1)]


@pytest.mark.parametrize(
    "kind",
    ["pong", "acknowledgement", "refusal", "stranger's heartbeat"]
    + ["account's heartbeat", "garbage"],
)
def test_r02_only_subscribed_data_are_signs_of_life(kind: str) -> None:
    peer = with_book()
    outputs: List[Output] = []
    for _ in range(35):
        assert reopens(outputs) == []
        outputs += peer.feed(a_message(peer, kind))
        outputs += peer.after(1.0)
    # One ping for the one silence, whatever else comes.
    assert sent(outputs).count(("ping", 1)) == 1
    assert ("ping", 2) not in sent(outputs)
    (reopen,) = reopens(outputs)
    assert reopen == Reopen("the exchange was silent for too long", LossCause.STALE)


def test_r02_acknowledged_and_silent_socket_is_left_after_35_s() -> None:
    peer = Peer()
    peer.ready()
    peer.subscribe("a", "ticker")
    peer.feed(ack(1, 5))
    outputs: List[Output] = []
    for second in range(1, 36):
        assert reopens(outputs) == []
        peer.feed({"event": "pong", "ts": 1})
        outputs += peer.after(1.0)
        if second in (10, 30):
            peer.feed(ack(2 + second // 30, 5 + second))
    assert len(reopens(outputs)) == 1
    assert not peer.session.is_proven


@pytest.mark.parametrize("answers", [True, False], ids=["answers", "is gone"])
def test_r02_request_on_a_socket_left_for_silence_is_unanswered(answers: bool) -> None:
    peer = Peer()
    peer.subscribe("a", "ticker")
    told: List[Output] = []
    sub_id = 0
    # From the third on, a request has more time than a socket may be silent.
    for _ in range(4):
        outputs = peer.ready()
        for _ in range(36):
            if ("subscribe", BTC) in sent(outputs):
                sub_id += 1
                peer.feed(ack(sub_id, 4 + sub_id))
            if reopens(outputs):
                break
            cids = [cid for event, cid in sent(outputs) if event == "ping"]
            peer.feed(*({"event": "pong", "cid": cid} for cid in cids if answers))
            outputs = peer.after(1.0)
            told += [o for o in outputs if isinstance(o, (Report, Delayed))]
        assert len(reopens(outputs)) == 1
        peer.session.lose("gone")
    assert sub_id == 6
    if not answers:
        # A lost link says nothing of a request.
        assert told == []
        return
    report, delayed = told
    assert isinstance(report, Report) and isinstance(delayed, Delayed)
    assert report.error is delayed.error
    assert type(report.error) is RequestTimeout and "unanswered" in str(report.error)


def test_r02_channel_acknowledged_and_silent_among_others_is_unanswered() -> None:
    peer = with_live("b", 5, 1)
    peer.subscribe("a", "book")
    outputs, sub_id = peer.feed(ack(2, 6)), 2
    for second in range(1, 70):
        outputs += peer.feed(peer.frame(5, "hb"))
        outputs += (news := peer.after(1.0))
        if ("subscribe", BTC) in sent(news):
            sub_id += 1
            peer.feed(ack(sub_id, 4 + sub_id))
        if any(isinstance(output, Displaced) for output in news):
            break
    report, delayed, displaced = outputs[-3:]
    assert second == 65 and sub_id == 4
    assert isinstance(report, Report) and isinstance(delayed, Delayed)
    assert "unanswered" in str(report.error)
    assert displaced == Displaced("a", None, False)


def test_first_subscription_of_an_idle_socket_has_all_its_time() -> None:
    peer = Peer()
    peer.ready()
    for _ in range(10):
        peer.after(20.0)
        peer.feed({"event": "pong", "ts": 1})
    peer.now += 15.0
    peer.subscribe("a", "ticker")
    peer.feed(ack(1, 5))
    assert reopens(peer.after(9.9)) == []
    assert sent(peer.after(0.1)) == [("unsubscribe", 5), ("subscribe", BTC)]
    peer.feed(ack(2, 6))
    assert sent(peer.after(15.0)) == [("ping", 11)]
    assert reopens(peer.after(9.9)) == []
    assert len(reopens(peer.after(0.1))) == 1


def test_r02_third_silence_beside_a_channel_without_data_leaves_the_socket() -> None:
    peer = Peer(timeout_s=1000.0)
    peer.ready()
    peer.subscribe("a", "trades")
    peer.subscribe("b", "trades", ETH)
    # The one has heartbeats and no snapshot; the other is acknowledged, and that is all.
    peer.feed(ack(1, 5), ack(2, 6))
    sub_id = 2
    outputs: List[Output] = []
    while not reopens(outputs):
        assert peer.now < 1200.0
        outputs = peer.feed(peer.frame(5, "hb")) + peer.after(1.0)
        if ("subscribe", ETH) in sent(outputs):
            sub_id += 1
            peer.feed(ack(sub_id, 10 + sub_id))
    assert sub_id == 4
    (reopen,) = reopens(outputs)
    assert reopen == Reopen("all subscribed channels stayed silent", LossCause.STALE)


def test_socket_is_proven_by_what_was_asked_for() -> None:
    peer = Peer()
    peer.open()
    peer.subscribe("a", "ticker")
    peer.feed(INFO, {"event": "conf", "status": "OK", "flags": SEQ}, ack(1, 5))
    assert not peer.session.is_proven
    peer.unsubscribe("a")
    assert peer.session.is_proven
    peer = with_book()
    assert peer.session.is_proven
    peer.session.lose("gone")
    peer.open()
    assert not peer.session.is_proven


def test_r04_pongs_are_enough_during_maintenance() -> None:
    peer = with_book()
    peer.feed(PAUSE)
    outputs: List[Output] = []
    for _ in range(5):
        outputs += peer.after(20.0)
        outputs += peer.feed({"event": "pong", "ts": 1})
    assert reopens(outputs) == []
    peer.feed(RESUME, ack(2, 6))
    assert reopens(peer.after(9.9)) == []


def test_r04_request_that_is_out_is_not_repeated_during_maintenance() -> None:
    peer = Peer()
    peer.ready()
    peer.subscribe("a", "book")
    peer.feed(PAUSE)
    outputs: List[Output] = []
    for _ in range(8):
        outputs += peer.after(10.0)
        outputs += peer.feed({"event": "pong", "ts": 1})
    assert [what for what in sent(outputs) if what[0] != "ping"] == []
    assert sent(peer.feed(RESUME)) == []
    # It may have been heard: it has all its time again, and no unanswered one is counted.
    assert sent(peer.after(9.9)) == []
    assert sent(peer.after(0.1)) == [("subscribe", BTC)]
    assert peer.channels["a"].unanswered == 1


def test_empty_block_is_no_sign_of_life() -> None:
    peer = with_book()
    peer.now += 5.0
    assert peer.session.feed([], peer.now) == []
    assert peer.session.next_deadline() == peer.now + 20.0


def test_frames_of_data_only_postpone_the_next_deadline() -> None:
    peer = with_book()
    peer.session.is_rescheduled = False
    for content in ("hb", [99.0, 1, 1.0]):
        peer.now += 1.0
        due = peer.session.next_deadline()
        peer.feed(peer.frame(5, content))
        assert not peer.session.is_rescheduled
        assert (peer.session.next_deadline() or 0.0) > (due or 0.0)


def test_data_after_a_ping_brings_an_earlier_deadline() -> None:
    peer = with_book(ping_after_s=2.0, stale_after_s=100.0)
    assert sent(peer.after(2.0)) == [("ping", 1)]
    assert (peer.session.next_deadline() or 0.0) > peer.now + 90.0
    peer.session.is_rescheduled = False
    peer.feed(peer.frame(5, "hb"))
    assert peer.session.is_rescheduled
    assert peer.session.next_deadline() == peer.now + 2.0


def test_a_channel_that_went_wrong_brings_an_earlier_deadline() -> None:
    peer = with_book()
    peer.session.is_rescheduled = False
    peer.feed(peer.frame(5, "nonsense"), peer.frame(5, "hb"))
    assert peer.session.is_rescheduled


def test_r02_idle_socket_is_kept_with_a_ping_every_20_s() -> None:
    peer = Peer()
    peer.ready()
    for cid in range(1, 4):
        assert peer.session.next_deadline() == peer.now + 20.0
        assert peer.after(19.9) == []
        assert sent(peer.after(0.1)) == [("ping", cid)]
        peer.feed({"event": "pong", "ts": 1, "cid": cid})


def test_socket_that_has_become_idle_is_pinged_too() -> None:
    peer = with_book()
    peer.now += 10.0
    peer.feed(peer.frame(5, "hb"))
    peer.unsubscribe("a")
    assert peer.session.next_deadline() == peer.now + 20.0
    peer.subscribe("b", "ticker")
    assert peer.session.next_deadline() == peer.now + 10.0


def test_lost_socket_needs_no_sign_of_life() -> None:
    peer = with_book()
    peer.session.lose("gone")
    assert peer.session.next_deadline() is None
    assert peer.after(1000.0) == []


# --- the user's pings ----------------------------------------------------------------------------


def test_ping_waits_for_its_own_pong() -> None:
    peer = with_book()
    assert sent(peer.ping("x")) == [("ping", 1)]
    assert sent(peer.ping("y")) == [("ping", 2)]
    assert peer.feed({"event": "pong", "ts": 1, "cid": 2}) == [Resolve("y")]
    assert peer.feed({"event": "pong", "ts": 1, "cid": 2}) == []
    assert peer.feed({"event": "pong", "ts": 1, "cid": 1}) == [Resolve("x")]


def test_ping_without_pong_times_out() -> None:
    peer = with_book()
    peer.ping("x", 3.0)
    peer.ping("y", 5.0)
    assert peer.session.next_deadline() == peer.now + 3.0
    outputs = peer.after(3.0)
    assert [type(error) for error in resolved(outputs, "x")] == [RequestTimeout]
    assert resolved(outputs, "y") == []
    assert peer.feed({"event": "pong", "ts": 1, "cid": 1}) == []


def test_ping_without_a_socket_fails_at_once() -> None:
    peer = Peer()
    (error,) = resolved(peer.ping("x"), "x")
    assert type(error) is NetworkError
    assert error.phase == "send"


def test_loss_is_the_answer_of_every_ping() -> None:
    peer = with_book()
    peer.ping("x")
    peer.ping("y")
    outputs = peer.session.lose("gone")
    for token in ("x", "y"):
        (error,) = resolved(outputs, token)
        assert type(error) is NetworkError
        assert error.phase == "receive"
        assert "gone" in str(error)
    assert resolved(peer.session.lose("gone"), "x") == []


# --- unsubscribe ---------------------------------------------------------------------------------


def test_unsubscribe_of_what_was_never_asked_for_is_silent() -> None:
    peer = Peer()
    peer.subscribe("a", "ticker")
    assert peer.unsubscribe("a") == []
    assert peer.unsubscribe("a") == []
    assert sent(peer.ready()) == [("conf", SEQ)]


def test_unsubscribe_while_asked_gives_the_channel_back_when_it_comes() -> None:
    peer = Peer()
    peer.ready()
    peer.subscribe("a", "ticker")
    assert peer.unsubscribe("a") == []
    peer.feed(peer.frame(5, TICKER_ROW))
    assert sent(peer.feed(ack(1, 5))) == [("unsubscribe", 5)]
    assert peer.feed(peer.frame(5, TICKER_ROW)) == []
    assert peer.after(10.0) == []


def test_unsubscribe_while_live_ends_the_deliveries() -> None:
    peer = with_book()
    assert sent(peer.unsubscribe("a")) == [("unsubscribe", 5)]
    assert peer.feed(peer.frame(5, [99.0, 1, 1.0]), peer.frame(5, "hb")) == []
    assert peer.feed({"event": "unsubscribed", "status": "OK", "chanId": 5}) == []
    assert peer.session.lose("gone") == []
    assert sent(peer.ready()) == [("conf", SEQ)]


def test_unsubscribe_that_is_refused_is_no_error() -> None:
    peer = with_book()
    peer.unsubscribe("a")
    assert peer.feed(failure(10400, chanId=5)) == []


def test_user_may_resubscribe_a_channel() -> None:
    peer = with_book()
    outputs = peer.resubscribe("a")
    assert updates(outputs) == [Gap("requested by the user")]
    assert sent(outputs) == [("unsubscribe", 5), ("subscribe", BTC)]
    outputs = peer.feed(peer.frame(5, [99.0, 1, 1.0]), ack(2, 6), peer.frame(6, LEVELS))
    assert updates(outputs) == [BOOK]


@pytest.mark.parametrize("state", ["unknown", "never asked for", "asked for", "lost"])
def test_unknown_channel_is_not_resubscribed(state: str) -> None:
    peer = with_book() if state == "lost" else Peer()
    if state == "asked for":
        peer.ready()
    if state == "lost":
        peer.session.lose("gone")
    elif state != "unknown":
        peer.subscribe("a", "book")
    assert peer.resubscribe("a") == []


def test_tokens_are_what_is_wanted_in_order() -> None:
    peer = Peer()
    for token in "cab":
        peer.subscribe(token, "ticker")
    peer.unsubscribe("a")
    assert peer.session.tokens == ["c", "b"]


# --- blocks --------------------------------------------------------------------------------------


def test_block_of_everyday_frames_is_one_delivery_for_each_channel() -> None:
    peer = with_book()
    peer.subscribe("b", "ticker")
    peer.feed(ack(2, 6), peer.frame(6, TICKER_ROW))
    outputs = peer.feed(
        peer.frame(5, [99.0, 1, 1.0]),
        peer.frame(6, TICKER_ROW),
        peer.frame(5, [98.0, 1, 1.0]),
        peer.frame(6, "hb"),
    )
    assert outputs == [
        Deliver("a", [BookUpdate(99.0, 1, 1.0), BookUpdate(98.0, 1, 1.0)]),
        Deliver("b", [TICKER]),
    ]


def test_frames_are_counted_over_all_sockets() -> None:
    peer = with_book()
    counted = peer.session.frame_count
    peer.feed(peer.frame(5, "hb"), peer.frame(5, "hb"), b"garbage", {"event": "pong"})
    peer.session.lose("gone")
    peer.ready()
    assert peer.session.frame_count == counted + 4 + 2
