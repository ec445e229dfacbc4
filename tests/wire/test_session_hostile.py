"""What a session makes of nonsense: typed errors, nothing raised, nobody else disturbed."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, List

import pytest
from peer import (
    BOOK,
    BTC,
    ETH,
    LEVELS,
    SEQ,
    TICKER,
    TICKER_ROW,
    Peer,
    ack,
    reopens,
    reports,
    sent,
    trade_row,
    updates,
    with_book,
)

from bfxsync.errors import BfxError, RemoteError
from bfxsync.models import BookUpdate, Gap
from bfxsync.wire.channels import channel_for
from bfxsync.wire.codec import loads_for
from bfxsync.wire.commands import Subscribe
from bfxsync.wire.outputs import Report
from bfxsync.wire.websocket import Binary


def nested(depth: int, opening: str = "[", closing: str = "]") -> str:
    return opening * depth + "1" + closing * depth


HOSTILE = [
    '{"event":"subscribed"}',
    '{"event":"subscribed","chanId":[5],"subId":1}',
    '{"event":"subscribed","chanId":null,"subId":{"a":1}}',
    '{"event":"subscribed","chanId":77,"subId":{"a":1}}',
    '{"event":"subscribed","chanId":77,"subId":[1]}',
    '{"event":"subscribed","chanId":77,"channel":["book"],"symbol":{}}',
    '{"event":"subscribed","chanId":true,"subId":1}',
    '{"event":"subscribed","chanId":1e400,"subId":1}',
    '{"event":"subscribed","chanId":77,"channel":%s}' % nested(900),
    '{"event":"unsubscribed"}',
    '{"event":"unsubscribed","chanId":[5]}',
    '{"event":"unsubscribed","chanId":{"a":5}}',
    '{"event":"error"}',
    '{"event":"error","code":"10300"}',
    '{"event":"error","code":[10300],"subId":[1],"chanId":[5]}',
    '{"event":"error","code":{"a":1},"subId":{"a":1}}',
    '{"event":"error","code":10301,"subId":1,"chanId":[5]}',
    '{"event":"error","code":10301,"chanId":{"a":5}}',
    '{"event":"error","code":1e400}',
    '{"event":"error","msg":%s}' % nested(900),
    '{"event":"error","channel":%s,"symbol":"tETHUSD"}' % nested(1000, '{"a":', "}"),
    '{"event":"info"}',
    '{"event":"info","code":"20051x"}',
    '{"event":"info","code":"%s"}' % ("9" * 5000),
    '{"event":"info","code":%s}' % ("9" * 5000),
    '{"event":"info","code":[20051]}',
    '{"event":"info","code":{"a":20051}}',
    '{"event":"info","code":%s}' % nested(1000),
    '{"event":"info","version":%s}' % nested(1000),
    '{"event":"conf","status":["OK"],"flags":{}}',
    '{"event":"pong","cid":[1]}',
    '{"event":"pong","cid":{"a":1}}',
    '{"event":"pong","cid":1e5}',
    '{"event":["subscribed"]}',
    '{"event":null}',
    '{"event":"%s"}' % ("x" * 10_000),
    '{"no":"event"}',
    "{}",
    "[]",
    "[5]",
    "[null]",
    "[[5],[],2]",
    '[{"a":1},[],2]',
    '["5",[],2]',
    "[5.0,[],2]",
    "[true,[],2]",
    "[5,null,2]",
    "[5,{},2]",
    '[5,"cs",2]',
    '[5,"cs","x",2]',
    '[5,"cs",[1],2]',
    '[5,"cs",1e400,2]',
    '[5,"te",[],2]',
    '[5,"te",{},2]',
    '[5,[],"x"]',
    "[5,[[]],2]",
    "[5,[[],[]],2]",
    "[5,[null],2]",
    "[5,[1],2]",
    "[5,[1e400,1,1],2]",
    "[5,[1,1e400,1],2]",
    "[5,[1,true,1],2]",
    "[5,[[1,2,3],4,null],2]",
    "[5,%s,2]" % ("9" * 5000),
    "[5,[%s,1,1],2]" % ("9" * 400),
    "[5,1e99999999999999999999,2]",
    "[5,[1e99999999999999999999,1,1],2]",
    "[5,%s,2]" % nested(500),
    "[5,%s,2]" % nested(1000),
    "[5,%s,2]" % nested(1000, '{"a":', "}"),
    "[%s,1,2]" % nested(1000),
    "[5,[%s,1,1],2]" % nested(1000),
    '[5,"te",%s,2]' % nested(1000),
    nested(100_000),
    "[" * 100_000,
    '{"a":' * 100_000,
    "9" * 5000,
    "null",
    "true",
    '"hb"',
    "1.5",
    "",
    " ",
    "\x00",
    "<html>502 Bad Gateway</html>",
    "NaN",
    '[5,"hb",NaN]',
    '"\\ud800"',
]


@pytest.mark.parametrize("name", ["ticker", "trades", "book"])
@pytest.mark.parametrize(
    "number, with_orjson",
    [(float, True), (float, False), (Decimal, False)],
    ids=["orjson", "stdlib", "decimal"],
)
def test_r14_nothing_hostile_raises(
    number: Any, with_orjson: bool, name: str, monkeypatch: Any
) -> None:
    if not with_orjson:
        monkeypatch.setattr("bfxsync.wire.codec.orjson", None)
    loads = loads_for(number)
    first = {"ticker": TICKER_ROW, "trades": [trade_row(1)], "book": LEVELS}[name]
    for text in HOSTILE:
        for flags in (0, SEQ):
            peer = Peer(flags, loads=loads)
            peer.ready()
            channel = channel_for(name, symbol=BTC, number=number)
            peer.session.apply(Subscribe("a", channel), peer.now)
            peer.feed(ack(1, 5), peer.frame(5, first))
            peer.subscribe("b", "ticker", ETH)
            outputs = peer.feed(text.encode())
            outputs += peer.feed({"event": "pong"}, text.encode())
            errors: List[BfxError] = [
                output.error for output in outputs if isinstance(output, Report)
            ]
            assert all(len(str(error)) < 2500 for error in errors), text[:40]
            if not reopens(outputs):
                assert peer.session.tokens == ["a", "b"], text[:40]


def test_r14_bytes_that_are_no_text_are_reported() -> None:
    peer = with_book()
    assert reports(peer.feed(b"\xff\xfe", b'{"event":"\xc3"}')) == [RemoteError] * 2


def test_r14_unknown_event_is_reported_and_others_go_on() -> None:
    peer = with_book()
    outputs = peer.feed({"event": "new", "x": 1}, peer.frame(5, [99.0, 1, 1.0]))
    report, _ = outputs
    assert isinstance(report, Report)
    assert str(report.error) == "unknown event 'new'"
    assert updates(outputs) == [BookUpdate(99.0, 1, 1.0)]


UNREADABLE = ["null", '"cs","x"', '"te"', "7", "{}", '["x",1,1]', "[[1,2]]"]


def with_ticker_and_book() -> Peer:
    """Return a peer whose book "a" is live on channel 5, and whose ticker "b" on channel 6."""
    peer = with_book()
    peer.subscribe("b", "ticker")
    peer.feed(ack(2, 6), peer.frame(6, TICKER_ROW))
    return peer


def broken(peer: Peer, chan_id: int, content: str) -> bytes:
    """Return the channel's next frame with this content, as text."""
    return peer.frame(chan_id, 0).replace(b" 0,", b" " + content.encode() + b",", 1)


# An event makes a block be walked frame by frame; without it, it is taken as a whole.
BESIDE = pytest.mark.parametrize(
    "beside", [[], [{"event": "pong", "ts": 1}]], ids=["alone", "beside an event"]
)


@BESIDE
@pytest.mark.parametrize("content", UNREADABLE)
def test_r14_unreadable_frame_is_no_hole_and_heals_its_ticker_alone(
    content: str, beside: List[Any]
) -> None:
    peer = with_ticker_and_book()
    outputs = peer.feed(*beside, broken(peer, 6, content), peer.frame(6, TICKER_ROW))
    assert reports(outputs) == [RemoteError]
    assert updates(outputs, "b") == [Gap("a row could not be read")]
    assert [what for what, _ in sent(outputs)] == ["unsubscribe", "subscribe"]
    assert reopens(outputs) == []
    assert updates(peer.feed(peer.frame(5, [99.0, 1, 1.0])))


@BESIDE
@pytest.mark.parametrize("content", UNREADABLE)
def test_r14_unreadable_frame_costs_a_book_a_new_snapshot(
    content: str, beside: List[Any]
) -> None:
    peer = with_ticker_and_book()
    outputs = peer.feed(
        *beside,
        broken(peer, 5, content),
        peer.frame(6, TICKER_ROW),
        # Of a book that is given up: neither delivered nor complained about.
        peer.frame(5, [99.0, 1, 1.0]),
        broken(peer, 5, content),
    )
    assert reports(outputs) == [RemoteError]
    assert reopens(outputs) == []
    (gap,) = updates(outputs)
    assert isinstance(gap, Gap)
    assert updates(outputs, "b") == [TICKER]
    assert sent(outputs) == [("unsubscribe", 5), ("subscribe", BTC)]
    assert peer.feed(broken(peer, 5, content), peer.frame(5, "hb")) == []
    outputs = peer.feed(ack(3, 7), peer.frame(7, LEVELS), peer.frame(7, "hb"))
    assert updates(outputs) == [BOOK]


@BESIDE
@pytest.mark.parametrize(
    "chan_id, content",
    [(0, "null"), (0, "7"), *[(77, content) for content in UNREADABLE[:-2]]],
)
def test_r14_unreadable_unrouted_frame_is_reported(
    chan_id: int, content: str, beside: List[Any]
) -> None:
    peer = with_book()
    outputs = peer.feed(*beside, broken(peer, chan_id, content), peer.frame(5, "hb"))
    assert reports(outputs) == [RemoteError]
    assert len(outputs) == 1


@BESIDE
@pytest.mark.parametrize("number", [float, Decimal])
def test_binary_message_is_reported_and_is_no_data(
    number: Any, beside: List[Any]
) -> None:
    peer = with_book(loads=loads_for(number))
    # Nor does it count in the sequence.
    binary = Binary(b'[5,"hb",77]')
    outputs = peer.feed(*beside, peer.frame(5, "hb"), binary, peer.frame(5, "hb"))
    (output,) = outputs
    assert isinstance(output, Report)
    assert isinstance(output.error, RemoteError)
    assert str(output.error) == "a binary message"
    assert output.error.raw == b'[5,"hb",77]'


@pytest.mark.parametrize(
    "frame", ["[5]", '["5","hb"]', "[]", "[null,1]", "[5,null,77]"]
)
def test_r14_unreadable_frame_without_the_next_number_counts_for_nothing(
    frame: str,
) -> None:
    peer = with_book()
    outputs = peer.feed({"event": "pong"}, frame.encode(), peer.frame(5, "hb"))
    assert reports(outputs) == [RemoteError]
    assert reopens(outputs) == []


@pytest.mark.parametrize("extra", ["77", "null", '"new"', "[1]", "0.5"])
def test_r14_content_appended_to_frames_changes_nothing(extra: str) -> None:
    peer = Peer()
    peer.ready()
    peer.subscribe("a", "book")
    outputs = peer.feed(ack(1, 5))
    for content in ([LEVELS], ["hb"], [[99.0, 1, 1.0]], ["cs", 7]):
        frame = peer.frame(5, *content)
        outputs += peer.feed(frame[:-1] + b"," + extra.encode() + b"]")
    assert reopens(outputs) == []
    assert updates(outputs)[:2] == [BOOK, BookUpdate(99.0, 1, 1.0)]
