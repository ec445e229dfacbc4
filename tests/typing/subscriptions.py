"""
The types of subscriptions, for type checkers alone: nothing here is ever run.

An expected error is marked for both checkers, which report a mark that is not needed.
"""

from __future__ import annotations

from typing import Any, Iterator, List, Union

from typing_extensions import assert_type

from bfxsync import (
    BookSnapshot,
    BookSubscription,
    BookUpdate,
    BookView,
    Candle,
    CandleSubscription,
    Client,
    Degraded,
    DerivativesStatus,
    FundingBookUpdate,
    FundingRawBookUpdate,
    FundingTicker,
    FundingTrade,
    Gap,
    Liquidation,
    Policy,
    RawBookUpdate,
    RawRow,
    Snapshot,
    Status,
    Subscription,
    Ticker,
    Trade,
    WebSocketClient,
)
from bfxsync.notebook import LiveView
from bfxsync.types import FundingSymbol


def on_ticker(ticker: Ticker) -> None: ...


def on_funding_ticker(ticker: FundingTicker) -> None: ...


def on_trade(trade: Trade) -> None: ...


def on_funding_trade(trade: FundingTrade) -> None: ...


def on_level(level: BookUpdate) -> None: ...


def on_order(order: RawBookUpdate) -> None: ...


def on_either(ticker: Union[Ticker, FundingTicker]) -> int:
    return 1


def on_anything(item: Any) -> None: ...


def on_object(item: object) -> None: ...


class Book:
    def on_level(self, level: BookUpdate) -> bool:
        return True


def iteration_yields_the_data_of_the_channel(wss: WebSocketClient) -> None:
    for ticker in wss.subscribe_ticker("tBTCUSD"):
        assert_type(ticker, Ticker)
    for trade in wss.subscribe_trades("tBTCUSD", wait=False):
        assert_type(trade, Trade)
    for level in wss.subscribe_book("tBTCUSD"):
        assert_type(level, BookUpdate)
    for candle in wss.subscribe_candles("tBTCUSD", "1m"):
        assert_type(candle, Candle)
    assert_type(wss.subscribe_candles("tBTCUSD", "1m").candles, List[Candle])
    assert_type(wss.subscribe("candles", key="trade:1m:tBTCUSD"), CandleSubscription)
    assert_type(wss.subscribe_candles("tBTCUSD", "1m").show(), LiveView)
    assert_type(wss.subscribe_book("tBTCUSD").show(levels=5), LiveView)
    for status in wss.subscribe_status("deriv:tBTCF0:USTF0"):
        assert_type(status, DerivativesStatus)
    for row in wss.subscribe_raw("news", symbol="tBTCUSD", depth=5):
        assert_type(row, RawRow)
    for liquidation in wss.subscribe_status("liq:global"):
        assert_type(liquidation, Liquidation)
    assert_type(
        wss.subscribe_derivatives_status("tBTCF0:USTF0"),
        Subscription[DerivativesStatus],
    )
    assert_type(wss.subscribe_liquidations(), Subscription[Liquidation])


def an_item_has_the_fields_of_its_model(wss: WebSocketClient) -> None:
    for trade in wss.subscribe_trades("tBTCUSD"):
        assert_type(trade.price, float)
        trade.rate  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]


def get_and_events_are_typed(subscription: Subscription[Ticker]) -> None:
    assert_type(subscription.get(1.0), Ticker)
    assert_type(iter(subscription), Iterator[Ticker])
    for item in subscription.events():
        assert_type(item, Union[Ticker, Snapshot[Ticker], Gap, Status, Degraded])
        if isinstance(item, Snapshot):
            assert_type(item.rows, List[Ticker])
        elif isinstance(item, Gap):
            assert_type(item.dropped, int)
    with subscription as same:
        assert_type(same, Subscription[Ticker])


def a_funding_currency_is_known_by_its_name(wss: WebSocketClient, symbol: str) -> None:
    assert_type(wss.subscribe_ticker("fUSD"), Subscription[FundingTicker])
    assert_type(wss.subscribe_trades("fUST", print), Subscription[FundingTrade])
    assert_type(wss.subscribe_book("fUSD"), BookSubscription[FundingBookUpdate])
    assert_type(
        wss.subscribe_book("fUSD", prec="R0"), BookSubscription[FundingRawBookUpdate]
    )
    name = FundingSymbol(symbol)
    assert_type(wss.subscribe_ticker(name), Subscription[FundingTicker])


def a_symbol_in_a_variable_follows_the_callback(
    wss: WebSocketClient, symbol: str
) -> None:
    assert_type(wss.subscribe_ticker(symbol), Subscription[Ticker])
    assert_type(
        wss.subscribe_ticker(symbol, on_funding_ticker), Subscription[FundingTicker]
    )
    assert_type(
        wss.subscribe_trades(symbol, on_funding_trade), Subscription[FundingTrade]
    )


def a_callback_may_accept_more_than_it_gets(wss: WebSocketClient) -> None:
    items: List[object] = []
    assert_type(wss.subscribe_ticker("tBTCUSD", print), Subscription[Ticker])
    assert_type(wss.subscribe_ticker("tBTCUSD", items.append), Subscription[Ticker])
    assert_type(wss.subscribe_ticker("tBTCUSD", on_either), Subscription[Ticker])
    wss.subscribe_ticker("tBTCUSD", on_anything)
    assert_type(wss.subscribe_ticker("tBTCUSD", on_object), Subscription[Ticker])
    wss.subscribe_ticker("tBTCUSD", lambda ticker: print(ticker.bid))
    wss.subscribe_book("tBTCUSD", Book().on_level)


def a_callback_for_other_data_is_an_error(wss: WebSocketClient) -> None:
    wss.subscribe_ticker("tBTCUSD", on_ticker)
    wss.subscribe_ticker("tBTCUSD", on_trade)  # type: ignore[arg-type]  # pyright: ignore
    wss.subscribe_trades("tBTCUSD", on_ticker)  # type: ignore[arg-type]  # pyright: ignore
    wss.subscribe_book("tBTCUSD", on_order)  # type: ignore[arg-type]  # pyright: ignore
    wss.subscribe_book("tBTCUSD", on_level, prec="R0")  # type: ignore[arg-type]  # pyright: ignore
    wss.subscribe_candles("tBTCUSD", "1m", on_trade)  # type: ignore[arg-type]  # pyright: ignore
    wss.subscribe_raw("news", on_trade)  # type: ignore[arg-type]  # pyright: ignore
    wss.subscribe_status("liq:global", on_trade)  # type: ignore[arg-type]  # pyright: ignore
    wss.subscribe_ticker("tBTCUSD", Book().on_level)  # type: ignore[arg-type]  # pyright: ignore


def options_are_checked(wss: WebSocketClient) -> None:
    wss.subscribe_ticker("tBTCUSD", policy="latest", mailbox_size=100, timeout=5)
    wss.subscribe_ticker("tBTCUSD", policy=Policy.LATEST, on_event=print, sub_id="a")
    wss.subscribe_ticker("tBTCUSD", print, max_errors=3)
    wss.subscribe_ticker("tBTCUSD", print, max_errors="3")  # type: ignore[call-overload]  # pyright: ignore
    wss.subscribe_ticker("tBTCUSD", mailbox=100)  # type: ignore[call-overload]  # pyright: ignore
    wss.subscribe_ticker("tBTCUSD", wait="no")  # type: ignore[call-overload]  # pyright: ignore
    wss.subscribe_book("tBTCUSD", len=25, freq="F1", prec="P1")
    wss.subscribe_book("tBTCUSD", length=25)  # type: ignore[call-overload]  # pyright: ignore


def books_give_typed_levels(wss: WebSocketClient, prec: str) -> None:
    book = wss.subscribe_book("tBTCUSD").book
    assert_type(book, BookView[BookUpdate])
    assert_type(book.best_bid, Union[BookUpdate, None])
    assert_type(book.bids(5), List[BookUpdate])
    assert_type(book.snapshot(), BookSnapshot[BookUpdate])
    assert_type(book.snapshot().best_ask, Union[BookUpdate, None])
    book.best_bid.price  # type: ignore[union-attr]  # pyright: ignore[reportOptionalMemberAccess]
    if book.best_bid is not None:
        assert_type(book.best_bid.price, float)
    orders = wss.subscribe_book("tBTCUSD", prec="R0")
    assert_type(orders.get(), RawBookUpdate)
    assert_type(orders.book.best_ask, Union[RawBookUpdate, None])
    either = wss.subscribe_book("tBTCUSD", prec=prec)
    assert_type(either, BookSubscription[Union[BookUpdate, RawBookUpdate]])


def any_channel_gives_any_data(wss: WebSocketClient) -> None:
    assert_type(wss.subscribe("ticker", symbol="tBTCUSD"), Subscription[Any])
    assert_type(wss.subscribe("book", symbol="tBTCUSD"), BookSubscription[Any])
    assert_type(wss.subscribe_many([{"channel": "ticker"}]), List[Subscription[Any]])


def a_subscription_is_covariant_in_its_data(
    narrow: Subscription[Ticker], wide: Subscription[object]
) -> None:
    wider: Subscription[object] = narrow
    narrower: Subscription[Ticker] = wide  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    bare: Subscription = narrow
    print(wider, narrower, bare)


def the_client_has_the_same_types(bfx: Client) -> None:
    assert_type(bfx.wss.subscribe_ticker("tBTCUSD").get(), Ticker)
    with bfx as same:
        assert_type(same, Client)


def a_handler_keeps_its_type(wss: WebSocketClient) -> None:
    @wss.on("t_ticker_update")
    def handler(subscription: Any, ticker: Ticker) -> int:
        return 1

    assert_type(handler({}, Ticker(*range(10))), int)
    assert_type(wss.on("open", print), Any)  # type: ignore[assert-type]  # pyright: ignore


def an_unknown_method_is_an_error(bfx: Client) -> None:
    bfx.get_ticker  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    bfx.wss.on_ticker  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    bfx.wss.close(4000, "done")
    bfx.close(code="1000")  # type: ignore[arg-type]  # pyright: ignore
