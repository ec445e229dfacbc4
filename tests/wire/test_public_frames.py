"""
Every kind of public frame there is, from the wire's text to models.

Strategy: `tests/data/public-frames.jsonl` says what each frame means, written by hand from the
exchange's documentation. A number is there as the wire's own text, so that neither a reader of
JSON nor a model can lose or add a digit unnoticed; what must be an integer is one.
"""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any, Callable, List, NamedTuple

import attrs
import pytest

from bfxsync import models
from bfxsync._base.aliases import NumberType
from bfxsync.models import Checksum, Snapshot
from bfxsync.wire import codec, frames
from bfxsync.wire.channels import Channel, channel_for

DATA = Path(__file__).parent.parent / "data" / "public-frames.jsonl"
CASES = [json.loads(line) for line in DATA.read_text("utf-8").splitlines()]
KINDS = 85

FRAMES = {
    "event": frames.Event,
    "heartbeat": frames.Heartbeat,
    "checksum": frames.ChecksumFrame,
    "data": frames.ChannelData,
}

# What a later version of the exchange might append, as text: each reader makes of it what it
# makes of a frame.
UNKNOWN = [
    "[7]",
    '["new",null]',
    '[null,0.5,"-1"]',
    '[["pair",1],null,"",-3]',
    '[1e-7,[],"x",null,[[1,2]]]',
]

# A row with fewer values ends before optional ones; what is unknown comes after those.
FULL_WIDTHS = {"FundingTicker": 16}


class Reading(NamedTuple):
    """How a client reads: its JSON reader and its type of numbers."""

    loads: codec.Loads
    number: NumberType

    def read(self, text: str) -> Any:
        return codec.parse(self.loads, text.encode())


@pytest.fixture(params=["float-orjson", "float-stdlib", "decimal"])
def reading(request: Any, monkeypatch: Any) -> Reading:
    if request.param == "float-orjson":
        pytest.importorskip("orjson")
    else:
        monkeypatch.setattr(codec, "orjson", None)
    number: NumberType = Decimal if request.param == "decimal" else float
    return Reading(codec.loads_for(number), number)


def cases(wanted: Callable[[dict[str, Any]], object]) -> pytest.MarkDecorator:
    """Parametrize with the cases whose expectation is wanted."""
    chosen = [case for case in CASES if wanted(case["expected"])]
    assert chosen
    return pytest.mark.parametrize("case", chosen, ids=[c["kind"] for c in chosen])


def channel_of(expected: dict[str, Any], number: NumberType) -> Channel:
    arguments = {"symbol": expected["symbol"]}
    if expected["prec"] is not None:
        arguments["prec"] = expected["prec"]
    channel = channel_for(expected["channel"], number=number, **arguments)
    channel.extras = True
    channel.is_bulk = True
    return channel


def frames_before(expected: dict[str, Any], value: List[Any]) -> List[Any]:
    """Return what the channel must have had for this frame to be what it is."""
    if expected["form"] == "snapshot":
        return []
    if expected["channel"] == "ticker":
        return [value]
    before: List[Any] = [[expected["chan_id"], []]]
    if expected["tag"] in ("tu", "ftu"):
        executed = {"tu": "te", "ftu": "fte"}[expected["tag"]]
        before.append([expected["chan_id"], executed, value[2]])
    return before


def feed(channel: Channel, *values: Any) -> List[Any]:
    updates = channel.feed_many(list(values))
    assert channel.errors == []
    assert channel.resync_reason is None
    return updates


def assert_field(value: object, expected: object, number: NumberType) -> None:
    if not isinstance(expected, str):
        assert type(value) is type(expected)
        assert value == expected
    elif number is Decimal:
        assert isinstance(value, Decimal)
        # As a tuple, since 1.0 equals 1 and is not what was sent.
        assert value.as_tuple() == Decimal(expected).as_tuple()
    else:
        assert isinstance(value, (int, float)) and not isinstance(value, bool)
        assert value == float(expected)
        assert Decimal(repr(value)) == Decimal(expected)


def assert_models(
    found: List[Any], model: type, rows: List[Any], number: NumberType
) -> None:
    assert [type(item) for item in found] == [model] * len(rows)
    for item, row in zip(found, rows):
        fields = {
            f.name for f in attrs.fields(type(item)) if f.default is attrs.NOTHING
        }
        assert fields == set(row)
        for name, expected in row.items():
            assert_field(getattr(item, name), expected, number)


def assert_updates(
    updates: List[Any], expected: dict[str, Any], number: NumberType
) -> None:
    model = getattr(models, expected["model"])
    rows = expected["rows"]
    if expected["form"] != "snapshot":
        assert_models(updates, model, rows, number)
        return
    snapshot, *rest = updates
    assert type(snapshot) is Snapshot
    # Trades come newest first and are handed out oldest first.
    in_order = rows[::-1] if expected["channel"] == "trades" else rows
    assert_models(snapshot.rows, model, in_order, number)
    # A ticker's first frame is a ticker like any other; a list of rows is only a snapshot.
    assert_models(rest, model, rows if expected["channel"] == "ticker" else [], number)


def payload_rows(value: List[Any]) -> List[List[Any]]:
    """Return the lists in the frame that are rows, so that they can be changed."""
    payload = value[2] if isinstance(value[1], str) else value[1]
    return payload if isinstance(payload[0], list) else [payload]


def test_every_kind_is_there_once_with_its_source() -> None:
    assert len(CASES) == KINDS
    assert len({case["kind"] for case in CASES}) == KINDS
    assert len({(case["kind"], case["frame"]) for case in CASES}) == KINDS
    assert all(case["source"] for case in CASES)
    types = Counter(case["expected"]["type"] for case in CASES)
    assert types == {"event": 43, "heartbeat": 5, "checksum": 2, "data": 35}


@cases(lambda expected: True)
def test_frame_is_decoded_by_kind(case: Any, reading: Reading) -> None:
    value = reading.read(case["frame"])
    wanted = dict(case["expected"])
    kind = FRAMES[wanted.pop("type")]
    if kind is frames.ChannelData:
        wanted = {key: wanted[key] for key in ("chan_id", "tag", "seq", "mts")}
        wanted["payload"] = value[2 if wanted["tag"] else 1]
    frame = frames.decode(value, case["flags"])
    assert type(frame) is kind
    assert attrs.asdict(frame, recurse=False) == wanted


@cases(lambda expected: expected["type"] == "data")
def test_rows_become_models(case: Any, reading: Reading) -> None:
    expected, value = case["expected"], reading.read(case["frame"])
    channel = channel_of(expected, reading.number)
    feed(channel, *frames_before(expected, value))
    assert_updates(feed(channel, value), expected, reading.number)


@pytest.mark.parametrize("unknown", UNKNOWN, ids=range(1, 6))
@cases(lambda expected: expected.get("rows"))
def test_r14_unknown_values_at_the_end_of_rows_change_nothing(
    case: Any, unknown: str, reading: Reading
) -> None:
    expected, value = case["expected"], reading.read(case["frame"])
    for row in payload_rows(value):
        row.extend([None] * (FULL_WIDTHS.get(expected["model"], 0) - len(row)))
        row.extend(reading.read(unknown))
    assert type(frames.decode(value, case["flags"])) is frames.ChannelData
    channel = channel_of(expected, reading.number)
    feed(channel, *frames_before(expected, value))
    assert_updates(feed(channel, value), expected, reading.number)


@cases(
    lambda expected: (
        expected.get("channel") == "book" and expected["form"] == "snapshot"
    )
)
def test_snapshot_of_a_book_is_in_order_whatever_the_wires(
    case: Any, reading: Reading
) -> None:
    expected, value = case["expected"], reading.read(case["frame"])
    value[1].reverse()
    updates = feed(channel_of(expected, reading.number), value)
    assert_updates(updates, expected, reading.number)


@cases(lambda expected: expected.get("tag") in ("tu", "ftu"))
def test_confirmation_of_a_known_trade_is_an_extra(case: Any, reading: Reading) -> None:
    expected, value = case["expected"], reading.read(case["frame"])
    channel = channel_of(expected, reading.number)
    channel.extras = False
    feed(channel, *frames_before(expected, value))
    assert feed(channel, value) == []


@cases(lambda expected: expected["type"] == "checksum")
def test_checksum_is_an_extra_of_a_book(case: Any, reading: Reading) -> None:
    value = reading.read(case["frame"])
    # Of a funding book, as that is not compared with it.
    channel = channel_for("book", symbol="fUSD", number=reading.number)
    feed(channel, [value[0], []])
    assert feed(channel, value) == []
    channel.extras = True
    assert feed(channel, value) == [Checksum(case["expected"]["value"])]


@pytest.mark.parametrize("name", ["ticker", "trades", "book"])
@cases(lambda expected: expected["type"] == "heartbeat")
def test_heartbeat_brings_no_update(case: Any, name: str, reading: Reading) -> None:
    channel = channel_for(name, symbol="tBTCUSD", number=reading.number)
    channel.extras = True
    assert feed(channel, reading.read(case["frame"])) == []
    assert not channel.is_live
