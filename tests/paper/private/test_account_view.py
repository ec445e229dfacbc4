"""The account view, and account orders in public books and channels."""

from __future__ import annotations

import threading
from decimal import Decimal
from typing import Any

import pytest
import requests

from bfxsync.errors import UsageError
from bfxsync.paper import PaperAccount, PaperExchange

from ..support import Client
from .support import Signed
from .test_requests import CANCEL, LIMIT, SUBMIT, place


def test_an_account_is_plain_data(exchange: PaperExchange, signed: Signed) -> None:
    account = exchange.account
    place(signed, amount="0.5", price="50000", cid=5)
    place(signed, type="EXCHANGE MARKET", amount="-0.1")
    place(signed, type="MARKET", amount="0.1")
    (order,) = account.orders
    assert (order["cid"], order["amount"], order["status"]) == (5, 0.5, "ACTIVE")
    assert [order["type"] for order in account.closed_orders] == [
        "EXCHANGE MARKET",
        "MARKET",
    ]
    sold = [trade["amount"] for trade in account.trades if "EXCHANGE" in trade["type"]]
    assert sum(sold) == pytest.approx(-0.1)
    (position,) = account.positions
    assert (position["symbol"], position["amount"]) == ("tBTCUSD", 0.1)
    usd = account.balances["exchange"]["USD"]
    assert account.available["exchange"]["USD"] == pytest.approx(usd - 25_000)
    account.balances["exchange"]["USD"] = 0
    assert account.balances["exchange"]["USD"] == usd


def test_funding_is_plain_data_too(exchange: PaperExchange, signed: Signed) -> None:
    account = exchange.account
    offer = {"type": "LIMIT", "symbol": "fUSD", "amount": "500", "rate": "0.06"}
    signed.post("auth/w/funding/offer/submit", **offer, period=30)
    place(signed, type="MARKET", amount="0.001")
    (found,) = account.offers
    assert (found["amount"], found["rate"], found["period"]) == (500, 0.06, 30)
    (loan,) = account.loans
    assert (loan["side"], loan["position_pair"]) == (-1, "tBTCUSD")
    bid = {**offer, "amount": "-500"}
    signed.post("auth/w/funding/offer/submit", **bid, period=30)
    # The market lends at lower rates.
    assert account.offers == [found]
    _, *loans = account.loans
    assert loans and {loan.get("position_pair") for loan in loans} == {None}


def test_a_deposit_is_there_at_once(exchange: PaperExchange, signed: Signed) -> None:
    _, other = exchange.accounts
    exchange.account.deposit("funding", "XYZ", "1.5")
    assert exchange.account.balances["funding"]["XYZ"] == 1.5
    assert "XYZ" not in other.balances["funding"]
    (row,) = signed.post("auth/r/movements/XYZ/hist")
    assert row[12] == 1.5
    for wallet, amount in (("trading", 1), ("exchange", 0), ("exchange", "x")):
        with pytest.raises(UsageError):
            exchange.account.deposit(wallet, "USD", amount)


@pytest.mark.parametrize("amount", ["5", 5, 5.0, Decimal(5)], ids=repr)
def test_money_may_be_written_as_programs_have_it(amount: Any) -> None:
    account = PaperAccount(balances={"exchange": {"USD": amount}})
    with PaperExchange(accounts=[account]) as exchange:
        exchange.account.deposit("exchange", "USD", amount)
        assert exchange.account.balances == {"exchange": {"USD": 10}}


def test_an_account_lives_as_long_as_its_exchange() -> None:
    exchange = PaperExchange(accounts=[PaperAccount(balances={"exchange": {"USD": 5}})])
    with pytest.raises(UsageError, match="not running"):
        exchange.account.balances
    for _ in range(2):
        with exchange:
            assert exchange.account.balances == {"exchange": {"USD": 5}}
            exchange.account.deposit("exchange", "USD", 1)


def test_orders_are_in_the_book_that_everybody_sees(
    exchange: PaperExchange, signed: Signed, other: Signed
) -> None:
    (bid, *_), (ask, *_) = exchange.book("tBTCUSD")
    price = int(bid[0]) + 1
    assert price < ask[0]
    with Client(exchange.url) as client:
        raw = client.subscribe("book", "tBTCUSD", prec="R0", len="25")
        trades = client.subscribe("trades", "tBTCUSD")
        place(signed, amount="0.5", price=str(price), cid=1)
        (order,) = exchange.account.orders
        row = [order["id"], price, 0.5]
        client.until(lambda message: message == [raw, row])
        assert exchange.book("tBTCUSD")[0][0] == [price, 1, 0.5]
        place(other, type="EXCHANGE MARKET", amount="-0.5")
        frames = client.until(lambda message: message[:2] == [trades, "tu"])
        (first,) = [frame for frame in frames if frame[:2] == [trades, "te"]]
        assert first[2][2:] == [-0.5, price] and frames[-1][2] == first[2]
        assert [raw, [order["id"], 0, 1]] in frames
        (mine,), (theirs,) = exchange.account.trades, exchange.accounts[1].trades
        assert mine["id"] == theirs["id"] == first[2][0]
        assert (mine["maker"], theirs["maker"]) == (1, -1)


def closes(exchange: PaperExchange) -> threading.Event:
    """Return an event that is set when an order of the first account closes."""
    closed = threading.Event()

    def note(code: str, row: Any) -> None:
        if code == "oc":
            closed.set()

    exchange._thread.call(
        lambda server: server.registry.accounts[0].listeners.append(note)
    )
    return closed


def test_a_market_moves_for_an_open_order_alone() -> None:
    with PaperExchange(rate=2_000) as exchange, Signed(exchange) as signed:
        closed = closes(exchange)
        (bid, *_), _ = exchange.book("tBTCUSD")
        place(signed, amount="0.5", price=f"{bid[0]:.5g}")
        assert closed.wait(20)
        (order,) = exchange.account.closed_orders
        assert order["status"].startswith("EXECUTED @ ")
        assert all(trade["maker"] == 1 for trade in exchange.account.trades)
        player = exchange._thread.call(lambda server: server._players["tBTCUSD"])
        assert not player._has_orders


def test_a_recording_is_traded_and_plays_on() -> None:
    with PaperExchange(captures=["btcusd-20181112"], speed=2_000) as exchange:
        closed = closes(exchange)
        bids, asks = exchange.book("tBTCUSD")
        with Signed(exchange) as signed:
            place(signed, type="EXCHANGE MARKET", amount="0.01")
            assert exchange.account.trades[0]["price"] == asks[0][0]
            assert closed.wait(20)
            assert exchange.book("tBTCUSD") == (bids, asks)
            closed.clear()
            # The recording begins for it, and trades below its price after eight minutes.
            place(signed, amount="0.01", price=str(bids[0][0]))
            assert closed.wait(20)
        trade = exchange.account.trades[-1]
        assert (trade["price"], trade["maker"]) == (bids[0][0], 1)


def test_what_is_lost_before_or_after_it_is_done(
    exchange: PaperExchange, signed: Signed
) -> None:
    exchange.inject("lost_request", path=SUBMIT)
    exchange.inject("lost_answer", path=CANCEL)
    with pytest.raises(requests.ConnectionError):
        signed.post(SUBMIT, **LIMIT)
    assert exchange.account.orders == []
    row = place(signed)
    with pytest.raises(requests.ConnectionError):
        signed.post(CANCEL, id=row[0])
    assert exchange.account.orders == []
    assert [order["status"] for order in exchange.account.closed_orders] == ["CANCELED"]
    assert (
        exchange.fault_counts["lost_request"]
        == exchange.fault_counts["lost_answer"]
        == 1
    )
    exchange.inject("lost_answer", times=2)
    for _ in range(2):
        with pytest.raises(requests.ConnectionError):
            signed.session.get(f"{exchange.rest_url}/platform/status", timeout=10)
    assert signed.session.get(f"{exchange.rest_url}/platform/status", timeout=10).ok


def test_two_accounts_trade_at_the_same_time(
    exchange: PaperExchange,
) -> None:
    """Each key has its own nonce, and the books are right however requests come."""
    accounts = exchange.accounts

    def trade(index: int) -> None:
        face = accounts[index]
        with Signed(exchange, face.api_key, face.api_secret) as signed:
            for n in range(20):
                side = "-" if (n + index) % 2 else ""
                place(signed, type="EXCHANGE MARKET", amount=f"{side}0.01")

    threads = [threading.Thread(target=trade, args=(index,)) for index in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert [len(face.closed_orders) for face in accounts] == [20, 20]


def test_the_state_is_everything_at_one_moment(
    exchange: PaperExchange, signed: Signed
) -> None:
    account = exchange.account
    place(signed, amount="0.5", price="50000")
    for amount in ("0.1", "-0.1", "0.2"):
        place(signed, type="EXCHANGE MARKET", amount=amount)
    state = account.state()
    for name in ("balances", "available", "orders", "closed_orders", "positions"):
        assert state[name] == getattr(account, name)
    assert state["trades"] == account.trades
    short = account.state(last=1)
    assert short["closed_orders"] == state["closed_orders"][-1:]
    assert short["trades"] == state["trades"][-1:]
    assert account.state(last=0)["trades"] == []
    wrong: Any
    for wrong in (-1, 1.0, True, "5"):
        with pytest.raises(UsageError, match="last must be"):
            account.state(last=wrong)
