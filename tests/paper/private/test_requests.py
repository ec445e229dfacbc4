"""What goes over the wire: rows, notifications, filters and pages, asked for without a library."""

from __future__ import annotations

import json
import time
from datetime import datetime, timezone
from typing import Any

import pytest

from bfxsync.paper import PaperExchange
from bfxsync.paper.server.rest.routes import PRIVATE_ROUTES

from .support import Signed

LIMIT = {
    "type": "EXCHANGE LIMIT",
    "symbol": "tBTCUSD",
    "amount": "0.5",
    "price": "50000",
}
SUBMIT, CANCEL = "auth/w/order/submit", "auth/w/order/cancel"


def place(signed: Signed, **changes: Any) -> Any:
    """The row of a new order."""
    note = signed.post(SUBMIT, **{**LIMIT, **changes})
    assert note[6] == "SUCCESS", note
    return note[4][0]


def today() -> str:
    return f"{datetime.now(timezone.utc):%Y-%m-%d}"


def test_a_new_order_is_answered_by_a_notification_with_a_list(signed: Signed) -> None:
    before = int(time.time() * 1000)
    note = signed.post(
        SUBMIT, **LIMIT, cid=12, gid=7, flags=4096, meta={"aff_code": "x"}
    )
    assert 0 <= note[0] - before < 10_000
    assert note[1:4] == ["on-req", None, None] and note[5] is None
    assert note[6:] == ["SUCCESS", "Submitting exchange limit buy order for 0.5 BTC."]
    (row,) = note[4]
    assert len(row) == 32
    assert [n for n, value in enumerate(row) if value is None] == [
        *(9, 10, 11, 14, 15, 20, 21, 22, 25, 26, 27, 29, 30)
    ]
    assert row[1:4] == [7, 12, "tBTCUSD"] and row[4] == row[5]
    assert row[6:9] == [0.5, 0.5, "EXCHANGE LIMIT"]
    assert row[12:14] == [4096, "ACTIVE"] and row[16:20] == [50_000, 0, 0, 0]
    assert row[23:25] == [0, 0] and row[28] == "API>BFX"
    assert row[31] == {"aff_code": "x", "$F7": 1}
    assert signed.post("auth/r/orders") == [row]


def test_an_order_that_is_declined_is_answered_by_an_error(signed: Signed) -> None:
    code, text = signed.error(SUBMIT, **{**LIMIT, "amount": "50"})
    assert code == 10001
    assert text == "Invalid order: not enough exchange balance for 50 BTCUSD at 50000"
    assert signed.error(SUBMIT, **{**LIMIT, "amount": "0"}) == (
        10001,
        "amount: invalid",
    )


def test_open_orders_are_found_by_what_they_have(signed: Signed) -> None:
    first = place(signed, cid=1, gid=5)
    second = place(signed, cid=2, gid=5, symbol="tETHUSD", price="2000")
    third = place(signed, cid=3)

    def found(path: str = "auth/r/orders", **body: Any) -> list[int]:
        return [row[2] for row in signed.post(path, **body)]

    assert found() == [3, 2, 1]
    assert found("auth/r/orders/tETHUSD") == [2]
    assert found("auth/r/orders/tBTCUSD", id=[first[0], second[0]]) == [1]
    assert found(id=third[0]) == [3] and found(id=[5]) == []
    assert found(gid=5) == [2, 1]
    assert found(cid=2, cid_date=today()) == [2]
    assert found(cid=2, cid_date="2020-01-01") == []
    assert signed.error("auth/r/orders", id=["x"]) == (10020, "id: invalid")
    assert signed.error("auth/r/orders", cid=2) == (10020, "cid_date: invalid")
    assert signed.error("auth/r/orders/tNOPE") == (10020, "symbol: invalid")


def test_an_order_is_cancelled_by_id_or_by_client_id(signed: Signed) -> None:
    first, second = place(signed, cid=1), place(signed, cid=2)
    note = signed.post(CANCEL, id=first[0])
    assert note[1] == "oc-req" and note[4] == first and note[6] == "SUCCESS"
    assert str(first[0]) in note[7]
    assert signed.post(CANCEL, cid=2, cid_date=today())[4] == second
    assert signed.post("auth/r/orders") == []
    rows = signed.post("auth/r/orders/hist")
    assert [(row[0], row[13]) for row in rows] == [
        (second[0], "CANCELED"),
        (first[0], "CANCELED"),
    ]
    unknown = (10001, "Order not found.")
    assert signed.error(CANCEL, id=first[0]) == unknown
    assert signed.error(CANCEL, cid=9, cid_date=today()) == unknown
    assert signed.error(CANCEL, cid=2) == (10020, "id: invalid")
    assert signed.error(CANCEL, id="5") == (10020, "id: invalid")


def test_several_orders_are_cancelled_by_what_names_them(signed: Signed) -> None:
    path = "auth/w/order/cancel/multi"

    def cancelled(**body: Any) -> list[int]:
        note = signed.post(path, **body)
        assert note[1] == "oc_multi-req" and note[6] == "SUCCESS"
        return sorted(row[2] for row in note[4])

    ids = [place(signed, amount="0.01", cid=n, gid=n % 3)[0] for n in range(8)]
    assert cancelled(id=ids[:2]) == [0, 1]
    assert cancelled(gid=[2]) == [2, 5]
    assert cancelled(cid=[[3, today()], [4, "2020-01-01"]]) == [3]
    assert cancelled(all=1) == [4, 6, 7]
    assert cancelled(all=1) == []
    assert signed.error(path) == (10020, "id: invalid")
    assert signed.error(path, id=5) == (10020, "id: invalid")


def test_an_update_is_answered_by_the_order_as_it_is_now(signed: Signed) -> None:
    row = place(signed)
    path = "auth/w/order/update"
    note = signed.post(path, id=row[0], price="49000", delta="0.1")
    assert note[1] == "ou-req" and note[6] == "SUCCESS"
    assert (note[4][6], note[4][7], note[4][16]) == (0.6, 0.5, 49_000)
    code, text = signed.error(path, id=row[0], amount="50")
    assert code == 10001 and "not enough exchange balance" in text
    assert signed.post("auth/r/orders") == [note[4]]
    assert signed.error(path, id=5, amount="1") == (10001, "Order not found.")
    assert signed.error(path, id=row[0], amount="-1") == (10001, "amount: invalid")


def test_each_operation_has_a_notification_of_its_own(signed: Signed) -> None:
    path = "auth/w/order/multi"
    row = place(signed, cid=1)
    ops = [
        ["on", {**LIMIT, "cid": 2}],
        ["on", {**LIMIT, "cid": 3, "amount": "50"}],
        ["ou", {"id": row[0], "price": "40000"}],
        ["oc", {"id": 5}],
        ["on", {**LIMIT, "price": "x"}],
        ["oc_multi", {"all": 1}],
    ]
    note = signed.post(path, ops=ops)
    assert note[1] == "ox_multi-req" and note[6] == "SUCCESS"
    assert [(each[1], each[6]) for each in note[4]] == [
        ("on-req", "SUCCESS"),
        ("on-req", "ERROR"),
        ("ou-req", "SUCCESS"),
        ("oc-req", "ERROR"),
        ("on-req", "ERROR"),
        ("oc_multi-req", "SUCCESS"),
    ]
    assert "not enough exchange balance" in note[4][1][7]
    assert note[4][1][4][0][:4] == [0, None, 3, "tBTCUSD"]
    assert note[4][3][4][0] == 5 and note[4][3][7] == "Order not found."
    assert note[4][4][7] == "price: invalid"
    assert sorted(each[2] for each in note[4][5][4]) == [1, 2]
    for wrong in (
        [],
        [["on"]],
        [["xx", {}]],
        [["on", []]],
        [[[], {}]],
        {},
        [["oc", {"id": 1}]] * 76,
    ):
        assert signed.error(path, ops=wrong) == (10020, "ops: invalid")


@pytest.mark.parametrize("kind", [None, 1, [], {}, ["LIMIT"], "limit"], ids=repr)
def test_a_type_that_is_none_is_refused(signed: Signed, kind: Any) -> None:
    assert signed.error(SUBMIT, **{**LIMIT, "type": kind}) == (10001, "type: invalid")


def test_trades_and_ledgers_tell_the_same(signed: Signed) -> None:
    row = place(signed, type="EXCHANGE MARKET", amount="0.2")
    trades = signed.post("auth/r/trades/hist")
    assert sum(trade[4] for trade in trades) == pytest.approx(0.2)
    assert signed.post("auth/r/trades/tBTCUSD/hist", sort=1) == trades[::-1]
    assert signed.post("auth/r/trades/tETHUSD/hist") == []
    mine = signed.post(f"auth/r/order/tBTCUSD:{row[0]}/trades")
    assert mine == [[*trade[:7], None, *trade[8:]] for trade in trades]
    assert signed.post(f"auth/r/order/tBTCF0:USTF0:{row[0]}/trades") == []
    rows = signed.post("auth/r/ledgers/BTC/hist", wallet="exchange")
    assert all(len(row) == 9 and row[1:3] == ["BTC", "exchange"] for row in rows)
    wallets = {(row[0], row[1]): row for row in signed.post("auth/r/wallets")}
    assert rows[0][6] == wallets["exchange", "BTC"][2]
    assert wallets["exchange", "BTC"][5] == rows[0][8]
    fees = signed.post("auth/r/ledgers/hist", category=201)
    assert [fee[5] for fee in fees] == [trade[9] for trade in trades]
    before = signed.post("auth/r/wallets/hist", end=trades[-1][2] - 1, currency="BTC")
    assert [(row[0], row[2]) for row in before] == [("exchange", 10), ("margin", 10)]
    paid = signed.post("auth/r/summary")[5][1]
    assert paid == {"BTC": pytest.approx(sum(fee[5] for fee in fees))}


HISTORIES = {
    "auth/r/orders/hist": (4, 2_500),
    "auth/r/orders/tBTCUSD/hist": (4, 2_500),
    "auth/r/orders/otc/hist": (2, 500),
    "auth/r/orders/otc/tBTCUSD/hist": (2, 500),
    "auth/r/trades/hist": (2, 2_500),
    "auth/r/trades/tBTCUSD/hist": (2, 2_500),
    "auth/r/ledgers/hist": (3, 2_500),
    "auth/r/ledgers/USD/hist": (3, 2_500),
    "auth/r/movements/hist": (6, 2_500),
    "auth/r/movements/USD/hist": (6, 2_500),
    "auth/r/positions/hist": (13, 50),
    "auth/r/positions/snap": (13, 500),
    "auth/r/positions/audit": (13, 250),
    "auth/r/logins/hist": (2, 250),
    "auth/r/audit/hist": (0, 500),
    "auth/r/funding/offers/hist": (3, 500),
    "auth/r/funding/offers/fUSD/hist": (3, 500),
    "auth/r/funding/trades/hist": (2, 500),
    "auth/r/funding/trades/fUSD/hist": (2, 500),
    "auth/r/funding/loans/hist": (4, 500),
    "auth/r/funding/loans/fUSD/hist": (4, 500),
    "auth/r/funding/credits/hist": (4, 500),
    "auth/r/funding/credits/fUSD/hist": (4, 500),
}


def test_every_history_has_pages(signed: Signed, exchange: PaperExchange) -> None:
    paths = {route.path for route in PRIVATE_ROUTES if route.path.endswith("/hist")}
    assert len(paths) == len([path for path in HISTORIES if path.endswith("/hist")]) + 1
    for n in range(6):
        place(signed, type="EXCHANGE MARKET", amount="0.001")
        place(signed, type="MARKET", amount="0.01" if n % 2 else "-0.01")
        exchange.account.deposit("exchange", "USD", 1)
    for path, (mts_at, maximum) in HISTORIES.items():
        rows = signed.post(path, limit=maximum)
        times = [row[mts_at] for row in rows]
        assert times == sorted(times, reverse=True)
        assert signed.error(path, limit=maximum + 1) == (10020, "limit: invalid")
        assert signed.error(path, start="x") == (10020, "start: invalid")
        if len(rows) > 2:
            some = signed.post(path, start=times[-2], end=times[1], limit=maximum)
            assert some == [row for row in rows if times[-2] <= row[mts_at] <= times[1]]
            assert signed.post(path, limit=2) == rows[:2]
        if not any(word in path for word in ("snap", "otc", "funding")):
            assert rows
    closed = signed.post("auth/r/positions/hist")
    assert len(closed) == 3
    assert signed.post("auth/r/positions/hist", id=closed[1][11]) == [closed[1]]
    assert len(signed.post("auth/r/positions/audit", id=[closed[1][11]])) >= 2


def test_money_moves_between_wallets(signed: Signed) -> None:
    path = "auth/w/transfer"
    note = signed.post(
        path, from_="exchange", to="trading", currency="USD", amount="50"
    )
    assert note[1] == "acc_tf" and note[6] == "SUCCESS"
    assert note[4][1:] == ["exchange", "margin", None, "USD", None, None, 50]
    assert note[7] == "50 USD transferred from Exchange to Margin"
    rows = signed.post("auth/r/ledgers/USD/hist", category=51)
    assert [row[2:3] + row[5:7] for row in rows] == [
        ["margin", 50, 100_050],
        ["exchange", -50, 99_950],
    ]
    body = {"from_": "exchange", "to": "margin", "currency": "UST", "amount": "1"}
    note = signed.post(path, **body, currency_to="USTF0")
    assert note[4][4:6] == ["UST", "USTF0"]
    code, text = signed.error(path, **{**body, "amount": "1e6"})
    assert code == 10001 and text.startswith("Momentary balance check")
    for changes, word in (
        ({"currency_to": "BTC"}, "conversions are not simulated"),
        ({"to": "exchange"}, "to: invalid"),
        ({"to": "nowhere"}, "to: invalid"),
        ({"amount": "-1"}, "amount: invalid"),
        ({"user_id_dst": 5}, "transfers to others are not simulated"),
    ):
        assert word in signed.error(path, **{**body, **changes})[1]


def test_a_withdrawal_needs_balance_for_amount_and_fee(signed: Signed) -> None:
    path = "auth/w/withdraw"
    body = {"wallet": "exchange", "method": "bitcoin", "address": "nowhere"}
    note = signed.post(path, **body, amount="1", note="rent")
    assert note[1] == "acc_wd-req" and note[6] == "SUCCESS"
    data = note[4]
    assert data[1:] == [None, "bitcoin", None, "exchange", 1, None, None, 0.0004]
    (row,) = signed.post("auth/r/movements/BTC/hist", address="nowhere")
    assert len(row) == 22 and row[:3] == [data[0], "BTC", "BITCOIN"]
    assert row[9] == "COMPLETED" and row[12:14] == [-1, -0.0004]
    assert row[16] == "nowhere" and row[21] == "rent"
    assert signed.post("auth/r/movements/hist", id=[data[0]]) == [row]
    info = signed.post("auth/r/movements/info", id=data[0])
    assert len(info) == 32 and info[:22] == row
    assert signed.error("auth/r/movements/info", id=1) == (10020, "id: invalid")
    assert signed.post("auth/r/ledgers/BTC/hist")[0][6] == 8.9996
    note = signed.post(path, **body, amount="1", fee_deduct=1)
    assert note[4][5] == 0.9996
    assert signed.post("auth/r/ledgers/BTC/hist")[0][6] == 7.9996
    note = signed.post(path, **body, amount="7.9996")
    assert note[4][0] == 0 and note[6] == "FAILURE" and "BTC" in note[7]
    assert signed.post("auth/r/ledgers/BTC/hist")[0][6] == 7.9996
    assert (
        signed.error(path, **body, amount="0.0001", fee_deduct=1)[1]
        == "amount: invalid"
    )
    code, text = signed.error(path, **{**body, "method": "shells"}, amount="1")
    assert (
        text
        == "method: invalid; the local exchange has bitcoin, ethereum, litecoin, tetheruse"
    )


def test_deposit_addresses_are_stable(signed: Signed) -> None:
    path = "auth/w/deposit/address"
    body = {"wallet": "exchange", "method": "bitcoin"}
    first = signed.post(path, **body)[4]
    assert first[:4] == [None, "BITCOIN", "BTC", None] and first[4].startswith("paper-")
    assert signed.post(path, **body)[4] == first
    second = signed.post(path, **body, op_renew=1)[4]
    rows = signed.post("auth/r/deposit/address/all", method="bitcoin")
    assert rows == [[first[4], "exchange"], [second[4], "exchange"]]
    assert signed.post("auth/r/deposit/address/all", method="bitcoin", page=2) == []
    assert signed.error("auth/r/deposit/address/all", method="bitcoin", pageSize=5)


@pytest.mark.parametrize(
    ("body", "amount"),
    [
        ({"type": "EXCHANGE", "dir": 1, "rate": "50000"}, 2),
        ({"type": "EXCHANGE", "dir": -1, "rate": "50000"}, 10),
        ({"type": "MARGIN", "dir": 1, "rate": "50000"}, 10),
        ({"type": "FUNDING", "symbol": "fUSD"}, 50_000),
    ],
)
def test_how_much_an_order_may_be_about(
    signed: Signed, body: Any, amount: float
) -> None:
    path = "auth/calc/order/avail"
    assert signed.post(path, **{"symbol": "tBTCUSD", **body}) == [amount]
    if "dir" in body:
        place(signed)
        less = signed.post(path, **{"symbol": "tBTCUSD", **body})[0]
        assert (less < amount) == (body["dir"] == 1 and body["type"] == "EXCHANGE")


def test_how_much_a_derivative_may_be_about(signed: Signed) -> None:
    path = "auth/calc/order/avail"
    body = {"symbol": "tBTCF0:USTF0", "type": "DERIV"}
    (ten,), (fifty,) = signed.post(path, **body), signed.post(path, **body, lev="50")
    assert fifty == pytest.approx(5 * ten)
    assert signed.error(path, symbol="tBTCUSD", type="OTHER")[1] == "type: invalid"
    assert (
        signed.error(path, symbol="tBTCUSD", type="MARGIN", dir=2)[1] == "dir: invalid"
    )


def test_positions_and_margin(signed: Signed) -> None:
    place(signed, type="MARKET", amount="0.5")
    place(signed, type="MARKET", amount="-0.5", symbol="tETHF0:USTF0", lev=20)
    margin, derivative = signed.post("auth/r/positions")
    assert len(margin) == 20 and margin[:3] == ["tBTCUSD", "ACTIVE", 0.5]
    assert margin[6] < 0 and margin[15] == 0
    assert derivative[9] == 20 and derivative[15] == 1
    base = signed.post("auth/r/info/margin/base")
    assert base[0] == "base" and base[1][0] == margin[6]
    assert base[1][3] == pytest.approx(base[1][2] + base[1][0])
    kind, symbol, numbers = signed.post("auth/r/info/margin/tBTCUSD")
    assert (kind, symbol, len(numbers)) == ("sym", "tBTCUSD", 8)
    assert 0 < numbers[0] < numbers[1]
    every = signed.post("auth/r/info/margin/sym_all")
    assert [kind, symbol, numbers] in every and len(every) == 9
    assert signed.error("auth/r/info/margin/tETHF0:USTF0") == (10020, "symbol: invalid")


def test_user_data_of_an_account(signed: Signed, other: Signed) -> None:
    mine, theirs = signed.post("auth/r/info/user"), other.post("auth/r/info/user")
    assert len(mine) == 55 and mine[0] != theirs[0]
    assert mine[21] == 1  # paper trading
    datetime.strptime(mine[44], "%Y-%m-%dT%H:%M:%S.%fZ")
    summary = signed.post("auth/r/summary")
    assert len(summary) == 10
    assert summary[4] == [
        [0.001, 0.001, 0.001, None, None, 0],
        [0.002, 0.002, 0.002, None, None, 0.00065],
    ]
    (login,) = signed.post("auth/r/logins/hist")
    assert json.loads(login[7])["user_agent"]


def test_what_others_do_is_not_mine(signed: Signed, other: Signed) -> None:
    row = place(other)
    assert signed.post("auth/r/orders") == []
    assert signed.error(CANCEL, id=row[0]) == (10001, "Order not found.")
    assert signed.post(f"auth/r/order/tBTCUSD:{row[0]}/trades") == []
    assert len(other.post("auth/r/orders")) == 1
