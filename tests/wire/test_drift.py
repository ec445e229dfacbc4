"""
The exchange changes its rows: fields are appended, places are null, and whole frames are odd.

Strategy: `KINDS` holds each kind of row there is on the public channels, as text of the wire, with
the places that may be null and those that mean nothing. Everything goes through a whole session
with all numbers at the frames' ends, and beside each channel there is a witness.
"""

from __future__ import annotations

import copy
import json
from typing import Any, Dict, List, Tuple

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from peer import ETH, SEQ_MTS, TICKER, TICKER_ROW, Peer, ack, reopens, updates
from strategies import APPENDED, JSON_VALUES

from bfxsync.errors import RemoteError
from bfxsync.models import FundingTicker, Gap, Snapshot, Ticker
from bfxsync.wire.channels import channel_for
from bfxsync.wire.commands import Subscribe
from bfxsync.wire.outputs import Output, Report


@attrs.frozen
class Kind:
    """One kind of row, and how it comes."""

    channel: str
    arguments: Dict[str, str]
    row: str
    tag: str | None = None
    optional: Dict[int, str] = {}
    meaningless: Tuple[int, ...] = ()
    is_flat: bool = False
    """The first frame is one row, like all others."""
    is_listed: bool = False
    """Every frame is a list of rows."""


FUNDING_TICKER = (
    "[0.0003447,0.000316,30,1681669.14,0.00033268,2,146425121.01,-1.062e-05,-0.0307,0.00033534,"
    "157503514.8,0.000347,4e-07,null,null,146212916.17]"
)
DERIVATIVE = (
    "[1596124822000,null,0.896,0.771995,null,1396531.67,null,1596153600000,0.0001056,6,null,"
    "-0.01381344,null,null,0.7664,null,null,246502.09,null,null,null,0.2,0.3]"
)
LIQUIDATION = (
    '["pos",142397657,1574697680828.2002,null,"tBSVUSD",-2.62932,91.583875238719,null,1,1,null,'
    "112.27]"
)

# From docs.bitfinex.com/reference/ws-public-*
KINDS = {
    "ticker": Kind(
        "ticker",
        {"symbol": "tBTCUSD"},
        json.dumps(TICKER_ROW),
        optional=dict(enumerate(field.name for field in attrs.fields(Ticker)[:10])),
        is_flat=True,
    ),
    "funding ticker": Kind(
        "ticker",
        {"symbol": "fUSD"},
        FUNDING_TICKER,
        optional={
            15 if field.name == "frr_amount_available" else index: field.name
            for index, field in enumerate(attrs.fields(FundingTicker)[:14])
        },
        meaningless=(13, 14),
        is_flat=True,
    ),
    "te": Kind(
        "trades", {"symbol": "tBTCUSD"}, "[401597395,1574694478808,0.005,7245.3]", "te"
    ),
    "tu": Kind(
        "trades", {"symbol": "tBTCUSD"}, "[401597395,1574694478808,0.005,7245.3]", "tu"
    ),
    "fte": Kind(
        "trades",
        {"symbol": "fUSD"},
        "[133323543,1574694605000,-59.84,0.00023647,2]",
        "fte",
    ),
    "ftu": Kind(
        "trades",
        {"symbol": "fUSD"},
        "[133323543,1574694605000,-59.84,0.00023647,2]",
        "ftu",
    ),
    "book": Kind("book", {"symbol": "tBTCUSD", "prec": "P2"}, "[8744.9,2,0.45603413]"),
    "raw book": Kind(
        "book", {"symbol": "tBTCUSD", "prec": "R0"}, "[34753006045,8744.9,-0.25]"
    ),
    "funding book": Kind(
        "book", {"symbol": "fUSD", "prec": "P0"}, "[0.0003301,30,1,-3862.874]"
    ),
    "raw funding book": Kind(
        "book", {"symbol": "fUSD", "prec": "R0"}, "[645902785,30,0.0003301,-3862.874]"
    ),
    "candle": Kind(
        "candles",
        {"key": "trade:1m:tBTCUSD"},
        "[1574698260000,7379.785,7383.8,7388.3,7379.785,1.68829482]",
    ),
    "derivative": Kind(
        "status",
        {"key": "deriv:tBTCF0:USTF0"},
        DERIVATIVE,
        optional={
            2: "deriv_price",
            3: "spot_price",
            5: "insurance_fund_balance",
            7: "next_funding_evt_mts",
            8: "next_funding_accrued",
            9: "next_funding_step",
            11: "current_funding",
            14: "mark_price",
            17: "open_interest",
            21: "clamp_min",
            22: "clamp_max",
        },
        meaningless=(1, 4, 6, 10, 12, 13, 15, 16, 18, 19, 20),
        is_flat=True,
    ),
    "liquidation": Kind(
        "status",
        {"key": "liq:global"},
        LIQUIDATION,
        optional={11: "liquidation_price"},
        meaningless=(3, 7, 10),
        is_listed=True,
    ),
}

EVERY_KIND = pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))

# What a later version of the exchange might append.
TAILS = [[7], ["new", None], [None, 0.5, "-1"], [["x", 1], None, "", -3], [{}] * 5]


def row_of(kind: Kind) -> List[Any]:
    row = json.loads(kind.row)
    assert isinstance(row, list)
    return row


def opened(kind: Kind) -> Peer:
    """Return a peer with the channel "a", acknowledged as 5, and a live ticker "b" on 6."""
    peer = Peer(SEQ_MTS)
    peer.ready()
    channel = channel_for(kind.channel, **kind.arguments)
    channel.extras = True
    peer.session.apply(Subscribe("a", channel), peer.now)
    peer.channels["a"] = channel
    peer.subscribe("b", "ticker", ETH)
    peer.feed(ack(1, 5), ack(2, 6), peer.frame(6, TICKER_ROW))
    return peer


def live(kind: Kind) -> Peer:
    """Return that, with the channel live too, if it takes more than a row to be so."""
    peer = opened(kind)
    if not kind.is_flat and not kind.is_listed:
        peer.feed(peer.frame(5, []))
    return peer


def frame(peer: Peer, kind: Kind, row: object) -> bytes:
    if kind.tag is not None:
        return peer.frame(5, kind.tag, row)
    return peer.frame(5, [row] if kind.is_listed else row)


def news(peer: Peer, kind: Kind, row: object) -> List[Any]:
    """Return what a row brings, or nothing; the witness goes on in any case."""
    outputs = peer.feed(frame(peer, kind, row), peer.frame(6, TICKER_ROW))
    assert updates(outputs, "b") == [TICKER]
    assert reopens(outputs) == []
    return [update for update in updates(outputs) if type(update) is not Snapshot]


def errors(outputs: List[Output]) -> List[type]:
    return [type(output.error) for output in outputs if isinstance(output, Report)]


# --- what may be there ---------------------------------------------------------------------------


@EVERY_KIND
def test_row_as_it_is_today_brings_its_models(kind: Kind) -> None:
    models = news(live(kind), kind, row_of(kind))
    assert len(models) == 1 + (kind.tag in ("tu", "ftu"))


@pytest.mark.parametrize("tail", TAILS, ids=range(1, 6))
@EVERY_KIND
def test_r14_unknown_fields_at_the_end_of_an_update_change_nothing(
    kind: Kind, tail: List[Any]
) -> None:
    row = row_of(kind)
    expected = news(live(kind), kind, row)
    assert news(live(kind), kind, row + tail) == expected


@pytest.mark.parametrize("tail", TAILS, ids=range(1, 6))
@EVERY_KIND
def test_r14_unknown_fields_at_the_end_of_a_snapshot_change_nothing(
    kind: Kind, tail: List[Any]
) -> None:
    row, found = row_of(kind), []
    for first in (row, row + tail):
        peer = opened(kind)
        outputs = peer.feed(peer.frame(5, first if kind.is_flat else [first, first]))
        assert errors(outputs) == reopens(outputs) == []
        found.append(updates(outputs))
    assert found[0] == found[1]
    assert found[0]


@EVERY_KIND
def test_r14_null_in_an_optional_place_is_none_and_never_0(kind: Kind) -> None:
    for index, name in kind.optional.items():
        row = row_of(kind)
        assert row[index] is not None
        row[index] = None
        (model,) = news(live(kind), kind, row)
        assert getattr(model, name) is None
        others = attrs.asdict(news(live(kind), kind, row_of(kind))[0])
        assert attrs.asdict(model) == {**others, name: None}


@pytest.mark.parametrize("value", [None, 0, -1.5, "text", [1], {}, True], ids=repr)
@EVERY_KIND
def test_r14_place_that_means_nothing_may_hold_anything(kind: Kind, value: Any) -> None:
    row = row_of(kind)
    expected = news(live(kind), kind, row)
    for index in kind.meaningless:
        row[index] = value
    assert news(live(kind), kind, row) == expected


# --- what may not --------------------------------------------------------------------------------


@EVERY_KIND
def test_r14_null_in_a_required_field_is_an_error(kind: Kind) -> None:
    tolerated = {*kind.optional, *kind.meaningless}
    tolerated |= {0} if kind.channel == "status" and kind.is_listed else set()
    row = row_of(kind)
    for index in set(range(len(row))) - tolerated:
        broken = [*row[:index], None, *row[index + 1 :]]
        peer = live(kind)
        outputs = peer.feed(frame(peer, kind, broken), peer.frame(6, TICKER_ROW))
        assert errors(outputs) == [RemoteError]
        assert updates(outputs, "b") == [TICKER]
        # Something was missed: that is a gap, and the next snapshot ends it.
        found = [type(u) for u in updates(outputs) if type(u) is not Snapshot]
        is_first = kind.channel == "status" and not kind.is_listed
        assert found == ([] if is_first else [Gap])


@EVERY_KIND
def test_r14_short_row_is_an_error(kind: Kind) -> None:
    peer = live(kind)
    outputs = peer.feed(frame(peer, kind, row_of(kind)[:2]), peer.frame(6, TICKER_ROW))
    assert errors(outputs) == [RemoteError]
    assert updates(outputs, "b") == [TICKER]


# --- anything ------------------------------------------------------------------------------------


@st.composite
def mutants(draw: Any, frame: List[Any]) -> List[Any]:
    """Change a frame somewhere, at any depth, but for the numbers at its end."""
    frame = copy.deepcopy(frame)
    place: Any = frame
    first = 1
    while True:
        index = draw(st.integers(first, max(first, len(place) - 3 * (first == 1))))
        if index >= len(place):
            place[index:index] = draw(APPENDED)
            return frame
        if isinstance(place[index], list) and draw(st.booleans()):
            place, first = place[index], 0
            if place:
                continue
            place.extend(draw(APPENDED))
            return frame
        kind = draw(st.sampled_from(["replace", "delete", "insert", "double"]))
        if kind == "replace":
            place[index] = draw(JSON_VALUES)
        elif kind == "delete" and first == 0:
            del place[index]
        elif kind == "insert":
            place.insert(index, draw(JSON_VALUES))
        else:
            place[index] = [place[index]] * 2
        return frame


@given(st.sampled_from(sorted(KINDS)), st.data(), st.booleans())
def test_r14_fuzzed_frames_give_typed_errors_only_and_others_go_on(
    name: str, data: st.DataObject, is_walked: bool
) -> None:
    kind = KINDS[name]
    peer = opened(kind) if data.draw(st.booleans()) else live(kind)
    beside = [{"event": "pong", "ts": 1}] if is_walked else []
    for _ in range(data.draw(st.integers(1, 4))):
        whole = json.loads(frame(peer, kind, row_of(kind)))
        if data.draw(st.booleans()) and kind.tag is None and not kind.is_listed:
            whole[1] = [whole[1], row_of(kind)]
        mutant = json.dumps(data.draw(mutants(whole))).encode()
        outputs = peer.feed(*beside, mutant, peer.frame(6, TICKER_ROW))
        assert all(issubclass(error, RemoteError) for error in errors(outputs))
        if reopens(outputs):
            # Its number could not be told from what was put beside it.
            peer.session.lose("gone")
            assert peer.ready()
            break
        assert updates(outputs, "b") == [TICKER]
    assert peer.session.tokens == ["a", "b"]
    peer.session.next_deadline()
    peer.after(100.0)


@pytest.mark.parametrize("value", [None, "text", 7, [1], {"a": None}], ids=repr)
def test_r14_unknown_fields_of_events_change_nothing(value: Any) -> None:
    peer = Peer(SEQ_MTS)
    peer.subscribe("a", "trades")
    peer.open()
    extra = {"new": value, "serverId": value, "ts2": value}
    peer.feed({"event": "info", "version": 2, "platform": {"status": 1}, **extra})
    peer.feed({"event": "conf", "status": "OK", "flags": SEQ_MTS, **extra})
    outputs = peer.feed({**ack(1, 5), **extra}, peer.frame(5, []))
    outputs += peer.feed({"event": "info", "code": 20060, **extra})
    outputs += peer.feed({"event": "info", "code": 20061, **extra})
    outputs += peer.feed({"event": "unsubscribed", "chanId": 5, **extra})
    outputs += peer.feed({**ack(2, 6), **extra}, peer.frame(6, []))
    assert errors(outputs) == reopens(outputs) == []
    assert [type(update).__name__ for update in updates(outputs)] == [
        "Snapshot",
        "Status",
        "Gap",
        "Snapshot",
    ]
