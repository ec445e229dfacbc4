"""examples/embedding/cron: exit codes and the lock."""

from __future__ import annotations

import fcntl
import sqlite3
from pathlib import Path
from typing import Any, Callable

from bfxsync.paper import PaperExchange


def test_each_run_adds_what_is_new_and_one_runs_at_a_time(
    exchange: PaperExchange, start: Callable[..., Any], tmp_path: Path
) -> None:
    path = str(tmp_path / "candles.db")

    def run(**variables: str) -> tuple[int, str]:
        program = start("snapshot.py", path, folder="cron", **variables)
        return program.finish(None), program.output

    def count() -> int:
        with sqlite3.connect(path) as database:
            found = database.execute("SELECT count(*) FROM candle").fetchone()
        return int(found[0])

    assert run() == (0, "")
    first = count()
    assert first >= 50
    assert run() == (0, "") and first <= count() <= first + 1
    with open(f"{path}.lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert run() == (76, "another one is running\n")
    # Nothing listens there: cron tries again in a minute.
    code, output = run(BFX_REST_HOST="http://127.0.0.1:9")
    assert code == 75 and output.startswith("NetworkError: ")
