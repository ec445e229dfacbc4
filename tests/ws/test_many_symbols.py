"""One handler for many symbols, live and from a recording."""

from __future__ import annotations

import pytest

from bfxsync import Flag, Gap, Snapshot, WebSocketClient
from bfxsync.paper import PaperExchange
from bfxsync.ws.replay import replay

EVENTS = (
    "t_ticker_update",
    "t_trade_execution",
    "t_trade_execution_update",
    "t_book_update",
    "candles_update",
    "t_trades_snapshot",
)
REQUESTS = [
    {"channel": name, "symbol": symbol}
    for name in ("ticker", "trades", "book")
    for symbol in ("tBTCUSD", "tETHUSD")
] + [{"channel": "candles", "key": "trade:1m:tETHUSD"}]


def subscribe(client, take):
    """Let one function handle all events and data; it gets the request's symbol beside them."""
    for event in EVENTS:
        client.on(event, lambda subscription, data: take(subscription, data))
    return [
        client.subscribe(
            **request,
            callback=lambda update, request=request: take(request, update),
            on_event=lambda event, request=request: take(request, event),
        )
        for request in REQUESTS
    ]


class Seen:
    """Which models were seen of which symbol, and whether each one said so itself."""

    def __init__(self):
        self.kinds, self.wrong = set(), []

    def __call__(self, request, data):
        if isinstance(data, Gap):
            return
        symbol = request.get("symbol") or request["key"].split(":")[-1]
        rows = getattr(data, "rows", data if isinstance(data, list) else [data])
        self.kinds.add((type(data), symbol, len(rows) > 0))
        for row in rows:
            timeframe = getattr(row, "timeframe", "1m")
            if (row.symbol, timeframe) != (symbol, "1m") or not row.server_mts:
                self.wrong.append(row)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """Return a recording, and what was seen while it was made."""
    path, seen = tmp_path_factory.mktemp("origin") / "run.jsonl", Seen()
    flags = Flag.SEQ_ALL | Flag.OB_CHECKSUM | Flag.TIMESTAMP | Flag.BULK_UPDATES
    with (
        PaperExchange(rate=300) as exchange,
        WebSocketClient(exchange.url, flags=flags, record=path) as client,
    ):
        handles = subscribe(client, seen)
        with client.subscribe_trades("tETHUSD") as trades:
            for _ in range(30):
                trade = trades.get(10)
                assert trade.symbol == "tETHUSD" and trade.sent_at is not None
        book = handles[4].book
        assert book.best_bid.symbol == book.snapshot().best_ask.symbol == "tBTCUSD"
    return path, seen


def test_every_update_says_what_it_is_of(recorded):
    _, seen = recorded
    assert seen.wrong == []
    assert {symbol for _, symbol, _ in seen.kinds} == {"tBTCUSD", "tETHUSD"}
    names = {kind.__name__ for kind, _, _ in seen.kinds}
    assert names >= {"Ticker", "Trade", "TradeUpdate", "BookUpdate", "Candle"}
    assert (Snapshot, "tETHUSD", True) in seen.kinds and (
        list,
        "tBTCUSD",
        True,
    ) in seen.kinds


def test_replay_says_the_same(recorded):
    path, seen = recorded
    again = Seen()
    with replay(path) as client:
        subscribe(client, again)
        client.run()
    assert again.wrong == []
    assert {kind for kind, _, _ in again.kinds} == {kind for kind, _, _ in seen.kinds}
