"""The rows that the exchange would send now, for every kind of channel."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bfxsync.streams.keys import channel_of
from bfxsync.streams.wire_rows import (
    KEPT_TRADES,
    WireNumber,
    dumps_wire,
    loads_wire,
    wire_rows_of,
)
from bfxsync.wire.frames import BULK_UPDATES


def fed(identity, *contents, flags=0):
    """Return the text of the rows after these frames, without their channel id."""
    rows = wire_rows_of(channel_of(identity))
    for content in contents:
        rows.feed(loads_wire(f"[5,{content}]".encode()), flags)
    return rows.text().decode()


def test_numbers_keep_their_digits():
    text = b'[5,[7000.10,1e3,-0.0,null,true,"a\\"b",{"k":[1.0]}],7]'
    assert dumps_wire(loads_wire(text)).encode() == text


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(),
        lambda items: st.lists(items) | st.dictionaries(st.text(), items),
        max_leaves=5,
    )
)
def test_any_json_keeps_its_value(value):
    text = dumps_wire(loads_wire(json.dumps(value).encode()))
    assert json.loads(text) == value


@pytest.mark.parametrize("message", [b"[NaN]", b"[", bytearray(b"[1]")])
def test_something_else_than_json_text_is_refused(message):
    with pytest.raises(ValueError):
        loads_wire(message)


@pytest.mark.parametrize(
    "identity", ["ticker|tBTCUSD", "ticker|fUSD", "status|deriv:tBTCF0:USTF0"]
)
def test_a_flat_channel_keeps_its_last_row(identity):
    assert fed(identity, "[1.0,2]", "[1.10,2]", '"hb"') == "[1.10,2]"


def test_liquidations_are_live_without_data():
    rows = wire_rows_of(channel_of("status|liq:global"))
    rows.begin()
    assert not rows.is_live
    assert rows.acknowledged()
    assert not rows.feed([5, [[1]]], 0)
    assert rows.is_live
    assert rows.text() == b"[]"


def test_liquidations_are_not_started_by_data():
    rows = wire_rows_of(channel_of("status|liq:global"))
    assert rows.feed([5, []], 0)
    assert rows.text() == b"[]"


def test_other_channels_wait_for_data():
    assert not wire_rows_of(channel_of("ticker|tBTCUSD")).acknowledged()


def test_trades_are_newest_first_and_confirmed():
    text = fed(
        "trades|tBTCUSD",
        "[[2,20,1,7000.0],[1,10,1,7000.10]]",
        '"te",[3,30,0.50,7001]',
        '"hb"',
        '"tu",[3,31,0.50,7001]',
        "[4,40,1,7002]",
        "[[6,60,1,7004],[5,50,1,7003]]",
        '[["x"]]',
    )
    assert text == (
        "[[6,60,1,7004],[5,50,1,7003],[4,40,1,7002],[3,31,0.50,7001],"
        "[2,20,1,7000.0],[1,10,1,7000.10]]"
    )


def test_a_bounded_number_of_trades_is_kept():
    more = [f'"te",[{n},{n},1,7000]' for n in range(KEPT_TRADES + 10)]
    rows = json.loads(fed("trades|tBTCUSD", "[]", *more))
    assert [row[0] for row in rows] == list(range(KEPT_TRADES + 9, 9, -1))


@pytest.mark.parametrize(
    "later, kept", [("[[3,3],[2,2]]", [3, 2, 1]), ("[[9,9]]", [9])]
)
def test_trades_are_kept_over_a_gap_without_a_hole(later, kept):
    rows = wire_rows_of(channel_of("trades|tBTCUSD"))
    rows.feed(loads_wire(b"[5,[[2,2],[1,1]]]"), 0)
    rows.begin()
    assert rows.feed(loads_wire(f"[6,{later}]".encode()), 0)
    assert [row[0] for row in json.loads(rows.text())] == kept


def test_candles_are_newest_first_by_time():
    text = fed(
        "candles|trade:1m:tBTCUSD",
        "[[120,1,1.10],[60,1,1]]",
        "[180,1,1]",
        "[120,2,2.20]",
        "[[180,3,3]]",
        '"hb"',
        '["x"]',
        "[[],[]]",
    )
    assert text == "[[180,3,3],[120,2,2.20],[60,1,1]]"


def test_a_bounded_number_of_candles_is_kept():
    more = [f"[{n},1,1]" for n in range(300)]
    rows = json.loads(fed("candles|trade:1m:tBTCUSD", "[]", *more))
    assert [row[0] for row in rows] == list(range(299, 59, -1))


BOOK = "book|tBTCUSD|P0|F0|25"
FUNDING = "book|fUSD|P0|F0|25"
ORDERS = "book|tBTCUSD|R0|F0|25"
OFFERS = "book|fUSD|R0|F0|25"


@pytest.mark.parametrize(
    "identity, contents, text",
    [
        pytest.param(
            BOOK,
            [
                "[[8,1,-1.0],[7.0,1,1.50],[6,1,1]]",
                "[9,2,-1]",
                "[6.0,0,1]",
                "[7.50,1,2]",
            ],
            "[[7.50,1,2],[7.0,1,1.50],[8,1,-1.0],[9,2,-1]]",
            id="levels",
        ),
        pytest.param(BOOK, ["[[7,1,1]]", "[7,1,-1]"], "[[7,1,1],[7,1,-1]]", id="sides"),
        pytest.param(BOOK, ["[[7,1,1]]", "[7,0,0]"], "[]", id="delete without a side"),
        pytest.param(BOOK, ["[[7,1,1]]", "[7,0,-1]"], "[]", id="delete of the other"),
        pytest.param(BOOK, ["[[7,1,1]]", "[[8,1,1]]"], "[[8,1,1]]", id="new snapshot"),
        pytest.param(BOOK, ["[[7,1,1]]", '"cs",-12', "[]"], "[[7,1,1]]", id="checksum"),
        pytest.param(
            FUNDING,
            ["[[0.02,2,1,-9],[0.03,2,1,9],[0.03,30,1,9]]", "[0.03,2,0,1]"]
            + ["[0.025,2,1,-1]", "[0.02,7,1,-1]"],
            "[[0.025,2,1,-1],[0.02,2,1,-9],[0.02,7,1,-1],[0.03,30,1,9]]",
            id="rates",
        ),
        pytest.param(
            ORDERS,
            ["[[2,7,1],[1,7,1],[3,8,-1]]", "[1,7.50,1]", "[4,8,-2]", "[3,0,-1]"],
            "[[1,7.50,1],[2,7,1],[4,8,-2]]",
            id="orders",
        ),
        pytest.param(
            OFFERS,
            ["[[2,30,0.02,-1],[1,2,0.02,-1],[3,2,0.03,1]]", "[3,2,0,1]", "[9,2,0,1]"],
            "[[1,2,0.02,-1],[2,30,0.02,-1]]",
            id="offers",
        ),
    ],
)
def test_a_book_has_bids_then_asks_from_the_best(identity, contents, text):
    assert fed(identity, *contents) == text


def test_bulk_updates_are_applied_row_by_row():
    contents = ["[[7,1,1]]", "[[8,1,-1],[7,0,1]]"]
    assert fed(BOOK, *contents, flags=BULK_UPDATES) == "[[8,1,-1]]"


@pytest.mark.parametrize("content", ["[]", "[[]]", '["x"]', "7", '"te",7', '"te"'])
@pytest.mark.parametrize("identity", [BOOK, ORDERS, "trades|fUSD", "ticker|fUSD"])
def test_unreadable_frames_raise_nothing(identity, content):
    start = "[1]" if identity.startswith("ticker") else "[]"
    for contents in ([content], [start, content]):
        json.loads(fed(identity, *contents))


def test_a_channel_is_not_live_before_its_snapshot():
    rows = wire_rows_of(channel_of(BOOK))
    assert not rows.feed(loads_wire(b"[5,[7,1,1]]"), 0)
    assert not rows.feed(loads_wire(b'[5,"hb"]'), 0)
    assert not rows.is_live
    assert rows.feed(loads_wire(b"[5,[[7,1,1]]]"), 0)
    rows.begin()
    assert not rows.is_live
    assert rows.text() == b"[]"


@pytest.mark.parametrize(
    "identity, update",
    [
        ("candles|trade:1m:tBTCUSD", "[60,1,1.0,2,1,5]"),
        ("trades|tBTCUSD", "[5,60,1,7000]"),
        ("trades|fUSD", "[5,60,1,0.01,2]"),
        (BOOK, "[7,1,1]"),
        (FUNDING, "[0.02,2,1,-9]"),
        (ORDERS, "[5,7,1]"),
        ("ticker|tBTCUSD", "[[1,2]]"),
        ("ticker|tBTCUSD", "[]"),
        ("status|deriv:tBTCF0:USTF0", "[[1,2]]"),
    ],
)
def test_an_update_is_not_taken_for_a_snapshot(identity, update):
    rows = wire_rows_of(channel_of(identity))
    assert not rows.feed(loads_wire(f"[5,{update}]".encode()), 0)
    assert not rows.is_live
    assert rows.text() == b"[]"


def test_a_trade_before_the_snapshot_forgets_no_other():
    rows = wire_rows_of(channel_of("trades|tBTCUSD"))
    rows.feed(loads_wire(b"[5,[[2,2],[1,1]]]"), 0)
    rows.begin()
    assert not rows.feed(loads_wire(b"[6,[9,9]]"), 0)
    assert rows.feed(loads_wire(b"[6,[[3,3],[2,2]]]"), 0)
    assert rows.text() == b"[[3,3],[2,2],[1,1]]"


@pytest.mark.parametrize(
    "identity, text",
    [("ticker|tBTCUSD", b"[]"), ("candles|trade:1m:tBTCUSD", b"[]"), (BOOK, b"[]")],
)
def test_rows_are_forgotten_when_a_channel_begins_again(identity, text):
    rows = wire_rows_of(channel_of(identity))
    rows.feed(loads_wire(b"[5,[[7,1,1]]]"), 0)
    rows.begin()
    assert rows.text() == text


def test_a_wire_number_is_its_text():
    assert dumps_wire(WireNumber("1.50")) == "1.50"
