"""Killed in the midst of anything, the exchange comes back with all that clients were told."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Iterator

import pytest
import requests
import websocket
from patience import at_most

from bfxsync.paper import PaperExchange

from ..support import Client
from . import killed_run
from .channel import logged_in
from .support import Signed

SUBMIT, CANCEL = "auth/w/order/submit", "auth/w/order/cancel"
WALLETS = "auth/r/wallets"


class Believer:
    """
    One account's client, which remembers what it was told.

    Attributes
    ----------
    orders : dict
        By id the last acknowledged row of each order; None instead of a status once cancelled.
    unknown : set of int
        Client order ids of requests that were never answered.
    """

    def __init__(self, key: str, seed: int) -> None:
        self.key = key
        self.dice = random.Random(seed)
        self.orders: dict[int, list[Any]] = {}
        self.cancelled: set[int] = set()
        self.events: dict[str, list[Any]] = {"on": [], "oc": [], "tu": [], "wu": []}
        self.unknown: set[int] = set()
        self.last_request: tuple[str, dict[str, str]] | None = None
        self.cid = 0

    def trade(self, exchange: Any, started: threading.Semaphore) -> None:
        """Send requests until there is no exchange any more."""
        with Signed(exchange, self.key) as signed:
            while True:
                try:
                    self._step(signed)
                except requests.ConnectionError:
                    return
                started.release()

    def listen(self, client: Client) -> None:
        """Read the account channel until there is no exchange any more."""
        with client:
            while True:
                try:
                    message = client.receive()
                except (websocket.WebSocketException, OSError):
                    return
                if isinstance(message, list) and message[1] in self.events:
                    self.events[message[1]].append(message[2])

    def _step(self, signed: Signed) -> None:
        what = self.dice.random()
        if what < 0.25 and self.orders:
            id = self.dice.choice(list(self.orders))
            status, answer = signed.ask(CANCEL, id=id)
            if status == 200:
                self.cancelled.add(id)
            return
        if what < 0.35:
            headers = signed.headers(WALLETS, b"{}")
            assert signed.send(WALLETS, headers=headers).ok
            self.last_request = WALLETS, headers
            return
        self.cid += 1
        self.unknown.add(self.cid)
        sign = self.dice.choice(("", "-"))
        terms = {"type": "EXCHANGE MARKET", "amount": f"{sign}0.001"}
        if what < 0.8:
            # Some far away, some where they are filled by the market.
            price = self.dice.choice((60_000, 64_000, 64_200, 64_250))
            terms = {"type": "EXCHANGE LIMIT", "amount": "0.001", "price": str(price)}
        status, answer = signed.ask(SUBMIT, symbol="tBTCUSD", cid=self.cid, **terms)
        self.unknown.discard(self.cid)
        if status == 200:
            for row in answer[4]:
                self.orders[row[0]] = row

    def check(self, exchange: PaperExchange) -> None:
        """Compare it with what the exchange has."""
        account = next(a for a in exchange.accounts if a.api_key == self.key)
        is_open = {order["id"]: order for order in account.orders}
        closed = {order["id"]: order for order in account.closed_orders}
        everything = {**is_open, **closed}
        for id, row in self.orders.items():
            assert everything[id]["cid"] == row[2]
            assert everything[id]["amount_orig"] == row[7]
            if not row[13].startswith(("ACTIVE", "PARTIALLY")):
                assert closed[id]["status"] == row[13]
        for id in self.cancelled:
            assert closed[id]["status"].startswith("CANCELED")
        for row in self.events["on"]:
            assert everything[row[0]]["cid"] == row[2]
        for row in self.events["oc"]:
            assert closed[row[0]]["status"] == row[13]
        known = {(trade["id"], trade["order_id"]) for trade in account.trades}
        assert len(known) == len(account.trades)
        for row in self.events["tu"]:
            assert (row[0], row[3]) in known
        told = {row[2] for row in self.orders.values()} | self.unknown
        assert {order["cid"] for order in everything.values()} <= told
        self._check_money(exchange, account)

    def _check_money(self, exchange: PaperExchange, account: Any) -> None:
        with Signed(exchange, self.key) as signed:
            ledger = signed.post("auth/r/ledgers/hist", limit=2_500)
            trades = len(account.trades)
            assert len(ledger) == 13 + 3 * trades
            newest = {}
            for row in reversed(ledger):
                newest[row[2], row[1]] = row[6]
            for (wallet, currency), balance in newest.items():
                assert account.balances[wallet][currency] == balance
            # What was told of a wallet is in its history.
            balances = {(row[2], row[1], row[6]) for row in ledger}
            for row in self.events["wu"]:
                assert (row[0], row[1], row[2]) in balances
            if self.last_request is not None:
                path, headers = self.last_request
                assert signed.send(path, headers=headers).json()[1] == 10114


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.jsonl"


def rounds() -> Iterator[Any]:
    yield pytest.param(2, 1, id="few")
    yield pytest.param(25, 2, id="many", marks=pytest.mark.long)


@pytest.mark.parametrize("times, seed", list(rounds()))
def test_a_killed_exchange_has_all_that_was_acknowledged(
    path: Path, times: int, seed: int
) -> None:
    dice = random.Random(seed)
    believers = [Believer(key, seed) for key in killed_run.KEYS]
    for _ in range(times):
        process = subprocess.Popen(
            [sys.executable, killed_run.__file__, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdin is not None and process.stdout is not None
        rest_url, url = process.stdout.readline().split()
        remote = SimpleNamespace(rest_url=rest_url, url=url)
        started = threading.Semaphore(0)
        threads = []
        for each in believers:
            client = Client(url)
            logged_in(client, key=each.key)
            threads += [
                threading.Thread(target=each.listen, args=(client,)),
                threading.Thread(target=each.trade, args=(remote, started)),
            ]
        for thread in threads:
            thread.start()
        # In the midst of whatever they do next.
        for _ in range(dice.randint(1, 60)):
            assert started.acquire(timeout=at_most(30))
        process.kill()
        process.wait()
        for thread in threads:
            thread.join(at_most(30))
            assert not thread.is_alive()
        process.stdin.close()
        process.stdout.close()
        with killed_run.exchange(str(path), 1e-3) as exchange:
            for each in believers:
                each.check(exchange)
    assert sum(len(each.orders) for each in believers) > 10
    assert os.path.getsize(path) > 10_000
