"""Whatever happens on the way: gap → snapshot → updates, and the book of the server."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stream_model import KEYS, Consumer, StreamModel

from bfxsync.models import Trade
from bfxsync.models.stream import Degraded, Gap, Snapshot, Status
from bfxsync.streams.session import MAX_LOOKUP_S, StreamSession
from bfxsync.streams.stream_state import Phase
from bfxsync.wire.channels import channel_for
from bfxsync.wire.commands import Subscribe
from bfxsync.wire.outputs import Deliver

pytestmark = pytest.mark.once

STEPS = st.sampled_from(
    [
        *["news"] * 6,
        *["look up", "read one", "read"] * 3,
        "snapshot",
        "socket lost",
        "socket lost and back",
        "take over",
        "take over with snapshot",
        "trim",
        "trim all",
        "flush",
        "relay away",
        "lose",
        "wait",
    ]
)


class Server:
    """A book and trades as the exchange has them, and the frames about their changes."""

    def __init__(self):
        self.levels = {price: 1 for price in range(95, 105)}
        self.trade_ids = [1]

    def news(self, number):
        price = 95 + number % 10
        self.levels[price] = 1 + number % 7
        self.trade_ids.append(self.trade_ids[-1] + 1)
        return (
            json.dumps([5, self.level(price), 1]).encode(),
            json.dumps([5, "te", self.trade(self.trade_ids[-1]), 1]).encode(),
        )

    def level(self, price):
        return [price, self.levels[price], 1.0 if price < 100 else -1.0]

    def trade(self, number):
        return [number, 1_574_694_475_039, 0.5, 100.0]

    @property
    def rows(self):
        bids = sorted((p for p in self.levels if p < 100), reverse=True)
        asks = sorted(p for p in self.levels if p >= 100)
        book = [self.level(price) for price in [*bids, *asks]]
        trades = [self.trade(number) for number in self.trade_ids[:-251:-1]]
        return json.dumps(book).encode(), json.dumps(trades).encode()


class Reader:
    """Checks the order of what one subscription gets, and builds a book from it."""

    def __init__(self):
        self.has_snapshot = False
        self.levels = {}
        self.trade_ids = []
        self.missing = False

    def take(self, item):
        if isinstance(item, Gap):
            assert self.has_snapshot, "two gaps without a snapshot between them"
            self.has_snapshot = False
            self.levels = {}
        elif isinstance(item, Snapshot):
            assert not self.has_snapshot, "a snapshot without a gap"
            self.has_snapshot = True
            self.missing |= item.has_hole
            if not item.rows or not isinstance(item.rows[0], Trade):
                self.levels = {level.price: level.count for level in item.rows}
        elif isinstance(item, Trade):
            assert self.has_snapshot, "data without a snapshot"
            self.trade_ids.append(item.id)
        else:
            assert not isinstance(item, Degraded)
            if not isinstance(item, Status):
                assert self.has_snapshot, "data without a snapshot"
                self.levels[item.price] = item.count


class Scenario:
    def __init__(self):
        self.server = Server()
        channels = {
            "book": channel_for("book", symbol="tBTCUSD"),
            "trades": channel_for("trades", symbol="tBTCUSD"),
        }
        self.models = [StreamModel(channel) for channel in channels.values()]
        self.book = channels["book"]
        self.session = StreamSession(KEYS)
        self.consumer = Consumer(self.session, *self.models)
        self.readers = {name: Reader() for name in channels}
        for name, channel in channels.items():
            self.consumer.apply(Subscribe(name, channel))
        self.consumer.open()
        self.number = 0
        self.is_writing = False

    def each(self, method, *arguments):
        for model in self.models:
            getattr(model, method)(*arguments)

    def lead(self):
        self.number += 1
        epoch = 1_000 + self.number
        self.each("lead", epoch)

    def snap(self):
        for model, rows in zip(self.models, self.server.rows):
            model.snap(rows)
        self.is_writing = True

    def step(self, step):
        self.number += 1
        consumer = self.consumer
        has_relay = self.models[0].has_relay
        if step == "news":
            frames = self.server.news(self.number)
            if self.is_writing:
                for model, frame in zip(self.models, frames):
                    model.frames(frame)
        elif step == "snapshot" and self.is_writing:
            self.snap()
        elif step.startswith("socket lost") and has_relay:
            self.is_writing = False
            self.each("gap")
            if step.endswith("back"):
                self.snap()
        elif step.startswith("take over"):
            self.is_writing = False
            self.lead()
            if step.endswith("snapshot"):
                self.snap()
        elif step.startswith("trim"):
            self.each("trim", 0 if step.endswith("all") else 1)
        elif step == "flush":
            self.is_writing = False
            self.each("flush")
        elif step == "relay away":
            self.is_writing = False
            for model in self.models:
                model.has_relay = False
        elif step == "lose":
            consumer.lose()
            self.check()
            consumer.open()
        elif step == "look up":
            consumer.look_up()
        elif step.startswith("read"):
            consumer.read(1 if step.endswith("one") else 100)
        elif step == "wait":
            consumer.turn(MAX_LOOKUP_S)
        self.check()

    def check(self):
        for output in self.consumer.taken():
            if isinstance(output, Deliver):
                for item in output.updates:
                    self.readers[output.token].take(item)
        # What was delivered is what the book has, or it is not ready.
        state = self.session._states["book"]
        if state.phase in (Phase.LIVE, Phase.AUDIT):
            assert self.readers["book"].levels == self.levels
        else:
            assert not self.readers["book"].has_snapshot

    @property
    def levels(self):
        book = self.book.book
        return {level.price: level.count for level in book.bids() + book.asks()}


@settings(deadline=None)
@given(st.lists(STEPS, max_size=60))
def test_every_gap_has_a_snapshot_and_the_book_is_the_servers(steps):
    scenario = Scenario()
    for step in steps:
        scenario.step(step)
    for step in ("take over with snapshot", *["wait"] * 4, "news", "read"):
        scenario.step(step)
    assert scenario.levels == scenario.server.levels
    ids = scenario.readers["trades"].trade_ids
    assert ids == sorted(set(ids)), "each trade once, in order"
    # More than 250 cannot be missed here, so none is.
    if ids:
        assert ids == list(range(ids[0], scenario.server.trade_ids[-1] + 1))
    assert not scenario.readers["trades"].missing


CHANGES = st.lists(
    st.sampled_from(["frames", "snap", "gap", "lead", "trim"]), max_size=12
)


@settings(deadline=None)
@given(CHANGES, CHANGES, st.integers(1, 5))
def test_any_cut_of_the_reads_delivers_the_same(before, after, count):
    """Late or early, entry by entry or at once: the state at the end is the same."""
    ends = []
    for size in (count, 1_000):
        channel = channel_for("ticker", symbol="tBTCUSD")
        model = StreamModel(channel)
        consumer = Consumer(StreamSession(KEYS), model)
        consumer.apply(Subscribe("t", channel))
        model.lead()
        price = 100
        for index, change in enumerate([*before, "", *after, "snap"]):
            price += 1
            row = json.dumps([price, *[1.0] * 9]).encode()
            if change == "frames":
                model.frames(b"[7," + row + b",1]")
            elif change == "snap":
                model.snap(row)
            elif change == "trim":
                model.trim(2)
            elif change:
                getattr(model, change)()
            else:
                consumer.open()
            if index >= len(before):
                consumer.turn(0.5)
        for _ in range(100):
            consumer.now += 1.0
            consumer.look_up()
            consumer.read(size)
        assert channel.is_live
        ends.append(channel.restart())
    assert ends[0] == ends[1]
