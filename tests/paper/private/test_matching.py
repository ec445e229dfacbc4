"""Orders of each type in the matching engine, on books made for the test."""

from __future__ import annotations

from typing import Any

import pytest

from bfxsync.paper import PaperAccount
from bfxsync.paper.engine.account import Account
from bfxsync.paper.engine.amounts import QUANTUM
from bfxsync.paper.engine.errors import Declined, Invalid
from bfxsync.paper.engine.units import SCALE
from bfxsync.paper.engine.wallets import EngineWallet

from .support import EngineHarness

BTC, USD = ("exchange", "BTC"), ("exchange", "USD")


@pytest.fixture
def harness() -> EngineHarness:
    """Asks of 1 at 101 and 2 at 102, bids of 1 at 99 and 2 at 98; nothing else."""
    harness = EngineHarness()
    harness.clear()
    for is_bid, price, amount in (
        (False, 101.0, 1.0),
        (False, 102.0, 2.0),
        (True, 99.0, 1.0),
        (True, 98.0, 2.0),
    ):
        harness.add_order(is_bid, price, amount)
    return harness


def balance(harness: EngineHarness, wallet: tuple[str, str]) -> float:
    return harness.account.wallets.get(*wallet).balance / SCALE


def held(harness: EngineHarness, wallet: tuple[str, str]) -> float:
    return harness.account.wallets.get(*wallet).reserved / SCALE


def book(harness: EngineHarness, symbol: str = "tBTCUSD") -> dict[float, float]:
    """Amounts by price; bids first, the best first."""
    depth = harness.venues[symbol].market.book.depth("P0")
    return {
        entry.price / SCALE: entry.amount / SCALE for side in depth for entry in side
    }


def test_a_market_order_fills_best_first_and_pays_taker_fees(
    harness: EngineHarness,
) -> None:
    order = harness.submit("EXCHANGE MARKET", "1.5")
    assert order.status == "EXECUTED @ 102(0.5): was PARTIALLY FILLED @ 101(1)"
    assert balance(harness, USD) == 100_000 - 101 - 51
    assert balance(harness, BTC) == 10 + 1.5 - 0.003
    assert order.row()[17] == 101.33333333
    order = harness.submit("EXCHANGE MARKET", "-1")
    assert order.status == "EXECUTED @ 99(-1)"
    assert balance(harness, USD) == round(100_000 - 152 + 99 - 0.198, 8)
    assert book(harness) == {98.0: 2, 102.0: 1.5}
    assert [row[8] for row in harness.account.trades] == [-1, -1, -1]
    assert [row[9:11] for row in harness.account.trades] == [
        [-0.002, "BTC"],
        [-0.001, "BTC"],
        [-0.198, "USD"],
    ]


def test_the_unfilled_rest_of_a_market_order_is_cancelled(
    harness: EngineHarness,
) -> None:
    order = harness.submit("EXCHANGE MARKET", "-4")
    assert order.status == "CANCELED was: PARTIALLY FILLED @ 98(-2), 99(-1)"
    assert order.amount == -SCALE


def test_a_limit_order_fills_up_to_its_price_and_rests(
    harness: EngineHarness,
) -> None:
    order = harness.submit("EXCHANGE LIMIT", "3", "101.5")
    assert order.status == "PARTIALLY FILLED @ 101(1)"
    assert book(harness) == {101.5: 2, 99: 1, 98: 2, 102: 2}
    assert held(harness, USD) == 203
    harness.engine.cancel(harness.account, [order])
    assert order.status == "CANCELED was: PARTIALLY FILLED @ 101(1)"
    assert book(harness) == {99: 1, 98: 2, 102: 2}
    assert held(harness, USD) == 0


def test_a_resting_order_is_filled_and_pays_the_maker_fee(
    harness: EngineHarness,
) -> None:
    (other,) = harness.others
    order = harness.submit("EXCHANGE LIMIT", "1", "100")
    rows: list[Any] = []
    harness.account.listeners.append(lambda code, row: rows.append((code, row)))
    taker = harness.submit("EXCHANGE MARKET", "-0.4", account=other)
    assert taker.status == "EXECUTED @ 100(-0.4)"
    assert order.status == "PARTIALLY FILLED @ 100(0.4)"
    assert held(harness, USD) == 60
    assert balance(harness, BTC) == 10.3996
    assert [code for code, _ in rows if code != "wu"] == ["te", "tu", "ou"]
    assert harness.account.trades[-1][8:11] == [1, -0.0004, "BTC"]
    harness.submit("EXCHANGE MARKET", "-1", account=other)
    assert order.status == "EXECUTED @ 100(0.6): was PARTIALLY FILLED @ 100(0.4)"
    assert rows[-1][0] == "oc"
    assert harness.account.orders == {} and list(harness.account.closed) == [order.id]
    # Both sides have the same trade.
    assert harness.account.trades[-1][0] in [row[0] for row in other.trades]


def test_the_random_market_meets_what_rests() -> None:
    harness = EngineHarness()
    market = harness.venues["tBTCUSD"].market
    price = harness.best(True).price // SCALE + 1  # better than the best
    order = harness.submit("EXCHANGE LIMIT", "1", price)
    assert harness.best(True).order_id == order.id
    for n in range(10_000):
        harness.venues["tBTCUSD"].step(harness.now + n)
        if not order.is_open:
            break
    assert order.status.startswith(f"EXECUTED @ {price}")
    assert all(row[8] == 1 for row in harness.account.trades)
    assert market.account_orders == {} and not harness.venues["tBTCUSD"].is_active


def test_the_random_market_never_cancels_what_is_not_its_own() -> None:
    harness = EngineHarness()
    market = harness.venues["tBTCUSD"].market
    bids = [harness.submit("EXCHANGE LIMIT", "0.001", 50_000 - n) for n in range(310)]
    for n in range(1_000):
        harness.venues["tBTCUSD"].step(harness.now + n)
    assert all(order.id in market.book.orders for order in bids)
    own = [id for id in market.book.orders if id not in market.account_orders]
    assert 300 < len(own) < 1_300


@pytest.mark.parametrize(
    ("kind", "amount", "price", "flags", "status"),
    [
        ("FOK", "3", 102, 0, "EXECUTED @ 102(2): was PARTIALLY FILLED @ 101(1)"),
        ("FOK", "3", 101, 0, "FILLORKILL CANCELED"),
        ("IOC", "3", 101, 0, "IOC CANCELED was: PARTIALLY FILLED @ 101(1)"),
        ("IOC", "-1", 99.5, 0, "IOC CANCELED"),
        ("LIMIT", "1", 101, 4096, "POSTONLY CANCELED"),
        ("LIMIT", "1", 100, 4096, "ACTIVE"),
        ("LIMIT", "1", 100, 64, "ACTIVE"),
    ],
)
@pytest.mark.parametrize("prefix", ["EXCHANGE ", ""])
def test_conditions(
    harness: EngineHarness,
    prefix: str,
    kind: str,
    amount: str,
    price: Any,
    flags: int,
    status: str,
) -> None:
    order = harness.submit(prefix + kind, amount, price, flags=flags)
    assert order.status == status
    assert (order.id in harness.account.orders) == (status == "ACTIVE")
    assert order.row()[24] == (flags == 64)


def test_a_hidden_order_is_filled_without_being_in_the_book(
    harness: EngineHarness,
) -> None:
    order = harness.submit("EXCHANGE LIMIT", "1", 100, flags=64)
    assert 100 not in book(harness)
    harness.add_order(False, 99.5, 0.4)
    harness.trade(101)
    assert order.status == "PARTIALLY FILLED @ 99.5(0.4)"
    assert harness.account.trades[-1][8] == 1
    harness.add_order(False, 100, 5)
    harness.trade(101)
    assert order.status.startswith("EXECUTED @ 100(0.6)")
    # It pays the fee of a taker.
    assert [row[9] for row in harness.account.trades] == [-0.0008, -0.0012]


def test_a_triggered_post_only_stop_limit_order_never_takes(
    harness: EngineHarness,
) -> None:
    terms = {"price_aux_limit": "103", "flags": 4096}
    taking = harness.submit("EXCHANGE STOP LIMIT", "1", 102, **terms)
    terms["price_aux_limit"] = "100"
    resting = harness.submit("EXCHANGE STOP LIMIT", "1", 102, **terms)
    harness.trade(102.5)
    assert taking.status == "POSTONLY CANCELED"
    assert resting.status == "ACTIVE" and book(harness)[100] == 1


def test_derivatives_have_sizes_of_their_own(harness: EngineHarness) -> None:
    for amount, words in (
        ("0.00005", "minimum size for BTCF0:USTF0 is 0.00006"),
        ("100.1", "maximum size for BTCF0:USTF0 is 100.0"),
    ):
        with pytest.raises(Declined, match=words):
            harness.submit("MARKET", amount, symbol="tBTCF0:USTF0")


def test_a_hidden_order_becomes_visible_once_hit(harness: EngineHarness) -> None:
    meta = {"make_visible": 1}
    order = harness.submit("EXCHANGE LIMIT", "1", 100, flags=64, meta=meta)
    assert 100 not in book(harness)
    harness.add_order(False, 99.5, 0.4)
    harness.trade(101)
    assert order.status == "PARTIALLY FILLED @ 99.5(0.4)"
    assert book(harness)[100] == 0.6 and order.row()[24] == 0
    order = harness.submit("EXCHANGE LIMIT", "1.5", 101, flags=64, meta=meta)
    assert order.status == "PARTIALLY FILLED @ 101(1)" and book(harness)[101] == 0.5


@pytest.mark.parametrize("flags", [0, 64])
@pytest.mark.parametrize(
    ("kind", "price"),
    [("LIMIT", 100), ("LIMIT", 99), ("MARKET", None), ("FOK", 100), ("IOC", 99)],
)
def test_a_protected_order_never_matches_its_own_account(
    harness: EngineHarness, kind: str, price: Any, flags: int
) -> None:
    own = harness.submit("EXCHANGE LIMIT", "0.5", 100)
    order = harness.submit(
        f"EXCHANGE {kind}", "-0.5", price, flags=flags, meta={"protect_selfmatch": 1}
    )
    assert order.status == "CANCELED" and own.status == "ACTIVE"
    assert not harness.account.trades


def test_a_protected_order_matches_others_before_its_own(
    harness: EngineHarness,
) -> None:
    meta = {"protect_selfmatch": 1}
    own = harness.submit("EXCHANGE LIMIT", "0.5", 98.5)
    order = harness.submit("EXCHANGE LIMIT", "-1", 98.5, meta=meta)
    assert order.status == "EXECUTED @ 99(-1)" and own.is_open
    order = harness.submit("EXCHANGE LIMIT", "-1", 99, meta=meta)
    assert order.status == "ACTIVE"
    harness.engine.update(harness.account, order, {"price": "98.5"})
    assert order.status == "CANCELED" and own.is_open


def test_a_hidden_protected_order_does_not_meet_a_later_one(
    harness: EngineHarness,
) -> None:
    meta = {"protect_selfmatch": 1}
    order = harness.submit("EXCHANGE LIMIT", "-1", 100.5, flags=64, meta=meta)
    bid = harness.submit("EXCHANGE LIMIT", "0.5", 100.8)
    harness.trade(101)
    assert order.status == "CANCELED" and bid.status == "ACTIVE"


def test_a_stop_becomes_a_market_order_when_its_price_is_traded(
    harness: EngineHarness,
) -> None:
    order = harness.submit("EXCHANGE STOP", "-0.5", 95)
    assert order.status == "ACTIVE" and book(harness) == {99: 1, 98: 2, 101: 1, 102: 2}
    assert order.row()[16] == 95
    harness.trade(95.1)
    assert order.is_open
    harness.trade(95)
    assert order.status == "EXECUTED @ 99(-0.5)"
    assert (order.kind, order.kind_prev) == ("EXCHANGE MARKET", "EXCHANGE STOP")


@pytest.mark.parametrize("flags", [0, 1024])
def test_a_stop_may_meet_an_order_of_its_own_account(
    harness: EngineHarness, flags: int
) -> None:
    stop = harness.submit("EXCHANGE STOP", "-1", 95)
    bid = harness.submit("EXCHANGE LIMIT", "1", 100, flags=flags)
    harness.trade(95)
    assert bid.status == "EXECUTED @ 100(1)" and stop.status == "EXECUTED @ 100(-1)"
    assert [row[8] for row in harness.account.trades] == [1, -1]
    assert harness.account.orders == {}


def test_a_stop_beyond_its_trigger_price_triggers_at_once(
    harness: EngineHarness,
) -> None:
    harness.trade(100.0)
    order = harness.submit("EXCHANGE STOP", "-0.5", 100.5)
    assert order.status == "EXECUTED @ 99(-0.5)"
    order = harness.submit("EXCHANGE STOP", "-0.5", 98.5)
    assert order.status == "ACTIVE"
    harness.engine.update(harness.account, order, {"price": "99.5"})
    assert order.status == "EXECUTED @ 99(-0.5)"


def test_a_stop_limit_becomes_a_limit_order(harness: EngineHarness) -> None:
    harness.trade(100.0)
    order = harness.submit("EXCHANGE STOP LIMIT", "2", 103, price_aux_limit="101")
    assert held(harness, USD) == 206
    rows: list[Any] = []
    harness.account.listeners.append(lambda code, row: rows.append((code, row)))
    harness.trade(103)
    assert order.status == "PARTIALLY FILLED @ 101(1)"
    assert order.kind == "EXCHANGE LIMIT" and held(harness, USD) == 101
    assert book(harness)[101] == 1 and rows[-1][0] == "ou"


def test_a_trailing_stop_follows_the_market_one_way(harness: EngineHarness) -> None:
    harness.trade(100)
    order = harness.submit("EXCHANGE TRAILING STOP", "-1", price_trailing="2")
    assert order.stop == 98 * SCALE
    harness.trade(104)
    assert order.stop == 102 * SCALE
    harness.trade(103)
    assert order.stop == 102 * SCALE and order.is_open
    harness.trade(102)
    assert order.status == "EXECUTED @ 99(-1)"
    order = harness.submit("EXCHANGE TRAILING STOP", "0.1", price_trailing="2")
    harness.trade(90)
    assert order.stop == 92 * SCALE
    harness.trade(92)
    assert order.status == "EXECUTED @ 101(0.1)"


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        ("EXCHANGE STOP", "INSUFFICIENT BALANCE (U1)"),
        ("STOP", "INSUFFICIENT MARGIN"),
    ],
)
def test_a_stop_that_cannot_be_paid_when_it_is_due_ends(kind: str, word: str) -> None:
    balances = {"exchange": {"USD": 150}, "margin": {"USD": 30}}
    harness = EngineHarness(PaperAccount(balances=balances))
    harness.clear()
    harness.add_order(False, 500.0, 1.0)
    harness.trade(100)
    order = harness.submit(kind, "1", 120)
    harness.trade(130)
    assert order.status == word
    assert all(wallet.reserved == 0 for wallet in harness.account.wallets)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"amount": "5"}, "not enough exchange balance for 5 BTCUSD at 40000"),
        ({"amount": "-10.1"}, "not enough exchange balance for -10.1 BTCUSD"),
        ({"amount": "0.00003"}, "minimum size for BTCUSD is 0.00004"),
        ({"amount": "2000.1"}, "maximum size for BTCUSD is 2000.0"),
        ({"amount": "0.00004", "price": "0.0001"}, "its value is zero"),
        (
            {"type": "EXCHANGE FOK", "flags": 16384, "price_oco_stop": "90"},
            "only a limit order can have an OCO stop",
        ),
        ({"type": "EXCHANGE FOK", "flags": 4096}, "only a limit order"),
        ({"type": "LIMIT", "amount": "20"}, "not enough tradable balance for 20"),
        (
            {"symbol": "tBTCF0:USTF0", "type": "LIMIT", "amount": "30"},
            "not enough tradable balance",
        ),
        ({"type": "EXCHANGE MARKET", "amount": "3"}, "not enough exchange balance"),
    ],
)
def test_what_the_account_cannot_do_is_declined(body: Any, text: str) -> None:
    harness = EngineHarness()
    given = {"type": "EXCHANGE LIMIT", "symbol": "tBTCUSD", "amount": "1"}
    with pytest.raises(Declined, match="Invalid order: ") as caught:
        harness.engine.submit(harness.account, {**given, "price": "40000", **body})
    assert text in caught.value.text
    assert harness.account.orders == {} and harness.account.closed == {}
    assert all(wallet.reserved == 0 for wallet in harness.account.wallets)


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"type": "NOPE"}, "type"),
        ({"type": None}, "type"),
        ({"symbol": "tNOPE"}, "symbol"),
        ({"symbol": ["tBTCUSD"]}, "symbol"),
        ({"symbol": "tBTCF0:USTF0"}, "symbol"),  # there is no spot of it
        ({"amount": None}, "amount"),
        ({"amount": "0"}, "amount"),
        ({"amount": "0.000000001"}, "amount"),
        ({"amount": "x"}, "amount"),
        ({"amount": "NaN"}, "amount"),
        ({"amount": True}, "amount"),
        ({"amount": "1e99999999"}, "amount"),
        ({"price": None}, "price"),
        ({"price": "-1"}, "price"),
        ({"price": "1e-9"}, "price"),
        ({"type": "EXCHANGE STOP", "price": None}, "price"),
        ({"type": "EXCHANGE STOP LIMIT"}, "price_aux_limit"),
        ({"type": "EXCHANGE TRAILING STOP"}, "price_trailing"),
        ({"cid": 2**45}, "cid"),
        ({"cid": "5"}, "cid"),
        ({"gid": -1}, "gid"),
        ({"flags": "64"}, "flags"),
        ({"tif": "yesterday"}, "tif"),
        ({"tif": "2001-01-01 00:00:00"}, "tif"),
        ({"meta": "x"}, "meta"),
        ({"type": "LIMIT", "symbol": "tBTCF0:USTF0", "lev": 0}, "lev"),
        ({"type": "LIMIT", "symbol": "tBTCF0:USTF0", "lev": 101}, "lev"),
    ],
)
def test_what_makes_no_sense_is_an_error(
    harness: EngineHarness, body: Any, name: str
) -> None:
    given = {"type": "EXCHANGE LIMIT", "symbol": "tBTCUSD", "amount": "1"}
    with pytest.raises(Invalid) as caught:
        harness.engine.submit(harness.account, {**given, "price": "100", **body})
    assert caught.value.message == f"{name}: invalid"


def test_prices_are_truncated_and_amounts_are_rounded(
    harness: EngineHarness,
) -> None:
    order = harness.submit("EXCHANGE LIMIT", "1.000000005", "98.76599")
    assert order.row()[16] == 98.765 and order.row()[6] == 1
    assert harness.submit("EXCHANGE LIMIT", "1.000000015", 50).row()[6] == 1.00000002


def test_an_update_changes_what_it_names_and_finds_a_new_place(
    harness: EngineHarness,
) -> None:
    order = harness.submit("EXCHANGE LIMIT", "1", 100, gid=5, meta={"aff_code": "x"})
    update = harness.engine.update
    update(harness.account, order, {"price": "99.5", "gid": 7})
    assert book(harness)[99.5] == 1 and 100 not in book(harness)
    assert order.gid == 7 and held(harness, USD) == 99.5
    update(harness.account, order, {"delta": "0.5"})
    assert (order.amount, order.amount_orig) == (1.5 * SCALE, SCALE)
    update(harness.account, order, {"amount": "0.7", "flags": 0, "meta": {}})
    assert book(harness)[99.5] == 0.7
    assert order.row()[31] == {}
    update(harness.account, order, {"price": "101"})
    assert order.status == "EXECUTED @ 101(0.7)"
    assert held(harness, USD) == 0


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"amount": "-1"}, Invalid),
        ({"delta": "-1"}, Invalid),
        ({"amount": "2001"}, Declined),
        ({"price": "0.000000001"}, Invalid),
        ({"price": "999999"}, Declined),
        ({"flags": 16384, "price": "50"}, Declined),
    ],
)
def test_an_update_that_is_refused_changes_nothing(
    harness: EngineHarness, body: Any, error: Any
) -> None:
    order = harness.submit("EXCHANGE LIMIT", "1", 97)
    before, books = order.row(), book(harness)
    if "999999" in body.values():
        body["amount"] = "2"
    with pytest.raises(error):
        harness.engine.update(harness.account, order, body)
    assert order.row() == before and book(harness) == books
    assert held(harness, USD) == 97


def test_an_order_ends_when_its_time_is_up(harness: EngineHarness) -> None:
    tif = "2023-11-14 22:13:25"  # five seconds from now
    order = harness.submit("EXCHANGE LIMIT", "1", 97, tif=tif)
    ((delay_s, call),) = harness.later
    assert delay_s == 5 and order.row()[10] == harness.now + 5_000
    harness.engine.update(harness.account, order, {"tif": "2023-11-14 22:13:30"})
    call()  # of the time that it had before
    assert order.is_open
    delay_s, call = harness.later[1]
    assert delay_s == 10
    call()
    assert order.status == "CANCELED"
    call()


def test_an_order_without_client_id_gets_one(harness: EngineHarness) -> None:
    assert harness.submit("EXCHANGE LIMIT", "1", 97).cid == harness.now
    assert harness.submit("EXCHANGE LIMIT", "1", 97, cid=5).cid == 5


@pytest.mark.parametrize("symbol", ["fUSD", "tXRPUSD"])
def test_unknown_markets_cannot_be_traded(harness: EngineHarness, symbol: str) -> None:
    with pytest.raises(Invalid, match="symbol: invalid"):
        harness.submit("LIMIT", "1", 1, symbol=symbol)


@pytest.mark.parametrize("sign", ["-", ""], ids=["sale", "purchase"])
def test_an_order_far_from_the_market_is_filled_and_removed(sign: str) -> None:
    rich = PaperAccount(balances={"exchange": {"BTC": 1e6, "USD": 1e11}})
    harness = EngineHarness(rich)
    market = harness.venues["tBTCUSD"].market
    price = "0.01" if sign else "1000000"
    other = market.book.depth("R0").side(bool(sign))
    amount = sum(entry.amount for entry in other) // SCALE + 100
    order = harness.submit("EXCHANGE LIMIT", f"{sign}{amount}", price)
    assert order.is_open and abs(order.amount) <= 100 * SCALE
    for _ in range(80):
        for _ in range(20):
            harness.venues["tBTCUSD"].step()
        for is_bid in (True, False):
            orders = market.book.depth("R0").side(is_bid)
            assert len(orders) <= 301
            assert all(
                entry.order_id == order.id or abs(entry.price / SCALE - 64_250) < 16_063
                for entry in orders
            )
    assert order.status.startswith("EXECUTED @ ")
    bid, ask = (side.best().price / SCALE for side in market.book.depth("R0"))
    assert 50_000 < bid < ask < 80_000


def test_r09_histories_keep_their_last_entries_only(
    harness: EngineHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bfxsync.paper.engine.wallets.KEPT", 50)
    monkeypatch.setattr("bfxsync.paper.engine.account.KEPT", 50)
    account = EngineHarness().account
    before = len(account.wallets.ledger)
    for n in range(200):
        account.wallets.transfer(QUANTUM, *spot_and_margin(account, n % 2))
        order = harness.submit("EXCHANGE LIMIT", "1", 50, cid=n)
        harness.engine.cancel(harness.account, [order])
    assert len(account.wallets.ledger) == 50 and before > 5
    balances = {
        (each.wallet, each.currency): each.balance for each in account.wallets.past()
    }
    assert balances == {(w.kind, w.currency): w.balance for w in account.wallets}
    assert [order.cid for order in harness.account.closed.values()] == [
        *range(150, 200)
    ]
    bounded = (account.trades, account.movements)
    assert [each.maxlen for each in bounded] == [50, 50]


def spot_and_margin(account: Account, turned: int) -> list[EngineWallet]:
    """Two wallets of dollars, in this order or the other."""
    wallets = [account.wallets.get(kind, "USD") for kind in ("exchange", "margin")]
    return wallets[::-1] if turned else wallets


def test_an_update_can_hide_a_resting_order(harness: EngineHarness) -> None:
    order = harness.submit("EXCHANGE LIMIT", "1", "100")
    harness.engine.update(harness.account, order, {"flags": 64})
    market = harness.venues["tBTCUSD"].market
    assert order.is_open and order.id not in market.book.orders
    assert market.account_orders == {}
