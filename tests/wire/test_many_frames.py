"""
Many frames at once give exactly what the same frames give one by one.

Strategy: a channel reads a single frame in the shortest way, a few in a loop, and many by columns.
All three ways must give the same, so each block is fed in all of them. The blocks hold duplicates,
`te` and `tu` in any order, checksums that match and others, numbers at the bounds of what belongs
to a channel, and anything else in their middle.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from functools import partial
from random import Random
from typing import Any, Dict, Iterator, List

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import JSON_VALUES

from bfxsync._base.enums import Flag
from bfxsync.wire import blocks
from bfxsync.wire.audit import Sequence
from bfxsync.wire.blocks import BlockReader
from bfxsync.wire.channels import BookChannel, Channel, channel_for
from bfxsync.wire.channels.shapes import (
    LEAST_TIME,
    MOST_COUNT,
    MOST_DAYS,
    MOST_ORDER_ID,
    MOST_PRICE,
    MOST_RATE,
)
from bfxsync.wire.recovery import BUDGET
from bfxsync.wire.subscription_state import SubscriptionState
from bfxsync.wire.websocket import Binary

MTS = 1_574_694_475_039
NOW = 1_000.0

CHANNELS: Dict[str, Dict[str, Any]] = {
    "ticker": {"channel": "ticker", "symbol": "tBTCUSD"},
    "funding ticker": {"channel": "ticker", "symbol": "fUSD"},
    "status": {"channel": "status", "key": "deriv:tBTCF0:USTF0"},
    "trades": {"channel": "trades", "symbol": "tBTCUSD"},
    "funding trades": {"channel": "trades", "symbol": "fUSD"},
    "book": {"channel": "book", "symbol": "tBTCUSD"},
    "raw book": {"channel": "book", "symbol": "tBTCUSD", "prec": "R0"},
    "funding book": {"channel": "book", "symbol": "fUSD"},
    "raw funding book": {"channel": "book", "symbol": "fUSD", "prec": "R0"},
}
EVERY = pytest.mark.parametrize("kind", CHANNELS)


@pytest.fixture(autouse=True, scope="module")
def few_are_many() -> Iterator[None]:
    """Let a table of a dozen frames pay."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "TABLES_FROM", 12)
        yield


AMOUNTS = [0.5, 1, 2, -0.5, -1, -3, 1e-7, 43.358118629999986]
PRICES = [7, 7.5, 8, 9.25, 10, 0.00001, 99]
RATES = [0.0002, 0.0003, 1e-5, 1]
DAYS = [2, 3, 4]
SIZES = [0, 0.5, 3, 31.89]
COUNTS = [0, 1, 2]
IDS = list(range(1, 20))
TIMES = [MTS, MTS + 1]
NULL = [None]

# Of each kind: what the values of a usual row may be.
ROWS: Dict[str, List[List[Any]]] = {
    "ticker": [PRICES, SIZES, PRICES, SIZES, AMOUNTS, AMOUNTS, PRICES, SIZES]
    + [PRICES, PRICES],
    "funding ticker": [RATES, RATES, DAYS, SIZES, RATES, DAYS, SIZES, AMOUNTS, AMOUNTS]
    + [RATES, SIZES, RATES, RATES, NULL, NULL, SIZES],
    "status": [TIMES, NULL, PRICES, PRICES, NULL, SIZES, NULL, TIMES, RATES, IDS, NULL]
    + [RATES, NULL, NULL, PRICES, NULL, NULL, SIZES, NULL, NULL, NULL, RATES, RATES],
    "trades": [IDS, TIMES, AMOUNTS, PRICES],
    "funding trades": [IDS, TIMES, AMOUNTS, RATES, DAYS],
    "book": [PRICES, COUNTS, [*AMOUNTS, 0]],
    "raw book": [IDS, [0, 7.5, 8, 9], AMOUNTS],
    "funding book": [RATES, DAYS, COUNTS, AMOUNTS],
    "raw funding book": [IDS, DAYS, [0, 0.0002, 1], AMOUNTS],
}
TAGS = {"trades": ("te", "tu"), "funding trades": ("fte", "ftu")}

BOUNDS = (MOST_PRICE, LEAST_TIME, MOST_COUNT, MOST_DAYS, MOST_RATE, MOST_ORDER_ID)
LIMITS = [bound + step for bound in BOUNDS for step in (-1, 0, 1)]
ODD: List[Any] = [
    *[None, True, False, "5", "x", "", [], {}, [1], 10**400, 0, -1, -0.5, 1.0, 5.0],
    *[2**53 + 1, 2**63 - 1, 2**63, -(2**63), -(2**63) - 1],
    *LIMITS,
]
VALUES = JSON_VALUES | st.sampled_from(ODD)


def usual(rng: Random, kind: str, count: int) -> List[List[Any]]:
    """Make what usual frames hold between the channel's number and the suffix."""
    rows = [[rng.choice(values) for values in ROWS[kind]] for _ in range(count)]
    if kind not in TAGS:
        return [[row] for row in rows]
    # Each execution once, and confirmations before and after them, or of others.
    executed, confirmed = TAGS[kind]
    ids = [*range(count)]
    rng.shuffle(ids)
    contents = []
    for row, identity in zip(rows, ids):
        is_confirmation = rng.random() < 0.5
        row[0] = rng.randrange(count) if is_confirmation else identity
        contents.append([confirmed if is_confirmation else executed, row])
    return contents


@st.composite
def unusual(draw: Any, kind: str, rng: Random) -> List[Any]:
    """Make a frame with something odd in it, which is not always wrong."""
    [content] = usual(rng, kind, 1)
    row = content[-1]
    change = draw(st.integers(0, 5))
    if change == 0:
        row[draw(st.integers(0, len(row) - 1))] = draw(VALUES)
    elif change == 1:
        del row[draw(st.integers(0, len(row))) :]
    elif change == 2:
        row += draw(st.lists(VALUES, max_size=12))
    elif change == 3:
        return [[row] * draw(st.integers(0, 2))]
    elif change == 4:
        others = [["hb"], ["cs", 5], ["cs", "x"], ["cs"], [], [[]], ["te"], ["zz", row]]
        return list(draw(st.sampled_from(others)))
    else:
        return draw(st.lists(VALUES, max_size=3))
    return content


@st.composite
def contents(draw: Any, kind: str) -> List[List[Any]]:
    """Make what the frames of a block hold; a checksum of None is to match."""
    rng = Random(draw(st.integers(0, 2**32)))
    made = usual(rng, kind, draw(st.integers(12, 90)))
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 2, 5]))):
        made.insert(rng.randrange(len(made) + 1), draw(unusual(kind, rng)))
    if kind in ("book", "raw book"):
        for _ in range(rng.randrange(4)):
            made.insert(rng.randrange(len(made) + 1), ["cs", None])
    return made


def live(kind: str, number: Any, is_timed: bool, has_extras: bool) -> Channel:
    channel = channel_for(number=number, **CHANNELS[kind])
    channel.set_flags(Flag.OB_CHECKSUM | (Flag.TIMESTAMP if is_timed else 0))
    channel.extras = has_extras
    channel.seen_at = NOW
    return channel


def observed(channel: Channel, updates: List[Any]) -> List[Any]:
    """Return all that can be seen of a channel; by `repr`, which tells 1 from 1.0 and True."""
    errors = [(type(error), str(error), vars(error)) for error in channel.errors]
    seen = [updates, errors, channel.resync_reason, channel.is_degraded]
    seen += [channel.has_event, channel.is_live, channel.restart()]
    if isinstance(channel, BookChannel):
        seen += [channel.verified_count, channel.mismatch_count, channel.verified_at]
        seen += [channel.version % 2, channel.book.unknown_deletes]
        seen += [channel.book.checksum(), channel.book.levels()]
    return [repr(part) for part in seen]


class Texts:
    """The texts of a channel's frames, numbered, as those of a socket are."""

    def __init__(self, number: Any, is_timed: bool, is_compact: bool = True) -> None:
        self.flags = int(Flag.SEQ_ALL) | (Flag.TIMESTAMP if is_timed else 0)
        # Which also reads integers that no float holds.
        self.loads = partial(json.loads, parse_float=number)
        self._is_timed = is_timed
        self._separators = (",", ":") if is_compact else None
        self._seq = 0

    def next(self, content: List[Any]) -> bytes:
        self._seq += 1
        frame = [5, *content, self._seq] + [MTS] * self._is_timed
        return json.dumps(frame, separators=self._separators).encode()

    def read(self, channel: Channel, texts: List[bytes]) -> Any:
        """Read a block; None if it is not as usual."""
        sequence = Sequence()
        sequence.last = self._seq - len(texts)
        entry = SubscriptionState("token", channel)
        return BlockReader(self.loads, {5: entry}, sequence).read(texts, self.flags)


def start(kind: str, channel: Channel) -> None:
    """Feed a channel its first data."""
    [[*_, row]] = usual(Random(1), kind, 1)
    if kind in TAGS:
        row[0] = 1_000
    is_flat = "ticker" in kind or kind == "status"
    channel.feed_many([[5, row if is_flat else [row], 1, MTS]])
    assert channel.is_live


@EVERY
@given(
    data=st.data(),
    number=st.sampled_from([float, Decimal]),
    is_timed=st.booleans(),
    has_extras=st.booleans(),
    is_spent=st.booleans(),
    is_compact=st.booleans(),
)
@settings(max_examples=settings().max_examples // 4)
def test_many_frames_give_what_each_of_them_gives(
    kind: str,
    data: Any,
    number: Any,
    is_timed: bool,
    has_extras: bool,
    is_spent: bool,
    is_compact: bool,
) -> None:
    alone, looped, together = (
        live(kind, number, is_timed, has_extras) for _ in range(3)
    )
    for channel in (alone, looped, together):
        start(kind, channel)
        for _ in range(BUDGET if is_spent else 0):
            channel.recovery.spend(NOW)
    texts = Texts(number, is_timed, is_compact)
    for _ in range(2):
        block: List[bytes] = []
        updates: List[Any] = []
        for content in data.draw(contents(kind)):
            if content == ["cs", None]:
                assert isinstance(alone, BookChannel)
                content = ["cs", alone.book.checksum()]
            block.append(texts.next(content))
            if alone.resync_reason is None:
                updates += alone.feed_one(texts.loads(block[-1]))
        frames = list(map(texts.loads, block))
        expected = observed(looped, looped.feed_many(frames))
        assert observed(alone, updates) == expected
        groups = texts.read(together, block)
        # A block that is not as usual is read frame by frame.
        [(_, feed, group)] = groups or [(None, together.feed_many, frames)]
        assert observed(together, feed(group)) == expected
        if alone.resync_reason is not None:
            break


@EVERY
@pytest.mark.parametrize("number", [float, Decimal])
@pytest.mark.parametrize("is_timed", [True, False])
def test_usual_frames_are_read_by_columns(
    kind: str, number: Any, is_timed: bool
) -> None:
    channel = live(kind, number, is_timed, True)
    start(kind, channel)
    texts = Texts(number, is_timed)
    contents = [
        each for each in usual(Random(3), kind, 40) if each[0] not in ("tu", "ftu")
    ]
    if "book" in kind:
        contents.insert(9, ["hb"])
    block = list(map(texts.next, contents))
    [(_, feed, rows)] = texts.read(channel, block)
    assert feed == channel.feed_rows
    assert channel._feed_models(rows) is not None


@pytest.mark.once
@EVERY
@pytest.mark.parametrize("number", [float, Decimal])
def test_one_row_at_a_bound_or_of_another_channel_is_found(
    kind: str, number: Any
) -> None:
    rng = Random(5)
    odd = []
    for place, values in enumerate(ROWS[kind]):
        for value in [-1, *LIMITS] if values != NULL else []:
            [content] = usual(rng, kind, 1)
            content[-1][place] = value
            odd.append(content)
    for other in ROWS:
        [[*_, row]] = usual(rng, other, 1)
        odd.append([*TAGS.get(kind, ())[:1], row])
    # As long as a funding ticker, and with what may be days where that has some.
    odd.append([*TAGS.get(kind, ())[:1], list(range(1, 14))])
    # Too short, of no kind, and a confirmation of a known trade that cannot be read itself.
    [[*_, row]] = usual(rng, kind, 1)
    odd += [[], ["hb"], ["zz", row], [TAGS.get(kind, ("te", "tu"))[1], [1_000]]]
    before = usual(rng, kind, 70 if kind in TAGS else 24)
    for content in odd:
        alone, together = (live(kind, number, False, True) for _ in range(2))
        start(kind, alone)
        start(kind, together)
        texts = Texts(number, False)
        block = [texts.next(each) for each in (*before, content)]
        frames = list(map(texts.loads, block))
        expected = [update for frame in frames for update in alone.feed_one(frame)]
        groups = texts.read(together, block)
        [(_, feed, group)] = groups or [(None, together.feed_many, frames)]
        assert feed(group) == expected, content
        errors = [list(map(str, channel.errors)) for channel in (alone, together)]
        assert errors[0] == errors[1], content


@EVERY
@pytest.mark.parametrize("is_live", [True, False])
def test_frame_without_content_or_before_the_first_data_is_found(
    kind: str, is_live: bool
) -> None:
    alone, together = (live(kind, float, False, False) for _ in range(2))
    texts = Texts(float, False)
    block = [texts.next(content) for content in usual(Random(5), kind, 50)]
    if is_live:
        start(kind, alone)
        start(kind, together)
        block[40] = b"[5]"
    frames = list(map(texts.loads, block))
    expected: List[Any] = []
    for frame in frames:
        if alone.resync_reason is None:
            expected += alone.feed_one(frame)
    groups = texts.read(together, block)
    assert (groups is None) == is_live
    [(_, feed, group)] = groups or [(None, together.feed_many, frames)]
    assert observed(together, feed(group)) == observed(alone, expected)


TRADE = [1, MTS, 0.5, 7.5]


@pytest.mark.parametrize(
    "kind, contents",
    [
        ("trades", [[TRADE]]),
        ("trades", [["te", TRADE], ["tt", TRADE]]),
        ("trades", [["hb"]]),
        ("trades", [[[TRADE]], ["hb"]]),
        ("ticker", [["te", list(range(1, 11))]]),
        ("book", [["te", [7.5, 1, 0.5]]]),
    ],
)
def test_forms_of_other_channels_are_read_frame_by_frame(
    kind: str, contents: List[List[Any]]
) -> None:
    alone, together = (live(kind, float, False, True) for _ in range(2))
    start(kind, alone)
    start(kind, together)
    texts = Texts(float, False)
    block = [texts.next(content) for content in contents * 20]
    [(_, feed, frames)] = texts.read(together, block)
    assert feed == together.feed_many
    expected: List[Any] = []
    for frame in map(texts.loads, block):
        if alone.resync_reason is None:
            expected += alone.feed_one(frame)
    assert observed(together, feed(frames)) == observed(alone, expected)


def test_times_that_are_no_integers_are_looked_at_one_by_one() -> None:
    channel = live("ticker", float, True, False)
    start("ticker", channel)
    texts = Texts(float, True)
    block = [texts.next(content) for content in usual(Random(1), "ticker", 20)]
    block[7] = block[7].replace(b"%d" % MTS, b"null")
    [(_, feed, frames)] = texts.read(channel, block)
    assert feed == channel.feed_many
    times = [update.server_mts for update in feed(frames)]
    assert times == [MTS] * 7 + [8] + [MTS] * 12


def test_a_binary_message_among_many_is_found() -> None:
    channel = live("ticker", float, False, False)
    start("ticker", channel)
    texts = Texts(float, False)
    block = [texts.next(content) for content in usual(Random(1), "ticker", 20)]
    assert texts.read(channel, [*block[:-1], Binary(block[-1])]) is None
    assert texts.read(channel, block) is not None


@pytest.mark.parametrize(
    "odd, way",
    [(rb"\1null", "feed_many"), (rb"\1null,null", "feed_rows")],
    ids=["value", "form"],
)
def test_one_channel_with_something_odd_leaves_the_others_alone(
    odd: bytes, way: str
) -> None:
    texts = Texts(float, False)
    channels = [live("ticker", float, False, False) for _ in range(3)]
    entries = {}
    for chan_id, channel in zip((5, 67, 899), channels):
        start("ticker", channel)
        entries[chan_id] = SubscriptionState(chan_id, channel)
    sequence = Sequence()
    sequence.last = 0
    block = []
    for number in range(48):
        text = texts.next(usual(Random(number), "ticker", 1)[0])
        block.append(text.replace(b"[5,", b"[%d," % [5, 67, 899][number % 3], 1))
    block[4] = re.sub(rb"(.67,.)[^,]*", odd, block[4])
    groups = BlockReader(texts.loads, entries, sequence).read(block, texts.flags)
    assert groups is not None and sequence.last == 48
    ways = {entry.token: feed.__name__ for entry, feed, _ in groups}
    assert ways == {5: "feed_rows", 67: way, 899: "feed_rows"}
    updates = {entry.token: feed(group) for entry, feed, group in groups}
    assert [len(updates[each]) for each in (5, 67, 899)] == [16] * 3
    assert updates[67][1].bid is None


def test_trades_of_long_ago_are_known_among_many() -> None:
    channel = live("trades", float, False, False)
    channel.feed_many([[5, [], 1]])
    texts = Texts(float, False)

    def count(identities: range) -> int:
        block = [texts.next(["te", [each, MTS, 0.5, 7.5]]) for each in identities]
        [(_, feed, rows)] = texts.read(channel, block)
        assert feed == channel.feed_rows
        return len(feed(rows))

    assert count(range(10_001)) == 10_001
    assert count(range(5_000)) == 0
    assert count(range(5_000, 20_001)) == 10_000
