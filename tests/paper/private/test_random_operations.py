"""
Many accounts, all order types, funding, time and shocks: money is conserved, whatever happens.

Strategy: what each account must have is computed a second time, from its deposits and from the
trades that it was told of, with arithmetic of its own. Every trade has the same price and opposite
amounts on its two sides, unless one side is the market or the exchange. Nobody but accounts lends
here, so all interest has two sides as well.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections import Counter, defaultdict
from typing import Any, Iterator, NamedTuple

import pytest

from bfxsync.paper import PaperAccount
from bfxsync.paper.engine.account import Account
from bfxsync.paper.engine.amounts import QUANTUM
from bfxsync.paper.engine.errors import Declined, Invalid
from bfxsync.paper.engine.order import legs
from bfxsync.paper.engine.units import SCALE, to_units

from .support import EngineHarness
from .test_sums import operate

BALANCES = {
    "exchange": {"USD": 30_000, "BTC": 1, "ETH": 20},
    "margin": {"USD": 20_000, "USTF0": 5_000},
    "funding": {"USD": 20_000},
}
CHECK_EVERY = 250


class Side(NamedTuple):
    """One side of a trade."""

    user: int
    amount: int
    price: int


class Books:
    """What must be, by the trades that the accounts were told of."""

    def __init__(self, accounts: list[Account]) -> None:
        self.accounts = accounts
        self.digest = hashlib.sha256()
        self.trades: dict[tuple[str, int], list[Side]] = defaultdict(list)
        self.lent: Counter[int] = Counter()
        # Money that came in, by currency, and what trades have moved since, by account.
        self.deposits: Counter[str] = Counter()
        self.moved: dict[int, Counter[str]] = defaultdict(Counter)
        self.held: Counter[tuple[int, str]] = Counter()
        self.forced = 0
        for account in accounts:
            for booking in account.wallets.ledger:
                self.deposits[booking.currency] += booking.amount
            self.follow(account)

    def follow(self, account: Account) -> None:
        user = account.user_id

        def on_event(code: str, row: Any) -> None:
            self.digest.update(json.dumps([user, code, row]).encode())
            if code == "tu":
                self.trade(user, row)
            elif code == "ftu":
                self.lent[row[0]] += to_units(row[4])
            elif code == "oc" and row[13].startswith("FORCED"):
                self.forced += 1

        account.listeners.append(on_event)

    def trade(self, user: int, row: Any) -> None:
        symbol, amount, price = row[1], to_units(row[4]), to_units(row[5])
        self.trades[symbol, row[0]].append(Side(user, amount, price))
        base, quote = legs(symbol[1:])
        moved = self.moved[user]
        if row[6].startswith("EXCHANGE"):
            moved[base] += amount
            parts = [amount]
        else:
            # What closes and what opens are settled apart.
            held = self.held[user, symbol]
            self.held[user, symbol] += amount
            closing = 0
            if held * amount < 0:
                closing = min(abs(held), abs(amount)) * (1 if amount > 0 else -1)
            parts = [closing, amount - closing]
        for part in parts:
            value = abs(part) * price // SCALE // QUANTUM * QUANTUM
            moved[quote] += -value if part > 0 else value
        moved[row[10]] += to_units(row[9])

    def check(self, harness: EngineHarness) -> None:
        """Compare the balances with what must be, and both sides of each trade."""
        for (_, id), sides in self.trades.items():
            assert len(sides) in (1, 2)
            if len(sides) == 2:
                first, second = sides
                assert first.amount == -second.amount and first.price == second.price
        assert not any(self.lent.values())
        total: Counter[str] = Counter()
        for account in self.accounts:
            for wallet in account.wallets:
                total[wallet.currency] += wallet.balance
            for symbol, position in account.positions.open.items():
                # Its cost is paid or received when it is closed.
                sign = 1 if position.amount > 0 else -1
                total[legs(symbol[1:])[1]] -= sign * position.cost
        lending = harness.funding.lending
        for currency, absorbed in harness.registry.liquidations.absorbed.items():
            total[currency] -= absorbed
        for currency in {*total, *self.deposits}:
            moved = sum(each[currency] for each in self.moved.values())
            wanted = self.deposits[currency] + moved
            # The exchange keeps a part of the interest, and pays for who has no money.
            wanted += lending.advanced[currency] - lending.fees[currency]
            assert total[currency] == wanted, currency

    def check_always(self, harness: EngineHarness) -> None:
        """Check what holds after each operation."""
        for account in self.accounts:
            for wallet in account.wallets:
                assert wallet.balance >= 0
                assert wallet.kind == "margin" or wallet.available >= 0
        for venue in harness.venues.values():
            bids, asks = venue.market.book.depth("R0")
            if len(bids) and len(asks):
                assert bids.best().price < asks.best().price


def shock(harness: EngineHarness, dice: random.Random) -> None:
    """Let a market fall or rise at once, as far as accounts let it."""
    symbol = dice.choice([name for name in harness.venues if name[0] == "t"])
    market = harness.venues[symbol].market
    for id in list(market.book.orders):
        if id not in market.account_orders:
            market.book.remove_order(id)
    market._fair = market._recipe.middle * dice.uniform(0.8, 1.2)
    for _ in range(60):
        harness.venues[symbol].step(harness.now)


def run(seed: int, operations: int, accounts: int) -> tuple[str, Books, Counter[str]]:
    """Execute random operations, and return the digest of all events."""
    dice = random.Random(seed)
    settings = [
        PaperAccount(api_key=f"paper-{n}", api_secret="secret", balances=BALANCES)
        for n in range(accounts)
    ]
    harness = EngineHarness(*settings)
    harness.clear("fUSD")
    lenders = harness.venues["fUSD"]
    lenders.step = lambda mts=0: None  # type: ignore[method-assign]
    books = Books(harness.registry.accounts)
    done: Counter[str] = Counter()
    for number in range(operations):
        account = dice.choice(harness.registry.accounts)
        before = account.wallets.get("exchange", "USD").balance
        try:
            if dice.random() < 0.01:
                shock(harness, dice)
                what = "shock"
            else:
                what = operate(harness, account, dice)
        except (Declined, Invalid) as refused:
            what = type(refused).__name__
        done[what] += 1
        if what == "deposit":
            after = account.wallets.get("exchange", "USD").balance
            books.deposits["USD"] += after - before
        books.check_always(harness)
        if number % CHECK_EVERY == 0:
            books.check(harness)
    books.check(harness)
    return books.digest.hexdigest(), books, done


def amounts() -> Iterator[Any]:
    yield pytest.param(700, 4, id="short")
    yield pytest.param(
        100_000, 12, id="long", marks=[pytest.mark.long, pytest.mark.timeout(3_600)]
    )


@pytest.mark.parametrize("operations, accounts", list(amounts()))
def test_money_is_conserved_whatever_accounts_do(
    operations: int, accounts: int
) -> None:
    _, books, done = run(1, operations, accounts)
    names = ("submit", "update", "cancel", "fon", "foc", "close", "wait", "shock")
    assert all(done[name] for name in names), done
    assert books.forced and books.lent
    pairs = Counter(len(sides) for sides in books.trades.values())
    assert pairs[1] and pairs[2]


def test_the_same_seed_gives_the_same_bytes() -> None:
    first, second, other = (run(seed, 150, 3)[0] for seed in (3, 3, 4))
    assert first == second != other
