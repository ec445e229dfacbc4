"""The journal of an exchange, and a restart from its file."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any, Iterator

import pytest
import requests
import websocket

from bfxsync.errors import UsageError
from bfxsync.paper import PaperAccount, PaperExchange

from ..support import Client
from .channel import is_code, logged_in
from .conftest import OTHER
from .support import Signed
from .test_requests import CANCEL, SUBMIT, place

STOP = "99000"
STILL = 1e-3
"""A rate at which markets stand still."""


def believed(exchange: PaperExchange) -> list[Any]:
    """What the accounts of an exchange say of themselves."""
    return [
        [
            account.balances,
            account.available,
            account.orders,
            account.closed_orders,
            account.trades,
            account.positions,
        ]
        for account in exchange.accounts
    ]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.jsonl"


@pytest.fixture
def lasting(path: Path) -> Iterator[PaperExchange]:
    with PaperExchange(
        rate=STILL, accounts=[PaperAccount(), OTHER], journal_path=path
    ) as exchange:
        yield exchange


def test_a_request_is_followed_by_all_that_it_did(
    exchange: PaperExchange, signed: Signed
) -> None:
    start = exchange.journal.last_number
    row = place(signed, amount="0.5", price="50000", cid=5)
    signed.post(CANCEL, id=row[0])
    found = exchange.journal.find(after=start)
    assert [(entry.kind, entry.name) for entry in found] == [
        ("request", SUBMIT),
        ("event", "wu"),
        ("event", "on"),
        ("answer", SUBMIT),
        ("request", CANCEL),
        ("event", "wu"),
        ("event", "oc"),
        ("answer", CANCEL),
    ]
    assert [entry.number for entry in found] == list(range(start + 1, start + 9))
    submit, _, on, answer, cancel, *_ = found
    assert submit.data["amount"] == "0.5" and submit.via == "rest"
    assert (submit.cids, submit.order_ids) == ((5,), ())
    assert on.data == row and (on.order_ids, on.cids) == ((row[0],), (5,))
    assert answer.data[4] == [row] and answer.order_ids == (row[0],)
    assert cancel.order_ids == (row[0],)
    assert {entry.cause for entry in found[1:4]} == {submit.number}
    assert submit.cause == 0


def test_entries_are_found_by_what_they_are_about(
    exchange: PaperExchange, signed: Signed, other: Signed
) -> None:
    journal = exchange.journal
    mine = place(signed, amount="0.5", price="50000", cid=5)
    theirs = place(other, amount="0.5", price="50000", cid=5)
    key = exchange.accounts[1].api_key
    by_order = journal.find(order_id=theirs[0])
    assert [entry.name for entry in by_order] == ["on", SUBMIT]
    assert by_order == journal.find(account=key, cid=5)[1:]
    assert by_order == journal.find(account=exchange.accounts[1], cid=5)[1:]
    assert len(journal.find(cid=5)) == 6 and journal.find(cid=6) == []
    (event,) = journal.find(kind="event", name="on", order_id=mine[0])
    assert event in journal.find(cause=event.cause)
    assert list(journal)[-1] == journal[-1] == journal.find(after=len(journal) - 1)[0]
    multi = [["oc", {"id": mine[0]}], ["oc_multi", {"cid": [[5, "2020-01-01"]]}]]
    signed.post("auth/w/order/multi", ops=multi)
    *_, request, event, answer = [e for e in journal if e.name != "wu"]
    assert (request.order_ids, request.cids) == ((mine[0],), (5,))
    assert answer.order_ids == (mine[0],) and event.name == "oc"


def test_a_fill_is_in_the_journal_of_both(
    exchange: PaperExchange, signed: Signed, other: Signed
) -> None:
    (bid, *_), _ = exchange.book("tBTCUSD")
    maker = place(signed, amount="0.5", price=str(int(bid[0]) + 1), cid=1)
    place(other, type="EXCHANGE MARKET", amount="-0.5", cid=2)
    (request,) = exchange.journal.find(kind="request", cid=2)
    fills = exchange.journal.find(name="te", cause=request.number)
    assert [entry.account for entry in fills] == ["paper-key", "other-key"]
    assert [entry.cids for entry in fills] == [(1,), (2,)]
    assert exchange.journal.find(order_id=maker[0])[-1].name == "oc"


def test_what_is_refused_is_there_with_its_code(
    exchange: PaperExchange, signed: Signed
) -> None:
    assert signed.error(SUBMIT, symbol="tXYZ")[0] == 10001
    old = signed.headers("auth/r/wallets", b"{}", nonce=1)
    assert signed.send("auth/r/wallets", headers=old).status_code == 500
    first, refusal, second, small = exchange.journal.find(after=0)[-4:]
    assert first.data == {"symbol": "tXYZ"}
    assert refusal.data[:2] == ["error", 10001] and refusal.cause == first.number
    assert second.data is None and small.data[:2] == ["error", 10114]
    with Client(exchange.url) as client:
        client.receive()
        client.send(event="auth", apiKey="paper-key", authPayload="x", authSig="x")
        code = client.receive()["code"]
    assert exchange.journal[-1].data["code"] == code


def test_inputs_of_the_account_channel_are_requests(exchange: PaperExchange) -> None:
    with Client(exchange.url) as client:
        logged_in(client)
        order = {"type": "EXCHANGE LIMIT", "symbol": "tBTCUSD", "cid": 5}
        order.update(amount="0.5", price="50000")
        ops = [["on", order], ["on", {**order, "cid": 6}]]
        client.ws.send(json.dumps([0, "ox_multi", None, ops]))
        sent = [
            message
            for message in client.until(is_second_order)
            if message[1] in ("n", "on")
        ]
    login, _, request, *done = exchange.journal
    assert (login.via, login.name, login.data) == ("ws", "auth", None)
    assert (request.via, request.name, request.cids) == ("ws", "ox_multi", (5, 6))
    assert {entry.cause for entry in done} == {request.number}
    answers = [entry.data for entry in done if entry.kind == "answer"]
    assert answers == [message[2] for message in sent if message[1] == "n"]
    placed = [entry.data for entry in done if entry.name == "on"]
    assert placed == [message[2] for message in sent if message[1] == "on"]


def is_second_order(message: Any) -> bool:
    return is_code("on", message) and message[2][2] == 6


def test_secrets_are_in_no_entry(lasting: PaperExchange, path: Path) -> None:
    with Signed(lasting) as signed:
        (token,) = signed.post("auth/w/token", scope="api", ttl=60)
        signed.post("auth/w/token/del", token=token)
        signed.post("auth/r/wallets")
    text = path.read_text() + repr(list(lasting.journal))
    assert "auth/w/token/del" in text
    for secret in (token, "paper-secret", "bfx-signature"):
        assert secret not in text


def test_the_journal_may_be_read_at_any_time(exchange: PaperExchange) -> None:
    stop = threading.Event()
    wrong: list[object] = []

    def look() -> None:
        while not stop.is_set():
            numbers = [entry.number for entry in exchange.journal]
            if numbers != list(range(1, len(numbers) + 1)):
                wrong.append(numbers)

    threads = [threading.Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    with Signed(exchange) as signed:
        for _ in range(10):
            place(signed, type="EXCHANGE MARKET", amount="0.01")
    stop.set()
    for thread in threads:
        thread.join(30)
    assert not wrong
    exchange.stop()
    assert len(exchange.journal.find(name="auth/w/order/submit")) == 20


@pytest.mark.parametrize(
    "arguments",
    [{"account": 5}, {"kind": "x"}, {"name": 1}, {"cid": "7"}, {"after": -1}],
    ids=str,
)
def test_a_search_for_the_impossible_is_refused(
    exchange: PaperExchange, arguments: Any
) -> None:
    with pytest.raises(UsageError, match=f"{next(iter(arguments))} must be"):
        exchange.journal.find(**arguments)


def test_a_restart_has_all_that_was_acknowledged(
    lasting: PaperExchange, path: Path
) -> None:
    accounts = [PaperAccount(), OTHER]
    with Signed(lasting) as signed:
        place(signed, amount="0.5", price="50000", cid=5)
        place(signed, type="EXCHANGE TRAILING STOP", amount="-1", price_trailing="900")
        row = place(
            signed, amount="0.5", price="5000", flags=16384, price_oco_stop=STOP
        )
        for kind, amount in (("EXCHANGE MARKET", "0.3"), ("MARKET", "-0.2")):
            place(signed, type=kind, amount=amount)
        signed.post("auth/w/transfer", from_="exchange", to="margin", **_MOVE)
        signed.post("auth/w/deposit/address", wallet="exchange", method="bitcoin")
        (token,) = signed.post("auth/w/token", scope="api", ttl=600)
        old = signed.headers("auth/r/wallets", b"{}")
        assert signed.send("auth/r/wallets", headers=old).ok
        lasting.accounts[1].deposit("funding", "ETH", "2.5")
        before, entries = believed(lasting), list(lasting.journal)
        addresses = signed.post("auth/r/deposit/address/all", method="bitcoin")
        ledger = signed.post("auth/r/ledgers/hist")
    lasting.stop()
    with PaperExchange(rate=STILL, accounts=accounts, journal_path=path) as again:
        assert believed(again) == before
        assert list(again.journal)[: len(entries)] == entries
        with Signed(again) as signed:
            assert signed.send("auth/r/wallets", headers=old).json()[1] == 10114
            headers = {"bfx-token": token, "bfx-nonce": "1"}
            assert signed.send("auth/r/wallets", headers=headers).ok
            assert signed.send("auth/r/wallets", headers=headers).json()[1] == 10114
            assert signed.post("auth/r/ledgers/hist") == ledger
            path_ = "auth/r/deposit/address/all"
            assert signed.post(path_, method="bitcoin") == addresses
            assert signed.post("auth/w/order/cancel", id=row[0])[4][0] == row[0]
            assert len(again.account.orders) == 2  # its stop is cancelled, too
            trades = {trade["id"] for trade in again.account.trades}
            (new,) = signed.post(SUBMIT, **_MARKET)[4]
            assert new[0] > max(order["id"] for order in before[0][3])
            ids = [trade["id"] for trade in again.account.trades]
            assert len(set(ids)) == len(ids) > len(trades)


_MOVE = {"currency": "USD", "amount": "10"}
_MARKET = {"type": "EXCHANGE MARKET", "symbol": "tBTCUSD", "amount": "0.01"}


def test_a_stopped_exchange_continues_its_own_journal(lasting: PaperExchange) -> None:
    lasting.account.deposit("exchange", "USD", 5)
    before = believed(lasting)
    for _ in range(2):
        lasting.stop()
        lasting.start()
        assert believed(lasting) == before
    assert [e.data[2] for e in lasting.journal if e.name == "wu"] == [100_005]


def test_an_open_order_trades_after_a_restart(path: Path) -> None:
    with PaperExchange(rate=STILL, journal_path=path) as exchange:
        with Signed(exchange) as signed:
            (bid, *_), _ = exchange.book("tBTCUSD")
            place(signed, amount="0.01", price=f"{bid[0]:.5g}", cid=5)
    with PaperExchange(rate=2_000, seed=2, journal_path=path) as exchange:
        closed = threading.Event()
        exchange._thread.call(
            lambda server: server.registry.accounts[0].listeners.append(
                lambda code, row: closed.set() if code == "oc" else None
            )
        )
        assert closed.wait(30) or exchange.account.closed_orders
        trade, *_ = exchange.account.trades
        assert trade["cid"] == 5 and trade["maker"] == 1


def test_time_does_not_go_back(path: Path) -> None:
    begin = 1_700_000_000_000
    options: Any = {"begin_mts": begin, "paused": True, "journal_path": path}
    with PaperExchange(rate=STILL, **options) as exchange:
        exchange.step(3_600)
        exchange.account.deposit("exchange", "USD", 5)
        before = exchange.journal[-1].mts
    assert before == begin + 3_600_000
    with PaperExchange(rate=STILL, **options) as exchange:
        exchange.account.deposit("exchange", "USD", 5)
        assert exchange.journal[-1].mts >= before


def test_accounts_may_come_but_not_go(path: Path) -> None:
    with PaperExchange(rate=STILL, journal_path=path) as exchange:
        before = believed(exchange)
    both = [PaperAccount(), OTHER]
    with PaperExchange(rate=STILL, accounts=both, journal_path=path) as exchange:
        assert believed(exchange) == 2 * before
    for accounts in ([PaperAccount()], [OTHER, PaperAccount()]):
        refused = PaperExchange(accounts=accounts, journal_path=path)
        with pytest.raises(UsageError, match="journal has the accounts"):
            refused.start()
    with PaperExchange(rate=STILL, accounts=both, journal_path=path) as exchange:
        assert believed(exchange) == 2 * before


def test_an_order_of_an_unknown_market_is_refused(path: Path) -> None:
    recorded = {"captures": ["public-20210417"], "autoplay": False}
    with PaperExchange(journal_path=path, **recorded) as exchange:  # type: ignore[arg-type]
        symbols = exchange._thread.call(lambda s: s._captures[0].symbols)
        pair = next(s for s in symbols if s.endswith("USD") and s != "tBTCUSD")
        with Signed(exchange) as signed:
            place(signed, symbol=pair, amount="1", price="0.01")
    with pytest.raises(UsageError, match="market that this exchange does not have"):
        PaperExchange(journal_path=path).start()
    with PaperExchange(journal_path=path, **recorded) as exchange:  # type: ignore[arg-type]
        assert [order["symbol"] for order in exchange.account.orders] == [pair]


def test_a_damaged_journal_stops_the_start(lasting: PaperExchange, path: Path) -> None:
    lasting.stop()
    path.write_bytes(path.read_bytes().replace(b'"BTC"', b'"BTX"', 1))
    with pytest.raises(UsageError, match="damaged in line 2"):
        lasting.start()
    with pytest.raises(UsageError, match="not running"):
        lasting.account.orders


@pytest.mark.parametrize("path", ["", 5, b"x"], ids=repr)
def test_a_path_is_a_path(path: Any) -> None:
    with pytest.raises(UsageError, match="journal_path must be a path"):
        PaperExchange(journal_path=path)


def fill_disk(exchange: PaperExchange) -> None:
    """Let all writes to the journal fail."""
    if not os.path.exists("/dev/full"):
        pytest.skip("needs /dev/full")

    def exchange_descriptors(server: Any) -> None:
        file = server.registry.recorder._file._file
        full = os.open("/dev/full", os.O_WRONLY)
        os.dup2(full, file.fileno())
        os.close(full)

    exchange._thread.call(exchange_descriptors)


@pytest.mark.parametrize("request_path", [SUBMIT, "auth/r/wallets"])
def test_nothing_is_acknowledged_that_cannot_be_written(
    lasting: PaperExchange, path: Path, request_path: str
) -> None:
    with Signed(lasting) as signed:
        place(signed, amount="0.5", price="50000", cid=5)
        fill_disk(lasting)
        for _ in range(2):
            with pytest.raises(requests.ConnectionError):
                signed.post(request_path, **_MARKET)
    with pytest.raises(UsageError, match="cannot be written"):
        lasting.account.deposit("exchange", "USD", 5)
    lasting.stop()
    last = json.loads(path.read_text().splitlines()[-1])
    assert last["entries"][-1][6][4][0][2] == 5
    lasting.start()
    assert [order["cid"] for order in lasting.account.orders] == [5]
    assert lasting.account.trades == []


def test_no_event_leaves_that_cannot_be_written(lasting: PaperExchange) -> None:
    with Client(lasting.url) as client:
        logged_in(client)
        fill_disk(lasting)
        with pytest.raises(UsageError, match="cannot be written"):
            lasting.account.deposit("exchange", "USD", 5)
        with pytest.raises((OSError, websocket.WebSocketException)):
            while True:
                assert client.receive()[1] == "hb"
