"""
Measure the cost of REST calls, in comparison with requests and the official client.

There is a public and a signed request. The contestants take turns for several rounds, each in a
process of its own, with a TLS server in another; the table shows medians. See README.rst in this
folder.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any, Dict, List, Optional, Sequence

from flood import OFFICIAL, machine, table
from processes import HERE, Failure, make_certificate
from rest_contestants import CONTESTANTS, REQUESTS, TICKER, WALLETS, WARM_UP
from rest_server import TICKER as TICKER_ROW
from rest_server import WALLETS as WALLET_ROWS

SESSION = "requests.Session"

#: Targets of the CPU time per call: the largest ratio to that of a bare session, and the smallest
#: ratio of the official client's to it.
MOST_OF_SESSION = 1.25
LESS_THAN_OFFICIAL = 3.0

#: The module that each contestant imports, and the requirement to install.
NEEDS = {
    "bfxsync": ("bfxsync", "bfxsync[speed]"),
    SESSION: ("requests", "requests"),
    OFFICIAL: ("bfxapi", "bitfinex-api-py==4.0.0"),
}

#: The number from the answer that a contestant must return.
EXPECTED = {TICKER: TICKER_ROW[0], WALLETS: WALLET_ROWS[0][2]}

HEADER = [
    "request",
    "contestant",
    "us/call",
    "x session",
    "x less than official",
    "calls/s",
    "connections",
    "target",
]

Result = Dict[str, Any]


class Server:
    """The process of the server, which serves all runs."""

    def __init__(self, certificate: Path) -> None:
        script = str(HERE / "rest_server.py")
        command = [sys.executable, script, "--certificate", str(certificate)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.host = f"https://127.0.0.1:{self._read()['port']}/v2"

    def counts(self) -> Dict[str, int]:
        """Return the number of requests and connections since the last call."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return self._read()

    def close(self) -> None:
        self._process.communicate()

    def _read(self) -> Dict[str, int]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise Failure("the server has exited")
        return dict(json.loads(line))


def run_once(
    request: str,
    contestant: str,
    server: Server,
    certificate: Path,
    calls: int,
    timeout_s: float,
) -> Result:
    """Run one contestant; return its figures."""
    script = str(HERE / "rest_contestants.py")
    command = [sys.executable, script, contestant, request]
    command += ["--host", server.host, "--ca-bundle", str(certificate)]
    command += ["--calls", str(calls), "--expected", str(EXPECTED[request])]
    command += ["--timeout", str(timeout_s)]
    # No proxies: all contestants connect to the server directly.
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.lower().endswith("_proxy")
    }
    child = subprocess.run(
        command, stdout=subprocess.PIPE, text=True, env=environment, check=False
    )
    if child.returncode != 0:
        raise Failure(f"{contestant} ended with code {child.returncode}")
    result: Result = json.loads(child.stdout)
    counts = server.counts()
    expected = calls + WARM_UP
    if not result.pop("good") == counts["requests"] == expected:
        raise Failure(f"{contestant}: not every one of {expected} calls was answered")
    return {**result, "connections": counts["connections"]}


def run_rounds(
    request: str, options: argparse.Namespace, server: Server, certificate: Path
) -> Dict[str, Result]:
    """Run the contestants in turn; return the medians of each, and all its rounds."""
    contestants = options.contestants
    runs: Dict[str, List[Result]] = {each: [] for each in contestants}
    for turn in range(options.rounds):
        # Each round starts with another one, so that none is always first.
        start = turn % len(contestants)
        for each in (*contestants[start:], *contestants[:start]):
            run = run_once(
                request, each, server, certificate, options.calls, options.timeout
            )
            runs[each].append(run)
    return {
        name: {
            **{key: median(run[key] for run in results) for key in results[0]},
            "rounds": results,
        }
        for name, results in runs.items()
    }


def run_all(
    options: argparse.Namespace, certificate: Path
) -> Dict[str, Dict[str, Result]]:
    """Run every kind of request; return the results of each."""
    server = Server(certificate)
    try:
        return {
            request: run_rounds(request, options, server, certificate)
            for request in options.requests
        }
    finally:
        server.close()


def ratio(results: Dict[str, Result], above: str, below: str) -> Optional[float]:
    """Return the ratio of two contestants' CPU times; None if one did not run."""
    if above not in results or below not in results:
        return None
    value: float = results[above]["us_per_call"] / results[below]["us_per_call"]
    return value


def misses(results: Dict[str, Result]) -> List[str]:
    """Return the missed targets."""
    found = []
    of_session = ratio(results, "bfxsync", SESSION)
    if of_session is not None and of_session > MOST_OF_SESSION:
        found.append(f"more than {MOST_OF_SESSION:g} x session")
    less = ratio(results, OFFICIAL, "bfxsync")
    if less is not None and less < LESS_THAN_OFFICIAL:
        found.append(f"not {LESS_THAN_OFFICIAL:g} x less than official")
    return found


def rows(request: str, results: Dict[str, Result]) -> List[List[str]]:
    verdict = "MISSED: " + ", ".join(misses(results)) if misses(results) else "met"
    return [
        [
            request,
            name,
            f"{result['us_per_call']:.0f}",
            text(ratio(results, name, SESSION)),
            text(ratio(results, OFFICIAL, name)),
            f"{result['calls_per_s']:,.0f}",
            f"{result['connections']:,.0f}",
            verdict if name == "bfxsync" and len(results) > 1 else "",
        ]
        for name, result in results.items()
    ]


def text(value: Optional[float]) -> str:
    return "-" if value is None else f"{value:.2f}"


def parse(arguments: Optional[Sequence[str]] = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.strip().split("\n\n")[0])
    parser.add_argument("--calls", type=int, default=2_000, help="in each run")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--contestants", nargs="+", choices=list(CONTESTANTS))
    parser.add_argument("--requests", nargs="+", choices=REQUESTS, default=REQUESTS)
    parser.add_argument(
        "--timeout", type=float, default=120, help="of a run, in seconds"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures")
    parser.add_argument(
        "--check", action="store_true", help="fail when a target is missed"
    )
    options = parser.parse_args(arguments)
    options.contestants = options.contestants or list(CONTESTANTS)
    for name in options.contestants:
        module, package = NEEDS[name]
        if importlib.util.find_spec(module) is None:
            parser.error(f'{name} needs: pip install "{package}"')
    if shutil.which("openssl") is None:
        parser.error("the server needs the openssl command for its certificate")
    return options


def main() -> int:
    options = parse()
    with tempfile.TemporaryDirectory() as folder:
        try:
            results = run_all(options, make_certificate(Path(folder)))
        except Failure as failure:
            print(f"FAILED: {failure}", file=sys.stderr)
            return 1
    print(machine())
    print(f"command: python {' '.join([Path(sys.argv[0]).name, *sys.argv[1:]])}")
    print(f"medians of {options.rounds} rounds of {options.calls:,} calls\n")
    print(table(HEADER, [row for name in results for row in rows(name, results[name])]))
    if options.json is not None:
        figures = {"machine": machine(), "calls": options.calls, "results": results}
        options.json.write_text(json.dumps(figures, indent=2) + "\n")
    is_missed = any(misses(found) for found in results.values())
    return 1 if options.check and is_missed else 0


if __name__ == "__main__":
    sys.exit(main())
