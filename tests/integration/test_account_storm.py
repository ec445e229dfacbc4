"""Eight threads trade through lost connections and lost events; the journal is the judge."""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Iterator

import pytest

from bfxsync import BfxError
from bfxsync.paper import PaperAccount, PaperExchange

from .bare_server import DEADLINE_S
from .fault_proxy import FaultProxy
from .order_judge import OrderJudge
from .order_trader import SYMBOL, Deed, eventually
from .random_trader import RandomTrader
from .user import SOON
from .wire_tap import WireTap

THREADS = 8

FAULTS: list[tuple[str, float, dict[str, Any]]] = [
    ("lost_notification", 0.02, {}),
    ("late_notification", 0.05, {"delay_s": 0.05}),
    ("duplicate_notification", 0.05, {}),
    ("notification_after_events", 0.1, {}),
    ("lost_event", 0.05, {"event": "te"}),
    ("lost_event", 0.05, {"event": "tu"}),
    ("lost_event", 0.01, {"event": "on"}),
    ("lost_event", 0.01, {"event": "oc"}),
    ("duplicate_event", 0.1, {}),
    ("small_nonce", 0.05, {}),
]
"""With the probability of each."""

CUTS: list[tuple[str, dict[str, Any]]] = [
    ("cut_before_input", {}),
    ("cut_after_input", {}),
    ("cut_after_notification", {}),
    ("cut_after_on", {}),
    ("maintenance", {"executed": True, "length_s": 0.05}),
    ("maintenance", {"executed": False, "length_s": 0.05}),
]
"""One after the other, every `CUT_S` seconds."""

CUT_S = 0.3


@pytest.fixture
def exchange() -> Iterator[PaperExchange]:
    money = {"exchange": {"USD": 10**8, "BTC": 10**4}, "funding": {"USD": 10**8}}
    accounts = [
        PaperAccount(balances=money),
        PaperAccount(api_key="other-key", api_secret="other", balances=money),
    ]
    with PaperExchange(rate=1e-3, accounts=accounts) as exchange:
        yield exchange


def sell(exchange: PaperExchange, stop: threading.Event) -> None:
    """Be the one who takes what rests in the book."""
    with exchange.client(exchange.accounts[1]) as bfx:
        while not stop.wait(0.05):
            with suppress(BfxError):
                bfx.rest.auth.submit_order("EXCHANGE MARKET", SYMBOL, "-0.005")


LONG = [pytest.mark.long, pytest.mark.timeout(600)]


@pytest.mark.parametrize("seconds", [3, pytest.param(60, marks=LONG)])
def test_eight_threads_trade_through_reconnects(
    exchange: PaperExchange, seconds: float
) -> None:
    judge, tap, stop = OrderJudge(exchange), WireTap(), threading.Event()
    (bid, *_), _ = exchange.book(SYMBOL)
    near = str(int(bid[0]) + 1)
    trades: Counter[tuple[int, int]] = Counter()
    with FaultProxy(exchange.port, tap) as proxy:
        url = proxy.url(exchange.url)
        options = {"backoff": SOON, "absence_s": 0.2}
        with exchange.client(wss_host=url, **options) as bfx:
            bfx.wss.on(
                "trade_execution",
                lambda trade: trades.update([(trade.order_id, trade.id)]),
            )
            bfx.wss.wait_authenticated(DEADLINE_S)
            threads = [RandomTrader(bfx, n + 1, lambda: near) for n in range(THREADS)]
            for fault, chance, settings in FAULTS:
                exchange.inject(fault, times=None, chance=chance, **settings)
            with ThreadPoolExecutor(THREADS + 1) as pool:
                futures = [pool.submit(thread.run, stop) for thread in threads]
                futures.append(pool.submit(sell, exchange, stop))
                end = time.monotonic() + seconds
                for fault, settings in itertools.cycle(CUTS):
                    exchange.inject(fault, **settings)
                    stop.wait(CUT_S)
                    # Not later: the journal keeps its newest entries only.
                    judge.read()
                    if time.monotonic() > end:
                        break
                stop.set()
                for future in futures:
                    future.result()
            exchange.clear_faults()
            exchange.send_info(20061)
            # What was lost is there at the latest after the next connection.
            exchange.drop_connections()
            deeds = [deed for thread in threads for deed in thread.trader.deeds]
            outcomes = Counter((deed.kind, check(deed, judge)) for deed in deeds)
            account = bfx.wss.account
            eventually(lambda: judge.judge_state(account.orders, account.offers))
            eventually(lambda: check_trades(trades, judge, deeds))
            reconnects = bfx.stats()["wss"]["reconnects"]
    judge.judge_inputs(tap.inputs())
    print(f"{sum(outcomes.values())} inputs, reconnects: {reconnects}")
    print(dict(exchange.fault_counts))
    for (kind, outcome), count in sorted(outcomes.items()):
        print(f"{kind:12}  {outcome:12}  {count:5}")
    faults = {fault for fault, *_ in (*FAULTS, *CUTS)}
    assert faults <= set(exchange.fault_counts)
    found = {outcome for _, outcome in outcomes}
    assert found >= {"open", "done", "rejected", "never_sent", "absent"}


def check(deed: Deed, judge: OrderJudge) -> str:
    outcome: str = eventually(lambda: deed.check(judge, has_fees=False))
    return outcome


def check_trades(
    seen: Counter[tuple[int, int]], judge: OrderJudge, deeds: list[Deed]
) -> None:
    """Check that the handler of the event has had each trade once."""
    cids = [deed.key[1] for deed in deeds if deed.key[0] == "on"]
    truths = [judge.truth(cid) for cid in cids]
    assert dict(seen) == {
        (row[3], row[0]): 1 for truth in truths for row in truth.trades.values()
    }
