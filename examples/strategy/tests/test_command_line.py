"""The program as it is started by a trader."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from market_maker.__main__ import main, parser
from market_maker.quotes import Settings


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_it_trades_on_paper_until_it_is_stopped(name):
    command = [sys.executable, "-m", "market_maker", "tBTCUSD", "--paper"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
        for line in program.stdout:
            if " place " in line:
                program.send_signal(getattr(signal, name))
                break
        rest = program.stdout.read().splitlines()
    assert program.returncode == 0
    assert [line for line in rest if line.startswith("position +0")][0].endswith(
        "open orders: 0"
    )


def test_settings_have_their_defaults():
    options = vars(parser().parse_args(["tETHUSD", "--live"]))
    del options["paper"], options["live"]
    assert Settings(**options) == Settings("tETHUSD")


@pytest.mark.parametrize(
    "arguments",
    [
        ["tBTCUSD"],
        ["tBTCUSD", "--paper", "--live"],
        ["tBTCUSD", "--paper", "--size=-1"],
    ],
    ids=["neither paper nor live", "both", "negative"],
)
def test_wrong_arguments_are_refused(arguments, capsys):
    with pytest.raises(SystemExit):
        main(arguments)
    assert "usage: market_maker" in capsys.readouterr().err


def test_unknown_pair_is_an_error(capsys):
    assert main(["tBTCXYZ", "--paper"]) == 1
    assert "no symbol 'tBTCXYZ'" in capsys.readouterr().err
