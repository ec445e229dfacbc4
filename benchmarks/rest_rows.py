"""REST calls as a row: over TLS, one after the other, from the arguments to the typed result."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Dict

from processes import HERE, Arena, Failure, ServerProcess, result_of
from rest_server import TICKER as TICKER_ROW
from rest_server import WALLETS as WALLET_ROWS

#: The number from the answer that a contestant must return.
EXPECTED = {"ticker": TICKER_ROW[0], "wallets": WALLET_ROWS[0][2]}

#: Calls before the measurement, as in rest_contestants.py.
WARM_UP = 20


def start_rest_server(certificate: Path) -> ServerProcess:
    """Start the server, which serves all runs."""
    script = str(HERE / "rest_server.py")
    return ServerProcess([sys.executable, script, "--certificate", str(certificate)])


def run_rest(
    arena: Arena, server: ServerProcess, contestant: str, request: str, calls: int
) -> Dict[str, float]:
    """Run one contestant; return its figures."""
    python, variables = arena.python(contestant)
    name = contestant.partition("@")[0]
    command = [python, str(HERE / "rest_contestants.py"), name, request]
    host = f"https://127.0.0.1:{server.address['port']}/v2"
    command += ["--host", host, "--ca-bundle", str(arena.certificate)]
    command += ["--calls", str(calls), "--expected", str(EXPECTED[request])]
    result = result_of(contestant, command, variables)
    counts, expected = server.counts(), calls + WARM_UP
    if not result.pop("good") == counts["requests"] == expected:
        raise Failure(f"{contestant}: not every one of {expected} calls was answered")
    return {"CPU µs": result["us_per_call"], "connections": counts["connections"]}
