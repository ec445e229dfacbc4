"""The rule for symbols, its proposals, and the keys that contain symbols."""

from __future__ import annotations

import re
from typing import Any, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bfxsync.checks.candles import candle_key, check_candle_key, check_candle_symbol
from bfxsync.checks.keys import check_ranking, check_statistic, check_status_key
from bfxsync.checks.symbols import (
    check_currency,
    check_funding,
    check_optional_symbol,
    check_pair,
    check_pay_currency,
    check_symbol,
    check_symbols,
    find_symbol,
    propose_symbol,
)
from bfxsync.errors import UsageError

CODES = st.text("ABCXYZ019", min_size=2, max_size=9)


@pytest.mark.parametrize(
    "symbol",
    [
        "tBTCUSD",
        "tDOGE:USD",
        "tDUSK:USD",
        "tBTCF0:USTF0",
        "tTESTBTC:TESTUSD",
        "tTESTBTCF0:TESTUSDTF0",
        "tGLOBAL:USD",
        "fUSD",
        "fUST",
        "fTESTUSD",
        # Not read as six letters, and not corrected.
        "tRXUSD",
        "fABCDE",
        "tBTCUSDT",
        "fUSDT",
    ],
)
def test_exchange_symbol_stays_as_it_is(symbol: str) -> None:
    assert check_symbol(symbol) == symbol


@pytest.mark.parametrize(
    "text, symbol",
    [
        ("BTC/USD", "tBTCUSD"),
        ("ETH/UST", "tETHUST"),
        ("DOGE/USD", "tDOGE:USD"),
        ("BTC/CNHT", "tBTC:CNHT"),
        ("BTCF0/USTF0", "tBTCF0:USTF0"),
        ("TESTBTC/TESTUSD", "tTESTBTC:TESTUSD"),
        ("TESTBTC/TESTUSDT", "tTESTBTC:TESTUSDT"),
        ("BTCUSD", "tBTCUSD"),
        ("btcusd", "tBTCUSD"),
        ("BtcUsd", "tBTCUSD"),
        ("trxusd", "tTRXUSD"),
        ("fetusd", "tFETUSD"),
        ("FETUSD", "tFETUSD"),
    ],
)
def test_other_spelling_becomes_the_symbol(text: str, symbol: str) -> None:
    assert check_symbol(text) == check_pair(text) == symbol
    assert check_candle_symbol(text) == symbol
    with pytest.raises(UsageError, match="funding currency .* not '" + text):
        check_funding(text)


@pytest.mark.parametrize(
    "text, proposal",
    [
        ("tbtcusd", "tBTCUSD"),
        ("TBTCUSD", "tBTCUSD"),
        ("btc/usd", "tBTCUSD"),
        ("trx/usd", "tTRXUSD"),
        ("tBTC/USD", "tBTCUSD"),
        ("BTC-USD", "tBTCUSD"),
        ("BTC_USD", "tBTCUSD"),
        ("BTC:USD", "tBTCUSD"),
        ("DOGE:USD", "tDOGE:USD"),
        ("BTCF0:USTF0", "tBTCF0:USTF0"),
        ("DOGEUSD", "tDOGE:USD"),
        ("dogeusd", "tDOGE:USD"),
        ("TRUMPUSD", "tTRUMP:USD"),
        ("TESTBTCTESTUSD", "tTESTBTC:TESTUSD"),
        ("testbtc/testusd", "tTESTBTC:TESTUSD"),
        (" tBTCUSD\n", "tBTCUSD"),
        ("tabcxyz", "tABCXYZ"),
        ("ſtcuſd", "tSTCUSD"),
        # Names of other exchanges, and of the web site.
        ("BTC/USDT", "tBTCUST"),
        ("BTCUSDT", "tBTCUST"),
        ("trxusdt", "tTRXUST"),
        ("USDC/USDT", "tUDCUST"),
        ("dUSK/USD", "tDUSK:USD"),
        ("dUSKUSD", "tDUSK:USD"),
        ("dUSK", "fDUSK"),
        ("USD", "fUSD"),
        ("fusd", "fUSD"),
        ("USDT", "fUST"),
        ("fUSDt", "fUST"),
    ],
)
def test_refusal_proposes_a_symbol(text: str, proposal: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_symbol(text)
    assert "in capitals" in str(caught.value)
    assert str(caught.value).endswith(f"not {text!r}; did you mean {proposal!r}?")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "t",
        "f",
        "tBTCUSD,tETHUSD",
        "t:USD",
        "fUSD:p30",
        "A/B",
        "BTC/",
        "tA:B:C",
        "tÄTCUSD",
    ],
)
def test_refusal_without_likely_meaning_proposes_nothing(text: str) -> None:
    with pytest.raises(
        UsageError, match=rf"in capitals.* not {re.escape(repr(text))}$"
    ):
        check_symbol(text)


@pytest.mark.parametrize(
    "check, text, proposal",
    [
        (check_pair, "USD", None),
        (check_pair, "btc-usd", "tBTCUSD"),
        (check_funding, "usd", "fUSD"),
        (check_funding, "btc-usd", None),
    ],
)
def test_proposal_is_of_the_kind_that_is_needed(
    check: Callable[[object], str], text: str, proposal: str | None
) -> None:
    with pytest.raises(UsageError) as caught:
        check(text)
    hint = f"did you mean {proposal!r}?"
    assert str(caught.value).endswith(hint if proposal else f"not {text!r}")


@given(CODES, CODES)
def test_slash_means_a_colon_for_long_legs(base: str, quote: str) -> None:
    symbol = find_symbol(f"{base}/{quote}")
    long = len(base) > 3 or len(quote) > 3
    assert symbol == (f"t{base}:{quote}" if long else f"t{base}{quote}")


@given(st.text("tfTFBCUSDacx0/:-_ ", max_size=14))
def test_results_and_proposals_are_symbols(text: str) -> None:
    symbol = find_symbol(text)
    if symbol is not None:
        assert find_symbol(symbol) == symbol
        return
    for kinds in ("t", "f", "tf"):
        proposal = propose_symbol(text, kinds)
        assert proposal is None or (
            find_symbol(proposal) == proposal != text and proposal[0] in kinds
        )


@pytest.mark.parametrize(
    "check, key, checked",
    [
        (check_candle_key, "trade:1m:BTC/USD", "trade:1m:tBTCUSD"),
        (check_candle_key, "trade:1W:fetusd", "trade:7D:tFETUSD"),
        (check_status_key, "deriv:BTCF0/USTF0", "deriv:tBTCF0:USTF0"),
        (check_statistic, "pos.size:1m:BTC/USD:long", "pos.size:1m:tBTCUSD:long"),
        (
            check_statistic,
            "pos.size:1m:BTCF0/USTF0:short",
            "pos.size:1m:tBTCF0:USTF0:short",
        ),
        (check_statistic, "vwap:1d:btcusd", "vwap:1d:tBTCUSD"),
        (
            check_statistic,
            "credits.size.sym:1m:fUSD:BTC/USD",
            "credits.size.sym:1m:fUSD:tBTCUSD",
        ),
        (check_statistic, "credits.size:1m:fUSD", "credits.size:1m:fUSD"),
        (check_statistic, "vol.1d:30m:BFX", "vol.1d:30m:BFX"),
        (check_ranking, "vol:3h:BTC/USD", "vol:3h:tBTCUSD"),
        (check_ranking, "plu_diff:1w:tGLOBAL:USD", "plu_diff:1w:tGLOBAL:USD"),
    ],
)
def test_keys_contain_the_exchange_symbol(
    check: Callable[[object], str], key: str, checked: str
) -> None:
    assert check(key) == checked
    assert check(checked) == checked


def test_omitted_symbol_stays_none() -> None:
    assert check_optional_symbol(None, check_pair) is None
    assert check_optional_symbol("BTC/USD", check_pair) == "tBTCUSD"


def test_list_has_each_symbol_once() -> None:
    symbols = ["BTC/USD", "tBTCUSD", "btcusd", "fUSD"]
    assert check_symbols("symbols", symbols) == "tBTCUSD,fUSD"


@pytest.mark.parametrize(
    "text, proposal",
    [("fusd:p30", "fUSD:p30"), ("fUsd:A30:P2:P30", "fUSD:a30:p2:p30"), ("fusd", None)],
)
def test_candles_of_funding_have_a_proposal(text: str, proposal: str | None) -> None:
    with pytest.raises(UsageError) as caught:
        candle_key(text, "1h", "tf")
    hint = f"; did you mean {proposal!r}?" if proposal else ""
    assert str(caught.value).endswith(f"not {text!r}{hint}")


@pytest.mark.parametrize(
    "text, proposal",
    [("usd", "USD"), ("fUSD", "USD"), ("usdt", "UST"), ("", None), (5, None)],
)
def test_currency_has_a_proposal(text: Any, proposal: str | None) -> None:
    with pytest.raises(UsageError, match="^ccy1 must be a currency in cap") as caught:
        check_currency("ccy1", text)
    hint = f"; did you mean {proposal!r}?" if proposal else ""
    assert str(caught.value).endswith(f"not {text!r}{hint}")


def test_payment_currencies_are_not_symbols() -> None:
    assert check_pay_currency("ccy", "UST-ETH") == "UST-ETH"
    assert check_pay_currency("ccy", "BTCUSD") == "BTCUSD"
    for text in ("UST/ETH", "ust-eth"):
        with pytest.raises(UsageError, match="ccy must be a currency in capitals"):
            check_pay_currency("ccy", text)
