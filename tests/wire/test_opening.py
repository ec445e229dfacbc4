"""What leaves on a new socket before the exchange has said anything."""

from __future__ import annotations

from typing import Any

import pytest
from peer import (
    BTC,
    INFO,
    MAINTENANCE,
    OPEN,
    PAUSE,
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
    updates,
)

from bfxsync._base.enums import Flag
from bfxsync.errors import VersionMismatch
from bfxsync.models import BookUpdate, Snapshot
from bfxsync.wire.channels import raw_channel_for
from bfxsync.wire.commands import Subscribe
from bfxsync.wire.outputs import Acknowledged, Fail, Requested, Resolve

CONF = {"event": "conf", "status": "OK", "flags": SEQ}
IN_MAINTENANCE = {"event": "info", "version": 2, "platform": {"status": 0}}


def opened(*names: str, flags: int = SEQ, **options: Any) -> Peer:
    """Return a peer with subscriptions on a socket that has said nothing."""
    peer = Peer(flags, **options)
    for name in names:
        peer.subscribe(name, name)
    peer.open()
    return peer


def test_first_requests_leave_with_the_flags() -> None:
    peer = Peer()
    peer.subscribe("a", "ticker")
    peer.subscribe("b", "book", "tETHUSD")
    requests = [("conf", SEQ), ("subscribe", BTC), ("subscribe", "tETHUSD")]
    assert sent(peer.open()) == requests
    # And those that are made until the exchange greets.
    assert sent(peer.subscribe("c", "trades")) == [("subscribe", BTC)]
    assert peer.feed(INFO) == [Requested("a"), Requested("b"), Requested("c")]
    assert sent(peer.feed(CONF)) == []


def test_request_between_greeting_and_conf_leaves_at_once() -> None:
    peer = opened()
    peer.feed(INFO)
    outputs = peer.subscribe("a", "ticker")
    assert outputs[0] == Requested("a")
    assert sent(outputs) == [("subscribe", BTC)]
    assert peer.feed(CONF) == [OPEN]


def test_time_of_an_early_request_starts_at_the_greeting() -> None:
    peer = opened("ticker", timeout_s=10.0)
    peer.after(9.0)
    peer.feed(INFO, CONF)
    assert sent(peer.after(9.0)) == []
    assert sent(peer.after(1.0)) == [("subscribe", BTC)]


def test_early_requests_are_repeated_on_the_next_socket() -> None:
    peer = opened("ticker")
    peer.after(10.0)  # no greeting
    assert peer.session.lose("no info") == []
    assert sent(peer.open()) == [("conf", SEQ), ("subscribe", BTC)]
    peer.feed(INFO, CONF)
    # The late answer of the socket before belongs to nothing, and its time has not begun.
    assert peer.feed(ack(2, 5)) == [Acknowledged("ticker")]


@pytest.mark.parametrize("greeting", [[IN_MAINTENANCE], [PAUSE, INFO]], ids=len)
def test_r04_early_requests_count_as_not_sent_in_a_maintenance(greeting: Any) -> None:
    peer = opened("ticker")
    peer.feed(*greeting)
    assert peer.feed(CONF) == [MAINTENANCE]
    # Neither a refusal nor a deadline.
    assert peer.feed(failure(10300, subId=1), failure(11000, subId=1)) == []
    assert peer.after(12.0) == []
    outputs = peer.feed(RESUME)
    assert outputs[:2] == [OPEN, Requested("ticker")]
    assert sent(outputs) == [("subscribe", BTC)]
    outputs = peer.feed(ack(2, 5), peer.frame(5, TICKER_ROW))
    assert updates(outputs, "ticker") == [Snapshot([TICKER]), TICKER]
    assert resolved(outputs, "ticker") == [None]


def test_r04_channel_of_a_request_that_does_not_count_is_unsubscribed() -> None:
    peer = opened("ticker")
    peer.feed(IN_MAINTENANCE, CONF)
    assert sent(peer.feed(ack(1, 5), peer.frame(5, TICKER_ROW))) == [("unsubscribe", 5)]
    assert sent(peer.feed(RESUME)) == [("subscribe", BTC)]
    peer.feed({"event": "unsubscribed", "status": "OK", "chanId": 5})
    outputs = peer.feed(ack(2, 6), peer.frame(6, TICKER_ROW))
    assert resolved(outputs, "ticker") == [None]


def test_r04_maintenance_that_ends_before_the_greeting_waits_for_that() -> None:
    peer = opened("ticker")
    assert sent(peer.feed(PAUSE, RESUME)) == []
    assert sent(peer.subscribe("b", "book")) == []
    assert sent(peer.feed(INFO)) == [("subscribe", BTC)] * 2
    assert peer.feed(CONF) == [OPEN]


def test_request_in_a_maintenance_waits_for_its_end() -> None:
    peer = opened()
    peer.feed(IN_MAINTENANCE)
    assert peer.subscribe("a", "ticker") == []
    assert peer.feed(CONF) == [MAINTENANCE]
    assert sent(peer.feed(RESUME)) == [("subscribe", BTC)]


def test_r04_another_version_ends_the_client_and_refuses_nothing() -> None:
    peer = opened("ticker")
    info = {"event": "info", "version": 1}
    (fail,) = peer.feed(info, failure(10300, subId=1))
    assert isinstance(fail, Fail) and isinstance(fail.error, VersionMismatch)
    # Not even on the next message.
    assert not resolved(peer.feed(failure(10300, subId=1)), "ticker")


def test_r04_restart_instead_of_a_greeting_replaces_the_socket() -> None:
    peer = opened("ticker")
    assert len(reopens(peer.feed(STOP))) == 1
    assert peer.session.lose("restart") == []
    assert sent(peer.open()) == [("conf", SEQ), ("subscribe", BTC)]


def test_refusal_before_the_greeting_does_not_count() -> None:
    peer = opened("ticker", "book")
    assert peer.feed(failure(10300, subId=1)) == []
    outputs = peer.feed(INFO)
    # Only the refused one again.
    assert sent(outputs) == [("subscribe", BTC)]
    assert peer.feed(CONF) == [OPEN]
    assert peer.feed(ack(2, 6), ack(3, 5)) == [
        Acknowledged("book"),
        Acknowledged("ticker"),
    ]


def test_early_request_that_is_withdrawn_stays_withdrawn() -> None:
    peer = opened("ticker", "book")
    assert peer.unsubscribe("ticker") == []
    assert peer.feed(INFO) == [Requested("book")]
    assert sent(peer.feed(CONF, ack(1, 5))) == [("unsubscribe", 5)]


def test_data_before_the_greeting_need_no_deadline() -> None:
    peer = opened("ticker", flags=0)
    outputs = peer.feed(ack(1, 5), peer.frame(5, TICKER_ROW))
    assert outputs[-1] == Resolve("ticker")
    assert peer.feed(INFO) == [OPEN]
    for _ in range(4):
        assert sent(peer.after(5.0)) == []
        peer.feed(peer.frame(5, "hb"))


def test_acknowledgement_before_the_greeting_starts_its_time_there() -> None:
    peer = opened("ticker", timeout_s=10.0)
    peer.feed(ack(1, 5))
    assert peer.feed(INFO, CONF) == [Requested("ticker"), OPEN]
    assert sent(peer.after(10.0)) == [("unsubscribe", 5), ("subscribe", BTC)]


def test_r04_channel_bound_before_a_maintenance_is_subscribed_again_after_it() -> None:
    peer = opened("ticker")
    peer.feed(ack(1, 5))
    peer.feed(IN_MAINTENANCE, CONF)
    assert sent(peer.feed(RESUME)) == [("unsubscribe", 5), ("subscribe", BTC)]


@pytest.mark.parametrize("flags", [SEQ, SEQ_MTS, SEQ_MTS | int(Flag.BULK_UPDATES)])
def test_frames_before_the_answer_to_conf_have_no_suffixes(flags: int) -> None:
    peer = opened("book", flags=flags)
    row = [100.0, 1, 1.0]
    outputs = peer.feed(INFO, ack(1, 5), b"[5,[[100.0,1,1.0]]]", b'[5,"hb"]')
    assert updates(outputs, "book") == [Snapshot([BookUpdate.from_row(row)])]
    # Not counted, so the first number is the baseline, whatever it is.
    peer.feed(b"[5,[101.0,1,-1.0]]", {**CONF, "flags": flags})
    outputs = peer.feed(peer.frame(5, [102.0, 1, -1.0]))
    assert updates(outputs, "book") == [BookUpdate(102.0, 1, -1.0)]
    assert [u.server_mts is None for u in updates(outputs, "book")] == [flags == SEQ]
    assert reports(outputs) == [] and reopens(outputs) == []
    next(peer.seq)
    assert len(reopens(peer.feed(peer.frame(5, row)))) == 1


def test_raw_channel_learns_of_the_flags_after_its_acknowledgement() -> None:
    peer = opened()
    channel = raw_channel_for("ticker", {"symbol": BTC})
    peer.session.apply(Subscribe("raw", channel), peer.now)
    outputs = peer.feed(INFO, ack(1, 5), b"[5,[1,2,3]]", CONF, b"[5,[4,5,6],1]")
    rows = [list(row) for row in updates(outputs, "raw")[1:]]
    assert rows == [[1, 2, 3], [4, 5, 6]]
