"""
Measure CPU time and wake-ups of an idle connection, in comparison with a bare socket.

Each contestant subscribes to one book whose market does not move, so only heartbeats arrive. The
contestants run at the same time, each in a process of its own, with a local exchange in another.
See README.rst in this folder.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

from flood import machine, table

HEADER = [
    "contestant",
    "CPU % of a core",
    "CPU ms",
    "wake-ups",
    "frames",
    "target",
]

#: The target, in percent of one core.
MOST_PERCENT = 0.5

SERVER = """
import sys
from bfxsync.paper import PaperExchange
market = {{"captures": ["btcusd-20181112"], "autoplay": False}}
with PaperExchange(**market, heartbeat_s={heartbeat_s}) as exchange:
    print(exchange.url, flush=True)
    sys.stdin.read()
"""

REQUEST = {"event": "subscribe", "channel": "book", "symbol": "tBTCUSD"}


def wait_as_floor(url: str, seconds: float) -> int:
    """Read the socket and ignore the data; return the number of frames."""
    import websocket

    ws = websocket.create_connection(url, timeout=seconds)
    ws.send(json.dumps(REQUEST))
    frames = 0
    deadline = time.monotonic() + seconds
    while True:
        ws.settimeout(max(0.001, deadline - time.monotonic()))
        try:
            ws.recv()
        except websocket.WebSocketTimeoutException:
            return frames
        frames += 1


def wait_as_bfxsync(url: str, seconds: float) -> int:
    from bfxsync import WebSocketClient

    with WebSocketClient(url) as client:
        client.subscribe_book("tBTCUSD")
        time.sleep(seconds)
        return client.frame_count


CONTESTANTS = {"floor": wait_as_floor, "bfxsync": wait_as_bfxsync}


def run_here(name: str, url: str, seconds: float) -> None:
    """Run one contestant, and print its cost; imports are not counted."""
    import websocket  # noqa: F401

    import bfxsync  # noqa: F401

    before = resource.getrusage(resource.RUSAGE_SELF)
    frames = CONTESTANTS[name](url, seconds)
    after = resource.getrusage(resource.RUSAGE_SELF)
    spent = (after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime)
    wakeups = after.ru_nvcsw - before.ru_nvcsw
    print(json.dumps({"cpu_s": spent, "wakeups": wakeups, "frames": frames}))


def measure(seconds: float, heartbeat_s: float) -> Dict[str, Dict[str, Any]]:
    """Run all contestants at the same time, and return the cost of each."""
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER.format(heartbeat_s=heartbeat_s)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout is not None
    try:
        url = server.stdout.readline().strip()
        if not url:
            raise SystemExit('the local exchange needs: pip install "bfxsync[paper]"')
        command = [sys.executable, __file__, "--seconds", str(seconds), "--url", url]
        running = {
            name: subprocess.Popen(
                [*command, "--as", name], stdout=subprocess.PIPE, text=True
            )
            for name in CONTESTANTS
        }
        results = {}
        for name, process in running.items():
            out, _ = process.communicate(timeout=seconds + 30)
            results[name] = dict(json.loads(out))
        return results
    finally:
        server.communicate()


def parse(arguments: Optional[Sequence[str]] = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0].strip())
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument(
        "--heartbeat", type=float, default=15.0, help="interval in seconds"
    )
    parser.add_argument(
        "--check", action="store_true", help="fail when the target is missed"
    )
    parser.add_argument("--url", help=argparse.SUPPRESS)
    parser.add_argument("--as", dest="contestant", help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def main() -> int:
    options = parse()
    if options.contestant is not None:
        run_here(options.contestant, options.url, options.seconds)
        return 0
    results = measure(options.seconds, options.heartbeat)
    rows: List[List[str]] = []
    missed = False
    for name, result in results.items():
        percent = 100 * result["cpu_s"] / options.seconds
        verdict = ""
        if name == "bfxsync":
            missed = percent > MOST_PERCENT
            verdict = f"{'MISSED' if missed else 'met'} (<= {MOST_PERCENT:g})"
        rows.append(
            [
                name,
                f"{percent:.3f}",
                f"{1000 * result['cpu_s']:.1f}",
                str(result["wakeups"]),
                str(result["frames"]),
                verdict,
            ]
        )
    print(machine())
    print(f"command: python {' '.join([Path(sys.argv[0]).name, *sys.argv[1:]])}")
    print(f"{options.seconds:g} s, a heartbeat every {options.heartbeat:g} s\n")
    print(table(HEADER, rows))
    return 1 if options.check and missed else 0


if __name__ == "__main__":
    if not hasattr(os, "fork"):
        sys.exit("this benchmark needs getrusage, which Windows does not have")
    sys.exit(main())
