"""R03 of the account: after a cut anywhere come a gap, a snapshot and updates, all true."""

from __future__ import annotations

import itertools
import time
from collections import Counter
from typing import Any, Callable, Iterator

import pytest

from bfxsync import Backoff, Client, Snapshot
from bfxsync.models import FundingOffer, Order
from bfxsync.paper import PaperAccount, PaperExchange

from .bare_server import DEADLINE_S
from .fault_proxy import FaultProxy
from .order_judge import OrderJudge
from .order_trader import eventually
from .test_cut_connections import Cut, cuts_of
from .user import Seen

LIMIT = ("EXCHANGE LIMIT", "tBTCUSD", "0.001")
MARKET = ("EXCHANGE MARKET", "tBTCUSD", "0.001")


class OtherProgram:
    """Trades on the same account by REST, one thing after the other."""

    def __init__(self, bfx: Client) -> None:
        self._auth = bfx.rest.auth
        self._prices = itertools.count(30_000)
        self._order: Any = None
        self._offer: Any = None
        self._steps: Iterator[Callable[[], object]] = itertools.cycle(
            [self._place, self._update, self._buy, self._offers, self._cancel]
            + [self._place, self._buy, self._withdraw, self._transfer]
        )

    def step(self) -> None:
        next(self._steps)()

    def _place(self) -> None:
        price = next(self._prices)
        self._order = self._auth.submit_order(*LIMIT, str(price)).data

    def _update(self) -> None:
        self._auth.update_order(self._order.id, price=str(next(self._prices)))

    def _buy(self) -> None:
        self._auth.submit_order(*MARKET)

    def _cancel(self) -> None:
        self._auth.cancel_order(id=self._order.id)

    def _offers(self) -> None:
        rate = f"0.0{next(self._prices)}"
        self._offer = self._auth.submit_funding_offer("LIMIT", "fUSD", "200", rate, 2)

    def _withdraw(self) -> None:
        self._auth.cancel_funding_offer(self._offer.data.id)

    def _transfer(self) -> None:
        self._auth.transfer_between_wallets("exchange", "margin", "USD", None, 1)


def replayed(seen: Seen) -> tuple[dict[int, Any], dict[int, Any]]:
    """Return open orders and offers, made of nothing but what the user was told."""
    orders: dict[int, Any] = {}
    offers: dict[int, Any] = {}
    for item in list(seen.items):
        if isinstance(item, Snapshot):
            states = [
                state
                for row in item.rows
                if isinstance(row.data, list)
                for state in row.data
            ]
            orders = {each.id: each for each in states if isinstance(each, Order)}
            offers = {
                each.id: each for each in states if isinstance(each, FundingOffer)
            }
        code = getattr(item, "code", "")
        held = orders if code in ("on", "ou", "oc") else offers
        if code in ("on", "ou", "fon", "fou"):
            held[item.data.id] = item.data
        elif code in ("oc", "foc"):
            held.pop(item.data.id, None)
    return orders, offers


@pytest.fixture
def exchange() -> Iterator[PaperExchange]:
    money = {"exchange": {"USD": 10**8, "BTC": 100}, "funding": {"USD": 10**7}}
    with PaperExchange(rate=1e-3, accounts=[PaperAccount(balances=money)]) as exchange:
        yield exchange


@pytest.mark.parametrize(
    ("seed", "count"),
    [
        (1, 40),
        *(pytest.param(n, 200, marks=pytest.mark.long) for n in range(2, 6)),
    ],
)
def test_r03_an_account_survives_many_cuts(
    exchange: PaperExchange, seed: int, count: int
) -> None:
    cuts: list[Cut] = cuts_of(seed)[:count]
    judge, seen = OrderJudge(exchange), Seen({})
    trades: Counter[int] = Counter()
    with (
        FaultProxy(exchange.port) as proxy,
        exchange.client(
            wss_host=proxy.url(exchange.url),
            backoff=Backoff(first_s=0.0),
            timeout=DEADLINE_S,
        ) as bfx,
        exchange.client() as rest,
    ):
        bfx.wss.on("trade_execution", lambda trade: trades.update([trade.id]))
        handle = bfx.wss.subscribe_account(seen, on_event=seen)
        whole, other = proxy.passed(), OtherProgram(rest)
        for cut in cuts[1:]:
            is_live_first = cut.phase == "live"
            proxy.cut_next_after(None if is_live_first else cut.after(whole), cut.how)
        for number, cut in enumerate(cuts, start=1):
            if cut.phase == "live":
                bfx.wss.wait_authenticated(DEADLINE_S)
                seen.until(lambda seen: seen.shape.rstrip(".").endswith("S"))
                proxy.cut_after(cut.after(whole), cut.how)
            for _ in range(4):
                other.step()
            if cut.phase == "live":
                proxy.cut_now()
            deadline = time.monotonic() + 1.0
            while proxy.counts["cut"] < number:
                # A later connection may have shorter snapshots than the first.
                other.step()
                if time.monotonic() > deadline:
                    # One that was refused for its nonce has had the cut of this one.
                    proxy.cut_after(0, cut.how)
                    proxy.wait_for("cut", number)
            # From here on the client knows that it has lost the one before.
            proxy.wait_for("accept", number + 1)
            # Not later: the journal keeps its newest entries only.
            judge.read()
        bfx.wss.wait_authenticated(DEADLINE_S)
        for _ in range(9):
            other.step()
        account = bfx.wss.account
        eventually(lambda: judge.judge_state(account.orders, account.offers))
        eventually(lambda: judge.judge_state(*replayed(seen)))
        executed = [trade["id"] for trade in exchange.account.trades]
        eventually(lambda: same_counts(trades, Counter(executed)))
        balances = {
            (wallet, currency): amount
            for wallet, amounts in exchange.account.balances.items()
            for currency, amount in amounts.items()
        }
        eventually(
            lambda: same_counts(
                {key: each.balance for key, each in account.wallets.items()}, balances
            )
        )
        reconnects = bfx.stats()["wss"]["reconnects"]
        assert not handle.is_stale
    seen.assert_in_order()
    # REST has the same key, and its nonce may arrive first. Such a connection may have had a cut.
    refused = reconnects.pop("authentication", 0)
    assert proxy.counts["cut"] == count
    assert count - refused <= sum(reconnects.values()) <= count
    assert seen.story.count("G") > 0.8 * sum(cut.phase == "live" for cut in cuts)


def same_counts(left: Any, right: Any) -> None:
    assert dict(left) == dict(right)
