"""The benchmark of relayed frames runs, and loses none."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from patience import at_most

pytestmark = pytest.mark.once
PROGRAM = Path(__file__).parents[2] / "benchmarks" / "relay.py"


@pytest.mark.skipif(shutil.which("redis-server") is None, reason="no redis-server")
def test_every_relayed_frame_is_counted():
    pytest.importorskip("resource", reason="the benchmarks are for Unix")
    options = ["--seconds", "0.5", "--paces", "200", "--consumers", "2"]
    output = subprocess.run(
        [sys.executable, str(PROGRAM), *options],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=at_most(120.0),
    ).stdout
    _, header, row = output.splitlines()
    cells = dict(zip(header.split("  "), row.split()))
    assert cells["consumers"] == "2" and cells["lost"] == cells["gaps"] == "0"
