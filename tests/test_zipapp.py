"""The package inside a zip archive: nothing in it may be looked for beside a file's path."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipapp
from pathlib import Path

import pytest

import bfxsync

pytestmark = pytest.mark.once

PACKAGE = Path(bfxsync.__file__).parent
# Both of the bundled recordings, each played to a client.
PROGRAM = """
import sys

import bfxsync
from bfxsync.paper import PaperExchange

assert bfxsync.__file__.startswith(sys.argv[1]), bfxsync.__file__
captures = ["btcusd-20181112", "public-20210417"]
with PaperExchange(captures=captures, autoplay=False) as exchange:
    with bfxsync.WebSocketClient(exchange.url) as wss:
        for symbol in ("tBTCUSD", "tSNGUSD"):
            trades = wss.subscribe_trades(symbol)
            print(symbol, type(next(trades.events())).__name__)
"""


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A zip application of the package alone; what it depends on is installed here."""
    folder = tmp_path_factory.mktemp("zipapp")
    shutil.copytree(
        PACKAGE, folder / "app/bfxsync", ignore=shutil.ignore_patterns("__pycache__")
    )
    target = folder / "bfxsync.pyz"
    shutil.copy(PACKAGE / "__main__.py", folder / "app")
    zipapp.create_archive(folder / "app", target)
    return target


def run(*arguments: str, archive: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        env={**os.environ, "PYTHONPATH": str(archive)},
        cwd=archive.parent,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_the_local_exchange_plays_its_recordings_from_a_zip(archive: Path) -> None:
    done = run("-c", PROGRAM, str(archive), archive=archive)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "tBTCUSD Snapshot\ntSNGUSD Snapshot\n"


def test_the_demo_runs_as_a_zip_application(archive: Path) -> None:
    done = run(str(archive), "demo", "--plain", "--seconds", "1", archive=archive)
    assert (done.returncode, done.stderr) == (0, "")
    assert "disconnect healed, checksums match." in done.stdout
