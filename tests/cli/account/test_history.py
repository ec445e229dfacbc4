"""Downloads into files, on a local exchange."""

from __future__ import annotations

import csv
import signal
import sqlite3
import subprocess
import sys
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from subprocess import PIPE
from typing import Any

import pytest
from patience import at_most

from bfxsync import Client
from bfxsync.cli.download import download
from bfxsync.joined.timeframes import check_joined_timeframe
from bfxsync.models import Candle
from bfxsync.paper import PaperExchange
from bfxsync.sinks import open_sink

from .conftest import Run

pytestmark = pytest.mark.once

HOUR = timedelta(hours=1)


def times(path: Path) -> list[str]:
    with open(path, newline="") as file:
        return [row["time"] for row in csv.DictReader(file)]


def test_candles_are_downloaded_and_continued(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "candles.csv"
    arguments = ("history", "candles", "tBTCUSD", "--tf", "5m", "--out", str(path))
    first = run(*arguments, "--since", "12h", "--until", "6h")
    assert first.code == 0 and first.err == ""
    assert first.out.startswith(f"{path}: ") and " new rows, the last of " in first.out
    before = times(path)
    second = run(*arguments, "--since", "12h")
    after = times(path)
    assert second.code == 0
    assert after[: len(before)] == before and len(after) > len(before)
    assert after == sorted(set(after))
    # All of them are over, so none will change.
    last = datetime.fromisoformat(after[-1].replace("Z", "+00:00"))
    assert last <= datetime.now(timezone.utc) - timedelta(minutes=5)
    again = run(*arguments, "--since", "12h", "--until", "6h")
    assert again == (0, f"{path}: nothing new\n", "")


def test_trades_are_downloaded_and_continued(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "trades.sqlite"
    arguments = ("history", "trades", "BTC/USD", "--since", "2h", "--out", str(path))
    assert run(*arguments, "--until", "1h").code == 0
    assert run(*arguments).code == 0
    with sqlite3.connect(path) as file:
        count, ids = file.execute(
            "select count(*), count(distinct id) from trade"
        ).fetchone()
    file.close()
    assert count == ids > 20


def test_funding_trades_have_a_table_of_their_own(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "funding.csv"
    ended = run("history", "trades", "fUSD", "--since", "1h", "--out", str(path))
    assert ended.code == 0
    assert "rate" in path.read_text().splitlines()[0]


def test_an_interrupt_keeps_rows_and_repeats_none(
    exchange: PaperExchange, tmp_path: Path
) -> None:
    path = tmp_path / "candles.csv"
    frame = check_joined_timeframe("tf", "1m")
    since = datetime.now(timezone.utc) - 6 * HOUR

    with exchange.client() as bfx:
        with pytest.raises(KeyboardInterrupt):
            with open_sink(path, Candle) as sink:
                rows = InterruptedRows(bfx, after=100)
                download(rows, sink, "tBTCUSD", frame, since)
        stored = times(path)
        assert 90 <= len(stored) <= 100
        with open_sink(path, Candle) as sink:
            download(bfx, sink, "tBTCUSD", frame, since)
            assert sink.skipped_count == 1
        whole = times(path)
        assert whole[: len(stored)] == stored and whole == sorted(set(whole))
        wanted = bfx.rest.public.iter_candles("tBTCUSD", "1m", start=since)
        assert [c.mts for c in wanted][: len(whole)] == [
            round(datetime.fromisoformat(t.replace("Z", "+00:00")).timestamp() * 1000)
            for t in whole
        ]


class InterruptedRows:
    """A client whose histories are interrupted, as by Ctrl-C, after some rows."""

    def __init__(self, bfx: Client, after: int) -> None:
        self._bfx = bfx
        self._after = after

    def __getattr__(self, name: str) -> Any:
        return getattr(self._bfx, name)

    def candles(self, *args: Any, **options: Any) -> Any:
        return Interrupted(self._bfx.candles(*args, **options), self._after)


class Interrupted:
    def __init__(self, history: Any, after: int) -> None:
        self._history = history
        self._after = after

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        self._history.close()

    def __iter__(self) -> Any:
        for count, row in enumerate(self._history):
            if count == self._after:
                raise KeyboardInterrupt
            yield row


def test_an_interrupted_command_says_how_to_go_on(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    path = tmp_path / "candles.csv"
    arguments = ("history", "candles", "tBTCUSD", "--since", "1h", "--out", str(path))
    assert run(*arguments).code == 0
    monkeypatch.setattr("bfxsync.cli.download.download", interrupt)
    ended = run(*arguments)
    assert ended.code == 130 and ended.out == ""
    assert ended.err.endswith("interrupted: the same command goes on from there\n")
    assert run(*arguments, "--follow").code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--since", "soon", "--out", "c.csv"], "Invalid value for '--since': expect"),
        (["--since", "7d"], "Missing option '--out'"),
        (["--since", "7d", "--out", "c.txt"], "path must end in .csv, .parquet"),
        (["--since", "7d", "--out", "c.csv", "--tf", "7m"], "--tf must be one of"),
        (
            ["--since", "7d", "--out", "c.csv", "--follow", "--until", "1d"],
            "--until and --follow exclude each other",
        ),
    ],
)
def test_wrong_arguments_touch_no_file(
    arguments: list[str],
    message: str,
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    ended = run("history", "candles", "tBTCUSD", *arguments)
    assert ended.code == 2 and ended.out == ""
    assert message in ended.err and ended.err.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_a_file_of_another_symbol_is_refused(run: Run, tmp_path: Path) -> None:
    path = str(tmp_path / "candles.csv")
    arguments = ("--since", "2h", "--out", path)
    assert run("history", "candles", "tBTCUSD", *arguments).code == 0
    for other in (["tLTCBTC"], ["tBTCUSD", "--tf", "5m"]):
        ended = run("history", "candles", *other, *arguments)
        assert ended.code == 2 and ended.err.count("\n") == 1
        assert "has rows of tBTCUSD 1m, not of " in ended.err


def test_no_rows_say_that_the_symbol_may_be_wrong(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "none.csv"
    dates = ("--since", "2018-01-01", "--until", "2018-02-01")
    ended = run("history", "candles", "tBTCUSD", *dates, "--out", str(path))
    assert ended.code == 0
    assert ended.out.endswith(
        "nothing was traded then, or the exchange has no tBTCUSD\n"
    )
    refused = run("history", "candles", "tNOPUSD", *dates, "--out", str(path))
    assert refused.code == 3 and refused.err.count("\n") == 1


def test_without_network_the_code_is_4(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BFX_REST_HOST", "http://127.0.0.1:9")
    path = str(tmp_path / "candles.csv")
    ended = run("history", "candles", "tBTCUSD", "--since", "1h", "--out", path)
    assert ended.code == 4
    assert ended.err.count("\n") == 1 and "bfxsync doctor" in ended.err
    # Once, not for each layer.
    assert ended.err.count("Connection refused") == 1


def test_a_candle_that_is_not_over_is_left_for_later(
    exchange: PaperExchange, tmp_path: Path
) -> None:
    since = datetime.now(timezone.utc) - timedelta(minutes=1)
    frame = check_joined_timeframe("tf", "1D")
    with exchange.client() as bfx:
        with open_sink(tmp_path / "candles.csv", Candle) as sink:
            download(bfx, sink, "tBTCUSD", frame, since)
            assert sink.count == 0


@pytest.mark.parametrize("kind", ["candles", "trades"])
def test_a_wrong_symbol_creates_no_file(kind: str, run: Run, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    ended = run("history", kind, "btcusdt", "--since", "1h", "--out", str(path))
    assert ended.code == 2 and "symbol must be" in ended.err
    assert not path.exists()


def test_a_process_is_interrupted_and_continued(
    run: Run, exchange: PaperExchange, tmp_path: Path
) -> None:
    path = tmp_path / "candles.csv"
    arguments = ("history", "candles", "tBTCUSD", "--since", "2025-01-01")
    arguments += ("--until", "2025-01-25", "--out", str(path))
    # With the variables of `run`.
    assert run("history", "--help").code == 0
    command = [sys.executable, "-m", "bfxsync", *arguments]
    process = subprocess.Popen(command, stdout=PIPE, stderr=PIPE, text=True)
    with process:
        try:
            # The first 10,000 rows are flushed at once.
            while not path.exists() or path.stat().st_size < 10_000:
                assert process.poll() is None, process.communicate()
                time.sleep(0.01)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=at_most(30))
        finally:
            process.kill()
    assert (process.returncode, out) == (130, "")
    assert "interrupted: the same command goes on from there" in err
    before = times(path)
    assert before and run(*arguments).code == 0
    after = times(path)
    assert after[: len(before)] == before and after == sorted(set(after))
    assert after[0].startswith("2025-01-01T00:0")
    assert after[-1] == "2025-01-25T00:00:00.000Z" or after[-1] > "2025-01-24T23:50"
