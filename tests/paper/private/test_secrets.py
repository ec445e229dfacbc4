"""R15: a whole run with a key, with everything at DEBUG, shows neither secret nor signature."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import bfxsync

from .secret_run import KEY, SECRET

SCRIPT = Path(__file__).parent / "secret_run.py"


def test_r15_a_run_with_a_key_shows_no_secret(tmp_path: Path) -> None:
    signatures = tmp_path / "signatures.json"
    home = str(Path(bfxsync.__file__).parent.parent)
    run = subprocess.run(
        [sys.executable, "-X", "dev", str(SCRIPT), str(signatures)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONPATH": home, "PYTHONASYNCIODEBUG": "1"},
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-3_000:]
    found = json.loads(signatures.read_text())
    assert len(set(found)) > 10
    # It has said a lot, the heads of requests among it.
    assert run.stdout.count("it failed") == 14 and "bfx-nonce" in run.stdout
    assert "socket: " in run.stdout and "apikey: digest invalid" in run.stdout
    assert "threads left: [<_MainThread" in run.stdout
    recording = gzip.decompress(signatures.with_suffix(".jsonl").read_bytes()).decode()
    assert 'event\\":\\"auth' in recording and "on-req" in recording
    for hidden in (SECRET, "sentinel-secret-wrong", *found):
        assert hidden not in run.stdout
        assert hidden not in recording
    assert KEY not in recording
    assert KEY not in run.stdout.replace(f"<account {KEY}>", "").replace(
        f"api_key='{KEY}'", ""
    )
