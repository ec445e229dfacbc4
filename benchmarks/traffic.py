"""
The data that the benchmarks send: synthetic but realistic, and the same in every run.

Frames are texts in the exchange's layout, without the closing bracket, so that the server can
append a sequence number for clients that request one.
"""

from __future__ import annotations

import json
import random
import zlib
from typing import Any, Dict, Iterator, List, NamedTuple, Tuple, Type, Union

BOOK_LEN = 25

#: Updates between two checksums.
CHECKSUM_EVERY = 10

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
    "checksums": {"book": 1},
    "tickers-25": {"ticker": 25},
    "tickers-250": {"ticker": 250},
    "account": {"account": 1},
}

#: The columns that all clients have: bid, ask and volume; id, time, amount and price; price, count
#: and amount.
_COLUMNS = {"ticker": (0, 2, 7), "trades": (0, 1, 2, 3), "book": (0, 1, 2)}

#: Of the account, by the length of the row: orders (id, amount, price), trades (id, amount, price)
#: and wallets (balance).
_ACCOUNT_COLUMNS = {32: (0, 6, 16), 12: (0, 4, 5), 7: (2,)}

ACCOUNT = Channel("account", "account", 0)


def values(kind: str, row: List[Any]) -> List[float]:
    """Return the values of a row that all clients have."""
    is_account = kind == ACCOUNT.name
    columns = _ACCOUNT_COLUMNS[len(row)] if is_account else _COLUMNS[kind]
    return [row[index] for index in columns]


def channels(flood: str) -> List[Channel]:
    """Return the channels of a flood."""
    if flood == ACCOUNT.name:
        return [ACCOUNT]
    kinds = [kind for kind, count in FLOODS[flood].items() for _ in range(count)]
    return [
        Channel(kind, f"tC{index:02X}USD", 761045 + 31 * index)
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

    def checksum(self) -> str:
        """Return the checksum as a frame."""
        bids, asks = (
            [
                f"{self._price(is_ask, distance):g}:{number_text(amount)}"
                for distance, amount in sorted(self._sides[is_ask].items())
            ]
            for is_ask in (False, True)
        )
        asks = [text.replace(":", ":-") for text in asks]
        texts = []
        for index in range(BOOK_LEN):
            texts += bids[index : index + 1] + asks[index : index + 1]
        crc = zlib.crc32(":".join(texts).encode())
        return f'[{self._chan_id},"cs",{crc - (crc >> 31 << 32)}'

    def _amount(self) -> float:
        return round(self._rng.uniform(0.01, 4), 8)

    @staticmethod
    def _price(is_ask: bool, distance: int) -> float:
        return (64431 + distance if is_ask else 64431 - distance) / 10

    def _row(self, is_ask: bool, distance: int, count: int, amount: float) -> str:
        price = f"{self._price(is_ask, distance):g}"
        return f"[{price},{count},{-amount if is_ask else amount}]"


class AccountSource:
    """Orders that are placed, filled in two parts, and closed, with trades and wallets."""

    def __init__(self, chan_id: int, rng: random.Random) -> None:
        self._rng = rng
        self._id = 180000000000

    def first(self) -> str:
        return '[0,"fls",[]'

    def step(self) -> Iterator[str]:
        rng = self._rng
        self._id += rng.randrange(1, 50)
        amount = rng.choice((1, -1)) * round(rng.uniform(0.002, 3), 8)
        half, price = round(amount / 2, 8), 86000 + rng.randrange(1000)
        yield self._order("on", amount, amount, price, "ACTIVE")
        yield self._wallet()
        for left in (amount - half, 0.0):
            trade = (
                f'[{self._id + 7},"tBTCUSD",1790000000000,{self._id},{half},{price},'
                f'"EXCHANGE LIMIT",{price},1'
            )
            self._id += 1
            yield f'[0,"te",{trade},null,null,{self._id}]'
            yield self._order("ou" if left else "oc", left, amount, price, "EXECUTED")
            yield f'[0,"tu",{trade},-0.00012,"BTC",{self._id}]'
            yield self._wallet()

    def _order(
        self, code: str, left: float, amount: float, price: int, status: str
    ) -> str:
        return (
            f'[0,"{code}",[{self._id},null,{self._id},"tBTCUSD",1790000000000,1790000000001,'
            f'{left},{amount},"EXCHANGE LIMIT",null,null,null,0,"{status}",null,null,{price},'
            f'{price},0,0,null,null,null,0,0,null,null,null,"API>BFX",null,null,null]'
        )

    def _wallet(self) -> str:
        balance = round(self._rng.uniform(1000, 9000), 8)
        return f'[0,"wu",["exchange","USD",{balance},0,{balance},"Exchange",null]'


def number_text(number: float) -> str:
    """Return a number that is not tiny as JavaScript shows it."""
    return f"{number:.8f}".rstrip("0").rstrip(".")


def is_checksum(text: str) -> bool:
    return '"cs"' in text


Source = Union[TickerSource, TradesSource, BookSource, AccountSource]

SOURCES: Dict[str, Type[Source]] = {
    "ticker": TickerSource,
    "trades": TradesSource,
    "book": BookSource,
    "account": AccountSource,
}


class Traffic:
    """
    The frames of a flood: the first frame of each channel, then `count` updates in random order.

    Attributes
    ----------
    first : dict
        From chan_id to the text of the channel's first frame.
    texts : list of str
        The flood; checksums come in addition to its updates.
    books : dict
        From symbol to the levels at the end of the flood.
    """

    def __init__(
        self, flood: str, count: int, checksum_every: int = CHECKSUM_EVERY
    ) -> None:
        rng = random.Random(20261120)
        self._wanted = channels(flood)
        sources = [SOURCES[each.name](each.chan_id, rng) for each in self._wanted]
        self.first = {
            each.chan_id: source.first() for each, source in zip(self._wanted, sources)
        }
        self.texts: List[str] = []
        updates, due = 0, checksum_every
        while updates < count:
            source = rng.choice(sources)
            for text in source.step():
                self.texts.append(text)
                updates += 1
                # The books match the last text, even in the middle of a step.
                if updates == count:
                    break
            if flood == "checksums" and updates >= due:
                due = updates + checksum_every
                assert isinstance(source, BookSource)
                self.texts.append(source.checksum())
        self.books: Dict[str, Levels] = {
            each.symbol: source.levels()
            for each, source in zip(self._wanted, sources)
            if isinstance(source, BookSource)
        }

    def expected(self) -> Dict[str, List[List[float]]]:
        """
        Return the values of all updates in order, by symbol, a ticker's first frame included.

        Trades are there twice: all by symbol, and te and tu apart.
        """
        by_id = {each.chan_id: each for each in self._wanted}
        found: Dict[str, List[List[float]]] = {}
        tickers = [
            text for id_, text in self.first.items() if by_id[id_].name == "ticker"
        ]
        for text in tickers + self.texts:
            if is_checksum(text):
                continue
            chan_id, *rest = json.loads(text + "]")
            channel = by_id[chan_id]
            keys = [channel.symbol]
            if channel.name == "trades":
                keys.append(f"{channel.symbol} {rest[0]}")
            for key in keys:
                found.setdefault(key, []).append(values(channel.name, rest[-1]))
        return found
