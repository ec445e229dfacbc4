"""
The client of the soak, in a process of its own: everything that a program may do with it at once.

It obeys commands from the process of the exchange, sends samples of what it holds of the machine,
and complains at once about what only it can see.
"""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import sys
import threading
import time
from collections import Counter
from multiprocessing.connection import Connection
from typing import Any, Callable, Dict, List, NamedTuple, Tuple

from soak_channels import CHURNED, Request, Watch, name_of, requests, watch_for
from soak_orders import Traders

from bfxsync import (
    ApiError,
    Backoff,
    BfxError,
    BookUpdate,
    Client,
    FundingBookUpdate,
    FundingRawBookUpdate,
    NetworkError,
    RawBookUpdate,
    RemoteError,
    SubscriptionStatus,
)
from bfxsync.guards import guard, placed
from bfxsync.outcome import cid_dates, writes
from bfxsync.testing.settle import ping_connections
from bfxsync.wire import account_state, known_orders, replied_orders
from bfxsync.wire.channels import TradesChannel
from tests.integration.order_trader import SYMBOL

#: A lost request is no longer in flight after this time: no fault of the network holds one longer.
ABSENCE_S = 20.0

#: Of each callback and iteration, so that those of slow consumers are full soon.
MAILBOX_SIZE = 300

#: Codes of errors that the faults cause.
CODES = frozenset((10001, 10100, 10114, 10300, 10301, 10305, 20060, 10008))

#: The rows of books on the wire.
COLUMNS: Dict[type, Tuple[str, ...]] = {
    BookUpdate: ("price", "count", "amount"),
    RawBookUpdate: ("order_id", "price", "amount"),
    FundingBookUpdate: ("rate", "period", "count", "amount"),
    FundingRawBookUpdate: ("offer_id", "period", "rate", "amount"),
}

#: Limits of what the client remembers, where and how much. The real ones are reached after hours,
#: as of 10,000 fills; until then such a store looks like a leak. These are reached in the warm-up.
LIMITS: Tuple[Tuple[Any, str, int], ...] = (
    (account_state, "REMEMBERED", 200),
    (cid_dates, "MOST_KEPT", 300),
    (guard, "_MOST_REMEMBERED", 500),
    (known_orders, "MOST_CLOSED", 200),
    (placed, "MOST_KEPT", 500),
    (replied_orders, "MOST_CLOSED", 100),
    (replied_orders, "_MOST_TRADES", 100),
    (writes, "MOST_KEPT", 100),
    (TradesChannel, "_REMEMBERED", 200),
)

#: What the deliberately broken clients do.
BREAKS = (
    *("memory", "thread", "descriptor", "left", "book", "trade", "order", "error"),
    *("subscription", "contract"),
)


class Settings(NamedTuple):
    """
    What the client is told.

    Attributes
    ----------
    url, rest_url : str
        Through the proxy.
    broken : frozenset of str
        Deliberate mistakes, of `BREAKS`, which the soak must notice.
    """

    url: str
    rest_url: str
    api_key: str
    api_secret: str
    subscriptions: int
    order_interval_s: float
    sample_s: float
    stale_s: float
    seed: int
    broken: frozenset[str] = frozenset()


class Boom(Exception):
    """What callbacks raise on purpose."""


class Mallinfo(ctypes.Structure):
    """``struct mallinfo2`` of the C library."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
            *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
        )
    ]


class Machine:
    """What this process holds of the machine."""

    def __init__(self) -> None:
        # glibc 2.33 or later.
        self._mallinfo = ctypes.CDLL(None).mallinfo2
        self._mallinfo.restype = Mallinfo

    def sample(self) -> Dict[str, float]:
        with open("/proc/self/status", encoding="ascii") as status:
            fields = dict(line.split(":", 1) for line in status)
        used = self._mallinfo()
        return {
            "blocks": sys.getallocatedblocks(),
            "malloc_kb": (used.uordblks + used.hblkhd) // 1024,
            "rss_kb": int(fields["VmRSS"].split()[0]),
            "threads": int(fields["Threads"]),
            "descriptors": len(os.listdir("/proc/self/fd")),
            "cpu_s": time.process_time(),
        }


class User:
    """
    The client and its consumers.

    Parameters
    ----------
    pipe : Connection
        Commands come from there: a name, and arguments.
    """

    def __init__(self, pipe: Connection, settings: Settings) -> None:
        self._pipe = pipe
        self._settings = settings
        self._broken = settings.broken
        # Protects the pipe: messages come from several threads.
        self._sending = threading.Lock()
        self._complaints: Counter[str] = Counter()
        self._is_over = threading.Event()
        self._errors: Counter[str] = Counter()
        self._fills: List[Tuple[int, int]] = []
        self._leaked: List[Any] = []
        self._before = Machine().sample()
        self.client = self._client()
        self.requests = requests(settings.subscriptions)
        self.watches = [self._watch(each) for each in self.requests]
        self.handles: List[Any] = []
        self._threads: List[threading.Thread] = []
        self._again = self._client() if "order" in self._broken else None
        self._traders = Traders(
            self.client,
            self._near,
            settings.order_interval_s,
            settings.seed,
            again=self._again,
        )

    # --- consumers ----------------------------------------------------------------------------

    def start(self) -> None:
        wss = self.client.wss
        wss.on("trade_execution", lambda it: self._fills.append((it.order_id, it.id)))
        subscriptions = [
            {**request, "callback": watch, "on_event": watch.on_event}
            for request, watch in zip(self.requests, self.watches)
        ]
        if "contract" in self._broken:
            # The snapshot does not arrive.
            subscriptions[1]["on_event"] = None
        self.handles = wss.subscribe_many(subscriptions, wait=False)
        wss.authenticate()
        self._add_consumers()
        self._start("sampler", self._send_samples)
        self._start("churn", self._come_and_go)
        self._traders.start()

    def _client(self) -> Client:
        settings = self._settings
        return Client(
            settings.api_key,
            settings.api_secret,
            wss_host=settings.url,
            rest_host=settings.rest_url,
            backoff=Backoff(first_s=0.1, cap_s=2.0),
            ping_after=settings.stale_s / 2,
            stale_after=settings.stale_s,
            timeout=10.0,
            absence_s=ABSENCE_S,
            mailbox_size=MAILBOX_SIZE,
            dispatch_threads=4,
            on_error=self._on_error,
        )

    def _watch(self, request: Request) -> Watch:
        return watch_for(request, self._complain)

    def _add_consumers(self) -> None:
        """Add further handles of the same channels: slow, raising, neglected and iterating ones."""
        wss, of = self.client.wss, self._first_of

        def be_slow(_: object) -> None:
            self._is_over.wait(0.02)

        def be_very_slow(_: object) -> None:
            self._is_over.wait(0.5)

        def boom(_: object) -> None:
            raise Boom("a callback that always raises")

        policies = ("resync", "latest", "drop_oldest")
        for number, policy in enumerate(policies):
            options: Dict[str, Any] = {"policy": policy, "wait": False}
            wss.subscribe(**of("ticker", number), callback=be_slow, **options)
            wss.subscribe(**of("book", number), callback=boom, **options)
            wss.subscribe(**of("candles", number), callback=boom, **options)
            neglected = wss.subscribe(**of("book", number), **options)
            iter(neglected)
            self._leaked.append(neglected)
        wss.subscribe(**of("book", 3), callback=be_very_slow, wait=False)
        for number, channel in enumerate(("trades", "book", "candles", "ticker")):
            reader = wss.subscribe(**of(channel, number), wait=False)
            self._start(f"reader-{channel}", lambda it=reader: self._read(it))

    def _first_of(self, channel: str, number: int) -> Request:
        found = [each for each in self.requests if each["channel"] == channel]
        return found[number % len(found)]

    def _read(self, subscription: Any) -> None:
        try:
            for _ in subscription.events():
                pass
        except BfxError as error:
            self._complain(f"an iteration ended with {error!r}")

    def _come_and_go(self) -> None:
        """Subscribe and unsubscribe, as far as the connection is there."""
        while not self._is_over.wait(0.5):
            try:
                key = CHURNED
                self.client.wss.subscribe("candles", key=key, timeout=2.0).unsubscribe()
            except BfxError as error:
                self._errors[f"churn {type(error).__name__}"] += 1

    def _near(self) -> str:
        """Return a price above the best bid, which the next sale takes."""
        for handle in self.handles:
            if handle.channel == "book" and handle.symbol == SYMBOL:
                best = handle.book.bids(1)
                if best:
                    return str(int(getattr(best[0], "price", 60_000)) + 1)
        return "60000"

    def _start(self, name: str, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    # --- complaints and samples ---------------------------------------------------------------

    def _on_error(self, error: BaseException) -> None:
        name = type(error).__name__
        code = getattr(error, "code", None)
        self._errors[name if code is None else f"{name} {code}"] += 1
        if isinstance(error, ApiError):
            is_expected = code in CODES
        else:
            is_expected = isinstance(error, (NetworkError, RemoteError, Boom))
        if not is_expected:
            self._complain(f"an unexpected error: {error!r}")

    def _complain(self, text: str) -> None:
        # A few of each kind say enough.
        kind = text.partition(":")[2][:20]
        self._complaints[kind] += 1
        if self._complaints[kind] <= 3:
            self._send("failure", text)

    def _send(self, *message: Any) -> None:
        with self._sending:
            try:
                self._pipe.send(message)
            except OSError:
                self._is_over.set()  # the exchange's process has gone

    def _send_samples(self) -> None:
        machine = Machine()
        while not self._is_over.wait(self._settings.sample_s):
            self._misbehave()
            stats = self.client.wss.stats()
            self._send(
                "sample",
                {
                    **machine.sample(),
                    "connections": len(stats["connections"]),
                    **{
                        name: stats[name]
                        for name in (
                            *("frames", "updates", "gaps", "heals", "drops", "queued"),
                            *("reconnects", "received_bytes", "error_count"),
                        )
                    },
                    "degraded": sum(watch.degraded_count for watch in self.watches),
                    "errors": dict(self._errors),
                },
            )

    def _misbehave(self) -> None:
        """Do what a broken client would do."""
        if "memory" in self._broken:
            self._leaked.append(os.urandom(1 << 20))
        if "thread" in self._broken:
            self._start("leaked", self._is_over.wait)
        if "descriptor" in self._broken:
            self._leaked.append(open(os.devnull, "rb"))  # noqa: SIM115
        if "error" in self._broken:
            self._on_error(KeyError("a mistake of the client"))

    # --- commands -----------------------------------------------------------------------------

    def serve(self) -> None:
        """Obey until the end."""
        commands: Dict[str, Callable[..., Any]] = {
            "pause": self._traders.pause,
            "resume": self._traders.resume,
            "not_live": self.not_live,
            "books": self.books,
            "trades": self.trades,
            "orders": self.orders,
        }
        while True:
            try:
                name, *arguments = self._pipe.recv()
            except EOFError:
                name, arguments = "end", []
            if name == "end":
                self._send("reply", self.end())
                return
            self._send("reply", commands[name](*arguments))

    def not_live(self) -> List[str]:
        """Return what is not as it should be: subscriptions, the account, inputs."""
        found = [
            f"{name_of(request)} is {handle.status.value}"
            for request, handle in zip(self.requests, self.handles)
            if handle.status is not SubscriptionStatus.LIVE
        ]
        if self.client.wss.account.orders.is_stale:
            found.append("the account is not live")
        return found + [f"{each} is open" for each in self._traders.unsettled()]

    def books(self, numbers: List[int]) -> Dict[int, Any]:
        """Return books by the number of their request; None if there is nothing to compare."""
        ping_connections(self.client.wss._core, time.monotonic() + 30.0)
        found: Dict[int, Any] = {}
        for number in numbers:
            handle, watch = self.handles[number], self.watches[number]
            copy = handle.book.snapshot()
            is_comparable = copy.is_live and not watch.is_degraded
            sides = [[_row(level) for level in side] for side in (copy.bids, copy.asks)]
            if "book" in self._broken:
                del sides[0][-1]
            found[number] = sides if is_comparable else None
        return found

    def trades(self) -> Dict[str, Any]:
        """Return what the subscriptions of trades were given since the last call, by symbol."""
        logs = {
            request["symbol"]: watch.taken()
            for request, watch in zip(self.requests, self.watches)
            if request["channel"] == "trades"
        }
        if "trade" in self._broken:
            for log in logs.values():
                del log[len(log) // 2 : len(log) // 2 + 1]
        return logs

    def orders(self) -> Dict[str, Any]:
        """Return what was told about orders, and the account's state."""
        live, rest = self._traders.taken()
        fills, self._fills = self._fills, []
        account = self.client.wss.account
        return {
            "live": live,
            "rest": rest,
            "fills": fills,
            "orders": dict(account.orders),
            "offers": dict(account.offers),
        }

    def end(self) -> Dict[str, Any]:
        """Close everything; return what is left."""
        self._traders.stop()
        if "subscription" in self._broken:
            self.handles[0].unsubscribe()
        live = self.not_live()
        self._is_over.set()
        begin = time.monotonic()
        self.client.close()
        if self._again is not None:
            self._again.close()
        closed_in_s = time.monotonic() - begin
        for thread in self._threads:
            thread.join(10.0)
        if "left" in self._broken:
            self._start("bfxsync-left", threading.Event().wait)
            self._leaked.append(open(os.devnull, "rb"))  # noqa: SIM115
        return {
            "not_live": live,
            "closed_in_s": closed_in_s,
            "threads": [
                thread.name
                for thread in threading.enumerate()
                if thread is not threading.main_thread()
            ],
            "descriptors": Machine().sample()["descriptors"]
            - self._before["descriptors"],
            "open": _open_files(),
        }


def _row(level: Any) -> List[Any]:
    """Return the row of a level on the wire."""
    return [getattr(level, name) for name in COLUMNS[type(level)]]


def _open_files() -> List[str]:
    found = []
    for name in os.listdir("/proc/self/fd"):
        try:
            found.append(os.readlink(f"/proc/self/fd/{name}"))
        except OSError:
            pass  # that of the listing itself
    return sorted(found)


def main(pipe: Connection, settings: Settings) -> None:
    """Run the client until the command to end."""
    # Ctrl-C is for the process of the exchange, which then ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Warnings are expected; what is not is sent as a complaint.
    logging.getLogger("bfxsync").addHandler(logging.NullHandler())
    for owner, name, limit in LIMITS:
        assert getattr(owner, name) > limit, name
        setattr(owner, name, limit)
    user = User(pipe, settings)

    def complain(args: Any) -> None:
        user._complain(f"a thread died: {args.exc_value!r}")

    threading.excepthook = complain
    sys.unraisablehook = complain
    user.start()
    user.serve()
