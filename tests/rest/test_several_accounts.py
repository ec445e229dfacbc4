"""Several accounts in one process: limits by address, nonces by key."""

from __future__ import annotations

import threading
from collections import defaultdict
from contextlib import ExitStack

import pytest

from bfxsync import Client, RateLimited
from bfxsync.paper import PaperAccount, PaperExchange

from .conftest import Serve
from .server import DEADLINE_S, Exchange

KEYS = ("paper-main", "paper-sub")
CALLS, THREADS = 10, 2


def accounts() -> list[PaperAccount]:
    return [PaperAccount(api_key=key, api_secret="paper-secret") for key in KEYS]


def test_accounts_see_their_own_records_only() -> None:
    with PaperExchange(rate=0.001, accounts=accounts()) as exchange:
        one, two = exchange.accounts
        with exchange.client(one) as main, exchange.client(two) as sub:
            for client, price in ((main, 50_000), (sub, 40_000), (sub, 30_000)):
                client.rest.auth.submit_order(
                    "EXCHANGE LIMIT", "tBTCUSD", "0.1", price
                ).raise_for_status()
            assert [o.price for o in main.rest.auth.get_orders()] == [50_000]
            assert {o.price for o in sub.rest.auth.get_orders()} == {40_000, 30_000}
            main.rest.auth.cancel_all_orders()
            assert len(sub.rest.auth.get_orders()) == 2


def test_accounts_share_the_budget_of_their_address() -> None:
    with PaperExchange(accounts=accounts()) as exchange, ExitStack() as stack:
        # The budgets of these tests count loopback, too.
        clients = [
            stack.enter_context(exchange.client(account, on_limit="raise"))
            for account in exchange.accounts
        ]
        for _ in range(5):
            for client in clients:
                client.rest.auth.get_wallets_history()
        for client in clients:
            with pytest.raises(RateLimited) as caught:
                client.rest.auth.get_wallets_history()
            assert caught.value.is_own_budget
            assert client.rest.auth.get_wallets()


def test_r06_nonces_rise_per_key_over_all_its_clients(serve: Serve) -> None:
    seen: defaultdict[str, list[int]] = defaultdict(list)
    lock = threading.Lock()

    def answer(request: Exchange) -> None:
        with lock:
            key = str(request.headers["bfx-apikey"])
            seen[key].append(int(request.headers["bfx-nonce"]))
        request.answer([])

    host = serve(answer).host
    with ExitStack() as stack:
        clients = [
            stack.enter_context(Client(key, "paper-secret", rest_host=host))
            for key in KEYS
            for _ in range(THREADS)
        ]

        def read(client: Client) -> None:
            for _ in range(CALLS):
                client.rest.auth.get_wallets()

        threads = [threading.Thread(target=read, args=(each,)) for each in clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(DEADLINE_S)
    assert set(seen) == set(KEYS)
    for nonces in seen.values():
        assert len(nonces) == THREADS * CALLS
        assert nonces == sorted(set(nonces))


def test_keys_do_not_wait_for_each_other(serve: Serve) -> None:
    held, release = threading.Event(), threading.Event()

    def answer(request: Exchange) -> None:
        if request.headers["bfx-apikey"] == KEYS[0]:
            held.set()
            release.wait(DEADLINE_S)
        request.answer([])

    host = serve(answer).host
    with ExitStack() as stack:
        main, sub = (
            stack.enter_context(Client(key, "paper-secret", rest_host=host))
            for key in KEYS
        )
        thread = threading.Thread(target=main.rest.auth.get_wallets)
        thread.start()
        try:
            assert held.wait(DEADLINE_S)
            assert sub.rest.auth.get_wallets() == []
        finally:
            release.set()
            thread.join(DEADLINE_S)
