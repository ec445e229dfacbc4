from __future__ import annotations

import pytest

from bfxsync.errors import RemoteError
from bfxsync.models.rows import Kind, Layout
from bfxsync.models.status import Candle, DerivativesStatus, Liquidation

# https://docs.bitfinex.com/reference/ws-public-candles
CANDLE = [1574698260000, 7379.785503, 7383.8, 7388.3, 7379.785503, 1.68829482]
# https://docs.bitfinex.com/reference/ws-public-status
DERIV = [
    *(
        1596124822000,
        None,
        0.896,
        0.771995,
        None,
        1396531.67460709,
        None,
        1596153600000,
    ),
    *(0.0001056, 6, None, -0.01381344, None, None, 0.7664, None, None),
    *(246502.09001551, None, None, None, None, 0.3),
]
LIQ = [
    *("pos", 142397657, 1574697680828.2002, None, "tBSVUSD", -2.62932),
    *(91.583875238719, None, 1, 1, None, 112.27),
]


def test_the_close_stands_before_the_high():
    candle = Candle.from_row(CANDLE)
    assert candle == Candle(
        mts=1574698260000,
        open=7379.785503,
        close=7383.8,
        high=7388.3,
        low=7379.785503,
        volume=1.68829482,
    )


def test_derivatives_status_reads_by_index_past_the_placeholders():
    status = DerivativesStatus.from_row(DERIV)
    assert status.key is None
    assert (status.mts, status.deriv_price, status.spot_price) == (
        1596124822000,
        0.896,
        0.771995,
    )
    assert status.next_funding_step == 6
    assert status.open_interest == 246502.09001551
    assert (status.clamp_min, status.clamp_max) == (None, 0.3)


def test_a_short_row_of_old_servers_has_no_clamps():
    status = DerivativesStatus.from_row(DERIV[:18])
    assert status.open_interest == 246502.09001551 and status.clamp_max is None


def test_the_rest_row_begins_with_the_key():
    status = DerivativesStatus.from_rest_row(["tBTCF0:USTF0", *DERIV])
    assert status.key == "tBTCF0:USTF0" and status.deriv_price == 0.896


@pytest.mark.parametrize("row", [[], [5, *DERIV], None, "tBTCF0:USTF0"], ids=repr)
def test_a_rest_row_without_key_is_unreadable(row):
    with pytest.raises(RemoteError, match="key"):
        DerivativesStatus.from_rest_row(row)


def test_a_liquidation_keeps_its_fraction_of_a_millisecond():
    liquidation = Liquidation.from_row(LIQ)
    assert liquidation.mts == 1574697680828.2002
    assert (liquidation.symbol, liquidation.amount) == ("tBSVUSD", -2.62932)
    assert (liquidation.is_match, liquidation.is_market_sold) == (1, 1)
    assert liquidation.liquidation_price == 112.27


@pytest.mark.parametrize(
    "model, row, where",
    [
        (Candle, CANDLE[:5], "at least 6"),
        (Candle, [1.5, *CANDLE[1:]], "mts"),
        (Candle, [*CANDLE[:5], None], "volume"),
        (DerivativesStatus, [None], "mts"),
        (DerivativesStatus, [1, None, "x"], "deriv_price"),
        (Liquidation, ["pos", 1, 2, None, 5, 1, 1, None, 0, 0], "symbol"),
        (Liquidation, LIQ[:9], "at least 10"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_must_be_there_and_is_not_is_named(model, row, where):
    with pytest.raises(RemoteError, match=where):
        model.from_row(row)


def test_a_layout_knows_text_and_anything():
    layout = Layout(
        "Thing",
        ("name", 0, Kind.TEXT),
        ("note", 1, Kind.OPTIONAL_TEXT),
        ("count", 2, Kind.OPTIONAL_INTEGER),
        ("rest", 3, Kind.ANY),
    )
    assert layout.read(["a"], float) == ["a", None, None, None]
    assert layout.read(["a", "b", 3, {"c": 1}], float) == ["a", "b", 3, {"c": 1}]
    with pytest.raises(RemoteError, match="note"):
        layout.read(["a", 5], float)


def test_a_layout_of_optional_fields_takes_an_empty_row():
    assert Layout("Thing", ("x", 0, Kind.OPTIONAL_NUMBER)).read([], float) == [None]
