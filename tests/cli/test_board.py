from __future__ import annotations

import io

import attrs
import pytest
from rich.cells import cell_len
from rich.console import Console

from bfxsync import BookUpdate, Ticker, Trade
from bfxsync.cli.board import Screen, bar, draw
from bfxsync.cli.summary import ChannelSummary, MarketView, Step, View

ENTER_SCREEN, LEAVE_SCREEN = "\x1b[?1049h", "\x1b[?1049l"


def market(symbol: str, price: float, step: float) -> MarketView:
    ticker = Ticker(
        bid=price,
        bid_size=50.0,
        ask=price + step,
        ask_size=60.0,
        daily_change=-12.5 * step,
        daily_change_relative=-0.0123,
        last_price=price,
        volume=12345.678,
        high=price + 100 * step,
        low=price - 100 * step,
    )
    return MarketView(
        symbol=symbol,
        source="a prepared market",
        is_live=True,
        ticker=ticker,
        bids=[BookUpdate(price - n * step, 1, 1.5 + n) for n in range(25)],
        asks=[BookUpdate(price + (n + 1) * step, 2, -0.25 - n) for n in range(25)],
        trades=tuple(
            Trade(9 - n, 1542045996000 - 1000 * n, (-1) ** n * 0.125, price)
            for n in range(9)
        ),
    )


VIEW = View(
    host="ws://127.0.0.1:40123/ws/2",
    status="open",
    left_s=7.2,
    markets=(market("tBTCUSD", 6443.0, 0.1), market("tETHUSD", 2480.0, 0.1)),
    frame_count=5000,
    frames_per_s=1234.4,
    total=ChannelSummary("all", 98765, (), 43, 0),
    round_trip_s=0.00042,
    lag_s=0.00003,
)


def render(view: View, width: int, height: int) -> str:
    console = Console(
        record=True, width=width, height=height, file=io.StringIO(), color_system=None
    )
    console.print(draw(view, width, height))
    return console.export_text()


@pytest.mark.parametrize(
    "width, height", [(80, 24), (120, 40), (60, 40), (101, 31), (60, 15), (52, 12)]
)
def test_the_screen_is_filled_exactly(width: int, height: int) -> None:
    lines = render(VIEW, width, height).splitlines()
    assert len(lines) == height
    assert all(cell_len(line) == len(line) <= width for line in lines)


@pytest.mark.parametrize("width, height", [(80, 24), (120, 40)])
def test_everything_is_there(width: int, height: int) -> None:
    text = render(VIEW, width, height)
    for part in (
        "7 s left",
        "tBTCUSD",
        "6,443.0  -1.2  -1.23%",
        "high 6,453.0 low 6,433.0 vol 12,346",
        "6,443.1       0.2500",
        "spread 0.1",
        "6,442.9       2.5000",
        "6,443.0       0.1250  buy   18:06:36",
        "6,443.0       0.1250  sell  18:06:35",
        "a prepared market",
        "1,234 frames/s",
        "98,765 updates",
        "0 gaps",
        "43 checksums ok",
        "round trip 0.42 ms",
        "to callback 0.03 ms",
    ):
        assert part in text


def test_a_small_terminal_shows_both_markets_with_book_and_trades() -> None:
    text = render(VIEW, 60, 15)
    lines = text.splitlines()
    assert "tBTCUSD" in lines[1] and "tETHUSD" in lines[1]
    assert "6,443.0  -1.2  -1.23%" in lines[2] and "2,480.0  -1.2" in lines[2]
    for part in (
        "6,443.2",
        "6,443.1       0.2500",
        "spread 0.1",
        "6,443.0       1.5000",
        "6,443.0       0.1250  buy ",
        "6,443.0       0.1250  sell",
        "43 checksums ok",
        "Ctrl-C ends",
    ):
        assert part in text
    assert "\N{HORIZONTAL ELLIPSIS}" not in text


def test_asks_stand_above_bids_and_the_best_at_the_spread() -> None:
    lines = render(VIEW, 80, 24).splitlines()
    at = next(row for row, line in enumerate(lines) if "spread" in line)
    assert "6,443.2" in lines[at - 2] and "6,443.1" in lines[at - 1]
    assert "6,443.0" in lines[at + 1] and "6,442.9" in lines[at + 2]


def test_sides_are_coloured() -> None:
    console = Console(
        record=True, width=80, height=24, file=io.StringIO(), force_terminal=True
    )
    console.print(draw(VIEW, 80, 24))
    text = console.export_text(styles=True)
    red, green, end = "\x1b[31m", "\x1b[32m", "\x1b[0m"
    for part in (
        f"{red}6,443.1{end}",
        f"{green}6,442.9{end}",
        f"{green}  buy {end}",
        f"{red}  sell{end}",
    ):
        assert part in text


@pytest.mark.parametrize("width", [1, 5, 20, 71, 72, 300])
@pytest.mark.parametrize("height", [1, 3, 8, 12, 100])
def test_no_size_is_an_error(width: int, height: int) -> None:
    render(VIEW, width, height)


def test_a_large_screen_shows_no_more_levels_than_there_are() -> None:
    text = render(VIEW, 120, 100)
    assert len(text.splitlines()) == 100
    assert "6,445.5" in text and "6,440.6" in text


def test_nothing_has_come_yet() -> None:
    empty = [
        attrs.evolve(item, ticker=None, bids=[], asks=[], trades=())
        for item in VIEW.markets
    ]
    view = attrs.evolve(
        VIEW, markets=tuple(empty), frames_per_s=0.0, round_trip_s=None, lag_s=None
    )
    text = render(view, 80, 24)
    assert len(text.splitlines()) == 24
    for part in ("no ticker", "no book", "no trades", "round trip - ms"):
        assert part in text


def test_a_book_may_have_one_side() -> None:
    view = attrs.evolve(VIEW, markets=(attrs.evolve(VIEW.markets[0], asks=[]),))
    text = render(view, 80, 24)
    assert len(text.splitlines()) == 24
    assert "one side only" in text


def test_what_is_wrong_is_seen() -> None:
    view = attrs.evolve(
        VIEW,
        status="reconnecting",
        markets=tuple(attrs.evolve(item, is_live=False) for item in VIEW.markets),
        total=ChannelSummary("all", 5, ("lost", "lost"), 3, 1),
    )
    text = render(view, 80, 24)
    for part in ("RECONNECTING", "STALE", "2 gaps", "1 wrong", "7 s left"):
        assert part in text


def test_a_long_address_is_cut() -> None:
    view = attrs.evolve(VIEW, host="wss://" + "x" * 200)
    header = render(view, 80, 24).splitlines()[0]
    assert header.rstrip().endswith("7 s left")
    assert len(header) <= 80


@pytest.mark.parametrize(
    "ratio, width, text",
    [
        (1.0, 4, "\u2588\u2588\u2588\u2588"),
        (0.5, 4, "\u2588\u2588"),
        (0.53125, 4, "\u2588\u2588\u258f"),
        (0.0001, 4, "\u258f"),
        (1.0, 0, ""),
    ],
)
def test_bars_have_eighths(ratio: float, width: int, text: str) -> None:
    assert bar(ratio, width) == text


def test_the_screen_is_given_back() -> None:
    stream = io.StringIO()
    console = Console(file=stream, width=80, height=24, force_terminal=True)
    with pytest.raises(KeyboardInterrupt):
        with Screen(VIEW.host, console) as screen:
            assert "connecting to ws://127.0.0.1:40123/ws/2" in stream.getvalue()
            screen.show(VIEW)
            raise KeyboardInterrupt
    text = stream.getvalue()
    assert text.index(ENTER_SCREEN) < text.index("tBTCUSD") < text.index(LEAVE_SCREEN)


TRADED = attrs.evolve(
    VIEW,
    markets=VIEW.markets[:1],
    steps=(
        Step("before", "100,000.00 USD 10.0000 BTC"),
        Step("market", "sell 0.0500 BTC", "sell"),
        Step("", "filled 64,291 fee 6.429 USD"),
    ),
)


@pytest.mark.parametrize(
    "width, height", [(80, 24), (60, 15), (60, 20), (60, 40), (52, 12)]
)
def test_trades_stand_beside_or_below_the_market(width: int, height: int) -> None:
    lines = render(TRADED, width, height).splitlines()
    assert len(lines) == height
    assert all(cell_len(line) == len(line) <= width for line in lines)
    text = "\n".join(lines)
    parts = ["tBTCUSD", "account", "market sell 0.0500", "filled 64,291"]
    if width > 60 or height >= 20:
        parts += ["before 100,000.00 USD 10.0000 BTC", "fee 6.429 USD"]
    for part in parts:
        assert part in text


def test_the_latest_trades_are_shown_if_there_is_no_room() -> None:
    view = attrs.evolve(TRADED, steps=TRADED.steps * 20)
    lines = render(view, 80, 24).splitlines()
    assert len(lines) == 24
    assert "filled 64,291 fee 6.429 USD" in lines[-4]
