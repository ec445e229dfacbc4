"""
The market maker on a local exchange whose market stands still.

The fixtures whose names begin with ``bfx_`` come with bfxsync.
"""

from __future__ import annotations

import time
from decimal import Decimal

import pytest

from bfxsync.paper import PaperAccount

from market_maker.maker import MarketMaker, client_options
from market_maker.quotes import BUY, SELL, Settings

OTHER = PaperAccount(
    api_key="paper-other",
    api_secret="paper-other-secret",
    balances={"exchange": {"USD": 10_000_000, "BTC": 1000}},
)


@pytest.fixture
def settings():
    return Settings(
        max_position=Decimal("0.02"),
        edge=Decimal("0.0001"),
        skew=Decimal("0.0005"),
        tolerance=Decimal("0.00002"),
    )


@pytest.fixture
def bfx_exchange_options():
    return {"accounts": [PaperAccount(), OTHER]}


@pytest.fixture
def bfx_client_options(settings):
    return client_options(settings)


@pytest.fixture
def maker(bfx_frozen_market, bfx_client, settings):
    return MarketMaker(bfx_client, settings, pause_s=0.05)


@pytest.fixture
def until(maker):
    """``until(condition)``: let the market maker work until the condition holds."""

    def work(condition):
        deadline = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < deadline
            maker.step()
            maker.bfx.wss.wait_on_update(timeout=0.05)

    return work


@pytest.fixture
def orders(bfx_account):
    """``orders()``: the open orders by side, as the exchange knows them."""

    def open_orders():
        return {
            BUY if each["amount"] > 0 else SELL: each for each in bfx_account.orders
        }

    return open_orders


@pytest.fixture
def has_both(orders):
    return lambda: orders().keys() == {BUY, SELL}


@pytest.fixture
def is_settled(maker, has_both):
    """``is_settled()``: whether both sides are quoted, and nothing is awaited any more."""

    def is_over():
        sides = maker.sides.values()
        is_idle = all(side.quote and not side.request for side in sides)
        is_known = maker.knows_account and not maker.had_gap.is_set()
        return is_idle and is_known and has_both()

    return is_over


@pytest.fixture
def other(bfx_exchange):
    """``other(type, amount, price)``: an order of someone else."""
    with bfx_exchange.client(bfx_exchange.accounts[1]) as bfx:

        def trade(type, amount, price):
            note = bfx.rest.auth.submit_order(type, "tBTCUSD", amount, price)
            return note.raise_for_status().data

        yield trade


@pytest.fixture
def fill(bfx_exchange, orders, other):
    """``fill(side, amount)``: let someone trade with an order of the market maker."""

    def trade(side, amount):
        price = orders()[side]["price"]
        levels = bfx_exchange.book("tBTCUSD", len=250)[0 if side == BUY else 1]
        better = [abs(size) for at, _, size in levels if side * at > side * price]
        # Its price comes after better ones, and it before others at its price.
        total = sum(Decimal(str(size)) for size in better) + Decimal(amount)
        other("EXCHANGE IOC", -side * total, price)

    return trade
