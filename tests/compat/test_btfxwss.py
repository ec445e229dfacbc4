"""`BtfxWss` on the local exchange: its documented programs, its queues, its life."""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest
from patience import at_most

from bfxsync import Backoff, UsageError
from bfxsync.compat import BtfxWss
from bfxsync.compat.btfxwss import _client_options
from bfxsync.compat.entry_queue import EntryQueue
from bfxsync.compat.rows import row_of
from bfxsync.paper import PaperExchange

PROGRAMS = Path(__file__).with_name("programs")
DEADLINE_S = at_most(20.0)


@pytest.fixture(scope="module")
def running() -> Iterator[PaperExchange]:
    with PaperExchange(rate=200.0, heartbeat_s=0.05, ticker_s=0.05) as exchange:
        yield exchange


@pytest.fixture
def exchange(running: PaperExchange, monkeypatch: pytest.MonkeyPatch) -> PaperExchange:
    monkeypatch.setenv("BFX_WSS_HOST", running.url)
    monkeypatch.setenv("BFX_REST_HOST", running.rest_url)
    return running


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """No thread, and the level of the logger as it was."""
    before, logger = set(threading.enumerate()), logging.getLogger("bfxsync")
    level = logger.level
    yield
    logger.setLevel(level)
    left = set(threading.enumerate()) - before
    for thread in left:
        # One that ends just now is fine.
        thread.join(2.0)
    left = {thread for thread in left if thread.is_alive()}
    assert [t.name for t in left if t.name.startswith("bfxsync-")] == []


@pytest.fixture
def connect(exchange: PaperExchange) -> Iterator[Callable[..., BtfxWss]]:
    made = []

    def make(**options: Any) -> BtfxWss:
        account = exchange.account
        options = {"backoff": Backoff(first_s=0.05), **options}
        made.append(BtfxWss(account.api_key, account.api_secret, **options))
        made[-1].start()
        return made[-1]

    yield make
    for wss in made:
        wss.stop()


def get(entries: Any) -> Any:
    return entries.get(timeout=DEADLINE_S)


@pytest.mark.parametrize("name", ["readme", "channels"])
def test_a_documented_program_runs(exchange: PaperExchange, name: str) -> None:
    printed: Any = []
    exec((PROGRAMS / f"btfxwss_{name}.py").read_text(), {"print": printed.append})
    contents = [content for content, received_at in printed if received_at > 0]
    assert len(contents) == len(printed) >= 1
    assert len(contents[0][0]) == 11
    if name == "channels":
        sizes = [len(content[0][0]) for content in contents[1:]]
        assert sizes == [6, 3, 3, 4], "snapshots of candles, books and trades"


def test_trades_have_a_tag_after_the_snapshot(connect: Any) -> None:
    wss = connect()
    wss.subscribe_to_trades("BTCUSD")
    trades = wss.trades("tBTCUSD")
    (rows,), _ = get(trades)
    assert len(rows) == 30
    tags = {get(trades)[0][0] for _ in range(50)}
    assert tags == {"te", "tu"}


def test_queues_of_pairs_and_timeframes_are_separate(connect: Any) -> None:
    wss = connect()
    wss.subscribe_to_candles("BTCUSD", "5m")
    wss.subscribe_to_candles("tETHUSD")
    wss.subscribe_to_ticker("fUSD")
    assert get(wss.candles("BTCUSD", "5m")) and get(wss.candles("ETHUSD"))
    assert len(get(wss.tickers("USD"))[0][0]) == 16
    assert wss.candles("BTCUSD").empty() and wss.tickers("BTCUSD").empty()
    assert wss.channel_configs["candles", "BTCUSD", "5m"] == {
        "event": "subscribe",
        "channel": "candles",
        "key": "trade:5m:tBTCUSD",
    }


def test_account_messages_are_in_one_queue(connect: Any) -> None:
    wss = connect()
    wss.authenticate()
    wss.authenticate()
    wss.new_order(type="EXCHANGE LIMIT", symbol="BTCUSD", amount="0.01", price="1000")
    seen = {}
    while "on" not in seen:
        code, content, received_at = get(wss.account)
        seen[code] = content[0]
        assert received_at > 0
    assert {"ps", "ws", "os", "fos", "fcs", "fls"} <= seen.keys()
    id = seen["on"][0]
    wss.update_order(id=id, price="1001")
    wss.calc("margin_base")
    wss.cancel_order(id=id)
    while "oc" not in seen:
        code, content, _ = get(wss.account)
        seen[code] = content[0]
    assert seen["oc"][0] == id and "hb" not in seen
    operation = {"type": "EXCHANGE LIMIT", "symbol": "tBTCUSD", "amount": 1, "price": 1}
    wss.order_multi_op(["on", operation])
    wss.cancel_order(multi=True, all=1)
    row = [id]
    while row[0] == id or code != "oc":
        code, (row,), _ = get(wss.account)


def test_reset_subscribes_again(connect: Any) -> None:
    wss = connect()
    wss.subscribe_to_order_book("BTCUSD", prec="P1", len=100)
    books = wss.books("BTCUSD")
    (rows,), _ = get(books)
    assert len(rows) > 50
    wss.reset()
    content = get(books)[0]
    while not isinstance(content[0][0], list):
        content = get(books)[0]


def test_stop_and_start_continue_all_subscriptions(connect: Any) -> None:
    wss = connect()
    assert wss.conn.connected.wait(DEADLINE_S)
    wss.subscribe_to_ticker("BTCUSD")
    wss.authenticate()
    get(wss.tickers("BTCUSD")), get(wss.account)
    wss.stop()
    assert not wss.conn.connected.is_set()
    for entries in (wss.tickers("BTCUSD"), wss.account):
        while not entries.empty():
            entries.get()
    wss.start()
    wss.start()
    get(wss.tickers("BTCUSD")), get(wss.account)
    assert wss.conn.connected.wait(DEADLINE_S)
    assert "running, 1 channels" in repr(wss)


def test_connected_follows_the_connection(connect: Any, exchange: Any) -> None:
    wss = connect()
    assert wss.conn.connected.wait(DEADLINE_S)
    wss.subscribe_to_ticker("BTCUSD")
    get(wss.tickers("BTCUSD"))
    exchange.drop_connections()
    deadline = time.monotonic() + DEADLINE_S
    while wss.conn.connected.is_set() and time.monotonic() < deadline:
        threading.Event().wait(0.001)
    assert wss.conn.connected.wait(DEADLINE_S)


def test_an_unread_queue_drops_its_oldest_entries(connect: Any, caplog: Any) -> None:
    wss = connect(queue_size=20)
    wss.subscribe_to_trades("BTCUSD")
    trades = wss.trades("BTCUSD")
    wait_until(lambda: "is full" in caplog.text)
    assert trades.qsize() <= 20
    (tag, row), _ = get(trades)
    assert tag in ("te", "tu") and len(row) == 4, "the snapshot was the oldest"
    assert caplog.text.count("the queue of trades BTCUSD is full") == 1


def test_a_full_book_begins_anew_and_stays_true(connect: Any, caplog: Any) -> None:
    wss = connect(queue_size=50)
    wss.subscribe_to_order_book("BTCUSD")
    books = wss.books("BTCUSD")
    get(books)
    wait_until(lambda: "the queue of book BTCUSD is full" in caplog.text)
    handle: Any = wss._channels["book", "BTCUSD"].handle
    levels: Any = {}

    def is_equal() -> bool:
        """Apply all entries; return whether the levels are those of the verified book."""
        while not books.empty():
            (content,), _ = books.get()
            if isinstance(content[0], list):
                levels.clear()
            for row in content if isinstance(content[0], list) else [content]:
                levels[row[0]] = row
                if not row[1]:
                    del levels[row[0]]
        bids, asks = handle.book.levels()
        return levels == {row.price: row_of(row) for row in (*bids, *asks)}

    wait_until(is_equal)
    assert len(levels) == 50


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline
        threading.Event().wait(0.001)


def test_a_queue_without_replacement_drops_one() -> None:
    queue = EntryQueue("test", 2)
    for number in range(5):
        queue.add(number, list)
    assert [queue.entries.get() for _ in range(2)] == [3, 4]
    for number in range(3):
        queue.add(number, lambda: ["all"])
    assert [queue.entries.get() for _ in range(2)] == ["all", 2]


def test_other_arguments_need_an_unsubscription(connect: Any) -> None:
    wss = connect()
    wss.subscribe_to_order_book("BTCUSD")
    wss.subscribe_to_order_book("tBTCUSD")
    with pytest.raises(UsageError, match="book BTCUSD has other arguments"):
        wss.subscribe_to_order_book("BTCUSD", prec="P1")
    wss.subscribe_to_raw_order_book("BTCUSD")
    for end in (wss.unsubscribe_from_order_book, wss.unsubscribe_from_raw_order_book):
        end("BTCUSD")
        with pytest.raises(UsageError, match="there is no subscription to"):
            end("BTCUSD")
    wss.subscribe_to_order_book("BTCUSD", prec="P1")
    wss.subscribe_to_trades("BTCUSD"), wss.unsubscribe_from_trades("BTCUSD")
    wss.subscribe_to_candles("BTCUSD"), wss.unsubscribe_from_candles("BTCUSD", "1m")
    wss.subscribe_to_ticker("BTCUSD"), wss.unsubscribe_from_ticker("BTCUSD")
    assert list(wss.channel_configs) == [("book", "BTCUSD")]


def test_a_refused_subscription_may_be_repeated(connect: Any) -> None:
    errors: Any = EntryQueue("errors", 10)
    wss = connect(on_error=errors.add)
    for _ in range(2):
        wss.subscribe_to_ticker("NOSUCH")
        assert get(errors.entries).code == 10300


@pytest.mark.parametrize(
    "call",
    [
        lambda wss: wss.subscribe_to_ticker("BTC-USD"),
        lambda wss: wss.subscribe_to_candles("BTCUSD", "2m"),
        lambda wss: wss.subscribe_to_order_book("BTCUSD", prec="P9"),
        lambda wss: wss.subscribe_to_order_book("BTCUSD", len=7),
        lambda wss: wss.unsubscribe_from_ticker("BTCUSD"),
        lambda wss: wss.new_order(symbol="BTCUSD"),
        lambda wss: wss.cancel_order(multi=3, id=5),
        lambda wss: wss.order_multi_op("on"),
        lambda wss: wss.tickers(5),
        lambda wss: wss.config(sequencing="x"),
    ],
)
def test_bad_arguments_raise(connect: Any, call: Any) -> None:
    wss = connect()
    with pytest.raises(UsageError):
        call(wss)
    assert wss.channel_configs == {}


def test_nothing_works_before_start(exchange: PaperExchange) -> None:
    wss = BtfxWss()
    for call in (wss.authenticate, wss.reset, lambda: wss.subscribe_to_ticker("a")):
        with pytest.raises(UsageError):
            call()
    wss.stop()


def test_config_says_that_it_does_nothing(connect: Any, caplog: Any) -> None:
    connect().config()
    assert "config() has no effect" in caplog.text


def test_the_level_of_the_log_is_set(exchange: PaperExchange) -> None:
    BtfxWss(log_level=logging.CRITICAL)
    assert logging.getLogger("bfxsync").level == logging.CRITICAL


def test_options_become_those_of_the_client() -> None:
    options = {"url": "wss://a.example/ws/2", "http_proxy_host": "proxy.example"}
    options = {**options, "http_proxy_auth": ("me", "secret-word"), "timeout": None}
    found = _client_options({**options, "sslopt": {"ca_certs": "/ca.pem"}})
    assert found.pop("proxy") == "http://me:secret-word@proxy.example:80"
    assert found == {"wss_host": options["url"], "ca_bundle": "/ca.pem"}
    assert "secret-word" not in repr(_client_options(options))


@pytest.mark.parametrize(
    "options",
    [
        {"timeout": 5},
        {"reconnect_interval": 5},
        {"http_no_proxy": ["a"]},
        {"sslopt": {"cert_reqs": 0}},
        {"queue_size": 0},
        {"queue_size": "x"},
    ],
)
def test_options_without_meaning_here_are_refused(options: Any) -> None:
    with pytest.raises(UsageError):
        BtfxWss(**options)
