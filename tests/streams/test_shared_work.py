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
from bfxsync.streams.work import NO_WORK, SharedWork


def row(number):
    return [number, 1_574_694_475_039, 0.5, 100.0]


def frames(*frames):
    return fields_of(Frames([json.dumps(frame).encode() for frame in frames]))


def executed(number):
    return [5, "te", row(number), 1]


def stored(*numbers, flags=196_608):
    rows = json.dumps([row(number) for number in reversed(numbers)]).encode()
    return StoredSnapshot(EntryId(1, 1), flags, rows)


def ids(work):
    assert work.errors == []
    return [update.id for update in work.updates]


@pytest.fixture
def work():
    return SharedWork("trades|tBTCUSD")


def test_executions_are_work_and_confirmations_are_not(work):
    fields = frames(executed(1), [5, "tu", row(1), 2], [5, "hb", 3], executed(2))
    assert ids(work.read(fields, None, False)) == [1, 2]


def test_rows_of_a_snapshot_are_work_once(work):
    assert ids(work.read(frames(executed(2)), None, False)) == [2]
    mark = fields_of(SnapshotMark())
    assert ids(work.read(mark, stored(1, 2, 3), False)) == [1, 3]
    assert work.read(mark, None, False) == NO_WORK


def test_a_repeated_entry_has_all_its_trades_again(work):
    fields = frames(executed(1))
    assert ids(work.read(fields, None, False)) == [1]
    assert ids(work.read(fields, None, False)) == []
    assert ids(work.read(fields, None, True)) == [1]


def test_after_forgetting_trades_are_new_again(work):
    fields = frames(executed(1))
    work.read(fields, None, False)
    work.forget()
    assert ids(work.read(fields, None, False)) == [1]


def test_losses_are_gaps(work):
    fence = work.read(fields_of(Fence()), None, False)
    assert fence.updates == [Gap("a relay has taken over")]
    lost = work.read(fields_of(GapMark("reset")), None, False)
    assert lost.updates == [Gap("the relay has lost data: reset")]


def test_the_flags_of_a_snapshot_apply_to_later_frames(work):
    mark = fields_of(SnapshotMark())
    work.read(mark, stored(1, flags=32_768), False)
    work.read(mark, stored(1, flags=32_768), False)
    fields = frames([5, "te", row(2), 1_600_000_000_000])
    (trade,) = work.read(fields, None, False).updates
    assert trade.server_mts == 1_600_000_000_000


def test_an_unreadable_row_does_not_hide_others(work):
    fields = frames(executed(1), [5, "te", ["no", "trade"], 1], 7, executed(2))
    found = work.read(fields, None, False)
    assert [trade.id for trade in found.updates] == [1, 2]
    assert [type(error) for error in found.errors] == [RemoteError] * 2
    # Known trades stay known.
    assert ids(work.read(frames(executed(2), executed(3)), None, False)) == [3]


def test_a_frame_that_is_no_json_does_not_hide_others(work):
    messages = [json.dumps(executed(1)).encode(), b"{", b'"tu"']
    found = work.read(fields_of(Frames(messages)), None, False)
    assert [trade.id for trade in found.updates] == [1]
    assert [type(error) for error in found.errors] == [RemoteError] * 2


def test_a_row_of_a_snapshot_does_not_hide_others(work):
    snapshot = StoredSnapshot(
        EntryId(1, 1), 196_608, json.dumps([row(2), [1]]).encode()
    )
    found = work.read(fields_of(SnapshotMark()), snapshot, False)
    assert [trade.id for trade in found.updates] == [2]
    assert [type(error) for error in found.errors] == [RemoteError]


def test_a_renewed_snapshot_is_no_work(work):
    """Its trades were in the entries before it, of which others had some."""
    mark = fields_of(SnapshotMark(is_renewal=True))
    assert work.read(mark, stored(1, 2), False) == NO_WORK
    assert ids(work.read_snapshot(stored(1, 2))) == [1, 2]


def test_an_unknown_kind_of_entry_is_an_error(work):
    with pytest.raises(RemoteError):
        work.read({b"k": b"news"}, None, False)


def test_liquidations_are_work():
    work = SharedWork("status|liq:global")
    item = ["pos", 7, 1_574_694_475_039, None, "tBTCF0:USTF0", 1.0, 100.0, None]
    fields = frames([3, [[*item, 0, 1, None, 99.0]], 1])
    (liquidation,) = work.read(fields, None, False).updates
    assert isinstance(liquidation, Liquidation) and liquidation.pos_id == 7


def test_state_cannot_be_shared():
    with pytest.raises(UsageError, match="which are no state, not ticker"):
        SharedWork("ticker|tBTCUSD")
