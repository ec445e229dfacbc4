"""Rows as JSON lines and CSV."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

import pytest

from bfxsync import OrderFlag, OrderType
from bfxsync.cli.rows import RowWriter, cell_text, iso_text, json_text, number_text

Output = pytest.CaptureFixture[str]


@pytest.mark.parametrize(
    ("value", "in_json", "in_csv"),
    [
        (None, "null", ""),
        (True, "true", "true"),
        (Decimal("1E-8"), "0.00000001", "0.00000001"),
        (Decimal("64262.10"), "64262.10", "64262.10"),
        (0.1, "0.1", "0.1"),
        ('a "word"', '"a \\"word\\""', 'a "word"'),
        (OrderType.EXCHANGE_LIMIT, '"EXCHANGE LIMIT"', "EXCHANGE LIMIT"),
        (OrderFlag.HIDDEN, "64", "64"),
        ([Decimal("1.50"), None], "[1.50, null]", "[1.50, null]"),
        ({"a": Decimal("2.0")}, '{"a": 2.0}', '{"a": 2.0}'),
        (
            datetime(2026, 11, 30, tzinfo=timezone.utc),
            '"2026-11-30T00:00:00+00:00"',
            "2026-11-30T00:00:00+00:00",
        ),
    ],
    ids=str,
)
def test_values_keep_their_digits(value: Any, in_json: str, in_csv: str) -> None:
    assert json_text(value) == in_json
    json.loads(in_json)
    assert cell_text(value) == in_csv


def test_numbers_have_no_exponent() -> None:
    assert number_text(1e-7) == "0.0000001"
    assert number_text(12) == "12"
    assert iso_text(1542045996007) == "2018-11-12T18:06:36.007Z"


def test_json_has_an_object_per_line(capsys: Output) -> None:
    writer = RowWriter("json", ("symbol", "price"))
    writer.write({"symbol": "tBTCUSD", "price": Decimal("64262.0"), "other": 1})
    writer.write({"symbol": "tETHUSD"})
    assert capsys.readouterr().out == (
        '{"symbol": "tBTCUSD", "price": 64262.0}\n{"symbol": "tETHUSD", "price": null}\n'
    )


def test_csv_has_a_header_also_without_rows(capsys: Output) -> None:
    writer = RowWriter("csv", ("symbol", "price"))
    assert capsys.readouterr().out == "symbol,price\n"
    writer.write({"symbol": "a,b", "price": Decimal("0.10")})
    assert capsys.readouterr().out == '"a,b",0.10\n'
