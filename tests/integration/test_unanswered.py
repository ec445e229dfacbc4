"""R02: peers that answer and bring no data, and what waiting calls say of it."""

from __future__ import annotations

import json
import threading
from typing import Any, Callable, Iterator

import pytest

from bfxsync import (
    ApiError,
    Backoff,
    ConnectionStatus,
    Gap,
    NetworkError,
    NotReady,
    RemoteError,
    RequestTimeout,
    SubscriptionStatus,
    WebSocketClient,
)

from .bare_server import BareServer, Peer, frame
from .conftest import Connect, Serve
from .connect_proxy import ConnectProxy
from .support import INFO, TICKER, acknowledge, answer_ping, greet, round_trip
from .user import SOON, User, wait_until

TICKERS = {"channel": "ticker", "symbol": "tBTCUSD"}
OTHERS = {"channel": "ticker", "symbol": "tETHUSD"}

SILENT = "the exchange was silent for too long"


@pytest.fixture
def server(serve: Serve) -> BareServer:
    return serve()


def prompt(peer: Peer) -> None:
    """Speak first with the handshake itself, so that short deadlines cannot pass before."""
    peer.accept(frame(json.dumps(INFO)))


class Deaf:
    """The peer of a connection on a thread of its own, which only answers pings until the end."""

    def __init__(self, peer: Peer) -> None:
        self.requests: list[dict[str, Any]] = []
        self._peer = peer
        self._thread = threading.Thread(target=self._run, name="test-deaf")
        self._thread.start()

    def join(self) -> list[dict[str, Any]]:
        """Return what else was sent, once the client has gone."""
        self._thread.join()
        return self.requests

    def _run(self) -> None:
        try:
            while True:
                body = self._peer.receive_json()
                if body["event"] == "ping":
                    pong = {"event": "pong", "ts": 1, "cid": body["cid"]}
                    self._peer.send_json(pong)
                else:
                    self.requests.append(body)
        except (EOFError, OSError, AssertionError):
            pass  # the last one is the close frame


# --- life ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", [[], [[5, TICKER]]], ids=["nothing", "one update"])
def test_r02_peer_that_only_answers_is_left(server: BareServer, first: Any) -> None:
    with User(
        server.url, TICKERS, wait=False, flags=0, ping_after=0.1, stale_after=0.5
    ) as user:
        peer = server.next_peer()
        greet(peer)
        acknowledge(peer, 5, *first)
        deaf = Deaf(peer)
        peer = server.next_peer()
        assert deaf.join() == []
        greet(peer)
        acknowledge(peer, 7, [7, TICKER])
        (seen,) = user.seen
        seen.until_story("SGS" if first else "S")
        seen.assert_in_order()
        if first:
            assert seen.events[1] == Gap(SILENT)
        assert user.closes.items == [(1006, SILENT)]
        assert user.reconnects == {"stale": 1}
        assert user.errors.items == []


def test_r02_without_subscriptions_pongs_are_enough(server: BareServer) -> None:
    with WebSocketClient(
        server.url, flags=0, ping_after=0.05, stale_after=0.2
    ) as client:
        client.start()
        peer = server.next_peer()
        greet(peer)
        for _ in range(10):
            answer_ping(peer)
        assert client.stats()["reconnects"] == {}
    assert server.accepted == 1


def test_r02_what_stays_unanswered_among_live_channels_moves_alone(
    serve: Serve,
) -> None:
    server = serve(prompt)
    with User(server.url, TICKERS, OTHERS, wait=False, flags=0, timeout=0.2) as user:
        peer = server.next_peer()
        acknowledge(peer, 5, [5, TICKER])
        deaf = Deaf(peer)
        other = server.next_peer()
        request = acknowledge(other, 5, [5, TICKER])
        assert request["symbol"] == "tETHUSD"
        live, moved = user.seen
        moved.until_story("S")
        peer.send_json([5, TICKER])
        live.until(lambda seen: seen.shape == "S..")
        (error,) = user.errors.wait_for(1)
        assert isinstance(error, RequestTimeout)
        assert user.closes.items == []
        assert [s.exception for s in user.subscriptions] == [None, None]
        connections = user.client.stats()["connections"]
        assert [c["channels"] for c in connections] == [1, 1]
    symbols = [body["symbol"] for body in deaf.join() if body["event"] == "subscribe"]
    assert symbols == ["tETHUSD"] * 3
    assert server.accepted == 2


# --- requests -----------------------------------------------------------------------------------


def test_unanswered_requests_are_reported_once_and_repeated_elsewhere(
    serve: Serve,
) -> None:
    server = serve(prompt)
    with User(server.url, TICKERS, wait=False, flags=0, timeout=0.05) as user:
        (subscription,), (seen,) = user.subscriptions, user.seen
        peer = server.next_peer()
        deaf = Deaf(peer)
        (error,) = user.errors.wait_for(1)
        assert isinstance(error, RequestTimeout)
        assert "unanswered" in str(error)
        assert subscription.exception is error
        assert subscription.is_active
        assert subscription.status is SubscriptionStatus.PENDING
        # On one socket they failed three times, so there is another.
        peer = server.next_peer()
        requests = deaf.join()
        assert [body["event"] for body in requests] == ["subscribe"] * 3
        assert len({body["subId"] for body in requests}) == 3
        acknowledge(peer, 5, [5, TICKER])
        seen.until_story("S")
        subscription.wait_ready()
        wait_until(lambda: subscription.exception is None)
        assert user.errors.items == [error]


def test_subscription_outlives_an_outage_before_its_first_data(
    server: BareServer,
) -> None:
    request = {**TICKERS, "timeout": 0.01}
    with User(server.url, request, wait=False, flags=0) as user:
        with pytest.raises(NetworkError):
            user.subscriptions[0].wait_ready()
        for _ in range(5):
            peer = server.next_peer()
            greet(peer)
            assert peer.receive_json()["event"] == "subscribe"
            peer.reset()
        peer = server.next_peer()
        greet(peer)
        acknowledge(peer, 5, [5, TICKER])
        user.seen[0].until_story("S")
        assert user.subscriptions[0].exception is None
        assert user.errors.items == []


def test_channel_given_up_while_its_request_is_repeated_is_given_back(
    server: BareServer, connect: Connect
) -> None:
    client = connect(server, flags=0, timeout=0.2)
    subscription = client.subscribe_ticker("tBTCUSD", wait=False)
    peer = server.next_peer()
    greet(peer)
    requests = [peer.receive_json() for _ in range(2)]
    with pytest.raises(RequestTimeout, match="ticker tBTCUSD: no data within 0.01 s"):
        subscription.wait_ready(timeout=0.01)
    subscription.unsubscribe()
    assert requests[0]["subId"] != requests[1]["subId"]
    for chan_id, request in enumerate(requests):
        peer.send_json({**request, "event": "subscribed", "chanId": chan_id})
    ended = []
    while len(ended) < 2:
        body = peer.receive_json()
        if body["event"] == "unsubscribe":
            ended.append(body["chanId"])
    assert sorted(ended) == [0, 1]
    assert client.stats()["subscriptions"] == []


# --- reasons ------------------------------------------------------------------------------------


def in_maintenance(peer: Peer) -> None:
    peer.send_json({**INFO, "platform": {"status": 0}})


def greets_with_maintenance(peer: Peer) -> None:
    # Sent before the greeting, so it counts as not sent.
    assert peer.receive_json()["event"] == "subscribe"
    in_maintenance(peer)


def maintenance_begins(peer: Peer) -> None:
    greet(peer)
    assert peer.receive_json()["event"] == "subscribe"
    peer.send_json({"event": "info", "code": 20060, "msg": "any text"})


def not_ready(peer: Peer) -> None:
    greet(peer)
    request = peer.receive_json()
    peer.send_json({**request, "event": "error", "code": 11000, "msg": "later"})


def unreadable(peer: Peer) -> None:
    greet(peer)
    acknowledge(peer, 5, [5, ["no", "ticker"]])
    # It is healed at once.
    assert peer.receive_json() == {"event": "unsubscribe", "chanId": 5}
    assert peer.receive_json()["event"] == "subscribe"


def loses(peer: Peer) -> None:
    greet(peer)
    assert peer.receive_json()["event"] == "subscribe"
    peer.reset()


def failure(client: WebSocketClient, talk: Callable[[Peer], None], peer: Peer) -> Any:
    """Return what a call says that waits after this talk."""
    subscription = client.subscribe_ticker("tBTCUSD", wait=False)
    talk(peer)
    if talk is loses:
        wait_until(lambda: client.status is ConnectionStatus.RECONNECTING)
    else:
        round_trip(client, peer)
    with pytest.raises(NetworkError) as caught:
        subscription.wait_ready(timeout=0.01)
    return caught.value


@pytest.mark.parametrize(
    "talk, kind, phase, cause",
    [
        (greets_with_maintenance, NetworkError, "send", NotReady),
        (maintenance_begins, RequestTimeout, "receive", NotReady),
        (not_ready, RequestTimeout, "receive", NotReady),
        (unreadable, RequestTimeout, "receive", RemoteError),
        (loses, RequestTimeout, "receive", NetworkError),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_waiting_call_names_the_known_reason(
    server: BareServer,
    connect: Connect,
    talk: Callable[[Peer], None],
    kind: type,
    phase: str,
    cause: type,
) -> None:
    client = connect(server, flags=0, backoff=Backoff(60.0))
    client.start()
    error = failure(client, talk, server.next_peer())
    assert (type(error), error.phase) == (kind, phase)
    assert type(error.__cause__) is cause
    assert str(error.__cause__) in str(error)


@pytest.mark.parametrize("is_error_event", [False, True], ids=["conf", "error"])
def test_waiting_call_names_refused_flags(
    server: BareServer, connect: Connect, is_error_event: bool
) -> None:
    def refuse(peer: Peer) -> None:
        peer.send_json(INFO)
        assert peer.receive_json()["event"] == "conf"
        answer = {"event": "error"} if is_error_event else {"status": "ERROR"}
        peer.send_json({"event": "conf", "code": 10050, "msg": "any text", **answer})
        assert peer.receive_json()["event"] == "subscribe"

    client = connect(server, flags=65536)
    client.start()
    error = failure(client, refuse, server.next_peer())
    assert type(error) is RequestTimeout
    assert type(error.__cause__) is ApiError and error.__cause__.code == 10050
    assert "the flags were refused" in str(error)


def test_waiting_call_names_a_handshake_that_was_not_finished(
    server: BareServer, connect: Connect
) -> None:
    client = connect(server, flags=0, timeout=0.05, backoff=SOON)
    subscription = client.subscribe_ticker("tBTCUSD", wait=False)
    wait_until(lambda: client.stats()["reconnects"] != {})
    for wait in (subscription.wait_ready, client.wait_ready):
        with pytest.raises(NetworkError, match="no info within 0.05 s") as caught:
            wait(timeout=0.01)
        assert caught.value.phase == "connect"


def test_client_names_the_maintenance_it_waits_for(
    server: BareServer, connect: Connect
) -> None:
    client = connect(server, flags=0)
    client.start()
    peer = server.next_peer()
    in_maintenance(peer)
    round_trip(client, peer)
    with pytest.raises(NetworkError, match="maintenance") as caught:
        client.wait_ready(timeout=0.01)
    assert caught.value.phase == "send"
    assert isinstance(caught.value.__cause__, NotReady)


@pytest.fixture
def proxy() -> Iterator[ConnectProxy]:
    proxy = ConnectProxy("user", "right-password")
    yield proxy
    proxy.stop()


def test_waiting_call_names_the_answer_of_the_proxy(proxy: ConnectProxy) -> None:
    address = f"http://user:wrong-password@127.0.0.1:{proxy.port}"
    with WebSocketClient("wss://exchange.invalid/ws/2", proxy=address) as client:
        subscription = client.subscribe_ticker("tBTCUSD", wait=False)
        wait_until(lambda: client.stats()["reconnects"] != {})
        with pytest.raises(NetworkError, match="407") as caught:
            subscription.wait_ready(timeout=0.01)
    error = caught.value
    assert error.phase == "connect"
    assert isinstance(error.__cause__, NetworkError)
    assert "wrong-password" not in str(error) + repr(error.__cause__)
