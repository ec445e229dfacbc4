"""Files of sinks: what is stored is what was written, whatever happened in between."""

from __future__ import annotations

import csv
import re
import resource
import signal
import sqlite3
import sys
from contextlib import closing
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any, List

import attrs
import pandas
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from interrupts import interrupted, interrupted_before_each_bytecode
from model_tables import CASES, NUMBERS, Case
from stored_rows import stored

from bfxsync import ClosedError, UsageError, models
from bfxsync.models import Candle, Ledger, OpenInterest, Ticker, Trade
from bfxsync.sinks import Sink, open_sink
from bfxsync.sinks.sink import _KEYS

SUFFIXES = [".csv", ".parquet", ".db"]
EVERY_FILE = pytest.mark.parametrize("suffix", SUFFIXES)
NESTED = [
    name
    for name, case in CASES.items()
    if any(place.plain_kind in ("model", "models", "profile") for place in case.places)
]

T0 = 1_700_000_000_000
TRADES = [Trade(i, T0 + i, 0.1 * i, 1 / 3, symbol="tBTCUSD") for i in range(20)]


def ledger(identity: int, text: Any, amount: Any = 1.5) -> Ledger:
    return Ledger(identity, "USD", "exchange", T0, amount, amount, text)


def sink_of(path: Path, model: Any, **options: Any) -> Sink[Any]:
    if path.suffix == ".db":
        options.setdefault("table", model.__name__.lower())
    return open_sink(path, model, **options)


def rows_of(case: Case, number: Any) -> List[Any]:
    whole = case.build(case.read(number), number)
    optional = {
        field.name: None
        for field in attrs.fields(case.model)
        if field.type.endswith(" | None")
    }
    if issubclass(case.model, tuple(_KEYS)) and case.model is not Candle:
        optional["id"] = whole.id + 1
    elif not optional and case.model.table_columns()[0].is_index:
        # Equal rows of one time are stored once.
        field = case.model.table_columns()[0].field
        optional[field] = getattr(whole, field) + 1
    return [attrs.evolve(whole, **optional), whole]


# --- what is stored ---------------------------------------------------------------------------


@NUMBERS
@pytest.mark.parametrize(
    "name, suffix",
    [(name, ".csv") for name in CASES if name not in NESTED]
    # With all kinds of values.
    + [(n, s) for n in ("Order", "Liquidation", "UserInfo") for s in SUFFIXES[1:]],
)
def test_models_are_read_as_they_were_written(
    name: str, number: Any, suffix: str, tmp_path: Path
) -> None:
    case = CASES[name]
    path = tmp_path / f"rows{suffix}"
    rows = rows_of(case, number)
    with sink_of(path, case.model, numbers=number) as sink:
        sink.write_all(rows[:1])
    with sink_of(path, case.model, numbers=number) as sink:
        sink.write_all(rows[1:])
    found = stored(path, case.model, number)
    # One candle, which has no optional fields.
    assert len(found) == (1 if name == "Candle" else 2)
    for one, other in zip(found, rows[-len(found) :]):
        if name == "Liquidation":
            # Times are kept to the microsecond.
            assert abs(one.mts - other.mts) <= other.mts.__class__("0.0006")
            one.mts = other.mts
        assert attrs.asdict(one) == attrs.asdict(other)


TEXTS = st.none() | st.text(
    st.characters(blacklist_categories=("Cs",), blacklist_characters="\0"), min_size=1
)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)


@EVERY_FILE
@settings(max_examples=20)
@given(data=st.lists(st.tuples(TEXTS, FLOATS), max_size=5), at=st.integers(0, 5))
def test_texts_and_numbers_are_exact(
    suffix: str, data: Any, at: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("exact") / f"rows{suffix}"
    rows = [ledger(i, text, amount) for i, (text, amount) in enumerate(data)]
    for part in (rows[:at], rows[at:]):
        with sink_of(path, Ledger) as sink:
            sink.write_all(part)
    assert stored(path, Ledger) == rows


def test_files_are_read_by_other_programs(tmp_path: Path) -> None:
    for suffix in SUFFIXES:
        with sink_of(tmp_path / f"rows{suffix}", Trade) as sink:
            sink.write_all(TRADES)
    columns = ["time", "symbol", *list(Trade.columns())[1:]]
    with open(tmp_path / "rows.csv", newline="") as file:
        lines = list(csv.reader(file))
    assert lines[0] == columns
    assert lines[2] == ["2023-11-14T22:13:20.001Z", "tBTCUSD", "1", "0.1", repr(1 / 3)]
    frame = pandas.read_csv(tmp_path / "rows.csv", parse_dates=["time"])
    assert frame["time"][1].value == TRADES[1].mts * 10**6
    table = pyarrow.parquet.read_table(tmp_path / "rows.parquet")
    assert str(table.schema.field("time").type) == "timestamp[ns, tz=UTC]"
    assert table.to_pandas()["amount"].tolist() == [trade.amount for trade in TRADES]
    with closing(sqlite3.connect(tmp_path / "rows.db")) as database:
        query = "SELECT id, price FROM trade WHERE time >= '2023-11-14T22:13:20.018Z'"
        assert database.execute(query).fetchall() == [(18, 1 / 3), (19, 1 / 3)]


@EVERY_FILE
def test_rows_without_a_time_have_that_of_writing(suffix: str, tmp_path: Path) -> None:
    ticker = attrs.evolve(
        CASES["Ticker"].build(CASES["Ticker"].read()), symbol="tBTCUSD"
    )
    path = tmp_path / f"rows{suffix}"
    with sink_of(path, Ticker) as sink:
        # Each is a row, as nothing tells them apart.
        assert sink.write(ticker) and sink.write(ticker)
        assert sink.write(attrs.evolve(ticker, symbol="tETHUSD", server_mts=5))
        with pytest.raises(UsageError, match="^rows of Ticker have no time$"):
            sink.since(1)
    with sink_of(path, Ticker) as sink:
        assert sink._format.names[:2] == ["received_at", "symbol"]
        assert sink.last.symbol == "tETHUSD"
    if suffix == ".csv":
        text = path.read_text()
        assert text.count("\n1970-01-01T00:00:00.005Z,tETHUSD,") == 1


# --- what is not stored twice -----------------------------------------------------------------


@EVERY_FILE
def test_each_row_is_stored_once(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"rows{suffix}"
    with sink_of(path, Trade) as sink:
        assert sink.last is None and sink.since(T0) == T0 and sink.since(None) is None
        assert sink.write_all(TRADES[:8]) == 8
        sink.flush()
        assert sink.write_all(TRADES[4:9]) == 1 and sink.skipped_count == 4
    with sink_of(path, Trade) as sink:
        assert sink.last == TRADES[8]
        assert sink.since(None) == sink.since(T0 - 10**6) == TRADES[8].mts - 10_000
        # Not before the start.
        assert sink.since(T0) == T0
        assert sink.write_all(reversed(TRADES)) == sink.count == 11
    assert sorted(stored(path, Trade), key=lambda trade: trade.id) == TRADES


def test_keys_are_forgotten_in_their_order(monkeypatch: Any, tmp_path: Path) -> None:
    monkeypatch.setattr("bfxsync.sinks.sink.KEPT", 5)
    with sink_of(tmp_path / "rows.csv", Trade, flush_s=0) as sink:
        sink.write_all(TRADES)
        assert len(sink._stored) <= 10
        assert sink.write_all(TRADES[-5:]) == 0


def test_trades_are_told_apart_by_what_identifies_them(tmp_path: Path) -> None:
    trade = CASES["AccountTrade"].build(CASES["AccountTrade"].read())
    with sink_of(tmp_path / "rows.csv", models.AccountTrade) as sink:
        assert sink.write(trade) and not sink.write(trade)
        # The other side of a self-trade.
        assert sink.write(attrs.evolve(trade, order_id=1))


def test_equal_rows_of_one_time_are_stored_once(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    interest = OpenInterest(T0, 1.5, symbol="tBTCF0:USTF0")
    for is_new in (True, False):
        with sink_of(path, OpenInterest) as sink:
            assert sink.write(interest) is is_new
            assert not sink.write(interest)
            sink.write(attrs.evolve(interest, open_interest=2.5))
    assert len(stored(path, OpenInterest)) == 2


def candle(minute: int, close: float = 1.0, **options: Any) -> Candle:
    options = {"symbol": "tBTCUSD", "timeframe": "1m", **options}
    return Candle(minute * 60_000, 1.0, close, 1.0, 1.0, 1.0, **options)


@pytest.mark.parametrize(
    "now, rows, kept",
    [
        # Times in minutes. The last one may still change, until it is over.
        (9.0, [candle(1), candle(2)], [1, 2]),
        (2.5, [candle(1), candle(2)], [1]),
        (3.03, [candle(1), candle(2)], [1]),
        (3.04, [candle(1), candle(2)], [1, 2]),
        (2.5, [candle(2), candle(1)], [1]),
        (9.0, [candle(2), candle(1)], [2, 1]),
        (1.5, [], []),
        # Without a timeframe nothing is known of its end.
        (0.5, [candle(2, timeframe=None)], []),
        (9.0, [candle(2, timeframe="1D")], []),
        (2000.0, [candle(2, timeframe="1D")], [2]),
    ],
)
def test_candles_are_stored_once_they_are_over(
    now: float, rows: Any, kept: Any, tmp_path: Path
) -> None:
    path = tmp_path / "rows.csv"
    with sink_of(path, Candle) as sink:
        sink._clock = lambda: now * 60
        sink.write_all(rows)
    assert [found.mts / 60_000 for found in stored(path, Candle)] == kept


def test_latest_state_of_a_candle_is_stored(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    states = [candle(1, 1.0), candle(1, 2.0), candle(2, 3.0), candle(1, 9.0)]
    with sink_of(path, Candle) as sink:
        assert [sink.write(state) for state in states] == [True, False, True, False]
        assert sink.skipped_count == 1
        assert sink.last == candle(1, 2.0) and sink.since(5) == 60_000
    assert [found.close for found in stored(path, Candle)] == [2.0, 3.0]


# --- what was interrupted ---------------------------------------------------------------------


def test_incomplete_row_of_a_csv_file_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    rows = [ledger(1, "plain"), ledger(2, 'two\n"lines",'), ledger(3, "end\n")]
    with sink_of(path, Ledger) as sink:
        sink.write_all(rows)
    whole = path.read_bytes()
    for size in range(len(whole) + 1):
        path.write_bytes(whole[:size])
        found = stored(path, Ledger)
        assert found == rows[: len(found)]
        assert whole.startswith(path.read_bytes())
        with sink_of(path, Ledger) as sink:
            assert sink.write_all(rows) == 3 - len(found)
        assert path.read_bytes() == whole


def test_parts_of_a_parquet_file_are_merged_once(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    folder = tmp_path / "rows.parquet.parts"
    with sink_of(path, Trade, flush_s=0) as sink:
        sink.write_all(TRADES[:3])
        # As a crash leaves it: between the merge and the removal of what was merged.
        parts = {part.name: part.read_bytes() for part in folder.glob("*.part")}
        assert len(parts) == 3 and not path.exists()
    assert not folder.exists()
    folder.mkdir()
    for name, content in parts.items():
        (folder / name).write_bytes(content)
    (folder / "000000009.part.tmp").write_bytes(b"half")
    assert stored(path, Trade) == TRADES[:3]
    with sink_of(path, Trade, flush_s=0) as sink:
        sink.write_all(TRADES)
    assert stored(path, Trade) == TRADES and not folder.exists()
    # As it leaves it before the merge.
    sink = sink_of(tmp_path / "other.parquet", Trade, flush_s=0)
    sink.write_all(TRADES[:2])
    sink._storage._lock.close()  # type: ignore[attr-defined]
    assert stored(tmp_path / "other.parquet", Trade) == TRADES[:2]


def test_many_rows_of_a_parquet_file_are_merged_in_groups(
    monkeypatch: Any, tmp_path: Path
) -> None:
    monkeypatch.setattr("bfxsync.sinks.parquet_file._GROUP", 8)
    path = tmp_path / "rows.parquet"
    for _ in range(2):
        with sink_of(path, Trade, flush_s=0) as sink:
            sink.write_all(TRADES)
        file = pyarrow.parquet.ParquetFile(path)
        sizes = [
            file.metadata.row_group(n).num_rows for n in range(file.num_row_groups)
        ]
        file.close()
        assert sum(sizes) == len(TRADES) and max(sizes) <= 16 and len(sizes) == 3
    monkeypatch.setattr("bfxsync.sinks.parquet_file.KEPT", 10)
    assert stored(path, Trade) == TRADES[-10:]


@EVERY_FILE
def test_rows_wait_until_they_can_be_stored(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"rows{suffix}"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    errors = (OSError, sqlite3.Error)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        with sink_of(path, Ledger, flush_s=0) as sink:
            sink.write(ledger(1, "a"))
            size = max(
                other.stat().st_size for other in tmp_path.rglob("*") if other.is_file()
            )
            resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100, before[1]))
            for _ in range(2):
                with pytest.raises(errors):
                    sink.write(ledger(2, "b" * 9_000))
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
            sink.write(ledger(3, "c"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert [row.id for row in stored(path, Ledger)] == [1, 2, 3]


@EVERY_FILE
def test_interrupted_writes_lose_and_repeat_nothing(
    suffix: str, tmp_path: Path
) -> None:
    path = tmp_path / f"rows{suffix}"
    done: List[int] = []

    def work() -> None:
        while True:
            trade = attrs.evolve(TRADES[0], id=done[-1] + 1 if done else 0)
            sink.write(trade)
            done.append(trade.id)

    with sink_of(path, Trade, flush_s=0.001) as sink:
        interrupted(work, times=20)
        count = sink.count
    found = [trade.id for trade in stored(path, Trade)]
    assert found == list(range(len(found)))
    # What was interrupted after the last one of them may be there, too.
    assert len(done) <= len(found) <= len(done) + 1
    assert count == len(found)


@pytest.mark.parametrize("model", [Trade, Candle])
def test_rows_of_an_interrupted_iterator_are_written_once(
    model: Any, tmp_path: Path
) -> None:
    """Before each bytecode."""
    columns = (1, 0.5, 0.5) if model is Trade else (1.0, 1.0, 1.0, 1.0, 0.5)
    rows = [model(number, *columns, symbol="tBTCUSD") for number in range(1_000)]
    path, rest = tmp_path / "rows.csv", iter(rows)
    with sink_of(path, model, flush_s=60) as sink:
        with pytest.raises(UsageError, match="row must be a"):
            sink.write_all([5])
        names = interrupted_before_each_bytecode(
            lambda: sink.write_all(islice(rest, 1))
        )
        assert sink.write_all(rest) > 0
    assert stored(path, model) == rows
    assert names >= {"write_all", "write", "_add"}


# --- what is refused --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path, model, options, text",
    [
        ("x.txt", Trade, {}, "path must end in .csv, .parquet or .db, "),
        (5, Trade, {}, "path must be the path of a file, not 5"),
        ("x\0.csv", Trade, {}, "path must be the path of a file"),
        ("x.csv", int, {}, "model must be a class of bfxsync.models, not "),
        ("x.csv", None, {}, "model must be a class of bfxsync.models, not None"),
        ("x.csv", models.Model, {}, "model must be a class of bfxsync.models, not "),
        ("x.csv", models.Summary, {}, "a sink cannot keep Summary: trade_vol_30d"),
        ("x.csv", Trade, {"numbers": int}, "numbers must be float or decimal.Decimal"),
        ("x.csv", Trade, {"table": "a"}, "table is for SQLite only, not for 'x.csv'"),
        ("x.db", Trade, {"table": "a b"}, "table must be a plain word, not 'a b'"),
        ("x.db", Trade, {"table": "sqlite_a"}, "table must be a plain word"),
        ("x.db", Trade, {"table": 5}, "table must be a plain word, not 5"),
        ("x.csv", Trade, {"flush_s": -1}, "flush_s must"),
        ("no/x.csv", Trade, {}, "cannot write to 'no/x.csv': "),
        ("no/x.db", Trade, {}, "cannot write to 'no/x.db': "),
        ("no/x.parquet", Trade, {}, "cannot write to 'no/x.parquet': "),
    ],
)
def test_impossible_sinks_are_refused(
    path: Any, model: Any, options: Any, text: str, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=f"^{text}"):
        open_sink(path, model, **options)
    assert list(tmp_path.iterdir()) == []


@EVERY_FILE
def test_files_of_other_content_stay_as_they_are(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"rows{suffix}"
    path.write_bytes(b"time,notes of mine, without a newline")
    for content in (path.read_bytes(), None):
        if content is None:
            path.unlink()
            with sink_of(path, Trade) as sink:
                sink.write_all(TRADES)
            content = path.read_bytes()
        table = {"table": "trade"} if suffix == ".db" else {}
        with pytest.raises(UsageError) as caught:
            sink_of(path, OpenInterest, **table)
        assert re.search("must|cannot write|is not a Parquet file", str(caught.value))
        assert path.read_bytes() == content


@EVERY_FILE
def test_two_sinks_of_one_file_are_refused(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"rows{suffix}"
    with sink_of(path, Trade) as sink:
        sink.write(TRADES[0])
        sink.flush()
        if suffix == ".db":
            # Other tables of the database may be in use.
            with sink_of(path, Trade) as other:
                other.write(TRADES[1])
            sink.write(TRADES[2])
            with pytest.raises(UsageError, match="another program writes to the table"):
                sink.flush()
            sink._waiting.clear()
        else:
            with pytest.raises(UsageError, match="another program is using the file"):
                sink_of(path, Trade)


def test_rows_of_another_kind_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    with sink_of(path, Trade) as sink:
        assert repr(sink) == f"<Sink {str(path)!r} of Trade>"
        with pytest.raises(UsageError, match="^row must be a Trade, not Candle"):
            sink.write(candle(1))
        sink.write(TRADES[0])
        exact = attrs.evolve(TRADES[1], amount=Decimal(1))
        with pytest.raises(UsageError, match="^numbers of the sink must be those"):
            sink.write(exact)
    with sink_of(path, Trade) as sink:
        with pytest.raises(UsageError, match="has rows of tBTCUSD, not of tETHUSD$"):
            sink.write(attrs.evolve(TRADES[1], symbol="tETHUSD"))
    sink.close()
    with pytest.raises(ClosedError, match="^<Sink .*> is closed$"):
        sink.write(TRADES[1])
    with sink_of(tmp_path / "exact.csv", Trade, numbers=Decimal) as sink:
        with pytest.raises(UsageError, match="^numbers of the sink must be those"):
            sink.write(TRADES[1])
    with sink_of(tmp_path / "candles.csv", Candle) as sink:
        sink.write(candle(1))
        with pytest.raises(UsageError, match="rows of tBTCUSD 1m, not of tBTCUSD 5m$"):
            sink.write(candle(2, timeframe="5m"))


def test_parquet_needs_its_extra(monkeypatch: Any, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match=r'pip install "bfxsync\[arrow\]"$'):
        open_sink(tmp_path / "rows.parquet", Trade)
    assert list(tmp_path.iterdir()) == []
