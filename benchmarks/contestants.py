"""
One contestant in a process of its own: subscribe, take one flood, print its cost.

It prints ``ready`` when everything is subscribed and the flood may start, and one JSON line at the
end. CPU time is that of the whole process with all its threads, user and system, from ``ready`` to
the last update.
"""

from __future__ import annotations

import argparse
import faulthandler
import importlib
import json
import time
from functools import partial
from statistics import median
from typing import Callable, Dict, Optional

from counting import Run
from floor import run_floor
from ours import run_bfxsync, run_decimal, run_json, run_recording
from peers import (
    run_ccxt,
    run_cryptofeed,
    run_official,
    run_websocket_client,
    run_websockets,
)
from traffic import FLOODS

CONTESTANTS: Dict[str, Callable[[Run, str, Optional[str]], None]] = {
    "floor-callback": run_floor,
    "floor-callback-json": partial(run_floor, name="json"),
    "floor-callback-decimal": partial(run_floor, name="decimal"),
    "bfxsync": run_bfxsync,
    "bfxsync-0": partial(run_bfxsync, dispatch_threads=0),
    "bfxsync-2": partial(run_bfxsync, dispatch_threads=2),
    "bfxsync-2-blocked": partial(run_bfxsync, dispatch_threads=2, blocked=True),
    "bfxsync-gc": partial(run_bfxsync, tunes_gc=True),
    "bfxsync-latest": partial(run_bfxsync, policy="latest"),
    "bfxsync-json": run_json,
    "bfxsync-decimal": run_decimal,
    "bfxsync-record": run_recording,
    "bitfinex-api-py": run_official,
    "ccxt": run_ccxt,
    "cryptofeed": run_cryptofeed,
    "websockets": run_websockets,
    "websocket-client": run_websocket_client,
}

#: What is imported before the clock starts, where only the connection is measured.
MODULES = {
    "bfxsync": "bfxsync.ws.client",
    "bitfinex-api-py": "bfxapi",
    "websockets": "websockets.asyncio.client",
    "websocket-client": "websocket",
}

#: Connections of a process to the first update.
CONNECTS = 6


def connect(name: str, url: str, ca_bundle: Optional[str], flood: str) -> None:
    """Print the times from making a client to its first update, in ms."""
    importlib.import_module(MODULES.get(name, "orjson"))
    times = []
    for _ in range(CONNECTS):
        run = Run(flood, 0, "connect", 20)
        run.start = lambda: None  # type: ignore[method-assign]
        started = time.monotonic()
        CONTESTANTS[name](run, url, ca_bundle)
        assert run.first_at is not None, "no update came"
        times.append((run.first_at - started) * 1000)
    print("ready", flush=True)
    first, *others = times
    print(json.dumps({"first_ms": first, "later_ms": median(others)}), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.strip().split("\n\n")[0])
    parser.add_argument("contestant", choices=list(CONTESTANTS))
    parser.add_argument("--url", required=True)
    parser.add_argument("--flood", choices=list(FLOODS), required=True)
    parser.add_argument("--frames", type=int, required=True)
    parser.add_argument("--mode", default="flood")
    parser.add_argument("--ca-bundle")
    parser.add_argument("--timeout", type=float, required=True)
    options = parser.parse_args()
    # If a contestant hangs, print where and exit.
    faulthandler.dump_traceback_later(options.timeout + 20, exit=True)
    if options.mode == "connect":
        connect(options.contestant, options.url, options.ca_bundle, options.flood)
        return
    run = Run(options.flood, options.frames, options.mode, options.timeout)
    CONTESTANTS[options.contestant](run, options.url, options.ca_bundle)
    run.report()


if __name__ == "__main__":
    main()
