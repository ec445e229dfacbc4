"""What updates tell of their channel, from the first frame on."""

from __future__ import annotations

from typing import Any, Dict, List

import pytest
from peer import BTC, INFO, LEVELS, MTS, SEQ, SEQ_MTS, TICKER_ROW, Peer, ack, trade_row

from bfxsync._base.enums import Flag
from bfxsync.models import Candle, DerivativesStatus, Gap, Snapshot, Trade, TradeUpdate
from bfxsync.wire.channels import channel_for
from bfxsync.wire.commands import Subscribe
from bfxsync.wire.outputs import Deliver, Output

CANDLE = [MTS, 1.0, 2.0, 3.0, 0.5, 7.0]
DERIVATIVE = [MTS, None, 1.0, *15 * [0]]
LIQUIDATION = ["pos", 7, MTS, None, "tETHUSD", 1, 2, None, 1, 0, None, 3]

# A channel, its symbol, its first frame and a later one.
KINDS: Dict[str, Any] = {
    "ticker": ("ticker", {"symbol": BTC}, BTC, [TICKER_ROW], [TICKER_ROW]),
    "funding ticker": (
        "ticker",
        {"symbol": "fUSD"},
        "fUSD",
        [[*16 * [0.0]]],
        [[*16 * [0.0]]],
    ),
    "te": ("trades", {"symbol": BTC}, BTC, [[trade_row(1)]], ["te", trade_row(2)]),
    "tu": ("trades", {"symbol": BTC}, BTC, [[trade_row(1)]], ["tu", trade_row(2)]),
    "bulk trades": (
        "trades",
        {"symbol": BTC},
        BTC,
        [[trade_row(1)]],
        [[trade_row(3), trade_row(2)]],
    ),
    "fte": (
        "trades",
        {"symbol": "fUSD"},
        "fUSD",
        [[]],
        ["fte", [2, MTS, 1.0, 0.0002, 30]],
    ),
    "book": ("book", {"symbol": BTC}, BTC, [LEVELS], [LEVELS[0]]),
    "bulk book": ("book", {"symbol": BTC}, BTC, [LEVELS], [LEVELS]),
    "raw book": (
        "book",
        {"symbol": BTC, "prec": "R0"},
        BTC,
        [[[7, 100.0, 1.0]]],
        [[7, 100.0, 2.0]],
    ),
    "funding book": (
        "book",
        {"symbol": "fUSD"},
        "fUSD",
        [[[0.0002, 30, 1, -5.0]]],
        [[0.0002, 30, 1, -6.0]],
    ),
    "candles": ("candles", {"key": "trade:1h:" + BTC}, BTC, [[CANDLE]], [CANDLE]),
    "funding candles": (
        "candles",
        {"key": "trade:1h:fUSD:a30:p2:p30"},
        "fUSD:a30:p2:p30",
        [[CANDLE]],
        [CANDLE],
    ),
    "derivative": (
        "status",
        {"key": "deriv:tBTCF0:USTF0"},
        "tBTCF0:USTF0",
        [DERIVATIVE],
        [DERIVATIVE],
    ),
    "liquidation": (
        "status",
        {"key": "liq:global"},
        "tETHUSD",
        [[LIQUIDATION]],
        [[LIQUIDATION, LIQUIDATION]],
    ),
}

FLAGS = pytest.mark.parametrize(
    "flags, mts",
    [(0, None), (SEQ, None), (int(Flag.TIMESTAMP), MTS), (SEQ_MTS, MTS)],
    ids=["none", "seq", "mts", "seq+mts"],
)
EVERY_KIND = pytest.mark.parametrize("name", KINDS)


def opened(name: str, flags: int) -> Peer:
    """Return a peer that has requested a channel."""
    channel, arguments, *_ = KINDS[name]
    peer = Peer(flags | int(Flag.BULK_UPDATES))
    peer.ready()
    made = channel_for(channel, **arguments)
    made.extras = True
    peer.channels["a"] = made
    peer.session.apply(Subscribe("a", made), peer.now)
    return peer


def models(outputs: List[Output]) -> List[Any]:
    """Return the updates, and the rows of snapshots."""
    found: List[Any] = []
    for output in outputs:
        if isinstance(output, Deliver):
            for update in output.updates:
                if not isinstance(update, Gap):
                    found += update.rows if isinstance(update, Snapshot) else [update]
    return found


def origins(found: List[Any]) -> Any:
    return {(model.symbol, model.server_mts) for model in found}


@FLAGS
@EVERY_KIND
def test_all_updates_and_rows_know_their_origin(
    name: str, flags: int, mts: Any
) -> None:
    _, _, symbol, first, later = KINDS[name]
    peer = opened(name, flags)
    early = models(peer.feed(ack(1, 5), peer.frame(5, *first)))
    # Alone, and among others in a block.
    late = models(peer.feed(peer.frame(5, *later)))
    late += models(peer.feed(peer.frame(5, *later), peer.frame(5, *later)))
    assert late and origins(early + late) <= {(symbol, mts)}
    again = peer.channels["a"].restart()
    rows = [row for snapshot in again[:1] for row in snapshot.rows]
    assert origins(rows + again[1:]) <= {(symbol, mts)}
    for candle in early + late + rows:
        assert not isinstance(candle, Candle) or candle.timeframe == "1h"
        assert not isinstance(candle, DerivativesStatus) or candle.key == symbol


@EVERY_KIND
def test_next_socket_may_have_other_flags(name: str) -> None:
    _, _, symbol, first, later = KINDS[name]
    peer = opened(name, SEQ_MTS)
    peer.feed(ack(1, 5), peer.frame(5, *first))
    peer.session.lose("gone")
    peer.open()
    # The exchange refuses the flags.
    refused = {"event": "conf", "status": "FAILED", "code": 10050, "flags": 0}
    peer.feed(INFO, refused)
    peer.flags = 0
    found = models(peer.feed(ack(2, 6), peer.frame(6, *first), peer.frame(6, *later)))
    assert found and origins(found) == {(symbol, None)}


def test_confirmation_has_the_time_of_its_own_frame() -> None:
    peer = opened("te", SEQ_MTS)
    peer.feed(ack(1, 5), peer.frame(5, []))
    first = models(peer.feed(peer.frame(5, "te", trade_row(2))))
    second = peer.frame(5, "tu", trade_row(2)).replace(b"%d]" % MTS, b"%d]" % (MTS + 9))
    found = first + models(peer.feed(second))
    assert [type(model) for model in found] == [Trade, TradeUpdate]
    assert [model.server_mts for model in found] == [MTS, MTS + 9]


@pytest.mark.parametrize("appended", [b'"new"', b"[1]", b"null", b"0.5"])
@EVERY_KIND
def test_fields_after_the_time_do_not_hide_it(name: str, appended: bytes) -> None:
    _, _, symbol, first, later = KINDS[name]
    peer = opened(name, SEQ_MTS)
    peer.feed(ack(1, 5), peer.frame(5, *first))
    grown = peer.frame(5, *later)[:-1] + b"," + appended + b"]"
    found = models(peer.feed(grown, ack(1, 5)))
    assert found and origins(found) == {(symbol, MTS)}
