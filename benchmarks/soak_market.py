"""The exchange of the soak, with a proxy before it and everything that goes wrong in both."""

from __future__ import annotations

import random
import threading
from contextlib import suppress
from typing import Any, Callable, Dict, List, Optional, Tuple

from soak_channels import CHURNED, PAIRS, SYMBOLS

from bfxsync import BfxError
from bfxsync.paper import PaperAccount, PaperExchange
from tests.integration.fault_proxy import DOWN, UP, FaultProxy
from tests.integration.order_trader import SYMBOL

#: What begins a frame of the account channel, and one of any other.
ACCOUNT_FRAME = rb'\[0,"'
PUBLIC_FRAME = rb"\[[1-9]\d*,[\[\"]"

#: Paths of REST requests of the client.
PATHS = ("auth/w/order/submit", "auth/w/order/cancel", "auth/r/orders")

#: How long conditions of the network last.
CONDITION_S = 2.0

HEARTBEAT_S = 1.0
CHECKSUM_S = 1.0

Fault = Callable[[], object]


class Market:
    """
    Exchange, proxy, another trader, and the thread that spoils everything.

    Parameters
    ----------
    rate : float
        Events per second of each market.
    fault_s : float
        Mean time between two faults.
    """

    def __init__(self, rate: float, fault_s: float, seed: int) -> None:
        money = {
            "exchange": {"USD": 10**9, "BTC": 10**5},
            "funding": {"USD": 10**9},
        }
        self.exchange = PaperExchange(
            rate=rate,
            seed=seed,
            heartbeat_s=HEARTBEAT_S,
            checksum_s=CHECKSUM_S,
            farewell_s=0.05,
            accounts=[
                PaperAccount(balances=money),
                PaperAccount(
                    api_key="paper-other", api_secret="paper-other", balances=money
                ),
            ],
        )
        self._fault_s = fault_s
        self._chance = random.Random(f"faults {seed}")
        self._is_over = threading.Event()
        self._may_spoil = threading.Event()
        # Protects one fault, so that whoever holds it has none in progress.
        self._spoiling = threading.Lock()
        self._threads: List[threading.Thread] = []
        self.proxy: FaultProxy
        #: Of the threads; nothing of them is expected.
        self.errors: List[BaseException] = []

    def __enter__(self) -> Market:
        self.exchange.start()
        self.proxy = FaultProxy(self.exchange.port)
        for work in (self._spoil, self._sell):
            thread = threading.Thread(target=self._run, args=(work,), daemon=True)
            thread.start()
            self._threads.append(thread)
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._may_spoil.set()
        for thread in self._threads:
            thread.join(30.0)
        self.proxy.close()
        self.exchange.stop()

    def spoil(self) -> None:
        """Let things go wrong from now on."""
        self._may_spoil.set()

    def calm(self) -> None:
        """Let nothing more go wrong, and let the client find what the account's events hid."""
        self._may_spoil.clear()
        with self._spoiling:
            self.exchange.clear_faults()
            self._clear_network()
        # Events that were lost have left no hole, so only the next connection shows them.
        self.proxy.at(ACCOUNT_FRAME, "reset", is_after=True)

    def counts(self) -> Dict[str, int]:
        """Return how often each fault has happened."""
        network = {f"network {name}": n for name, n in dict(self.proxy.counts).items()}
        network.pop("network accept", None)
        return {**network, **self.exchange.fault_counts}

    # --- threads ------------------------------------------------------------------------------

    def _run(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:
            self.errors.append(error)

    def _spoil(self) -> None:
        faults, weights = zip(*self._faults())
        while not self._is_over.is_set():
            self._may_spoil.wait()
            with self._spoiling:
                if self._may_spoil.is_set() and not self._is_over.is_set():
                    (fault,) = self._chance.choices(faults, weights)
                    fault()
            self._is_over.wait(self._chance.uniform(0.2, 1.8) * self._fault_s)

    def _sell(self) -> None:
        """Take what rests in the book, while things go wrong."""
        with self.exchange.client(self.exchange.accounts[1]) as bfx:
            while not self._is_over.wait(1.0):
                if self._may_spoil.is_set():
                    with suppress(BfxError):
                        bfx.rest.auth.submit_order("EXCHANGE MARKET", SYMBOL, "-0.005")

    def _faults(self) -> List[Tuple[Fault, float]]:
        """Return everything that may go wrong, with its weight."""
        proxy = self.proxy
        one = [
            lambda: proxy.at(PUBLIC_FRAME, "reset"),
            lambda: proxy.at(PUBLIC_FRAME, "fin", is_after=True),
            lambda: proxy.at(PUBLIC_FRAME, "half_close"),
            lambda: proxy.at(ACCOUNT_FRAME, "reset"),
            lambda: proxy.at(ACCOUNT_FRAME, "fin", is_after=True),
            lambda: proxy.at(PUBLIC_FRAME, "stop"),
            lambda: proxy.at(ACCOUNT_FRAME, "stop"),
        ]
        all_of_them = [
            proxy.reset,
            proxy.fin,
            proxy.half_close,
            lambda: self.exchange.drop_connections(1012),
            lambda: self.exchange.send_info(20051),
            self._maintain,
            lambda: self._for_a_moment(lambda: proxy.stop()),
            lambda: self._for_a_moment(lambda: proxy.refuse("absent")),
            lambda: self._for_a_moment(lambda: proxy.refuse("reset")),
        ]
        conditions = [
            lambda: self._for_a_moment(lambda: proxy.slice(7, 0.001)),
            lambda: self._for_a_moment(lambda: proxy.delay(0.2, 0.3)),
            lambda: self._for_a_moment(lambda: proxy.limit(20_000)),
            lambda: self._for_a_moment(lambda: proxy.stop([DOWN])),
            lambda: self._for_a_moment(lambda: proxy.stop([UP])),
        ]
        public = [
            self._injection("wrong_checksum", symbol=PAIRS),
            self._injection("lost_book_update", symbol=PAIRS),
            self._injection("sequence_hole"),
            self._injection("duplicate_frame", symbol=SYMBOLS),
            self._injection("garbage"),
            self._injection("refuse_handshake", status=(408, 502, 503)),
            self._injection("no_answer"),
            self._injection("late_ack", delay_s=(0.1, 1.0)),
            self._injection("reordered_acks"),
            self._injection("duplicate_subscribe"),
            self._injection("refuse_subscribe", code=(10305,)),
            self._injection("refuse_subscribe", code=(10300,), key=(CHURNED,)),
            self._injection("silent_channel", channel=("ticker",), symbol=SYMBOLS),
            self._injection("silent_channel", channel=("trades",), symbol=SYMBOLS),
        ]
        account = [
            self._injection("lost_notification"),
            self._injection("late_notification", delay_s=(0.1, 1.0)),
            self._injection("duplicate_notification"),
            self._injection("notification_after_events"),
            self._injection("cut_before_input"),
            self._injection("cut_after_input"),
            self._injection("cut_after_notification"),
            self._injection("cut_after_on"),
            self._injection("lost_event", event=("on", "ou", "oc", "te", "tu")),
            self._injection("duplicate_event", event=("on", "oc", "te", "tu", "wu")),
            self._injection("small_nonce", path=("auth", *PATHS)),
            self._injection("maintenance", executed=(True, False), length_s=(0.5,)),
            self._injection("reject_order"),
            self._injection("partial_fill"),
        ]
        rest = [
            self._injection("lost_request", path=PATHS),
            self._injection("lost_answer", path=PATHS),
            self._injection("late_answer", path=PATHS),
            self._injection("duplicate_answer", path=PATHS),
            self._injection("interim_answer", path=PATHS),
            self._injection("missing_date", path=PATHS),
        ]
        groups: List[Tuple[List[Any], float]] = [
            (one, 3.0),
            (all_of_them, 1.0),
            (conditions, 1.0),
            (public, 3.0),
            (account, 4.0),
            (rest, 2.0),
        ]
        return [
            (fault, weight / len(group)) for group, weight in groups for fault in group
        ]

    def _injection(self, name: str, **choices: Tuple[Any, ...]) -> Fault:
        def inject() -> None:
            options = {key: self._chance.choice(of) for key, of in choices.items()}
            times: Optional[int] = 1
            self.exchange.inject(name, times=times, **options)

        return inject

    def _for_a_moment(self, begin: Fault) -> None:
        # A connection that has been silent for longer must not deliver an order that its client
        # has given up.
        self.proxy.end_stopped()
        begin()
        self._is_over.wait(self._chance.uniform(0.2, CONDITION_S))
        self.proxy.clear()

    def _clear_network(self) -> None:
        self.proxy.end_stopped()
        self.proxy.clear()

    def _maintain(self) -> None:
        self.exchange.send_info(20060)
        self._is_over.wait(self._chance.uniform(0.2, CONDITION_S))
        self.exchange.send_info(20061)
