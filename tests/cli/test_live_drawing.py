"""What the live views draw: whole numbers at every size, and the best levels in the middle."""

from __future__ import annotations

import io
import re
from decimal import Decimal
from typing import Any, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.text import Text

from bfxsync import BookUpdate, Candle, FundingTicker, Ticker, Trade
from bfxsync.cli.live.chart import chart
from bfxsync.cli.live.drawing import Cell, Column, aligned, boxed, line, table
from bfxsync.cli.live.ladder import ladder
from bfxsync.cli.live.stream import BookChange
from bfxsync.cli.live.tables import tickers, trades
from bfxsync.cli.live.views import BookView, CandlesView, TickerView, TradesView

D = Decimal
NUMBER = re.compile(r"[\d,]*\d(?:\.\d+)?")


def level(price: str, amount: str) -> BookUpdate:
    return BookUpdate(D(price), 1, D(amount), "tBTCUSD", 1542045996000)


BIDS = [
    level("64261", "0.0342"),
    level("64258", "0.1401"),
    level("64257", "12.26670001"),
]
ASKS = [
    level("64262", "-0.7232"),
    level("64263.5", "-0.7884"),
    level("64264", "-0.4474"),
]


def texts(rows: Sequence[Text]) -> list[str]:
    return [row.plain for row in rows]


def test_the_spread_is_between_the_best_levels() -> None:
    assert [row.rstrip() for row in texts(ladder(BIDS, ASKS, 37, 7))] == [
        "64,264.0   0.44740000   1.95900000",
        "64,263.5   0.78840000   1.51160000",
        "64,262.0   0.72320000   0.72320000",
        "spread 1",
        "64,261.0   0.03420000   0.03420000",
        "64,258.0   0.14010000   0.17430000",
        "64,257.0  12.26670001  12.44100001",
    ]


@pytest.mark.parametrize("width", range(1, 60))
def test_no_number_of_a_ladder_is_cut(width: int) -> None:
    for height in (1, 2, 3, 8, 20):
        check_ladder(width, height)


def check_ladder(width: int, height: int) -> None:
    rows = texts(ladder(BIDS, ASKS, width, height))
    assert [len(row) for row in rows] == [width] * height
    prices = {*aligned([item.price for item in (*BIDS, *ASKS)], 1)}
    for row in rows:
        first = row.split()[:1]
        assert not first or first[0] in prices or first[0][0] in "son"
        if "spread" not in row:
            # Amounts have all their places, or four.
            assert all(
                len(n.partition(".")[2]) in (1, 4, 8) for n in NUMBER.findall(row)
            )


@pytest.mark.parametrize(("bids", "asks"), [([], ASKS), (BIDS, []), ([], [])])
def test_a_side_may_be_missing(bids: list[BookUpdate], asks: list[BookUpdate]) -> None:
    rows = texts(ladder(bids, asks, 40, 7))
    assert len(rows) == 7 and ("one side only" in "".join(rows) or "no book" in rows[0])


def test_bars_grow_from_the_right_with_the_sum() -> None:
    rows = ladder(BIDS, ASKS, 40, 7)
    lengths = [
        sum(s.end - s.start for s in row.spans if str(s.style).startswith("on "))
        for row in rows
    ]
    assert lengths[:3] == sorted(lengths[:3], reverse=True)
    assert lengths[4:] == sorted(lengths[4:]) and lengths[6] == 40
    bare = ladder(BIDS, ASKS, 40, 7, has_shades=False)
    assert not [s for row in bare for s in row.spans if str(s.style).startswith("on ")]


@given(st.integers(1, 60), st.lists(st.integers(0, 10**9), min_size=1, max_size=5))
def test_columns_are_left_out_whole(width: int, numbers: list[int]) -> None:
    columns = [
        Column("", [Cell(str(number))], rank) for rank, number in enumerate(numbers)
    ]
    (row,) = texts(table(columns, width))
    assert len(row) == width
    shown = row.split()
    assert shown == [str(number) for number in numbers][: len(shown)]


def candle(
    minute: int, open: float, close: float, high: float, low: float, volume: float = 1
) -> Candle:
    mts = 1542045960000 + 60_000 * minute
    values = (D(str(value)) for value in (open, close, high, low, volume))
    return Candle(mts, *values, "tBTCUSD", None, "1m")  # type: ignore[arg-type]


def test_a_candle_has_a_body_and_a_wick() -> None:
    rows = texts(chart([candle(0, 10, 20, 30, 0), candle(1, 20, 20, 20, 20)], 12, 5))
    columns = ["".join(row[at] for row in rows) for at in (7, 8)]
    assert (
        set(columns[0]) <= set("╷│╵╽┃╿╻╹ ") and "┃" in columns[0] or "╽" in columns[0]
    )
    assert len(columns[1].strip()) == 1 and columns[1].strip() in "╻╹"


def test_the_last_price_stands_out_on_the_scale() -> None:
    candles = [candle(n, 100 + n, 101 + n, 102 + n, 99 + n) for n in range(40)]
    rows = chart(candles, 60, 20)
    (last,) = [row for row in rows if any("reverse" in str(s.style) for s in row.spans)]
    assert last.plain.endswith(" 140")
    assert re.search(r"18:06 +18:18 +18:30", rows[-1].plain)
    assert any(
        set(row.plain.strip()) <= set("▁▂▃▄▅▆▇█") for row in rows if row.plain.strip()
    )


def test_one_long_wick_flattens_nothing() -> None:
    candles = [candle(n, 100 + n % 5, 101 + n % 5, 102 + n % 5, 99) for n in range(30)]
    candles[7] = candle(7, 100, 101, 5000, 1)
    rows = texts(chart(candles, 50, 16))
    drawn = [row for row in rows if any(mark in row for mark in "┃╽╿╻╹")]
    assert len(drawn) >= 4


@given(
    st.lists(st.tuples(*[st.floats(1e-8, 1e6)] * 5), max_size=60),
    st.integers(1, 90),
    st.integers(1, 30),
)
def test_any_candles_fit_any_size(values: list[Any], width: int, height: int) -> None:
    candles = [
        candle(n, a, b, max(a, b) + c, max(0.0, min(a, b) - d), e)
        for n, (a, b, c, d, e) in enumerate(values)
    ]
    rows = texts(chart(candles, width, height))
    assert [len(row) for row in rows] == [width] * height


TICKER = Ticker(
    *map(D, "64261 9 64262 8 -120.5 -0.0123 64262 1234.5 65000 63000".split()),
    "tBTCUSD",
    1542045996000,
)


@pytest.mark.parametrize(
    ("width", "shown"),
    [
        (80, "tBTCUSD 64,262 -1.23% 64,261 64,262 65,000 63,000 1,234.5"),
        (46, "tBTCUSD 64,262 -1.23% 64,261 64,262"),
        (24, "tBTCUSD 64,262 -1.23%"),
        (16, "tBTCUSD 64,262"),
    ],
)
def test_a_narrow_board_leaves_columns_out(width: int, shown: str) -> None:
    _, row, missing = texts(tickers(["tBTCUSD", "tETHUSD"], {"tBTCUSD": TICKER}, width))
    assert row.split() == shown.split() and len(row) == width
    assert missing.split()[:2] == ["tETHUSD", "-"]


def test_a_funding_ticker_has_its_rates() -> None:
    fields = (
        "0.0002 0.00021 2 9 0.00022 30 8 -0.00001 -0.01 0.0002 5 0.0003 0.0001".split()
    )
    ticker = FundingTicker(*map(D, fields), D(1), "fUSD", 1)  # type: ignore[arg-type]
    assert "0.00021" in texts(tickers(["fUSD"], {"fUSD": ticker}, 80))[1]


def test_trades_are_newest_first_with_all_digits() -> None:
    items = [
        Trade(n, 1542045996000, D(amount), D("64262.5"), "tBTCUSD", None)
        for n, amount in enumerate(["0.01", "-2.00000001"])
    ]
    assert [row.split() for row in texts(trades(items, 50, 2))] == [
        ["64,262.5", "0.01000000", "buy", "18:06:36"],
        ["64,262.5", "2.00000001", "sell", "18:06:36"],
    ]
    assert texts(trades(items, 10, 1)) == ["64,262.5  "]
    assert texts(trades([], 20, 2)) == ["no trades           ", " " * 20]


def test_a_box_has_the_size_asked_for() -> None:
    rows = texts(boxed([line("a"), line("b" * 50)], line("title"), 20, 5))
    assert rows[0] == "╭─title────────────╮" and rows[4] == f"╰{'─' * 18}╯"
    assert rows[2] == f"│{'b' * 18}│" and {len(row) for row in rows} == {20}


# --- views ------------------------------------------------------------------------------------


def console(width: int = 80, height: int = 24) -> Console:
    return Console(
        file=io.StringIO(),
        width=width,
        height=height,
        force_terminal=True,
        color_system=None,
    )


def shown_by(view: Any, *items: Any) -> str:
    with view:
        for item in items:
            view.show(item)
    out = view.console.file.getvalue()
    return re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", out)


def test_tickers_are_drawn_in_place() -> None:
    text = shown_by(TickerView(["tBTCUSD"], console()), TICKER, None)
    assert "64,262" in text and "as of 18:06:36 UTC; Ctrl-C ends" in text


def test_a_ladder_keeps_the_spread_in_a_low_terminal() -> None:
    change = BookChange("tBTCUSD", 1542045996000, BIDS, ASKS)
    text = shown_by(BookView(["tBTCUSD"], 25, console(40, 6)), change)
    assert "spread 1" in text and "64,264" not in text and "64,262" in text


def test_trades_stay_on_the_screen() -> None:
    trade = Trade(1, 1542045996000, D("-0.5"), D("64262.10"), "tBTCUSD", None)
    text = shown_by(TradesView(["tBTCUSD"], console()), trade, trade)
    assert text.count("18:06:36  tBTCUSD  sell  0.5 at 64262.10\n") == 2


def test_closed_candles_stay_and_the_current_one_is_redrawn() -> None:
    first, changed, second = (
        candle(0, 1, 2, 3, 1),
        candle(0, 1, 3, 3, 1),
        candle(1, 3, 3, 3, 3),
    )
    text = shown_by(
        CandlesView(["tBTCUSD"], console()), first, changed, second, changed
    )
    printed = [row for row in text.splitlines() if row.strip()]
    assert printed.count("18:06:00  tBTCUSD 1m  o 1  h 3  l 1  c 3  v 1") >= 2
    assert printed[-1].strip() == "18:07:00  tBTCUSD 1m  o 3  h 3  l 3  c 3  v 1"
