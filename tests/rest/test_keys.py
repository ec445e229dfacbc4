"""Where a client's keys come from, and which host gets what."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Iterator

import pytest

from bfxsync import Client
from bfxsync._base import hosts
from bfxsync.auth.nonce import shared_nonce
from bfxsync.auth.nonce_file import FileNonce
from bfxsync.auth.signer import Signer, TokenSigner
from bfxsync.errors import ClosedError, UsageError
from bfxsync.rest.client import RestClient
from bfxsync.rest.http import signing
from bfxsync.rest.http.rate_limiter import RequestRateLimiter

from .conftest import Serve
from .server import DEADLINE_S
from .signed import KEY, SECRET, Verifier, nothing


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BFX_API_KEY", raising=False)
    monkeypatch.delenv("BFX_API_SECRET", raising=False)
    monkeypatch.setattr(signing, "_locks", {})


@pytest.fixture
def make() -> Iterator[Any]:
    """Make clients that are closed after the test."""
    clients: list[Client] = []

    def client(*arguments: Any, **options: Any) -> Client:
        clients.append(Client(*arguments, **options))
        return clients[-1]

    yield client
    for made in clients:
        made.close()


def signer_of(client: Client) -> Any:
    return client.rest._signed._current.signer


def test_keys_are_given_by_position_as_the_official_client_has_them(make: Any) -> None:
    signer = signer_of(make("a-key", "a-secret"))
    assert (signer.api_key, signer.api_secret) == ("a-key", "a-secret")
    assert signer.nonce is shared_nonce("a-key")


def test_r15_shown_client_says_whether_it_has_a_key_and_not_which(make: Any) -> None:
    client = make("a-key", "a-secret", rest_host="https://127.0.0.1:1")
    assert repr(client) == (
        "<Client <WebSocketClient wss://api-pub.bitfinex.com/ws/2: new> "
        "https://127.0.0.1:1 with a key>"
    )
    assert repr(make()).endswith(" https://api-pub.bitfinex.com/v2 without a key>")
    assert repr(client.rest) == "<RestClient https://127.0.0.1:1>"


def test_keys_come_from_the_environment(
    make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BFX_API_KEY", "env-key")
    monkeypatch.setenv("BFX_API_SECRET", "env-secret")
    signer = signer_of(make())
    assert (signer.api_key, signer.api_secret) == ("env-key", "env-secret")
    assert signer_of(make("a-key", "a-secret")).api_key == "a-key"
    assert isinstance(signer_of(make(auth_token="a-token")), TokenSigner)


def test_no_keys_are_fine_until_one_is_needed(
    make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BFX_API_KEY", "")
    client = make()
    assert signer_of(client) is None
    with pytest.raises(UsageError, match="api_key=..., api_secret=..."):
        client.rest.auth.get_orders()


@pytest.mark.parametrize(
    "options, match",
    [
        ({"api_key": "k"}, "api_secret is missing"),
        ({"api_secret": "s"}, "api_key is missing"),
        ({"api_key": "k", "api_secret": ""}, "api_secret must be non-empty text"),
        ({"api_key": "k", "api_secret": "s", "auth_token": "t"}, "cannot be combined"),
        ({"auth_token": ""}, "token must be text"),
        ({"nonce_file": "nonce"}, "nonce_file needs a key"),
    ],
    ids=str,
)
def test_keys_that_do_not_fit_are_refused(make: Any, options: Any, match: str) -> None:
    with pytest.raises(UsageError, match=match):
        make(**options)


@pytest.mark.parametrize("name", ["BFX_API_KEY", "BFX_API_SECRET"])
def test_half_of_a_key_in_the_environment_is_refused(
    make: Any, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "x")
    with pytest.raises(UsageError, match="is missing"):
        make()
    # Halves of two keys are not put together.
    with pytest.raises(UsageError, match="is missing"):
        make(**{"api_secret" if name == "BFX_API_KEY" else "api_key": "y"})


def test_nonce_file_is_for_key_and_token(make: Any, tmp_path: Path) -> None:
    pytest.importorskip("filelock")
    for options in ({"api_key": "k", "api_secret": "s"}, {"auth_token": "t"}):
        client = make(**options, nonce_file=tmp_path / "nonce")
        assert isinstance(signer_of(client).nonce, FileNonce)


def test_hosts_are_those_of_the_exchange(make: Any) -> None:
    rest = make("k", "s").rest
    assert rest._transport.host == hosts.PUB_REST_HOST
    assert rest._signed.host == hosts.REST_HOST
    local = make("k", "s", rest_host="http://127.0.0.1:9/v2").rest
    assert local._signed.host == local._transport.host == "http://127.0.0.1:9/v2"
    both = make("k", "s", auth_rest_host="http://127.0.0.1:9/v2").rest
    assert both._transport.host == hosts.PUB_REST_HOST
    assert both._signed.host == "http://127.0.0.1:9/v2"


@pytest.fixture
def rest(serve: Serve) -> Iterator[tuple[RestClient, Verifier, Any]]:
    verifier = Verifier(nothing)
    signed, public = serve(verifier), serve(nothing)
    with RestClient(
        public.host,
        auth_host=signed.host,
        signer=Signer(KEY, SECRET),
        limits=RequestRateLimiter(exempt_loopback=True),
    ) as client:
        yield client, verifier, public


def test_signed_and_public_calls_go_to_their_hosts(rest: Any) -> None:
    client, verifier, public = rest
    assert client.auth.get_orders() == []
    assert client.public.get_t_trades("tBTCUSD") == []
    assert client.request("GET", "tickers") == []
    assert client.request("POST", "auth/r/wallets", body={"a": None}) == []
    assert client.request("POST", "auth/w/order/submit", body={"a": 1}) == []
    assert [seen.path for seen in verifier.seen] == [
        "v2/auth/r/orders",
        "v2/auth/r/wallets",
        "v2/auth/w/order/submit",
    ]
    assert len(public.requests) == 2


def test_there_is_one_auth(rest: Any) -> None:
    client = rest[0]
    assert client.auth is client.auth


def test_closed_client_signs_nothing(rest: Any) -> None:
    client, verifier, _ = rest
    auth = client.auth
    client.close()
    for call in (auth.get_orders, auth.cancel_all_orders):
        with pytest.raises(ClosedError):
            call()
    assert verifier.seen == []


def test_threads_that_make_the_rest_side_at_once_get_the_same(
    make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = make("k", "s")
    together = threading.Barrier(2, timeout=DEADLINE_S)
    closed: list[Any] = []
    create, close = RestClient.__init__, RestClient.close

    def slow(rest: RestClient, *arguments: Any, **options: Any) -> None:
        create(rest, *arguments, **options)
        together.wait()

    def noted(rest: RestClient) -> None:
        closed.append(rest)
        close(rest)

    monkeypatch.setattr(RestClient, "__init__", slow)
    monkeypatch.setattr(RestClient, "close", noted)
    with ThreadPoolExecutor(2) as executor:
        first, second = executor.map(lambda _: client.rest, range(2))
    assert first is second is client.rest
    assert len(closed) == 1 and closed[0] is not first


def test_client_that_is_closed_meanwhile_makes_no_rest_side(
    make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = make("k", "s")
    create = RestClient.__init__

    def slow(rest: RestClient, *arguments: Any, **options: Any) -> None:
        create(rest, *arguments, **options)
        client.close()

    monkeypatch.setattr(RestClient, "__init__", slow)
    with pytest.raises(ClosedError):
        client.rest
    assert client._rest.made._transport._closed.is_set


FORK = """
import os, sys, threading
from bfxsync.auth.signer import Signer
from bfxsync.rest.client import RestClient
from bfxsync.rest.http.rate_limiter import RequestRateLimiter

host, key, secret = sys.argv[1:]
limits = RequestRateLimiter(exempt_loopback=True)
client = RestClient(host, signer=Signer(key, secret), limits=limits)
thread = threading.Thread(target=client.auth.get_orders)
thread.start()
sys.stdin.readline()  # the call is on the wire
child = os.fork()
if child == 0:
    os._exit(7 if client.auth.get_orders() == [] else 1)
print(os.WEXITSTATUS(os.waitpid(child, 0)[1]), flush=True)
thread.join()
client.close()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_r10_child_process_signs_while_a_thread_of_its_parent_is_on_the_wire(
    serve: Serve,
) -> None:
    opened = threading.Event()
    first: list[Any] = []

    def hold_the_first(request: Any) -> object:
        if not first:
            first.append(request)
            assert opened.wait(DEADLINE_S)
        return request.answer([])

    server = serve(Verifier(hold_the_first))
    # In a process of its own, as this one may have threads.
    process = subprocess.Popen(
        [sys.executable, "-c", FORK, server.host, KEY, SECRET],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None and process.stdout is not None
    server.wait_for_requests(1)
    process.stdin.write("\n")
    process.stdin.flush()
    assert process.stdout.readline() == "7\n"
    opened.set()
    process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 0
