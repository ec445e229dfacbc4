"""
R03: a recorded run, cut at any frame and gone on with, tells every subscription the truth.

Strategy: `Run` knows the state of every channel after each recorded frame, so it can be the
exchange of a connection that begins anywhere: it greets, acknowledges, sends snapshots of that
state, and goes on with what was recorded. What it has to say is known without the client.
"""

from __future__ import annotations

import gzip
import json
import re
from functools import lru_cache
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple, Set

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bfxsync.paper
from bfxsync._base.enums import Flag
from bfxsync.models import BookUpdate, Gap, Snapshot, Trade
from bfxsync.wire.channels import BookChannel, channel_for
from bfxsync.wire.commands import Subscribe
from bfxsync.wire.outputs import Deliver, Output, Report, Send
from bfxsync.wire.session import Session

pytestmark = pytest.mark.once

DATA = Path(bfxsync.paper.__file__).parent / "data"

BUSY, SEVEN_PAIRS = "btcusd-20181112", "public-20210417"

FLAGS = int(Flag.SEQ_ALL)

SNAPSHOT_TRADES = 30

CONTRACT = re.compile(r"(S\.*)?(GS\.*)*")
"""A snapshot and its updates, and the same after each gap."""


class State:
    """A channel as it is after some of its frames, as the next subscriber is told of it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.has_begun = False
        self.ticker: List[Any] = []
        self.trades: List[List[Any]] = []
        self.levels: Dict[Any, List[Any]] = {}

    def take(self, body: List[Any]) -> None:
        """Take what a frame says, without its channel."""
        if body[0] == "hb":
            return
        self.has_begun = True
        if self.name == "ticker":
            self.ticker = body[0]
        elif self.name == "trades":
            rows = body[0] if isinstance(body[0], list) else [body[1]]
            known = {row[0] for row in self.trades}
            self.trades = [*(row for row in rows if row[0] not in known), *self.trades]
        else:
            for row in body[0] if isinstance(body[0][0], list) else [body[0]]:
                price, count, amount = row
                if count:
                    self.levels[price, amount > 0] = row
                else:
                    self.levels.pop((price, amount > 0), None)

    def snapshot(self) -> List[Any]:
        """Return the first frame of a subscription."""
        if self.name == "ticker":
            return self.ticker
        if self.name == "trades":
            return self.trades[:SNAPSHOT_TRADES]
        return sorted(self.levels.values(), key=lambda row: (row[2] < 0, abs(row[0])))

    def sides(self) -> List[List[Any]]:
        """Return the levels of a book, best first."""
        bids = [row for row in self.levels.values() if row[2] > 0]
        asks = [row for row in self.levels.values() if row[2] < 0]
        return [*sorted(bids, reverse=True), *sorted(asks)]


class Run(NamedTuple):
    """
    What was recorded.

    Attributes
    ----------
    acks : list of dict
    frames : list of list
        All data and heartbeats, without sequence numbers.
    """

    acks: List[Dict[str, Any]]
    frames: List[List[Any]]

    @property
    def requests(self) -> List[Dict[str, Any]]:
        """What is subscribed to."""
        fields = ("channel", "symbol", "prec", "freq", "len")
        return [
            {field: str(ack[field]) for field in fields if field in ack}
            for ack in self.acks
        ]

    def states(self, end: int) -> Dict[int, State]:
        """Return every channel as it is after so many frames."""
        states = {ack["chanId"]: State(ack["channel"]) for ack in self.acks}
        for chan_id, *body in self.frames[:end]:
            states[chan_id].take(body)
        return states

    def connection(self, begin: int, shift: int) -> Iterator[Any]:
        """Yield the frames of a connection that begins after so many; with other channel ids."""
        yield {"event": "info", "version": 2, "platform": {"status": 1}}
        yield {"event": "conf", "status": "OK", "flags": FLAGS}
        for ack in self.acks:
            yield {**ack, "chanId": ack["chanId"] + shift}
        seq = 0
        states = self.states(begin).items()
        firsts = [[i, state.snapshot()] for i, state in states if state.has_begun]
        for chan_id, *body in [*firsts, *self.frames[begin:]]:
            seq += 1
            yield [chan_id + shift, *body, seq]

    def place(self, begin: int, count: int) -> int:
        """Return after how many frames such a connection is when so many of it have come."""
        firsts = sum(state.has_begun for state in self.states(begin).values())
        return begin + max(0, count - 2 - len(self.acks) - firsts)


@lru_cache(maxsize=None)
def recorded(name: str) -> Run:
    run = Run([], [])
    has_seq = name == SEVEN_PAIRS
    with gzip.open(DATA / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            if "frame" not in record or record.get("dir") == "client->server":
                continue
            frame = json.loads(record["frame"])
            if isinstance(frame, list):
                run.frames.append(frame[:-1] if has_seq else frame)
            elif frame["event"] == "subscribed":
                run.acks.append(frame)
            if len(run.frames) == 1_600:
                break
    return run


class User:
    """Whom a session works for."""

    def __init__(self, run: Run) -> None:
        self.session = Session(flags=FLAGS)
        self.channels = [channel_for(**request) for request in run.requests]
        self.items: List[List[Any]] = [[] for _ in self.channels]
        self.sent: List[Dict[str, Any]] = []
        self.errors: List[Exception] = []
        for token, channel in enumerate(self.channels):
            self.perform(self.session.apply(Subscribe(token, channel), 0.0))

    def perform(self, outputs: List[Output]) -> None:
        for output in outputs:
            if isinstance(output, Deliver):
                assert isinstance(output.token, int)
                self.items[output.token] += output.updates
            elif isinstance(output, Send):
                self.sent.append(json.loads(output.text))
            elif isinstance(output, Report):
                self.errors.append(output.error)

    def connect(self, frames: List[Any], block: int) -> None:
        """Take a connection to its end."""
        self.sent.clear()
        self.perform(self.session.open(0.0))
        texts = [json.dumps(frame).encode() for frame in frames]
        for start in range(0, len(texts), block):
            self.perform(self.session.feed(texts[start : start + block], 0.0))

    def requests(self) -> List[Dict[str, Any]]:
        """Return what was sent on this connection, without the numbers of the requests."""
        return [{k: v for k, v in sent.items() if k != "subId"} for sent in self.sent]

    def shape(self, token: int) -> str:
        """Return a letter for each event, and a dot for each update."""
        letters = {Snapshot: "S", Gap: "G"}
        return "".join(letters.get(type(item), ".") for item in self.items[token])


class Cut(NamedTuple):
    """
    An end of a connection.

    Attributes
    ----------
    after : int
        Frames of it that still came.
    missed : int
        What happens until the next connection has begun.
    block : int
        Messages that come at once.
    """

    after: int
    missed: int
    block: int


def check(run: Run, cuts: List[Cut], last_block: int = 50) -> None:
    """Play a run with these cuts, and look at all that the user was told."""
    user = User(run)
    begin = 0
    trades = Trades(run)
    plan = [*cuts, Cut(len(run.frames) * 2, 0, last_block)]
    for number, cut in enumerate(plan):
        shift = 10_000_000 * number
        frames = list(run.connection(begin, shift))[: cut.after]
        user.connect(frames, cut.block)
        trades.note(frames, shift)
        if cut.after >= 2:
            requests = [{"event": "subscribe", **request} for request in run.requests]
            assert user.requests() == [{"event": "conf", "flags": FLAGS}, *requests]
        if number < len(cuts):
            begin = min(run.place(begin, cut.after) + cut.missed, len(run.frames))
            user.perform(user.session.lose("cut"))

    assert user.errors == []
    states = list(run.states(len(run.frames)).values())
    for token, (channel, state) in enumerate(zip(user.channels, states)):
        items = user.items[token]
        assert CONTRACT.fullmatch(user.shape(token)), user.shape(token)
        assert channel.is_live is state.has_begun
        if isinstance(channel, BookChannel):
            levels = channel.book.bids() + channel.book.asks()
            assert rows(levels) == state.sides()
            assert rows(rebuilt(items)) == state.sides()
        elif channel.name == "trades":
            ids = [item.id for item in items if isinstance(item, Trade)]
            assert len(ids) == len(set(ids))
            assert set(ids) == trades.told(run.acks[token]["chanId"])
        elif state.has_begun:
            assert [items[-1].bid, items[-1].ask] == [state.ticker[0], state.ticker[2]]


class Trades:
    """Which trades the users of a run are told of: not those of the first snapshot."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._first: Dict[int, Set[int]] = {}
        self._later: Dict[int, Set[int]] = {}

    def note(self, frames: List[Any], shift: int) -> None:
        """Note what a connection brought."""
        names = {ack["chanId"] + shift: ack["channel"] for ack in self._run.acks}
        for frame in frames:
            if isinstance(frame, dict) or names[frame[0]] != "trades":
                continue
            chan_id = frame[0] - shift
            if frame[1] in ("te", "tu"):
                self._later.setdefault(chan_id, set()).add(frame[2][0])
            elif isinstance(frame[1], list):
                where = self._later if chan_id in self._first else self._first
                where.setdefault(chan_id, set()).update(row[0] for row in frame[1])

    def told(self, chan_id: int) -> Set[int]:
        """Return their ids."""
        return self._later.get(chan_id, set()) - self._first.get(chan_id, set())


def rows(levels: List[BookUpdate]) -> List[List[Any]]:
    return [[level.price, level.count, level.amount] for level in levels]


def rebuilt(items: List[Any]) -> List[BookUpdate]:
    """Make a book of what a user was told of it."""
    levels: Dict[Any, BookUpdate] = {}
    for item in items:
        if isinstance(item, Gap):
            continue
        if isinstance(item, Snapshot):
            levels = {}
        for level in item.rows if isinstance(item, Snapshot) else [item]:
            if level.count:
                levels[level.price, level.amount > 0] = level
            else:
                levels.pop((level.price, level.amount > 0), None)
    bids = [level for level in levels.values() if level.amount > 0]
    asks = [level for level in levels.values() if level.amount < 0]
    return [
        *sorted(bids, key=lambda level: -level.price),
        *sorted(asks, key=lambda level: level.price),
    ]


# --- the tests --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [BUSY, SEVEN_PAIRS])
def test_r03_the_uncut_run_gives_what_was_recorded(name: str) -> None:
    run = recorded(name)
    kinds = [ack["channel"] for ack in run.acks]
    assert len(run.frames) == 1_600
    assert {"trades", "book"} <= set(kinds)
    check(run, [])


@pytest.mark.parametrize("name", [BUSY, SEVEN_PAIRS])
def test_r03_a_cut_before_and_among_the_first_frames(name: str) -> None:
    whole = recorded(name)
    run = Run(whole.acks, whole.frames[:200])
    for count in range(len(run.acks) + 60):
        check(run, [Cut(count, 3, 1 + count % 7)])


@pytest.mark.parametrize("name", [BUSY, SEVEN_PAIRS])
@settings(max_examples=30)
@given(data=st.data())
def test_r03_cuts_anywhere(name: str, data: st.DataObject) -> None:
    run = recorded(name)
    total = len(run.frames)
    cuts = st.builds(
        Cut,
        st.integers(0, total // 2),
        st.integers(0, total // 8),
        st.integers(1, 200),
    )
    check(run, data.draw(st.lists(cuts, min_size=1, max_size=4)))
