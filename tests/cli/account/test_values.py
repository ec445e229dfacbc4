"""Values on the command line."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from bfxsync.cli.values import (
    day_of,
    flags_of,
    future_of,
    integer_of,
    json_list_of,
    json_or_text,
    list_of,
    number_of,
    object_of,
    time_of,
)

NOW = datetime(2026, 11, 30, 12, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-01-31", datetime(2024, 1, 31)),
        ("2024-01-31T12:30", datetime(2024, 1, 31, 12, 30)),
        ("2024-01-31 12:30:15", datetime(2024, 1, 31, 12, 30, 15)),
        ("2024-01-31T12:30Z", datetime(2024, 1, 31, 12, 30)),
        ("2024-01-31T12:30+02:00", datetime(2024, 1, 31, 10, 30)),
        ("1706702400000", datetime(2024, 1, 31, 12)),
        ("30m", datetime(2026, 11, 30, 11, 30)),
        ("12h", datetime(2026, 11, 30)),
        ("7D", datetime(2026, 11, 23, 12)),
        ("2w", datetime(2026, 11, 16, 12)),
    ],
    ids=str,
)
def test_times_are_read_in_utc(text: str, expected: datetime) -> None:
    assert time_of(text, NOW) == expected.replace(tzinfo=timezone.utc)


def test_an_age_of_an_expiry_is_in_the_future() -> None:
    assert future_of("12h", NOW) == NOW + timedelta(hours=12)
    assert future_of("2024-01-31", NOW) == time_of("2024-01-31")


@pytest.mark.parametrize(
    "text", ["", "soon", "2024", "20240131", "2024-13-01", "1706702400", "-7d", "0d"]
)
def test_impossible_times_say_what_is_possible(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected 2024-01-31, .* or 7d, not '"):
        time_of(text, NOW)


@pytest.mark.parametrize(
    ("read", "text", "expected"),
    [
        (number_of, "0.10000000000000000001", "0.10000000000000000001"),
        (number_of, "-1e-8", "-0.00000001"),
        (integer_of, "-1", -1),
        (flags_of, "4160", 4160),
        (flags_of, "hidden,post-only", 4160),
        (flags_of, "HIDDEN|POST_ONLY", 4160),
        (day_of, "2026-01-31", "2026-01-31"),
        (list_of(str), "tBTCUSD, tETHUSD", ["tBTCUSD", "tETHUSD"]),
        (list_of(integer_of), "1,2", [1, 2]),
        (list_of(str), '["a,b"]', ["a,b"]),
        (json_list_of, '[["on", {}]]', [["on", {}]]),
        (object_of, '{"a": 1}', {"a": 1}),
        (json_or_text, "true", True),
        (json_or_text, "plain text", "plain text"),
    ],
)
def test_values_are_read(read: Any, text: str, expected: Any) -> None:
    assert read(text) == expected


@pytest.mark.parametrize(
    ("read", "text", "message"),
    [
        (number_of, "6x", "expected a number, not '6x'"),
        (number_of, "nan", "expected a number, not 'nan'"),
        (integer_of, "1.5", "expected an integer, not '1.5'"),
        (flags_of, "hiden", "expected HIDDEN, "),
        (day_of, "31.1.2026", "expected a day such as 2026-01-31, not "),
        (list_of(integer_of), "1,b", "expected an integer, not 'b'"),
        (list_of(str), "[", "expected JSON, not '['"),
        (json_list_of, "{}", "expected a list in JSON, not '{}'"),
        (object_of, "[]", "expected an object such as "),
    ],
)
def test_wrong_values_say_what_is_expected(read: Any, text: str, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        read(text)
    assert str(caught.value).startswith(message)
