"""REST calls as a row: over TLS, one after the other, from the arguments to the typed result."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict

from processes import HERE, Arena, Failure, piped
from rest_server import TICKER as TICKER_ROW
from rest_server import WALLETS as WALLET_ROWS

#: The number from the answer that a contestant must return.
EXPECTED = {"ticker": TICKER_ROW[0], "wallets": WALLET_ROWS[0][2]}

#: Calls before the measurement, as in rest_contestants.py.
WARM_UP = 20


class RestServer:
    """The process of the server, which serves all runs."""

    def __init__(self, certificate: Path) -> None:
        script = str(HERE / "rest_server.py")
        command = [sys.executable, script, "--certificate", str(certificate)]
        self._process = piped(command)
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
            raise Failure("the REST server has exited")
        return dict(json.loads(line))


def run_rest(
    arena: Arena, server: RestServer, contestant: str, request: str, calls: int
) -> Dict[str, float]:
    """Run one contestant; return its figures."""
    python, variables = arena.python(contestant)
    name = contestant.partition("@")[0]
    command = [python, str(HERE / "rest_contestants.py"), name, request]
    command += ["--host", server.host, "--ca-bundle", str(arena.certificate)]
    command += ["--calls", str(calls), "--expected", str(EXPECTED[request])]
    child = subprocess.run(
        command, stdout=subprocess.PIPE, text=True, env=variables, timeout=300
    )
    if child.returncode != 0:
        raise Failure(f"{contestant} ended with code {child.returncode}")
    result: Dict[str, Any] = json.loads(child.stdout)
    counts, expected = server.counts(), calls + WARM_UP
    if not result.pop("good") == counts["requests"] == expected:
        raise Failure(f"{contestant}: not every one of {expected} calls was answered")
    return {"CPU µs": result["us_per_call"], "connections": counts["connections"]}
