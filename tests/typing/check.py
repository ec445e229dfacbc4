"""
What the type checkers say: of the files of this folder, of the package, and of how complete it is.

Run it in an environment with the extra ``dev``: ``python tests/typing/check.py``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
LEAST_SCORE = 0.99


def run(*command: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )


def is_clean(*command: str) -> bool:
    result = run(*command)
    if result.returncode:
        print(result.stdout)
    return result.returncode == 0


def is_complete() -> bool:
    """Tell whether enough of the public interface has a type that no checker has to infer."""
    result = run(
        "pyright",
        "--pythonpath",
        sys.executable,
        "--verifytypes",
        "bfxsync",
        "--ignoreexternal",
        "--outputjson",
    )
    report: dict[str, Any] = json.loads(result.stdout)["typeCompleteness"]
    # The command line is for people: its modules are no interface.
    symbols = [
        symbol
        for symbol in report["symbols"]
        if symbol["isExported"] and not symbol["name"].startswith("bfxsync.cli.")
    ]
    score = sum(symbol["isTypeKnown"] for symbol in symbols) / len(symbols)
    print(f"types of the public interface: {score:.2%} complete")
    if score >= LEAST_SCORE:
        return True
    for symbol in symbols:
        for item in symbol["diagnostics"]:
            print(f"{symbol['name']}: {item['message']}")
    return False


def main() -> int:
    checks = [
        is_clean("mypy", "--strict", "tests/typing"),
        is_clean("pyright", "--pythonpath", sys.executable),
        is_complete(),
    ]
    return 0 if all(checks) else 1


if __name__ == "__main__":
    sys.exit(main())
