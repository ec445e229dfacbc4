"""
Many frames at once give exactly what the same frames give one by one.

Strategy: a channel reads a single frame in the shortest way, a few in a loop, and many at once. All
three ways must give the same, so each block is fed in all of them. The blocks hold duplicates, `te`
and `tu` in any order, checksums that match and others, numbers at the bounds of what belongs to a
channel, and anything else in their middle.
"""

from __future__ import annotations

import json
from decimal import Decimal
from random import Random
from typing import Any, Dict, List

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import JSON_VALUES

from bfxsync._base.enums import Flag
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
)
@settings(max_examples=settings().max_examples // 4)
def test_many_frames_give_what_each_of_them_gives(
    kind: str, data: Any, number: Any, is_timed: bool, has_extras: bool, is_spent: bool
) -> None:
    alone, looped, together = (
        live(kind, number, is_timed, has_extras) for _ in range(3)
    )
    looped._many = 10**9
    for channel in (alone, looped, together):
        start(kind, channel)
        for _ in range(BUDGET if is_spent else 0):
            channel.recovery.spend(NOW)
    for _ in range(2):
        frames: List[Any] = []
        updates: List[Any] = []
        for content in data.draw(contents(kind)):
            if content == ["cs", None]:
                assert isinstance(alone, BookChannel)
                content = ["cs", alone.book.checksum()]
            text = json.dumps([5, *content, 1, MTS] if is_timed else [5, *content, 1])
            frames.append(json.loads(text, parse_float=number))
            if alone.resync_reason is None:
                updates += alone.feed_many([frames[-1]])
        expected = observed(looped, looped.feed_many(frames))
        assert observed(alone, updates) == expected
        assert observed(together, together.feed_many(frames)) == expected
        if alone.resync_reason is not None:
            break


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
        frames = [[5, *each, 1] for each in (*before, content)]
        frames = json.loads(json.dumps(frames), parse_float=number)
        expected = [update for frame in frames for update in alone.feed_many([frame])]
        assert together.feed_many(frames) == expected, content
        errors = [list(map(str, channel.errors)) for channel in (alone, together)]
        assert errors[0] == errors[1], content


@EVERY
@pytest.mark.parametrize("is_live", [True, False])
def test_frame_without_content_or_before_the_first_data_is_found(
    kind: str, is_live: bool
) -> None:
    alone, together = (live(kind, float, False, False) for _ in range(2))
    frames = [[5, *content, 1] for content in usual(Random(5), kind, 50)]
    if is_live:
        start(kind, alone)
        start(kind, together)
        frames[40] = [5]
    expected: List[Any] = []
    for frame in frames:
        if alone.resync_reason is None:
            expected += alone.feed_many([frame])
    assert observed(together, together.feed_many(frames)) == observed(alone, expected)


def test_trades_of_long_ago_are_known_among_many() -> None:
    channel = live("trades", float, False, False)
    channel.feed_many([[5, [], 1]])
    frames = [[5, "te", [identity, MTS, 0.5, 7.5], 1] for identity in range(20_001)]
    assert len(channel.feed_many(frames[:10_001])) == 10_001
    assert channel.feed_many(frames[:5_000]) == []
    assert len(channel.feed_many(frames[5_000:])) == 10_000
