"""Frames apart from the exchange's own examples, which are in `test_public_frames`."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import JSON_VALUES

from bfxsync._base.enums import Flag
from bfxsync.errors import RemoteError
from bfxsync.wire.frames import (
    AccountData,
    ChannelData,
    ChecksumFrame,
    Event,
    Heartbeat,
    decode,
    sequence_index,
)

NONE = 0
SEQ = int(Flag.SEQ_ALL)
TIME = int(Flag.TIMESTAMP)
BOTH = SEQ | TIME

# What each set of flags puts at a frame's end, and what it means: (seq, mts).
SUFFIXES: dict[str, tuple[int, list[int], int | None, int | None]] = {
    "plain": (NONE, [], None, None),
    "seq": (SEQ, [17], 17, None),
    "mts": (TIME, [1511545528111], None, 1511545528111),
    "seq+mts": (BOTH, [17, 1511545528111], 17, 1511545528111),
    "other flags": (int(Flag.OB_CHECKSUM | Flag.BULK_UPDATES), [], None, None),
}

ALL_SUFFIXES = pytest.mark.parametrize(
    "flags, suffix, seq, mts", SUFFIXES.values(), ids=SUFFIXES
)

ROW = [100.5, 1, -2.0]


@ALL_SUFFIXES
def test_flags_say_what_stands_at_the_end(
    flags: int, suffix: list[int], seq: int | None, mts: int | None
) -> None:
    assert decode([5, "hb", *suffix], flags) == Heartbeat(5, seq, mts)
    assert decode([5, "cs", -7, *suffix], flags) == ChecksumFrame(5, -7, seq, mts)
    assert decode([5, ROW, *suffix], flags) == ChannelData(5, None, ROW, seq, mts)
    assert decode([5, "te", ROW, *suffix], flags) == ChannelData(5, "te", ROW, seq, mts)
    assert decode([0, "hb", *suffix], flags) == Heartbeat(0, seq, mts)
    assert decode([0, "n", ROW, *suffix], flags) == AccountData(
        "n", ROW, seq, None, mts
    )


@pytest.mark.parametrize(
    "flags, suffix, expected",
    [
        (SEQ, [17, 3], (17, 3, None)),
        (BOTH, [17, 3, 99], (17, 3, 99)),
        (BOTH, [17, 99], (17, None, 99)),
        (TIME, [99], (None, None, 99)),
        (NONE, [17, 3], (None, None, None)),
    ],
)
def test_account_has_a_sequence_of_its_own(
    flags: int, suffix: list[int], expected: tuple[Any, ...]
) -> None:
    frame = decode([0, "wu", ["exchange"], *suffix], flags)
    assert isinstance(frame, AccountData)
    assert (frame.seq, frame.auth_seq, frame.mts) == expected
    assert frame.payload == ["exchange"]


def test_account_content_may_be_anything() -> None:
    assert decode([0, "bu", None], NONE) == AccountData("bu", None, None, None, None)


@pytest.mark.parametrize("flags", [SEQ, BOTH], ids=["seq", "seq+mts"])
def test_frame_without_its_suffix_has_none(flags: int) -> None:
    assert decode([5, "hb"], flags) == Heartbeat(5, None, None)


def test_timestamp_alone_is_no_sequence_number() -> None:
    assert decode([5, "hb", 99], BOTH) == Heartbeat(5, None, 99)


@pytest.mark.parametrize(
    "extra", [[None], ["new"], [[1, 2]], [{"a": 1}], [0.5], [True]]
)
def test_r14_content_appended_to_a_frame_is_ignored(extra: list[Any]) -> None:
    assert decode([5, ROW, 17, *extra], SEQ) == ChannelData(5, None, ROW, 17, None)
    assert decode([5, "hb", *extra, 17, 99], BOTH) == Heartbeat(5, 17, 99)
    assert decode([5, "cs", 1, 17, 99, *extra], BOTH) == ChecksumFrame(5, 1, 17, 99)
    assert decode([5, "hb", *extra], BOTH) == Heartbeat(5, None, None)


def test_r14_integer_appended_to_a_frame_is_no_sequence_number() -> None:
    assert decode([5, ROW, 17, 1], SEQ) == ChannelData(5, None, ROW, 17, None)
    assert decode([5, "hb", 17, 1, 2], SEQ) == Heartbeat(5, 17, None)


@pytest.mark.parametrize("name", ["info", "subscribed", "", "anything"])
def test_object_with_a_name_is_an_event(name: str) -> None:
    body = {"event": name, "chanId": 5}
    assert decode(body, BOTH) == Event(name, body)


@pytest.mark.parametrize(
    "value, message",
    [
        ({}, "an object without the name of an event"),
        ({"event": None}, "an object without the name of an event"),
        ({"event": ["info"]}, "an object without the name of an event"),
        (None, "neither an event nor a channel's frame"),
        ("hb", "neither an event nor a channel's frame"),
        (7, "neither an event nor a channel's frame"),
        ([], "neither an event nor a channel's frame"),
        ([5], "neither an event nor a channel's frame"),
        (["5", "hb"], "neither an event nor a channel's frame"),
        ([5.0, "hb"], "neither an event nor a channel's frame"),
        ([True, "hb"], "neither an event nor a channel's frame"),
        ([None, []], "neither an event nor a channel's frame"),
        ([[5], []], "neither an event nor a channel's frame"),
        ([0, "n"], "an account message without its kind or content"),
        ([0, ["n"], []], "an account message without its kind or content"),
        ([5, "cs"], "a checksum that is not an integer"),
        ([5, "cs", "1"], "a checksum that is not an integer"),
        ([5, "cs", 1.0], "a checksum that is not an integer"),
        ([5, "cs", True], "a checksum that is not an integer"),
        ([5, "te"], "'te' without a row"),
        ([5, "te", 1], "'te' without a row"),
        ([5, "x" * 99, {}], f"'{'x' * 20}' without a row"),
        ([5, None], "a channel's frame without data"),
        ([5, 1], "a channel's frame without data"),
        ([5, {}], "a channel's frame without data"),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_r14_what_is_no_frame_is_a_remote_error(value: object, message: str) -> None:
    with pytest.raises(RemoteError) as caught:
        decode(value, SEQ)
    assert str(caught.value) == message
    assert caught.value.raw is value


@pytest.mark.parametrize(
    "flags, index",
    [(SEQ, -1), (BOTH, -2), (SEQ | int(Flag.OB_CHECKSUM), -1)],
)
def test_sequence_number_stands_before_the_timestamp(flags: int, index: int) -> None:
    assert sequence_index(flags) == index


FLAGS = st.sampled_from([suffix[0] for suffix in SUFFIXES.values()])


@given(
    JSON_VALUES
    | st.lists(JSON_VALUES, max_size=5)
    | st.tuples(
        st.sampled_from([0, 5]),
        st.sampled_from(["hb", "cs", "te", "n", []]) | JSON_VALUES,
        JSON_VALUES,
        JSON_VALUES,
    ).map(list),
    FLAGS,
)
def test_r14_any_json_is_a_frame_or_a_remote_error(value: object, flags: int) -> None:
    try:
        frame = decode(value, flags)
    except RemoteError as error:
        assert error.raw is value
    else:
        assert isinstance(
            frame, (Event, Heartbeat, ChecksumFrame, ChannelData, AccountData)
        )
