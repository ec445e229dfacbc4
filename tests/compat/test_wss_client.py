"""`WssClient` on the local exchange: its documented programs, its messages, its life."""

from __future__ import annotations

import logging
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest
from patience import at_most

from bfxsync import Backoff, NotExecuted, OrderFlag, OrderNotPlaced, UsageError
from bfxsync.compat import Client, ClientV1, ClientV2, WssClient, utils
from bfxsync.paper import PaperExchange

PROGRAMS = Path(__file__).with_name("programs")
DEADLINE_S = at_most(20.0)


@pytest.fixture(scope="module")
def running() -> Iterator[PaperExchange]:
    with PaperExchange(rate=20.0, heartbeat_s=0.05, ticker_s=0.05) as exchange:
        yield exchange


@pytest.fixture
def exchange(
    running: PaperExchange, monkeypatch: pytest.MonkeyPatch
) -> Iterator[PaperExchange]:
    """The exchange of the file, known by the environment; without orders and faults."""
    monkeypatch.setenv("BFX_WSS_HOST", running.url)
    monkeypatch.setenv("BFX_REST_HOST", running.rest_url)
    monkeypatch.setenv("BITFINEX_KEY", running.account.api_key)
    monkeypatch.setenv("BITFINEX_SECRET", running.account.api_secret)
    yield running
    running.clear_faults()
    if running.account.orders:
        with running.client() as bfx:
            bfx.rest.auth.cancel_all_orders()


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    left = set(threading.enumerate()) - before
    for thread in left:
        # One that ends just now is fine.
        thread.join(2.0)
    left = {thread for thread in left if thread.is_alive()}
    assert [t.name for t in left if t.name.startswith("bfxsync-")] == []


@pytest.fixture
def connect(exchange: PaperExchange) -> Iterator[Callable[..., WssClient]]:
    clients = []

    def make(*arguments: Any, **options: Any) -> WssClient:
        arguments = arguments or (
            exchange.account.api_key,
            exchange.account.api_secret,
        )
        options = {"backoff": Backoff(first_s=0.05), **options}
        clients.append(WssClient(*arguments, **options))
        return clients[-1]

    yield make
    for client in clients:
        client.stop()


class Messages:
    """The messages of a callback, in order."""

    def __init__(self) -> None:
        self._queue: Any = queue.Queue()

    def __call__(self, message: Any) -> None:
        self._queue.put(message)

    def get(self) -> Any:
        return self._queue.get(timeout=DEADLINE_S)

    def until(self, fits: Callable[[Any], Any]) -> Any:
        deadline = time.monotonic() + DEADLINE_S
        while time.monotonic() < deadline:
            message = self.get()
            if fits(message):
                return message
        raise AssertionError("no such message")


def is_event(name: str, **fields: Any) -> Callable[[Any], bool]:
    def fits(message: Any) -> bool:
        return (
            isinstance(message, dict)
            and {
                "event": name,
                **fields,
            }.items()
            <= message.items()
        )

    return fits


def is_account(code: str) -> Callable[[Any], bool]:
    return lambda message: isinstance(message, list) and message[:2] == [0, code]


def is_hb(message: Any) -> bool:
    return isinstance(message, list) and message[1] == "hb"


def is_row(message: Any) -> bool:
    """Whether it is an update of a channel, not a snapshot."""
    return (
        isinstance(message, list)
        and isinstance(message[1], list)
        and not isinstance(message[1][0], list)
    )


# --- the documented programs ------------------------------------------------------------------


def snapshot_then_row(messages: Messages) -> None:
    event = messages.until(is_event("subscribed"))
    first = messages.until(lambda m: isinstance(m, list) and m[0] == event["chanId"])
    assert isinstance(first[1][0], list)


def new_order(names: Any, exchange: PaperExchange, cid: int) -> None:
    """Check that the order of a program is in the book."""
    messages = Messages()
    names["my_client"].stop_socket("auth")
    names["my_client"].authenticate(messages)
    with exchange.client() as bfx:
        bfx.wss.account.wait_ready()
        while bfx.wss.account.orders.by_cid(cid) is None:
            bfx.wss.account.wait_ready()
        order = bfx.wss.account.orders.by_cid(cid)
    assert order is not None
    assert (order.symbol, order.order_type, order.meta) == ("tBTCUSD", "LIMIT", {})
    assert (order.amount, order.price) == (0.004, 1000)


def check_ticker(names: Any, messages: Messages, exchange: PaperExchange) -> None:
    event = messages.until(is_event("subscribed", channel="ticker", pair="BTCUSD"))
    assert messages.until(is_row)[0] == event["chanId"]


def check_account(names: Any, messages: Messages, exchange: PaperExchange) -> None:
    assert messages.get()["status"] == "OK"
    assert messages.until(is_account("ws"))[2]


def check_trades(names: Any, messages: Messages, exchange: PaperExchange) -> None:
    snapshot_then_row(messages)
    executed = messages.until(lambda m: isinstance(m, list) and m[1] == "te")
    assert len(executed[2]) == 4


def check_book(names: Any, messages: Messages, exchange: PaperExchange) -> None:
    snapshot_then_row(messages)
    assert len(messages.until(is_row)[1]) == 3


def check_candles(names: Any, messages: Messages, exchange: PaperExchange) -> None:
    for key in ("trade:1m:tBTCUSD", "trade:5m:tETHUSD"):
        messages.until(is_event("subscribed", key=key))
    assert len(messages.until(is_row)[1]) == 6


def check_quickstart(names: Any, messages: Messages, exchange: PaperExchange) -> None:
    new_order(names, exchange, names["order_client_id"])


def check_new_order(names: Any, messages: Messages, exchange: PaperExchange) -> None:
    new_order(names, exchange, names["client_id"])


def check_multi_order(names: Any, messages: Messages, exchange: PaperExchange) -> None:
    cancelled, placed = names["client_ids"]
    assert cancelled == 153925861909296
    new_order(names, exchange, placed)


def check_cancel(names: Any, messages: Messages, exchange: PaperExchange) -> None:
    note = messages.until(is_account("n"))[2]
    assert (note[1], note[6]) == ("oc-req", "ERROR")


def check_calc(names: Any, messages: Messages, exchange: PaperExchange) -> None:
    assert messages.until(is_account("miu"))[2][:2] == ["sym", "tBTCUSD"]


def check_watchdog(names: Any, messages: Messages, exchange: PaperExchange) -> None:
    assert names["was_alive"]
    # After `close` a silence makes it authenticate again.
    messages.until(is_event("auth"))
    messages.until(is_event("auth"))
    messages.until(is_account("hb"))
    names["watchdog"].is_over.set()


CHECKS = {
    "readme": check_ticker,
    "quickstart": check_quickstart,
    "authenticate": check_account,
    "ticker": check_ticker,
    "trades": check_trades,
    "orderbook": check_book,
    "candles": check_candles,
    "new_order_op": check_new_order,
    "new_order": check_new_order,
    "multi_order": check_multi_order,
    "cancel_order": check_cancel,
    "cancel_order_cid": check_cancel,
    "calc": check_calc,
    "watchdog": check_watchdog,
}


def test_every_program_is_run() -> None:
    assert {f"wss_{name}.py" for name in CHECKS} == {
        path.name for path in PROGRAMS.glob("wss_*.py")
    }


@pytest.mark.parametrize("name", CHECKS)
def test_a_documented_program_runs(exchange: PaperExchange, name: str) -> None:
    messages = Messages()
    names: Any = {"print": messages}
    try:
        exec((PROGRAMS / f"wss_{name}.py").read_text(), names)
        CHECKS[name](names, messages, exchange)
    finally:
        names["my_client"].stop()


@pytest.mark.parametrize("end", ["signal", "stop"])
def test_a_program_lives_until_stop_or_ctrl_c(
    exchange: PaperExchange, end: str
) -> None:
    program = (PROGRAMS / "wss_readme.py").read_text()
    if end == "stop":
        program = program.replace("print(message)", "my_client.stop()")
    program = program.replace("print(message)", "print(message, flush=True)")
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=dict(os.environ),
    ) as process:
        try:
            if end == "signal":
                assert process.stdout is not None
                assert b"subscribed" in process.stdout.readline()
            errors = interrupted(process, end == "signal")
        finally:
            process.kill()
    assert end == "signal" or (process.returncode, errors) == (0, b"")


def interrupted(process: subprocess.Popen[bytes], by_signal: bool) -> bytes:
    """Return what a program writes to stderr until it ends, by Ctrl-C if need be."""
    deadline = time.monotonic() + DEADLINE_S
    while True:
        if by_signal:
            # The first may end the code that follows `start`, and the next the program.
            process.send_signal(signal.SIGINT)
        try:
            return process.communicate(timeout=0.5 if by_signal else DEADLINE_S)[1]
        except subprocess.TimeoutExpired:
            assert time.monotonic() < deadline


# --- messages ---------------------------------------------------------------------------------


def test_channels_are_told_apart_by_number(connect: Any) -> None:
    client, messages = connect(), Messages()
    assert client.subscribe_to_ticker("BTCUSD", messages) == "ticker_tBTCUSD"
    assert client.subscribe_to_ticker("ethusd", messages) == "ticker_tETHUSD"
    assert client.subscribe_to_ticker("USD", messages) == "ticker_fUSD"
    client.start()
    found = {}
    while len(found) < 3:
        event = messages.until(is_event("subscribed"))
        found[event["chanId"]] = event.get("pair") or event["currency"]
    assert set(found.values()) == {"BTCUSD", "ETHUSD", "USD"}
    rows: Any = {}
    while len(rows) < 3:
        number, row = messages.until(is_row)
        rows[found[number]] = row
    assert [len(rows[name]) for name in ("BTCUSD", "USD")] == [11, 16]


def test_each_precision_is_a_book_of_its_own(connect: Any) -> None:
    client, coarse, raw = connect(), Messages(), Messages()
    client.start()
    client.subscribe_to_orderbook("BTCUSD", "P1", coarse)
    client.subscribe_to_orderbook("BTCUSD", "R0", raw)
    assert coarse.until(is_event("subscribed"))["prec"] == "P1"
    assert raw.until(is_event("subscribed"))["prec"] == "R0"
    _, levels = coarse.get()
    _, orders = raw.get()
    assert len(levels) == len(orders) == 50
    assert {row[0] % 10 for row in levels} == {0}
    assert min(row[0] for row in orders) > 10**6


def test_every_channel_has_heartbeats(connect: Any) -> None:
    client = connect()
    got = [Messages() for _ in range(5)]
    client.subscribe_to_ticker("BTCUSD", got[0])
    client.subscribe_to_trades("BTCUSD", got[1])
    client.subscribe_to_orderbook("BTCUSD", "P0", got[2])
    client.subscribe_to_candles("BTCUSD", None, got[3])
    client.authenticate(got[4])
    client.start()
    for messages in got:
        messages.until(is_hb)


def test_the_first_row_of_a_ticker_comes_once(connect: Any) -> None:
    client, messages = connect(), Messages()
    client.subscribe_to_ticker("BTCUSD", messages)
    client.start()
    assert is_event("subscribed")(messages.get())
    _, first = messages.until(is_row)
    _, second = messages.until(is_row)
    assert first is not second and type(first) is type(second) is list


def test_a_reconnect_repeats_subscribed_and_the_snapshot(
    connect: Any, exchange: PaperExchange
) -> None:
    client, messages = connect(), Messages()
    client.subscribe_to_trades("BTCUSD", messages)
    client.start()
    first = messages.get()
    exchange.drop_connections()
    again = messages.until(is_event("subscribed"))
    assert again == first
    number, rows = messages.get()
    assert number == first["chanId"] and len(rows) >= 30


def test_each_authentication_has_a_nonce_of_its_own(
    connect: Any, exchange: PaperExchange
) -> None:
    client, messages = connect(), Messages()
    client.authenticate(messages)
    client.start()
    messages.until(is_event("auth", status="OK"))
    for _ in range(3):
        exchange.drop_connections()
        messages.until(is_event("auth", status="OK"))


def test_an_exception_loses_no_message(connect: Any, caplog: Any) -> None:
    client, messages = connect(), Messages()

    def on_message(message: Any) -> None:
        messages(message)
        message[1] + 1  # neither an event nor a list has this

    client.subscribe_to_orderbook("BTCUSD", "P0", on_message)
    client.start()
    assert is_event("subscribed")(messages.get())
    assert len(messages.get()[1]) == 50
    messages.until(is_row)
    assert "KeyError" in caplog.text and "TypeError" in caplog.text


def test_a_refused_subscription_is_an_error_event(connect: Any) -> None:
    errors, messages = Messages(), Messages()
    client = connect(on_error=errors)
    client.start()
    client.subscribe_to_ticker("NOSUCH", messages)
    assert messages.get()["code"] == 10300
    assert errors.get().code == 10300
    # It may be tried again.
    assert client.subscribe_to_ticker("NOSUCH", messages) == "ticker_tNOSUCH"
    assert messages.get()["code"] == 10300


def test_a_refused_key_is_a_message_and_ends_the_program(connect: Any) -> None:
    client, messages = connect("paper-wrong", "paper-wrong-secret"), Messages()
    client.authenticate(messages)
    client.start()
    assert messages.until(is_event("auth"))["status"] == "FAILED"
    client.join(DEADLINE_S)
    assert not client.is_alive()
    with pytest.raises(UsageError, match="call start"):
        client.calc("margin_base")
    client.start()
    assert messages.until(is_event("auth"))["status"] == "FAILED"


def test_pings_are_answered_in_their_channel(connect: Any) -> None:
    client, account, ticker = connect(), Messages(), Messages()
    client.authenticate(account)
    name = client.subscribe_to_ticker("BTCUSD", ticker)
    client.start()
    account.get(), ticker.get()
    assert account.until(is_event("pong", cid=client.ping()))["ts"] > 0
    assert ticker.until(is_event("pong", cid=client.ping(name)))
    with pytest.raises(UsageError, match="one of ticker_tBTCUSD, auth, not 'x'"):
        client.ping("x")


# --- orders -----------------------------------------------------------------------------------


@pytest.fixture
def trader(connect: Any) -> Any:
    client, messages = connect(), Messages()
    client.authenticate(messages)
    client.start()
    messages.until(is_account("ws"))
    client.messages = messages
    return client


def test_an_order_is_placed_changed_and_cancelled_by_cid(trader: Any) -> None:
    cid = trader.new_order("EXCHANGE LIMIT", "BTCUSD", "0.01", "1000")
    assert utils.cid_to_date(cid) == utils.cid_to_date(utils.create_cid())
    order = trader.messages.until(is_account("on"))[2]
    assert order[2:4] == [cid, "tBTCUSD"]
    trader.update_order(id=str(order[0]), price="1001")
    assert trader.messages.until(is_account("ou"))[2][16] == 1001
    trader.update_order(cid=cid, amount="0.02")
    assert trader.messages.until(is_account("ou"))[2][6] == 0.02
    trader.cancel_order_cid(str(cid), utils.cid_to_date(cid))
    assert trader.messages.until(is_account("oc"))[2][0] == order[0]


@pytest.mark.parametrize("by", ["id", "cid"])
def test_an_order_is_cancelled_by_one_number(trader: Any, by: str) -> None:
    cid = trader.new_order("EXCHANGE LIMIT", "tBTCUSD", "0.01", 1000)
    order = trader.messages.until(is_account("on"))[2]
    if by == "id":
        trader.cancel_order(order[0])
    else:
        trader.cancel_order(order_cid=cid)
    assert trader.messages.until(is_account("oc"))[2][0] == order[0]


@pytest.mark.parametrize(
    "cid", ["abc", "1_000", 1.5, True, float("inf"), [1], 2**45, 5]
)
def test_an_impossible_cid_changes_no_order(trader: Any, cid: Any) -> None:
    trader.messages.until(is_account("os"))
    with pytest.raises(UsageError, match="cid must be"):
        trader.update_order(cid=cid, price="1001")


def test_operations_go_out_together_and_return_their_cids(
    trader: Any, exchange: PaperExchange
) -> None:
    first = trader.new_order_op("EXCHANGE LIMIT", "BTCUSD", "0.01", "1000")
    second = trader.new_order_op("EXCHANGE LIMIT", "BTCUSD", "1", "1", set_cid=False)
    assert first[0] == "on" and first["cid"] == first[1]["cid"]
    assert "meta" not in first[1] and "cid" not in second[1]
    cids = trader.multi_order([first, second, ["oc_multi", {"all": 1}]])
    assert cids == [first["cid"], None, None]
    trader.messages.until(is_account("oc"))
    trader.messages.until(is_account("oc"))
    assert not exchange.account.orders


def test_an_invalid_operation_sends_none(trader: Any, exchange: PaperExchange) -> None:
    good = trader.new_order_op("EXCHANGE LIMIT", "BTCUSD", "0.01", "1000")
    for bad in (["on", {}], ["xx", {}], "on", {"name": 1}, ["oc", {"id": "x"}], []):
        with pytest.raises(UsageError):
            trader.multi_order([good, bad])
    with pytest.raises(UsageError, match="operations must be a list"):
        trader.multi_order(None)
    assert not exchange.account.orders


def test_prices_are_rounded_and_ignored_for_market_orders(trader: Any) -> None:
    trader.new_order("EXCHANGE LIMIT", "BTCUSD", 0.01, 1234.56789)
    assert trader.messages.until(is_account("on"))[2][16] == 1234.6
    trader.new_order("EXCHANGE MARKET", "BTCUSD", 0.01, 1.0)
    assert trader.messages.until(is_account("oc"))[2][8] == "EXCHANGE MARKET"


def test_flags_are_added_and_hidden_is_a_number(trader: Any) -> None:
    flags = [OrderFlag.POST_ONLY]
    trader.new_order("EXCHANGE LIMIT", "BTCUSD", 0.01, 1000, hidden=1, flags=flags)
    assert trader.messages.until(is_account("on"))[2][12] == 4096 + 64
    with pytest.raises(UsageError, match="flags must be a list"):
        trader.new_order("EXCHANGE LIMIT", "BTCUSD", 0.01, 1000, flags="x")


def test_a_refusal_is_a_notification_and_is_logged(trader: Any, caplog: Any) -> None:
    trader.new_order("EXCHANGE LIMIT", "BTCUSD", 1_000_000, 50_000)
    note = trader.messages.until(is_account("n"))[2]
    assert (note[1], note[6]) == ("on-req", "ERROR")
    trader.stop()
    assert "OrderRejected" in caplog.text


def test_calc_takes_names_and_lists(trader: Any, caplog: Any) -> None:
    trader.calc("margin_base")
    assert trader.messages.until(is_account("miu"))[2][0] == "base"
    trader.calc(["margin_sym_tBTCUSD"], "wallet_nowhere_USD")
    assert trader.messages.until(is_account("miu"))[2][:2] == ["sym", "tBTCUSD"]
    assert "not requested: calculations must be" in caplog.text
    with pytest.raises(UsageError):
        trader.calc(5)


def test_a_callback_can_place_an_order(connect: Any) -> None:
    client, messages = connect(), Messages()
    client.authenticate(messages)
    cids: Any = queue.Queue()

    def on_ticker(message: Any) -> None:
        if is_row(message):
            cids.put(client.new_order("EXCHANGE LIMIT", "BTCUSD", "0.01", "1000"))
            client.stop_socket("ticker_tBTCUSD")

    client.subscribe_to_ticker("BTCUSD", on_ticker)
    client.start()
    cid = cids.get(timeout=DEADLINE_S)
    assert messages.until(is_account("on"))[2][2] == cid


def test_an_order_without_connection_raises(connect: Any, caplog: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    client = connect(wss_host=f"ws://127.0.0.1:{port}", timeout=0.05)
    client.authenticate()
    client.start()
    with pytest.raises(OrderNotPlaced) as caught:
        client.new_order("EXCHANGE LIMIT", "BTCUSD", "0.01", "1000")
    assert caught.value.proof == "never_sent"
    with pytest.raises(NotExecuted):
        client.cancel_order(order_id=1)


def test_no_order_is_sent_again_by_a_reconnect(
    trader: Any, exchange: PaperExchange
) -> None:
    cid = trader.new_order("EXCHANGE LIMIT", "BTCUSD", "0.01", "1000")
    trader.messages.until(is_account("on"))
    exchange.drop_connections()
    trader.messages.until(is_event("auth"))
    rows = trader.messages.until(is_account("os"))[2]
    assert [row[2] for row in rows] == [cid]


# --- arguments --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "call",
    [
        lambda c: c.subscribe_to_ticker("BTC-USD", print),
        lambda c: c.subscribe_to_ticker(5, print),
        lambda c: c.subscribe_to_ticker("BTCUSD", None),
        lambda c: c.subscribe_to_ticker("BTCUSD", lambda: None),
        lambda c: c.subscribe_to_orderbook("BTCUSD", "P9", print),
        lambda c: c.subscribe_to_candles("BTCUSD", "2m", print),
        lambda c: c.authenticate(5),
        lambda c: c.authenticate(print, filters=["nothing"]),
        lambda c: c.new_order_op("LIMIT", "BTCUSD", 1, 1, pair="BTCUSD"),
        lambda c: c.new_order("LIMIT", "BTCUSD", 1, 1),
        lambda c: c.cancel_order(order_id=1),
        lambda c: c.ping(),
        lambda c: c.calc("margin_base"),
    ],
)
def test_bad_arguments_and_calls_before_start_raise(connect: Any, call: Any) -> None:
    client = connect()
    with pytest.raises(UsageError):
        call(client)
    assert client._conns == {}


@pytest.mark.parametrize(
    "options",
    [
        {"nonce_multiplier": 0},
        {"nonce_multiplier": "x"},
        {"on_error": 5},
        {"filters": ["trading"]},
        {"nothing": 1},
        {"secret": None, "key": "paper-key"},
    ],
)
def test_bad_options_raise(exchange: PaperExchange, options: Any) -> None:
    with pytest.raises((UsageError, TypeError)):
        WssClient(**options)


def test_without_a_key_only_public_data_is_there(exchange: PaperExchange) -> None:
    client = WssClient()
    with pytest.raises(UsageError, match="key"):
        client.authenticate(print)
    assert client._conns == {}


def test_a_multiplier_above_ours_is_named(exchange: PaperExchange, caplog: Any) -> None:
    WssClient("paper-key", "paper-secret", 100_000.0)
    assert caplog.text == ""
    client = WssClient("paper-key", "paper-secret", nonce_multiplier=1e7)
    assert "use a new one" in caplog.text
    assert float(client._nonce()) > 1e16
    assert "paper-secret" not in repr(vars(client)) + repr(client)


@pytest.mark.parametrize("kind", [Client, ClientV1, ClientV2])
def test_rest_classes_name_what_replaces_them(kind: Any) -> None:
    with pytest.raises(UsageError, match=r"use bfxsync\.Client\(key, secret\)"):
        kind("key", "secret")


# --- its life ---------------------------------------------------------------------------------


def test_nothing_happens_before_start(connect: Any, exchange: PaperExchange) -> None:
    client, opened = connect(), exchange.connections_opened
    client.subscribe_to_ticker("BTCUSD", print)
    client.authenticate(print)
    assert not client.is_alive()
    client.stop()
    assert exchange.connections_opened == opened


def test_stop_and_start_continue_all_subscriptions(connect: Any) -> None:
    client, ticker, account = connect(), Messages(), Messages()
    client.subscribe_to_ticker("BTCUSD", ticker)
    client.authenticate(account)
    client.start()
    client.start()
    ticker.until(is_row), account.until(is_account("ws"))
    assert client.is_alive()
    client.stop()
    assert not client.is_alive()
    client.start()
    ticker.until(is_event("subscribed")), ticker.until(is_row)
    account.until(is_event("auth")), account.until(is_account("ws"))


def test_a_stopped_subscription_takes_another_callback(connect: Any) -> None:
    client, old, new = connect(), Messages(), Messages()
    client.subscribe_to_ticker("BTCUSD", old)
    client.start()
    old.until(is_row)
    assert client.subscribe_to_ticker("BTCUSD", old) is False
    with pytest.raises(UsageError, match="has another callback; call stop_socket"):
        client.subscribe_to_ticker("BTCUSD", new)
    client.stop()
    assert client.subscribe_to_ticker("BTCUSD", new) == "ticker_tBTCUSD"
    client.start()
    new.until(is_row)


def test_close_forgets_subscriptions_and_lives_on(connect: Any) -> None:
    client, old, new = connect(), Messages(), Messages()
    client.subscribe_to_ticker("BTCUSD", old)
    client.start()
    old.until(is_row)
    client.close()
    assert client.is_alive() and client._conns == {}
    client.authenticate(new)
    client.subscribe_to_ticker("BTCUSD", new)
    new.until(is_account("ws")), new.until(is_row)


def test_the_account_is_authenticated_once(connect: Any) -> None:
    client, messages = connect(), Messages()
    assert client.authenticate(messages) == "auth"
    assert client.authenticate(messages) is False
    with pytest.raises(UsageError, match="another callback or other filters"):
        client.authenticate(messages, filters=["trading"])
    client.start()
    messages.until(is_account("ws"))
    client.stop_socket("auth")
    assert client.authenticate(messages) == "auth"


def test_filters_may_come_after_start(connect: Any) -> None:
    client, ticker, account = connect(), Messages(), Messages()
    client.subscribe_to_ticker("BTCUSD", ticker)
    client.start()
    ticker.until(is_row)
    client.authenticate(account, filters=["wallet"])
    account.until(is_event("auth"))
    codes = {account.get()[1] for _ in range(3)}
    assert codes <= {"ws", "hb"}
    ticker.until(is_event("subscribed")), ticker.until(is_row)


def test_stop_may_be_called_by_a_callback(connect: Any) -> None:
    client = connect()
    client.daemon = True
    client.subscribe_to_ticker("BTCUSD", lambda message: client.stop())
    client.start()
    client.join(DEADLINE_S)
    assert not client.is_alive()


def test_sys_exit_in_a_callback_ends_the_program(connect: Any) -> None:
    client = connect()
    messages = Messages()

    def on_message(message: Any) -> None:
        messages(message)
        sys.exit(3)

    client.subscribe_to_ticker("BTCUSD", on_message)
    for _ in range(2):
        client.start()
        client.join(DEADLINE_S)
        assert not client.is_alive()
        messages.until(is_event("subscribed"))


def test_a_client_that_others_have_closed_can_be_started_again(connect: Any) -> None:
    client, messages = connect(), Messages()
    client.subscribe_to_ticker("BTCUSD", messages)
    client.start()
    messages.until(is_event("subscribed"))
    client._client.close()  # as the pytest plugin does with what a test leaves open
    client.join(DEADLINE_S)
    assert not client.is_alive() and "stopped" in repr(client)
    client.start()
    messages.until(is_event("subscribed"))


def test_a_stopped_socket_sends_nothing_more(connect: Any) -> None:
    client, ended, others = connect(), Messages(), Messages()
    name = client.subscribe_to_ticker("BTCUSD", ended)
    client.subscribe_to_trades("BTCUSD", others)
    client.start()
    ended.until(is_row)
    client.stop_socket(name)
    client.stop_socket("unknown")
    others.until(lambda m: isinstance(m, list) and m[1] == "te")
    assert name not in client._conns


def test_logs_name_gaps_and_drops(caplog: Any) -> None:
    from bfxsync import Degraded, Gap, Status, SubscriptionStatus
    from bfxsync.compat.contents import Contents

    caplog.set_level(logging.INFO)
    contents = Contents({"channel": "book"}, print, print)
    for event in (Gap("lost"), Gap("slow", 5), Degraded("wrong")):
        contents._on_event(event)
    contents._on_event(Status(SubscriptionStatus.MAINTENANCE))
    levels = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert levels == [
        ("INFO", "book: gap: lost"),
        ("WARNING", "book: 5 updates dropped: slow"),
        ("WARNING", "book: degraded: wrong"),
    ]
