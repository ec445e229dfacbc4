"""
Every phase of an account's connection, with everything that may go wrong in it.

Strategy: a user gets the account's updates, places an order that rests and one that is filled,
cancels the first, and closes; in each cell of the matrix one thing goes wrong on the way. Each cell
asserts that its fault took effect, what the user was told, and by the journal that it is true.
"""

from __future__ import annotations

import itertools
from typing import Any, Callable, Iterator, NamedTuple

import pytest

from bfxsync import RemoteError
from bfxsync.paper import PaperExchange
from bfxsync.paper.fault_options import CHANNEL_FAULTS

from .bare_server import DEADLINE_S
from .fault_proxy import FaultProxy
from .order_judge import OrderJudge
from .order_trader import OrderTrader, eventually
from .support import Collector
from .test_fault_matrix import (
    DISORDER,
    FRAME,
    LOSSES,
    PATIENT,
    QUICK_TO_NOTICE,
    SAYINGS,
    SLOWNESS,
)
from .user import SOON, Seen
from .wire_tap import WireTap

PLACES = {
    "auth": FRAME + rb'\{"event":"auth"',
    "snapshot": FRAME + rb'\[0,"ws",',
    "notification": FRAME + rb'\[0,"n",',
    "order": FRAME + rb'\[0,"on",',
    "fill": FRAME + rb'\[0,"te",',
    "closed": FRAME + rb'\[0,"oc",',
}
"""What the exchange sends in each phase; with the first order in flight from the third on."""

NUMBERS = itertools.count(1)

EARLY = ("auth", "snapshot")


class Told(NamedTuple):
    """What a user is told: events of the account, closes and reconnects, and errors."""

    story: str = "S"
    closes: tuple[int, ...] = ()
    reconnects: dict[str, int] = {}
    errors: tuple[type, ...] = ()
    outcomes: tuple[str, ...] = ("open", "done", "done")


@pytest.fixture(scope="module")
def exchange() -> Iterator[PaperExchange]:
    with PaperExchange(rate=1e-3) as exchange:
        yield exchange
        exchange.clear_faults()


def play(
    exchange: PaperExchange,
    told: Told,
    arm: Callable[[FaultProxy], object],
    fault: str | None = None,
    before_orders: Callable[[], object] | None = None,
    is_lost_by_first: bool = False,
    **options: Any,
) -> None:
    """Go through all phases, and compare."""
    tap, judge = WireTap(), OrderJudge(exchange)
    seen, errors, closes = Seen({}), Collector(), Collector()
    with FaultProxy(exchange.port, tap) as proxy:
        arm(proxy)
        url = proxy.url(exchange.url)
        options = {"backoff": SOON, "absence_s": 0.05, "timeout": DEADLINE_S, **options}
        with exchange.client(wss_host=url, on_error=errors, **options) as bfx:
            bfx.wss.on("disconnected", closes)
            bfx.wss.subscribe_account(seen, on_event=seen)
            # With a client order id of its own for each order on the exchange.
            trader = OrderTrader(bfx, next(NUMBERS))
            if before_orders is not None:
                bfx.wss.wait_authenticated(DEADLINE_S)
                before_orders()
            resting = trader.submit("resting")
            resting.settle()
            if fault is None or is_lost_by_first:
                # Before the next order, which would otherwise meet the loss.
                closes.wait_for(len(told.closes))
            bfx.wss.wait_authenticated(DEADLINE_S)
            filled = trader.submit("market")
            filled.settle()
            # Before the cancellation, which would otherwise meet the loss.
            closes.wait_for(len(told.closes))
            bfx.wss.wait_authenticated(DEADLINE_S)
            order = resting.reply.order
            if order is not None:
                trader.cancel(order.id)
            outcomes = [
                eventually(lambda deed=deed: deed.check(judge)) for deed in trader.deeds
            ]
            if fault is not None:
                proxy.wait_for(fault)
            seen.until_story(told.story)
            account = bfx.wss.account
            eventually(lambda: judge.judge_state(account.orders, account.offers))
            reconnects = bfx.stats()["wss"]["reconnects"]
    judge.judge_inputs(tap.inputs())
    assert seen.story == told.story
    seen.assert_in_order()
    assert tuple(outcomes) == told.outcomes
    assert tuple(code for code, _ in closes.items) == (*told.closes, 1000)
    assert reconnects == told.reconnects
    assert tuple(map(type, errors.items)) == told.errors


@pytest.mark.parametrize(
    ("phase", "fault"),
    [
        # Silence takes seconds to notice.
        pytest.param(
            phase,
            fault,
            marks=[pytest.mark.long] * (fault == "silence" and phase != "notification"),
        )
        for phase in PLACES
        for fault in LOSSES
    ],
)
def test_lost_in_every_phase(exchange: PaperExchange, phase: str, fault: str) -> None:
    name = LOSSES[fault]
    cause = "stale" if fault == "silence" else "broken"
    told = Told("S" if phase in EARLY else "SGS", (1006,), {cause: 1})
    if (phase, fault) == ("snapshot", "silence"):
        # What has not come is not waited for, and the order does not arrive.
        told = told._replace(story="SGS", outcomes=("absent", "done"))
    play(
        exchange,
        told,
        lambda proxy: proxy.at(PLACES[phase], name, is_after=True),
        name,
        **(QUICK_TO_NOTICE if fault == "silence" else {}),
    )


@pytest.mark.parametrize("fault", SLOWNESS)
@pytest.mark.parametrize("phase", PLACES)
def test_slow_from_every_phase_on(
    exchange: PaperExchange, phase: str, fault: str
) -> None:
    options = SLOWNESS[fault]
    play(
        exchange,
        Told(),
        lambda proxy: proxy.at(PLACES[phase], fault, **options),
        fault,
    )


@pytest.mark.parametrize("saying", SAYINGS)
@pytest.mark.parametrize("phase", PLACES)
def test_said_in_every_phase(exchange: PaperExchange, phase: str, saying: str) -> None:
    told = Told(errors=(RemoteError,))
    if saying == "20051":
        told = Told("S" if phase in EARLY else "SGS", (1012,), {"restart": 1})
    elif saying != "garbage":
        # New snapshots come on another socket only.
        told = Told("S" if phase in EARLY else "SsGS")
        if phase != "auth":
            told = told._replace(closes=(1006,), reconnects={"maintenance": 1})
    play(
        exchange,
        told,
        lambda proxy: proxy.at(PLACES[phase], "insert", data=SAYINGS[saying]),
        "insert",
    )


@pytest.mark.parametrize("fault", DISORDER)
@pytest.mark.parametrize("phase", ["auth", "notification", "order", "fill", "closed"])
def test_out_of_order_in_every_phase(
    exchange: PaperExchange, phase: str, fault: str
) -> None:
    name = DISORDER[fault]
    told = Told()
    if phase not in ("auth", "notification"):
        # The others are counted.
        told = Told("SGS", (1006,), {"sequence": 1}, (RemoteError,))
    play(
        exchange,
        told,
        lambda proxy: proxy.at(PLACES[phase], name),
        name,
        is_lost_by_first=phase == "order",
    )


@pytest.mark.parametrize("status", [429, 502, 503])
def test_refused_while_an_order_is_in_flight(
    exchange: PaperExchange, status: int
) -> None:
    """The order was lost with its connection, and the next one is not let in at first."""
    before = exchange.fault_counts["refuse_handshake"]
    told = Told("SGS", (1006,), {"broken": 1, "refused": 1})
    play(
        exchange,
        told,
        lambda proxy: proxy.at(PLACES["notification"], "reset", is_after=True),
        "reset",
        before_orders=lambda: exchange.inject("refuse_handshake", status=status),
        backoff=PATIENT,
    )
    assert exchange.fault_counts["refuse_handshake"] == before + 1


LOST = Told("SGS", (1006,), {"broken": 1})

DEEDS: dict[str, tuple[dict[str, Any], Told]] = {
    "lost_notification": ({}, Told()),
    "late_notification": ({"delay_s": 0.02}, Told()),
    "duplicate_notification": ({}, Told()),
    "notification_after_events": ({}, Told()),
    "lost_event": ({"event": "te"}, Told()),
    "duplicate_event": ({"event": "te"}, Told()),
    "cut_after_input": ({}, LOST),
    "cut_after_notification": ({}, LOST),
    "cut_after_on": ({}, LOST),
    "small_nonce": ({"path": "auth"}, Told("S", (1006,), {"authentication": 1})),
    "refuse_handshake": ({"status": 503}, Told(reconnects={"refused": 1})),
}


@pytest.mark.parametrize("fault", DEEDS)
def test_done_by_the_exchange(exchange: PaperExchange, fault: str) -> None:
    options, told = DEEDS[fault]
    before = exchange.fault_counts[fault]
    play(exchange, told, lambda _: exchange.inject(fault, **options))
    assert exchange.fault_counts[fault] == before + 1


def test_every_fault_of_the_channel_is_in_the_matrix() -> None:
    # An input that did not come is in `test_order_fates`.
    assert set(CHANNEL_FAULTS) - set(DEEDS) == {"cut_before_input"}
