"""
Run programs of other clients against the local exchange, each client unmodified.

Each program runs in the environment of its client and has an exchange of its own. It connects with
the lines that ``bfxsync paper`` prints, checks what it gets, and prints the balances, open orders
and trades that it believes in; these must be those of the exchange. See docs/testing.rst.

Usage: python tests/foreign/run.py [--official PYTHON] [--ccxt PYTHON] [--node FOLDER]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, Optional

from bfxsync.cli.paper import connect_text
from bfxsync.paper import PaperExchange

FOLDER = Path(__file__).resolve().parent

TIMEOUT_S = 240.0
"""Only for programs that would not end."""

_BELIEFS = "beliefs: "


class Run(NamedTuple):
    """What a program printed, and what is wrong; nothing if it succeeded."""

    name: str
    output: str
    problems: list[str]
    seconds: float


def run(name: str, command: list[str]) -> Run:
    """Run a program, and compare what it believes with its exchange."""
    began = time.monotonic()
    # Busy enough that a few seconds show everything.
    with PaperExchange(
        rate=20, checksum_s=0.3, ticker_s=0.3, liquidation_s=0.5, heartbeat_s=1
    ) as exchange:
        environment = {
            **os.environ,
            "FOREIGN_CONNECT": connect_text(exchange),
            "FOREIGN_WSS_HOST": exchange.url,
            "FOREIGN_REST_HOST": exchange.rest_url,
            "FOREIGN_KEY": exchange.account.api_key,
            "FOREIGN_SECRET": exchange.account.api_secret,
        }
        try:
            done = subprocess.run(
                command,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=TIMEOUT_S,
            )
        except subprocess.TimeoutExpired as exc:
            output = (exc.stdout or b"").decode("utf-8", "replace")
            problems = [f"it had not ended after {TIMEOUT_S:.0f} s"]
        else:
            output = done.stdout
            problems = [f"exit code {done.returncode}"] if done.returncode else []
            problems += differences(beliefs_in(output), exchange.account.state())
    return Run(name, output, problems, time.monotonic() - began)


def beliefs_in(output: str) -> Optional[dict[str, Any]]:
    """Return what a program printed about its account at the end, None if nothing."""
    lines = [line for line in output.splitlines() if line.startswith(_BELIEFS)]
    return json.loads(lines[-1][len(_BELIEFS) :]) if lines else None


def differences(beliefs: Optional[dict[str, Any]], state: dict[str, Any]) -> list[str]:
    """Return what a program believes wrongly about its account."""
    if beliefs is None:
        return ["it has not come to its end"]
    wrong = []
    for kind, currency, balance in beliefs["wallets"]:
        actual = state["balances"].get(kind, {}).get(currency)
        if actual is None or abs(actual - balance) > 1e-8:
            wrong.append(f"{kind} {currency}: {balance} instead of {actual}")
    if not beliefs["wallets"] or not beliefs["trades"]:
        wrong.append("it knows no wallets or no trades")
    for name in ("orders", "trades"):
        actual = sorted({record["id"] for record in state[name]})
        if sorted(beliefs[name]) != actual:
            wrong.append(f"{name}: {beliefs[name]} instead of {actual}")
    return wrong


def main() -> int:
    """Run the programs side by side; return the exit status."""
    parser = argparse.ArgumentParser(
        description="run other clients on the local exchange"
    )
    parser.add_argument("--official", help="a Python with bitfinex-api-py")
    parser.add_argument("--ccxt", help="a Python with ccxt")
    parser.add_argument(
        "--node", type=Path, help="a folder with bitfinex-api-node installed"
    )
    options = parser.parse_args()
    commands = {}
    if options.official:
        commands["bitfinex-api-py"] = [options.official, str(FOLDER / "official.py")]
    if options.ccxt:
        commands["ccxt"] = [options.ccxt, str(FOLDER / "ccxt_pro.py")]
    if options.node:
        program = FOLDER / "node" / "program.js"
        commands["bitfinex-api-node"] = ["node", str(program)]
        os.environ["NODE_PATH"] = str(options.node.resolve() / "node_modules")
    if not commands:
        parser.error("name at least one client")
    with ThreadPoolExecutor(len(commands)) as threads:
        runs = list(threads.map(lambda item: run(*item), commands.items()))
    for each in runs:
        print(f"-- {each.name}, {each.seconds:.1f} s\n{each.output}")
        for problem in each.problems:
            print(f"failed: {each.name}: {problem}", file=sys.stderr)
    return 1 if any(each.problems for each in runs) else 0


if __name__ == "__main__":
    sys.exit(main())
