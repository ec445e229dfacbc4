"""Tables: tickers with sparklines, orders and fills."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest

from bfxsync.models import AccountTrade, FundingTicker, Order, Ticker
from bfxsync.notebook.drawing.board import BoardRow, board_table, sparkline
from bfxsync.notebook.drawing.orders import fills_table, orders_table
from bfxsync.notebook.drawing.svg import DOWN, UP
from bfxsync.notebook.drawing.tables import Cell, Table, table_html, table_text

pytestmark = pytest.mark.once

MTS = 1764460800000


def test_a_table_is_html_with_inline_styles():
    table = Table(
        ["<name", "number"],
        [["<b>", "1"], [Cell("x", UP, True), Cell("5", html="<img>")]],
        "a & b",
        "2 > 1",
    )
    html = table_html(table)
    assert "<div><b>a &amp; b</b></div>" in html and "<div>2 &gt; 1</div>" in html
    cells = re.findall(r'<t[dh] style="([^"]*)">([^<]*(?:<img>)?)</t', html)
    assert [text for _, text in cells] == [
        "name",
        "number",
        "&lt;b&gt;",
        "1",
        "x",
        "<img>",
    ]
    aligned = [
        re.search("text-align:(left|right)", style).group(1) for style, _ in cells
    ]
    assert aligned == ["left", "right"] * 3
    assert f"color:{UP};font-weight:bold" in cells[4][0]
    assert "<script" not in html and "class=" not in html


def test_a_table_is_text_in_columns():
    table = Table(["<name", "n"], [["a", "10"], [Cell("long"), "5"]], "title", "note")
    assert table_text(table).splitlines() == [
        "title",
        "name   n",
        "a     10",
        "long   5",
        "note",
    ]
    assert table_text(Table(["<a"], [["b"]])) == "a\nb"


def test_a_table_without_rows_is_its_title():
    table = Table(["<name"], [], "Open orders: none")
    assert table_text(table) == "Open orders: none"
    assert table_html(table) == "<div><b>Open orders: none</b></div>"
    assert table_text(Table(["<name"], [])) == table_html(Table(["<name"], [])) == ""


def cells(table):
    return [
        [cell.text if isinstance(cell, Cell) else cell for cell in row]
        for row in table.rows
    ]


def ticker(bid, ask, change, last, volume=6.4438):
    return Ticker(bid, 1.0, ask, 1.0, 1.0, change, last, volume, 1.0, 1.0)


@pytest.mark.parametrize(
    "known, expected",
    [
        (
            ticker(64261.0, 64263.0, 0.0002, 64261.0),
            ["64,261", "+0.02 %", "64,261", "64,263", "6.4438"],
        ),
        (
            ticker(*map(Decimal, ("0.0021389", "0.0021403", "-0.0005", "0.0021389"))),
            ["0.0021389", "−0.05 %", "0.0021389", "0.0021403", "6.4438"],
        ),
        (ticker(9999.9, 10000.0, 0.0, 9999.9), None),
        (ticker(None, 10.0, None, None, None), ["–", "–", "–", "10.000", "–"]),
        (ticker(None, None, None, None, None), ["–"] * 5),
    ],
)
def test_a_board_has_prices_with_shared_decimals(known, expected):
    (row,) = cells(board_table([BoardRow("tBTCUSD", known)]))
    if expected is None:
        expected = ["9,999.9", "+0.00 %", "9,999.9", "10,000.0", "6.4438"]
    assert row == ["tBTCUSD", *expected, ""]


def test_a_board_has_rates_of_funding():
    known = FundingTicker(*[0.0002, 0.0001, 2, 1.0, 0.0003, 30, 1.0], *[0.0] * 7)
    known.last_price, known.daily_change_relative, known.volume = 0.0002, -0.01, 1e7
    (row,) = cells(board_table([BoardRow("fUSD", known)]))
    assert row[1:6] == ["0.0200 %", "−1.00 %", "0.0100 %", "0.0300 %", "10,000,000"]


def test_a_row_says_what_is_wrong_with_it():
    known = ticker(1.0, 2.0, 0.1, 1.5)
    rows = [
        BoardRow("tBTCUSD", None),
        BoardRow("tETHUSD", None, state="reconnecting"),
        BoardRow("tXRPUSD", known, [1.0, 2.0], "reconnecting"),
        BoardRow("tLTCUSD", known, [1.0, 2.0]),
    ]
    table = board_table(rows)
    assert [row[-1] for row in cells(table)] == [
        "no data yet",
        "reconnecting",
        "reconnecting",
        "",
    ]
    assert table_html(table).count("<img") == 1


def test_the_colour_of_a_line_is_that_of_the_change():
    for change, colour in ((0.1, UP), (-0.1, DOWN)):
        table = board_table([BoardRow("x", ticker(1.0, 2.0, change, 1.5), [1.0, 2.0])])
        assert table.rows[0][2].colour == colour
    assert table_html(board_table([BoardRow("x", ticker(1.0, 2.0, None, 1.0), [1, 1])]))


def test_a_sparkline_goes_through_its_prices():
    svg = sparkline([Decimal(1), 3.0, 2.0], UP)
    ys = [float(y) for y in re.findall(r"[ML][0-9.]+ ([0-9.]+)", svg.body)]
    assert ys[1] < ys[2] < ys[0] and 0 < ys[1] and ys[0] < svg.height
    assert sparkline([1.0], UP) is None
    assert len(set(re.findall(r" ([0-9.]+)L", sparkline([5.0] * 4, UP).body))) == 1


def order(id, mts=MTS, amount=0.4, original=0.5, price=64000.0):
    row = [id, None, 1, "tBTCUSD", mts, mts, amount, original, "EXCHANGE LIMIT"]
    row += [None] * 4 + ["PARTIALLY FILLED @ 64000.0(0.1)", None, None, price, 0]
    return Order.from_row(row + [None] * 14)


def test_orders_have_side_and_filled_part():
    rows = cells(orders_table([order(7), order(8, MTS + 1, -0.5, -0.5, 0)]))
    assert rows[1] == [
        "30 Nov 00:00:00",
        "tBTCUSD",
        "buy",
        "EXCHANGE LIMIT",
        "64,000",
        "0.5000",
        "20%",
        "PARTIALLY FILLED",
        "7",
    ]
    # The newest first.
    assert rows[0][2:7] == ["sell", "EXCHANGE LIMIT", "–", "0.5000", "0%"]
    assert cells(orders_table([order(9, amount=0.0, original=0.0)]))[0][6] == "–"


def test_of_many_orders_the_newest_are_shown():
    table = orders_table([order(id, MTS + id) for id in range(25)])
    assert (table.title, table.note) == ("Open orders: 25", "and 5 more")
    assert [row[-1] for row in table.rows] == [str(id) for id in range(24, 4, -1)]
    assert orders_table([]) == Table(table.titles, [], "Open orders: none")


@pytest.mark.parametrize(
    "amount, maker, fee, currency, expected",
    [
        (0.1, 1, -0.0001, "BTC", ["buy", "−0.000100 BTC", "maker"]),
        (-0.1, -1, 0.0001, None, ["sell", "0.000100", "taker"]),
        (-0.1, 0, None, None, ["sell", "–", "–"]),
        (-0.1, None, None, None, ["sell", "–", "–"]),
    ],
)
def test_fills_have_fee_and_role(amount, maker, fee, currency, expected):
    trade = AccountTrade(
        5, "tBTCUSD", MTS, 7, amount, 64000.0, "LIMIT", 64000.0, maker, fee, currency, 1
    )
    (row,) = cells(fills_table([trade]))
    assert [row[2], row[5], row[6]] == expected
    assert row[3:5] == ["64,000", "0.1000"] and row[-1] == "7"
