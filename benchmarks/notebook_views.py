"""
Measure what live views cost a kernel: the CPU time of the process, with its connection.

The kernel is driven as by a front end. The local exchange runs in another process. The limit for a
board of ten symbols is 5 % of a core. Needs the extras ``notebook`` and ``paper``.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import Dict, Sequence

from processes import HERE, Failure, ServerProcess

LIMIT_RATIO = 0.05

SYMBOLS = (
    "tBTCUSD tETHUSD tLTCUSD tLTCBTC tETHBTC tUSTUSD tBTCUST tXRPUSD tBTCF0:USTF0 tETHF0:USTF0"
).split()

_SETUP = """
import time
import bfxsync
from bfxsync.notebook import board
bfx = bfxsync.Client(rest_host={rest!r}, wss_host={ws!r})
bfx.wss.start()
"""

BOARD = "a board of ten symbols"

#: Run one after the other, each in a kernel of its own.
VIEWS = {
    "nothing": "",
    "tickers of ten symbols, without a view": (
        f"tickers = [bfx.wss.subscribe_ticker(each, id) for each in {SYMBOLS}]"
    ),
    BOARD: f"board(bfx, *{SYMBOLS})",
    "candles": "bfx.wss.subscribe_candles('tBTCUSD', '1m').show()",
    "a book of 25 levels": "bfx.wss.subscribe_book('tBTCUSD').show()",
}


def serve() -> None:
    """Run an exchange until the end of the input."""
    from bfxsync.paper import PaperExchange

    with PaperExchange() as exchange:
        print(json.dumps({"ws": exchange.url, "rest": exchange.rest_url}), flush=True)
        sys.stdin.read()


class Kernel:
    """A kernel, and the messages that a front end would show."""

    def __init__(self) -> None:
        from jupyter_client.manager import start_new_kernel

        self._manager, self._client = start_new_kernel()
        self.updates = 0

    def run(self, code: str) -> str:
        """Run a cell, and return what it has printed."""
        asked, printed = self._client.execute(code), ""
        while True:
            message = self._client.get_iopub_msg(timeout=60)
            kind, content = message["msg_type"], message["content"]
            # Of any cell: updates belong to that of the view.
            self.updates += kind == "update_display_data"
            if kind == "error":
                raise Failure("\n".join(content["traceback"]))
            if message["parent_header"].get("msg_id") != asked:
                continue
            if kind == "stream":
                printed += content["text"]
            if kind == "status" and content["execution_state"] == "idle":
                return printed

    def cpu_s(self) -> float:
        """Return the CPU time of the kernel so far."""
        return float(self.run("print(time.process_time())"))

    def close(self) -> None:
        self._client.stop_channels()
        self._manager.shutdown_kernel(now=True)


def measure(address: Dict[str, str], code: str, seconds: float) -> tuple[float, float]:
    """Return the part of a core that a view takes, and its updates per second."""
    kernel = Kernel()
    try:
        kernel.run(_SETUP.format(**address))
        kernel.run(code)
        # What it takes to begin is not counted.
        kernel.run("time.sleep(3)")
        kernel.updates, before, began = 0, kernel.cpu_s(), time.monotonic()
        kernel.run(f"time.sleep({seconds})")
        cpu_s, passed = kernel.cpu_s() - before, time.monotonic() - began
        kernel.run("bfx.close()")
        return cpu_s / passed, kernel.updates / passed
    finally:
        kernel.close()


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a row for each view; return the exit status."""
    parser = argparse.ArgumentParser(description="the cost of live views")
    parser.add_argument("--seconds", type=float, default=20.0, help="20 by default")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.serve:
        serve()
        return 0
    exchange = ServerProcess(
        [sys.executable, str(HERE / "notebook_views.py"), "--serve"]
    )
    found = {}
    try:
        for name, code in VIEWS.items():
            ratio, rate = found[name] = measure(exchange.address, code, options.seconds)
            print(f"{name:40} {ratio:6.1%} of a core  {rate:4.1f} updates/s")
    finally:
        exchange.close()
    if found[BOARD][0] > LIMIT_RATIO:
        print(f"{BOARD} took more than {LIMIT_RATIO:.0%}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
