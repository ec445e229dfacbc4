"""A key that is replaced while calls are on their way: nothing fails, nothing is sent twice."""

from __future__ import annotations

import hashlib
import hmac
import logging
import threading
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest

from bfxsync import Client
from bfxsync.auth import current_signer
from bfxsync.auth.signer import Signer
from bfxsync.errors import AuthError, ClosedError, OrderNotPlaced, OutcomeUnknown
from bfxsync.rest.client import RestClient
from bfxsync.rest.http import signing
from bfxsync.rest.http import transport as transport_module
from bfxsync.rest.http.rate_limiter import RequestRateLimiter

from .conftest import Serve
from .server import DEADLINE_S, Exchange, Server
from .signed import NO_SUCH_KEY, NONCE_TOO_SMALL, nothing
from .test_outcomes import SYMBOL, OrderAccount

READ, WRITE = "auth/r/wallets", "auth/w/transfer"


def secret_of(key: str) -> str:
    return key.replace("key", "secret")


class Keys:
    """
    A server's side of several keys of one account, each with nonces of its own.

    Attributes
    ----------
    revoked : set of str
    seen : list of (str, bytes)
        Key and body of what was executed, in the order of arrival.
    before : callable
        Called with each request before its key is looked at.
    """

    def __init__(self, handler: Callable[[Exchange], object] = nothing) -> None:
        self.revoked: set[str] = set()
        self.seen: list[tuple[str, bytes]] = []
        self.before: Callable[[Exchange], object] = lambda request: None
        self._handler = handler
        self._last: dict[str, int] = {}
        self._changed = threading.Condition()

    def __call__(self, request: Exchange) -> object:
        headers = request.headers
        nonce, key = headers["bfx-nonce"], headers.get("bfx-apikey", "token")
        self.before(request)
        signed = f"/api{request.target}{nonce}".encode() + request.body
        wanted = hmac.new(secret_of(key).encode(), signed, hashlib.sha384).hexdigest()
        with self._changed:
            is_signed = headers.get("bfx-signature") == wanted or key == "token"
            if key in self.revoked or not is_signed:
                return request.answer(NO_SUCH_KEY, 500)
            if int(nonce) <= self._last.get(key, 0):
                return request.answer(NONCE_TOO_SMALL, 500)
            self._last[key] = int(nonce)
            self.seen.append((key, request.body))
            self._changed.notify_all()
        return self._handler(request)

    @property
    def keys(self) -> list[str]:
        return [key for key, _ in self.seen]

    def wait_for(self, count: int) -> None:
        with self._changed:
            came = self._changed.wait_for(lambda: len(self.seen) >= count, DEADLINE_S)
            assert came, f"{len(self.seen)} of {count} requests"


class Held:
    """Holds the requests of one key until it is opened."""

    def __init__(self, keys: Keys, key: str) -> None:
        self.came, self.opened = threading.Event(), threading.Event()
        self._key = key
        keys.before = self

    def __call__(self, request: Exchange) -> None:
        if request.headers.get("bfx-apikey") == self._key:
            self.came.set()
            assert self.opened.wait(DEADLINE_S)


@pytest.fixture(autouse=True)
def own_registries(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BFX_API_KEY", "BFX_API_SECRET"):
        monkeypatch.delenv(name, raising=False)
    limits = RequestRateLimiter(exempt_loopback=True)
    monkeypatch.setattr(transport_module, "SHARED", limits)
    monkeypatch.setattr(signing, "_locks", {})
    monkeypatch.setattr(current_signer, "_first_keys", {})


@pytest.fixture
def keys() -> Keys:
    return Keys()


@pytest.fixture
def server(serve: Serve, keys: Keys) -> Server:
    return serve(keys)


@pytest.fixture
def bfx(server: Server) -> Iterator[Client]:
    with Client("key-1", "secret-1", rest_host=server.host) as bfx:
        yield bfx


class Call(threading.Thread):
    """A request on a thread of its own."""

    def __init__(self, bfx: Client, path: str = READ) -> None:
        super().__init__(name="test-call")
        self.result: Any = None
        self._rest, self._path = bfx.rest, path
        self.start()

    def run(self) -> None:
        try:
            self.result = self._rest.request("POST", self._path)
        except Exception as error:
            self.result = error

    def end(self) -> Any:
        self.join(DEADLINE_S)
        assert not self.is_alive()
        return self.result


def wait_for_turns(key: str, count: int) -> None:
    """Wait until so many calls wait for the lock of a key."""
    for _ in range(int(DEADLINE_S * 1_000)):
        if len(signing.signed_lock(key)._queue.get().waiting) == count:
            return
        threading.Event().wait(0.001)
    raise AssertionError("they never waited")


def test_later_calls_are_signed_with_the_new_key(bfx: Client, keys: Keys) -> None:
    for number in (1, 2, 1):
        bfx.rotate(f"key-{number}", f"secret-{number}")
        for path in (READ, WRITE):
            assert bfx.rest.request("POST", path) == []
    # Back with the first key, whose nonces go on.
    assert keys.keys == ["key-1"] * 2 + ["key-2"] * 2 + ["key-1"] * 2


def test_a_token_takes_the_place_of_a_key(bfx: Client, keys: Keys) -> None:
    bfx.rest.request("POST", READ)
    assert bfx.rotate(auth_token="pub:api:t")
    bfx.rest.request("POST", READ)
    assert keys.keys == ["key-1", "token"]


def test_rest_that_is_made_later_has_the_new_key(bfx: Client, keys: Keys) -> None:
    bfx.rotate("key-2", "secret-2")
    bfx.rest.request("POST", READ)
    assert keys.keys == ["key-2"]


def test_waiting_calls_take_the_new_key_and_sent_ones_end(
    bfx: Client, keys: Keys
) -> None:
    held = Held(keys, "key-1")
    sent = Call(bfx)
    assert held.came.wait(DEADLINE_S)
    waiting = [Call(bfx, path) for path in (READ, WRITE)]
    wait_for_turns("key-1", 2)
    bfx.rotate("key-2", "secret-2")
    # Does not wait for the one that is on the wire with the old key.
    assert bfx.rest.request("POST", WRITE) == []
    assert keys.keys == ["key-2"]
    held.opened.set()
    assert [call.end() for call in (sent, *waiting)] == [[], [], []]
    assert sorted(keys.keys) == ["key-1"] + ["key-2"] * 3


def test_cancellation_does_not_overtake_an_order_of_the_old_key(
    bfx: Client, keys: Keys
) -> None:
    held = Held(keys, "key-1")
    order = Call(bfx, "auth/w/order/submit")
    assert held.came.wait(DEADLINE_S)
    bfx.rotate("key-2", "secret-2")
    bfx.rotate("key-3", "secret-3")
    cancellation = Call(bfx, "auth/w/order/cancel/multi")
    wait_for_turns("key-1", 1)
    assert bfx.rest.request("POST", WRITE) == []
    held.opened.set()
    assert [order.end(), cancellation.end()] == [[], []]
    assert keys.keys == ["key-3", "key-1", "key-3"]
    # From then on nothing is waited for.
    assert bfx._credentials.current.replaced == {}


@pytest.mark.parametrize("path", [READ, WRITE])
def test_a_call_refused_for_the_old_key_is_repeated_once(
    bfx: Client, keys: Keys, server: Server, path: str, caplog: Any
) -> None:
    caplog.set_level(logging.DEBUG)
    held = Held(keys, "key-1")
    call = Call(bfx, path)
    assert held.came.wait(DEADLINE_S)
    bfx.rotate("key-2", "secret-2")
    keys.revoked.add("key-1")
    held.opened.set()
    assert call.end() == []
    assert keys.keys == ["key-2"] and len(server.requests) == 2
    assert bfx.rest.stats()["errors"] == {} and bfx.rest.stats()["retries"] == 1
    assert "the key was replaced" in caplog.text
    for text in ("key-1", "key-2", "secret-"):
        assert text not in caplog.text


def test_a_wrong_key_is_refused_without_a_repetition(
    bfx: Client, keys: Keys, server: Server
) -> None:
    keys.revoked |= {"key-1", "key-2"}
    with pytest.raises(AuthError):
        bfx.rest.request("POST", READ)
    bfx.rotate("key-2", "secret-2")
    with pytest.raises(AuthError):
        bfx.rest.request("POST", READ)
    assert len(server.requests) == 2


def test_closing_ends_a_call_that_waits_with_the_old_key(
    bfx: Client, keys: Keys
) -> None:
    held = Held(keys, "key-1")
    sent = Call(bfx)
    assert held.came.wait(DEADLINE_S)
    waiting = Call(bfx)
    wait_for_turns("key-1", 1)
    bfx.rotate("key-2", "secret-2")
    bfx.close()
    assert isinstance(waiting.end(), ClosedError)
    held.opened.set()
    assert sent.end() == []


def test_no_call_fails_while_keys_are_replaced_and_revoked(
    bfx: Client, keys: Keys
) -> None:
    done, failed = threading.Event(), []

    def work(thread: int) -> None:
        number = 0
        while not done.is_set():
            number += 1
            try:
                body = {"n": f"{thread}-{number}"}
                bfx.rest.request("POST", WRITE if number % 2 else READ, body=body)
            except Exception as error:
                failed.append(error)
                return
            sent[thread] = number

    sent = [0] * 3
    threads = [
        threading.Thread(target=work, args=(n,), name="test-work") for n in range(3)
    ]
    for thread in threads:
        thread.start()
    try:
        for number in range(2, 9):
            keys.wait_for(len(keys.seen) + 6)
            bfx.rotate(f"key-{number}", f"secret-{number}")
            keys.revoked.add(f"key-{number - 1}")
    finally:
        done.set()
        for thread in threads:
            thread.join(DEADLINE_S)
    assert failed == []
    # Each was executed once, whichever key it was sent with.
    bodies = [body for _, body in keys.seen]
    assert len(set(bodies)) == len(bodies) == sum(sent)
    assert len(set(keys.keys)) >= 7


def test_a_nonce_file_is_kept_for_the_new_key(
    server: Server, keys: Keys, tmp_path: Path
) -> None:
    pytest.importorskip("filelock")
    path = tmp_path / "nonce"
    with (
        Client("key-1", "secret-1", rest_host=server.host, nonce_file=path) as bfx,
        Client("key-2", "secret-2", rest_host=server.host, nonce_file=path) as other,
    ):
        for _ in range(2):
            bfx.rest.request("POST", READ)
            other.rest.request("POST", READ)
            bfx.rotate("key-2", "secret-2")
    assert keys.keys == ["key-1", "key-2", "key-2", "key-2"]


# --- writes whose outcome is unknown ----------------------------------------------------------


@pytest.fixture
def account() -> OrderAccount:
    return OrderAccount()


@pytest.fixture
def trader(serve: Serve, account: OrderAccount) -> Iterator[Client]:
    server = serve(Keys(account))
    with Client("key-1", "secret-1", rest_host=server.host, absence_s=0.03) as bfx:
        yield bfx


def unknown_order(bfx: Client) -> OutcomeUnknown:
    with pytest.raises(OutcomeUnknown) as caught:
        bfx.rest.auth.submit_order("LIMIT", SYMBOL, "0.5", "30000", cid=77)
    return caught.value


def test_an_order_of_the_old_key_is_found_with_the_new_one(
    trader: Client, account: OrderAccount
) -> None:
    account.fate = account.hang_up_after
    error = unknown_order(trader)
    trader.rotate("key-2", "secret-2")
    assert error.resolve().id == 101


def test_absence_is_not_inferred_with_another_key(
    trader: Client, account: OrderAccount
) -> None:
    account.fate = account.hang_up_before
    error = unknown_order(trader)
    trader.rotate("key-2", "secret-2")
    with pytest.raises(
        OutcomeUnknown, match="the key has been replaced since"
    ) as caught:
        error.resolve()
    assert caught.value is error and "key-" not in str(error) + repr(vars(error))
    # With the key of the write it is.
    trader.rotate("key-1", "secret-1")
    with pytest.raises(OrderNotPlaced):
        error.resolve()


def test_equal_writes_of_both_keys_are_told_apart(server: Server) -> None:
    """By the same record, which another client with the new key shares from then on."""
    with Client("key-1", "secret-1", rest_host=server.host) as bfx:
        before = bfx.rest._signed.sent
        bfx.rotate("key-2", "secret-2")
        assert bfx.rest._signed.sent is before
        with RestClient(server.host, signer=Signer("key-2", "secret-2")) as other:
            assert other._signed.sent is before
        bfx.rotate("key-3", "secret-3")
        bfx.rotate("key-1", "secret-1")
        assert bfx.rest._signed.sent is before
    with RestClient(server.host, signer=Signer("key-4", "secret-4")) as stranger:
        assert stranger._signed.sent is not before
