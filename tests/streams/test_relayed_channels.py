"""What a relay writes for the blocks, requests and losses of its connections."""

from __future__ import annotations

import json

import pytest

from bfxsync.streams.entries import Frames, GapMark
from bfxsync.streams.relayed_channels import (
    MAX_UNROUTED,
    RelayedChannels,
    SnapshotRows,
)
from bfxsync.wire.websocket import Binary

TICKER = "ticker|tBTCUSD"
BOOK = "book|tBTCUSD|P0|F0|25"
LIQUIDATIONS = "status|liq:global"
FLAGS = 196608
CONF = b'{"event":"conf","status":"OK","flags":196608}'


CANDLES = "candles|trade:1m:tBTCUSD"


def ack(chan_id, identity=TICKER):
    name, *values = identity.split("|")
    fields = {
        "book": ("symbol", "prec", "freq", "len"),
        "candles": ("key",),
        "status": ("key",),
        "ticker": ("symbol",),
    }
    body = {"event": "subscribed", "channel": name, "chanId": chan_id}
    return json.dumps({**body, **dict(zip(fields[name], values))}).encode()


@pytest.fixture
def channels():
    channels = RelayedChannels([TICKER, BOOK, LIQUIDATIONS, CANDLES])
    assert channels.opened(1) == []
    assert channels.received(1, [b'{"event":"info","version":2}', CONF]) == []
    return channels


def snapshot(rows, flags=FLAGS):
    return SnapshotRows(flags, rows)


def test_the_first_frame_becomes_a_snapshot(channels):
    assert channels.received(1, [ack(5)]) == []
    assert channels.live == []
    block = [b"[5,[1.10,2],1]", b"[5,[1.20,2],2]", b'[5,"hb",3]']
    assert channels.received(1, block) == [
        (TICKER, snapshot(b"[1.10,2]")),
        (TICKER, Frames(block[1:])),
    ]
    assert channels.live == [TICKER]
    assert channels.snapshot(TICKER) == snapshot(b"[1.20,2]")
    assert channels.frame_count == 3


def test_a_block_is_one_entry_for_each_channel(channels):
    channels.received(1, [ack(5), ack(6, BOOK), b"[5,[1],1]", b"[6,[[7,1,1]],2]"])
    block = [b"[5,[2],3]", b"[6,[8,1,-1],4]", b"[5,[3],5]", b'[6,"cs",-12,6]']
    assert channels.received(1, block) == [
        (TICKER, Frames([block[0], block[2]])),
        (BOOK, Frames([block[1], block[3]])),
    ]


def test_frames_before_their_acknowledgement_are_kept(channels):
    assert channels.received(1, [b"[5,[1],1]", b"[5,[2],2]"]) == []
    assert channels.received(1, [ack(5)]) == [
        (TICKER, snapshot(b"[1]")),
        (TICKER, Frames([b"[5,[2],2]"])),
    ]


def test_only_a_bounded_number_of_frames_is_kept(channels):
    channels.received(1, [b"[9,[1]]"] * MAX_UNROUTED + [b"[5,[1]]", b"[5,[2]]"])
    assert channels.incomplete == []
    # Its snapshot is missing.
    assert channels.received(1, [ack(5), b"[5,[3]]"]) == []
    assert channels.incomplete == [TICKER]
    assert channels.received(1, [ack(5), b"[5,[4]]"]) == [(TICKER, snapshot(b"[4]"))]
    assert channels.incomplete == []


def test_a_lost_socket_is_a_gap_of_its_channels(channels):
    channels.received(1, [ack(5), b"[5,[1],1]", ack(6, BOOK), b"[7,[1]]"])
    channels.received(2, [ack(5, LIQUIDATIONS), b"[8,[1]]"])
    channels.sent(2, '{"event":"unsubscribe","chanId":9}')
    channels.sent(1, '{"event":"unsubscribe","chanId":9}')
    assert channels.lost(1, "reset") == [(TICKER, GapMark("reset"))]
    assert channels.live == [LIQUIDATIONS]
    assert channels.lost(1, "reset") == []
    # A new socket has no flags yet.
    block = [ack(7), b"[7,[2]]"]
    assert channels.received(1, block) == [(TICKER, snapshot(b"[2]", flags=0))]


def test_a_request_to_unsubscribe_is_a_gap(channels):
    channels.received(1, [ack(5), b"[5,[1],1]"])
    assert channels.sent(1, '{"event":"unsubscribe","chanId":5}') == [
        (TICKER, GapMark("the channel is subscribed again"))
    ]
    # Sent before the exchange got the request.
    assert channels.received(1, [b"[5,[2],2]"]) == []
    assert channels.received(1, [b'{"event":"unsubscribed","chanId":5}', ack(5)]) == []
    assert channels.received(1, [b"[5,[3],3]"]) == [(TICKER, snapshot(b"[3]"))]


@pytest.mark.parametrize("text", ['{"event":"ping"}', "[]", "{"])
def test_other_requests_change_nothing(channels, text):
    channels.received(1, [ack(5), b"[5,[1],1]"])
    assert channels.sent(1, text) == []
    assert channels.live == [TICKER]


def test_a_channel_that_the_exchange_ends_is_a_gap(channels):
    channels.received(1, [ack(5), b"[5,[1],1]"])
    block = [b"[5,[2],2]", b'{"event":"unsubscribed","chanId":5}', b"[5,[3],3]"]
    assert channels.received(1, block) == [
        (TICKER, Frames([b"[5,[2],2]"])),
        (TICKER, GapMark("the exchange ended the channel")),
    ]


def test_a_channel_that_moves_is_a_gap(channels):
    channels.received(1, [ack(5), b"[5,[1],1]"])
    assert channels.received(2, [ack(9)]) == [
        (TICKER, GapMark("the channel was subscribed again"))
    ]
    assert channels.received(1, [b"[5,[2],2]"]) == []
    assert channels.received(2, [b"[9,[3]]"]) == [(TICKER, snapshot(b"[3]", flags=0))]


def test_a_channel_id_belongs_to_the_last_acknowledged(channels):
    channels.received(1, [ack(5), b"[5,[1],1]"])
    assert channels.received(1, [ack(5, LIQUIDATIONS)]) == [
        (TICKER, GapMark("the exchange gave the channel to another")),
        (LIQUIDATIONS, snapshot(b"[]")),
    ]


def test_liquidations_are_live_from_their_acknowledgement(channels):
    assert channels.received(1, [ack(5, LIQUIDATIONS), b"[5,[[1]],1]"]) == [
        (LIQUIDATIONS, snapshot(b"[]")),
        (LIQUIDATIONS, Frames([b"[5,[[1]],1]"])),
    ]


def test_dropped_frames_are_a_gap_until_the_next_acknowledgement(channels):
    channels.received(1, [ack(5), b"[5,[1],1]", ack(6, BOOK)])
    assert channels.lost_frames("too slow") == [(TICKER, GapMark("too slow"))]
    assert channels.incomplete == [TICKER, BOOK]
    channels.resumed()
    assert channels.received(1, [b"[5,[2],9]", b"[6,[[7,1,1]],10]"]) == []
    assert channels.received(1, [ack(5), b"[5,[3],11]"]) == [(TICKER, snapshot(b"[3]"))]
    assert channels.incomplete == [BOOK]


def test_a_channel_acknowledged_during_a_loss_is_not_live(channels):
    """Its snapshot is lost: the next frame is an update."""
    assert channels.lost_frames("too slow") == []
    block = [ack(5, CANDLES), ack(6, LIQUIDATIONS)]
    assert channels.received(1, block) == []
    channels.resumed()
    assert channels.received(1, [b"[5,[60,1,1,2,1,5],9]", b"[6,[[1]],10]"]) == []
    assert channels.live == []
    assert channels.incomplete == [LIQUIDATIONS, CANDLES]
    block = [ack(5, CANDLES), b"[5,[[60,1,1,2,1,5]],11]"]
    assert channels.received(1, block) == [
        (CANDLES, snapshot(b"[[60,1,1,2,1,5]]")),
    ]
    assert channels.incomplete == [LIQUIDATIONS]


def test_frames_before_a_loss_are_no_snapshot_after_it(channels):
    channels.received(1, [b"[5,[[7,1,1]],1]"])
    channels.lost_frames("too slow")
    channels.resumed()
    block = [b"[5,[8,1,-1],3]", ack(5, BOOK), b"[5,[9,1,-1],4]"]
    assert channels.received(1, block) == []
    assert channels.incomplete == [BOOK]


def test_an_update_without_its_snapshot_is_incomplete(channels):
    channels.received(1, [ack(5, CANDLES), b'[5,"hb",1]'])
    assert channels.incomplete == []
    assert channels.received(1, [b"[5,[60,1,1,2,1,5],2]"]) == []
    assert channels.incomplete == [CANDLES]
    channels.received(1, [b"[5,[[60,1,1,2,1,5]],3]"])
    assert channels.live == [CANDLES] and channels.incomplete == []


def test_a_loss_ends_for_the_channels_of_a_new_socket(channels):
    channels.received(1, [b"[5,[1],1]"])
    channels.lost_frames("too slow")
    channels.resumed()
    channels.lost(1, "reset")
    assert channels.received(1, [ack(5), b"[5,[2],1]"]) == [
        (TICKER, snapshot(b"[2]", flags=0))
    ]


def test_a_loss_ends_with_the_channel(channels):
    channels.received(1, [b"[5,[1],1]"])
    channels.lost_frames("too slow")
    channels.resumed()
    channels.received(1, [b'{"event":"unsubscribed","chanId":5}'])
    block = [ack(5), b"[5,[2],1]"]
    assert channels.received(1, block) == [(TICKER, snapshot(b"[2]"))]


def test_new_flags_are_a_gap_of_live_channels(channels):
    channels.received(1, [ack(5), ack(6, BOOK)])
    channels.received(2, [ack(9, LIQUIDATIONS)])
    block = [b"[5,[1],1]", b"[5,[2],2]", b'{"event":"conf","status":"OK","flags":0}']
    assert channels.received(1, block) == [
        (TICKER, snapshot(b"[1]")),
        (TICKER, Frames([b"[5,[2],2]"])),
        (TICKER, GapMark("the flags have changed")),
        (TICKER, snapshot(b"[2]", flags=0)),
    ]


def test_flags_without_a_number_are_none(channels):
    channels.received(1, [b'{"event":"conf","status":"OK"}'])
    block = [ack(5), b"[5,[1]]"]
    assert channels.received(1, block) == [(TICKER, snapshot(b"[1]", flags=0))]


def test_refused_flags_change_nothing(channels):
    channels.received(1, [ack(5), b"[5,[1],1]"])
    assert channels.received(1, [b'{"event":"conf","status":"FAILED"}']) == []


def test_an_unknown_channel_is_ignored(channels):
    assert channels.received(1, [ack(5, "ticker|tETHUSD"), b"[5,[1],1]"]) == []


@pytest.mark.parametrize(
    "message", [b"{", b"7", b"[]", b"[5]", Binary(b"[5,[9]]"), b"\xff", b"[" * 99999]
)
def test_an_unreadable_message_does_not_hide_others(channels, message):
    block = [ack(5), message, b"[5,[1],1]"]
    assert channels.received(1, block) == [(TICKER, snapshot(b"[1]"))]


def test_nothing_is_written_before_the_snapshot(channels):
    block = [ack(6, BOOK), b'[6,"hb",1]', b"[6,[7,1,1],2]", b"[6,[[7,1,1]],3]"]
    assert channels.received(1, block) == [(BOOK, snapshot(b"[[7,1,1]]"))]
