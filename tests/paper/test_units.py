from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import bfxsync.paper
from bfxsync.paper.engine.units import SCALE, number_text, to_units, units_text

CAPTURES = sorted((Path(bfxsync.paper.__file__).parent / "data").glob("*.gz"))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (5, "5"),
        (5.0, "5"),
        (-5.0, "-5"),
        (0.0, "0"),
        (-0.0, "0"),
        (0.1, "0.1"),
        (1e-4, "0.0001"),
        (1e-5, "0.00001"),
        (-1.5e-5, "-0.000015"),
        (1e-6, "0.000001"),
        (7e-7, "7e-7"),
        (1.7e-8, "1.7e-8"),
        (-1.7e-8, "-1.7e-8"),
        (5e-324, "5e-324"),
        (1e15, "1000000000000000"),
        (1e16, "10000000000000000"),
        (1.5e20, "150000000000000000000"),
        (1e21, "1e+21"),
        (-1.25e21, "-1.25e+21"),
        (43.358118629999986, "43.358118629999986"),
    ],
)
def test_a_number_is_written_as_javascript_prints_it(value: float, text: str) -> None:
    assert number_text(value) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_the_text_of_a_number_gives_it_back(value: float) -> None:
    text = number_text(value)
    assert float(text) == value
    assert re.fullmatch(r"-?\d+(\.\d*[1-9])?(e[+-][1-9]\d*)?", text)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_json_number_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="is not JSON"):
        number_text(value)


@given(st.integers(-(10**9), 10**9), st.integers(0, 8))
def test_units_are_exact_for_the_exchanges_numbers(digits: int, places: int) -> None:
    value = digits / 10**places
    units = to_units(value)
    assert units * 10**places == digits * SCALE
    assert units_text(units) == number_text(value)


def test_a_number_with_too_many_places_has_no_units() -> None:
    with pytest.raises(ValueError, match="decimal places"):
        to_units(1e-13)


class Token(str):
    """A number of the wire, as it was written."""


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.name.partition(".")[0])
def test_captured_numbers_are_written_as_they_came(path: Path) -> None:
    def check(value: Any) -> None:
        if isinstance(value, Token):
            assert number_text(float(value)) == value
        elif isinstance(value, list):
            for item in value:
                check(item)

    with gzip.open(path, "rt") as lines:
        for line in lines:
            frame = json.loads(line).get("frame", "{}")
            if frame.startswith("["):
                check(json.loads(frame, parse_float=Token))
