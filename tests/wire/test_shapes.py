"""Rows of one channel under the number of another: none becomes data, and the channel is healed."""

from __future__ import annotations

from decimal import Context, Decimal, localcontext
from typing import Any, List

import pytest

from bfxsync.errors import RemoteError
from bfxsync.models import Gap, Snapshot
from bfxsync.wire.channels import Channel, channel_for
from bfxsync.wire.channels.shapes import FITS, LEAST_TIME

MTS = 1_574_694_475_039

# As in the documentation and the captured runs.
TICKER = [7616.5, 31.89, 7617.5, 43.35, -550.8, -0.0674, 7617.1, 8314.7, 8257.8, 7500]
FUNDING_TICKER = [
    *[0.000344, 0.000267, 30, 2594257.75, 0.000123, 2, 2136.23, -0.0000312, -0.2],
    *[0.000123, 122156333.5, 0.000267, 0.000067, None, None, 7911.4],
]
TRADE = [401597395, MTS, 0.005, 7244.9]
FUNDING_TRADE = [133323543, MTS, -59.84, 0.00023647, 2]
LEVEL = [7254.7, 3, 3.3]
FUNDING_LEVEL = [0.0003301, 30, 1, -3862.874]
ORDER = [34006738527, 7244.9, 0.25]
WHOLE_ORDER = [34006738527, 7244, 0.25]
OFFER = [645902785, 30, 0.0003301, -3862.874]
CANDLE = [MTS, 7399.9, 7379.7, 7399.9, 7371.8, 41.63]
STATUS = [
    *[MTS, None, 7250.2, 7255.0, None, 1000000.5, None, MTS, 0.0001, 3, None, 0.0],
    *[None, None, 7252.1, None, None, 2000.5, None, None, None, 0.0005, 0.0025],
]
LIQUIDATION = [
    *["pos", 171085137, 1706395919788, None, "tAVAXF0:USTF0", -8, 32.868, None, 1, 1],
    *[None, 33.255],
]

KINDS: dict[str, tuple[dict[str, Any], List[Any]]] = {
    "ticker": ({"channel": "ticker", "symbol": "tBTCUSD"}, TICKER),
    "funding ticker": ({"channel": "ticker", "symbol": "fUSD"}, FUNDING_TICKER),
    "trades": ({"channel": "trades", "symbol": "tBTCUSD"}, TRADE),
    "funding trades": ({"channel": "trades", "symbol": "fUSD"}, FUNDING_TRADE),
    "book": ({"channel": "book", "symbol": "tBTCUSD"}, LEVEL),
    "funding book": ({"channel": "book", "symbol": "fUSD"}, FUNDING_LEVEL),
    "raw book": ({"channel": "book", "symbol": "tBTCUSD", "prec": "R0"}, ORDER),
    "raw funding book": ({"channel": "book", "symbol": "fUSD", "prec": "R0"}, OFFER),
    "candles": ({"channel": "candles", "key": "trade:1m:tBTCUSD"}, CANDLE),
    "status": ({"channel": "status", "key": "deriv:tBTCF0:USTF0"}, STATUS),
    "liquidations": ({"channel": "status", "key": "liq:global"}, LIQUIDATION),
}

FLAT = ("ticker", "funding ticker", "status")

# A longer row of the same columns, which is how rows grow; or numbers that are possible in both.
# Sequence numbers and checksums are what finds these.
ALIKE = {
    ("trades", "funding trades"),
    ("trades", "raw funding book"),
    ("book", "funding book"),
    ("raw book", "raw funding book"),
}


def channel_of(kind: str) -> Channel:
    return channel_for(**KINDS[kind][0])


def feed(channel: Channel, kind: str, row: List[Any]) -> List[Any]:
    """Feed a row as the first data of a channel of this kind."""
    return channel.feed_many([[5, row if kind in FLAT else [row]]])


@pytest.mark.parametrize("kind", KINDS)
def test_own_rows_are_accepted_with_further_fields_too(kind: str) -> None:
    row = KINDS[kind][1]
    for grown in (row, [*row, None], [*row, 1, "x", None, 2.5, []]):
        channel = channel_of(kind)
        updates = feed(channel, kind, grown)
        assert isinstance(updates[0], Snapshot)
        assert len(updates[0].rows) == 1 or len(updates) == 2
        assert channel.errors == []
        assert channel.resync_reason is None


@pytest.mark.parametrize(
    "kind, other",
    [
        (kind, other)
        for kind in KINDS
        for other in KINDS
        if kind != other and (kind, other) not in ALIKE
    ],
)
def test_row_of_another_kind_is_an_error_and_no_data(kind: str, other: str) -> None:
    channel = channel_of(kind)
    updates = feed(channel, kind, KINDS[other][1])
    assert [item for item in updates if item != Snapshot([])] == []
    assert [type(error) for error in channel.errors] == [RemoteError]
    assert channel.resync_reason is not None


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("tag", ["te", "tu", "fte", "cs", "pos"])
def test_row_behind_a_strange_word_is_an_error(kind: str, tag: str) -> None:
    own = {"trades": ("te", "tu"), "funding trades": ("fte", "ftu")}
    checksum = "cs" if "book" in kind else None
    if tag in own.get(kind, ()) or tag == checksum:
        return
    channel = channel_of(kind)
    channel.feed_many([[5, KINDS[kind][1] if kind in FLAT else [KINDS[kind][1]]]])
    assert channel.feed_many([[5, tag, TRADE]]) == []
    assert [type(error) for error in channel.errors] == [RemoteError]
    assert channel.resync_reason is not None


@pytest.mark.parametrize(
    "kind, row",
    [
        ("book", [305_123_456, MTS, 0.5, 7244.9]),
        ("book", [34_006_738_527, 7244, 0.25]),
        ("book", [7254.7, -1, 3.3]),
        ("raw book", [34_006_738_527, float(MTS), 0.25]),
        ("raw book", [float(MTS), 7399.9, 7379.7]),
        ("funding book", [645_902_785, 30, 3, -3862.874]),
        ("funding book", [0.0003301, MTS, 1, 1.0]),
        ("funding book", [0.0003301, 30, -1, 1.0]),
        ("raw funding book", [645_902_785, MTS, -59.84, 0.0002]),
        ("raw funding book", [MTS, 30, 0.0003301, 1.0]),
        ("raw funding book", [645_902_785, 30, 645_902_785, 1.0]),
        ("ticker", [MTS, *TICKER[1:]]),
        ("ticker", [*TICKER[:1], -1.0, *TICKER[2:]]),
        ("ticker", [*TICKER[:3], -1.0, *TICKER[4:]]),
        ("ticker", [*TICKER[:7], -1.0, *TICKER[8:]]),
        ("funding ticker", [MTS, *FUNDING_TICKER[1:]]),
        ("funding ticker", [*FUNDING_TICKER[:2], MTS, *FUNDING_TICKER[3:]]),
        ("funding ticker", [*FUNDING_TICKER[:5], MTS, *FUNDING_TICKER[6:]]),
        ("funding ticker", [*FUNDING_TICKER[:10], -1.0, *FUNDING_TICKER[11:]]),
        ("trades", [MTS, 7244, 0.5, 7244.9]),
        ("trades", [1, MTS, 0.5, MTS]),
        ("funding trades", [MTS, 7244, 0.5, 0.0002, 2]),
        ("funding trades", [1, MTS, 0.5, 645_902_785, 2]),
        ("funding trades", [1, MTS, 0.5, 0.0002, MTS]),
        ("candles", [LEAST_TIME - 1, *CANDLE[1:]]),
        ("status", [LEAST_TIME - 1, *STATUS[1:]]),
        ("liquidations", ["other", *LIQUIDATION[1:]]),
        ("liquidations", [*LIQUIDATION[:2], 7, *LIQUIDATION[3:]]),
    ],
)
def test_value_that_can_never_be_tells_a_foreign_row(kind: str, row: List[Any]) -> None:
    channel = channel_of(kind)
    feed(channel, kind, row)
    (error,) = channel.errors
    assert "a row of another channel" in str(error)
    assert isinstance(error, RemoteError) and error.raw == row


@pytest.mark.parametrize(
    "kind, row", [("trades", [1, 1, 1, 1]), ("funding trades", [1, 1, 1, 0.1, 2])]
)
def test_trade_of_a_played_exchange_is_a_trade(kind: str, row: List[Any]) -> None:
    channel = channel_of(kind)
    feed(channel, kind, row)
    assert channel.errors == [] and channel.is_live


def test_large_prices_that_end_in_zeros_are_valid() -> None:
    channel = channel_of("book")
    (snapshot,) = feed(channel, "book", [12_345_000_000, 1, 0.5])
    assert len(snapshot.rows) == 1


@pytest.mark.parametrize(
    "text, is_price",
    [("12345000000", True), ("12345000000.5", False), ("1E+9999999", False)],
)
def test_price_is_judged_alike_in_any_decimal_context(
    text: str, is_price: bool
) -> None:
    channel = channel_for("book", symbol="tBTCUSD", number=Decimal)
    # With four digits there is no remainder of such a number.
    with localcontext(Context(prec=4)):
        channel.feed_many([[7, [[Decimal(text), 1, Decimal("0.5")]]]])
    assert channel.is_live is is_price
    assert ["a row of another channel" in str(error) for error in channel.errors] == (
        [] if is_price else [True]
    )


@pytest.mark.parametrize("numbers", ["float", "text"])
def test_numbers_as_text_are_judged_alike(numbers: str) -> None:
    row: List[Any] = [305123456, MTS, 0.5]
    channel = channel_of("book")
    feed(channel, "book", [str(n) for n in row] if numbers == "text" else row)
    assert len(channel.errors) == 1


def test_every_model_of_a_channel_has_its_shape() -> None:
    for kind in KINDS:
        channel = channel_of(kind)
        feed(channel, kind, KINDS[kind][1])
    assert len(FITS) == len(KINDS) + 2  # confirmations of trades


@pytest.mark.parametrize("is_live", [False, True], ids=["first", "later"])
@pytest.mark.parametrize("is_list", [False, True], ids=["row", "list"])
def test_trades_under_the_number_of_a_book_heal_it(
    is_live: bool, is_list: bool
) -> None:
    channel: Any = channel_of("book")
    if is_live:
        feed(channel, "book", LEVEL)
    updates = channel.feed_many([[5, [TRADE, TRADE] if is_list else TRADE]])
    assert updates == []
    assert channel.resync_reason is not None
    assert len(channel.book) == 0
    channel.lose()
    assert isinstance(feed(channel, "book", LEVEL)[0], Snapshot)


def test_second_snapshot_replaces_the_book_behind_a_gap() -> None:
    channel: Any = channel_of("book")
    feed(channel, "book", LEVEL)
    other = [[200.0, 1, 2.0], [201.0, 1, -2.0]]
    updates = channel.feed_many([[5, [199.0, 1, 1.0]], [5, other], [5, []]])
    update, gap, snapshot = updates
    assert update.price == 199.0
    assert isinstance(gap, Gap) and isinstance(snapshot, Snapshot)
    assert [level.price for level in snapshot.rows] == [200.0, 201.0]
    assert channel.book.levels() == ([snapshot.rows[0]], [snapshot.rows[1]])
    assert channel.has_event and channel.is_live
    assert channel.verified_at is None
    assert channel.resync_reason is None
