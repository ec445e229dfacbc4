"""Ladders of offers, placed on the local exchange: each offer once, whatever happens."""

from __future__ import annotations

import os
import signal
import threading
import time
from decimal import Decimal
from typing import Any, Iterator, List

import pytest
from patience import at_most

from bfxsync import ApiError, Client, NetworkError, OrderBlocked, OutcomeUnknown
from bfxsync.funding import Ladder, flash_return_rates, ladder
from bfxsync.paper import PaperExchange

pytestmark = pytest.mark.once

SUBMIT = "auth/w/funding/offer/submit"


@pytest.fixture
def exchange() -> Iterator[PaperExchange]:
    with PaperExchange(rate=0.001) as exchange:
        yield exchange


@pytest.fixture
def bfx(exchange: PaperExchange) -> Iterator[Client]:
    with exchange.client() as bfx:
        yield bfx


def rungs(steps: int = 3, amount: Any = 600) -> Ladder:
    # Far above the market, where nobody takes them.
    return ladder("fUSD", amount, low="0.002", high="0.004", steps=steps, period=30)


def states(placed: Ladder) -> List[str]:
    return [step.state for step in placed]


def listed(bfx: Client) -> List[Any]:
    offers = bfx.rest.auth.get_funding_offers()
    return sorted((offer.rate, offer.amount, offer.period) for offer in offers)


def test_ladder_is_placed_once(bfx: Client) -> None:
    placed = rungs().place(bfx)
    assert states(placed) == ["placed"] * 3
    assert listed(bfx) == [(rate, 200.0, 30) for rate in (0.002, 0.003, 0.004)]
    assert [step.offer.rate for step in placed if step.offer] == [0.002, 0.003, 0.004]
    assert placed.place(bfx) is placed and len(listed(bfx)) == 3


def test_lost_answer_leaves_an_offer_unknown_until_resolved(
    exchange: PaperExchange, bfx: Client
) -> None:
    placed = rungs()
    exchange.inject("lost_answer", path=SUBMIT)
    with pytest.raises(OutcomeUnknown):
        placed.place(bfx)
    assert states(placed) == ["unknown", "new", "new"]
    # The others follow, and this one is not sent again.
    placed.place(bfx)
    assert states(placed) == ["unknown", "placed", "placed"] and len(listed(bfx)) == 3
    assert states(placed.resolve(at_most(20.0))) == ["placed"] * 3
    offer, error = placed.steps[0].offer, placed.steps[0].error
    assert offer is not None and offer.rate == 0.002 and error is None


def test_offer_that_never_came_is_placed_later(exchange: PaperExchange) -> None:
    with exchange.client(absence_s=0.01) as bfx:
        placed = rungs()
        exchange.inject("lost_request", path=SUBMIT)
        with pytest.raises(NetworkError):
            placed.place(bfx)
        assert states(placed.resolve(at_most(20.0))) == ["new"] * 3
        assert placed.steps[0].error is not None
        placed.place(bfx)
        assert states(placed) == ["placed"] * 3 and len(listed(bfx)) == 3


def test_refused_offer_ends_the_placing(bfx: Client) -> None:
    placed = ladder("fUSD", 400, low="0.002", high="0.003", steps=2, weights=[3, 1])
    with pytest.raises(ApiError, match="incorrect amount") as it:
        placed.place(bfx)
    assert states(placed) == ["placed", "new"]
    assert placed.steps[1].error is it.value


def test_interrupted_offer_is_not_sent_again(
    exchange: PaperExchange, bfx: Client
) -> None:
    placed = rungs()
    # Longer than the call waits for it.
    exchange.inject("late_answer", path=SUBMIT, delay_s=at_most(60.0))

    def interrupt() -> None:
        deadline = time.monotonic() + at_most(20.0)
        while not exchange.account.offers and time.monotonic() < deadline:
            pass
        os.kill(os.getpid(), signal.SIGINT)

    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    thread = threading.Thread(target=interrupt)
    try:
        with pytest.raises(KeyboardInterrupt):
            thread.start()
            placed.place(bfx)
    finally:
        # A late one must not end the whole run.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        thread.join()
        signal.signal(signal.SIGINT, handler)
    assert states(placed) == ["unknown", "new", "new"]
    assert states(placed.place(bfx)) == ["unknown", "placed", "placed"]
    assert len(listed(bfx)) == 3
    assert states(placed.resolve()) == ["unknown", "placed", "placed"]


def test_guards_refuse_a_ladder_before_its_first_offer(bfx: Client) -> None:
    with pytest.raises(OrderBlocked, match="50,000 USD are available .* need 60,000"):
        rungs(amount=60_000).place(bfx)
    with pytest.raises(OrderBlocked, match="0 XRP are available"):
        ladder("fXRP", 500, low="0.001").place(bfx)
    bfx.halt()
    with pytest.raises(OrderBlocked) as it:
        rungs().place(bfx)
    assert it.value.guard == "halt" and listed(bfx) == []
    bfx.resume()
    with pytest.raises(ApiError):
        rungs(amount=60_000).place(bfx, check_funds=False)
    assert len(listed(bfx)) == 2
    # What is borrowed needs no funds.
    borrowed = ladder("fUSD", -600, low="0.00001").place(bfx)
    assert states(borrowed) == ["placed"]


def test_dry_run_sends_nothing(exchange: PaperExchange, bfx: Client) -> None:
    with exchange.client(dry_run=True) as dry:
        placed = rungs().place(dry, hidden=True)
    assert states(placed) == ["dry run"] * 3 and listed(bfx) == []
    assert placed.steps[2].offer is not None and placed.steps[2].offer.rate == 0.004


@pytest.mark.parametrize("number", [float, Decimal])
def test_flash_return_rates_are_those_of_the_tickers(
    exchange: PaperExchange, number: Any
) -> None:
    with exchange.client(numbers=number) as bfx:
        found = flash_return_rates(bfx)
        assert tuple(found) == bfx.symbols.fundable
        ticker, statistic = (
            bfx.rest.public.get_f_ticker("fUSD"),
            bfx.rest.public.get_funding_stats("fUSD", limit=1)[0],
        )
    assert found["fUSD"] == ticker.frr and type(found["fUSD"]) is number
    assert float(statistic.flash_return_rate) == pytest.approx(
        float(found["fUSD"]), rel=0.1
    )
