"""
Measure what a DataFrame of candles costs beyond reading them, and what sinks take per row.

The limit is 2 s for a million candles, in CPU time of the process. Needs the extras ``pandas`` and
``arrow``.
"""

from __future__ import annotations

import argparse
import time
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Callable, Dict, List

import pandas  # noqa: F401  (imported before the measurement)
import pyarrow.parquet  # noqa: F401

from bfxsync.dataframes import arrow_table, dataframe
from bfxsync.models import Candle
from bfxsync.sinks import open_sink

LIMIT_S = 2.0


def candles(count: int, number: Any = float) -> List[Candle]:
    """Return candles, read from rows as a client does."""
    read = Candle.reader(number, "tBTCUSD", "1m")
    price = number("64250.5")
    return [
        read([1_700_000_000_000 + 60_000 * i, price, price, price, price, price])
        for i in range(count)
    ]


def cpu_s(work: Callable[[], object]) -> float:
    """Return the CPU time of a call in seconds."""
    began = time.process_time()
    work()
    return time.process_time() - began


def measure(count: int, rounds: int = 3) -> Dict[str, float]:
    """Return the CPU seconds of each way: the best of some rounds."""
    rows, exact = candles(count), candles(count, Decimal)
    work: Dict[str, Callable[[], object]] = {
        "read from rows": lambda: candles(count),
        "DataFrame": lambda: dataframe(rows),
        "DataFrame of an iterator": lambda: dataframe(iter(rows)),
        "DataFrame with symbol": lambda: dataframe(rows, symbol=True),
        "DataFrame of Decimals": lambda: dataframe(exact),
        "Arrow": lambda: arrow_table(rows),
    }
    found = {
        name: min(cpu_s(call) for _ in range(rounds)) for name, call in work.items()
    }
    for suffix in ("csv", "parquet", "db"):
        with TemporaryDirectory() as folder:
            path = Path(folder) / f"candles.{suffix}"

            def save() -> None:
                with open_sink(path, Candle) as sink:
                    assert sink.write_all(rows) == count

            found[f"sink .{suffix}"] = cpu_s(save)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    count = parser.parse_args().rows
    found = measure(count)
    for name, seconds in found.items():
        print(f"{name:26} {seconds:6.2f} s  {seconds / count * 1e6:6.2f} us per row")
    if count == 1_000_000 and found["DataFrame"] > LIMIT_S:
        raise SystemExit(f"a DataFrame took more than {LIMIT_S} s")


if __name__ == "__main__":
    main()
