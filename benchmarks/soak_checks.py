"""
Compares what the client of the soak has with what the exchange knows.

Strategy: the market goes on, so a book is compared when nothing can have been on its way: it is
read from the exchange, then the client answers a ping on each connection and its copy is read, then
the exchange's is read again. If both of the exchange's are the same, so must be the client's; else
the book is tried again. A difference counts if it is still there at the deadline: the client may be
about to repair it. Orders are compared in the same way, again and again until the deadline.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from functools import partial
from typing import Any, Callable, Dict, List, Mapping, Optional, Set, Tuple, TypeVar

from soak_channels import SYMBOLS, Request, missing, name_of

from bfxsync.paper import PaperExchange
from tests.integration.order_judge import OrderJudge

T = TypeVar("T")

Ask = Callable[..., Any]
"""Sends a command to the client, and returns its answer."""

#: How often a book must have differed at the least before that counts.
FEWEST_TRIES = 3

#: Rounds in which a book may have changed too often to be compared.
MOST_SKIPPED_ROUNDS = 5

_MOMENT_S = 0.05


def until(deadline: float, check: Callable[[], Optional[T]]) -> Optional[T]:
    """Return None once a check finds nothing, or what it found last."""
    pause = threading.Event()
    while True:
        found = check()
        if found is None or time.monotonic() > deadline:
            return found
        pause.wait(0.5)


class Books:
    """
    Compares all books.

    Attributes
    ----------
    compared_count, skipped_count : int
        Books that were the same; and those that could not be compared in a round, as they changed
        too often or were known to be wrong.
    """

    def __init__(
        self, exchange: PaperExchange, ask: Ask, requests: List[Request]
    ) -> None:
        self._exchange = exchange
        self._ask = ask
        self._requests = {
            number: request
            for number, request in enumerate(requests)
            if request["channel"] == "book"
        }
        self._rounds = 0
        # The last round in which a book was compared.
        self._compared = dict.fromkeys(self._requests, 0)
        self.compared_count = 0
        self.skipped_count = 0

    def check(self, timeout_s: float) -> List[str]:
        """Compare each book once; return what differs."""
        self._rounds += 1
        deadline = time.monotonic() + timeout_s
        left = set(self._requests)
        differing: Counter[int] = Counter()
        pause = threading.Event()
        tries = 0
        while left and (tries < FEWEST_TRIES or time.monotonic() < deadline):
            tries += 1
            # A market at a time, as fewer books change in less time.
            for symbol in sorted({self._requests[n]["symbol"] for n in left}):
                numbers = [n for n in left if self._requests[n]["symbol"] == symbol]
                same, different = self._compare(sorted(numbers))
                left.difference_update(same)
                self._compared.update(dict.fromkeys(same, self._rounds))
                differing.update(different)
            pause.wait(_MOMENT_S)
        self.compared_count += len(self._requests) - len(left)
        self.skipped_count += len(left)
        return [
            f"the book {name_of(self._requests[number])} is not the exchange's"
            for number in sorted(left)
            if differing[number] >= FEWEST_TRIES
        ]

    def neglected(self) -> List[str]:
        """Return the books that were not compared for many rounds."""
        return [
            f"the book {name_of(self._requests[number])} was not compared"
            for number, last in self._compared.items()
            if last <= max(0, self._rounds - MOST_SKIPPED_ROUNDS)
        ]

    def _compare(self, numbers: List[int]) -> Tuple[List[int], List[int]]:
        """Return the books that are the same, and those that are not, if that is certain."""
        before = [self._truth(number) for number in numbers]
        held = self._ask("books", numbers)
        same, different = [], []
        for number, truth in zip(numbers, before):
            copy = held[number]
            if copy is not None and self._truth(number) == truth:
                (same if _sorted(copy) == truth else different).append(number)
        return same, different

    def _truth(self, number: int) -> Any:
        request = self._requests[number]
        fields = {
            key: request[key] for key in ("prec", "len", "freq") if key in request
        }
        return _sorted(self._exchange.book(request["symbol"], **fields))


def _sorted(sides: Any) -> List[Any]:
    return [sorted(map(list, side)) for side in sides]


class Trades:
    """
    Compares trades that were delivered with those of the exchange.

    Attributes
    ----------
    count : int
        Trades that were compared.
    """

    def __init__(self, exchange: PaperExchange, ask: Ask) -> None:
        self._public = exchange.client()
        self._ask = ask
        self._last: Dict[str, Optional[int]] = dict.fromkeys(SYMBOLS)
        self.count = 0

    def check(self) -> List[str]:
        """Compare what has come since the last call; return what is missing."""
        found = []
        for symbol, log in self._ask("trades").items():
            last = self._last[symbol]
            first = log[0][1] if last is None and log else last
            ids = self._ids(symbol, first) if log else []
            lost, self._last[symbol] = missing(log, last, ids)
            self.count += sum(kind == "trade" for kind, _ in log)
            if lost:
                found.append(
                    f"trades {symbol}: {len(lost)} missing without a gap: {lost[:5]}"
                )
        return found

    def close(self) -> None:
        self._public.close()

    def _ids(self, symbol: str, first: Optional[int]) -> List[int]:
        rest = self._public.rest.public
        read = rest.get_t_trades if symbol.startswith("t") else rest.get_f_trades
        for limit in (500, 10_000):
            ids = sorted(trade.id for trade in read(symbol, limit=limit))
            if first is None or (ids and ids[0] <= first):
                return ids
        raise AssertionError(f"the exchange has forgotten trades of {symbol}")


class Orders:
    """
    Compares what the client was told about its orders with the exchange's journal.

    Attributes
    ----------
    fates : dict
        The outcome of each input, by its kind and key.
    """

    def __init__(self, exchange: PaperExchange, ask: Ask) -> None:
        self.judge = OrderJudge(exchange)
        self._ask = ask
        self._fills: Counter[Tuple[int, int]] = Counter()
        self.fates: Dict[Any, str] = {}
        self._said: Set[Any] = set()

    def check(self, timeout_s: float) -> List[str]:
        """Compare all that is known; return the differences that last until the deadline."""
        deadline = time.monotonic() + timeout_s
        seen: Dict[Any, Any] = {}
        found = until(deadline, lambda: self._compare(seen))
        # What was said once is not said in each round to come.
        new = [text for what, text in found or () if what not in self._said]
        self._said.update(what for what, _ in found or ())
        return new

    def totals(self) -> Mapping[str, int]:
        """Return how many inputs there were of each kind and outcome."""
        return Counter(f"{kind}: {fate}" for (kind, _), fate in self.fates.items())

    def _compare(self, seen: Dict[Any, Any]) -> Optional[List[Tuple[Any, str]]]:
        report = self._ask("orders")
        for deed in (*report["live"], *report["rest"]):
            # Later news of the same replaces it.
            seen[deed.kind, deed.key] = deed
        self._fills.update(report["fills"])
        found: List[Tuple[Any, str]] = []

        def verify(what: Any, check: Callable[[], Any]) -> Any:
            try:
                return check()
            except AssertionError as wrong:
                found.append((what, f"{what}: {wrong}"[:2000]))
                return "wrong"

        judge = self.judge
        judge.read()
        for place, deed in seen.items():
            options = {} if hasattr(deed, "was_unknown") else {"has_fees": False}
            check = partial(deed.check, judge, **options)
            self.fates[place] = verify(place, check)
        held = report["orders"], report["offers"]
        verify("the state of the account", lambda: judge.judge_state(*held))
        verify("the fills of the account", lambda: judge.judge_fills(self._fills))
        verify("the inputs", judge.judge_repeats)
        return found or None
