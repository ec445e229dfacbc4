"""Impossible arguments give one clear error at the caller's line, and nothing is sent."""

from __future__ import annotations

import functools
from typing import Any, AsyncIterator, Callable, Iterator

import pytest

from bfxsync import (
    BfxError,
    ClosedError,
    Flag,
    SubscriptionRejected,
    SubscriptionStatus,
    UsageError,
    WebSocketClient,
)
from bfxsync.paper import PaperExchange

from .bare_server import BareServer
from .conftest import Connect, Serve
from .support import greet, round_trip, subscribed

NAN, INFINITY = float("nan"), float("inf")

NO_TIMEOUTS = [0, 0.0, -1, -0.5, NAN, INFINITY, 1e300, True, False, "5", b"5", [5]]


async def coroutine_function(*arguments: Any) -> None: ...


async def asynchronous_generator(*arguments: Any) -> AsyncIterator[None]:
    yield


class CallableCoroutine:
    async def __call__(self, *arguments: Any) -> None: ...


class CallableGenerator:
    async def __call__(self, *arguments: Any) -> AsyncIterator[None]:
        yield


class Owner:
    async def method(self, *arguments: Any) -> None: ...


NO_CALLBACKS = {
    "coroutine-function": coroutine_function,
    "partial": functools.partial(coroutine_function, 1),
    "partial-of-partial": functools.partial(functools.partial(coroutine_function), 1),
    "method": Owner().method,
    "partial-of-method": functools.partial(Owner().method, 1),
    "async-generator": asynchronous_generator,
    "callable-coroutine": CallableCoroutine(),
    "partial-of-callable": functools.partial(CallableCoroutine(), 1),
    "callable-generator": CallableGenerator(),
    "text": "print",
    "number": 5,
    "list": [print],
}


@pytest.fixture
def server(serve: Serve) -> BareServer:
    return serve()


@pytest.fixture
def client(connect: Connect, server: BareServer) -> Iterator[WebSocketClient]:
    """A client; whatever a test does with it, nothing may go out."""
    client = connect(server)
    yield client
    client.close()
    assert server.accepted == 0


# --- what is refused before anything is sent --------------------------------------------------


@pytest.mark.parametrize(
    "channel",
    ["", "tickers", "Ticker", "fticker", "auth", b"ticker", None, 5, ["ticker"]],
    ids=repr,
)
def test_unknown_channel(client: WebSocketClient, channel: Any) -> None:
    with pytest.raises(UsageError, match="channel must be one of ticker, "):
        client.subscribe(channel, symbol="tBTCUSD")


@pytest.mark.parametrize("symbol", ["DOGE:USD", "USD", "BTCF0:USTF0"])
def test_symbol_without_prefix_is_told_which_one(
    client: WebSocketClient, symbol: str
) -> None:
    with pytest.raises(UsageError, match=rf"did you mean '[tf]{symbol}'\?"):
        client.subscribe_ticker(symbol)


@pytest.mark.parametrize(
    "symbol",
    [
        "",
        "t",
        "f",
        "tbtcusd",
        "btc/usd",
        "fusd",
        "TBTCUSD",
        "xBTCUSD",
        "tBTC/USD",
        "tBTC-USD",
        "tBTCUSD ",
        " tBTCUSD",
        "tBTCUSD\n",
        "tDOGE:",
        "t:USD",
        "tA:B:C",
        "tÄTCUSD",
        'tBTCUSD"',
        b"tBTCUSD",
        None,
        5,
        ["tBTCUSD"],
    ],
    ids=repr,
)
def test_impossible_symbol(client: WebSocketClient, symbol: Any) -> None:
    for subscribe in (
        client.subscribe_ticker,
        client.subscribe_trades,
        client.subscribe_book,
    ):
        with pytest.raises(UsageError, match="symbol"):
            subscribe(symbol)
    with pytest.raises(UsageError, match="symbol"):
        client.subscribe("ticker", symbol=symbol)


def test_missing_symbol(client: WebSocketClient) -> None:
    with pytest.raises(UsageError, match="symbol"):
        client.subscribe("ticker")
    with pytest.raises(UsageError, match="symbol"):
        client.subscribe("ticker", "tBTCUSD")  # the second is the name


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("prec", "P5"),
        ("prec", "p0"),
        ("prec", 0),
        ("prec", ""),
        ("prec", None),
        ("prec", ["P0"]),
        ("freq", "F2"),
        ("freq", "f0"),
        ("freq", 0),
        ("freq", None),
        ("len", 0),
        ("len", 24),
        ("len", -25),
        ("len", 25.0),
        ("len", "25 "),
        ("len", "025"),
        ("len", True),
        ("len", None),
        ("len", [25]),
    ],
    ids=repr,
)
def test_impossible_argument_of_a_book(
    client: WebSocketClient, name: str, value: Any
) -> None:
    with pytest.raises(UsageError, match=f"{name} must be one of"):
        client.subscribe_book("tBTCUSD", **{name: value})


@pytest.mark.parametrize(
    ("channel", "extra"),
    [
        ("ticker", {"prec": "P0"}),
        ("trades", {"len": 25}),
        ("book", {"key": "x"}),
        ("ticker", {"Symbol": "tBTCUSD"}),
        ("book", {"length": 25}),
    ],
    ids=repr,
)
def test_argument_that_a_channel_does_not_have(
    client: WebSocketClient, channel: str, extra: dict[str, Any]
) -> None:
    with pytest.raises(UsageError, match=f"takes no {next(iter(extra))!r}"):
        client.subscribe(channel, symbol="tBTCUSD", **extra)


@pytest.mark.parametrize("name", list(NO_CALLBACKS))
def test_impossible_callback(client: WebSocketClient, name: str) -> None:
    function: Any = NO_CALLBACKS[name]
    with pytest.raises(UsageError, match="^callback must be a "):
        client.subscribe_ticker("tBTCUSD", function)
    with pytest.raises(UsageError, match="^on_event must be a "):
        client.subscribe_ticker("tBTCUSD", print, on_event=function)
    with pytest.raises(UsageError, match="^callback must be a "):
        client.on("open", function)
    with pytest.raises(UsageError, match="^callback must be a "):
        client.on("open")(function)
    with pytest.raises(UsageError, match="^on_error must be a "):
        WebSocketClient("ws://localhost:1/", on_error=function)


@pytest.mark.parametrize(
    "event",
    ["", "nope", "Open", "t_ticker", "T_TICKER_UPDATE", None, 5, ["open"]],
    ids=repr,
)
def test_unknown_event(client: WebSocketClient, event: Any) -> None:
    with pytest.raises(UsageError, match="unknown event"):
        client.on(event, print)

    with pytest.raises(UsageError, match="unknown event"):

        @client.on(event)
        def _() -> None: ...


@pytest.mark.parametrize("timeout", NO_TIMEOUTS, ids=repr)
def test_impossible_timeout(client: WebSocketClient, timeout: Any) -> None:
    calls: list[Callable[[], object]] = [
        lambda: client.subscribe_ticker("tBTCUSD", timeout=timeout),
        lambda: client.subscribe_many(
            [{"channel": "ticker", "symbol": "tBTCUSD", "timeout": timeout}], wait=False
        ),
        lambda: client.wait_ready(timeout),
        lambda: client.ping(timeout),
        lambda: WebSocketClient("ws://localhost:1/", timeout=timeout),
    ]
    for call in calls:
        with pytest.raises(UsageError, match="timeout must be"):
            call()


@pytest.mark.parametrize("timeout", NO_TIMEOUTS[2:], ids=repr)
def test_impossible_timeout_of_a_wait(client: WebSocketClient, timeout: Any) -> None:
    with pytest.raises(UsageError, match="timeout must be a number of seconds"):
        client.wait_on_update(timeout)


@pytest.mark.parametrize("size", [-1, 0, 1, 2.5, 10.0, True, "100", None], ids=repr)
def test_impossible_mailbox_size(client: WebSocketClient, size: Any) -> None:
    with pytest.raises(UsageError, match="mailbox_size must be an integer"):
        WebSocketClient("ws://localhost:1/", mailbox_size=size)
    if size is not None:  # the client's
        with pytest.raises(UsageError, match="mailbox_size must be an integer"):
            client.subscribe_ticker("tBTCUSD", print, mailbox_size=size)


@pytest.mark.parametrize("count", [-1, 0, 1.0, True, "3", [3]], ids=repr)
def test_impossible_max_errors(client: WebSocketClient, count: Any) -> None:
    with pytest.raises(UsageError, match="max_errors must be a positive integer"):
        client.subscribe_ticker("tBTCUSD", print, max_errors=count)
    with pytest.raises(UsageError, match="max_errors must be a positive integer"):
        client.subscribe_many(
            [{"channel": "ticker", "symbol": "tBTCUSD", "max_errors": count}]
        )
    with pytest.raises(UsageError, match="max_errors needs a callback"):
        client.subscribe_ticker("tBTCUSD", max_errors=3)


@pytest.mark.parametrize(
    "policy", ["", "newest", "RESYNC", None, 5, ["resync"]], ids=repr
)
def test_unknown_policy(client: WebSocketClient, policy: Any) -> None:
    with pytest.raises(UsageError, match="policy must be one of 'resync', "):
        client.subscribe_ticker("tBTCUSD", print, policy=policy)


@pytest.mark.parametrize("sub_id", ["", 5, b"mine", ["mine"]], ids=repr)
def test_impossible_sub_id(client: WebSocketClient, sub_id: Any) -> None:
    with pytest.raises(UsageError, match="sub_id must be text"):
        client.subscribe("ticker", sub_id, symbol="tBTCUSD")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("flags", 1),
        ("flags", 8),
        ("flags", -1),
        ("flags", True),
        ("flags", 65536.0),
        ("flags", "SEQ_ALL"),
        ("flags", None),
        ("flags", int(Flag.SEQ_ALL) | 1),
        ("numbers", int),
        ("numbers", str),
        ("numbers", "float"),
        ("numbers", None),
        ("channels_per_connection", 0),
        ("channels_per_connection", -1),
        ("channels_per_connection", 2.0),
        ("channels_per_connection", True),
        ("channels_per_connection", None),
        ("backoff", 5),
        ("backoff", None),
    ],
    ids=repr,
)
def test_impossible_option_of_a_client(name: str, value: Any) -> None:
    with pytest.raises(UsageError, match=name):
        WebSocketClient("ws://localhost:1/", **{name: value})


@pytest.mark.parametrize(
    "host",
    ["wss://api-pub.bitfinex.com/ws/2", "wss://exchange.invalid/", "ws://192.0.2.1/"],
)
@pytest.mark.parametrize("stale_after", [0.5, 14.9, 15.0])
def test_r02_a_deadline_within_a_heartbeat_is_a_usage_error(
    host: str, stale_after: float
) -> None:
    with pytest.raises(UsageError, match="stale_after must be longer than the 15 s"):
        WebSocketClient(host, ping_after=0.1, stale_after=stale_after)


@pytest.mark.parametrize(
    ("host", "stale_after"),
    [
        ("wss://api-pub.bitfinex.com/ws/2", 15.1),
        ("ws://localhost:1/", 0.5),
        ("ws://127.0.0.1:1/", 0.5),
        ("ws://[::1]:1/", 0.5),
    ],
)
def test_r02_a_local_exchange_may_have_quicker_heartbeats(
    host: str, stale_after: float
) -> None:
    WebSocketClient(host, ping_after=0.1, stale_after=stale_after).close()


@pytest.mark.parametrize(
    ("ping_after", "stale_after"), [(20.0, 20.0), (30.0, 20.0), (35.0, 35.0)]
)
def test_r02_a_connection_is_not_given_up_before_it_was_asked(
    ping_after: float, stale_after: float
) -> None:
    with pytest.raises(UsageError, match="stale_after must be longer than ping_after"):
        WebSocketClient(ping_after=ping_after, stale_after=stale_after)


@pytest.mark.parametrize(
    "request_", [{}, {"symbol": "tBTCUSD"}, "ticker", 5, None], ids=repr
)
def test_request_of_many_that_is_none(client: WebSocketClient, request_: Any) -> None:
    with pytest.raises(UsageError, match="channel"):
        client.subscribe_many([request_])


def test_one_impossible_request_of_many_stops_all(client: WebSocketClient) -> None:
    good = {"channel": "ticker", "symbol": "tBTCUSD", "sub_id": "mine"}
    bad = {"channel": "ticker", "symbol": "BTC-USD"}
    try:
        client.subscribe_many([good, bad])
    except UsageError:
        # The name is free again at once, while the error is still being handled.
        with pytest.raises(UsageError, match="symbol"):
            client.subscribe_many([good, bad])
    else:
        pytest.fail("no error")


# --- what is refused on a connection that lives -----------------------------------------------


def test_nothing_is_sent_for_what_is_refused_here(
    connect: Connect, server: BareServer
) -> None:
    client = connect(server, flags=0)
    client.start()
    peer = server.next_peer()
    greet(peer)
    client.wait_ready()
    calls: list[Callable[[], object]] = [
        lambda: client.subscribe("nope", symbol="tBTCUSD"),
        lambda: client.subscribe_ticker("BTC-USD"),
        lambda: client.subscribe_book("tBTCUSD", len=24),
        lambda: client.subscribe_ticker("tBTCUSD", coroutine_function),
        lambda: client.subscribe_ticker("tBTCUSD", timeout=0),
        lambda: client.subscribe_ticker("tBTCUSD", policy="nope"),
        lambda: client.subscribe_ticker("tBTCUSD", mailbox_size=0),
        lambda: client.subscribe("ticker", "", symbol="tBTCUSD"),
        lambda: client.ping(0),
        lambda: client.on("nope", print),
    ]
    for call in calls:
        with pytest.raises(UsageError):
            call()
    round_trip(client, peer)  # fails if anything else comes before the ping


def test_sub_id_is_taken_as_long_as_its_subscription(
    connect: Connect, server: BareServer
) -> None:
    client = connect(server, flags=0)
    client.start()
    peer = server.next_peer()
    greet(peer)
    request: dict[str, Any] = {"channel": "ticker", "symbol": "tBTCUSD"}
    first = subscribed(client, peer, 17, sub_id="mine", **request)
    assert first.sub_id == first["sub_id"] == "mine"
    with pytest.raises(UsageError, match="'mine' is used"):
        client.subscribe("ticker", "mine", symbol="tETHUSD")
    with pytest.raises(UsageError, match="'twice' is used"):
        client.subscribe_many(
            [
                {"channel": "ticker", "symbol": "tETHUSD", "sub_id": "twice"},
                {"channel": "trades", "symbol": "tETHUSD", "sub_id": "twice"},
            ]
        )
    round_trip(client, peer)
    first.unsubscribe()
    assert peer.receive_json() == {"event": "unsubscribe", "chanId": 17}
    second = subscribed(client, peer, 18, sub_id="mine", **request)
    assert second.sub_id == "mine"


@pytest.mark.parametrize("timeout", NO_TIMEOUTS[2:], ids=repr)
def test_impossible_timeout_of_a_subscription(
    connect: Connect, server: BareServer, timeout: Any
) -> None:
    client = connect(server)
    subscription = client.subscribe_many(
        [{"channel": "ticker", "symbol": "tBTCUSD"}], wait=False
    )[0]
    with pytest.raises(UsageError, match="timeout"):
        subscription.wait_ready(timeout)
    with pytest.raises(UsageError, match="timeout"):
        subscription.get(timeout)


def test_reading_from_a_subscription_with_a_callback(
    connect: Connect, server: BareServer
) -> None:
    client = connect(server)
    subscription = client.subscribe_many(
        [{"channel": "ticker", "symbol": "tBTCUSD", "callback": print}], wait=False
    )[0]
    reads: list[Callable[[], object]] = [
        lambda: subscription.get(0.1),
        lambda: next(iter(subscription)),
        lambda: next(subscription.events()),
    ]
    for read in reads:
        with pytest.raises(UsageError, match="callback"):
            read()


@pytest.mark.parametrize("count", [-1, 2.5, True, "5"], ids=repr)
def test_impossible_count_of_levels(
    connect: Connect, server: BareServer, count: Any
) -> None:
    client = connect(server)
    (subscription,) = client.subscribe_many(
        [{"channel": "book", "symbol": "tBTCUSD"}], wait=False
    )
    book = getattr(subscription, "book")
    for read in (book.bids, book.asks, book.levels):
        with pytest.raises(UsageError, match="count must be"):
            read(count)


# --- after the end ----------------------------------------------------------------------------


@pytest.mark.parametrize("was_started", [False, True], ids=["unused", "used"])
def test_everything_is_refused_after_close(
    connect: Connect, server: BareServer, was_started: bool
) -> None:
    client = connect(server, flags=0)
    if was_started:
        client.start()
        peer = server.next_peer()
        greet(peer)
        client.wait_ready()
    client.close()
    calls: list[Callable[[], object]] = [
        lambda: client.subscribe("ticker", symbol="tBTCUSD"),
        lambda: client.subscribe_ticker("tBTCUSD"),
        lambda: client.subscribe_trades("tBTCUSD", print, wait=False),
        lambda: client.subscribe_book("tBTCUSD"),
        lambda: client.subscribe_many([{"channel": "ticker", "symbol": "tBTCUSD"}]),
        client.start,
        client.ping,
        client.wait_ready,
    ]
    for call in calls:
        with pytest.raises(ClosedError):
            call()
    with pytest.raises(UsageError):  # this is wrong all the same
        client.subscribe_ticker("BTC-USD")
    client.run()  # there is nothing to wait for
    client.close()
    assert server.accepted == int(was_started)


def test_subscription_is_refused_after_close(
    connect: Connect, server: BareServer
) -> None:
    client = connect(server, flags=0)
    client.start()
    peer = server.next_peer()
    greet(peer)
    subscription = subscribed(client, peer, 17, channel="ticker", symbol="tBTCUSD")
    client.close()
    assert subscription.status is SubscriptionStatus.CLOSED
    assert list(subscription) == []
    with pytest.raises(ClosedError):
        subscription.get(0.1)
    subscription.unsubscribe()


# --- what only the exchange can refuse --------------------------------------------------------


def test_unknown_symbol_is_refused_by_the_exchange() -> None:
    errors: list[BaseException] = []
    with PaperExchange() as exchange:
        with WebSocketClient(exchange.url, on_error=errors.append) as client:
            for channel in ("ticker", "trades", "book"):
                with pytest.raises(SubscriptionRejected) as caught:
                    client.subscribe(channel, symbol="tNOSUCHUSD")
                assert caught.value.code == 10300
                assert "tNOSUCHUSD" in str(caught.value)
                assert isinstance(caught.value, BfxError)
                assert not caught.value.retryable
            (late,) = client.subscribe_many(
                [{"channel": "ticker", "symbol": "tNOSUCHUSD"}], wait=False
            )
            with pytest.raises(SubscriptionRejected):
                late.wait_ready(5.0)
            assert late.status is SubscriptionStatus.REJECTED
            assert isinstance(late.exception, SubscriptionRejected)
            with pytest.raises(SubscriptionRejected):
                list(late)
            assert client.subscribe_ticker("tBTCUSD").update_count >= 1
            # One refused among many takes the others with it.
            with pytest.raises(SubscriptionRejected):
                client.subscribe_many(
                    [
                        {"channel": "trades", "symbol": "tBTCUSD", "sub_id": "a"},
                        {"channel": "trades", "symbol": "tNOSUCHUSD"},
                    ]
                )
            assert client.subscribe("trades", "a", symbol="tBTCUSD").is_active
        # Only the one that no call waited for.
        assert [error.code for error in errors] == [10300]
