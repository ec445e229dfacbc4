"""A chart of candles of a history, in any order."""

from __future__ import annotations

import base64
import re

import pytest

from bfxsync import Candle, UsageError
from bfxsync.notebook import chart

MINUTE = 60_000
ROWS = [
    Candle(
        1_700_000_000_000 + at * MINUTE, 1.0 + at, 2.0 + at, 3.0 + at, 0.5 + at, 10.0
    )
    for at in range(3)
]


def of(symbol, timeframe, rows=ROWS):
    read = Candle.reader(float, symbol, timeframe)
    return [read([c.mts, c.open, c.close, c.high, c.low, c.volume]) for c in rows]


def svg(picture):
    (data,) = re.findall(r"base64,([^\"]+)", picture._repr_html_())
    return base64.b64decode(data).decode()


def test_candles_in_any_order_give_the_same_picture():
    candles = of("tBTCUSD", "1m")
    shown = chart(candles)
    assert svg(shown) == svg(chart(reversed(candles))) and "tBTCUSD 1m" in svg(shown)
    assert repr(shown).startswith("tBTCUSD 1m: O 3") and "+300.00 %" in repr(shown)


def test_funding_candles_show_rates():
    assert " %" in svg(chart(of("fUSD", "1D")))


def test_no_candles_give_an_empty_chart():
    assert "no candles yet" in repr(chart([]))


def test_candles_of_no_known_symbol_have_no_name():
    assert repr(chart(ROWS)).startswith("candles: O 3")


@pytest.mark.parametrize(
    "candles, message",
    [
        (5, "candles must be candles, not 5"),
        ("tBTCUSD", "candles must be candles, not 'tBTCUSD'"),
        ([*ROWS, None], "candles must be candles; one is None"),
        (ROWS * 134, "at most 400, not 402"),
        (of("tBTCUSD", "1m") + of("tETHUSD", "1m"), "one symbol and timeframe"),
        (of("tBTCUSD", "1m") + ROWS, "[('tBTCUSD', '1m'), (None, None)]"),
    ],
    ids=["number", "text", "None", "many", "two symbols", "no symbol"],
)
def test_a_chart_of_anything_else_is_refused(candles, message):
    with pytest.raises(UsageError, match=re.escape(message)):
        chart(candles)
