"""Any channel, with its rows as they come."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
from hypothesis import given
from strategies import JSON_VALUES

from bfxsync.checks.fields import check_channel, check_fields
from bfxsync.errors import UsageError
from bfxsync.models.raw import RawRow
from bfxsync.models.stream import Snapshot
from bfxsync.wire.channels import channel_for, raw_channel_for, rival_of
from bfxsync.wire.frames import SEQ_ALL, TIMESTAMP

CID = 17
ROW, OTHER = [1, 2.5, None], ["a", 3]


def live(*frames: list[Any], flags: int = 0, **options: Any) -> Any:
    """Return a channel that got these frames."""
    channel = raw_channel_for("news", {"symbol": "tBTCUSD"}, **options)
    channel.set_flags(flags)
    channel.feed_many([[CID, *frame] for frame in frames])
    return channel


def seen(updates: list[Any]) -> list[tuple[Any, Any]]:
    return [(row.tag, list(row)) for row in updates]


@pytest.mark.parametrize(
    "first, rows, updates",
    [
        ([[ROW, OTHER]], [ROW, OTHER], []),
        ([[]], [], []),
        ([ROW], [ROW], [(None, ROW)]),
        (["te", ROW], [ROW], [("te", ROW)]),
        ([{"a": 1}], [[{"a": 1}]], [(None, [{"a": 1}])]),
        (["text"], [["text"]], [(None, ["text"])]),
        ([5], [[5]], [(None, [5])]),
    ],
)
def test_first_frame_is_the_snapshot(
    first: list[Any], rows: list[Any], updates: list[Any]
) -> None:
    channel = raw_channel_for("news", {})
    snapshot, *others = channel.feed_many([[CID, *first]])
    assert snapshot == Snapshot(rows)
    assert channel.is_live
    assert seen(others) == updates
    assert channel.restart() == [snapshot]


@pytest.mark.parametrize(
    "frame, updates",
    [
        ([ROW], [(None, ROW)]),
        ([[ROW, OTHER]], [(None, ROW), (None, OTHER)]),
        ([[]], []),
        (["tu", ROW], [("tu", ROW)]),
        (["os", [ROW, OTHER]], [("os", ROW), ("os", OTHER)]),
        (["cs", -123], [("cs", [-123])]),
        (["n", "text", {"a": 1}], [("n", ["text", {"a": 1}])]),
        ([ROW, {"a": 1}], [(None, [ROW, {"a": 1}])]),
        (["end"], [(None, ["end"])]),
        (["hb"], []),
    ],
)
@pytest.mark.parametrize(
    "flags, suffix",
    [(0, []), (SEQ_ALL, [9]), (TIMESTAMP, [8]), (SEQ_ALL | TIMESTAMP, [9, 8])],
    ids=str,
)
def test_later_frames_are_updates(
    frame: list[Any], updates: list[Any], flags: int, suffix: list[int]
) -> None:
    channel = live([[]], flags=flags)
    found = channel.feed_many([[CID, *frame, *suffix]])
    assert seen(found) == updates
    for row in found:
        assert row.symbol == "tBTCUSD"
        assert row.server_mts == (8 if flags & TIMESTAMP else None)
    assert channel.errors == [] and channel.resync_reason is None


def test_channel_without_snapshot_is_live_once_it_is_accepted() -> None:
    channel = raw_channel_for("news", {}, has_snapshot=False)
    assert channel.feed_many([]) == [Snapshot([])]
    assert seen(channel.feed_many([[CID, [ROW]]])) == [(None, ROW)]


def test_channel_with_snapshot_waits_for_it() -> None:
    channel = raw_channel_for("news", {})
    assert channel.feed_many([[CID, "hb"]]) == []
    assert not channel.is_live and channel.restart() == []


def test_late_consumer_gets_the_rows_since_the_snapshot() -> None:
    channel = live([[ROW]], ["te", OTHER])
    assert channel.restart() == [Snapshot([ROW, OTHER])]
    channel.lose()
    assert channel.restart() == []
    channel.feed_many([[CID, [OTHER]]])
    assert channel.restart() == [Snapshot([OTHER])]


def test_rows_that_are_kept_are_bounded_and_say_so() -> None:
    channel = live([[[n] for n in range(1_000)]])
    assert not channel.restart()[0].has_hole
    channel.feed_many([[CID, [1_000]]])
    (snapshot,) = channel.restart()
    assert snapshot.has_hole
    assert snapshot.rows == [[n] for n in range(1, 1_001)]


@given(JSON_VALUES)
def test_no_content_is_refused(value: Any) -> None:
    channel = live([[]])
    channel.feed_many([[CID, value, 1]])
    assert channel.errors == [] and channel.resync_reason is None


def test_request_has_the_fields_as_they_are() -> None:
    fields = {"symbol": "BTC/USD", "depth": 5, "all": True, "sides": ("bid", "ask")}
    channel = raw_channel_for("depth", fields)
    request = {"channel": "depth", **fields, "sides": ["bid", "ask"]}
    assert channel.request() == request
    assert channel.arguments == {
        "all": "true",
        "depth": "5",
        "sides": '["bid","ask"]',
        "symbol": "BTC/USD",
    }
    assert channel.symbol == "BTC/USD"
    assert channel.title == "depth BTC/USD"
    assert channel.matches({**request, "depth": "5"})
    assert not channel.matches({**request, "depth": 6})
    assert not channel.matches({**request, "channel": "book"})


def test_channel_may_have_no_fields() -> None:
    channel = raw_channel_for("news", {})
    assert channel.request() == {"channel": "news"}
    assert channel.matches({"channel": "news", "chanId": 5})
    assert channel.title == "news"
    assert raw_channel_for("news", {"key": "a:b"}).title == "news a:b"


def test_same_request_has_the_same_identity() -> None:
    one = raw_channel_for("depth", {"a": 1, "b": "x"})
    assert one.identity == raw_channel_for("depth", {"b": "x", "a": 1}).identity
    assert one.identity != raw_channel_for("depth", {"b": "x", "a": 2}).identity
    assert rival_of(rival_of(one.identity)) == one.identity


def test_known_channel_has_a_rival() -> None:
    read = channel_for("book", symbol="tBTCUSD")
    raw = raw_channel_for("book", {"symbol": "BTC/USD", "len": 25})
    assert raw.identity != read.identity
    assert rival_of(raw.identity) == read.identity
    assert rival_of(read.identity) == raw.identity
    assert raw.request() == {"channel": "book", "len": 25, "symbol": "BTC/USD"}


@pytest.mark.parametrize("channel", ["", " ", "a b", 5, None, b"news"], ids=repr)
def test_impossible_channel_is_refused(channel: Any) -> None:
    with pytest.raises(
        UsageError, match="^channel must be non-empty text without blanks"
    ):
        check_channel(channel)


@pytest.mark.parametrize("name", ["event", "channel", "subId", "chanId"])
def test_fields_of_the_client_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match=f"^'{name}' is set by the client"):
        check_fields({name: 1})


@pytest.mark.parametrize(
    "value",
    [None, float("nan"), float("inf"), b"x", object, [1, None], {"a": [None]}],
    ids=repr,
)
def test_impossible_field_is_refused(value: object) -> None:
    with pytest.raises(UsageError, match="^depth must be text, a finite number"):
        check_fields({"depth": value})


def test_keys_of_an_object_are_texts() -> None:
    assert check_fields({"a": {"b": (1, 2.5, False)}}) == {"a": {"b": [1, 2.5, False]}}
    with pytest.raises(UsageError, match="a must be a dict with texts as keys"):
        check_fields({"a": {1: 2}})


def test_has_snapshot_is_a_bool() -> None:
    with pytest.raises(UsageError, match="has_snapshot must be True or False"):
        raw_channel_for("news", {}, has_snapshot="no")  # type: ignore[arg-type]


def test_row_is_a_list_that_knows_its_origin() -> None:
    row = RawRow([1, "x"], "te", "tBTCUSD", 5)
    assert row == [1, "x"] and isinstance(row, list)
    for other in (copy.copy(row), pickle.loads(pickle.dumps(row))):
        assert other == row and type(other) is RawRow
        assert (other.tag, other.symbol, other.server_mts) == ("te", "tBTCUSD", 5)
