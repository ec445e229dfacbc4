"""``bfxsync backtest``: what it prints, writes and returns."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any, Callable

import pytest
from command_line import run

from bfxsync.cli import backtest

BEGIN = 1_700_000_000

STRATEGY = """\
import time

client_options = {"max_orders_per_minute": 30}

def main(bfx, amount=0.1, is_wrong=False):
    for sign in (1, -1):
        time.sleep(2)
        note = bfx.rest.auth.submit_order("EXCHANGE MARKET", "tBTCUSD", sign * amount)
        note.raise_for_status()
    if is_wrong:
        raise LookupError("mine")
"""


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five seconds of a book."""
    frames: list[Any] = [
        {"event": "subscribed", "channel": "book", "chanId": 1, "symbol": "tBTCUSD"},
        [1, [[100, 1, 5], [102, 1, -5]]],
        *([1, [90 + n, 1, 1]] for n in range(5)),
    ]
    frames[0].update(prec="P0", freq="F0", len="25")
    path = tmp_path_factory.mktemp("recorded") / "small.jsonl"
    with path.open("w") as file:
        for n, frame in enumerate(frames):
            print(json.dumps({"t": BEGIN + n, "frame": json.dumps(frame)}), file=file)
    return path


@pytest.fixture
def command(tmp_path: Path, recording: Path) -> Callable[[str], tuple[int, str, str]]:
    """``command(options)``: its exit code, output and errors."""
    path = tmp_path / "mine.py"
    path.write_text(STRATEGY)
    start = (
        f"backtest {path} --recording {recording} --balance USD=1000 --balance BTC=1"
    )
    return lambda options="": run(f"{start} {options}")


def test_text_is_the_numbers(command):
    code, output, errors = command("--set amount=1 --every 1")
    assert (code, errors) == (0, "")
    assert output.splitlines() == [
        "time      2023-11-14 22:13:21 to 2023-11-14 22:13:25 UTC",
        "          0 min 04 s, 4 recorded events",
        "equity    1,101.00 to 1,098.60 USD (-2.40, -0.218 %)",
        "drawdown  0.218 %",
        "fills     2, fees 0.40 USD",
        "ended     by the strategy, before the recording",
    ]


def test_json_is_one_line_with_everything(command):
    code, output, _ = command("--json")
    found = json.loads(output)
    assert code == 0 and output.count("\n") == 1
    assert found["summary"]["fills"] == len(found["fills"]) == 2
    assert found["equity"][0] == {
        "mts": 1700000001000,
        "equity": 1101.0,
        "drawdown_ratio": 0.0,
    }


def test_csv_is_the_fills_or_the_curve(command):
    rows = list(csv.DictReader(io.StringIO(command("--csv")[1])))
    assert [row["exec_amount"] for row in rows] == ["0.1", "-0.1"]
    rows = list(csv.DictReader(io.StringIO(command("--csv --equity --every 1")[1])))
    assert [int(row["mts"]) // 1000 - BEGIN for row in rows] == [1, 2, 3, 4, 5]


def test_the_picture_goes_to_a_file(command, tmp_path):
    assert command(f"--plot {tmp_path}/equity.svg")[0] == 0
    assert (tmp_path / "equity.svg").read_text().startswith("<svg")
    code, output, errors = command(f"--plot {tmp_path}/none/equity.svg")
    assert (code, output) == (1, "time" + output[4:])
    assert "cannot write" in errors and errors.count("\n") == 1


def test_an_error_keeps_what_has_happened(command):
    code, output, errors = command("--set is_wrong=True --csv")
    assert code == 1 and output.count("\n") == 3
    assert errors.startswith("Traceback") and ", line 11, in main" in errors
    assert errors.endswith("bfxsync backtest: the strategy raised LookupError\n")


@pytest.mark.parametrize(
    "options, message",
    [
        ("--balance USD", "--balance must look like USD=1000 or margin:USD=1000"),
        ("--balance USD=1", "--balance has USD twice"),
        ("--balance none:USD=1", "no wallet 'none'"),
        ("--balance ETH=-1", "no balance of '-1' ETH"),
        ("--set amount", "a parameter must look like name=value"),
        ("--set none=1", "cannot be called with a client, none"),
        ("--plot equity.png", "--plot must name a file .svg"),
        ("--currency EUR", "currency must be one of the recording"),
        ("--every 0", "every_s must be"),
        ("--step 100", "step_s must be at most 60"),
        ("--equity", "--equity needs --csv"),
        ("--json --csv", "exclude each other"),
    ],
)
def test_impossible_options_are_one_line(command, options, message):
    code, output, errors = command(options)
    assert (code, output) == (2, "")
    assert message in errors and errors.count("\n") == 1


def test_a_missing_file_is_named(command):
    for line, message in (
        ("backtest none.py --recording none", "there is no file 'none.py'"),
        (f"backtest {__file__} --recording none", "path of a recording, not 'none'"),
    ):
        code, _, errors = run(line)
        assert code == 2 and message in errors


def test_a_file_that_is_no_recording_says_so(tmp_path):
    path = tmp_path / "no.jsonl"
    path.write_text("hello")
    code, _, errors = run(f"backtest {__file__} --recording {path}")
    reason = "the file is neither gzipped nor JSON lines"
    assert code == 2
    assert errors == f"bfxsync backtest: cannot read the recording '{path}': {reason}\n"


@pytest.mark.parametrize(
    "text, name", [("1 / 0", "ZeroDivisionError"), ("a(", "SyntaxError")]
)
def test_a_strategy_that_cannot_be_imported_is_code_2(text, name, tmp_path, recording):
    path = tmp_path / "mine.py"
    path.write_text(text)
    code, output, errors = run(f"backtest {path} --recording {recording}")
    assert (code, output) == (2, "")
    assert errors.endswith(f"\nbfxsync backtest: {path} cannot be imported: {name}\n")
    # No line of the library.
    assert f'File "{path}", line 1' in errors and "loading.py" not in errors


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def test_a_terminal_shows_the_curve(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("LINES", "20")
    result = backtest.run_backtest(lambda bfx: None, "public-20210417")
    monkeypatch.setattr("sys.stdout", Terminal())
    text = backtest._shown(result, "text", False)
    assert (
        text.startswith("Equity")
        and "└" in text
        and text.endswith("strategy, before the recording\n")
    )
    monkeypatch.setenv("TERM", "dumb")
    assert backtest._shown(result, "text", False).split("\n\n")[0].isascii()


def test_a_terminal_has_a_bar_that_goes_away():
    stream = Terminal()
    with backtest._Progress(stream) as progress:
        progress.show(0.5)
        progress.show(0.6)
    assert stream.getvalue() == f"\r[{'#' * 15}{'.' * 15}]  50%\r\x1b[K"
