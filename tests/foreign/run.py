"""
Run programs of other clients against the local exchange, each client unmodified.

Each program runs in the environment of its client and has an exchange of its own. It connects with
the lines that ``bfxsync paper`` prints, checks what it gets, and prints the balances, open orders
and trades that it believes in; these must be those of the exchange. The short program of the same
client in docs/howto/other_clients.rst is run, too, and has to trade.

Usage: python tests/foreign/run.py [--official PYTHON] [--ccxt PYTHON] [--node FOLDER]
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple, Optional

from bfxsync.cli.paper import connect_text
from bfxsync.paper import PaperExchange

FOLDER = Path(__file__).resolve().parent
DOCUMENT = FOLDER.parent.parent / "docs" / "howto" / "other_clients.rst"

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


def run_documented(name: str, interpreter: str) -> Run:
    """Run the program for a client in the documents, which buys something."""
    began = time.monotonic()
    with TemporaryDirectory() as folder, PaperExchange() as exchange:
        path = Path(folder, "program")
        path.write_text(documented(name), "utf-8")
        done = subprocess.run(
            [interpreter, str(path)],
            env={**os.environ, **exchange.environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=TIMEOUT_S,
        )
        bought = sum(trade["amount"] for trade in exchange.account.trades)
    problems = [f"exit code {done.returncode}"] if done.returncode else []
    if abs(bought - 0.1) > 1e-9:
        problems.append(f"it has bought {bought}")
    name = f"{name}, as documented"
    return Run(name, done.stdout, problems, time.monotonic() - began)


def documented(name: str) -> str:
    """Return the program for a client in the documents."""
    pattern = rf"^\.\. code-block:: \w+\n    :name: {name}\n\n((?:    .*\n|\n)+)"
    (code,) = re.findall(pattern, DOCUMENT.read_text("utf-8"), re.MULTILINE)
    return re.sub("^    ", "", code, flags=re.MULTILINE)


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
    commands: dict[str, tuple[str, str]] = {}
    if options.official:
        commands["bitfinex-api-py"] = options.official, "official.py"
    if options.ccxt:
        commands["ccxt"] = options.ccxt, "ccxt_pro.py"
    if options.node:
        commands["bitfinex-api-node"] = "node", "node/program.js"
        os.environ["NODE_PATH"] = str(options.node.resolve() / "node_modules")
    if not commands:
        parser.error("name at least one client")
    with ThreadPoolExecutor(2 * len(commands)) as threads:
        futures = [
            future
            for name, (interpreter, program) in commands.items()
            for future in (
                threads.submit(run, name, [interpreter, str(FOLDER / program)]),
                threads.submit(run_documented, name, interpreter),
            )
        ]
        runs = [future.result() for future in futures]
    for each in runs:
        print(f"-- {each.name}, {each.seconds:.1f} s\n{each.output}")
        for problem in each.problems:
            print(f"failed: {each.name}: {problem}", file=sys.stderr)
    return 1 if any(each.problems for each in runs) else 0


if __name__ == "__main__":
    sys.exit(main())
