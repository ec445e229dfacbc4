"""Faults of REST answers and of orders, each over a real socket and counted."""

from __future__ import annotations

import socket
import threading
import time
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from bfxsync.errors import UsageError
from bfxsync.paper import PaperExchange
from bfxsync.paper.fault_options import ACCOUNT_FAULTS
from bfxsync.paper.faults import Faults, check_fault

from ..support import connected, is_event
from .support import TIMEOUT_S, Signed
from .test_requests import CANCEL, LIMIT, SUBMIT, place

WALLETS, UPDATE = "auth/r/wallets", "auth/w/order/update"
HIST, OPEN, TRADES = "auth/r/orders/hist", "auth/r/orders", "auth/r/trades/hist"
MULTI = "auth/w/order/multi"
FAR = {"amount": "0.5", "price": "50000"}


@pytest.fixture
def exchange(cleared: PaperExchange) -> PaperExchange:
    return cleared


def counted(exchange: PaperExchange, name: str) -> Any:
    """A function that returns how often a fault has happened since."""
    before = exchange.fault_counts[name]
    return lambda: exchange.fault_counts[name] - before


def raw_answer(signed: Signed, path: str, parts: int = 1) -> bytes:
    """All that comes in answer to one request, until so many bodies have come."""
    host, port = signed.url.split("/")[2].split(":")
    lines = [f"POST /v2/{path} HTTP/1.1", f"Host: {host}:{port}", "Content-Length: 2"]
    lines += [f"{n}: {v}" for n, v in signed.headers(path, b"{}").items()]
    received = b""
    with socket.create_connection((host, int(port)), TIMEOUT_S) as sock:
        sock.sendall("\r\n".join([*lines, "", "{}"]).encode())
        while received.count(b"]]") < parts:
            received += sock.recv(1 << 16)
    return received


def test_a_late_answer_is_to_what_was_done_at_once(
    exchange: PaperExchange, signed: Signed
) -> None:
    count = counted(exchange, "late_answer")
    exchange.inject("late_answer", path=SUBMIT, delay_s=30)
    with pytest.raises(requests.ReadTimeout):
        body = requests.models.complexjson.dumps(LIMIT).encode()
        headers = signed.headers(SUBMIT, body)
        url = f"{signed.url}/{SUBMIT}"
        signed.session.post(url, data=body, headers=headers, timeout=0.3)
    assert len(exchange.account.orders) == 1
    exchange.inject("late_answer", path=SUBMIT, delay_s=0.05)
    begin = time.monotonic()
    place(signed)
    assert time.monotonic() - begin >= 0.05
    assert count() == 2


def test_a_stop_does_not_wait_for_late_answers() -> None:
    with PaperExchange(rate=1e-3) as exchange, Signed(exchange) as signed:
        exchange.inject("late_answer", delay_s=1_000)
        errors: list[Exception] = []

        def ask() -> None:
            try:
                signed.post(WALLETS)
            except requests.ConnectionError as exc:
                errors.append(exc)

        thread = threading.Thread(target=ask)
        thread.start()
        deadline = time.monotonic() + TIMEOUT_S
        while not exchange.fault_counts["late_answer"]:
            assert time.monotonic() < deadline
            time.sleep(0.001)
        exchange.stop()
        thread.join(TIMEOUT_S)
        assert len(errors) == 1


@pytest.mark.parametrize("status", [100, 102, 103])
def test_an_interim_answer_comes_before_the_answer(
    exchange: PaperExchange, signed: Signed, status: int
) -> None:
    count = counted(exchange, "interim_answer")
    exchange.inject("interim_answer", path=WALLETS, status=status)
    first, *rest = raw_answer(signed, WALLETS).split(b"HTTP/1.1 ")[1:]
    assert first.startswith(b"%d " % status)
    assert len(rest) == 1 and rest[0].startswith(b"200 OK")
    assert count() == 1


def test_an_answer_comes_twice_byte_for_byte(
    exchange: PaperExchange, signed: Signed
) -> None:
    count = counted(exchange, "duplicate_answer")
    exchange.inject("duplicate_answer", path=WALLETS)
    _, first, second = raw_answer(signed, WALLETS, parts=2).split(b"HTTP/1.1 ")
    assert first == second and count() == 1


def test_a_date_is_missing_or_wrong(exchange: PaperExchange, signed: Signed) -> None:
    exchange.inject("missing_date", path=WALLETS)
    exchange.inject("wrong_date", path=WALLETS, offset_s=7_200)
    assert "date" not in signed.send(WALLETS).headers
    wrong = parsedate_to_datetime(signed.send(WALLETS).headers["date"])
    assert 7_190 < wrong.timestamp() - time.time() < 7_210
    right = parsedate_to_datetime(signed.send(WALLETS).headers["date"])
    assert abs(right.timestamp() - time.time()) < 10
    assert exchange.fault_counts["missing_date"] == 1
    assert exchange.fault_counts["wrong_date"] == 1


def test_a_nonce_is_refused_and_nothing_is_done(
    exchange: PaperExchange, signed: Signed
) -> None:
    exchange.inject("small_nonce", path=SUBMIT)
    assert signed.error(SUBMIT, **LIMIT)[0] == 10114
    assert exchange.account.orders == []
    place(signed)
    assert exchange.fault_counts["small_nonce"] == 1


def test_histories_lag_behind_what_was_done(
    exchange: PaperExchange, signed: Signed
) -> None:
    count = counted(exchange, "late_history")
    done = place(signed, type="EXCHANGE MARKET", amount="0.01")
    waiting = place(signed)
    trades = f"auth/r/order/tBTCUSD:{done[0]}/trades"
    for path in (HIST, TRADES, OPEN, "auth/r/ledgers/hist", trades):
        exchange.inject("late_history", path=path, delay_s=60)
        assert signed.post(path) == []
        assert signed.post(path) != []
    assert signed.post(OPEN)[0][0] == waiting[0]
    assert count() == 5
    exchange.inject("late_history", delay_s=0)
    assert signed.post(HIST)[0][0] == done[0]


def test_an_order_is_rejected_with_the_chosen_code(
    exchange: PaperExchange, signed: Signed, other: Signed
) -> None:
    count = counted(exchange, "reject_order")
    exchange.inject("reject_order", code=10_057, text="no", input="on", cid=5)
    exchange.inject("reject_order", account="other-key", input="oc")
    row = place(signed, cid=4)
    assert signed.error(SUBMIT, **{**LIMIT, "cid": 5}) == (10_057, "no")
    assert [order["cid"] for order in exchange.account.orders] == [4]
    theirs = place(other, cid=5)
    signed.post(CANCEL, id=row[0])
    assert other.error(CANCEL, id=theirs[0]) == (10_001, "Invalid order: rejected")
    exchange.inject("reject_order", symbol="tETHUSD", code=10_002)
    ops = [["on", {**LIMIT, "symbol": name}] for name in ("tBTCUSD", "tETHUSD")]
    notes = signed.post(MULTI, ops=ops)[4]
    assert [note[5] for note in notes] == [None, 10_002]
    exchange.inject("reject_order", cid=5, input="ou", account="other-key")
    assert other.error(UPDATE, id=theirs[0], price="101")[0] == 10_001
    assert count() == 4


@pytest.mark.parametrize("kind", ["LIMIT", "IOC", "MARKET"])
@pytest.mark.parametrize("sign", [1, -1])
def test_an_order_is_filled_only_in_part(
    exchange: PaperExchange, signed: Signed, kind: str, sign: int
) -> None:
    count = counted(exchange, "partial_fill")
    (bid, *_), (ask, *_) = exchange.book("tBTCUSD")
    exchange.account.deposit("exchange", "USD", 100_000)
    far = ask[0] + 15 if sign > 0 else bid[0] - 15
    exchange.inject("partial_fill", symbol="tBTCUSD", ratio=0.25)
    place(signed, cid=1)  # matches nothing, and so does not use it up
    terms = {"type": f"EXCHANGE {kind}", "amount": str(sign * 0.8), "cid": 2}
    row = place(signed, **terms, price=f"{far:.5g}")
    trades = [trade for trade in exchange.account.trades if trade["cid"] == 2]
    fills = [trade for trade in trades if trade["order_id"] == row[0]]
    assert sum(trade["amount"] for trade in fills) == pytest.approx(sign * 0.2)
    (bid, *_), (ask, *_) = exchange.book("tBTCUSD")
    assert bid[0] < ask[0]
    is_open = [order for order in exchange.account.orders if order["cid"] == 2]
    assert len(is_open) == (kind == "LIMIT")
    if kind == "LIMIT":
        assert is_open[0]["amount"] == pytest.approx(sign * 0.6)
        signed.post(CANCEL, id=row[0])
    assert count() == 1


def test_maintenance_begins_in_the_middle_of_an_order(
    exchange: PaperExchange, signed: Signed, other: Signed
) -> None:
    for executed in (True, False):
        with connected(exchange) as client:
            exchange.inject("maintenance", executed=executed, length_s=0.2)
            if executed:
                with pytest.raises(requests.ConnectionError):
                    signed.post(SUBMIT, **LIMIT)
            assert signed.error(SUBMIT, **LIMIT) == (20060, "maintenance")
            assert len(exchange.account.orders) == int(executed)
            info = client.until(is_event("info"))[-1]
            assert info["code"] == 20060
            code = 20060
            while code == 20060:  # until it is over
                status, answer = other.ask(SUBMIT, **LIMIT)
                code = answer[1] if status == 500 else 0
            assert client.until(is_event("info"))[-1]["code"] == 20061
        signed.post("auth/w/order/cancel/multi", all=1)
    assert exchange.fault_counts["maintenance"] == 2
    assert signed.session.get(f"{signed.url}/platform/status").json() == [1]


def test_a_fault_may_come_later_and_be_cleared_before(exchange: PaperExchange) -> None:
    count = counted(exchange, "reject_order")
    with Signed(exchange) as signed:
        exchange.inject("reject_order", after_s=0.05)
        exchange.inject("reject_order", after_s=1_000)
        code = 0
        while not code:
            status, answer = signed.ask(SUBMIT, **{**LIMIT, "amount": "0.0001"})
            code = answer[1] if status == 500 else 0
        exchange.clear_faults()
        place(signed)
    assert count() == 1
    assert not exchange._thread.call(lambda server: server._later)


def test_a_fault_may_last_until_it_is_cleared(
    exchange: PaperExchange, signed: Signed
) -> None:
    count = counted(exchange, "small_nonce")
    exchange.inject("small_nonce", times=None)
    for _ in range(5):
        assert signed.error(WALLETS)[0] == 10114
    exchange.clear_faults()
    assert signed.post(WALLETS)
    assert count() == 5


def test_chance_is_a_rate_that_the_seed_decides() -> None:
    def happened(seed: int) -> list[bool]:
        faults = Faults(seed=seed)
        faults.arm(check_fault("lost_answer", None, {}, chance=0.25))
        return [faults.fire("lost_answer") is not None for _ in range(2_000)]

    assert 400 < sum(happened(1)) < 600
    assert happened(1) == happened(1) != happened(2)


@pytest.mark.parametrize(
    ("fault", "arguments", "message"),
    [
        ("lost_answer", {"chance": 0}, "chance must be above 0 and at most 1, not 0"),
        ("lost_answer", {"chance": 1.5}, "chance must be"),
        ("lost_answer", {"chance": "1"}, "chance must be"),
        ("lost_answer", {"after_s": -1}, "after_s must be seconds, not -1"),
        ("lost_answer", {"after_s": None}, "after_s must be seconds"),
        ("lost_answer", {"times": 0.5}, "times must be a positive number or None"),
        ("silent_channel", {"chance": 0.5}, "it takes no times and no chance"),
        ("late_answer", {"delay_s": float("inf")}, "delay_s must be seconds"),
        ("interim_answer", {"status": 101}, "status must be 100, 102 or 103"),
        ("wrong_date", {"offset_s": 0}, "offset_s must be seconds, 1 or more"),
        ("reject_order", {"code": "10001"}, "code must be a number of five digits"),
        ("reject_order", {"code": 5}, "code must be a number of five digits"),
        ("reject_order", {"text": "\ud800"}, "text must be text"),
        ("reject_order", {"input": "ox"}, "input must be one of on, ou, oc, "),
        ("reject_order", {"cid": "5"}, "cid must be a number"),
        ("reject_order", {"account": "nobody"}, "no account 'nobody'"),
        ("partial_fill", {"ratio": 1}, "ratio must be between 0 and 1"),
        ("partial_fill", {"input": "on"}, "partial_fill has no option 'input'"),
        ("maintenance", {"executed": "yes"}, "executed must be True or False"),
    ],
    ids=str,
)
def test_impossible_faults_are_refused(
    exchange: PaperExchange, fault: str, arguments: Any, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        exchange.inject(fault, **arguments)


def test_every_fault_is_tested_here_or_beside() -> None:
    source = Path(__file__).read_text()
    beside = {"lost_request", "lost_answer"}  # test_account_view
    assert {name for name in ACCOUNT_FAULTS if f'"{name}"' not in source} <= beside
