"""
R11: the local checksum equals the exchange's at every ``cs``, on generated and recorded runs.

Strategy: a random market of the local exchange is watched at every precision and length at once,
and each watcher is a book channel of the client, fed with the texts that would be on the wire: no
sockets, no clocks. The exchange derives rows and checksums from whole numbers of its own, so the
two share nothing but the format.
"""

from __future__ import annotations

import gzip
import json
from collections import Counter
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any, Dict, Sequence

import pytest
from checksum_reference import plain_checksum

import bfxsync.paper
from bfxsync.paper.markets.random import RandomMarket
from bfxsync.paper.markets.recipes import RECIPES
from bfxsync.paper.server.feeds import LENGTHS, PRECISIONS, Identity
from bfxsync.paper.server.market_data import MarketData
from bfxsync.wire.channels import BookChannel, channel_for
from bfxsync.wire.codec import loads_for

pytestmark = pytest.mark.once

MTS = 1_700_000_000_000


class Watcher:
    """A subscriber of the local exchange, and the client's channel that gets what it is sent."""

    def __init__(
        self, market_data: MarketData, identity: Identity, number: Any, bulk: bool
    ) -> None:
        channel = channel_for(
            "book",
            symbol=identity.symbol,
            prec=identity.prec,
            len=identity.length,
            number=number,
        )
        assert isinstance(channel, BookChannel)
        channel.is_bulk = bulk
        self.channel = channel
        self.length = identity.length
        self.checksums = 0
        self._loads = loads_for(number)
        self._bulk = bulk
        self._block: list[Any] = []
        first = market_data.subscribe(identity, self)
        assert first is not None
        self.frame(first)

    def frame(self, body: str) -> None:
        self._block.append(self._loads(f"[1,{body}]".encode()))

    def rows(self, rows: Sequence[str]) -> None:
        for body in [f"[{','.join(rows)}]"] if self._bulk else rows:
            self.frame(body)

    def checksum(self, value: int) -> None:
        self.checksums += 1
        self.frame(f'"cs",{value}')

    def read(self) -> None:
        """Let the channel have what came since the last time, as one block."""
        block, self._block = self._block, []
        self.channel.feed_many(block)
        assert self.channel.resync_reason is None, self.channel.errors


def run(symbol: str, seed: int, number: Any, events: int) -> list[Watcher]:
    """Let things happen and every watcher see them, with a checksum after each change."""
    market = RandomMarket(RECIPES[symbol], seed, MTS)
    market_data = MarketData(checksum_s=0.0, now_mts=lambda: MTS)
    market_data.add(market)
    watchers = [
        Watcher(market_data, Identity("book", symbol, prec, "F0", length), number, bulk)
        for prec in PRECISIONS
        for length in LENGTHS
        for bulk in (False, True)
    ]
    for index in range(events):
        market.clock += 0.01
        market_data.publish(market, market.step(MTS + index))
        market_data.tick(market)
        for watcher in watchers:
            watcher.read()
    return watchers


def check(watchers: list[Watcher], events: int) -> None:
    for watcher in watchers:
        channel = watcher.channel
        where = channel.arguments
        assert channel.mismatch_count == 0, where
        assert channel.verified_count == watcher.checksums, where
        assert channel.book.unknown_deletes == 0, where
        bids, asks = channel.book.levels()
        assert 0 < max(len(bids), len(asks)) <= watcher.length, where
    # A book that never changes would pass too: the longest and finest changes nearly always.
    assert max(watcher.checksums for watcher in watchers) > events * 0.9
    assert min(watcher.checksums for watcher in watchers) > 0


@pytest.mark.parametrize(
    "symbol, seed, number",
    [
        ("tBTCUSD", 1, float),
        ("tETHUSD", 2, Decimal),
        ("tLTCBTC", 3, float),
        ("tLTCBTC", 4, Decimal),
    ],
)
def test_r11_checksums_are_equal_at_every_cs_in_every_precision_and_length(
    symbol: str, seed: int, number: Any
) -> None:
    check(run(symbol, seed, number, 300), 300)


@pytest.mark.long
@pytest.mark.parametrize("symbol", ["tBTCUSD", "tETHUSD", "tLTCBTC", "tBTCF0:USTF0"])
def test_r11_checksums_stay_equal_through_long_runs(symbol: str) -> None:
    for seed in range(100, 110):
        check(run(symbol, seed, Decimal if seed % 2 else float, 1_000), 1_000)


def test_r11_checksums_of_funding_books_are_not_compared() -> None:
    """The real exchange's are known not to follow its documentation."""
    channel = channel_for("book", symbol="fUSD")
    assert isinstance(channel, BookChannel)
    level = [0.0002, 30, 1, 1000.5]
    channel.feed_many([[1, [level]], [1, "cs", channel.book.checksum() + 1]])
    channel.feed_many([[1, "cs", 12345]])
    assert (channel.verified_count, channel.mismatch_count) == (0, 0)
    assert channel.resync_reason is None and channel.errors == []
    assert len(channel.book) == 1


@pytest.mark.parametrize("number", [float, Decimal])
@pytest.mark.parametrize(
    "name, books", [("btcusd-20181112", 1), ("public-20210417", 7)]
)
def test_r11_checksums_along_a_recorded_run_are_those_of_its_levels(
    name: str, books: int, number: Any
) -> None:
    """They have no checksums, so each is made of the levels in plain arithmetic."""
    path = Path(bfxsync.paper.__file__).parent / "data" / f"{name}.jsonl.gz"
    loads = loads_for(number)
    channels: Dict[int, BookChannel] = {}
    compared: Counter[int] = Counter()
    index = 0
    with gzip.open(path, "rt", encoding="utf-8") as file:
        lines = list(islice(file, 5_000))
    for line in lines:
        frame = loads(json.loads(line).get("frame", "{}").encode())
        if isinstance(frame, dict):
            if frame.get("event") == "subscribed" and frame["channel"] == "book":
                channel = channel_for("book", symbol=frame["symbol"], number=number)
                assert isinstance(channel, BookChannel)
                channels[frame["chanId"]] = channel
        elif frame[0] in channels and frame[1] != "hb":
            channel = channels[frame[0]]
            channel.feed_many([frame])
            # So one level has changed since the last checksum, or many.
            index += 1
            if index % 50 < 3:
                sides = [
                    [(level.price, level.amount) for level in side]
                    for side in channel.book.levels()
                ]
                channel.feed_many([[frame[0], "cs", plain_checksum(*sides)]])
                compared[frame[0]] += 1
    assert len(channels) == books
    assert sum(compared.values()) > 50
    for chan_id, channel in channels.items():
        assert (channel.errors, channel.mismatch_count) == ([], 0)
        assert channel.verified_count == compared[chan_id]
