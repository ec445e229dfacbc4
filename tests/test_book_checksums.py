"""The texts of levels, and checksums of them, against plain arithmetic and the exchange's own."""

from __future__ import annotations

import importlib.util
import json
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from checksum_reference import crc, javascript
from hypothesis import given
from hypothesis import strategies as st
from strategies import FINITE, PRICES, SIZES

from bfxsync.book import checksums
from bfxsync.book.checksums import checksum, level_texts

DATA = Path(__file__).parent / "data"
VECTORS = [
    json.loads(line)
    for line in (DATA / "checksum-vectors.jsonl").read_text("utf-8").splitlines()
]

NUMBERS = PRICES | SIZES | FINITE
PAIRS = st.lists(st.tuples(NUMBERS, NUMBERS), max_size=8)


@pytest.mark.parametrize("number", [float, Decimal])
@pytest.mark.parametrize("vector", VECTORS, ids=[case["note"][:30] for case in VECTORS])
def test_checksum_of_a_text_is_that_of_the_vector(vector: Any, number: Any) -> None:
    numbers = [number(token) for token in vector["frame"].split(":") if token]
    levels = list(zip(numbers[::2], numbers[1::2]))
    bids, asks = levels[::2], levels[1::2]
    assert checksum(bids, asks) == vector["crc32_signed"]
    assert crc(vector["frame"]) == vector["crc32_signed"]


@pytest.mark.parametrize(
    "bids, asks, text",
    [
        ([(5.0, 1.0)], [], "5:1"),
        ([], [(5.0, -1.0)], "5:-1"),
        ([(5, 1), (4, 2)], [(6, -3)], "5:1:6:-3:4:2"),
        ([(5, 1)], [(6, -3), (7, -4)], "5:1:6:-3:7:-4"),
        ([(5, 1.5)], [(6.5, -3.0)], "5:1.5:6.5:-3"),
        ([(10.05, 2.0)], [], "10.05:2"),
        ([(1e-05, 1e-07)], [], "0.00001:1e-7"),
        ([(1e16, 1e21)], [], "10000000000000000:1e+21"),
        (
            [(34006738527, 0.25)],
            [(34006738528, -0.1)],
            "34006738527:0.25:34006738528:-0.1",
        ),
        ([(Decimal("5.0"), Decimal("1E-7"))], [], "5:1e-7"),
        ([(1e-06, -1e-06)], [(9.5e-07, -1.7e-08)], "0.000001:-0.000001:9.5e-7:-1.7e-8"),
        (
            [(1e20, 123456789012345680000.0)],
            [],
            "100000000000000000000:123456789012345680000",
        ),
        ([(5e-324, 1.7976931348623157e308)], [], "5e-324:1.7976931348623157e+308"),
        ([(1, -0.0)], [(Decimal("-0.0"), 0.1 + 0.2)], "1:0:0:0.30000000000000004"),
        ([], [], ""),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_checksum_is_over_this_text(bids: Any, asks: Any, text: str) -> None:
    assert checksum(bids, asks) == crc(text)


@pytest.mark.parametrize("has_orjson", [True, False])
@given(pairs=PAIRS)
def test_texts_of_levels_are_those_of_javascript(
    has_orjson: bool, pairs: list[Any]
) -> None:
    expected = [f"{javascript(key)}:{javascript(amount)}" for key, amount in pairs]
    with pytest.MonkeyPatch.context() as patch:
        if not has_orjson:
            patch.setattr(checksums, "orjson", None)
        assert level_texts(pairs) == expected
        decimals = [tuple(Decimal(repr(x)) for x in pair) for pair in pairs]
        assert level_texts(decimals) == expected


@pytest.mark.parametrize(
    "number, text",
    [
        (2.0, "2"),
        (1e-5, "0.00001"),
        (1e-7, "1e-7"),
        (1.5e21, "1.5e+21"),
        (-0.0, "0"),
        (True, "1"),
        (False, "0"),
        (10.05, "10.05"),
        (2**63 - 1, "9223372036854775807"),
        (2**64, "18446744073709551616"),
        (Decimal(2**53 + 1), "9007199254740993"),
    ],
    ids=str,
)
def test_one_odd_number_among_many_is_written_with_care(number: Any, text: str) -> None:
    for place in range(4):
        levels = [(100.5, 0.25)] * 4
        levels[place] = (number, 0.25)
        assert level_texts(levels)[place] == f"{text}:0.25"
        levels[place] = (100.5, number)
        expected = ["100.5:0.25"] * 4
        expected[place] = f"100.5:{text}"
        assert level_texts(levels) == expected


def test_without_orjson_every_level_is_written_alone(monkeypatch: Any) -> None:
    monkeypatch.setitem(sys.modules, "orjson", None)  # its import fails now
    spec = importlib.util.spec_from_file_location("without_orjson", checksums.__file__)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.orjson is None
    assert module.level_texts([(5.0, -0.5)] * 4) == ["5:-0.5"] * 4
