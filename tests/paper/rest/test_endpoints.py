from __future__ import annotations

import time
from typing import Any

import pytest

from bfxsync.paper.markets.market import is_derivative
from bfxsync.paper.markets.recipes import RECIPES
from bfxsync.paper.server.rest.routes import ROUTES

from .support import Rest

HOUR_MS = 3_600_000

PAIRS = [symbol for symbol in RECIPES if symbol.startswith("t")]
FUNDING = [symbol for symbol in RECIPES if symbol.startswith("f")]
# Which places of a row are filled, and how long it is.
DERIV = [0, 2, 3, 5, 7, 8, 9, 11, 14, 17, 21, 22]
PULSE = [0, 1, 3, 5, 6, 9, 10, 11, 12, 13, 14, 15, 18, 19]

# Path, default and maximum of limit, length of a row, places that are filled.
LISTS = [
    ("tickers/hist?symbols=tBTCUSD", 100, 250, 13, [0, 1, 3, 12]),
    ("trades/tBTCUSD/hist", 125, 10_000, 4, [0, 1, 2, 3]),
    ("trades/fUSD/hist", 125, 10_000, 5, [0, 1, 2, 3, 4]),
    ("candles/trade:1m:tBTCUSD/hist", 100, 10_000, 6, [0, 1, 2, 3, 4, 5]),
    ("candles/trade:1h:fUSD:p30/hist", 100, 10_000, 6, [0, 1, 2, 3, 4, 5]),
    ("candles/trade:6h:tETHF0:USTF0/hist", 100, 10_000, 6, [0, 1, 2, 3, 4, 5]),
    ("status/deriv/tBTCF0:USTF0/hist", 100, 5_000, 23, DERIV),
    ("funding/stats/fUSD/hist", 100, 250, 12, [0, 3, 4, 7, 8, 11]),
    ("stats1/pos.size:1m:tBTCUSD:long/hist", 100, 10_000, 2, [0, 1]),
    ("stats1/pos.size:1m:tBTCF0:USTF0:short/hist", 100, 10_000, 2, [0, 1]),
    ("stats1/funding.size:1m:fUSD/hist", 100, 10_000, 2, [0, 1]),
    ("stats1/credits.size:1m:fUSD/hist", 100, 10_000, 2, [0, 1]),
    ("stats1/credits.size.sym:1m:fUSD:tBTCUSD/hist", 100, 10_000, 2, [0, 1]),
    ("stats1/vol.1d:30m:BFX/hist", 100, 10_000, 2, [0, 1]),
    ("stats1/vwap:1d:tETHUSD/hist", 100, 10_000, 2, [0, 1]),
    ("rankings/vol:3h:tBTCUSD/hist", 125, 10_000, 10, [0, 2, 3, 6]),
    ("rankings/plr:1M:tGLOBAL:USD/hist", 125, 10_000, 10, [0, 2, 3, 6]),
    ("posts/hist", 25, 250, 4, [0, 1, 3]),
    ("pulse/hist", 25, 100, 22, PULSE),
]
# Lists that cannot be turned round.
NEWEST_FIRST = ("posts/hist", "pulse/hist")
MTS_AT = {"tickers/hist": 12, "trades": 1, "posts": 1, "pulse": 1}


def mts_of(path: str, row: list[Any]) -> int:
    at = next((at for start, at in MTS_AT.items() if path.startswith(start)), 0)
    mts: int = row[at]
    return mts


@pytest.mark.parametrize(
    ("path", "default", "maximum", "length", "filled"),
    LISTS,
    ids=[row[0] for row in LISTS],
)
def test_lists_are_paged_by_time(
    rest: Rest, path: str, default: int, maximum: int, length: int, filled: list[int]
) -> None:
    rows = rest.get(path)
    assert len(rows) == default
    for row in rows:
        assert len(row) == length
        places = [n for n, value in enumerate(row) if value is not None]
        assert [n for n in filled if n not in places] == []
        assert set(places) <= {*filled, 9}  # the name elsewhere of a ranked user
    times = [mts_of(path, row) for row in rows]
    assert times == sorted(times, reverse=True)
    assert 0 < time.time() * 1000 - times[0] < 1e12
    # Both ends are included.
    start, end = times[15], times[5]
    wanted = [row for row, mts in zip(rows, times) if start <= mts <= end]
    assert rest.get(path, start=start, end=end) == wanted
    inside = [row for row, mts in zip(rows, times) if start < mts < end]
    assert rest.get(path, start=start + 1, end=end - 1) == inside
    assert rest.get(path, start=start, end=end, limit=3) == wanted[:3]
    if path not in NEWEST_FIRST:
        turned = rest.get(path, start=start, end=end, sort=1)
        assert sorted(turned, key=str) == sorted(wanted, key=str)
        found = [mts_of(path, row) for row in turned]
        assert found == sorted(found)
        first = rest.get(path, sort=1, limit=1)
        assert mts_of(path, first[0]) < times[-1]
    assert rest.get(path, start=end, end=start) == []
    assert rest.get(path, end=0) == []
    assert rest.error(path, limit=maximum + 1) == "limit: invalid"
    assert rest.error(path, limit=0) == "limit: invalid"
    assert rest.error(path, start="yesterday") == "start: invalid"
    assert rest.error(path, sort=5) == "sort: invalid"


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("ticker/tNOPE", "symbol: invalid"),
        ("ticker/BTCUSD", "symbol: invalid"),
        ("trades/tNOPE/hist", "symbol: invalid"),
        ("book/tNOPE/P0", "symbol: invalid"),
        ("book/tBTCUSD/P5", "precision: invalid"),
        ("book/tBTCUSD/P0?len=250", "len: invalid"),
        ("book/tBTCUSD/P0?len=x", "len: invalid"),
        ("tickers", "symbols: invalid"),
        ("candles/trade:1m:tNOPE/hist", "symbol: invalid"),
        ("candles/trade:1m:tNOPE/last", "symbol: invalid"),
        ("candles/trade:4m:tBTCUSD/hist", "key: invalid"),
        ("candles/trade:1m:fUSD/last", "key: invalid"),
        ("status/deriv/tBTCUSD/hist", "key: invalid"),
        ("funding/stats/tBTCUSD/hist", "symbol: invalid"),
        ("stats1/pos.size:1m:tBTCUSD/hist", "key: invalid"),
        ("stats1/pos.size:30m:tBTCUSD:long/last", "key: invalid"),
        ("stats1/pos.size:1m:tBTCUSD:up/last", "key: invalid"),
        ("stats1/pos.size:1m:fUSD:long/last", "key: invalid"),
        ("stats1/funding.size:1m:tBTCUSD/last", "key: invalid"),
        ("stats1/credits.size.sym:1m:fUSD/last", "key: invalid"),
        ("stats1/vol.1d:30m:tBTCUSD/last", "key: invalid"),
        ("stats1/vwap:1d:fUSD/last", "key: invalid"),
        ("stats1/nope/last", "key: invalid"),
        ("rankings/plr:3h:tGLOBAL:USD/hist", "key: invalid"),
        ("rankings/plu:1w:tBTCUSD/hist", "key: invalid"),
        ("rankings/vol:3h:tNOPE/last", "key: invalid"),
        ("pulse/profile/nobody", "nickname: invalid"),
        ("posts/hist?type=x", "type: invalid"),
        ("liquidations/hist?limit=501", "limit: invalid"),
    ],
)
def test_what_does_not_exist_is_an_error(rest: Rest, path: str, message: str) -> None:
    assert rest.error(path) == message


def test_tickers_are_tickers_with_their_symbols(rest: Rest) -> None:
    rows = rest.get("tickers", symbols="ALL")
    assert sorted(row[0] for row in rows) == sorted(RECIPES)
    for symbol, *row in rows:
        assert rest.get(f"ticker/{symbol}") == row
        assert len(row) == (16 if symbol in FUNDING else 11)
    named = rest.get("tickers", symbols="fUSD,tNOPE,tBTCUSD")
    assert [row[0] for row in named] == ["fUSD", "tBTCUSD"]
    assert rest.get("tickers", symbols="tNOPE") == []


def test_the_history_of_tickers_is_hourly_and_has_no_funding(rest: Rest) -> None:
    rows = rest.get("tickers/hist", symbols="ALL", limit=250)
    assert {row[0] for row in rows} == set(PAIRS)
    times = sorted({row[12] for row in rows})
    assert {late - early for early, late in zip(times, times[1:])} == {HOUR_MS}
    for row in rows:
        assert row[1] < row[3]
    (oldest,) = rest.get("tickers/hist", symbols="tBTCUSD", limit=1, sort=1)
    assert 364 * 24 < (times[-1] - oldest[12]) / HOUR_MS <= 365 * 24
    assert rest.get("tickers/hist", symbols="fUSD") == []


@pytest.mark.parametrize("symbol", ["tBTCUSD", "fUSD"])
@pytest.mark.parametrize("prec", ["P0", "P1", "P4", "R0"])
def test_a_book_has_so_many_rows_on_each_side(
    rest: Rest, symbol: str, prec: str
) -> None:
    sign = -1 if symbol == "fUSD" else 1
    whole = None
    for length in (None, 1, 25, 100):
        rows = rest.get(f"book/{symbol}/{prec}", len=length)
        bids = [row for row in rows if row[-1] * sign > 0]
        assert rows[: len(bids)] == bids
        if prec == "R0" or prec == "P0":
            assert len(bids) == len(rows) - len(bids) == (length or 25)
        assert {len(row) for row in rows} == {4 if symbol == "fUSD" else 3}
        if length is None:
            whole = rows
        elif length == 25:
            assert rows == whole


def test_the_last_candle_is_the_first_of_the_list(rest: Rest) -> None:
    for key in ("trade:1m:tBTCUSD", "trade:1W:fUSD:a30:p2:p30"):
        (newest,) = rest.get(f"candles/{key}/hist", limit=1)
        assert rest.get(f"candles/{key}/last") == newest
    path = "candles/trade:1D:tBTCF0:USTF0/last"
    assert rest.get(path.replace(":", "%3A")) == rest.get(path)
    week, same = (rest.get(f"candles/trade:{tf}:tETHUSD/last") for tf in ("1W", "7D"))
    assert week == same


def test_the_status_of_derivatives_has_their_keys(rest: Rest) -> None:
    rows = rest.get("status/deriv", keys="ALL")
    assert [row[0] for row in rows] == ["tBTCF0:USTF0", "tETHF0:USTF0"]
    assert {len(row) for row in rows} == {24}
    assert rest.get("status/deriv") == rows
    assert rest.get("status/deriv", keys="tETHF0:USTF0,tBTCUSD") == rows[1:]


def test_liquidations_are_wrapped_once_more(rest: Rest) -> None:
    rows = rest.get("liquidations/hist", limit=500)
    assert len(rows) == 500
    assert {len(row) for row in rows} == {1}
    assert {len(row) for (row,) in rows} == {12}
    times = [row[2] for (row,) in rows]
    assert times == sorted(times, reverse=True)
    turned = rest.get("liquidations/hist", start=int(times[99]), sort=1, limit=500)
    assert turned[::-1] == [row for row in rows if row[0][2] >= int(times[99])]


def test_a_last_statistic_is_the_newest_one(rest: Rest) -> None:
    for key in ("vwap:1d:tBTCUSD", "vol.30d:30m:BFX"):
        mts, value = rest.get(f"stats1/{key}/last")
        assert rest.get(f"stats1/{key}/hist", start=mts, limit=1) == [[mts, value]]
    (bar,) = rest.get("candles/trade:1D:tBTCUSD/hist", limit=1)
    assert bar[4] <= rest.get("stats1/vwap:1d:tBTCUSD/last")[1] <= bar[3]


def test_the_last_ranking_is_the_first_place(rest: Rest) -> None:
    last = rest.get("rankings/vol:1w:tGLOBAL:USD/last")
    rows = rest.get("rankings/vol:1w:tGLOBAL:USD/hist", start=last[0])
    assert rows[0] == last
    assert [row[3] for row in rows] == [1, 2, 3, 4, 5]
    values = [row[6] for row in rows]
    assert values == sorted(values, reverse=True)


def test_the_average_price_is_that_of_the_book(rest: Rest) -> None:
    book = rest.get("book/tBTCUSD/P0", len=100)
    asks = [row for row in book if row[2] < 0]
    bids = [row for row in book if row[2] > 0]
    for side, sign in ((asks, 1), (bids, -1)):
        two = abs(side[0][2]) + abs(side[1][2]) / 2
        price, amount = rest.post("calc/trade/avg", symbol="tBTCUSD", amount=sign * two)
        assert amount == pytest.approx(sign * two)
        first, half = abs(side[0][2]), abs(side[1][2]) / 2
        wanted = (side[0][0] * first + side[1][0] * half) / (first + half)
        assert price == pytest.approx(wanted)
        # Not beyond the limit: only the first level is left.
        params = {"symbol": "tBTCUSD", "amount": str(sign * 100_000)}
        params["rate_limit"] = str(side[0][0])
        _, answer = rest.ask("calc/trade/avg", "POST", params=params)
        assert answer == [side[0][0], pytest.approx(sign * first)]
    _, amount = rest.post("calc/trade/avg", symbol="tBTCUSD", amount=-1e6)
    assert -1e6 < amount < 0
    assert rest.post(
        "calc/trade/avg", symbol="tBTCUSD", amount="1", price_limit="1"
    ) == [0, 0]


def test_the_average_rate_counts_offers_up_to_a_period(rest: Rest) -> None:
    offers = [row for row in rest.get("book/fUSD/R0", len=100) if row[3] > 0]
    best = next(row for row in offers if row[1] <= 7)
    body = {"symbol": "fUSD", "amount": best[3], "period": 7}
    assert rest.post("calc/trade/avg", **body) == [pytest.approx(best[2]), best[3]]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"symbol": "tNOPE", "amount": 1}, "symbol: invalid"),
        ({"symbol": "tBTCUSD"}, "amount: invalid"),
        ({"symbol": "tBTCUSD", "amount": 0}, "amount: invalid"),
        ({"symbol": "tBTCUSD", "amount": "much"}, "amount: invalid"),
        ({"symbol": "tBTCUSD", "amount": "inf"}, "amount: invalid"),
        ({"symbol": "fUSD", "amount": 5}, "period: invalid"),
        ({"symbol": "tBTCUSD", "amount": 1, "rate_limit": "x"}, "rate_limit: invalid"),
        (["tBTCUSD"], "symbol: invalid"),
    ],
)
def test_impossible_averages_are_refused(
    rest: Rest, body: object, message: str
) -> None:
    status, answer = rest.ask("calc/trade/avg", "POST", json=body)
    assert (status, answer) == (500, ["error", 10020, message])


def test_currencies_are_exchanged_at_last_prices(rest: Rest) -> None:
    bitcoin, ether, litecoin, tether, test = (
        rest.get(f"ticker/{symbol}")[6]
        for symbol in ("tBTCUSD", "tETHBTC", "tLTCUSD", "tUSTUSD", "tTESTBTC:TESTUSD")
    )
    for base, quote, wanted in (
        ("BTC", "USD", bitcoin),
        ("USD", "BTC", 1 / bitcoin),
        ("LTC", "USD", litecoin),
        ("ETH", "BTC", ether),
        ("XRP", "ETH", 0.62 / 2480),
        ("USTF0", "USD", tether),
        ("EUR", "USD", 1.08),
        ("UST", "EUR", tether / 1.08),
        ("TESTBTC", "TESTUSD", bitcoin),
        ("BTC", "BTC", 1),
    ):
        assert rest.post("calc/fx", ccy1=base, ccy2=quote) == [
            pytest.approx(wanted, rel=0.01)  # markets move meanwhile
        ]
    for body in ({"ccy1": "USD", "ccy2": "XXX"}, {"ccy1": "USD"}):
        status, answer = rest.ask("calc/fx", "POST", json=body)
        assert (status, answer[:2]) == (500, ["error", 10020])


def test_conf_has_one_item_per_key(rest: Rest) -> None:
    pairs, futures, codes, names, info, nothing = rest.get(
        "conf/pub:list:pair:exchange,pub:list:pair:futures,pub:list:currency,"
        "pub:map:currency:sym,pub:info:pair,pub:no:such:key"
    )
    derivatives = [symbol for symbol in PAIRS if is_derivative(symbol)]
    assert [f"t{pair}" for pair in futures] == derivatives
    assert [f"t{pair}" for pair in pairs] == sorted({*PAIRS} - {*derivatives})
    assert codes == (
        "BTC BTCF0 ETH ETHF0 LTC TESTBTC TESTUSD USD UST USTF0 XRP".split()
    )
    assert ["UST", "USDt"] in names
    assert [row[0] for row in info] == pairs
    assert {len(row[1]) for row in info} == {12}
    assert type(info[0][1][3]) is str
    assert nothing == []
    assert rest.get("conf/pub:list:pair:exchange") == [pairs]


def test_every_documented_conf_key_has_its_shape(rest: Rest) -> None:
    maps = ["label", "unit", "undl", "pool", "explorer", "tx:fee"]
    for key in maps:
        for code, value in rest.get(f"conf/pub:map:currency:{key}")[0]:
            assert type(code) is str and value
    (explorers,) = rest.get("conf/pub:map:currency:explorer")
    assert all(urls[2].endswith("/tx/VAL") for _, urls in explorers)
    (methods,) = rest.get("conf/pub:map:tx:method")
    assert ["BITCOIN", ["BTC"]] in methods
    (transfers,) = rest.get("conf/pub:info:tx:status")
    assert {len(row) for row in transfers} == {12}
    (fees,) = rest.get("conf/pub:fees")
    assert len(fees["deriv_perp"]) == 3
    (margins,) = rest.get("conf/pub:spec:margin")
    assert margins["initial"]["BTCUSD"] == 0.2
    (futures,) = rest.get("conf/pub:info:pair:futures")
    assert {len(row[1]) for row in futures} == {10}
    for key in ("pair:margin", "pair:securities", "currency:margin", "competitions"):
        assert isinstance(rest.get(f"conf/pub:list:{key}")[0], list)


def test_samples_have_their_shapes(rest: Rest) -> None:
    assert rest.get("platform/status") == [1]
    for company in rest.get("ext/vasps"):
        assert set(company) == {"id", "name"}
    assert rest.get("ext/pay/invoice/currency/detailed")
    message = rest.get("pulse/hist", limit=1)[0]
    profile = message[18][0]
    assert len(profile) == 17
    assert rest.get(f"pulse/profile/{profile[3]}") == profile


def test_every_route_is_answered(rest: Rest) -> None:
    values = {
        "symbol": "fUSD",
        "precision": "P0",
        "candle": "trade:1h:fUSD:p2",
        "keys": "pub:list:currency",
        "nickname": "ada",
    }
    keys = {
        "status": "tBTCF0:USTF0",
        "stats1": "vwap:1d:tBTCUSD",
        "rankings": "vol:3h:tBTCUSD",
    }
    params = {"symbols": "ALL", "ccy1": "BTC", "ccy2": "USD"}
    params.update(symbol="tBTCUSD", amount="1")
    for route in ROUTES:
        key = keys.get(route.path.split("/")[0], "")
        path = route.path.format(key=key, **values)
        status, answer = rest.ask(path, route.method, params=params)
        assert status == 200 and answer
