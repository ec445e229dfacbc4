"""Models, lists, books and errors as tables in HTML."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest

from bfxsync.errors import ApiError, OrderNotFilled, OutcomeUnknown, RemoteError
from bfxsync.models import (
    AccountUpdate,
    AuthToken,
    BookSnapshot,
    BookUpdate,
    Candle,
    FundingBookUpdate,
    Trade,
    Wallet,
)
from bfxsync.notebook.html.model_tables import (
    book_table,
    error_table,
    is_list_of_models,
    model_table,
    models_table,
    title_of,
)

WALLET = Wallet("exchange", "USD", 100000.5, 0.0, None, "<script>", {})


def cells(html):
    """Return the texts of a table by rows, the lines around it as one each."""
    lines = re.findall("<tr>.*?</tr>|<div[^>]*>[^<]+</div>|<strong>.*?</strong>", html)
    return [
        re.sub("<.*?>", "", re.sub("</t[hd]>", "|", line)).rstrip("|").split("|")
        for line in lines
    ]


def test_a_model_has_a_row_for_each_field_with_a_value():
    assert cells(model_table(WALLET)) == [
        ["Wallet"],
        ["wallet_type", "exchange"],
        ["currency", "USD"],
        ["balance", "100000.5"],
        ["unsettled_interest", "0"],
        ["last_change", "&lt;script&gt;"],
        ["without a value: available_balance, trade_details"],
    ]


def test_a_notebook_shows_this_of_a_model():
    assert WALLET._repr_html_() == model_table(WALLET)


def test_a_list_has_a_row_for_each_model():
    trades = [
        Trade(1, 1700000000123, -0.5, 64249.0),
        Trade(2, 1700000001000, 1.25, 64250.0),
    ]
    assert cells(models_table(trades, title_of(trades))) == [
        ["Trade: 2 rows"],
        ["time (UTC)", "id", "amount", "price"],
        ["2023-11-14 22:13:20.123", "1", "-0.50", "64249"],
        ["2023-11-14 22:13:21.000", "2", "1.25", "64250"],
        ["without a value: symbol"],
    ]


def test_lists_of_several_classes_have_all_columns():
    rows = [Trade(1, 1700000000000, 1.0, 2.0), WALLET]
    found = cells(models_table(rows, title_of(rows)))
    assert found[0] == ["Trade, Wallet: 2 rows"]
    assert {"price", "balance"} <= set(found[1])
    assert len(found[2]) == len(found[3]) == len(found[1])


def test_a_long_list_is_cut_with_a_count():
    candles = [
        Candle(1700000000000 + 60000 * n, 1.0, 1.0, 1.0, 1.0, 1.0)
        for n in range(10_000)
    ]
    html = models_table(candles, "Candle")
    found = cells(html)
    assert found[0] == ["Candle: 10,000 rows"]
    assert ["… 9,980 more rows …"] in found and len(html) < 20_000


def test_an_empty_list_says_so():
    assert cells(models_table([], "Orders")) == [["Orders: 0 rows"]]
    assert cells(models_table([WALLET], "Wallet"))[0] == ["Wallet: 1 row"]


@pytest.mark.parametrize(
    "values, is_one",
    [([], False), ([1], False), ([WALLET], True), ([WALLET, 1], False)],
)
def test_lists_of_models_are_recognized(values, is_one):
    assert is_list_of_models(values) is is_one


def test_a_secret_is_not_shown():
    token = AuthToken("pub:api:paper-secret")
    assert "secret" not in model_table(token) + models_table([token], "AuthToken")


def test_models_inside_are_shown_as_tables():
    update = AccountUpdate("ws", "wallet_snapshot", [WALLET])
    assert models_table([WALLET], "Wallet") in model_table(update)
    update = AccountUpdate("wu", "wallet_update", WALLET)
    assert model_table(WALLET) in model_table(update)


def test_a_time_beyond_the_calendar_is_a_number():
    assert ["time", str(10**17)] in cells(model_table(Trade(1, 10**17, 1.0, 2.0)))


def book(bids, asks, symbol="tBTCUSD"):
    return BookSnapshot(symbol, "P0", tuple(bids), tuple(asks), True, None)


def test_a_book_has_bids_on_the_left():
    bids = [BookUpdate(99.5, 1, 2.0), BookUpdate(99.0, 3, 1.0)]
    found = cells(
        book_table(book(bids, [BookUpdate(100.0, 2, -0.5)]), "tBTCUSD P0", "frozen")
    )
    assert found == [
        ["tBTCUSD P0: 2 bids, 1 asks, best 99.5 and 100.0"],
        ["amount", "count", "bid price", "ask price", "count", "amount"],
        ["2", "1", "99.5", "100", "2", "0.5"],
        ["1", "3", "99.0"],
        ["frozen"],
    ]


def test_a_book_shows_its_best_levels():
    bids = [BookUpdate(100.0 - n, 1, 1.0) for n in range(25)]
    found = cells(book_table(book(bids, []), "tBTCUSD P0", "now"))
    assert found[0] == ["tBTCUSD P0: 25 bids, 0 asks"] and len(found) == 13
    assert found[-1] == ["the best 10 of each side, now"]
    assert cells(book_table(book(bids, []), "x"))[-1] == ["the best 10 of each side"]
    assert cells(book_table(book([], []), "x")) == [["x: 0 bids, 0 asks"]]


def test_a_funding_book_has_rates():
    offers = [FundingBookUpdate(0.0002, 30, 1, 50.0)]
    found = cells(book_table(book([], offers, "fUSD"), "fUSD P0"))
    assert found[1:] == [
        ["ask rate", "period", "count", "amount"],
        ["0.0002", "30", "1", "50"],
    ]


def test_an_error_shows_its_attributes():
    error = ApiError("<b>: invalid", code=10020, raw=["error", 10020, "paper-secret"])
    error.endpoint = "ticker/tNOPE"
    html = error_table(error)
    assert cells(html) == [
        ["ApiError: &lt;b&gt;: invalid (code 10020)"],
        ["retryable", "False"],
        ["endpoint", "ticker/tNOPE"],
        ["code", "10020"],
    ]
    assert "paper-secret" not in html


def test_an_error_shows_its_order():
    error = OrderNotFilled("not filled", order=WALLET)
    assert model_table(WALLET) in error_table(error)
    unknown = OutcomeUnknown("no answer", phase="receive", cid=7)
    assert ["cid", "7"] in cells(error_table(unknown))
    remote = RemoteError("odd", raw="paper-secret", rows=[1])
    assert "paper-secret" not in error_table(remote)


def test_decimals_keep_their_digits():
    wallet = Wallet("exchange", "USD", Decimal("1.10"), Decimal(0), None, None, None)
    assert ["balance", "1.10"] in cells(model_table(wallet))
