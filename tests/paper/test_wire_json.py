from __future__ import annotations

from typing import Any

import pytest

from bfxsync.paper.server.wire_json import decode, encode


def test_values_are_written_without_spaces() -> None:
    value = {"a": [1.0, None, True, False, 'x"y', {}], "b": 1e-7}
    assert encode(value) == '{"a":[1,null,true,false,"x\\"y",{}],"b":1e-7}'


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("25.0", 25),
        ("-0.0", 0),
        ("2.5e3", 2500),
        ("0.5", 0.5),
        ("9007199254740991.0", 2**53 - 1),
        ("1e300", 1e300),
        ('{"a":[1.0,"1.0"]}', {"a": [1, "1.0"]}),
    ],
)
def test_json_is_read_with_one_kind_of_number(text: str, value: Any) -> None:
    read = decode(text)
    assert read == value and repr(read) == repr(value)


@pytest.mark.parametrize(("before", "after"), [("[", "]"), ('{"a":', "}")])
def test_what_is_nested_too_deeply_is_no_json(before: str, after: str) -> None:
    # Reading needs less stack than writing, which would fail in the middle of an order.
    assert encode(decode(before * 64 + "0" + after * 64))
    for levels in (65, 300, 900, 5_000, 100_000):
        with pytest.raises(ValueError):
            decode(before * levels + "0" + after * levels)


@pytest.mark.parametrize("text", ["NaN", "[1e999]", "-Infinity", "{", ""])
def test_what_cannot_be_sent_back_is_no_json(text: str) -> None:
    with pytest.raises(ValueError):
        decode(text)
