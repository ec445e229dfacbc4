"""The value of wallets by cross rates: which pairs are used, and what no pair reaches."""

from __future__ import annotations

from datetime import datetime, timezone
from decimal import Decimal, localcontext
from typing import Any, Iterator, Optional

import pandas
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bfxsync import ClosedError, UsageError
from bfxsync.models import Ticker, Wallet
from bfxsync.paper import PaperExchange
from bfxsync.valuation.cross_rates import MAX_SPREAD_RATIO, CrossRate, rates_to
from bfxsync.valuation.portfolio import Portfolio

NOON = datetime(2026, 1, 31, 12, tzinfo=timezone.utc)


def ticker(
    bid: Optional[float], ask: Optional[float], last: Optional[float] = 1.0
) -> Ticker:
    return Ticker(bid, 1.0, ask, 1.0, 0.0, 0.0, last, 1.0, 1.0, 1.0)


def wallet(
    currency: str, balance: float, kind: str = "exchange", **more: Any
) -> Wallet:
    fields = {"unsettled_interest": 0.0, "available_balance": balance, **more}
    return Wallet(
        kind, currency, balance, last_change=None, trade_details=None, **fields
    )


def rate(quote: str, base: str, **tickers: Ticker) -> Optional[CrossRate]:
    named = {f"t{name.replace('_', ':')}": each for name, each in tickers.items()}
    return rates_to(quote, named, [base]).get(base)


# --- rates ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "base, quote, expected, path",
    [
        ("USD", "USD", "1", ""),
        ("BTC", "USD", "50", "tBTCUSD"),
        ("USD", "BTC", "0.02", "1/tBTCUSD"),
        # Two pairs, although a way over three has smaller spreads.
        ("XRP", "USD", "100", "tXRPBTC tBTCUSD"),
        ("DUSK", "BTC", "0.04", "tDUSK:USD 1/tBTCUSD"),
        ("USTF0", "USD", "1.25", "USTF0=UST tUSTUSD"),
        ("USD", "USTF0", "0.8", "1/tUSTUSD UST=USTF0"),
        ("BTC", "USTF0", "40", "tBTCUSD 1/tUSTUSD UST=USTF0"),
        ("TESTUSD", "USD", None, None),
        # Nobody holds the base currency of a derivative.
        ("BTCF0", "USTF0", "40", "BTCF0=BTC tBTCUSD 1/tUSTUSD UST=USTF0"),
    ],
)
def test_rate_follows_the_shortest_path(
    base: str, quote: str, expected: Optional[str], path: Optional[str]
) -> None:
    found = rate(
        quote,
        base,
        BTCUSD=ticker(49, 51),
        XRPBTC=ticker(1.98, 2.02),
        XRPETH=ticker(1, 1),
        ETHEUR=ticker(1, 1),
        EURUSD=ticker(1, 1),
        DUSK_USD=ticker(2, 2),
        USTUSD=ticker(1.25, 1.25),
        BTCF0_USTF0=ticker(77, 77),
        TESTBTC_TESTUSD=ticker(5, 5),
    )
    if expected is None or found is None:
        assert found is expected is None
        return
    assert (found.base, found.quote, found.path) == (base, quote, path)
    assert found.rate.normalize() == Decimal(expected) and not found.is_doubtful
    ends = [step.base for step in found.steps], [step.quote for step in found.steps]
    assert ends[0][1:] == ends[1][:-1]


def test_smaller_spreads_decide_between_paths_of_one_length() -> None:
    found = rate(
        "USD",
        "XRP",
        XRPBTC=ticker(0.99, 1.01),
        BTCUSD=ticker(5, 5),
        XRPETH=ticker(1, 1),
        ETHUSD=ticker(7.001, 7.003),
    )
    assert found is not None and found.path == "tXRPETH tETHUSD"
    assert found.rate == Decimal("7.002")


@pytest.mark.parametrize(
    "doubtful", [ticker(1, 2), ticker(None, 2, 3), ticker(1, 0, 3), ticker(0, 0, 3)]
)
def test_doubtful_pair_is_used_only_if_nothing_else_is_there(doubtful: Ticker) -> None:
    alone = rate("USD", "XRP", XRPUSD=doubtful)
    assert alone is not None and alone.is_doubtful
    assert alone.rate == (Decimal("1.5") if doubtful.bid and doubtful.ask else 3)
    ways = {"XRPBTC": ticker(1, 1), "BTCETH": ticker(1, 1), "ETHUSD": ticker(9, 9)}
    longer = rate("USD", "XRP", XRPUSD=doubtful, **ways)
    assert longer is not None and longer.rate == 9 and not longer.is_doubtful


def test_pair_without_any_price_joins_nothing() -> None:
    for nothing in (ticker(None, None, None), ticker(1, None, 0), ticker(-1, 1, None)):
        assert rate("USD", "XRP", XRPUSD=nothing) is None


def test_application_context_does_not_change_a_rate() -> None:
    with localcontext() as context:
        context.prec = 2
        found = rate("BTC", "USD", BTCUSD=ticker(64_250, 64_252))
    assert found is not None
    assert str(found.rate).startswith("0.000015563960094006318")


PRICES = st.floats(1e-6, 1e6)


@given(st.lists(st.tuples(PRICES, st.floats(1, 1.2)), min_size=3, max_size=3))
def test_rates_back_and_forth_are_reciprocal(drawn: Any) -> None:
    names = ("tXRPBTC", "tBTCUSD", "tUSDEUR")
    tickers = {
        name: ticker(bid, bid * factor) for name, (bid, factor) in zip(names, drawn)
    }
    for one in ("XRP", "BTC", "USD", "EUR"):
        for other, there in rates_to(one, tickers).items():
            back = rates_to(other, tickers)[one]
            assert abs(there.rate * back.rate - 1) < Decimal("1e-30")
            spreads = [factor for _, factor in drawn]
            wide = Decimal(max(spreads)) - 1 > 2 * MAX_SPREAD_RATIO
            assert wide or not there.is_doubtful or max(spreads) > 1.05


# --- the portfolio ----------------------------------------------------------------------------


WALLETS = [
    wallet("USD", 1000.0, "margin", unsettled_interest=-2.5),
    wallet("BTC", -0.1),
    wallet("ABC", 12.5, "funding", available_balance=None),
    wallet("XYZ", 0.0),
    wallet("BTC", 0.0, "funding", unsettled_interest=0.01),
]
TICKERS = {"tBTCUSD": ticker(49.0, 51.0), "tABC:XYZ": ticker(1.0, 1.0)}


def portfolio(currency: str = "USD", number: Any = float, **more: Any) -> Portfolio:
    rows = [
        Wallet.from_row(
            [
                w.wallet_type,
                w.currency,
                w.balance,
                w.unsettled_interest,
                w.available_balance,
            ],
            number,
        )
        for w in WALLETS
    ]
    return Portfolio.of(rows, TICKERS, currency, NOON, number, **more)


@pytest.mark.parametrize("number", [float, Decimal])
def test_each_wallet_has_its_value(number: Any) -> None:
    found = portfolio(number=number)
    assert [row.value for row in found] == [1000, -5, None, None, 0]
    assert [row.unsettled_value for row in found] == [-2.5, 0, None, None, 0.5]
    assert (found.total, found.unsettled, len(found)) == (995, -2, 5)
    assert type(found.total) is type(found.unsettled) is number
    assert {type(row.rate) for row in found} == {number, type(None)}
    assert found.rates["BTC"].path == found.rows[1].path == "tBTCUSD"
    assert sorted(found.rates) == ["BTC", "USD"]


def test_balance_without_a_rate_is_listed_and_not_counted() -> None:
    found = portfolio()
    assert [row.currency for row in found.unvalued] == ["ABC"]
    assert [row.currency for row in portfolio("XYZ").unvalued] == ["USD", "BTC", "BTC"]


def test_it_is_printed_as_a_table() -> None:
    assert repr(portfolio()) == str(portfolio())
    assert str(portfolio()).splitlines() == [
        "Portfolio in USD as of 2026-01-31 12:00:00 UTC",
        "wallet    currency   balance   rate     value  by",
        "margin    USD       1,000.00   1.00  1,000.00",
        "exchange  BTC          -0.10  50.00     -5.00  tBTCUSD",
        "funding   ABC          12.50          no rate",
        "funding   BTC           0.00  50.00      0.00  tBTCUSD",
        "total     USD                          995.00",
        "no rate, so not in the total: ABC",
        "unsettled interest, not in the total: -2.00 USD",
    ]


def test_small_totals_have_eight_places() -> None:
    tickers = {"tBTCUSD": ticker(30.0, 60.0)}
    found = Portfolio.of([wallet("USD", 1.0)], tickers, "BTC", NOON)
    assert str(found).splitlines()[2:] == [
        "exchange  USD          1.00  0.022222222  0.02222222  1/tBTCUSD",
        "total     BTC                             0.02222222",
        "wide spread or last price only: USD",
    ]
    assert found.rates["USD"].is_doubtful


def test_empty_account_is_worth_nothing() -> None:
    found = Portfolio.of([], TICKERS, "USD", NOON)
    assert (found.total, found.unvalued, len(found)) == (0.0, (), 0)
    assert str(found).splitlines()[2:] == ["total   USD                       0.00"]
    assert list(found.df().columns) == list(portfolio().df().columns)
    assert dict(found.df().dtypes) == dict(portfolio().df().dtypes)


def test_html_table_has_the_same_cells_escaped() -> None:
    odd = wallet("<b>", 5.0)
    html = Portfolio.of([odd, *WALLETS], TICKERS, "USD", NOON)._repr_html_()
    assert html is not None and "<b>" not in html and "&lt;b&gt;" in html
    assert html.count("<tr>") == 1 + 5 and "total 995.00 USD" in html
    assert "no rate, so not in the total: &lt;b&gt;, ABC" in html


def test_dataframe_has_a_row_for_each_wallet() -> None:
    frame: Any = portfolio().df()
    assert frame["value"].isna().tolist() == [False, False, True, True, False]
    assert frame["balance"].dtype == "float64" and frame.shape == (5, 9)
    assert frame.groupby("currency")["value"].sum()["USD"] == 1000.0
    exact: Any = portfolio(number=Decimal).df()
    assert exact["value"][1] == Decimal("-5") and exact["rate"].dtype == object
    assert isinstance(frame.index, pandas.RangeIndex)
    assert portfolio().arrow()["path"].to_pylist()[1] == "tBTCUSD"


# --- the client -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def exchange() -> Iterator[PaperExchange]:
    with PaperExchange(paused=True) as exchange:
        yield exchange


@pytest.mark.once
@pytest.mark.parametrize("number", [float, Decimal])
def test_client_values_its_wallets(exchange: PaperExchange, number: Any) -> None:
    with exchange.client(numbers=number) as bfx:
        found, wallets = bfx.portfolio(), bfx.rest.auth.get_wallets()
        tickers = bfx.rest.public.get_t_tickers("ALL")
        skew_s = bfx.rest.stats()["clock_skew_s"] or 0.0
    bitcoin: Any = tickers["tBTCUSD"]
    expected = (bitcoin.bid + bitcoin.ask) / 2
    assert float(found.rates["BTC"].rate) == expected
    assert [row.currency for row in found] == [each.currency for each in wallets]
    assert type(found.total) is number and float(found.total) > 1_000_000
    assert {row.currency for row in found.unvalued} == {"EUR", "TESTBTC", "TESTUSD"}
    age_s = datetime.now(timezone.utc).timestamp() - skew_s - found.time.timestamp()
    assert abs(age_s) < 60


@pytest.mark.once
def test_portfolio_refuses_what_is_no_currency(exchange: PaperExchange) -> None:
    with exchange.client() as bfx:
        bad: Any
        for bad in ("usd", "", None, 5, "tBTCUSD"):
            with pytest.raises(UsageError, match="currency must be a currency in"):
                bfx.portfolio(bad)
        with pytest.raises(
            UsageError, match="traded or held, not 'USDX'; did you mean"
        ):
            bfx.portfolio("USDX")
    with pytest.raises(ClosedError):
        bfx.portfolio()
