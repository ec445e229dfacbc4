"""Entries as work: each trade, whatever the worker has seen before."""

import json

import pytest

from bfxsync.errors import RemoteError, UsageError
from bfxsync.models import Liquidation
from bfxsync.models.stream import Gap
from bfxsync.streams.entries import (
    EntryId,
    Fence,
    Frames,
    GapMark,
    SnapshotMark,
    StoredSnapshot,
    fields_of,
)
from bfxsync.streams.work import SharedWork


def row(number):
    return [number, 1_574_694_475_039, 0.5, 100.0]


def frames(*frames):
    return fields_of(Frames([json.dumps(frame).encode() for frame in frames]))


def executed(number):
    return [5, "te", row(number), 1]


def stored(*numbers, flags=196_608):
    rows = json.dumps([row(number) for number in reversed(numbers)]).encode()
    return StoredSnapshot(EntryId(1, 1), flags, rows)


def ids(updates):
    return [update.id for update in updates]


@pytest.fixture
def work():
    return SharedWork("trades|tBTCUSD")


def test_executions_are_work_and_confirmations_are_not(work):
    fields = frames(executed(1), [5, "tu", row(1), 2], [5, "hb", 3], executed(2))
    assert ids(work.updates_of(fields, None, False)) == [1, 2]


def test_rows_of_a_snapshot_are_work_once(work):
    assert ids(work.updates_of(frames(executed(2)), None, False)) == [2]
    mark = fields_of(SnapshotMark())
    assert ids(work.updates_of(mark, stored(1, 2, 3), False)) == [1, 3]
    assert work.updates_of(mark, None, False) == []


def test_a_repeated_entry_has_all_its_trades_again(work):
    fields = frames(executed(1))
    assert ids(work.updates_of(fields, None, False)) == [1]
    assert work.updates_of(fields, None, False) == []
    assert ids(work.updates_of(fields, None, True)) == [1]


def test_after_forgetting_trades_are_new_again(work):
    fields = frames(executed(1))
    work.updates_of(fields, None, False)
    work.forget()
    assert ids(work.updates_of(fields, None, False)) == [1]


def test_losses_are_gaps(work):
    fence = work.updates_of(fields_of(Fence()), None, False)
    assert fence == [Gap("a relay has taken over")]
    lost = work.updates_of(fields_of(GapMark("reset")), None, False)
    assert lost == [Gap("the relay has lost data: reset")]


def test_the_flags_of_a_snapshot_apply_to_later_frames(work):
    mark = fields_of(SnapshotMark())
    work.updates_of(mark, stored(1, flags=32_768), False)
    work.updates_of(mark, stored(1, flags=32_768), False)
    (trade,) = work.updates_of(
        frames([5, "te", row(2), 1_600_000_000_000]), None, False
    )
    assert trade.server_mts == 1_600_000_000_000


def test_an_unreadable_row_is_an_error(work):
    with pytest.raises(RemoteError):
        work.updates_of(frames([5, "te", ["no", "trade"], 1]), None, False)
    assert ids(work.updates_of(frames(executed(1)), None, False)) == [1]


def test_liquidations_are_work():
    work = SharedWork("status|liq:global")
    item = ["pos", 7, 1_574_694_475_039, None, "tBTCF0:USTF0", 1.0, 100.0, None]
    fields = frames([3, [[*item, 0, 1, None, 99.0]], 1])
    (liquidation,) = work.updates_of(fields, None, False)
    assert isinstance(liquidation, Liquidation) and liquidation.pos_id == 7


def test_state_cannot_be_shared():
    with pytest.raises(UsageError, match="which are no state, not ticker"):
        SharedWork("ticker|tBTCUSD")


@pytest.mark.parametrize(
    "before, after, expected",
    [
        ((1, 1), (1, 2), True),
        ((1, 1), (2, 0), True),
        ((1, 1), (1, 3), False),
        ((1, 1), (2, 1), False),
    ],
)
def test_a_hole_is_seen_in_the_ids(work, before, after, expected):
    assert work.is_next(EntryId(*before), EntryId(*after)) is expected
