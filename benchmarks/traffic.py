"""
The data that the benchmarks send: synthetic but realistic, and the same in every run.

Frames are texts in the exchange's layout, without the closing bracket, so that the server can
append a sequence number for clients that request one.
"""

from __future__ import annotations

import random
from typing import Dict, Iterator, List, NamedTuple, Tuple, Type, Union

BOOK_LEN = 25

#: The final state of a book: (price, amount) of all bids, then of all asks, best first.
Levels = List[Tuple[float, float]]


class Channel(NamedTuple):
    """One channel that the client subscribes to."""

    name: str
    symbol: str
    chan_id: int


#: The number of channels of each kind in a flood.
FLOODS: Dict[str, Dict[str, int]] = {
    "ticker": {"ticker": 1},
    "trades": {"trades": 1},
    "book": {"book": 1},
    "mixed": {"ticker": 9, "trades": 8, "book": 8},
    "tls": {"ticker": 1},
}


def channels(flood: str) -> List[Channel]:
    """Return the channels of a flood."""
    kinds = [kind for kind, count in FLOODS[flood].items() for _ in range(count)]
    return [
        Channel(kind, f"tC{index:02}USD", 761045 + 31 * index)
        for index, kind in enumerate(kinds)
    ]


class TickerSource:
    """A ticker in the current layout: ten numbers and a null."""

    def __init__(self, chan_id: int, rng: random.Random) -> None:
        self._chan_id = chan_id
        self._rng = rng

    def first(self) -> str:
        return next(self.step())

    def step(self) -> Iterator[str]:
        rng = self._rng
        bid = 86000 + rng.randrange(1000)
        bid_size, ask_size = (round(rng.uniform(5, 40), 8) for _ in "ba")
        volume = round(rng.uniform(400, 900), 8)
        yield ticker_text(self._chan_id, bid, bid_size, ask_size, volume)


def ticker_text(
    chan_id: int, bid: int, bid_size: float, ask_size: float, volume: float
) -> str:
    return (
        f"[{chan_id},[{bid},{bid_size},{bid + 26},{ask_size},"
        f"1060,0.01237494,{bid + 20},{volume},86898,85156,null]"
    )


class TradesSource:
    """Trades, each as a `te` and then a `tu`."""

    def __init__(self, chan_id: int, rng: random.Random) -> None:
        self._chan_id = chan_id
        self._rng = rng
        self._id = 1800000000
        self._mts = 1790000000000

    def first(self) -> str:
        rows = [self._row() for _ in range(30)]
        return f"[{self._chan_id},[{','.join(reversed(rows))}]"

    def step(self) -> Iterator[str]:
        row = self._row()
        yield f'[{self._chan_id},"te",{row}'
        yield f'[{self._chan_id},"tu",{row}'

    def _row(self) -> str:
        rng = self._rng
        self._id += rng.randrange(1, 4)
        self._mts += rng.randrange(40)
        amount = rng.choice((1, -1)) * round(rng.uniform(0.001, 3), 8)
        return f"[{self._id},{self._mts},{amount},{86000 + rng.randrange(1000)}]"


class BookSource:
    """
    A P0 book of 25 levels per side, with changed amounts and replaced levels.

    A third of the frames are deletes, as on the wire, and most changes are near the best price.
    """

    def __init__(self, chan_id: int, rng: random.Random) -> None:
        self._chan_id = chan_id
        self._rng = rng
        # From the distance to the mid price, in ticks, to the amount; bids, then asks.
        self._sides: Tuple[Dict[int, float], Dict[int, float]] = (
            {distance: self._amount() for distance in range(1, BOOK_LEN + 1)},
            {distance: self._amount() for distance in range(1, BOOK_LEN + 1)},
        )

    def first(self) -> str:
        rows = [
            self._row(is_ask, distance, 3, amount)
            for is_ask in (False, True)
            for distance, amount in sorted(self._sides[is_ask].items())
        ]
        return f"[{self._chan_id},[{','.join(rows)}]"

    def step(self) -> Iterator[str]:
        rng = self._rng
        is_ask = rng.random() < 0.5
        side = self._sides[is_ask]
        distances = sorted(side)
        distance = distances[min(int(rng.expovariate(0.2)), BOOK_LEN - 1)]
        if rng.random() >= 0.45:
            del side[distance]
            yield f"[{self._chan_id},{self._row(is_ask, distance, 0, 1)}"
            free = [other for other in range(1, 2 * BOOK_LEN) if other not in side]
            distance = free[min(int(rng.expovariate(0.2)), len(free) - 1)]
        side[distance] = self._amount()
        count = rng.randrange(1, 6)
        yield f"[{self._chan_id},{self._row(is_ask, distance, count, side[distance])}"

    def levels(self) -> Levels:
        """Return the whole book in its final state."""
        return [
            (self._price(is_ask, distance), -amount if is_ask else amount)
            for is_ask in (False, True)
            for distance, amount in sorted(self._sides[is_ask].items())
        ]

    def _amount(self) -> float:
        return round(self._rng.uniform(0.01, 4), 8)

    @staticmethod
    def _price(is_ask: bool, distance: int) -> float:
        return (64431 + distance if is_ask else 64431 - distance) / 10

    def _row(self, is_ask: bool, distance: int, count: int, amount: float) -> str:
        price = f"{self._price(is_ask, distance):g}"
        return f"[{price},{count},{-amount if is_ask else amount}]"


Source = Union[TickerSource, TradesSource, BookSource]

SOURCES: Dict[str, Type[Source]] = {
    "ticker": TickerSource,
    "trades": TradesSource,
    "book": BookSource,
}


class Traffic:
    """
    The frames of a flood: the first frame of each channel, then `count` more in random order.

    Attributes
    ----------
    first : dict
        From chan_id to the text of the channel's first frame.
    texts : list of str
        The flood.
    books : dict
        From symbol to the levels at the end of the flood.
    """

    def __init__(self, flood: str, count: int) -> None:
        rng = random.Random(20261120)
        wanted = channels(flood)
        sources = [SOURCES[each.name](each.chan_id, rng) for each in wanted]
        self.first = {
            each.chan_id: source.first() for each, source in zip(wanted, sources)
        }
        self.texts: List[str] = []
        while len(self.texts) < count:
            for text in rng.choice(sources).step():
                self.texts.append(text)
                # The books match the last text, even in the middle of a step.
                if len(self.texts) == count:
                    break
        self.books: Dict[str, Levels] = {
            each.symbol: source.levels()
            for each, source in zip(wanted, sources)
            if isinstance(source, BookSource)
        }
