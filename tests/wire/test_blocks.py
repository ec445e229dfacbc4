"""Blocks of which only the last state of some channels is wanted."""

from __future__ import annotations

import json
from itertools import count
from types import SimpleNamespace
from typing import Any, Dict, List, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from peer import SEQ, SEQ_MTS, TICKER_ROW, Peer, ack

from bfxsync._base.enums import Flag
from bfxsync.wire.blocks import LEAVE_OUT_FROM, leave_out
from bfxsync.wire.codec import loads_for
from bfxsync.wire.outputs import Deliver, Output, Reopen, Report

TICKER, OTHER, TRADES = 5, 6, 7
NAMES = {TICKER: "ticker", OTHER: "ticker", TRADES: "trades"}
SYMBOLS = {TICKER: "tBTCUSD", OTHER: "tETHUSD", TRADES: "tBTCUSD"}
MANY = LEAVE_OUT_FROM + 2


class Counting:
    """A decoder that keeps what it has decoded."""

    def __init__(self) -> None:
        self.texts: List[bytes] = []
        self._loads = loads_for()

    def __call__(self, text: bytes) -> Any:
        self.texts.append(text)
        return self._loads(text)


class Compact(Peer):
    """A peer whose frames are written as the exchange's are."""

    def frame(self, chan_id: int, *content: Any) -> bytes:
        value = json.loads(super().frame(chan_id, *content))
        return json.dumps(value, separators=(",", ":")).encode()

    def ticker(self, bid: float, chan_id: int = TICKER) -> bytes:
        return self.frame(chan_id, [bid, *TICKER_ROW[1:]])

    def trade(self, identity: int) -> bytes:
        return self.frame(TRADES, "te", [identity, 1, 0.5, 100.0])


def with_tickers(wants_last: bool = True, flags: int = SEQ) -> Tuple[Compact, Counting]:
    """Return a peer with two tickers and trades, that has seen a block of several tickers."""
    loads = Counting()
    peer = Compact(flags, loads=loads)
    peer.ready()
    for number, (chan_id, name) in enumerate(NAMES.items(), 1):
        token = str(chan_id)
        peer.subscribe(token, name, SYMBOLS[chan_id])
        first = TICKER_ROW if name == "ticker" else [[1, 1, 0.5, 100.0]]
        peer.feed(ack(number, chan_id), peer.frame(chan_id, first))
        peer.channels[token].wants_last = wants_last and name == "ticker"
    peer.feed(peer.ticker(1.0), peer.ticker(2.0))
    loads.texts.clear()
    return peer, loads


def bids(outputs: List[Output], token: int = TICKER) -> List[float]:
    return [
        update.bid
        for output in outputs
        if isinstance(output, Deliver) and output.token == str(token)
        for update in output.updates
    ]


@pytest.mark.parametrize("flags", [0, SEQ, SEQ_MTS], ids=["none", "seq", "mts"])
def test_only_the_last_frame_of_a_channel_is_decoded(flags: int) -> None:
    peer, loads = with_tickers(flags=flags)
    block = [peer.ticker(float(bid)) for bid in range(MANY)]
    assert bids(peer.feed(*block)) == [MANY - 1.0]
    # The first one for its sequence number.
    assert set(loads.texts) == {block[0], block[-1]}
    assert peer.channels[str(TICKER)].skipped_count == MANY - 1
    assert bids(peer.feed(peer.ticker(7.0))) == [7.0]


def test_what_a_long_block_shows_to_be_superfluous_is_left_out_of_the_next() -> None:
    peer, loads = with_tickers()
    peer.feed(peer.ticker(1.0), peer.ticker(2.0), *map(peer.trade, range(2, 20)))
    assert bids(peer.feed(*map(peer.ticker, map(float, range(60))))) == [59.0]
    peer.session._read.__self__._leaves_out = False
    assert len(bids(peer.feed(*map(peer.ticker, map(float, range(60)))))) == 60
    assert bids(peer.feed(*map(peer.ticker, map(float, range(60))))) == [59.0]


@pytest.mark.parametrize("last", [TICKER, OTHER])
def test_the_last_frame_of_a_block_of_states_stays_last(last: int) -> None:
    peer, loads = with_tickers()
    first = OTHER if last == TICKER else TICKER
    block = [peer.ticker(float(bid), TICKER) for bid in range(MANY)]
    block += [peer.ticker(float(bid), OTHER) for bid in range(MANY)]
    if last == TICKER:
        block.append(peer.ticker(-1.0, TICKER))
    outputs = peer.feed(*block)
    assert bids(outputs, last)[-1] == (-1.0 if last == TICKER else MANY - 1.0)
    assert bids(outputs, first) == [MANY - 1.0]
    # The block was in sequence, and so is the next one.
    assert bids(peer.feed(peer.ticker(7.0))) == [7.0]
    assert set(loads.texts) >= {block[0], block[-1]}


IDS = st.sampled_from([5, 6, 61, 62, 12345])
CONTENTS = st.sampled_from(['"hb"', "[1,2]", "[[1,2]]", '"te",[1]'])


@given(st.lists(st.tuples(IDS, CONTENTS), min_size=1), st.sets(IDS), st.sets(IDS))
def test_only_earlier_data_of_wanted_channels_are_left_out(items, wanted, others):
    entries: Any = {
        chan_id: SimpleNamespace(
            channel=SimpleNamespace(wants_last=chan_id in wanted, is_live=True)
        )
        for chan_id in {*wanted, *others}
    }
    block = [
        b"[%d,%s,%d]" % (chan_id, content.encode(), number)
        for number, (chan_id, content) in enumerate(items)
    ]
    kinds = [(chan_id, content[0] == "[") for chan_id, content in items]
    expected = [
        message
        for number, (message, kind) in enumerate(zip(block, kinds))
        if not (kind[1] and kind[0] in wanted and kind in kinds[number + 1 :])
    ]
    kept, left_out = leave_out(block, entries)
    assert sorted(kept) == sorted(expected) and kept[-1] is block[-1]
    counts = {id(entry): number for entry, number in left_out if number}
    assert counts == {
        id(entries[chan_id]): kinds.count((chan_id, True)) - 1
        for chan_id in wanted
        if kinds.count((chan_id, True)) > 1
    }


def test_frames_of_other_channels_are_all_decoded() -> None:
    peer, loads = with_tickers()
    block = []
    for number in range(MANY):
        block += [
            peer.ticker(float(number)),
            peer.trade(number + 2),
            peer.ticker(float(-number), OTHER),
        ]
    outputs = peer.feed(*block)
    assert bids(outputs) == [MANY - 1.0] and bids(outputs, OTHER) == [1.0 - MANY]
    (trades,) = [
        output.updates
        for output in outputs
        if isinstance(output, Deliver) and output.token == str(TRADES)
    ]
    assert [trade.id for trade in trades] == list(range(2, MANY + 2))
    decoded = b"".join(loads.texts)
    assert [text in decoded for text in block] == [
        text.startswith(b"[7,") or number == 0 or number >= len(block) - 3
        for number, text in enumerate(block)
    ]


def test_a_heartbeat_is_no_newer_state() -> None:
    peer, _ = with_tickers()
    block = [peer.ticker(float(bid)) for bid in range(MANY)]
    outputs = peer.feed(*block, peer.frame(TICKER, "hb"))
    assert bids(outputs) == [MANY - 1.0]


def test_a_hole_among_the_frames_left_out_is_found() -> None:
    peer, _ = with_tickers()
    block = [peer.ticker(float(bid)) for bid in range(MANY)]
    del block[2]
    outputs = peer.feed(*block)
    assert isinstance(outputs[-1], Reopen)
    # Up to there it counts.
    assert bids(outputs) == [0.0, 1.0]


def test_a_last_frame_that_is_garbage_lets_the_others_count() -> None:
    peer, _ = with_tickers()
    block = [peer.ticker(float(bid)) for bid in range(MANY)]
    outputs = peer.feed(*block, b"[5,[")
    assert bids(outputs) == list(range(MANY))
    assert [type(output) for output in outputs].count(Report) == 1
    assert peer.channels[str(TICKER)].skipped_count == 0


def test_a_channel_that_is_not_live_gets_all_frames() -> None:
    peer, _ = with_tickers()
    peer.resubscribe(str(TICKER))
    channel = peer.channels[str(TICKER)]
    block = [peer.ticker(float(bid), 9) for bid in range(MANY)]
    others = [peer.ticker(float(bid), OTHER) for bid in range(MANY)]
    peer.feed({"event": "unsubscribed", "status": "OK", "chanId": TICKER})
    peer.feed(ack(4, 9))
    outputs = peer.feed(*block, *others)
    assert channel.is_live and channel.skipped_count == 0
    first = [o for o in outputs if isinstance(o, Deliver) and o.token == str(TICKER)]
    assert [update.bid for update in first[0].updates[1:]] == list(range(MANY))
    assert bids(outputs, OTHER) == [MANY - 1.0]


def test_small_blocks_and_channels_without_that_wish_are_read_whole() -> None:
    peer, _ = with_tickers()
    assert bids(peer.feed(*map(peer.ticker, [1.0, 2.0, 3.0]))) == [1.0, 2.0, 3.0]
    peer.channels[str(TICKER)].wants_last = False
    for _ in range(2):
        block = [peer.ticker(float(bid)) for bid in range(MANY)]
        assert bids(peer.feed(*block)) == list(range(MANY))


CONTENTS = st.lists(
    st.tuples(
        st.sampled_from([TICKER, OTHER, TRADES]),
        st.sampled_from(["data", "data", "data", "hb", "bad"]),
    ),
    min_size=1,
    max_size=40,
)


@given(CONTENTS, st.sampled_from([SEQ, SEQ_MTS, int(Flag.OB_CHECKSUM)]))
def test_it_ends_in_the_same_state_as_without_it(
    contents: List[Tuple[int, str]], flags: int
) -> None:
    ends: List[Dict[str, Any]] = []
    for wants_last in (False, True):
        peer, _ = with_tickers(wants_last, flags)
        numbers = count(2)
        block = []
        for chan_id, kind in contents:
            number = next(numbers)
            if kind == "hb":
                block.append(peer.frame(chan_id, "hb"))
            elif chan_id == TRADES:
                block.append(peer.trade(number))
            elif kind == "bad" and chan_id == OTHER:
                # Not the wish, but a frame that nobody can read, of a channel without it.
                peer.channels[str(OTHER)].wants_last = False
                block.append(peer.frame(OTHER, [float(number)]))
            else:
                block.append(peer.ticker(float(number), chan_id))
        outputs = peer.feed(*block)
        ticker = peer.channels[str(TICKER)]
        ends.append(
            {
                "last": bids(outputs)[-1:],
                "count": len(bids(outputs)) + ticker.skipped_count,
                "sequence": peer.session._sequence.last,
                "others": [
                    output
                    for output in outputs
                    if isinstance(output, Deliver) and output.token == str(TRADES)
                ],
                "errors": sum(isinstance(output, Report) for output in outputs),
            }
        )
    assert ends[0] == ends[1]
