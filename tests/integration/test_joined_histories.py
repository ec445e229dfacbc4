"""Histories joined with the stream, whatever happens to connections, pages and consumers."""

from __future__ import annotations

import gc
import random
import threading
import time
from datetime import timedelta
from decimal import Decimal
from typing import Any, Callable, Iterator, List

import pytest
from interrupts import interrupted, interrupted_before_each_bytecode
from patience import at_most

from bfxsync import (
    Candle,
    CandleCorrected,
    Client,
    ClosedError,
    Degraded,
    FundingTrade,
    Gap,
    NetworkError,
    RemoteError,
    RequestTimeout,
    Status,
    SubscriptionRejected,
    SubscriptionStatus,
    Trade,
    UsageError,
    VersionMismatch,
)
from bfxsync.joined import worker
from bfxsync.joined.outlet import LIMIT
from bfxsync.paper import PaperExchange
from bfxsync.rest.public import PublicEndpoints

from .bare_server import DEADLINE_S
from .fault_proxy import FaultProxy
from .support import Collector
from .user import SOON, wait_until

BEGIN = 1_700_000_000_000
MINUTE = 60_000
SYMBOL = "tBTCUSD"
TRADES_PATH, CANDLES_PATH = f"trades/{SYMBOL}/hist", f"candles/trade:1m:{SYMBOL}/hist"

CUTS = 16


@pytest.fixture(scope="module")
def exchange() -> Iterator[PaperExchange]:
    """An exchange whose time goes on with `step` alone, and whose market never rests."""
    with PaperExchange(paused=True, begin_mts=BEGIN, rate=80.0) as exchange:
        with exchange.client() as watcher:
            watcher.wss.subscribe_trades(SYMBOL)
            exchange.step(1.0)
            yield exchange


@pytest.fixture
def proxy(exchange: PaperExchange) -> Iterator[FaultProxy]:
    with FaultProxy(exchange.port) as proxy:
        yield proxy


@pytest.fixture
def connect(
    exchange: PaperExchange, proxy: FaultProxy
) -> Iterator[Callable[..., Client]]:
    """Make clients whose WebSocket leads through the proxy, and close them after the test."""
    clients: List[Client] = []

    def make(**options: Any) -> Client:
        hosts = {"wss_host": proxy.url(exchange.url), "rest_host": exchange.rest_url}
        options = {"backoff": SOON, "timeout": DEADLINE_S, **hosts, **options}
        clients.append(Client(**options))
        return clients[-1]

    yield make
    exchange.clear_faults()
    for client in clients:
        client.close()


@pytest.fixture
def bfx(connect: Callable[..., Client]) -> Client:
    return connect()


def now_of(exchange: PaperExchange) -> int:
    return exchange._thread.call(lambda server: server.clock.now_mts())


def tape(exchange: PaperExchange, since: int, symbol: str = SYMBOL) -> List[List[Any]]:
    """Return the exchange's own list of trades."""

    def rows(server: Any) -> List[List[Any]]:
        market = server._market_data.markets[symbol]
        return list(market.tape.rows(since, None, newest_first=False))

    return exchange._thread.call(rows)


def chart(exchange: PaperExchange, since: int) -> List[List[Any]]:
    """Return the exchange's own list of candles of a minute."""

    def rows(server: Any) -> List[List[Any]]:
        from bfxsync.paper.markets.chart import CandleKey

        key = CandleKey.parse(f"trade:1m:{SYMBOL}")
        market = server._market_data.markets[SYMBOL]
        return list(market.chart.rows(key, since, None, newest_first=False))

    return exchange._thread.call(rows)


def ids_of(items: List[Any]) -> List[int]:
    return [item.id for item in items if isinstance(item, Trade)]


def row_of(candle: Candle) -> List[Any]:
    values = candle.open, candle.close, candle.high, candle.low, candle.volume
    return [candle.mts, *values]


class Consumer(threading.Thread):
    """Iterates over the events of a history, at its own pace."""

    def __init__(self, history: Any, pause_s: float = 0.0) -> None:
        super().__init__(name="test-consumer")
        self.items: List[Any] = []
        self.error: BaseException | None = None
        self._history = history
        self._pause_s = pause_s
        self._wakes = threading.Event()
        self.start()

    def run(self) -> None:
        while True:
            try:
                for item in self._history.events():
                    self.items.append(item)
                    if self._pause_s:
                        self._wakes.wait(self._pause_s)
                return
            except ClosedError:
                return
            except NetworkError as exc:
                self.error = exc

    def until_id(self, identity: int) -> None:
        wait_until(lambda: identity in ids_of(self.items[-200:]), 4 * DEADLINE_S)

    def until_live(self) -> None:
        wait_until(lambda: self._history.is_live, 4 * DEADLINE_S)


def test_trades_are_those_of_the_exchange_over_many_cuts(
    exchange: PaperExchange, proxy: FaultProxy, connect: Callable[..., Client]
) -> None:
    """Cuts of the stream in any state, lost and late pages, and a buffer that overflows."""
    numbers = random.Random(1)
    since = now_of(exchange) - 90_000
    bfx = connect()
    with bfx.trades(
        SYMBOL, since=since, limit=200, mailbox_size=40, grace_s=0
    ) as history:
        consumer = Consumer(history)
        for number in range(CUTS):
            how = numbers.choice(["reset", "fin", "half_close", "after", "none"])
            fault = numbers.choice(["lost_answer", "lost_request", "late_answer", ""])
            if fault:
                late: Any = {"delay_s": 0.05} if fault == "late_answer" else {}
                exchange.inject(fault, path=TRADES_PATH, **late)
            if how == "after":
                proxy.cut_next_after(numbers.randrange(200, 3_000))
                proxy.reset()
            elif how != "none":
                getattr(proxy, how)()
            # At most twice the trades of a snapshot, and sometimes many more.
            exchange.step(numbers.choice([0.5, 2.0, 5.0, 20.0]))
            if numbers.random() < 0.5:
                consumer.until_live()
        proxy.cut_next_after(None)
        exchange.step(1.0)
        rows = tape(exchange, since)
        consumer.until_id(rows[-1][0])
    consumer.join(DEADLINE_S)
    found = [item for item in consumer.items if isinstance(item, Trade)]
    assert [[t.id, t.mts, t.amount, t.price] for t in found] == rows
    assert sum(isinstance(item, Gap) for item in consumer.items) >= 5
    assert len(rows) > 500


@pytest.mark.parametrize("timeframe", ["1m", "3m"])
def test_candles_are_those_of_the_exchange_over_many_cuts(
    exchange: PaperExchange,
    proxy: FaultProxy,
    connect: Callable[..., Client],
    timeframe: str,
) -> None:
    numbers = random.Random(2)
    length = int(timeframe[:-1]) * MINUTE
    since = (now_of(exchange) - 400 * MINUTE) // length * length
    items = Collector()
    closed = Collector()
    bfx = connect()
    history = bfx.candles(
        SYMBOL,
        timeframe,
        since=since,
        limit=100,
        mailbox_size=5,
        callback=items,
        on_close=closed,
        on_event=lambda event: (
            items(event) if isinstance(event, CandleCorrected) else None
        ),
    )
    with history:
        for _ in range(5):
            fault = numbers.choice(["lost_answer", "lost_request", ""])
            if fault:
                exchange.inject(fault, path=CANDLES_PATH)
            getattr(proxy, numbers.choice(["reset", "fin", "half_close"]))()
            exchange.step(numbers.choice([5.0, 20.0, 65.0]))
            if numbers.random() < 0.5:
                wait_until(lambda: history.is_live)
        rows = chart(exchange, since)
        wait_until(lambda: history.is_live)
        states: dict[int, Candle] = {}

        def is_complete() -> bool:
            states.clear()
            for item in list(items.items):
                candle = item.candle if isinstance(item, CandleCorrected) else item
                states[candle.mts] = candle
            return bool(states) and max(states) + length > rows[-1][0]

        wanted: dict[int, List[Any]] = {}
        for mts, open_, close, high, low, volume in rows:
            start = mts - mts % length
            known = wanted.setdefault(start, [start, open_, close, high, low, 0.0])
            high, low = max(high, known[3]), min(low, known[4])
            known[2:] = [close, high, low, known[5] + volume]

        def differing() -> dict[int, Any]:
            mine = {mts: row_of(candle) for mts, candle in states.items()}
            return {
                start: (mine.get(start), row)
                for start, row in wanted.items()
                if mine.get(start) != pytest.approx(row, abs=1e-9)
            }

        # Updates and corrections of the newest candles may be on their way.
        wait_until(lambda: is_complete() and not differing())
    assert states.keys() == wanted.keys()
    times = [candle.mts for candle in closed.items]
    assert times == sorted(set(times)) == sorted(wanted)[: len(times)]
    assert len(times) >= len(wanted) - 1


@pytest.mark.once
def test_a_slow_consumer_bounds_what_is_kept_and_misses_nothing(
    exchange: PaperExchange, bfx: Client
) -> None:
    since = now_of(exchange) - 3_600_000 * 12
    with bfx.trades(SYMBOL, since=since, mailbox_size=10, limit=500) as history:
        first = history.get(DEADLINE_S)
        outlet = history._made["worker"].outlet
        for _ in range(5):
            exchange.step(2.0)
            assert len(outlet.mailbox) <= 2 * LIMIT
        rows = tape(exchange, since)
        found = [first]
        while found[-1].id != rows[-1][0]:
            found.append(history.get(DEADLINE_S))
            assert len(outlet.mailbox) <= 2 * LIMIT
    assert ids_of(found) == [row[0] for row in rows]
    assert len(rows) > 3 * LIMIT


@pytest.mark.once
def test_a_callback_gets_the_same_as_an_iteration(
    exchange: PaperExchange, bfx: Client
) -> None:
    since = now_of(exchange) - 3_600_000 * 2
    trades, events = Collector(), Collector()
    with bfx.trades(SYMBOL, since=since, callback=trades, on_event=events):
        rows = tape(exchange, since)
        assert ids_of(trades.wait_for(len(rows))) == [row[0] for row in rows]
        assert events.wait_for(1) == [Status(SubscriptionStatus.LIVE)]
        exchange.step(2.0)
        rows = tape(exchange, since)
        assert ids_of(trades.wait_for(len(rows))) == [row[0] for row in rows]


def test_a_cut_in_the_middle_of_the_pages_is_not_seen_in_the_data(
    exchange: PaperExchange, proxy: FaultProxy, bfx: Client
) -> None:
    since = now_of(exchange) - 3_600_000 * 2
    exchange.inject("late_answer", path=TRADES_PATH, times=3, delay_s=0.05)
    with bfx.trades(SYMBOL, since=since, limit=300) as history:
        consumer = Consumer(history)
        wait_until(lambda: ids_of(consumer.items[:1]))
        proxy.reset()
        exchange.step(3.0)
        rows = tape(exchange, since)
        consumer.until_id(rows[-1][0])
    consumer.join(DEADLINE_S)
    assert ids_of(consumer.items) == [row[0] for row in rows]


@pytest.mark.once
def test_a_past_range_needs_no_stream(
    exchange: PaperExchange, proxy: FaultProxy, bfx: Client
) -> None:
    since, until = BEGIN - 10 * MINUTE, BEGIN - 5 * MINUTE
    rows = [row for row in tape(exchange, since) if row[1] <= until]
    history = bfx.trades(SYMBOL, since=since, until=until)
    assert ids_of(list(history)) == [row[0] for row in rows]
    assert proxy.counts["accept"] == 0
    assert list(history) == []
    with pytest.raises(ClosedError, match="has ended"):
        history.get()
    assert ids_of(history.collect()) == [row[0] for row in rows]
    got = Collector()
    assert bfx.trades(SYMBOL, since=since, until=until, callback=got).wait(DEADLINE_S)
    assert ids_of(got.items) == [row[0] for row in rows]


@pytest.mark.once
def test_what_there_is_now_can_be_collected(
    exchange: PaperExchange, bfx: Client
) -> None:
    since = now_of(exchange) - 5 * MINUTE
    since -= since % MINUTE
    found = bfx.candles(SYMBOL, since=since).collect()
    assert [row_of(candle) for candle in found] == chart(exchange, since)
    assert ids_of(bfx.trades(SYMBOL, since=since).collect()) == [
        row[0] for row in tape(exchange, since)
    ]


def test_what_there_is_now_is_a_dataframe(exchange: PaperExchange, bfx: Client) -> None:
    pytest.importorskip("pandas")
    since = now_of(exchange) - 30 * MINUTE
    history = bfx.candles(SYMBOL, "2m", since=since, fill=True)
    frame, found = history.df(), history.collect()
    assert list(frame.columns) == ["open", "high", "low", "close", "volume"]
    assert [time.value // 10**6 for time in frame.index] == [c.mts for c in found]
    assert frame.equals(found.df())
    empty = bfx.trades("fUSD", since=since - 1, until=since - 1).df()
    assert list(empty.columns) == ["id", "amount", "rate", "period"]
    assert set(history.df(symbol=True)["timeframe"]) == {"2m"}


@pytest.mark.once
def test_a_range_in_the_future_ends(exchange: PaperExchange, bfx: Client) -> None:
    since = now_of(exchange) - 2 * MINUTE
    # By the exchange's clock, which the client knows from a response.
    bfx.rest.public.get_platform_status()
    until = now_of(exchange) + 30_000
    consumer = Consumer(bfx.trades(SYMBOL, since=since, until=until))
    consumer.until_live()
    exchange.step(31.0)
    consumer.join(DEADLINE_S)
    assert not consumer.is_alive()
    wanted = [row[0] for row in tape(exchange, since) if row[1] <= until]
    assert ids_of(consumer.items) == wanted
    assert consumer.items[-1] == Status(SubscriptionStatus.CLOSED)


@pytest.mark.once
def test_candles_close_by_the_clock_of_the_exchange(
    connect: Callable[..., Client],
) -> None:
    start = BEGIN // MINUTE * MINUTE
    with PaperExchange(paused=True, begin_mts=start + 59_200, rate=300.0) as exchange:
        closed, events = Collector(), Collector()
        with exchange.client() as bfx:
            bfx.wss.subscribe_trades(SYMBOL)
            exchange.step(0.3)
            bfx.candles(
                SYMBOL, since=start, on_close=closed, on_event=events, grace_s=0
            )
            # The clock of the exchange stands still, that of the client goes on.
            assert closed.wait_for(1)[0].mts == start
            exchange.step(0.3)
            late = events.wait_for(2)[1]
            assert isinstance(late, CandleCorrected)
            assert late.previous is not None
            assert late.candle.volume > late.previous.volume


@pytest.mark.once
def test_closed_candles_can_be_iterated_over(
    exchange: PaperExchange, bfx: Client
) -> None:
    since = now_of(exchange) // MINUTE * MINUTE - 3 * MINUTE
    with bfx.candles(SYMBOL, since=since, closed=True) as history:
        past = [history.get(DEADLINE_S) for _ in range(3)]
        assert [row_of(candle) for candle in past] == chart(exchange, since)[:3]
        exchange.step(61.0)
        assert row_of(history.get(DEADLINE_S)) == chart(exchange, since)[3]


@pytest.mark.once
def test_quiet_minutes_are_filled(exchange: PaperExchange, bfx: Client) -> None:
    since = BEGIN // MINUTE * MINUTE - 200 * MINUTE
    symbol, until = "tLTCBTC", since + 100 * MINUTE
    bare = bfx.candles(symbol, since=since, until=until).collect()
    found = bfx.candles(symbol, since=since, until=until, fill=True).collect()
    assert len(bare) < 101
    assert [c.mts for c in found] == [*range(since, until + 1, MINUTE)]
    assert [candle for candle in found if candle.volume] == bare
    by_rest = bfx.rest.public.iter_candles(symbol, start=since, end=until, fill=True)
    assert found == list(by_rest)


@pytest.mark.once
@pytest.mark.parametrize("timeframe", ["7D", "1M", "3M", "2D"])
def test_long_candles_add_up_to_days(
    exchange: PaperExchange, bfx: Client, timeframe: str
) -> None:
    since = 1_609_459_200_000
    found = bfx.candles(SYMBOL, timeframe, since=since).collect()
    start, end = found[0].mts, found[1].mts
    days = bfx.rest.public.iter_candles(SYMBOL, "1D", start=start, end=end - 1)
    assert found[0].volume == pytest.approx(sum(day.volume for day in days))
    assert {candle.timeframe for candle in found} == {timeframe}


@pytest.mark.once
def test_decimals_and_funding(
    exchange: PaperExchange, connect: Callable[..., Client]
) -> None:
    bfx = connect(numbers=Decimal)
    since = now_of(exchange) - 60 * MINUTE
    trades = bfx.trades("fUSD", since=since).collect()
    assert {type(trade) for trade in trades} == {FundingTrade}
    key = "fUSD:a30:p2:p30"
    candles = bfx.candles(key, "2m", since=since, fill=True).collect()
    assert {type(candle.volume) for candle in candles} == {Decimal}
    minutes = bfx.rest.public.iter_candles(key, start=candles[0].mts)
    assert sum(minute.volume for minute in minutes) == (
        sum(candle.volume for candle in candles)
    )


@pytest.mark.once
def test_an_error_of_a_page_is_raised_and_iterating_again_continues(
    exchange: PaperExchange, connect: Callable[..., Client]
) -> None:
    since = now_of(exchange) - 2 * 3_600_000
    bfx = connect(rest_timeout=0.3)
    rows = tape(exchange, since)
    history = bfx.trades(SYMBOL, since=since, limit=300)
    found = [history.get(DEADLINE_S)]
    exchange.inject("late_answer", path=TRADES_PATH, times=None, delay_s=0.5)
    with pytest.raises(NetworkError):
        for trade in history:
            found.append(trade)
    exchange.clear_faults()
    deadline = time.monotonic() + DEADLINE_S
    while found[-1].id != rows[-1][0] and time.monotonic() < deadline:
        try:
            found.append(history.get(DEADLINE_S))
        except NetworkError:
            # The next page had been requested before the fault was cleared.
            pass
    assert ids_of(found) == [row[0] for row in rows]
    history.close()


@pytest.mark.once
def test_an_error_of_a_page_is_reported_and_tried_again_for_a_callback(
    exchange: PaperExchange, connect: Callable[..., Client]
) -> None:
    errors, trades = Collector(), Collector()
    bfx = connect(rest_timeout=0.3, on_error=errors)
    since = now_of(exchange) - MINUTE
    exchange.inject("late_answer", path=TRADES_PATH, times=1, delay_s=0.5)
    bfx.trades(SYMBOL, since=since, callback=trades)
    rows = tape(exchange, since)
    assert isinstance(errors.wait_for(1)[0], NetworkError)
    assert ids_of(trades.wait_for(len(rows))) == [row[0] for row in rows]
    assert len(errors) == 1


@pytest.mark.once
def test_an_unreadable_page_ends_the_history(
    exchange: PaperExchange, connect: Callable[..., Client], monkeypatch: Any
) -> None:
    errors, events = Collector(), Collector()
    bfx = connect(on_error=errors)
    since = now_of(exchange) - MINUTE
    worker_reads = RemoteError("unreadable")

    def fail(*_: Any, **options: Any) -> Any:
        raise worker_reads

    monkeypatch.setattr(PublicEndpoints, "iter_trades", fail)
    for _ in range(2):
        with pytest.raises(RemoteError):
            next(iter(bfx.trades(SYMBOL, since=since)))
    history = bfx.trades(SYMBOL, since=since, callback=print, on_event=events)
    with pytest.raises(RemoteError):
        history.wait(DEADLINE_S)
    assert events.items[-1] == Status(SubscriptionStatus.FAILED)
    assert history.exception is worker_reads
    assert errors.wait_for(1) == [worker_reads]
    assert "failed" in repr(history)


@pytest.mark.once
@pytest.mark.parametrize("is_for_good", [False, True], ids=["for a moment", "for good"])
def test_a_history_of_rest_that_lags_behind_the_stream_is_waited_for(
    exchange: PaperExchange, bfx: Client, monkeypatch: Any, is_for_good: bool
) -> None:
    since = now_of(exchange) - 60 * MINUTE
    rows = tape(exchange, since)
    # REST lacks the oldest trade of the snapshot, and two before it.
    last_mts = rows[-33][1]
    calls: List[Any] = []
    read = PublicEndpoints.iter_trades

    def lagging(self: PublicEndpoints, *arguments: Any, **options: Any) -> Any:
        calls.append(options)
        found = read(self, *arguments, **options)
        if len(calls) > 2 and not is_for_good:
            return found
        return (trade for trade in found if trade.mts < last_mts)

    monkeypatch.setattr(PublicEndpoints, "iter_trades", lagging)
    monkeypatch.setattr(worker, "_LAG_S", 0.2 if is_for_good else DEADLINE_S)
    consumer = Consumer(bfx.trades(SYMBOL, since=since))
    consumer.until_id(rows[-1][0])
    bfx.close()
    consumer.join(DEADLINE_S)
    lacks = [each for each in consumer.items if isinstance(each, Degraded)]
    assert len(lacks) == is_for_good
    assert len(calls) >= 3 or is_for_good
    if not is_for_good:
        assert ids_of(consumer.items) == [row[0] for row in rows]


@pytest.mark.once
@pytest.mark.parametrize("is_callback", [True, False], ids=["callback", "iteration"])
def test_an_unknown_symbol_is_refused_where_it_is_subscribed(
    bfx: Client, is_callback: bool
) -> None:
    with pytest.raises(SubscriptionRejected):
        if is_callback:
            bfx.trades("tNOSUCH", since=BEGIN, callback=print)
        else:
            iter(bfx.trades("tNOSUCH", since=BEGIN))
    assert bfx._histories.running == {}


def test_close_ends_a_slow_page_at_once(
    exchange: PaperExchange, connect: Callable[..., Client]
) -> None:
    bfx = connect()
    exchange.inject("late_answer", path=TRADES_PATH, times=None, delay_s=5.0)
    trades = Collector()
    bfx.trades(SYMBOL, since=BEGIN - MINUTE, callback=trades)
    history = bfx.trades(SYMBOL, since=BEGIN - MINUTE)
    waiting = Consumer(history)
    wait_until(lambda: exchange.rest_requests and len(bfx._histories.running) == 2)
    start = time.monotonic()
    bfx.close()
    assert time.monotonic() - start < at_most(2.0)
    waiting.join(DEADLINE_S)
    assert not waiting.is_alive()
    assert bfx._histories.running == {}
    with pytest.raises(ClosedError):
        history.get()
    with pytest.raises(ClosedError):
        bfx.trades(SYMBOL, since=BEGIN, callback=print)


def test_close_ends_a_worker_that_waits_for_its_consumer(
    exchange: PaperExchange, connect: Callable[..., Client]
) -> None:
    bfx = connect()
    started, release = threading.Event(), threading.Event()

    def slow(trade: Trade) -> None:
        started.set()
        release.wait(DEADLINE_S)

    since = now_of(exchange) - 24 * 3_600_000
    bfx.trades(SYMBOL, since=since, callback=slow)
    history = bfx.trades(SYMBOL, since=since)
    history.get(DEADLINE_S)
    assert started.wait(DEADLINE_S)
    release.set()
    bfx.close()
    assert bfx._histories.running == {}


@pytest.mark.parametrize("is_past", [True, False], ids=["past", "live"])
def test_the_end_of_the_websocket_ends_its_histories(
    exchange: PaperExchange, bfx: Client, is_past: bool
) -> None:
    """As with `run`, which closes the WebSocket alone."""
    started, release = threading.Event(), threading.Event()

    def slow(trade: Trade) -> None:
        started.set()
        release.wait(DEADLINE_S)

    until = BEGIN - MINUTE if is_past else None
    bfx.trades(SYMBOL, since=BEGIN - 24 * 60 * MINUTE, until=until, callback=slow)
    assert started.wait(DEADLINE_S)
    release.set()
    bfx.wss.close()
    wait_until(lambda: not bfx._histories.running)
    with pytest.raises(ClosedError):
        bfx.trades(SYMBOL, since=BEGIN, callback=print)


def test_a_fatal_error_is_raised_by_the_iteration(
    exchange: PaperExchange, bfx: Client
) -> None:
    history = bfx.trades(SYMBOL, since=now_of(exchange))
    first = iter(history)
    error = VersionMismatch("not supported")
    bfx.wss._core.failed(error)
    with pytest.raises(VersionMismatch):
        list(first)
    assert history.exception is error


def test_a_history_that_is_dropped_ends(exchange: PaperExchange, bfx: Client) -> None:
    history = bfx.trades(SYMBOL, since=now_of(exchange) - 24 * 3_600_000)
    rest = iter(history)
    next(rest)
    del history
    gc.collect()
    assert next(rest)
    assert len(bfx._histories.running) == 1
    del rest
    gc.collect()
    wait_until(lambda: not bfx._histories.running)
    wait_until(lambda: not bfx.wss._core.placement.subscribers())


def test_a_client_that_is_dropped_ends_its_histories(
    exchange: PaperExchange, connect: Callable[..., Client]
) -> None:
    client = Client(wss_host=exchange.url, rest_host=exchange.rest_url)
    got = Collector()
    client.trades(SYMBOL, since=now_of(exchange) - MINUTE, callback=got)
    got.wait_for(1)
    running = client._histories.running
    with pytest.warns(ResourceWarning):
        del client
        gc.collect()
    wait_until(lambda: not running)
    wait_until(lambda: not [t for t in threading.enumerate() if "history" in t.name])


def test_a_closed_history_delivers_what_is_queued_and_ends(
    exchange: PaperExchange, bfx: Client
) -> None:
    with bfx.trades(SYMBOL, since=now_of(exchange) - MINUTE) as history:
        history.get(DEADLINE_S)
        assert "loading" in repr(history) or "live" in repr(history)
    list(history)
    assert "closed" in repr(history)
    history.close()
    unused = bfx.trades(SYMBOL, since=BEGIN)
    assert "new" in repr(unused)
    unused.close()
    assert list(unused) == []


def test_a_timeout_loses_nothing(exchange: PaperExchange, bfx: Client) -> None:
    since = now_of(exchange)
    with bfx.trades(SYMBOL, since=since + 1) as history:
        with pytest.raises(RequestTimeout, match="nothing within"):
            history.get(0.05)
        exchange.step(1.0)
        rows = tape(exchange, since + 1)
        found = [history.get(DEADLINE_S) for _ in rows]
    assert ids_of(found) == [row[0] for row in rows]


def test_interrupts_lose_no_trade(exchange: PaperExchange, bfx: Client) -> None:
    """Ctrl-C while it starts, waits for pages, and gives trades."""
    since, until = BEGIN - 60 * MINUTE, BEGIN - 30 * MINUTE
    wanted = bfx.trades(SYMBOL, since=since, until=until).collect()
    found: List[Any] = []
    history = bfx.trades(SYMBOL, since=since, until=until, limit=40)
    interrupted(lambda: found.extend(history), 60)
    found.extend(history)
    assert ids_of(found) == ids_of(wanted)
    assert len(wanted) > 100


def test_an_interrupt_before_any_bytecode_loses_no_trade(
    exchange: PaperExchange, bfx: Client
) -> None:
    """Of the thread that iterates, from the first call to the end of the range."""
    since, until = BEGIN - 60 * MINUTE, BEGIN - 20 * MINUTE
    wanted = bfx.trades(SYMBOL, since=since, until=until).collect()
    found: List[Any] = []
    history = bfx.trades(SYMBOL, since=since, until=until)
    names = interrupted_before_each_bytecode(lambda: found.extend(history))
    assert ids_of(found) == ids_of(wanted)
    assert names >= {"__iter__", "_claim_data", "_claim_item", "claim", "_step"}


@pytest.mark.once
def test_a_time_before_now_is_that_of_the_exchange(
    connect: Callable[..., Client],
) -> None:
    with PaperExchange() as exchange:
        with Client(wss_host=exchange.url, rest_host=exchange.rest_url) as bfx:
            found = bfx.candles(SYMBOL, since=timedelta(minutes=10)).collect()
    assert time.time() * 1000 - 11 * MINUTE < found[0].mts
    assert len(found) <= 11


@pytest.mark.once
def test_calls_that_make_no_sense_are_refused(
    exchange: PaperExchange, bfx: Client
) -> None:
    history = bfx.trades(SYMBOL, since=BEGIN)
    with pytest.raises(UsageError, match="needs a history with a callback"):
        history.wait()
    calls: List[Any] = []

    def wait_here(trade: Trade) -> None:
        try:
            mine.wait()
        except UsageError as exc:
            calls.append(exc)

    gate = threading.Event()
    mine = bfx.trades(
        SYMBOL,
        since=now_of(exchange) - MINUTE,
        callback=lambda t: (gate.wait(1), wait_here(t)),
    )
    gate.set()
    wait_until(lambda: calls)
    with pytest.raises(UsageError, match="with a callback cannot be read"):
        mine.get()
    assert not mine.wait(0)
