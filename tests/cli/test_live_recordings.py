"""``bfxsync record`` and ``bfxsync replay``."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
from pathlib import Path
from typing import Iterator

import pytest
from command_line import run

from bfxsync import replay
from bfxsync.cli.live import recordings
from bfxsync.paper import PaperExchange
from bfxsync.recording.recorder import Recorder


@pytest.fixture(scope="module")
def exchange() -> Iterator[PaperExchange]:
    with PaperExchange(rate=200, ticker_s=0.05) as exchange:
        yield exchange


@pytest.fixture(autouse=True)
def here(exchange: PaperExchange, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in exchange.environment.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="module")
def recording(
    exchange: PaperExchange, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    path = tmp_path_factory.mktemp("recordings") / "run.jsonl.gz"
    with pytest.MonkeyPatch.context() as patch:
        for name, value in exchange.environment.items():
            patch.setenv(name, value)
        channels = " ".join(f"--channel {name}" for name in recordings.CHANNELS)
        ended = run(f"record BTC/USD fUSD {channels} --seconds 0.7 --out {path}")
    assert (ended.code, ended.err) == (0, "")
    first, last = ended.out.splitlines()
    assert first == f"recording 8 channels to {path}; Ctrl-C ends"
    assert re.fullmatch(r"recorded [\d,]+ frames, 0 gaps, [\d,]+ bytes", last)
    return path


def test_what_was_recorded_is_listed(recording: Path) -> None:
    lines = run(f"replay {recording} --info").out.splitlines()
    assert re.fullmatch(
        r"from [-\d]+ [\d:]+ to [-\d]+ [\d:]+ UTC, 0 messages missing", lines[0]
    )
    assert "book tBTCUSD P0 F0 25" in lines and len(lines) == 9
    rows = [
        json.loads(line)
        for line in run(f"replay {recording} --info --json").out.splitlines()
    ]
    assert {row["symbol"] for row in rows} == {"tBTCUSD", "fUSD"}


def test_a_replay_prints_the_same_each_time(recording: Path) -> None:
    first = run(f"replay {recording} --json --every 0")
    assert (first.code, first.err) == (0, "")
    rows = [json.loads(line) for line in first.out.splitlines()]
    assert {row["channel"] for row in rows} == {*recordings.CHANNELS}
    assert first == run(f"replay {recording} --json --every 0")


@pytest.mark.parametrize("spelling", ["BTC/USD", "tBTCUSD", "btcusd"])
def test_a_channel_of_one_symbol_is_chosen(recording: Path, spelling: str) -> None:
    ended = run(f"replay {recording} {spelling} --channel trades --csv")
    header, *rows = ended.out.splitlines()
    assert header == "time,symbol,id,amount,price"
    with replay(recording) as replayed:
        ids = [trade.id for trade in replayed.subscribe_trades("tBTCUSD")]
    assert [int(row.split(",")[2]) for row in rows] == ids


def test_a_book_is_as_it_was_at_each_update(recording: Path) -> None:
    ended = run(
        f"replay {recording} BTC/USD --channel book --json --levels 2 --every 0"
    )
    states = [json.loads(line) for line in ended.out.splitlines()]
    assert len(states) > 10
    for state in states:
        assert state["bids"][0][0] < state["asks"][0][0] < state["asks"][1][0]
    seldom = run(
        f"replay {recording} BTC/USD --channel book --every 0.3"
    ).out.splitlines()
    assert 1 <= len(seldom) <= 5


def test_it_ends_after_some_rows(recording: Path) -> None:
    ended = run(f"replay {recording} --count 3 --speed 100")
    assert ended.code == 0 and len(ended.out.splitlines()) == 3


def test_lines_are_those_of_the_live_commands(recording: Path) -> None:
    out = run(f"replay {recording} fUSD --channel candles --channel ticker").out
    assert re.search(r"^[\d:]+  fUSD:a30:p2:p30 1m  o 0\.000", out, re.MULTILINE)
    assert re.search(r"^[\d:]+  fUSD  0\.000\d+  [+-]", out, re.MULTILINE)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("--csv", "--csv needs one kind of rows"),
        ("tETHUSD", "not in the recording, which has ticker tBTCUSD, "),
        ("BTC/USD ETH/USD", "not in the recording"),
        ("--speed 0", "--speed"),
    ],
)
def test_a_wrong_choice_is_one_line(recording: Path, arguments: str, said: str) -> None:
    ended = run(f"replay {recording} {arguments}")
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err and ended.err.count("\n") == 1


def test_nothing_is_overwritten_but_continued(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    assert run(f"record BTC/USD --channel ticker --out {path} --seconds 0.1").code == 0
    size = path.stat().st_size
    ended = run(f"record BTC/USD --out {path} --seconds 0.1")
    assert ended == (
        2,
        "",
        f"bfxsync record: {path} is not empty: continue it with --append\n",
    )
    assert path.stat().st_size == size
    assert run(f"record BTC/USD --out {path} --seconds 0.1 --append").code == 0
    assert path.stat().st_size > size
    assert run(f"replay {tmp_path / 'none'}").code == 2


def test_an_unknown_symbol_is_not_recorded(tmp_path: Path) -> None:
    ended = run(f"record tBTCUSX --out {tmp_path / 'x-{time}.jsonl'}")
    assert ended.code == 2 and "did you mean 'tBTCUST'" in ended.err


def test_ctrl_c_completes_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run.jsonl"
    check = recordings._check

    def interrupt(errors: list[BaseException]) -> None:
        monkeypatch.setattr(recordings, "_check", check)
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(recordings, "_check", interrupt)
    ended = run(f"record BTC/USD --channel ticker --out {path}")
    assert (ended.code, ended.err) == (0, "") and "\nrecorded " in ended.out
    assert run(f"replay {path} --info").code == 0


def test_a_full_disk_is_an_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write = Recorder._write
    begun: list[object] = []

    def fail(recorder: Recorder, texts: Iterator[str]) -> None:
        if begun:
            raise OSError(28, "No space left on device")
        begun.append(texts)
        write(recorder, texts)

    monkeypatch.setattr(Recorder, "_write", fail)
    ended = run(f"record BTC/USD --out {tmp_path / 'run.jsonl'}")
    assert ended.code == 1
    assert "the recording has failed" in ended.err.splitlines()[-1]


@pytest.mark.once
def test_the_example_for_terminals_runs(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "examples/terminal.sh").read_text("utf-8")
    lines = re.findall(r"^bfxsync (.+)$", text, re.MULTILINE)
    assert len(lines) == 5
    for line in lines:
        recording = str(tmp_path / "run.jsonl.gz")
        ended = run(*shlex.split(line.replace('"$recording"', recording)))
        assert (ended.code, ended.err) == (0, "") and ended.out.count("\n") >= 2
