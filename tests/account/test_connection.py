"""The connection of an account: when it is opened, authenticated, kept and ended."""

from __future__ import annotations

import os
import queue
import threading
from typing import Any, Callable, Iterator

import pytest

from bfxsync import (
    AuthError,
    Client,
    ClosedError,
    NetworkError,
    NotExecuted,
    OrderNotPlaced,
    UsageError,
    WebSocketClient,
)
from bfxsync.models import AccountUpdate, Order
from bfxsync.models.stream import Gap, Snapshot
from bfxsync.paper import PaperExchange

from .conftest import DEADLINE_S

Connect = Callable[..., Client]

ORDER: Any = ("EXCHANGE LIMIT", "tBTCUSD", "0.1", "100")

FIRST_USES = {
    "authenticate": lambda wss: wss.authenticate(),
    "wait_authenticated": lambda wss: wss.wait_authenticated(),
    "on": lambda wss: wss.on("order_new", print),
    "subscribe_account": lambda wss: wss.subscribe_account(print),
}
first_uses = pytest.mark.parametrize("use", FIRST_USES.values(), ids=list(FIRST_USES))


def place(client: Client, **terms: Any) -> Any:
    """Place an order that rests in the book, by REST."""
    terms = {"amount": "0.01", "price": "100", **terms}
    note = client.rest.auth.submit_order("EXCHANGE LIMIT", "tBTCUSD", **terms)
    return note.raise_for_status().data


def until(items: Iterator[Any], wanted: Callable[[Any], bool]) -> Any:
    return next(item for item in items if wanted(item))


def is_order(item: Any) -> bool:
    return isinstance(item, AccountUpdate) and isinstance(item.data, Order)


def accounts_of(client: Client) -> list[dict[str, Any]]:
    connections = client.wss.stats()["connections"]
    return [each for each in connections if each["is_account"]]


@first_uses
def test_first_use_opens_one_connection(connect: Connect, use: Any) -> None:
    client = connect()
    assert client.wss.stats()["connections"] == []
    use(client.wss)
    use(client.wss)
    client.wss.wait_authenticated(DEADLINE_S)
    (account,) = client.wss.stats()["connections"]
    assert account["is_account"]
    assert (account["status"], account["channels"], account["limit"]) == ("open", 1, 1)


@first_uses
def test_without_a_key_first_use_raises(exchange: PaperExchange, use: Any) -> None:
    with Client(wss_host=exchange.url) as client:
        with pytest.raises(UsageError, match="needs a key: Client"):
            use(client.wss)
        assert client.wss.stats()["connections"] == []
    with WebSocketClient(exchange.url) as wss:
        with pytest.raises(UsageError, match="use Client"):
            use(wss)


@first_uses
def test_closed_client_opens_no_account(connect: Connect, use: Any) -> None:
    client = connect()
    client.close()
    with pytest.raises(ClosedError):
        use(client.wss)


def test_a_refused_handler_is_not_registered(exchange: PaperExchange) -> None:
    with WebSocketClient(exchange.url) as wss:
        with pytest.raises(UsageError):
            wss.on("order_new", print)
        with pytest.raises(UsageError, match="not registered"):
            wss.off("order_new", print)


def test_public_channels_have_their_own_connection(connect: Connect) -> None:
    client = connect()
    client.wss.wait_authenticated(DEADLINE_S)
    client.wss.subscribe_ticker("tBTCUSD", print)
    account, public = client.wss.stats()["connections"]
    assert (account["is_account"], account["channels"]) == (True, 1)
    assert (public["is_account"], public["channels"]) == (False, 1)


def test_r03_loss_gives_gap_snapshot_and_updates(
    exchange: PaperExchange, connect: Connect
) -> None:
    client = connect()
    seen: list[Any] = []
    client.wss.on("authenticated", seen.append)
    with client.wss.subscribe_account() as account:
        events = account.events()
        first = next(events)
        assert isinstance(first, Snapshot)
        order = place(client)
        assert until(events, is_order).data.id == order.id
        exchange.drop_connections()
        gap = until(events, lambda item: isinstance(item, Gap))
        assert gap.reason
        snapshot = next(events)
        assert isinstance(snapshot, Snapshot)
        (orders,) = [each.data for each in snapshot.rows if each.code == "os"]
        assert [each.id for each in orders] == [order.id]
        client.rest.auth.cancel_order(id=order.id)
        closed = until(events, is_order)
        assert (closed.code, closed.data.id) == ("oc", order.id)
        assert account.gap_count == 1
    client.close()
    assert [data["status"] for data in seen] == ["OK", "OK"]
    assert seen[0]["auth_id"] != seen[1]["auth_id"]


def test_subscription_ends_and_the_connection_stays(connect: Connect) -> None:
    client = connect()
    account = client.wss.subscribe_account(sub_id="mine")
    assert (account.sub_id, account.channel) == ("mine", "account")
    client.wss.unsubscribe("mine")
    assert not account.is_active
    assert accounts_of(client)[0]["channels"] == 1
    with client.wss.subscribe_account() as again:
        assert isinstance(next(again.events()), Snapshot)


def test_resubscribing_authenticates_again(connect: Connect) -> None:
    client = connect()
    account = client.wss.subscribe_account(sub_id="mine")
    events = account.events()
    assert isinstance(next(events), Snapshot)
    client.wss.resubscribe("mine")
    assert isinstance(next(events), Gap)
    assert isinstance(next(events), Snapshot)


def test_impossible_options_open_nothing(connect: Connect) -> None:
    client = connect()
    for options in (
        {"policy": "newest"},
        {"mailbox_size": 0},
        {"timeout": -1},
        {"max_errors": 1},
        {"callback": 7},
        {"wait": "no"},
    ):
        with pytest.raises(UsageError):
            client.wss.subscribe_account(**options)  # type: ignore[arg-type]
    with pytest.raises(UsageError):
        client.wss.wait_authenticated(-1)
    assert client.wss.stats()["connections"] == []


def test_wrong_key_ends_the_client(exchange: PaperExchange) -> None:
    options = {"wss_host": exchange.url, "rest_host": exchange.rest_url}
    fatal: list[Any] = []
    with Client("paper-nobody", "paper-x", **options) as client:
        client.wss.on("fatal", fatal.append)
        with pytest.raises(AuthError, match="apikey: invalid") as caught:
            client.wss.wait_authenticated(DEADLINE_S)
        assert caught.value.code == 10100
        assert client.wss.exception is caught.value
        with pytest.raises(AuthError):
            client.wss.run()
        with pytest.raises(AuthError):
            client.wss.subscribe_account()
        with pytest.raises(AuthError):
            client.wss.authenticate()
    assert fatal == [caught.value]


def test_run_raises_the_refusal_of_a_key(exchange: PaperExchange) -> None:
    options = {"wss_host": exchange.url, "rest_host": exchange.rest_url}
    with Client("paper-key", "paper-wrong", **options) as client:
        client.wss.on("order_new", print)
        with pytest.raises(AuthError, match="digest invalid"):
            client.wss.run()


def test_permissions_of_the_key_are_known(
    exchange: PaperExchange, connect: Connect
) -> None:
    client = connect(account=exchange.accounts[1])
    with pytest.raises(UsageError, match="wait_authenticated"):
        client.wss.caps
    client.wss.wait_authenticated(DEADLINE_S)
    caps = client.wss.caps
    assert caps.can("orders.read")
    assert caps.can("wallets.write")
    assert not caps.can("orders.write")


def test_token_authenticates(exchange: PaperExchange, connect: Connect) -> None:
    token = connect().rest.auth.generate_token().token
    options = {"wss_host": exchange.url, "rest_host": exchange.rest_url}
    with Client(auth_token=token, **options) as client:
        client.wss.wait_authenticated(DEADLINE_S)


def test_two_sockets_and_rest_share_one_nonce(
    exchange: PaperExchange, connect: Connect
) -> None:
    first, second = connect(), connect()
    errors: list[BaseException] = []
    done = threading.Event()

    def read() -> None:
        try:
            while not done.is_set():
                first.rest.auth.get_wallets()
        except BaseException as exc:
            errors.append(exc)

    reader = threading.Thread(target=read)
    reader.start()
    streams = [client.wss.subscribe_account().events() for client in (first, second)]
    for _ in range(5):
        exchange.drop_connections()
        for events in streams:
            until(events, lambda item: isinstance(item, Gap))
            assert isinstance(next(events), Snapshot)
    done.set()
    reader.join(DEADLINE_S)
    assert errors == []


def test_small_nonce_is_drawn_again(exchange: PaperExchange, connect: Connect) -> None:
    client = connect()
    client.rest.auth.get_wallets()
    signer = client._credentials.current.signer
    assert signer is not None
    draw = signer.nonce.draw
    numbers = [1, 2]
    signer.nonce.draw = lambda deliver: (  # type: ignore[method-assign]
        deliver(numbers.pop()) if numbers else draw(deliver)
    )
    try:
        client.wss.wait_authenticated(DEADLINE_S)
    finally:
        del signer.nonce.draw
    assert accounts_of(client)[0]["reconnects"] == {"authentication": 2}


def test_nonce_file_serves_the_account(connect: Connect, tmp_path: Any) -> None:
    pytest.importorskip("filelock")
    clients = [connect(nonce_file=tmp_path / "nonces") for _ in range(2)]
    for client in clients:
        client.wss.authenticate()
    for client in clients:
        client.wss.wait_authenticated(DEADLINE_S)
        client.rest.auth.get_wallets()


def test_new_key_authenticates_again(exchange: PaperExchange, connect: Connect) -> None:
    client = connect()
    seen: list[Any] = []
    client.wss.on("authenticated", seen.append)
    events = client.wss.subscribe_account().events()
    assert isinstance(next(events), Snapshot)
    token = client.rest.auth.generate_token().token
    assert client.rotate(auth_token=token)
    gap = until(events, lambda item: isinstance(item, Gap))
    assert gap.reason == "the key was replaced"
    assert isinstance(next(events), Snapshot)
    assert len(seen) == 2


def test_rotating_before_first_use_needs_no_socket(connect: Connect) -> None:
    client = connect()
    token = client.rest.auth.generate_token().token
    assert client.rotate(auth_token=token)
    assert client.wss.stats()["connections"] == []
    client.wss.wait_authenticated(DEADLINE_S)


@pytest.mark.parametrize("dms, left", [(4, 0), (None, 1)])
def test_dms_cancels_the_orders_of_the_account(
    exchange: PaperExchange, connect: Connect, dms: int | None, left: int
) -> None:
    other = connect()
    order = place(other)
    closed = threading.Event()
    other.wss.on("order_cancel", lambda order: closed.set())
    other.wss.wait_authenticated(DEADLINE_S)
    client = connect(dms=dms)
    client.wss.wait_authenticated(DEADLINE_S)
    client.close()
    if dms is None:
        place(other)
        left += 1
    else:
        assert closed.wait(DEADLINE_S)
    assert len(exchange.account.orders) == left
    assert order.id


def test_filters_limit_the_streams(connect: Connect) -> None:
    client = connect(filters=["wallet"])
    snapshot = next(client.wss.subscribe_account().events())
    assert [each.code for each in snapshot.rows if each.data] == ["ws"]


def test_maintenance_ends_in_another_snapshot(
    exchange: PaperExchange, connect: Connect
) -> None:
    client = connect()
    events = client.wss.subscribe_account().events()
    assert isinstance(next(events), Snapshot)
    exchange.send_info(20060)
    until(events, lambda item: str(getattr(item, "status", "")).endswith("MAINTENANCE"))
    exchange.send_info(20061)
    until(events, lambda item: isinstance(item, Snapshot))


def test_input_during_maintenance_raises_at_the_call(
    exchange: PaperExchange, connect: Connect
) -> None:
    client = connect()
    events = client.wss.subscribe_account().events()
    exchange.send_info(20060)
    until(events, lambda item: str(getattr(item, "status", "")).endswith("MAINTENANCE"))
    inputs, last = client.wss.inputs, exchange.journal.last_number
    with pytest.raises(OrderNotPlaced, match="in maintenance") as caught:
        inputs.submit_order(*ORDER)
    assert (caught.value.proof, caught.value.retryable) == ("never_sent", True)
    with pytest.raises(NotExecuted, match="in maintenance"):
        inputs.cancel_order(id=5)
    with pytest.raises(NetworkError, match="in maintenance") as refused:
        inputs.notify({"text": "hello"})
    assert refused.value.phase == "send"
    assert inputs.ping().result(DEADLINE_S) > 0
    held = inputs.submit_order(*ORDER, queue_for_s=DEADLINE_S)
    assert not exchange.journal.find(kind="request", after=last), "nothing was sent"
    exchange.send_info(20061)
    assert held.result(DEADLINE_S).status.is_open
    held.cancel_order().result(DEADLINE_S)


def test_without_an_exchange_the_wait_ends(free_port: int) -> None:
    client = Client("paper-key", "paper-s", wss_host=f"ws://127.0.0.1:{free_port}/ws")
    with client, pytest.raises(NetworkError, match="not connected within"):
        client.wss.wait_authenticated(0.2)


def test_close_during_an_attempt_settles_the_replies(silent_port: int) -> None:
    client = Client(
        "paper-key", "paper-s", wss_host=f"ws://127.0.0.1:{silent_port}/ws", timeout=30
    )
    reply = client.wss.inputs.submit_order(
        *("EXCHANGE LIMIT", "tBTCUSD", "1", "100"), queue_for_s=60
    )
    client.close()
    with pytest.raises(ClosedError, match="was not sent"):
        reply.result(0)


def test_callback_may_close_the_client(connect: Connect) -> None:
    client = connect()
    client.wss.on("authenticated", lambda data: client.close())
    client.wss.run()
    assert client.wss.exception is None


def test_callback_may_wait_for_authentication(connect: Connect) -> None:
    client = connect()
    done = threading.Event()

    def ticker(_: Any) -> None:
        client.wss.wait_authenticated(DEADLINE_S)
        done.set()

    client.wss.subscribe_ticker("tBTCUSD", ticker)
    assert done.wait(DEADLINE_S)


def test_hundred_clients_leave_nothing(exchange: PaperExchange) -> None:
    def descriptors() -> int:
        return len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc") else 0

    def cycle() -> None:
        with exchange.client() as client:
            client.wss.subscribe_account()

    cycle()
    threads, before = threading.active_count(), descriptors()
    for _ in range(100):
        cycle()
    assert threading.active_count() == threads
    assert descriptors() <= before + 3


def test_handlers_get_every_message_as_it_came(connect: Connect) -> None:
    client = connect()
    got: Any = queue.Queue()
    client.wss.on("account_message", got.put)
    auth = got.get(timeout=DEADLINE_S)
    assert (auth["event"], auth["status"]) == ("auth", "OK")
    items = client.wss.subscribe_account().events()
    order = place(client)
    message = None
    while message != [0, "on"]:
        *message, row = got.get(timeout=DEADLINE_S)
    assert row[0] == order.id
    assert until(items, is_order).data.id == order.id
