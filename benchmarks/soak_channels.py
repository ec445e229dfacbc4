"""The subscriptions of the soak, and checks of what each of them delivers."""

from __future__ import annotations

from itertools import chain, zip_longest
from typing import Any, Callable, Dict, List, Optional, Tuple

from bfxsync import Degraded, Gap, Snapshot, Status

PAIRS = (
    *("tBTCUSD", "tETHUSD", "tLTCUSD", "tLTCBTC", "tETHBTC", "tUSTUSD", "tBTCUST"),
    *("tXRPUSD", "tTESTBTC:TESTUSD", "tBTCF0:USTF0", "tETHF0:USTF0"),
)
CURRENCIES = ("fUSD", "fUST", "fBTC")
SYMBOLS = (*PAIRS, *CURRENCIES)
DERIVATIVES = ("tBTCF0:USTF0", "tETHF0:USTF0")

#: Those whose snapshots cost the local exchange little: it makes each from minutes.
TIMEFRAMES = ("1m", "5m", "15m", "30m", "1D")

#: Of the subscriptions that come and go, so that nothing else is refused with theirs.
CHURNED = "trade:5m:fUSD:p30"

Request = Dict[str, Any]


def requests(count: int) -> List[Request]:
    """Return that many channels, of all kinds in turn."""
    kinds: List[List[Request]] = [
        [{"channel": "ticker", "symbol": symbol} for symbol in SYMBOLS],
        [{"channel": "trades", "symbol": symbol} for symbol in SYMBOLS],
        [_book(symbol, "P0", "25") for symbol in SYMBOLS],
        [_book(symbol, "R0", "25") for symbol in SYMBOLS],
        [
            {"channel": "status", "key": key}
            for key in (*(f"deriv:{symbol}" for symbol in DERIVATIVES), "liq:global")
        ],
        [
            *(_candles(frame, pair) for frame in TIMEFRAMES for pair in PAIRS),
            *(
                _candles(frame, f"{each}:p30")
                for frame in ("1m", "1D")
                for each in CURRENCIES
            ),
        ],
        [_book(symbol, f"P{n}", "25") for n in range(1, 5) for symbol in SYMBOLS],
        [_book(symbol, prec, "100") for prec in ("P0", "R0") for symbol in PAIRS],
        [{**_book(symbol, "P0", "25"), "freq": "F1"} for symbol in PAIRS],
        [_book(symbol, prec, "1") for prec in ("P0", "R0") for symbol in PAIRS],
        [_book(symbol, prec, "250") for prec in ("P0", "R0") for symbol in PAIRS],
    ]
    found = [each for each in chain(*zip_longest(*kinds)) if each is not None]
    if count > len(found):
        raise ValueError(f"at most {len(found)} subscriptions, not {count}")
    return found[:count]


def _book(symbol: str, prec: str, length: str) -> Request:
    return {"channel": "book", "symbol": symbol, "prec": prec, "len": length}


def _candles(frame: str, symbol: str) -> Request:
    return {"channel": "candles", "key": f"trade:{frame}:{symbol}"}


def name_of(request: Request) -> str:
    """Return the name of a subscription in complaints."""
    return " ".join(str(value) for value in request.values())


class Watch:
    """
    What the callback and the events of one subscription get, checked as it comes.

    Parameters
    ----------
    request : dict
    complain : callable
        Called with a text if the contract is violated: a snapshot first, and after every gap.
    """

    def __init__(self, request: Request, complain: Callable[[str], object]) -> None:
        self.name = name_of(request)
        self._complain = complain
        self._has_snapshot = False
        #: Whether the book is known to be wrong.
        self.is_degraded = False
        self.degraded_count = 0
        self.update_count = 0

    def __call__(self, item: Any) -> None:
        """Take an update."""
        self.update_count += 1
        if not self._has_snapshot:
            self._complain(f"{self.name}: an update without a snapshot: {item}")

    def on_event(self, event: Any) -> None:
        """Take an event."""
        if isinstance(event, Snapshot):
            if self._has_snapshot:
                self._complain(f"{self.name}: a snapshot without a gap")
            self._has_snapshot = True
        elif isinstance(event, Gap):
            self._has_snapshot = self.is_degraded = False
        elif isinstance(event, Degraded):
            self.is_degraded = True
            self.degraded_count += 1
        elif not isinstance(event, Status):
            self._complain(f"{self.name}: an unknown event: {event!r}")


#: Ids of trades (``trade``), and ids after which nothing is missing again (``start``).
TradeLog = List[Tuple[str, int]]


class TradeWatch(Watch):
    """Additionally checks that trades come once and in order, and keeps their ids."""

    def __init__(self, request: Request, complain: Callable[[str], object]) -> None:
        super().__init__(request, complain)
        self._newest = 0
        self._lost_some = True
        self._log: TradeLog = []

    def __call__(self, item: Any) -> None:
        super().__call__(item)
        if item.id <= self._newest:
            self._complain(f"{self.name}: trade {item.id} after {self._newest}")
        self._newest = max(self._newest, item.id)
        self._log.append(("trade", item.id))

    def on_event(self, event: Any) -> None:
        super().on_event(event)
        if isinstance(event, Gap) and event.dropped:
            self._lost_some = True
        elif isinstance(event, Snapshot):
            if self._lost_some and event.rows:
                self._newest = max(self._newest, event.rows[-1].id)
                self._log.append(("start", event.rows[-1].id))
            elif event.has_hole and event.rows:
                # All of them follow as updates.
                self._log.append(("start", event.rows[0].id - 1))
            self._lost_some = False

    def taken(self) -> TradeLog:
        """Return what has come since the last call."""
        # In one step of the interpreter, as another thread appends.
        taken, self._log = self._log, []
        return taken


def watch_for(request: Request, complain: Callable[[str], object]) -> Watch:
    """Return the checks of a subscription."""
    is_trades = request["channel"] == "trades"
    return (TradeWatch if is_trades else Watch)(request, complain)


def missing(
    log: TradeLog, last: Optional[int], ids: List[int]
) -> Tuple[List[int], Optional[int]]:
    """
    Compare what was delivered with the trades of the exchange.

    Parameters
    ----------
    log : list
    last : int or None
        The newest id of the last call; None before the first.
    ids : list of int
        Of the exchange, sorted: all from `last` on.

    Returns
    -------
    list of int, int or None
        Ids that were not delivered although nothing said so, and the newest that was.
    """
    lost: List[int] = []
    for kind, id in log:
        if kind == "trade" and last is not None:
            lost += [each for each in ids if last < each < id]
        last = id
    return lost, last
