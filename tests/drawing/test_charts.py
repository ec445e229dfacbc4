"""Charts of candles and books as SVG."""

from __future__ import annotations

import base64
import re
from decimal import Decimal
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bfxsync.models import (
    BookUpdate,
    Candle,
    FundingBookUpdate,
    FundingRawBookUpdate,
    RawBookUpdate,
)
from bfxsync.notebook.drawing.books import (
    BookPicture,
    Level,
    describe_book,
    draw_book,
    levels_of,
)
from bfxsync.notebook.drawing.candles import describe_candles, draw_candles
from bfxsync.notebook.drawing.svg import DOWN, UP, image

pytestmark = pytest.mark.once

HOUR = 3_600_000
START = 1764460800000
SVG = "{http://www.w3.org/2000/svg}"


def parse(svg):
    """Return the elements of a drawing, each within its bounds."""
    root = ElementTree.fromstring(svg.document)
    for element in root.iter():
        for name, bound in (("x", svg.width), ("y", svg.height), ("y1", svg.height)):
            if name in element.attrib:
                assert 0 <= float(element.get(name)) <= bound, element.attrib
    for word in re.findall(r'="[^"]*"', svg.document):
        assert "nan" not in word and "inf" not in word
    return root


def texts(svg):
    return [element.text for element in parse(svg).iter(f"{SVG}text")]


def paths(svg, colour, name="fill"):
    return [
        each.get("d")
        for each in parse(svg).iter(f"{SVG}path")
        if each.get(name) == colour
    ]


def candle(at, begin, end, high=None, low=None, volume=1.0):
    high = max(begin, end) if high is None else high
    low = min(begin, end) if low is None else low
    return Candle(START + at * HOUR, begin, end, high, low, volume)


def rising(count):
    return [candle(at, 100.0 + at, 101.0 + at) for at in range(count)]


# --- candles --------------------------------------------------------------------------------------


def test_candles_are_four_paths():
    falling = [candle(at, 101.0, 100.0) for at in range(30, 40)]
    svg = draw_candles("tBTCUSD 1h", [*rising(30), *falling])
    for colour, count in ((UP, 30), (DOWN, 10)):
        volumes, bodies = paths(svg, colour)
        # A wick and a body each.
        assert volumes.count("M") == count and bodies.count("M") == 2 * count


def test_the_last_price_hides_no_other_label():
    svg = draw_candles("tBTCUSD 1h", rising(40))
    found = {}
    for element in parse(svg).iter(f"{SVG}text"):
        if float(element.get("x")) > 770:
            found[element.text] = float(element.get("y"))
    heights = sorted(found.values())
    assert "140.00" in found
    assert all(b - a >= 11 for a, b in zip(heights, heights[1:]))


def test_no_label_of_a_price_is_cut():
    long = [Candle(START, *[2.1389e-6] * 4, 1.0)]
    svg = draw_candles("tBTCUSD 1h", long)
    (text,) = [each for each in texts(svg) if each == "0.0000021389"]
    (rect,) = parse(svg).iter(f"{SVG}rect")
    assert 6 + 6.2 * len(text) <= float(rect.get("width"))
    assert float(rect.get("x")) + float(rect.get("width")) <= svg.width


def test_no_label_of_a_time_is_cut():
    for count in range(2, 80):
        svg = draw_candles("tBTCUSD 1h", rising(count))
        for element in parse(svg).iter(f"{SVG}text"):
            if element.get("text-anchor") == "middle":
                assert 15 <= float(element.get("x")) <= 755


def test_days_have_dates():
    assert "01 Dec" in texts(draw_candles("tBTCUSD 1h", rising(48)))


def test_a_wick_far_away_is_cut_and_marked():
    candles = rising(60)
    whole = paths(draw_candles("", candles), UP)[1]
    candles[20] = candle(20, 120.0, 121.0, low=20.0)
    below = paths(draw_candles("", candles), UP)[1]
    candles[20] = candle(20, 120.0, 121.0, high=900.0)
    above = paths(draw_candles("", candles), UP)[1]
    assert "h6l-3 5z" not in whole and "h6l-3 5z" in below
    assert "h6l-3 -5z" not in whole and "h6l-3 -5z" in above


def test_the_last_price_is_always_in_the_picture():
    candles = [*rising(60), candle(60, 160.0, 900.0)]
    assert "h6" not in paths(draw_candles("", candles), UP)[1]


def test_without_candles_the_picture_says_so():
    assert texts(draw_candles("tBTCUSD 1m", [])) == ["tBTCUSD 1m", "no candles yet"]
    assert describe_candles("tBTCUSD 1m", []) == "tBTCUSD 1m: no candles yet"


def test_the_last_candle_is_described():
    candles = [candle(0, 100.0, 99.0), candle(1, 99.0, 102.5, 103.0, 98.0)]
    expected = "tBTCUSD 1h: O 99.00  H 103.00  L 98.00  C 102.50  +2.50 %"
    assert describe_candles("tBTCUSD 1h", candles) == expected


def test_candles_of_funding_have_rates():
    candles = [candle(0, 0.0002, 0.0003), candle(1, 0.0003, 0.0002)]
    assert "C 0.0200 %" in describe_candles("fUSD:p2 1h", candles, True)
    assert "0.0200 %" in texts(draw_candles("fUSD:p2 1h", candles, True))


def test_decimals_are_drawn_like_floats():
    numbers = [
        Candle(c.mts, *(Decimal(str(v)) for v in (c.open, c.close, c.high, c.low, 1)))
        for c in rising(5)
    ]
    assert draw_candles("x", numbers) == draw_candles("x", rising(5))
    assert describe_candles("x", numbers) == describe_candles("x", rising(5))


def test_a_price_of_zero_is_drawn():
    flat = [candle(at, 0.0, 0.0, volume=0.0) for at in range(3)]
    assert describe_candles("x", flat) == "x: O 0.0000  H 0.0000  L 0.0000  C 0.0000"
    parse(draw_candles("x", flat))


@given(
    st.lists(
        st.tuples(*[st.floats(1e-8, 1e6)] * 4, st.floats(0, 1e9)),
        min_size=1,
        max_size=50,
    )
)
def test_any_candles_are_drawn_within_the_picture(rows):
    candles = [
        Candle(START + at * HOUR, a, b, max(a, b, c, d), min(a, b, c, d), volume)
        for at, (a, b, c, d, volume) in enumerate(rows)
    ]
    svg = draw_candles("tBTCUSD 1h", candles)
    parse(svg)
    for path in paths(svg, UP) + paths(svg, DOWN):
        for y in re.findall(r"V(-?[0-9.]+)", path):
            assert 30 <= float(y) <= 300


# --- books ----------------------------------------------------------------------------------------


def book(count=10, prec="P0"):
    bids = [BookUpdate(100.0 - at, 1, 0.5) for at in range(count)]
    asks = [BookUpdate(102.0 + at, 1, -0.25) for at in range(count)]
    sides = levels_of(bids, False), levels_of(asks, False)
    return BookPicture(f"tBTCUSD {prec}", *sides)


def test_a_book_has_depth_and_ladder():
    svg = draw_book(book())
    shown = texts(svg)
    assert shown[0] == "tBTCUSD P0" and "spread 2" in shown
    # The middle, with one more decimal.
    assert "101.0" in shown
    # Eight levels of each side; asks from the spread upwards.
    assert "109" in shown and "110" not in shown and "93" in shown and "92" not in shown
    assert {"0.2500", "2.0000", "0.5000", "4.0000"} <= set(shown)
    assert paths(svg, UP)[0].count("V") == 11 and len(paths(svg, DOWN)) == 1


def test_the_books_best_levels_are_described():
    assert describe_book(book()) == "tBTCUSD P0: bid 100 x 0.5000, ask 102 x 0.2500"
    empty = BookPicture("tBTCUSD P0", [], [])
    assert describe_book(empty) == "tBTCUSD P0: no bids, no asks"
    assert texts(draw_book(empty)) == ["tBTCUSD P0", "no levels yet"]


def test_a_level_far_away_does_not_flatten_the_depth():
    near, far = book(), book()
    far.asks.append(Level(100_000.0, 1_000_000.0))
    assert paths(draw_book(near), UP, "stroke") != []
    steps = re.findall(r"V([0-9.]+)", paths(draw_book(far), UP, "stroke")[0])
    # The bids still fill most of the height.
    assert float(steps[-1]) < 60


@pytest.mark.parametrize("side", ["bids", "asks"])
def test_a_book_with_one_side_is_drawn(side):
    one = book()._replace(**{side: []})
    shown = texts(draw_book(one))
    assert "price" in shown and not any("spread" in each for each in shown)
    for element in parse(draw_book(one)).iter(f"{SVG}text"):
        if element.get("font-weight"):
            assert float(element.get("x")) < 494


def test_orders_of_one_price_are_added():
    orders = [RawBookUpdate(1, 100.0, 0.5), RawBookUpdate(2, 100.0, 0.25)]
    orders.append(RawBookUpdate(3, 99.0, 1.0))
    assert levels_of(orders, False) == [Level(100.0, 0.75), Level(99.0, 1.0)]


def test_levels_of_funding_have_rate_and_period():
    rows = [
        FundingBookUpdate(0.0002, 30, 1, -500.0),
        FundingBookUpdate(0.0002, 2, 1, -1.0),
    ]
    levels = levels_of(rows, True)
    assert levels == [Level(0.0002, 500.0, 30), Level(0.0002, 1.0, 2)]
    assert levels_of([FundingRawBookUpdate(7, 30, 0.0003, 50.0)], True) == [
        Level(0.0003, 50.0, 30)
    ]
    funding = BookPicture("fUSD P0", levels, [Level(0.0003, 50.0, 30)], True)
    shown = texts(draw_book(funding))
    assert "0.0200 % · 30 d" in shown and "spread 0.0100 %" in shown
    assert describe_book(funding).endswith("ask 0.0300 % x 50.0000")


def test_a_crossed_book_is_drawn():
    crossed = BookPicture(
        "fUSD P0", [Level(0.0004, 1.0, 2)], [Level(0.0002, 1.0, 30)], True
    )
    assert "spread −0.0200 %" in texts(draw_book(crossed))


sides = st.lists(
    st.builds(Level, st.floats(1e-8, 1e6), st.floats(1e-8, 1e9)), max_size=30
)


@given(sides, sides)
def test_any_book_is_drawn_within_the_picture(bids, asks):
    bids.sort(reverse=True)
    asks.sort()
    svg = draw_book(BookPicture("tBTCUSD P0", bids, asks))
    for path in paths(svg, UP) + paths(svg, DOWN):
        for x in re.findall(r"H(-?[0-9.]+)", path):
            assert 4 <= float(x) <= 494


# --- images ---------------------------------------------------------------------------------------


def test_an_image_has_its_drawing_and_description():
    svg = draw_candles("<&>", rising(3))
    html = image(svg, 'a "chart" <of> it')
    assert 'alt="a &quot;chart&quot; &lt;of&gt; it"' in html
    assert 'width="860" height="330"' in html
    data = html.split("base64,")[1].rstrip('">')
    assert base64.b64decode(data).decode() == svg.document
    assert texts(svg)[0] == "<&>"
    # Nothing that the page would have to provide.
    assert "currentColor" not in svg.document and "<style" not in svg.document
