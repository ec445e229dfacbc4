"""The entries of a stream, their ids, and stored snapshots."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bfxsync.errors import RemoteError
from bfxsync.streams.entries import (
    EntryId,
    Fence,
    Frames,
    GapMark,
    SnapshotMark,
    StoredSnapshot,
    fields_of,
    read_entry,
)

MESSAGES = [b"[5,[1,2,3.10],7]", b'[5,"cs",-1234,8]']


@pytest.mark.parametrize(
    "entry, fields",
    [
        (Fence(), {b"k": b"fence"}),
        (Frames(MESSAGES), {b"f": b'[5,[1,2,3.10],7]\n[5,"cs",-1234,8]'}),
        (SnapshotMark(), {b"k": b"snap"}),
        (GapMark("reset by peer"), {b"k": b"gap", b"r": b"reset by peer"}),
    ],
)
def test_an_entry_has_its_fields(entry, fields):
    assert fields_of(entry) == fields
    assert read_entry(fields) == entry
    assert read_entry({**fields, b"later": b"1"}) == entry


def test_a_gap_needs_no_reason():
    assert read_entry({b"k": b"gap"}) == GapMark("")


@pytest.mark.parametrize("fields", [{}, {b"k": b"else"}, {b"g": b"[1]"}])
def test_an_unknown_entry_is_an_error(fields):
    with pytest.raises(RemoteError, match="unknown kind of entry"):
        read_entry(fields)


def test_a_line_break_does_not_split_a_message():
    entry = read_entry(fields_of(Frames([b"[5,\n[1,\n2]]", b"[5,[3]]"])))
    assert entry == Frames([b"[5, [1, 2]]", b"[5,[3]]"])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda items: st.lists(items) | st.dictionaries(st.text(), items),
    max_leaves=5,
)


@given(st.lists(JSON, min_size=1), st.sampled_from([None, 0, 1]))
def test_messages_come_back_as_the_same_json(values, indent):
    messages = [json.dumps(value, indent=indent).encode() for value in values]
    read = read_entry(fields_of(Frames(messages)))
    assert isinstance(read, Frames)
    assert [json.loads(message) for message in read.messages] == values


def test_ids_are_ordered_as_numbers():
    ids = [EntryId.read(text) for text in (b"9-10", b"9-9", b"10-0", b"9-0")]
    assert [str(entry_id) for entry_id in sorted(ids)] == ["9-0", "9-9", "9-10", "10-0"]
    assert EntryId(9, 9).next() == EntryId(9, 10)


@pytest.mark.parametrize("text", [b"", b"5", b"5-", b"-5", b"5-5-5", b"a-b", b"5-*"])
def test_something_else_is_no_id(text):
    with pytest.raises(RemoteError, match="not the id"):
        EntryId.read(text)


def test_a_stored_snapshot_keeps_the_digits_of_numbers():
    snapshot = StoredSnapshot(EntryId(9, 5), 196608, b"[[7000.10,1,-0.50]]")
    fields = snapshot.fields()
    assert fields == {
        b"id": b"9-5",
        b"flags": b"196608",
        b"rows": b"[[7000.10,1,-0.50]]",
    }
    assert StoredSnapshot.read(fields) == snapshot
    assert snapshot.message() == b"[0,[[7000.10,1,-0.50]]]"


def test_an_absent_snapshot_is_none():
    assert StoredSnapshot.read({}) is None


@pytest.mark.parametrize("name", [b"id", b"flags", b"rows"])
@pytest.mark.parametrize("value", [None, b"9" * 30])
def test_an_incomplete_snapshot_is_an_error(name, value):
    fields = StoredSnapshot(EntryId(9, 5), 0, b"[]").fields()
    del fields[name]
    if value is not None and name != b"rows":
        fields[name] = value
    with pytest.raises(RemoteError):
        StoredSnapshot.read(fields)
