from __future__ import annotations

import importlib.util
import json
import sys
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import FINITE, JSON_TEXTS, JSON_VALUES

from bfxsync.errors import RemoteError, UsageError
from bfxsync.wire import codec
from bfxsync.wire.websocket import Binary

READERS = {
    "orjson": codec.loads_for(float),
    "stdlib": codec._loads_floats,
    "decimal": codec.loads_for(Decimal),
}

ALL_READERS = pytest.mark.parametrize("reader", READERS)

FLOAT_READERS = pytest.mark.parametrize("reader", ["orjson", "stdlib"])


def parse(reader: str, text: Any) -> Any:
    return codec.parse(
        READERS[reader], text if isinstance(text, bytes) else text.encode()
    )


def test_orjson_reads_floats_where_it_is_installed() -> None:
    orjson = pytest.importorskip("orjson")
    assert codec.loads_for() is orjson.loads
    assert codec.loads_for(float) is orjson.loads


def test_without_orjson_the_standard_library_reads(monkeypatch: Any) -> None:
    monkeypatch.setitem(sys.modules, "orjson", None)  # its import fails now
    spec = importlib.util.spec_from_file_location(
        "codec_without_orjson", codec.__file__
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.orjson is None
    loads = module.loads_for(float)
    assert module.parse(loads, b'{"a":[1,2.5,1e-7]}') == {"a": [1, 2.5, 1e-7]}


@pytest.mark.parametrize("number", [int, str, None, "float"], ids=repr)
def test_numbers_are_float_or_decimal(number: Any) -> None:
    with pytest.raises(UsageError, match="numbers must be float or decimal.Decimal"):
        codec.loads_for(number)


@ALL_READERS
def test_binary_message_is_no_json(reader: str) -> None:
    with pytest.raises(RemoteError, match="unreadable JSON"):
        codec.parse(READERS[reader], Binary(b"[5]"))


@ALL_READERS
@pytest.mark.parametrize(
    "text, value",
    [
        ("[]", []),
        ('{"event":"info"}', {"event": "info"}),
        ('[5,"hb"]', [5, "hb"]),
        (" [ 1 ,\n2 ] ", [1, 2]),
        ("[null,true,false]", [None, True, False]),
        ("7", 7),
        ('"größer ✓"', "größer ✓"),
        ('"\\u20ac\\n"', "€\n"),
        ("-9223372036854775808", -(2**63)),
        ('{"a":1,"a":2}', {"a": 2}),
    ],
)
def test_text_is_read(reader: str, text: str, value: object) -> None:
    found = parse(reader, text)
    assert found == value
    assert type(found) is type(value)


# More digits than a context usually keeps.
LONG = f"-{'1' * 200}.{'3' * 300}"


@FLOAT_READERS
@pytest.mark.parametrize("text", ["0.1", "43.358118629999986", "1e-7", "5.0", "1E5"])
def test_r12_fraction_becomes_the_nearest_float(reader: str, text: str) -> None:
    (value,) = parse(reader, f"[{text}]")
    assert type(value) is float
    assert value == float(text)


@pytest.mark.parametrize("text", ["0.1", "1.10", "1e-7", "1E-99", "5.0", "1e400", LONG])
def test_r12_decimal_keeps_every_digit(text: str) -> None:
    (value,) = parse("decimal", f"[{text}]")
    assert type(value) is Decimal
    assert value.as_tuple() == Decimal(text).as_tuple()


def test_integer_stays_one_beside_decimals() -> None:
    assert [type(value) for value in parse("decimal", "[5,5.0]")] == [int, Decimal]


UNREADABLE = [
    b"",
    b" ",
    b"{",
    b"[1,]",
    b"[1] [2]",
    b"{'event':'info'}",
    b'"unclosed',
    b"NaN",
    b"[Infinity]",
    b"[-Infinity]",
    b"nan",
    b"[01]",
    b"[1.]",
    b"[+1]",
    b"[.5]",
    b'["\n"]',
    b"\xff\xfe",
    b'["\xc3\x28"]',
    b"\xef\xbb\xbf[]",
    b"<html>502</html>",
    b"[" * 100_000,
    b"[" * 100_000 + b"]" * 100_000,
    b"9" * 5000,
]


@ALL_READERS
@pytest.mark.parametrize("data", UNREADABLE, ids=lambda data: repr(data[:12]))
def test_r14_unreadable_text_is_a_remote_error(reader: str, data: bytes) -> None:
    with pytest.raises(RemoteError, match="^unreadable JSON: ") as caught:
        parse(reader, data)
    assert caught.value.raw == data[:1000]
    assert caught.value.__cause__ is not None


@ALL_READERS
@given(messages=st.lists(JSON_TEXTS, max_size=20))
def test_many_messages_are_read_as_one_by_one(
    reader: str, messages: list[bytes]
) -> None:
    loads = READERS[reader]
    expected = [codec.parse(loads, message) for message in messages]
    assert repr(codec.loads_many(loads, messages)) == repr(expected)


@ALL_READERS
@pytest.mark.parametrize("count", [3, 30])
@pytest.mark.parametrize(
    "data", [*UNREADABLE, Binary(b"[5]"), b"[1],[2]"], ids=lambda data: repr(data[:12])
)
def test_r14_one_unreadable_message_among_many_is_noticed(
    reader: str, count: int, data: bytes
) -> None:
    for place in (0, 1, count):
        messages = [b'[5,"hb"]'] * count
        messages.insert(place, data)
        with pytest.raises((TypeError, *codec.LOADS_ERRORS)):
            codec.loads_many(READERS[reader], messages)


@ALL_READERS
@pytest.mark.parametrize("count", [3, 30])
def test_an_error_stands_in_the_place_of_its_message(reader: str, count: int) -> None:
    messages, frames = [b'[5,"hb"]'] * count, [[5, "hb"]] * count
    assert codec.parse_many(READERS[reader], messages) == (frames, [])
    messages.insert(1, b"[5")
    values, [error] = codec.parse_many(READERS[reader], messages)
    assert values.pop(1) is error and values == frames
    assert isinstance(error, RemoteError) and error.raw == b"[5"


@ALL_READERS
@pytest.mark.parametrize(
    "broken", [[b'["a', b'b"]'], [b'[1,"x', b'y",2]', b"[3],[4]"], [b"[1", b"2]"]]
)
def test_text_and_values_do_not_go_on_in_the_next_message(
    reader: str, broken: list[bytes]
) -> None:
    messages = [b"[5]"] * 10 + broken
    with pytest.raises((TypeError, *codec.LOADS_ERRORS)):
        codec.loads_many(READERS[reader], messages)


@ALL_READERS
@pytest.mark.parametrize(
    "text",
    ["1e99999999999999999999", "1e-99999999999999999999", "0e-99999999999999999999"],
)
def test_r14_number_out_of_range_is_read_or_refused(reader: str, text: str) -> None:
    try:
        parse(reader, f"[{text}]")
    except RemoteError:
        pass


@ALL_READERS
@given(data=st.binary(max_size=40) | JSON_TEXTS)
def test_r14_any_bytes_are_read_or_are_a_remote_error(reader: str, data: bytes) -> None:
    try:
        parse(reader, data)
    except RemoteError as error:
        assert error.raw == data


@given(JSON_TEXTS)
def test_both_readers_of_floats_agree(data: bytes) -> None:
    found = [parse(reader, data) for reader in ("orjson", "stdlib")]
    # As text: 1 and 1.0 and True are equal, and -0.0 is 0.0.
    assert repr(found[0]) == repr(found[1])


@given(JSON_TEXTS)
def test_readers_give_what_was_written(data: bytes) -> None:
    assert parse("stdlib", data) == json.loads(data)
    assert parse("decimal", data) == json.loads(data, parse_float=Decimal)


@given(FINITE)
def test_r12_float_survives_the_wire(number: float) -> None:
    text = repr(number)
    for reader in ("orjson", "stdlib"):
        (value,) = parse(reader, f"[{text}]")
        assert repr(value) == text
    (value,) = parse("decimal", f"[{text}]")
    assert value == Decimal(text)


@pytest.mark.parametrize(
    "value, text",
    [
        ({"event": "ping", "cid": 1}, '{"event":"ping","cid":1}'),
        ([0, "on", None, {"price": "0.1"}], '[0,"on",null,{"price":"0.1"}]'),
        ("größer", '"gr\\u00f6\\u00dfer"'),
        ([], "[]"),
    ],
    ids=["event", "command", "text", "empty"],
)
def test_json_is_written_compactly(value: object, text: str) -> None:
    assert codec.dumps(value) == text


@pytest.mark.parametrize("number", ["nan", "inf", "-inf"])
def test_what_is_no_json_is_not_written(number: str) -> None:
    with pytest.raises(ValueError):
        codec.dumps([float(number)])


@given(JSON_VALUES)
def test_what_is_written_is_read_again(value: object) -> None:
    assert parse("stdlib", codec.dumps(value)) == value


@pytest.mark.parametrize(
    "value, plain",
    [
        ({"a": (1, [True, None])}, {"a": [1, [True, None]]}),
        ([1e-7, Decimal("1E+3")], ["0.0000001", "1000"]),
        ({"a": {1}}, {"a": {1}}),
    ],
    ids=["containers", "numbers", "no JSON"],
)
def test_numbers_are_written_without_exponent(value: object, plain: object) -> None:
    assert codec.plain_json(value) == plain
