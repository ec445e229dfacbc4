"""Other spellings of a symbol in requests, answers and outcomes."""

from __future__ import annotations

from typing import Iterator

import pytest

from bfxsync import Client, OutcomeUnknown, UsageError
from bfxsync.paper import PaperExchange


@pytest.fixture
def exchange() -> Iterator[PaperExchange]:
    with PaperExchange(rate=0.001) as exchange:
        yield exchange


@pytest.fixture
def bfx(exchange: PaperExchange) -> Iterator[Client]:
    host = exchange.rest_url
    with Client("paper-key", "paper-secret", rest_host=host, absence_s=0.2) as client:
        yield client


def test_public_methods_ask_for_the_exchange_symbol(bfx: Client) -> None:
    public = bfx.rest.public
    assert set(public.get_tickers(["BTC/USD", "btcusd", "fUSD"])) == {"tBTCUSD", "fUSD"}
    assert public.get_t_book("ETHUSD") == public.get_t_book("tETHUSD")
    candles = public.get_candles_hist("BTC/USD", "1m", limit=2)
    assert candles == public.get_candles_hist("tBTCUSD", "1m", limit=2)
    assert public.get_stats_last("pos.size:1m:BTC/USD:long").mts > 0
    (status,) = public.get_derivatives_status(["BTCF0/USTF0"]).values()
    assert status.key == "tBTCF0:USTF0"
    assert (public.get_open_interest("BTCF0/USTF0").open_interest or 0) > 0
    assert next(public.iter_trades("BTC/USD")).price > 0


def test_lost_order_is_found_by_the_exchange_symbol(
    exchange: PaperExchange, bfx: Client
) -> None:
    exchange.inject("lost_answer", path="auth/w/order/submit")
    with pytest.raises(OutcomeUnknown) as caught:
        bfx.rest.auth.submit_order("EXCHANGE LIMIT", "BTC/USD", "0.1", "50000")
    assert caught.value.resolve().symbol == "tBTCUSD"
    assert [order.symbol for order in bfx.rest.auth.get_orders(symbol="btcusd")] == [
        "tBTCUSD"
    ]


def test_lists_tell_what_can_be_funded(bfx: Client) -> None:
    assert bfx.symbols.fundable == ("fBTC", "fUSD", "fUST")
    assert bfx.symbols.check("fUSD") == "fUSD"
    assert bfx.symbols.check("BTC/USD") == "tBTCUSD"
    with pytest.raises(UsageError, match="no symbol 'fETH': ETH has no funding market"):
        bfx.symbols.check("fETH")
