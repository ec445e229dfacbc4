"""What a subscription promises, on the local exchange."""

from __future__ import annotations

import logging
import threading
import time
from decimal import Decimal

import pytest

from bfxsync import (
    Backoff,
    BookUpdate,
    Candle,
    Client,
    ClosedError,
    ConnectionStatus,
    DerivativesStatus,
    Gap,
    NetworkError,
    RequestTimeout,
    Snapshot,
    Status,
    SubscriptionRejected,
    SubscriptionStatus,
    Ticker,
    Trade,
    TradeUpdate,
    UsageError,
    WebSocketClient,
)
from bfxsync.paper import PaperExchange


def test_a_callback_gets_data_only_and_on_event_the_rest(client, record):
    data, events = record(), record()
    client.subscribe_trades("tBTCUSD", data, on_event=events)
    client.subscribe_book("tBTCUSD", data, on_event=events)
    client.subscribe_ticker("tBTCUSD", data, on_event=events)
    data.wait(lambda items: {Ticker, Trade, BookUpdate} <= {type(i) for i in items})
    assert {type(item) for item in data.items} == {Ticker, Trade, BookUpdate}
    assert {type(item) for item in events.items} == {Snapshot}


def test_the_first_ticker_is_an_update_too(client, record):
    data, events = record(), record()
    client.subscribe_ticker("tBTCUSD", data, on_event=events)
    (snapshot,) = events.wait_for(1)
    assert snapshot.rows == data.wait_for(1)[:1]


def test_subscribe_returns_when_the_book_is_readable(client):
    book = client.subscribe_book("tBTCUSD", len=25).book
    assert book.is_live
    assert len(book.bids()) == len(book.asks()) == 25
    assert book.best_bid == book.bids(1)[0] and book.best_ask == book.asks(1)[0]
    assert book.best_bid.price < book.best_ask.price


def test_levels_of_both_sides_are_of_the_same_moment(client):
    book = client.subscribe_book("tBTCUSD").book
    for _ in range(2000):
        bids, asks = book.levels(1)
        assert bids[0].price < asks[0].price


@pytest.mark.parametrize("prec", ["P0", "P1", "P2", "P3", "P4", "R0"])
def test_r11_books_of_every_precision_are_verified_by_checksums(client, prec):
    errors = []
    subscription = client.subscribe_book("tBTCUSD", prec=prec)
    changes = subscription.events()
    book = subscription.book
    for change in changes:
        errors += [change] if not isinstance(change, (Snapshot, *_LEVELS)) else []
        if book.verified_count >= 2:
            break
    assert errors == [] and book.mismatch_count == 0 and book.unknown_deletes == 0


_LEVELS = (BookUpdate, __import__("bfxsync").RawBookUpdate)


@pytest.mark.parametrize("symbol", ["tETHUSD", "tBTCUSD", "tLTCBTC"])
def test_r11_small_and_large_prices_are_verified_in_both_number_modes(exchange, symbol):
    for numbers in (float, Decimal):
        with WebSocketClient(exchange.url, numbers=numbers) as client:
            subscription = client.subscribe_book(symbol)
            for _ in subscription:
                if subscription.book.verified_count >= 2:
                    break
            assert subscription.book.mismatch_count == 0
            price = subscription.book.best_bid.price
            assert isinstance(price, Decimal if numbers is Decimal else (int, float))


def test_funding_channels_have_their_own_models(client, record):
    got = record()
    client.on("f_ticker_update", lambda s, ticker: got(ticker))
    client.on("f_trade_execution", lambda s, trade: got(trade))
    client.on("f_book_update", lambda s, level: got(level))
    client.on("f_raw_book_update", lambda s, level: got(level))
    client.subscribe_ticker("fUSD")
    client.subscribe_trades("fUSD")
    client.subscribe_book("fUSD")
    client.subscribe_book("fUSD", prec="R0")
    names = {
        "FundingTicker",
        "FundingTrade",
        "FundingBookUpdate",
        "FundingRawBookUpdate",
    }
    got.wait(lambda items: {type(item).__name__ for item in items} >= names, 20.0)


# --- events -----------------------------------------------------------------------------------


def test_official_events_have_the_official_arguments(exchange, record):
    got = record()
    with WebSocketClient(exchange.url) as client:

        @client.on("open")
        def opened():
            got("open", None, None)

        @client.on("subscribed")
        def subscribed(subscription):
            got("subscribed", subscription, None)

        for event in ("t_ticker_update", "t_trade_execution", "t_book_update"):
            client.on(event, lambda s, data, event=event: got(event, s, data))
        for event in ("t_trades_snapshot", "t_book_snapshot", "checksum"):
            client.on(event, lambda s, data, event=event: got(event, s, data))
        update = lambda s, data: got("t_trade_execution_update", s, data)  # noqa: E731
        assert client.on("t_trade_execution_update", update) is update
        client.subscribe("ticker", "mine", symbol="tBTCUSD")
        client.subscribe_trades("tBTCUSD")
        client.subscribe_book("tBTCUSD")
        wanted = {
            "open",
            "subscribed",
            "t_ticker_update",
            "t_trade_execution",
            "t_trade_execution_update",
            "t_trades_snapshot",
            "t_book_update",
            "t_book_snapshot",
            "checksum",
        }
        items = got.wait(lambda items: {item[0] for item in items} >= wanted, 10.0)
    first = {}
    for event, subscription, data in items:
        first.setdefault(event, (subscription, data))
    subscription, ticker = first["t_ticker_update"]
    assert subscription == {"channel": "ticker", "sub_id": "mine", "symbol": "tBTCUSD"}
    assert isinstance(ticker, Ticker)
    assert isinstance(first["t_trade_execution"][1], Trade)
    assert isinstance(first["t_trade_execution_update"][1], TradeUpdate)
    trades = first["t_trades_snapshot"][1]
    assert trades[0].id > trades[-1].id, "newest first, as on the wire"
    book, levels = first["t_book_snapshot"]
    assert (book["prec"], book["freq"], book["len"]) == ("P0", "F0", "25")
    assert len(levels) == 50
    assert 0 <= first["checksum"][1] < 2**32
    assert items[0][0] == "open"


def test_r09_what_only_handlers_get_neither_fills_nor_counts_for_a_handle(
    exchange, client, record
):
    """Confirmations and checksums: as many updates and drops with a listener as without."""
    confirmed, verified = record(), record()
    client.on("t_trade_execution_update", lambda s, trade: confirmed(trade))
    client.on("checksum", lambda s, value: verified(value))
    got = record()
    handle = client.subscribe_trades("tBTCUSD", got)
    book = client.subscribe_book("tBTCUSD")
    levels = book.events()
    confirmed.wait_for(10)
    verified.wait_for(2)
    handle.unsubscribe()
    book.unsubscribe()
    client.ping()
    assert {type(item) for item in levels} == {Snapshot, BookUpdate}
    trades = got.wait_for(handle.update_count)
    assert len(trades) == handle.update_count
    assert {type(item) for item in trades} == {Trade}
    assert client.stats()["updates"] >= handle.update_count + book.update_count


def test_a_handler_that_is_registered_late_gets_the_state_first(client, record):
    client.subscribe_book("tBTCUSD")
    got = record()
    client.on("t_book_snapshot", lambda s, levels: got(len(levels)))
    assert got.wait_for(1) == [50]


def test_two_handles_and_a_handler_get_each_update_once(client, record):
    one, two, event = record(), record(), record()
    client.on("t_trade_execution", lambda s, trade: event(trade))
    client.subscribe_trades("tBTCUSD", one)
    client.subscribe_trades("tBTCUSD", two)
    for got in (one, two, event):
        ids = [trade.id for trade in got.wait_for(10)]
        assert len(ids) == len(set(ids))


def test_events_of_a_shared_subscription_name_a_handle_that_is_there(client, record):
    """So that a handler can unsubscribe what it is called for."""
    got = record()
    client.on("t_book_update", lambda s, level: got(s["sub_id"]))
    for name in ("first", "second", "third"):
        client.subscribe("book", name, symbol="tBTCUSD")
    assert set(got.wait_for(5)) == {"first"}
    client.unsubscribe("second")
    client.unsubscribe("first")
    client.ping()
    count = len(got.items)
    assert got.wait_for(count + 5)[-1] == "third"
    client.unsubscribe(got.items[-1])
    client.ping()
    assert client.stats()["subscriptions"] == []


def test_disconnected_tells_code_and_reason(exchange, client, record):
    got = record()
    client.on("disconnected", got)
    client.subscribe_ticker("tBTCUSD")
    exchange.drop_connections(1001)
    assert got.wait_for(1)[0][0] == 1001
    client.wait_ready()
    exchange.drop_connections()
    assert got.wait_for(2)[1][0] == 1006


# --- handles ----------------------------------------------------------------------------------


def test_subscribing_twice_makes_one_subscription_on_the_wire(exchange, client):
    first = client.subscribe_book("tBTCUSD")
    sent = client.frame_count
    second = client.subscribe_book("tBTCUSD", len="25")
    assert second.book.best_bid is not None
    assert sum(1 for c in client._core.placement.links[0].session.tokens) == 1 and sent
    first.unsubscribe()
    assert first.status is SubscriptionStatus.CLOSED
    assert second.get(5.0) is not None, "the other one goes on"
    second.unsubscribe()
    client.ping()
    assert client._core.placement.links[0].session.tokens == []


def test_a_late_handle_gets_its_snapshot_from_local_state(client, record):
    client.subscribe_trades("tBTCUSD")
    late = record()
    client.subscribe_trades("tBTCUSD", on_event=late)
    assert isinstance(late.wait_for(1)[0], Snapshot)


def test_without_callback_nothing_piles_up_before_the_first_read(client):
    subscription = client.subscribe_trades("tBTCUSD")
    for _ in client.subscribe_trades("tETHUSD"):
        if subscription.update_count > 3:
            break
    assert subscription._subscriber.reader is None
    events = subscription.events()
    assert isinstance(next(events), Snapshot)


def test_iteration_yields_data_and_ends_with_unsubscribe(client):
    with client.subscribe_trades("tBTCUSD") as trades:
        for count, trade in enumerate(trades):
            assert isinstance(trade, Trade)
            if count == 5:
                trades.unsubscribe()
    assert list(trades) == []


def test_get_raises_in_time_and_after_the_end(exchange, client):
    subscription = client.subscribe_ticker("tBTCUSD")
    assert isinstance(subscription.get(5.0), Ticker), "the state comes first"
    subscription.unsubscribe()
    with pytest.raises(ClosedError):
        while True:
            subscription.get(1.0)


def test_get_without_an_update_in_time_is_a_request_timeout(client):
    subscription = client.subscribe_book("tBTCUSD", freq="F1")
    with pytest.raises(RequestTimeout):
        for _ in range(1000):
            subscription.get(0.01)


def test_get_without_a_wait_returns_a_queued_item(client):
    subscription = client.subscribe_ticker("tBTCUSD")
    found, misses = [], 0
    deadline = time.monotonic() + 30.0
    while len(found) < 3 or not misses:
        assert time.monotonic() < deadline
        try:
            found.append(subscription.get(timeout=0))
        except RequestTimeout:
            misses += 1
            threading.Event().wait(0.001)
    assert all(isinstance(ticker, Ticker) for ticker in found)


def test_a_handle_with_callback_cannot_be_read(client, record):
    subscription = client.subscribe_ticker("tBTCUSD", record())
    with pytest.raises(UsageError, match="callback"):
        subscription.get()


def test_iteration_ends_when_another_thread_closes_the_client(exchange):
    client = WebSocketClient(exchange.url)
    subscription = client.subscribe_ticker("tBTCUSD")
    got = []
    thread = threading.Thread(target=lambda: got.extend(subscription))
    thread.start()
    client.close()
    thread.join(5.0)
    assert not thread.is_alive()


def test_wait_false_returns_at_once_and_wait_ready_waits(exchange, record):
    with WebSocketClient(exchange.url) as client:
        subscriptions = client.subscribe_many(
            [
                {"channel": "ticker", "symbol": "tBTCUSD"},
                {"channel": "book", "symbol": "tETHUSD", "prec": "P1"},
            ],
            wait=False,
        )
        client.wait_ready()
        assert [s.status for s in subscriptions] == [SubscriptionStatus.LIVE] * 2
        assert (
            subscriptions[1]["prec"] == "P1" and subscriptions[0]["symbol"] == "tBTCUSD"
        )


def test_one_refused_of_many_unsubscribes_all(client):
    requests = [
        {"channel": "ticker", "symbol": "tBTCUSD"},
        {"channel": "ticker", "symbol": "tNOSUCH:USD"},
    ]
    with pytest.raises(SubscriptionRejected) as caught:
        client.subscribe_many(requests)
    assert caught.value.code == 10300
    client.ping()
    assert client._core.placement.subscribers() == []
    assert client._core.placement.links[0].session.tokens == []


def test_a_refused_subscription_without_waiting_says_so_later(client):
    subscription = client.subscribe_ticker("tNOSUCH:USD", wait=False)
    with pytest.raises(SubscriptionRejected):
        subscription.wait_ready(5.0)
    assert subscription.status is SubscriptionStatus.REJECTED
    assert isinstance(subscription.exception, SubscriptionRejected)
    with pytest.raises(SubscriptionRejected):
        next(iter(subscription))


def test_r09_an_error_that_is_raised_again_and_again_does_not_grow(client):
    """As in a program that tries once more, for ever; and it tells where it was raised now."""
    subscription = client.subscribe_ticker("tNOSUCH:USD", wait=False)
    with pytest.raises(SubscriptionRejected):
        subscription.wait_ready(5.0)
    for ask in (subscription.wait_ready, subscription.get):
        depths = set()
        for _ in range(5):
            with pytest.raises(SubscriptionRejected) as caught:
                ask()
            depths.add(len(caught.traceback))
        assert len(depths) == 1


def test_a_callback_may_subscribe_and_wait(client, record):
    got = record()

    def on_ticker(ticker):
        if not got.items:
            got(client.subscribe_book("tETHUSD").book.best_bid)

    client.subscribe_ticker("tBTCUSD", on_ticker)
    assert isinstance(got.wait_for(1)[0], BookUpdate)


def test_r05_more_channels_than_one_connection_takes_go_to_the_next(exchange):
    with WebSocketClient(exchange.url, channels_per_connection=3) as client:
        precs = ["P0", "P1", "P2", "P3", "P4", "R0"]
        requests = [
            {"channel": "book", "symbol": symbol, "prec": prec}
            for symbol in ("tBTCUSD", "tETHUSD")
            for prec in precs
        ]
        subscriptions = client.subscribe_many(requests)
        assert len(client._core.placement.links) == 4
        assert all(s.status is SubscriptionStatus.LIVE for s in subscriptions)
        subscriptions[0].unsubscribe()
        client.subscribe_ticker("tLTCBTC")
        assert len(client._core.placement.links) == 4, "the free place is used again"


# --- loss and recovery ------------------------------------------------------------------------


def test_r03_gap_then_snapshot_then_updates_for_every_subscription(
    exchange, client, record
):
    records = {}
    requests = []
    for channel in ("ticker", "trades", "book"):
        records[channel] = got = record()
        requests.append(
            {
                "channel": channel,
                "symbol": "tBTCUSD",
                "callback": got,
                "on_event": got,
            }
        )
    client.subscribe_many(requests)
    for got in records.values():
        got.wait(lambda items: len(items) >= 2)
    exchange.drop_connections()
    for got in records.values():
        items = got.wait(lambda items: sum(isinstance(i, Snapshot) for i in items) == 2)
        events = [i for i in items if isinstance(i, (Snapshot, Gap, Status))]
        assert [type(event) for event in events] == [Snapshot, Gap, Snapshot]
        gap = items.index(events[1])
        assert items[gap + 1] is events[2], "nothing stands between gap and snapshot"
        got.wait(lambda items, count=len(items): len(items) > count)


@pytest.mark.parametrize(
    "arguments",
    [
        {"channel": "book", "symbol": "tBTCUSD"},
        {"channel": "status", "key": "liq:global"},
    ],
    ids=["book", "liquidations"],
)
def test_r03_subscribing_in_a_gap_waits_for_its_end(exchange, record, arguments):
    """A second handle is as good as the first: `subscribe` returns with data."""
    with WebSocketClient(exchange.url, backoff=Backoff(0.3, 0.3)) as client:
        events = record()
        client.subscribe(**arguments, on_event=events)
        exchange.drop_connections()
        events.wait(lambda items: any(isinstance(item, Gap) for item in items))
        mine = record()
        late = client.subscribe(**arguments, on_event=mine)
        assert client.status is ConnectionStatus.OPEN
        assert late.status is SubscriptionStatus.LIVE
        if arguments["channel"] == "book":
            assert late.book.is_live and late.book.best_bid is not None
        assert [type(item) for item in mine.wait_for(1)] == [Snapshot]


def test_r03_subscribing_in_an_endless_gap_times_out(exchange, record):
    with WebSocketClient(exchange.url, backoff=Backoff(1e6, 1e6)) as client:
        events = record()
        first = client.subscribe_book("tBTCUSD", on_event=events)
        exchange.drop_connections()
        events.wait(lambda items: any(isinstance(item, Gap) for item in items))
        with pytest.raises(RequestTimeout):
            client.subscribe_book("tBTCUSD", timeout=0.05)
        assert client._core.placement.subscribers() == [first._subscriber]


def test_r03_no_trade_comes_twice_over_a_reconnect(exchange, client, record):
    got = record()
    client.subscribe_trades("tBTCUSD", got)
    for _ in range(5):
        exchange.drop_connections()
        count = len(got.items)
        got.wait_for(count + 10)
    ids = [trade.id for trade in got.items]
    assert len(ids) == len(set(ids))


def test_r04_a_restart_is_followed_by_a_new_connection(exchange, client, record):
    got = record()
    client.subscribe_ticker("tBTCUSD", on_event=got)
    exchange.send_info(20051)
    items = got.wait_for(3)
    assert [type(item) for item in items] == [Snapshot, Gap, Snapshot]


def test_r04_maintenance_is_reported_and_followed_by_a_resync(exchange, client, record):
    got = record()
    subscription = client.subscribe_book("tBTCUSD", on_event=got)
    exchange.send_info(20060)
    assert got.wait_for(2)[1] == Status(SubscriptionStatus.MAINTENANCE)
    assert client.status is ConnectionStatus.MAINTENANCE
    assert not subscription.book.is_live
    exchange.send_info(20061)
    assert [type(item) for item in got.wait_for(4)[2:]] == [Gap, Snapshot]
    assert client.status is ConnectionStatus.OPEN


def test_a_gap_without_a_handler_is_logged(exchange, client, caplog):
    with caplog.at_level(logging.INFO):
        client.subscribe_ticker("tBTCUSD")
        # Asked for later, and so told later.
        changes = client.subscribe_book("tBTCUSD").events()
        assert isinstance(next(changes), Snapshot)
        exchange.drop_connections()
        assert any(isinstance(change, Gap) for change in _until_gap(changes))
    assert "ticker tBTCUSD: gap" in caplog.text


def _until_gap(changes):
    for change in changes:
        yield change
        if isinstance(change, Gap):
            return


def test_a_book_is_empty_between_loss_and_snapshot(exchange, record):
    lost, opened = record(), record()
    with WebSocketClient(exchange.url, backoff=Backoff(first_s=30.0)) as client:
        subscription = client.subscribe_book("tBTCUSD", on_event=lost)
        client.on("disconnected", opened)
        exchange.stop()
        opened.wait_for(1)
        assert lost.wait_for(2)[1].reason
        assert not subscription.book.is_live and len(subscription.book) == 0
        assert subscription.status is SubscriptionStatus.GAP


def test_an_unreachable_exchange_is_a_network_error_that_leaves_nothing(exchange):
    exchange.stop()
    with WebSocketClient(exchange.url, timeout=0.3, backoff=Backoff(0.01)) as client:
        with pytest.raises(NetworkError) as caught:
            client.subscribe_ticker("tBTCUSD")
        assert caught.value.phase == "connect"
        assert isinstance(caught.value.__cause__, NetworkError)
        assert client._core.placement.subscribers() == []
        with pytest.raises(NetworkError):
            client.wait_ready(0.05)
        with pytest.raises(NetworkError):
            client.ping(0.05)


def test_a_subscription_that_need_not_wait_survives_a_late_start(exchange, record):
    url, port = exchange.url, int(exchange.url.split(":")[2].split("/")[0])
    exchange.stop()
    got = record()
    with WebSocketClient(url, backoff=Backoff(first_s=0.05), timeout=0.2) as client:
        failing = client.subscribe_ticker("tBTCUSD", got, wait=False)
        with pytest.raises(NetworkError):
            failing.wait_ready(0.2)
        from bfxsync.paper import PaperExchange

        with PaperExchange(port=port):
            got.wait_for(1)
            client.close()


# --- slow consumers ---------------------------------------------------------------------------


@pytest.mark.parametrize("policy", ["resync", "drop_oldest"])
def test_r09_a_slow_callback_gets_a_gap_with_the_exact_number(exchange, record, policy):
    with WebSocketClient(exchange.url, mailbox_size=20) as client:
        got, go_on, fast = record(), threading.Event(), record()

        def slow(item):
            go_on.wait(30.0)
            got(item)

        client.subscribe_book("tBTCUSD", slow, on_event=got, policy=policy)
        # The other client's thread sees the same updates.
        with WebSocketClient(exchange.url) as other:
            reader = other.subscribe_book("tBTCUSD")
            for count, _ in enumerate(reader):
                if count > 100:
                    break
        fast(None)
        go_on.set()
        items = got.wait(lambda items: any(isinstance(i, Gap) for i in items))
        gap = next(i for i in items if isinstance(i, Gap))
        assert gap.dropped > 0
        if policy == "resync":
            assert isinstance(
                got.wait(lambda i: len(i) > items.index(gap) + 1)[items.index(gap) + 1],
                Snapshot,
            )


def test_client_composes_the_web_socket_side(exchange):
    with Client(wss_host=exchange.url) as bfx:
        assert isinstance(bfx.wss.subscribe_ticker("tBTCUSD").get(5.0), Ticker)
    assert bfx.wss.status is ConnectionStatus.CLOSED


# --- candles and status -----------------------------------------------------------------------


def test_candles_by_callback_and_event(client, record):
    data, events, official = record(), record(), record()
    client.on(
        "candles_update", lambda subscription, candle: official(subscription, candle)
    )
    client.on(
        "candles_snapshot", lambda subscription, rows: official(subscription, rows)
    )
    subscription = client.subscribe_candles("tBTCUSD", "1m", data, on_event=events)
    snapshot = events.wait_for(1)[0]
    assert [row.mts for row in snapshot.rows] == sorted(
        row.mts for row in snapshot.rows
    )
    assert isinstance(data.wait_for(2)[0], Candle)
    items = official.wait_for(2)
    assert items[0][0]["key"] == subscription["key"] == "trade:1m:tBTCUSD"
    assert items[0][1] == snapshot.rows[::-1], "as on the wire: the newest first"
    assert isinstance(items[1][1], Candle)


def test_a_week_may_be_called_1w_or_7d(client):
    one = client.subscribe_candles("tBTCUSD", "1W")
    two = client.subscribe_candles("tBTCUSD", "7D")
    assert one["key"] == two["key"] == "trade:7D:tBTCUSD"


def test_candles_of_funding_need_a_period(client):
    with pytest.raises(UsageError, match="period"):
        client.subscribe_candles("fUSD", "1m")
    assert client.subscribe_candles("fUSD:a30:p2:p30", "1h").status is (
        SubscriptionStatus.LIVE
    )


def test_derivatives_status_carries_its_key(client, record):
    got = record()
    client.on("derivatives_status_update", lambda subscription, status: got(status))
    status = client.subscribe_status("deriv:tBTCF0:USTF0").get(5.0)
    assert isinstance(status, DerivativesStatus) and status.key == "tBTCF0:USTF0"
    assert got.wait_for(1)[0].key == "tBTCF0:USTF0"


def test_a_derivative_that_is_unknown_gets_no_answer(client):
    with pytest.raises(RequestTimeout):
        client.subscribe_status("deriv:tNOPEF0:USTF0", timeout=0.3)
    assert client._core.placement.subscribers() == []


def test_shortcuts_of_status_have_its_keys(client, record):
    got = record()
    status = client.subscribe_derivatives_status("BTCF0/USTF0", got)
    liquidations = client.subscribe_liquidations()
    assert got.wait_for(1)[0].open_interest > 0
    assert (status["key"], liquidations["key"]) == ("deriv:tBTCF0:USTF0", "liq:global")


@pytest.mark.parametrize("bad", ["fUSD", "deriv:tBTCF0:USTF0", "", None])
def test_shortcut_of_a_derivative_takes_pairs_only(client, bad):
    with pytest.raises(UsageError):
        client.subscribe_derivatives_status(bad)
    assert client._core.placement.subscribers() == []


def test_liquidations_are_ready_at_once(client, record):
    got = record()
    client.on("liquidation_feed_update", lambda subscription, item: got(item))
    subscription = client.subscribe_status("liq:global", timeout=2.0)
    assert subscription.status is SubscriptionStatus.LIVE


# --- sub_id -----------------------------------------------------------------------------------


def test_unsubscribe_and_resubscribe_by_name(client, record):
    got = record()
    client.subscribe("book", "mine", symbol="tBTCUSD", on_event=got)
    client.resubscribe("mine")
    assert [type(item) for item in got.wait_for(3)] == [Snapshot, Gap, Snapshot]
    client.unsubscribe("mine")
    client.ping()
    assert client._core.placement.links[0].session.tokens == []
    client.unsubscribe("mine")  # again
    for call, names in (
        (client.unsubscribe, ("other", None)),
        (client.resubscribe, ("mine", "other", None)),
    ):
        for name in names:
            with pytest.raises(UsageError, match="no subscription"):
                call(name)
    client.subscribe("ticker", "mine", symbol="tBTCUSD")
    client.unsubscribe("mine")
    assert client.stats()["subscriptions"] == []


def test_callback_may_unsubscribe_at_each_of_the_updates_that_were_queued(
    client, record
):
    """The first unsubscribes; the others, which were queued by then, come all the same."""
    got, go = record(), threading.Event()

    def callback(item):
        assert go.wait(30)
        client.unsubscribe("mine")
        got(item)

    client.subscribe_book("tBTCUSD", callback, sub_id="mine")
    while client.stats()["subscriptions"][0]["queued"] < 3:
        client.ping()
    go.set()
    got.wait_for(2)
    assert client.stats()["error_count"] == 0


def test_rest_and_web_socket_are_one_market(exchange):
    with Client(wss_host=exchange.url, rest_host=exchange.rest_url) as bfx:
        assert bfx.rest.public.get_t_ticker("tETHUSD").last_price > 0
        assert bfx.symbols.check("tBTCUSD") == "tBTCUSD"
        assert bfx.rest is bfx.rest and bfx.symbols is bfx.symbols
    with pytest.raises(ClosedError):
        bfx.rest.public.get_t_ticker("tETHUSD")
    unused = Client(rest_host=exchange.rest_url)
    unused.close()
    with pytest.raises(ClosedError):
        unused.rest
    with pytest.raises(UsageError, match="on_limit"):
        Client(on_limit="sometimes")


# --- what a second look found -----------------------------------------------------------------


def test_open_comes_once_so_that_handlers_may_subscribe_there(exchange, record):
    with WebSocketClient(exchange.url, backoff=Backoff(first_s=0.05)) as client:
        opened, got = record(), record()

        @client.on("open")
        def on_open():
            client.subscribe_ticker("tBTCUSD", got, on_event=got)
            opened(True)

        client.start()
        opened.wait_for(1)
        exchange.drop_connections()
        got.wait(lambda items: sum(isinstance(item, Snapshot) for item in items) == 2)
        assert len(opened.items) == 1 and len(client._core.placement.subscribers()) == 1


def test_whatever_a_callback_raises_the_others_go_on(client, record):
    class Strange(BaseException):
        pass

    def fail(ticker):
        raise Strange

    got = record()
    client.subscribe_ticker("tBTCUSD", fail)
    client.subscribe_trades("tBTCUSD", got)
    got.wait_for(len(got.items) + 5)


def test_a_refusal_without_a_waiting_call_reaches_on_error(exchange, record):
    errors, events = record(), record()
    with WebSocketClient(exchange.url, on_error=errors) as client:
        client.subscribe_ticker("tNOSUCH:USD", print, on_event=events, wait=False)
        assert errors.wait_for(1)[0].code == 10300
        assert events.wait_for(1) == [Status(SubscriptionStatus.REJECTED)]


def test_unsubscribe_wakes_waiting_readers(exchange):
    exchange.stop()
    client = WebSocketClient(exchange.url, backoff=Backoff(first_s=0.01))
    errors = []

    def subscribe():
        try:
            client.subscribe("ticker", "mine", symbol="tBTCUSD", timeout=30.0)
        except ClosedError as exc:
            errors.append(exc)

    thread = threading.Thread(target=subscribe)
    thread.start()
    while not client._core.placement.subscribers():
        thread.join(0.001)
    client.unsubscribe("mine")
    thread.join(5.0)
    assert len(errors) == 1
    client.close()


def test_a_handle_that_was_unsubscribed_at_once_stays_so(client):
    client.subscribe_ticker("tBTCUSD")
    handles = []
    for _ in range(200):
        handle = client.subscribe("ticker", symbol="tBTCUSD")
        handle.unsubscribe()
        handles.append(handle)
    client.ping()
    assert not any(handle.is_active for handle in handles)


def test_a_second_handle_knows_when_the_request_went_out(client):
    first = client.subscribe_status("deriv:tNOPEF0:USTF0", wait=False, timeout=5.0)
    client.ping()
    with pytest.raises(RequestTimeout):
        client.subscribe_status("deriv:tNOPEF0:USTF0", timeout=0.2)
    first.unsubscribe()


def test_each_handle_has_its_own_timeout(client):
    client.subscribe_ticker("tBTCUSD")
    first = client.subscribe_status("deriv:tNOPEF0:USTF0", wait=False, timeout=0.05)
    start = time.monotonic()
    with pytest.raises(RequestTimeout, match="within 1 s"):
        client.subscribe_status("deriv:tNOPEF0:USTF0", timeout=1.0)
    assert time.monotonic() - start >= 1.0
    assert first.is_active, "it is asked for until it works"


def test_wait_false_survives_another_calls_timeout(exchange, record):
    exchange.stop()
    errors, got = record(), record()
    with WebSocketClient(
        exchange.url, backoff=Backoff(0.01, 0.02), on_error=errors
    ) as client:
        handles = []

        def subscribe_too():
            handles.append(client.subscribe_ticker("tBTCUSD", got, wait=False))

        timer = threading.Timer(0.1, subscribe_too)
        timer.start()
        with pytest.raises(NetworkError):
            client.subscribe_ticker("tBTCUSD", timeout=0.5)
        timer.join()
        with PaperExchange(port=exchange.port):
            got.wait_for(1)
            assert handles[0].status is SubscriptionStatus.LIVE
        client.close()
    assert errors.items == []


def test_a_refusal_reaches_on_error_unless_all_calls_wait(exchange, record):
    errors, refused = record(), []
    with WebSocketClient(exchange.url, on_error=errors) as client:

        @client.on("open")
        def subscribe_twice():
            client.subscribe_ticker("tNOSUCH:USD", wait=False)
            try:
                client.subscribe_ticker("tNOSUCH:USD")
            except SubscriptionRejected as exc:
                refused.append(exc)

        client.start()
        assert errors.wait_for(1)[0].code == 10300
        client.ping()
    assert [exc.code for exc in refused] == [10300]


def test_heartbeats_are_an_event_of_every_channel(record):
    beats = record()
    with PaperExchange(rate=0.001, heartbeat_s=0.01) as exchange:
        with WebSocketClient(exchange.url) as client:
            client.on("heartbeat", lambda s: beats((s["channel"], s.get("prec"))))
            client.subscribe_ticker("tBTCUSD")
            client.subscribe_trades("tBTCUSD")
            client.subscribe_book("tBTCUSD")
            client.subscribe_candles("tBTCUSD", "1m")
            client.subscribe_raw("book", symbol="tBTCUSD", prec="P1")
            wanted = {"ticker", "trades", "book", "candles"}
            beats.wait(
                lambda items: (
                    {name for name, _ in items} >= wanted and ("book", "P1") in items
                )
            )
