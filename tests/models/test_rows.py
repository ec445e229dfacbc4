from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import FINITE, JSON_VALUES

from bfxsync.errors import RemoteError
from bfxsync.models.rows import INT64, Kind, Layout, read_rows

LAYOUT = Layout(
    "Model",
    ("second", 1, Kind.NUMBER),
    ("first", 0, Kind.INTEGER),
    ("fourth", 3, Kind.OPTIONAL_NUMBER),
)


def read_number(value: object, number: Any) -> Any:
    return Layout("Model", ("field", 0, Kind.NUMBER)).read([value], number)[0]


def read_integer(value: object) -> Any:
    return Layout("Model", ("field", 0, Kind.INTEGER)).read([value], float)[0]


def test_values_come_in_the_order_of_the_fields() -> None:
    assert LAYOUT.read([1, 2.5, "not looked at", 4], float) == [2.5, 1, 4.0]


def test_length_is_that_of_the_fields_which_must_be_there() -> None:
    assert LAYOUT.length == 2


@pytest.mark.parametrize(
    "row", [[1, 2.5], [1, 2.5, 3], [1, 2.5, 3, None]], ids=["short", "before", "null"]
)
def test_optional_number_that_is_not_there_is_none(row: list[Any]) -> None:
    assert LAYOUT.read(row, float) == [2.5, 1, None]


@pytest.mark.parametrize(
    "row, message",
    [
        ([1], "Model: expected at least 2 values, got 1"),
        ([], "Model: expected at least 2 values, got 0"),
        ({}, "Model: expected a list, got {}"),
        ("text", "Model: expected a list, got 'text'"),
        (None, "Model: expected a list, got None"),
        ((1, 2), "Model: expected a list, got (1, 2)"),
        ([1, None], "Model.second: expected a number, got None"),
        ([1, [2]], "Model.second: expected a number, got [2]"),
        ([1.5, 2], "Model.first: expected an integer, got 1.5"),
        ([1, 2, 3, "x"], "Model.fourth: expected a number or null, got 'x'"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_error_says_what_was_expected_and_what_came(row: object, message: str) -> None:
    with pytest.raises(RemoteError) as caught:
        LAYOUT.read(row, float)
    assert str(caught.value) == message
    assert caught.value.raw is row


def test_r14_error_about_deep_nesting_stays_short() -> None:
    value: list[Any] = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(RemoteError) as caught:
        read_number(value, float)
    assert len(str(caught.value)) < 100
    while value:  # deep lists are taken apart here, or their end would be recursive
        value = value.pop()


@pytest.mark.parametrize(
    "value, expected",
    [
        (0, 0),
        (-7, -7),
        (7.0, 7),
        (-0.0, 0),
        ("7", 7),
        ("-7", -7),
        (Decimal("7"), 7),
        (Decimal("7.000"), 7),
        (Decimal("7E+3"), 7000),
        (2.0**53 - 1, 2**53 - 1),
        (INT64 - 1, INT64 - 1),
        (-INT64, -INT64),
        (str(INT64 - 1), INT64 - 1),
        (Decimal(INT64 - 1), INT64 - 1),
    ],
    ids=repr,
)
def test_integer_is_read_from(value: object, expected: int) -> None:
    found = read_integer(value)
    assert type(found) is int
    assert found == expected


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        False,
        7.5,
        2.0**53,
        float("inf"),
        float("nan"),
        "",
        "7.5",
        "seven",
        "9" * 5000,
        INT64,
        -INT64 - 1,
        str(INT64),
        Decimal("7.5"),
        Decimal("Infinity"),
        Decimal("NaN"),
        Decimal(INT64),
        Decimal("1E+19"),
        Decimal("1E+999999"),
        [7],
        {},
    ],
    ids=lambda value: repr(value)[:12],
)
def test_integer_is_not_read_from(value: object) -> None:
    with pytest.raises(RemoteError, match="^Model.field: expected an integer, got "):
        read_integer(value)


@pytest.mark.parametrize(
    "value, text",
    [
        (0, "0"),
        (-3, "-3"),
        (0.1, "0.1"),
        (1e-7, "1e-7"),
        (43.358118629999986, "43.358118629999986"),
        ("0.1", "0.1"),
        ("-12", "-12"),
        (Decimal("1.10"), "1.10"),
        (2**70, str(2**70)),
    ],
    ids=repr,
)
def test_number_is_read_as_float_or_decimal(value: object, text: str) -> None:
    as_float = read_number(value, float)
    assert type(as_float) is float
    assert as_float == float(text)
    as_decimal = read_number(value, Decimal)
    assert type(as_decimal) is Decimal
    # As tuples: 1.10 equals 1.1 and is not what was sent.
    assert as_decimal.as_tuple() == Decimal(text).as_tuple()


@pytest.mark.parametrize("number", [float, Decimal])
@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        False,
        "",
        "x",
        "NaN",
        "sNaN",
        "Infinity",
        float("inf"),
        float("nan"),
        Decimal("-Infinity"),
        Decimal("sNaN"),
        [],
        {},
    ],
    ids=repr,
)
def test_number_is_not_read_from(value: object, number: Any) -> None:
    with pytest.raises(RemoteError, match="^Model.field: expected a number, got "):
        read_number(value, number)


@pytest.mark.parametrize("value", ["1e400", 10**400, Decimal("-1E+400")], ids=str)
def test_number_beyond_a_float_is_only_a_decimal(value: object) -> None:
    with pytest.raises(RemoteError, match="expected a number"):
        read_number(value, float)
    assert read_number(value, Decimal) == Decimal(value)  # type: ignore[arg-type]


@given(FINITE)
def test_r12_every_finite_float_means_what_was_sent(value: float) -> None:
    assert read_number(value, float) == value
    assert read_number(value, Decimal) == Decimal(repr(value))


@given(
    st.lists(JSON_VALUES, max_size=5) | JSON_VALUES, st.sampled_from([float, Decimal])
)
def test_r14_any_json_is_read_or_is_a_remote_error(row: object, number: Any) -> None:
    try:
        values = LAYOUT.read(row, number)
    except RemoteError as error:
        assert error.raw is row
    else:
        assert [type(value) for value in values[:2]] == [number, int]
        assert values[2] is None or type(values[2]) is number


# --- objects, and rows that lack anything -----------------------------------------------------


@pytest.mark.parametrize(
    "value, wanted",
    [
        ({"a": 1}, {"a": 1}),
        ('{"a":1.5}', {"a": 1.5}),
        ({}, {}),
        ("{}", {}),
        ([], {}),
        (None, None),
    ],
    ids=str,
)
def test_object_may_be_its_text_or_an_empty_list(value: object, wanted: object) -> None:
    layout = Layout("Model", ("field", 0, Kind.OPTIONAL_OBJECT))
    assert layout.read([value], float) == [wanted]
    assert layout.read([], float) == [None]


def test_object_in_a_text_has_numbers_of_the_wanted_type() -> None:
    layout = Layout("Model", ("field", 0, Kind.OPTIONAL_OBJECT))
    assert layout.read(['{"a":0.1}'], Decimal) == [{"a": Decimal("0.1")}]


@pytest.mark.parametrize(
    "value", [1, 1.5, True, "", "x", "1", "[1]", [1], "[" * 100_000], ids=repr
)
def test_what_is_no_object_is_a_remote_error(value: object) -> None:
    layout = Layout("Model", ("field", 0, Kind.OPTIONAL_OBJECT))
    with pytest.raises(RemoteError, match="expected an object, its text, or null"):
        layout.read([value], float)


@given(st.lists(JSON_VALUES | st.just([1, 2.5])))
def test_rows_of_a_list_are_read_or_reported(rows: list[Any]) -> None:
    good, bad = [], []
    for row in rows:
        try:
            good.append(LAYOUT.read(row, float))
        except RemoteError as error:
            bad.append((row, str(error)))
    try:
        assert read_rows(LAYOUT.read, rows, float) == good
        assert bad == []
    except RemoteError as error:
        assert (error.rows, error.unreadable) == (good, bad)
        assert error.raw is bad[0][0] and str(error).endswith(bad[0][1])


def test_what_is_no_list_has_no_rows() -> None:
    with pytest.raises(RemoteError, match="expected a list of rows, got {}") as caught:
        read_rows(LAYOUT.read, {}, float)
    assert (caught.value.rows, caught.value.unreadable) == ([], [])


def test_message_counts_the_rows_that_cannot_be_read() -> None:
    with pytest.raises(RemoteError) as caught:
        read_rows(LAYOUT.read, [[1, 2], [1], [3, 4], {}], float)
    assert str(caught.value) == (
        "2 of 4 rows cannot be read: Model: expected at least 2 values, got 1"
    )


@pytest.mark.parametrize(
    "value, expected",
    [(1, 1), (0, 0), (True, 1), (False, 0), ("1", 1), (-1, -1), (None, None)],
)
def test_switches_are_numbers_or_booleans(value: Any, expected: Any) -> None:
    layout = Layout("Model", ("field", 0, Kind.OPTIONAL_SWITCH))
    (found,) = layout.read([value], float)
    assert found == expected and type(found) is type(expected)


@pytest.mark.parametrize("value", [True, False])
def test_boolean_is_no_integer(value: bool) -> None:
    with pytest.raises(RemoteError, match=f"expected an integer, got {value}"):
        read_integer(value)
