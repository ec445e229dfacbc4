"""Tables of models: DataFrames of pandas and tables of Arrow."""

from __future__ import annotations

import json
import sys
from datetime import timezone
from decimal import Decimal
from math import isnan
from typing import Any

import attrs
import numpy
import pandas
import pyarrow
import pytest
from hypothesis import given
from hypothesis import strategies as st
from model_tables import CASES, NUMBERS, Case

from bfxsync import RemoteError, UsageError, models
from bfxsync.book.book import AggregatedBook, RawBook
from bfxsync.dataframes import TIME, TableSource, Tabular, arrow_table, dataframe
from bfxsync.models import (
    BookUpdate,
    Candle,
    Liquidation,
    Order,
    RawBookUpdate,
    Trade,
)

EVERY = pytest.mark.parametrize("case", CASES.values(), ids=CASES)
CANDLE = Candle(1_700_000_000_123, 1.0, 2.0, 4.0, 0.5, 7.0, symbol="tBTCUSD")


def rows_of(case: Case, number: Any) -> list[Any]:
    """Return a whole row and one in which everything optional is missing."""
    whole = case.build(case.read(number), number)
    optional = {
        field.name: None
        for field in attrs.fields(case.model)
        if field.type.endswith(" | None")
    }
    return [whole, attrs.evolve(whole, **optional)]


def is_missing(value: Any) -> bool:
    return value is None or value is pandas.NA or value is pandas.NaT or isnan(value)


def as_json(value: Any) -> Any:
    return str(value) if isinstance(value, Decimal) else value.to_dict()


def plain(value: Any) -> Any:
    """Return the value of a cell as a model has it."""
    return value.item() if isinstance(value, numpy.generic) else value


@NUMBERS
@EVERY
def test_frame_has_the_values_of_all_fields(case: Case, number: Any) -> None:
    rows = rows_of(case, number)
    frame = dataframe(rows, numbers=number)
    columns = case.model.table_columns(number)
    assert {"time": TIME, **dict(frame.dtypes.astype(str))}.items() >= {
        name: dtype for name, dtype in case.model.columns(number).items()
    }.items()
    for column in columns:
        series = frame.index if column.is_index else frame[column.name]
        for cell, row in zip(series, rows):
            value = getattr(row, column.field)
            if value is None:
                assert is_missing(cell)
            elif column.dtype == TIME:
                assert cell.tzinfo is not None
                assert cell.value == round(float(value) * 1000) * 1000
            else:
                assert plain(cell) == value
                assert (type(cell) is Decimal) is (type(value) is Decimal)


@NUMBERS
@EVERY
def test_empty_frame_has_the_same_columns(case: Case, number: Any) -> None:
    full = dataframe(rows_of(case, number), numbers=number)
    empty = dataframe([], case.model, numbers=number)
    assert len(empty) == 0 and list(empty.dtypes) == list(full.dtypes)
    assert list(empty.columns) == list(full.columns)
    assert empty.index.dtype == full.index.dtype
    assert empty.index.name == full.index.name
    if isinstance(empty.index, pandas.DatetimeIndex):
        assert str(empty.index.dtype) == TIME and empty.index.name == "time"
        assert len(empty.resample("1h").count()) == 0


@NUMBERS
@EVERY
def test_arrow_table_has_the_values_of_all_fields(case: Case, number: Any) -> None:
    rows = rows_of(case, number)
    table = arrow_table(rows, numbers=number)
    assert table.column_names == list(case.model.columns(number))
    assert table.schema == arrow_table([], case.model, numbers=number).schema
    for column in case.model.table_columns(number):
        for cell, row in zip(table[column.name].to_pylist(), rows):
            value = getattr(row, column.field)
            if value is None:
                assert cell is None
            elif column.dtype == TIME:
                assert cell.value == round(float(value) * 1000) * 1000
            elif isinstance(value, Decimal):
                assert Decimal(cell) == value
            elif column.dtype == "object":
                assert json.loads(cell) == json.loads(
                    json.dumps(value, default=as_json)
                )
            else:
                assert cell == value


@given(st.lists(st.floats(0, 1e9) | st.integers(0, 10**9)), st.booleans())
def test_frame_returns_the_candles_it_was_made_of(prices: Any, is_lazy: bool) -> None:
    rows = [Candle(i * 60_000, p, p, p, p, p) for i, p in enumerate(prices)]
    frame = dataframe(iter(rows) if is_lazy else rows, Candle)
    times = [time.value // 10**6 for time in frame.index]
    found = zip(times, *(frame[n] for n in ("open", "close", "high", "low", "volume")))
    assert [Candle(*values) for values in found] == rows


def test_iterator_is_read_in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bfxsync.dataframes._CHUNK", 3)
    for count in range(8):
        orders = [CASES["Order"].build(CASES["Order"].read()) for _ in range(count)]
        for number, order in enumerate(orders):
            order.id, order.cid = number, None if number % 2 else number
        frame = dataframe(iter(orders), Order)
        assert list(frame["id"]) == list(range(count))
        assert list(frame["cid"].isna()) == [bool(n % 2) for n in range(count)]
        assert len(frame["symbol"]) == len(frame.index) == count


def test_times_have_the_fractions_of_liquidations() -> None:
    row = CASES["Liquidation"].build(CASES["Liquidation"].read())
    for mts in (1_700_000_000_000.125, Decimal("1700000000000.125")):
        frame = dataframe([attrs.evolve(row, mts=mts)], Liquidation)
        assert frame.index[0] == pandas.Timestamp(1_700_000_000_000_125_000, tz="UTC")
        assert frame.index[0].tzinfo in (timezone.utc, pandas.Timestamp(0, tz="UTC").tz)


def test_missing_times_are_not_a_time() -> None:
    order = CASES["Order"].build(CASES["Order"].read())
    frame = dataframe([attrs.evolve(order, mts_tif=None)])
    assert frame["expires_at"].iloc[0] is pandas.NaT
    assert str(frame.dtypes["updated_at"]) == TIME


def test_integers_beside_missing_ones_stay_exact() -> None:
    order = CASES["Order"].build(CASES["Order"].read())
    big = 2**53 + 1
    frame = dataframe([attrs.evolve(order, cid=cid) for cid in (big, None)])
    assert frame["cid"].iloc[0] == big and frame["cid"].isna().iloc[1]


@pytest.mark.parametrize("mts", [2**63 // 10**6 + 1, -(2**62), 2**70, 10**400])
def test_times_that_no_frame_holds_are_errors(mts: int) -> None:
    with pytest.raises(RemoteError, match=r"^Candle\.mts: a value is beyond "):
        dataframe([attrs.evolve(CANDLE, mts=mts)])


def test_integers_beyond_64_bits_are_errors() -> None:
    with pytest.raises(RemoteError, match=r"^Trade\.id: .* 64 bits$"):
        dataframe([Trade(2**63, 1, 1.0, 1.0)])
    order = CASES["Order"].build(CASES["Order"].read())
    with pytest.raises(RemoteError, match=r"^Order\.cid: .* 64 bits$"):
        dataframe([attrs.evolve(order, cid=2**63)])


def test_symbol_and_timeframe_are_columns_on_request() -> None:
    frame = dataframe([attrs.evolve(CANDLE, timeframe="1m"), CANDLE], symbol=True)
    assert list(frame.columns[:2]) == ["symbol", "timeframe"]
    assert list(frame["symbol"]) == ["tBTCUSD"] * 2
    assert frame["timeframe"].iloc[0] == "1m" and frame["timeframe"].isna().iloc[1]
    assert "symbol" not in dataframe([CANDLE])


def test_numbers_are_those_of_the_first_row() -> None:
    exact = attrs.evolve(CANDLE, open=Decimal("0.1"))
    assert dataframe([exact])["open"].iloc[0] == Decimal("0.1")
    assert dataframe([exact], numbers=float)["open"].dtype == float
    assert arrow_table([exact])["open"].to_pylist() == ["0.1"]


def test_subclasses_are_rows_of_their_model() -> None:
    updates = [models.TradeUpdate(1, 2, 3.0, 4.0), Trade(2, 3, 4.0, 5.0)]
    assert list(dataframe(updates, Trade)["id"]) == [1, 2]
    with pytest.raises(UsageError, match="^rows must be of TradeUpdate, not of Trade$"):
        dataframe(updates)


@pytest.mark.parametrize(
    "arguments, text",
    [
        (([],), "there are no rows: pass their class as model"),
        ((5,), "rows must be models, not 5"),
        (([5],), "rows must be models, not 5"),
        (([], int), r"model must be a class of bfxsync.models, not <class 'int'>"),
        (([], models.Model), "model must be a class of bfxsync.models, not "),
        (([], CANDLE.time), "model must be a class of bfxsync.models, not "),
        (([CANDLE, None],), "rows must be of Candle, not of NoneType"),
        (([CANDLE], Trade), "rows must be of Trade, not of Candle"),
    ],
)
def test_rows_that_are_no_models_are_refused(arguments: Any, text: str) -> None:
    for make in (dataframe, arrow_table):
        with pytest.raises(UsageError, match=f"^{text}"):
            make(*arguments)


def test_other_impossible_arguments_are_refused() -> None:
    with pytest.raises(UsageError, match="^numbers must be float or decimal.Decimal"):
        dataframe([CANDLE], numbers=int)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="^symbol must be True or False, not 'no'$"):
        dataframe([CANDLE], symbol="no")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "module, extra, make",
    [
        ("pandas", "pandas", dataframe),
        ("numpy", "pandas", dataframe),
        ("pyarrow", "arrow", arrow_table),
    ],
)
def test_missing_libraries_are_named_with_their_extra(
    module: str, extra: str, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    text = rf'^{module} is not installed: pip install "bfxsync\[{extra}\]"$'
    with pytest.raises(ImportError, match=text):
        make([CANDLE])


class Rows(Tabular):
    """Anything but a list or a dict, which other libraries read in their own way."""

    def _table_source(self) -> TableSource:
        return TableSource(Candle, [CANDLE], float)


def test_other_libraries_read_the_stream() -> None:
    table = pyarrow.table(Rows())
    assert table.column_names == list(Candle.columns())
    assert table.equals(Rows().arrow())
    with pytest.raises(NotImplementedError):
        Tabular().df()


@pytest.mark.parametrize("level", [BookUpdate(1.5, 2, 0.1), RawBookUpdate(7, 1.5, 0.1)])
def test_live_book_is_a_table_of_its_levels(level: Any) -> None:
    book: Any = AggregatedBook() if isinstance(level, BookUpdate) else RawBook()
    book.apply(level)
    frame = book.df()
    assert list(frame.columns) == ["side", *type(level).columns()]
    assert list(frame["side"]) == ["bid"] and list(frame["amount"]) == [0.1]
