"""Whatever happens, the books are right."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any, Iterator

import pytest

from bfxsync.paper.engine.account import Account, spot_need
from bfxsync.paper.engine.errors import Declined, Invalid
from bfxsync.paper.engine.funding_loan import AutoRenew, borrowed, lent
from bfxsync.paper.engine.funding_offer import EngineOffer
from bfxsync.paper.engine.order import HIDDEN, OCO, EngineOrder, legs
from bfxsync.paper.engine.units import SCALE, to_units
from bfxsync.paper.engine.wallets import TRADING_FEE

from .support import EngineHarness

OPERATIONS = 250
KINDS = ("LIMIT", "LIMIT", "LIMIT", "MARKET", "IOC", "FOK", "STOP", "STOP LIMIT")
KINDS += ("TRAILING STOP",)


class Mirror:
    """What a listener knows of an account, from events alone."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.orders = {id: order.row() for id, order in account.orders.items()}
        self.closed: set[int] = set()
        self.wallets = {(w.kind, w.currency): w.row() for w in account.wallets}
        self.positions: dict[str, Any] = {}
        self.trades: list[Any] = []
        self.announced: list[Any] = []
        self.offers: dict[int, Any] = {}
        self.loans: dict[str, dict[int, Any]] = {"fc": {}, "fl": {}}
        self.lent: list[Any] = []
        account.listeners.append(self.on_event)

    def on_event(self, code: str, row: Any) -> None:
        if code in ("on", "ou"):
            assert row[0] not in self.closed
            assert (row[0] in self.orders) == (code == "ou")
            self.orders[row[0]] = row
        elif code == "oc":
            self.orders.pop(row[0], None)
            assert row[0] not in self.closed
            self.closed.add(row[0])
        elif code == "wu":
            self.wallets[row[0], row[1]] = row
        elif code == "te":
            self.announced.append(row[0])
        elif code == "tu":
            self.trades.append(row)
        elif code in ("fon", "fou"):
            assert (row[0] in self.offers) == (code == "fou") or row[
                0
            ] not in self.offers
            self.offers[row[0]] = row
        elif code == "foc":
            self.offers.pop(row[0], None)
        elif code[:2] in self.loans:
            known = self.loans[code[:2]]
            assert (row[0] in known) == (code[2] != "n")
            known[row[0]] = row
            if code[2] == "c":
                assert known.pop(row[0])[7].startswith("CLOSED")
        elif code == "ftu":
            self.lent.append(row)
        elif code == "fte":
            pass
        elif code == "pc":
            del self.positions[row[0]]
        elif code == "n":
            assert row[1] == "deposit_new"
        else:
            assert code in ("pn", "pu")
            assert (row[0] in self.positions) == (code == "pu")
            self.positions[row[0]] = row

    def check(self) -> None:
        account = self.account
        assert set(self.orders) == set(account.orders)
        for id, order in account.orders.items():
            assert self.orders[id][6] == order.amount / SCALE
        assert self.closed == set(account.closed)
        wallets = {(w.kind, w.currency): w.row() for w in account.wallets}
        assert self.wallets == wallets
        for wallet in account.wallets:
            assert wallet.reserved == sum(wallet.holds.values())
        assert self.trades == list(account.trades)
        assert self.announced == [row[0] for row in account.trades]
        assert {s: p.row() for s, p in account.positions.open.items()} == self.positions
        funding = account.funding
        assert {id: offer.amount / SCALE for id, offer in funding.offers.items()} == {
            id: row[4] for id, row in self.offers.items()
        }
        known = {**self.loans["fc"], **self.loans["fl"]}
        assert {id: loan.amount / SCALE for id, loan in funding.loans.items()} == {
            id: row[5] for id, row in known.items()
        }
        used = {id for id, loan in funding.loans.items() if loan.pair is not None}
        assert used == set(self.loans["fc"])
        assert self.lent == list(funding.trades)


def check(account: Account) -> None:
    sums: Counter[Any] = Counter()
    fees: Counter[str] = Counter()
    for booking in account.wallets.ledger:
        sums[booking.wallet, booking.currency] += booking.amount
        assert sums[booking.wallet, booking.currency] == booking.balance
        # A double has it without loss, so sums are right for clients as well.
        assert to_units(booking.amount / SCALE) == booking.amount
        assert to_units(booking.balance / SCALE) == booking.balance
        if booking.category == TRADING_FEE:
            fees[booking.currency] += booking.amount
    needs: Counter[Any] = Counter()
    for order in account.orders.values():
        assert order.is_open and order.amount
        if order.pair is not None:
            assert order.pair.pair is order and order.pair.id in account.orders
            # The first order of a pair has the hold of both.
            if order.placed_id is not None:
                continue
        if order.is_spot and order.plain_kind != "TRAILING STOP":
            base, quote = legs(order.symbol[1:])
            needs[quote if order.is_buy else base] += spot_need(order)
    trails = any(o.plain_kind == "TRAILING STOP" for o in account.orders.values())
    for wallet in account.wallets:
        assert wallet.balance == sums[wallet.kind, wallet.currency]
        assert wallet.reserved + wallet.available == wallet.balance
        assert wallet.balance >= 0
        if wallet.kind == "exchange":
            assert wallet.available >= 0
            if not trails:
                assert wallet.reserved == needs[wallet.currency]
        if wallet.kind == "funding":
            assert wallet.available >= 0
            assert wallet.reserved == lent(account, f"f{wallet.currency}")
    traded: Counter[int] = Counter()
    held: Counter[str] = Counter()
    paid: Counter[str] = Counter()
    for row in account.trades:
        traded[row[3]] += to_units(row[4])
        paid[row[10]] += to_units(row[9])
        if not row[6].startswith("EXCHANGE"):
            held[row[1]] += to_units(row[4])
    assert +paid == +fees and -paid == -fees
    for order in [*account.orders.values(), *account.closed.values()]:
        assert sum(amount for _, amount in order.fills) == traded[order.id]
        if order.id not in CHANGED:
            assert order.amount_orig - order.amount == traded[order.id]
        assert order.closed_as.endswith("EXECUTED") == (order.amount == 0)
    assert {s: n for s, n in held.items() if n} == {
        symbol: position.amount for symbol, position in account.positions.open.items()
    }
    for position in account.positions.open.values():
        assert position.cost >= 0
        used = sum(loan.amount for loan in borrowed(account, position.symbol))
        assert position.funding == used


CHANGED: set[int] = set()


def check_books(harness: EngineHarness) -> None:
    """What rests is in the book, as much of it as is left, and books do not cross."""
    resting: dict[int, EngineOrder] = {}
    offers: dict[int, EngineOffer] = {}
    for account in harness.registry.accounts:
        for id, offer in account.funding.offers.items():
            if not offer.is_hidden:
                offers[id] = offer
        for id, order in account.orders.items():
            if not (order.is_stop or order.has(HIDDEN)):
                resting[id] = order
    for symbol, venue in harness.venues.items():
        book = venue.market.book
        here = {id: o for id, o in resting.items() if o.symbol == symbol}
        lending = {id: o for id, o in offers.items() if o.symbol == symbol}
        assert {*here, *lending} == set(venue.market.account_orders)
        for id, offer in lending.items():
            is_bid, entry = book.orders[id]
            assert is_bid == offer.is_bid
            frr = venue.market.flash_return_rate
            assert (entry.price, entry.amount) == (
                offer.rate_at(frr),
                abs(offer.amount),
            )
        for id, order in here.items():
            is_bid, entry = book.orders[id]
            assert is_bid == order.is_buy
            assert (entry.price, entry.amount) == (order.price, abs(order.amount))
        bids, asks = book.depth("R0")
        if len(bids) and len(asks):
            assert bids.best().price < asks.best().price
    is_open = {o.symbol for a in harness.registry.accounts for o in a.orders.values()}
    for account in harness.registry.accounts:
        is_open |= {offer.symbol for offer in account.funding.offers.values()}
    active = {symbol for symbol, venue in harness.venues.items() if venue.is_active}
    assert active == is_open


def seeds() -> Iterator[Any]:
    for seed in range(60):
        marks = [] if seed < 6 else [pytest.mark.long]
        yield pytest.param(seed, marks=marks, id=str(seed))


@pytest.mark.parametrize("seed", list(seeds()))
def test_ledgers_orders_and_trades_agree_after_anything(seed: int) -> None:
    dice = random.Random(seed)
    harness = EngineHarness()
    mirrors = [Mirror(account) for account in harness.registry.accounts]
    CHANGED.clear()
    done: Counter[str] = Counter()
    for _ in range(OPERATIONS):
        account = dice.choice(harness.registry.accounts)
        try:
            done[operate(harness, account, dice)] += 1
        except (Declined, Invalid) as refused:
            done[type(refused).__name__] += 1
        for mirror in mirrors:
            check(mirror.account)
            mirror.check()
        check_books(harness)
    account = harness.account
    harness.engine.cancel(account, list(account.orders.values()))
    harness.funding.cancel(account, list(account.funding.offers.values()))
    for wallet in harness.account.wallets:
        if wallet.kind == "exchange":
            assert wallet.reserved == 0
    assert min(done[name] for name in ("submit", "update", "cancel", "step", "fon")) > 5
    assert sum(len(account.trades) for account in harness.registry.accounts) > 20


def operate(harness: EngineHarness, account: Account, dice: random.Random) -> str:
    harness.now += 1
    what = dice.random()
    orders = list(account.orders.values())
    if what < 0.35:
        symbol = dice.choice([name for name in harness.venues if name[0] == "t"])
        is_derivative = "F0" in symbol
        kind = dice.choice(KINDS)
        if not is_derivative and dice.random() < 0.6:
            kind = f"EXCHANGE {kind}"
        middle = harness.best(True, symbol).price / SCALE
        sign = dice.choice((1, -1))
        amount = sign * round(dice.expovariate(1) * 2 + 0.0001, 8)
        near = middle * (1 + dice.gauss(0, 0.002))
        flags = dice.choice((0, 0, 0, 64, 512, 1024, 4096))
        stop: dict[str, Any] = {}
        if kind.endswith("LIMIT") and dice.random() < 0.3:
            flags |= OCO
            stop["price_oco_stop"] = f"{near * (1 + sign * dice.random() / 50):.5g}"
        harness.submit(
            kind,
            f"{amount:.8f}",
            f"{near:.5g}",
            symbol,
            account,
            flags=flags,
            price_trailing=f"{middle * 0.001:.5g}",
            price_aux_limit=f"{middle * (1 + dice.gauss(0, 0.002)):.5g}",
            **({"lev": dice.randint(1, 100)} if is_derivative else {}),
            **stop,
        )
        return "submit"
    if what < 0.5 and orders:
        order = dice.choice(orders)
        body: dict[str, Any] = {}
        if dice.random() < 0.5:
            price = order.price / SCALE * (1 + dice.gauss(0, 0.001))
            body["price"] = f"{price:.5g}"
        if dice.random() < 0.7:
            body["delta"] = f"{dice.choice((1, -1)) * dice.random() / 10:.8f}"
        CHANGED.add(order.id)
        harness.engine.update(account, order, body)
        return "update"
    if what < 0.6 and orders:
        harness.engine.cancel(account, [dice.choice(orders)])
        return "cancel"
    if what < 0.65:
        account.deposit("exchange", "USD", f"{dice.random() * 1000:.8f}")
        return "deposit"
    if what < 0.7:
        wallets = account.wallets
        kinds = dice.sample(("exchange", "margin", "funding"), 2)
        source, target = (wallets.get(kind, "USD") for kind in kinds)
        amount = to_units(round(dice.random() * 100, 8))
        if 0 < amount <= source.available:
            wallets.transfer(amount, source, target)
        return "transfer"
    if what < 0.8:
        return operate_funding(harness, account, dice)
    if what < 0.83:
        harness.wait(minutes=dice.expovariate(1 / 400))
        return "wait"
    if what < 0.85:
        symbol = dice.choice(list(account.positions.open) or ["tBTCF0:USTF0"])
        margin = harness.registry.margin
        least, most = margin.collateral_limits(account, symbol)
        collateral = dice.randint(min(least, most), max(least, most))
        margin.set_collateral(account, symbol, collateral)
        return "collateral"
    venue = harness.venues[dice.choice(list(harness.venues))]
    for _ in range(20):
        venue.step(harness.now)
    return "step"


def operate_funding(
    harness: EngineHarness, account: Account, dice: random.Random
) -> str:
    what = dice.random()
    funding, offers = account.funding, list(account.funding.offers.values())
    loans = [loan for loan in funding.loans.values() if loan.borrower is account]
    if what < 0.15 and offers:
        harness.funding.cancel(
            account, dice.sample(offers, dice.randint(1, len(offers)))
        )
        return "foc"
    if what < 0.25 and loans:
        harness.funding.close(dice.choice(loans))
        return "close"
    if what < 0.3 and loans:
        harness.funding.keep(dice.choice(loans), dice.random() < 0.5)
        return "keep"
    if what < 0.35:
        threshold = to_units(float(dice.randint(0, 5_000)))
        rate = to_units(dice.choice((0, 0.0002)))
        setting = AutoRenew("USD", dice.randint(2, 9), rate, threshold)
        funding.auto_renew["USD"] = setting
        return "auto-renew"
    kind = dice.choice(("LIMIT", "LIMIT", "FRRDELTAVAR", "FRRDELTAFIX"))
    rate_text = f"{0.00021 * (1 + dice.gauss(0, 0.002)):.8f}"
    if kind != "LIMIT":
        rate_text = f"{dice.randint(0, 20)}e-8"
    amount = dice.choice((1, 1, -1)) * (dice.expovariate(1 / 3_000) + 100)
    terms = {
        "type": kind,
        "flags": dice.choice((0, 0, 64)),
        "renew": dice.choice((0, 1)),
    }
    period = dice.randint(2, 120)
    harness.offer(f"{amount:.8f}", rate_text, period, account, **terms)
    return "fon"
