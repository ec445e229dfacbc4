"""Other spellings of a symbol, from the request to the recording."""

from __future__ import annotations

import gzip

import pytest

from bfxsync import SubscriptionRejected, WebSocketClient, replay


def test_all_spellings_share_one_channel(client):
    handles = [
        client.subscribe_book("tBTCUSD"),
        client.subscribe_book("BTC/USD"),
        client.subscribe("book", symbol="btcusd", len=25),
    ]
    assert len(client._core.placement.links[0].session.tokens) == 1
    assert {handle.symbol for handle in handles} == {"tBTCUSD"}
    assert {handle["symbol"] for handle in handles} == {"tBTCUSD"}


def test_recording_has_the_exchange_symbol(exchange, tmp_path):
    path = tmp_path / "run.jsonl.gz"
    with WebSocketClient(exchange.url, record=path) as client:
        client.subscribe_candles("BTC/USD", "1m")
        client.subscribe_status("deriv:BTCF0/USTF0")
    with gzip.open(path, "rt") as lines:
        text = lines.read()
    assert "BTC/USD" not in text and "BTCF0/USTF0" not in text
    with replay(path) as recording:
        keys = [channel["key"] for channel in recording.channels]
        assert keys == ["trade:1m:tBTCUSD", "deriv:tBTCF0:USTF0"]
        recording.subscribe_candles("btcusd", "1m")
        recording.subscribe_status("deriv:BTCF0/USTF0")
        with pytest.raises(SubscriptionRejected, match="trade:1m:tETHUSD is not in"):
            recording.subscribe_candles("ETH/USD", "1m")


def test_paper_symbols_of_the_exchange_are_sent(client):
    with pytest.raises(SubscriptionRejected, match="tTESTETH:TESTUSD"):
        client.subscribe_ticker("TESTETH/TESTUSD")
